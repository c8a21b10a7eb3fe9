"""What one caller says does not reach another; each way in which it can is found, and memory within one key is none."""

from __future__ import annotations

import pytest
from audited import audited
from small_server import small_server

LEAKY = [
    ("memory-all", "what another caller said in a message is in an answer"),
    ("session-of-all", "what another caller said in a session named in headers is in an answer"),
    ("user-of-all", "what another caller said in the field user is in an answer"),
    ("half-cache", "what another caller said in an answer that may be stored is in an answer"),
    ("races", "what callers said at the same time is mixed up"),
    ("leftover", "what another caller said in a stream that was broken off is in an answer"),
    ("every-tenth", "what another caller said in"),
    ("error-of-all", "is in an error"),
    ("field-of-all", "is in an answer"),
    ("header-of-all", "is in a header"),
    ("history-of-all", "a list shows what another caller said"),
    ("keeps-responses any-owner", "a response of another caller can be read by its id"),
    ("keeps-files any-owner", "a file of another caller can be read by its id"),
    ("keeps-conversations lists-all", "a list shows the ids of another caller"),
]
CLEAN = [
    "",
    "memory-of-key session-of-key",
    "echo",
    "makes-up-codes",
    "catch-all same-ids answers-of-key",
    "strict",
    "keeps-responses keeps-conversations keeps-files keeps-threads keeps-sessions expiring",
]


@pytest.mark.parametrize(("features", "leak"), LEAKY)
def test_a_leak_between_callers_is_found(features: str, leak: str) -> None:
    with small_server(*features.split()) as url:
        outcome = audited("isolation", url)
    assert outcome.verdict == "fail"
    assert any(leak in seen for seen in outcome.seen), outcome.seen


@pytest.mark.parametrize("features", CLEAN)
def test_a_server_that_keeps_callers_apart_passes(features: str) -> None:
    with small_server(*features.split()) as url:
        outcome = audited("isolation", url)
    assert (outcome.verdict, outcome.hits) == ("pass", 0), outcome.says


def test_without_a_second_key_it_says_what_is_missing() -> None:
    with small_server("memory-all") as url:
        outcome = audited("isolation", url, tenants=())
    assert outcome.verdict == "not-tested"
    assert "--tenant-key-file" in outcome.says


@pytest.mark.parametrize("keys", [("key-a",), ("wrong",)])
def test_the_own_key_again_and_a_refused_one_are_no_second_caller(keys: tuple[str, ...]) -> None:
    with small_server("memory-all") as url:
        assert audited("isolation", url, tenants=keys).verdict == "not-tested"


def test_where_keys_are_not_checked_a_wrong_one_is_another_caller() -> None:
    with small_server("no-keys", "memory-all") as url:
        leaky = audited("isolation", url, tenants=())
    with small_server("no-keys", "memory-of-key") as url:
        clean = audited("isolation", url, tenants=())
    assert (leaky.verdict, clean.verdict) == ("fail", "pass")
    assert any("keys are not checked" in note for note in clean.notes)


def test_the_same_seed_gives_the_same_evidence() -> None:
    outcomes = []
    for _ in range(2):
        with small_server("every-tenth", "keeps-responses") as url:
            outcomes.append(audited("isolation", url, seed=3))
    assert outcomes[0] == outcomes[1]


def test_a_used_up_budget_is_no_pass() -> None:
    with small_server() as url:
        outcome = audited("isolation", url, max_requests=40)
    assert outcome.verdict == "underpowered"


def test_no_text_of_an_answer_is_in_the_evidence() -> None:
    with small_server("memory-all") as url:
        outcome = audited("isolation", url)
    assert not outcome.revealed
    assert not any(char.isdigit() for seen in outcome.seen for char in seen)
