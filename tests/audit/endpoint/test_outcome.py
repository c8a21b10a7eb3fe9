from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.endpoint.outcome import MAX_RATE, Tally, interval, verdict_of


def sampled(samples: int, *, hits: int = 0, facts: bool = False) -> Tally:
    tally = Tally(sampled=not facts)
    for number in range(samples):
        tally.sample(*(["leak"] if number < hits else []), fix="fix")
    return tally


@pytest.mark.parametrize(
    ("tally", "verdict"),
    [
        (sampled(36), "pass"), (sampled(35), "underpowered"), (sampled(0), "not-tested"), (sampled(100, hits=1), "fail"),
        (sampled(1, hits=1), "fail"), (sampled(1, facts=True), "pass"), (sampled(0, facts=True), "not-tested"),
        (sampled(3, hits=1, facts=True), "fail"),
    ],
)  # fmt: skip
def test_the_verdict_follows_from_what_was_counted(tally: Tally, verdict: str) -> None:
    assert verdict_of(tally) == verdict


def test_a_weak_detector_needs_more_samples() -> None:
    tally = sampled(40)
    assert verdict_of(tally) == "pass"
    tally.recall = 0.5
    assert verdict_of(tally) == "underpowered"


def test_what_was_not_answered_is_not_passed() -> None:
    tally = sampled(20, facts=True)
    tally.unanswered = 2
    assert verdict_of(tally) == "pass"
    tally.unanswered = 3
    assert verdict_of(tally) == "underpowered"
    empty = Tally(sampled=False, unanswered=1)
    assert verdict_of(empty) == "underpowered"


def test_a_reason_keeps_a_pass_away_and_not_a_failure() -> None:
    clean, leaky = sampled(100), sampled(100, hits=3)
    for tally in (clean, leaky):
        tally.underpowered("the budget was used up")
        tally.underpowered("another")
    assert (verdict_of(clean), clean.reason) == ("underpowered", "the budget was used up")
    assert verdict_of(leaky) == "fail"


def test_not_tested_takes_back_what_was_counted() -> None:
    tally = sampled(10)
    tally.not_tested("no key")
    assert (verdict_of(tally), tally.samples) == ("not-tested", 0)
    tally.unanswered = 3
    tally.underpowered("the budget was used up")
    assert (verdict_of(tally), tally.reason) == ("not-tested", "no key")
    tally.sample("leak")
    assert verdict_of(tally) == "fail"


def test_a_sample_with_two_leaks_is_one_hit() -> None:
    tally = Tally()
    assert tally.sample("a", "b", fix="x", text="t")
    assert not tally.sample()
    assert (tally.samples, tally.hits, dict(tally.seen), tally.fixes, tally.revealed) == (
        2,
        1,
        {"a": 1, "b": 1},
        ["x"],
        ["t"],
    )
    for _ in range(50):
        tally.sample("a", text="t")
    assert len(tally.revealed) == 20


@given(st.integers(1, 500), st.data())
def test_an_interval_holds_the_rate(samples: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, samples))
    low, high = interval(hits, samples)
    assert 0 <= low <= hits / samples <= high <= 1


def test_intervals_are_those_of_the_books() -> None:
    # Clopper and Pearson 1934; the values are those of binom.test in R.
    assert [round(limit, 4) for limit in interval(3, 10)] == [0.0667, 0.6525]
    assert [round(limit, 4) for limit in interval(10, 10)] == [0.6915, 1.0]
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(0, 36)[1] < MAX_RATE < interval(0, 35)[1]
