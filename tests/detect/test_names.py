"""The names tier: easy sentences, exactness, bounded memory, and that it never breaks."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from privet.detect.engine import Detector
from privet.detect.names import KINDS_OF_NAMES, NamesTier, load, network
from privet.detect.rule import NAMES_CONTEXT_CHARS
from privet.detect.words import CASES, TOKEN
from privet.errors import Unprotected
from privet.policy import DEFAULT
from privet.records import NAMES_KINDS

TIER = NamesTier(DEFAULT.detect)
WORDS = [
    "Anna",
    "Müller",
    "said",
    "in",
    "Berlin",
    ",",
    ".",
    "\n",
    "and",
    "the",
    "1984",
    "@",
    "x",
    "von",
    "[PERSON]",
    "€",
    "'s",
]
texts = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=40).map(" ".join)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Yesterday Angela Merkel met the press in Berlin.", "Angela Merkel"),
        ("Der Trainer Thomas Schneider sprach nach dem Spiel.", "Thomas Schneider"),
        ("El presidente Carlos Menéndez viajó a Madrid.", "Carlos Menéndez"),
        ("Selon Jean-Pierre Dubois, la situation est grave.", "Jean-Pierre Dubois"),
        ("Il ministro Giovanni Bianchi ha parlato a Roma.", "Giovanni Bianchi"),
        ("Volgens minister Pieter de Vries is dat onmogelijk.", "Pieter de Vries"),
        ("Premier Jan Kowalski przyjechał do Warszawy.", "Jan Kowalski"),
        ("A ministra Maria Oliveira visitou Lisboa.", "Maria Oliveira"),
    ],
)
def test_people_are_found_in_eight_languages(text: str, name: str) -> None:
    found = [text[span.start : span.end] for span in TIER.candidates(text, 0, len(text)) if span.kind == "PERSON"]
    assert found == [name]


def test_places_and_organisations_have_their_kind() -> None:
    text = "She moved to Paris and works for Microsoft."
    found = {span.kind: text[span.start : span.end] for span in TIER.candidates(text, 0, len(text))}
    assert found["LOCATION"] == "Paris"
    assert found["ORGANIZATION"] == "Microsoft"


def test_what_redaction_wrote_is_not_found() -> None:
    text = "Yesterday [PERSON] met [PERSON_2] at [LOCATION]."
    assert not [span for span in TIER.candidates(text, 0, len(text)) if "[" in text[span.start : span.end]]


def test_every_kind_of_the_tier_is_one_of_the_engine() -> None:
    assert {kind.name for kind in KINDS_OF_NAMES} == NAMES_KINDS
    assert {len(kind.leans) for kind in KINDS_OF_NAMES} == {len(CASES)}


def test_policy_narrows_kinds_and_scores() -> None:
    text = "Yesterday Angela Merkel met Emmanuel Macron in Berlin."
    persons = NamesTier(replace(DEFAULT.detect, kinds=frozenset({"PERSON"})))
    assert {span.kind for span in persons.candidates(text, 0, len(text))} == {"PERSON"}
    certain = NamesTier(replace(DEFAULT.detect, min_score=0.84))
    assert all(span.score >= 0.84 for span in certain.candidates(text, 0, len(text)))


@settings(max_examples=150, deadline=None)
@given(texts)
def test_never_breaks_and_offsets_are_in_the_text(text: str) -> None:
    for span in TIER.candidates(text, 0, len(text)):
        assert 0 <= span.start < span.end <= len(text)
        assert 0.4 <= span.score <= 1


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, max_size=8))
def test_many_at_once_are_as_each_alone(many: list[str]) -> None:
    assert TIER.candidates_of(many) == [TIER.candidates(text, 0, len(text)) for text in many]


@settings(max_examples=100, deadline=None)
@given(texts, st.data())
def test_a_window_sees_what_the_whole_text_has(text: str, data: st.DataObject) -> None:
    text = "Anna Müller said . " * 70 + text + " and Berlin" * 100
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    left = max(0, start - NAMES_CONTEXT_CHARS)
    whole = TIER.candidates(text, 0, len(text))
    assume(not any(span.start < place < span.end for span in whole for place in (start, end)))
    whole = [span for span in whole if span.start >= start and span.end <= end]
    window = TIER.candidates(text[left : end + NAMES_CONTEXT_CHARS], start - left, end - left)
    assert [span._replace(start=span.start + left, end=span.end + left) for span in window] == whole


@pytest.mark.parametrize("gap", [" ", " " * 70, "\n", " " + "q" * 70 + " "])
def test_pieces_of_a_long_text_join_without_a_seam(monkeypatch: pytest.MonkeyPatch, gap: str) -> None:
    text = gap.join(["Yesterday", "Anna", "Müller", "met", "Jan", "van", "der", "Berg", "in", "New", "York", "."] * 60)
    whole = TIER.candidates(text, 0, len(text))
    from privet.detect import names

    for size in (7, 64, 333, 1000):
        monkeypatch.setattr(names, "PIECE_CHARS", size)
        assert TIER.candidates(text, 0, len(text)) == whole
        first, last = whole[2].start, whole[-3].end
        assert TIER.candidates(text, first, last) == whole[2:-2]


def test_blocks_join_without_a_seam() -> None:
    words = [match[0] for match in TOKEN.finditer("Yesterday Anna Müller met the old mayor of Berlin . " * 300)]
    logits, _ = network().logits(words)
    some, _ = network().logits(words[700:900])
    reach = network().reach_words
    assert np.array_equal(logits[700 + reach : 900 - reach], some[reach:-reach])


def test_sums_are_exact_in_single_precision() -> None:
    assert 3 * network().width * 127 * 127 < 2**24


def test_forgetting_words_changes_nothing() -> None:
    fresh = load(Path(__file__).parents[2] / "src/privet/detect/names.npz")
    words = ["Yesterday", "Anna", "Müller", "met", "Tom"]
    before, _ = fresh.logits(words)
    for start in range(0, 40_000, 4_000):
        fresh.logits([f"w{chr(97 + at % 26)}{at}" for at in range(start, start + 4_000)])
    after, _ = fresh.logits(words)
    assert np.array_equal(before, after)


def test_threads_may_share_it() -> None:
    fresh = load(Path(__file__).parents[2] / "src/privet/detect/names.npz")
    words = [match[0] for match in TOKEN.finditer("Yesterday Anna Müller met the old mayor of Berlin .")]
    expected, _ = network().logits(words)
    wrong: list[int] = []

    def work(seed: int) -> None:
        for at in range(30):
            fresh.logits([f"n{seed}x{at}y{number}" for number in range(700)])
            if not np.array_equal(fresh.logits(words)[0], expected):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_broken_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "names.npz"
    broken.write_bytes(content)
    with pytest.raises(Unprotected, match="install privet again"):
        load(broken)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unprotected):
        load(tmp_path / "names.npz")


def test_hostile_text_takes_linear_steps() -> None:
    for text in ("\x00" * 5000, "\ud800 " * 2000, "a" * 100_000, " " * 100_000, "(" * 5000, "\u202e" * 3000):
        assert isinstance(Detector().find(text), tuple)
