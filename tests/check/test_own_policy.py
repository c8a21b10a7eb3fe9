"""privet.toml on two sides of a change."""

from __future__ import annotations

import pytest

from privet.check.scan import Result, compare, scan_texts, tree_of

GOOD = "[serve]\nmax_body_bytes = 1_000_000\n"
UNKNOWN = "[serve]\nnobody_knows_this = 1\n"


def compared(before: str | None, after: str) -> Result:
    return compare(tree_of({} if before is None else {"privet.toml": before}), tree_of({"privet.toml": after}))


@pytest.mark.parametrize("after", ["[serve\n", UNKNOWN])
@pytest.mark.parametrize("before", [None, GOOD])
def test_a_change_that_breaks_the_policy_is_weaker(before: str | None, after: str) -> None:
    found = compared(before, after)
    assert [item.rule.id for item in found.weaknesses] == ["privet-policy-broken"]
    assert found.notes


@pytest.mark.parametrize("after", ["[serve\nx\n", UNKNOWN])
@pytest.mark.parametrize("before", ["[serve\n", UNKNOWN + "# before\n"])
def test_a_policy_that_was_broken_before_is_a_note(before: str, after: str) -> None:
    found = compared(before, after)
    assert found.weaknesses == ()
    assert [note.path for note in found.notes][:1] == ["privet.toml"]


def test_a_policy_that_is_mended_is_no_weakening() -> None:
    assert compared(UNKNOWN, GOOD).weaknesses == ()
    assert scan_texts({"privet.toml": GOOD}) == []
