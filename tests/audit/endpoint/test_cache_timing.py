"""Whether times tell what others asked: a cache shared between keys is found, one within a key is none."""

from __future__ import annotations

import pytest
from audited import audited
from small_server import small_server

LEAKY = [
    ("slow prefix-of-all", "the same beginning of another caller is answered faster"),
    ("slow exact-of-all", "the same request of another caller is answered faster"),
    ("usage-of-all", "the same request of another caller is told by the number of cached tokens"),
]


@pytest.mark.parametrize(("features", "leak"), LEAKY)
def test_a_shared_cache_is_found(features: str, leak: str) -> None:
    with small_server(*features.split()) as url:
        outcome = audited("cache-timing", url)
    assert outcome.verdict == "fail"
    assert leak in outcome.seen
    # All the trials of a kind tell, or none.
    assert set(outcome.seen.values()) == {outcome.figures["trials"]}


@pytest.mark.parametrize("features", ["slow prefix-of-key", "slow exact-of-key", "slow"])
def test_a_cache_of_ones_own_is_no_leak(features: str) -> None:
    with small_server(*features.split()) as url:
        outcome = audited("cache-timing", url)
    # A machine that is too busy to tell anything is underpowered; what must never be is a failure.
    assert outcome.verdict in ("pass", "underpowered"), outcome.says
    assert outcome.hits == 0
    assert outcome.timings["prefix"]["own_hit"] is ("prefix" in features)


def test_without_a_second_key_it_says_what_is_missing() -> None:
    with small_server("slow", "prefix-of-all") as url:
        outcome = audited("cache-timing", url, tenants=())
    assert outcome.verdict == "not-tested"
    assert "--tenant-key-file" in outcome.says


def test_no_time_is_in_what_belongs_to_the_evidence() -> None:
    with small_server("usage-of-all") as url:
        outcome = audited("cache-timing", url)
    assert outcome.figures == {"trials": 8}
