"""Short words in capitals that an ampersand joins."""

from __future__ import annotations

import pytest

from privet.detect.ampersands import joined
from privet.detect.engine import Detector
from privet.detect.segments import SpanStream


@pytest.mark.parametrize(
    ("text", "part", "expected"),
    [
        ("the AT&T store", "T", "AT&T"),
        ("the V&A Museum", "A Museum", "V&A Museum"),
        ("our R&D team", "D", ""),
        ("our R&D", "R&D", ""),
        ("many Q&As here", "As", ""),
        ("of SG&A costs", "SG", ""),
        ("R&D, Bosch GmbH", "R&D, Bosch GmbH", "R&D, Bosch GmbH"),
        ("Maria Lopez", "Lopez", "Lopez"),
        ("Ben&Jerry", "Jerry", "Jerry"),
        ("x?a=R&D=Lopez", "Lopez", "Lopez"),
        ("the R&D&X label", "D", "R&D&X"),
        ("a_R&D", "D", "D"),
        ("LONG&WORDS", "WORDS", "WORDS"),
    ],
)
def test_a_span_has_all_of_the_word_or_nothing(text: str, part: str, expected: str) -> None:
    start = text.rindex(part) if text.count(part) > 1 else text.index(part)
    first, last = joined(text, start, start + len(part))
    assert text[first:last] == expected


def test_no_half_of_such_a_word_is_found() -> None:
    detector = Detector(tier="names")
    text = "Our R&D team left the AT&T office in Dallas, and Q&A followed."
    assert [text[span.start : span.end] for span in detector.find(text)] == ["AT&T", "Dallas"]


def test_a_stream_finds_the_same() -> None:
    detector = Detector(tier="names")
    text = "Our R&D team met AT&T in Dallas, and Q&A followed with Jane Miller of the V&A Museum. " * 3
    for size in (1, 7):
        stream = SpanStream(detector)
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        segments = [found for piece in pieces for found in stream.feed(piece)] + stream.close()
        spans, at = [], 0
        for part, found in segments:
            spans += [(span.start + at, span.end + at, span.kind) for span in found]
            at += len(part)
        assert spans == [(span.start, span.end, span.kind) for span in detector.find(text)]
