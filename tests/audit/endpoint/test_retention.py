"""What was deleted is gone, what has expired too, and nobody on the way may keep answers."""

from __future__ import annotations

import pytest
from audited import audited
from small_server import small_server

LEAKY = [
    ("keeps-responses still-readable", "a deleted response can still be read"),
    ("keeps-responses still-known", "a deleted response can still be asked about"),
    ("keeps-conversations parts-left", "a deleted conversation can still be read"),
    ("keeps-files parts-left", "a deleted file can still be read"),
    ("keeps-sessions still-listed", "a deleted session is still listed"),
    ("keeps-conversations soft-deleted", "a deleted conversation is still listed"),
    ("keeps-files no-delete", "a file is kept and cannot be deleted"),
    ("replay-any", "another request of the same name gets the stored answer"),
    ("replay-all", "another caller gets the stored answer by the name of the request"),
    ("public", "answers may be kept by every cache on the way (public)"),
    ("expires", "answers may be kept by every cache on the way (Expires)"),
    ("age", "an answer came out of a cache on the way (Age)"),
    ("keeps-responses store-ignored", "a response is kept although the request forbids it"),
    ("keeps-sessions expired-kept", "an expired session can still be read"),
    ("session-of-key session-kept", "what was said in an ended session is remembered"),
]
CLEAN = [
    "",
    "keeps-responses keeps-conversations keeps-files keeps-threads keeps-sessions expiring",
    "memory-of-key",
    "session-of-key replay-right private",
    "echo",
    "catch-all",
    "catch-all echo same-ids answers-of-key",
    "strict no-cache",
]


@pytest.mark.parametrize(("features", "leak"), LEAKY)
def test_what_is_kept_too_long_is_found(features: str, leak: str) -> None:
    with small_server(*features.split()) as url:
        outcome = audited("retention", url)
    assert outcome.verdict == "fail"
    assert leak in outcome.seen


@pytest.mark.parametrize("features", CLEAN)
def test_what_is_let_go_of_passes(features: str) -> None:
    with small_server(*features.split()) as url:
        outcome = audited("retention", url)
    assert (outcome.verdict, outcome.hits) == ("pass", 0), outcome.says


def test_a_missing_no_store_is_a_note() -> None:
    with small_server() as url:
        outcome = audited("retention", url)
    assert outcome.notes == ("answers do not say that nobody may keep them (Cache-Control: no-store)",)


def test_the_same_seed_gives_the_same_evidence() -> None:
    outcomes = []
    for _ in range(2):
        with small_server("keeps-files", "parts-left", "public") as url:
            outcomes.append(audited("retention", url, seed=9))
    assert outcomes[0] == outcomes[1]


def test_a_used_up_budget_is_no_pass() -> None:
    with small_server() as url:
        assert audited("retention", url, max_requests=20).verdict == "underpowered"
