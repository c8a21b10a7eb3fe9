"""Fuzz target for detection: never a crash, spans in order, readings mapped back, streams equal to the whole text, redaction stable.

With atheris: `python fuzz/fuzz_detect.py -max_total_time=60`. The tests drive the same function with hypothesis.
"""

from __future__ import annotations

import sys

from privet.detect.engine import Detector
from privet.detect.readings import opened, read
from privet.detect.segments import SpanStream
from privet.redact import redact

DETECTOR = Detector(tier="patterns")


class Broken(Exception):
    """A promise of the engine does not hold for this input."""


def check_readings(text: str) -> None:
    """Check that readings and base64 runs stand in the text, in order."""
    reading, place = read(text), 0
    for first in range(len(reading.text)):
        start, end = reading.span(first, first + 1)
        if not place <= start <= end <= len(text):
            raise Broken("a reading is not in the order of the text")
        place = end
    if any(not 0 <= run.start < run.end <= len(text) for run in opened(text)):
        raise Broken("a base64 run out of the text")


def check(data: bytes) -> None:
    """Check every promise on one input; the first byte chooses the size of the chunks."""
    size = 1 + data[0] % 16 if data else 1
    text = data[1:].decode("utf-8", "surrogateescape")
    spans = DETECTOR.find(text)
    last = 0
    for span in spans:
        if not last <= span.start < span.end <= len(text):
            raise Broken("spans out of order or out of the text")
        last = span.end
    check_readings(text)
    stream = SpanStream(DETECTOR)
    segments = [segment for place in range(0, len(text), size) for segment in stream.feed(text[place : place + size])]
    segments += stream.close()
    if "".join(piece for piece, _ in segments) != text:
        raise Broken("a stream lost or changed text")
    if len(text) < SpanStream.hold_back_chars:
        place, found = 0, []
        for piece, inside in segments:
            found += [span._replace(start=span.start + place, end=span.end + place) for span in inside]
            place += len(piece)
        if tuple(found) != spans:
            raise Broken("a stream found other spans than the whole text")
    if redact(redact(text)) != redact(text):
        raise Broken("redaction is not stable")


def main() -> None:
    """Run atheris on `check`."""
    import atheris  # type: ignore[import-untyped]

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
