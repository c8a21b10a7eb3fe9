"""Whether members are told from controls: by numbers where those are exposed, by what is said else."""

from __future__ import annotations

from random import Random

import pytest
from audited import audited
from small_server import small_server

from privet.audit.endpoint.given import Passage

_WORDS = [
    "the", "old", "mill", "near", "quiet", "square", "where", "every", "baker", "carried", "forty", "lanterns", "over", "bridges",
    "measured", "small", "maps", "beside", "harbours", "while", "pilots", "counted", "bells",
]  # fmt: skip


def text(number: int, words: int = 24) -> str:
    return " ".join(Random(number).choices(_WORDS, k=words))


PASSAGES = [Passage(text(number), number % 2 == 0) for number in range(100)]
MEMBERS = frozenset(passage.text for passage in PASSAGES if passage.member)


@pytest.mark.parametrize(
    ("feature", "told"),
    [
        ("recites", "the longest run of words"),
        ("recites-chat", "the longest run of words"),
        ("echo-logprobs", "loss (echo)"),
        ("chat-logprobs", "loss (bare chat of the whole)"),
    ],
)
def test_members_that_can_be_told_are_a_leak(feature: str, told: str) -> None:
    with small_server(feature, members=MEMBERS) as url:
        outcome = audited("membership", url, passages=PASSAGES)
    assert outcome.verdict == "fail"
    assert any(told in seen for seen in outcome.seen), outcome.seen
    assert 0 < outcome.hits <= outcome.samples


def test_where_nothing_is_exposed_what_is_said_is_judged() -> None:
    with small_server(members=MEMBERS) as url:
        outcome = audited("membership", url, passages=PASSAGES)
    assert (outcome.verdict, outcome.hits) == ("pass", 0)
    assert "how likely a prompt is, is not exposed" in outcome.notes


@pytest.mark.parametrize("seed", range(5))
def test_numbers_that_tell_nothing_are_no_leak(seed: int) -> None:
    with small_server("even-logprobs", members=MEMBERS) as url:
        outcome = audited("membership", url, passages=PASSAGES, seed=seed)
    assert outcome.verdict in ("pass", "underpowered")
    assert outcome.hits == 0


def test_few_texts_are_underpowered_and_it_says_how_many_are_needed() -> None:
    with small_server("even-logprobs", members=MEMBERS) as url:
        outcome = audited("membership", url, passages=PASSAGES[:12])
    assert outcome.verdict == "underpowered"
    assert "give at least 46 of each kind" in outcome.says


def test_texts_that_differ_by_themselves_show_nothing() -> None:
    # Members are long and controls short: what is less likely for its length is no sign of training.
    passages = [Passage(text(number, 40 if number % 2 else 8), bool(number % 2)) for number in range(80)]
    with small_server("length-logprobs") as url:
        outcome = audited("membership", url, passages=passages)
    assert outcome.verdict == "underpowered"
    assert any("differ without any model" in note for note in outcome.notes)


def test_without_the_file_it_says_what_is_missing() -> None:
    with small_server() as url:
        missing = audited("membership", url)
        one_kind = audited("membership", url, passages=[each for each in PASSAGES if each.member])
    assert missing.verdict == "not-tested"
    assert "--membership" in missing.says
    assert one_kind.verdict == "underpowered"


def test_the_same_seed_gives_the_same_evidence() -> None:
    outcomes = []
    for _ in range(2):
        with small_server("chat-logprobs", members=MEMBERS) as url:
            outcomes.append(audited("membership", url, passages=PASSAGES, seed=4))
    assert outcomes[0] == outcomes[1]
