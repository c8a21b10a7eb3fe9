"""What headers let others keep (RFC 9111)."""

from __future__ import annotations

import pytest

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.retention_headers import cacheable, forbids_keeping, is_kept_privately

LATER = "Thu, 01 Jan 2099 00:00:00 GMT"


def answer(*headers: tuple[str, str]) -> Answer:
    return Answer(200, headers, b"{}", "", 0.1)


@pytest.mark.parametrize(
    "headers",
    [
        [("cache-control", "public")],
        [("cache-control", "max-age=60")],
        [("cache-control", "Max-Age=60, must-revalidate")],
        [("cache-control", "private, s-maxage=60")],
        [("cache-control", "immutable")],
        [("cache-control", "no-cache"), ("cache-control", "public")],
        [("cdn-cache-control", "max-age=5")],
        [("cache-control", "private"), ("surrogate-control", "max-age=5")],
        [("expires", LATER)],
        [("expires", LATER), ("date", "Thu, 01 Jan 2026 00:00:00 GMT")],
        [("age", "3")],
    ],
)
def test_leave_to_keep_is_found(headers: list[tuple[str, str]]) -> None:
    assert cacheable(answer(*headers))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("cache-control", "no-store, max-age=60, public")],
        [("cache-control", "no-cache")],
        [("cache-control", "private, max-age=60")],
        [("cache-control", "max-age=0")],
        [("cache-control", "max-age=0"), ("expires", LATER)],
        [("cache-control", "max-age=x, s-maxage=")],
        [("expires", "0")],
        [("expires", "Thu, 01 Jan 1970 00:00:00 GMT")],
        [("etag", '"a"')],
        [("age", "0")],
        [("age", "²")],
        [("age", "9" * 400)],
    ],
)
def test_what_gives_no_leave_is_no_leak(headers: list[tuple[str, str]]) -> None:
    assert not cacheable(answer(*headers))


def test_a_private_cache_is_told_apart() -> None:
    assert is_kept_privately(answer(("cache-control", "private, max-age=60")))
    assert not is_kept_privately(answer(("cache-control", "private, no-store, max-age=60")))
    assert forbids_keeping(answer(("cache-control", "no-store")))
