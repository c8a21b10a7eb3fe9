"""Whether headers let somebody else keep an answer.

Sources: RFC 9111, sections 3 (what may be stored), 4.2 (freshness), 5.1 (`Age` is said by a cache that answers), 5.2.2 (directives);
RFC 9213 (`CDN-Cache-Control`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from privet.audit.endpoint.answer import Answer

_CONTROLS: Final = ("cache-control", "cdn-cache-control", "surrogate-control")
_CLOSED: Final = ("no-store", "private", "no-cache")


def cacheable(answer: Answer) -> list[str]:
    """Return what lets caches keep an answer, in constant words."""
    found = []
    directives = {name: _directives(answer, name) for name in _CONTROLS}
    for given in directives.values():
        if "no-store" in given:
            continue
        if "public" in given or "immutable" in given:
            found.append("answers may be kept by every cache on the way (public)")
        if _seconds(given.get("s-maxage", "")) or (
            _seconds(given.get("max-age", "")) and not given.keys() & {*_CLOSED}
        ):
            found.append("answers may be kept by every cache on the way (max-age)")
    control = directives["cache-control"]
    if not control.keys() & {*_CLOSED, "max-age"} and _is_later(answer.header("expires"), answer.header("date")):
        found.append("answers may be kept by every cache on the way (Expires)")
    if _seconds(answer.header("age")):
        found.append("an answer came out of a cache on the way (Age)")
    return sorted(set(found))


def is_kept_privately(answer: Answer) -> bool:
    """Tell whether the caller's own cache may keep an answer."""
    given = _directives(answer, "cache-control")
    return "no-store" not in given and "private" in given and _seconds(given.get("max-age", "")) > 0


def forbids_keeping(answer: Answer) -> bool:
    """Tell whether an answer says that nobody may keep it."""
    return "no-store" in _directives(answer, "cache-control")


def _directives(answer: Answer, name: str) -> dict[str, str]:
    parts = (part.strip().partition("=") for value in answer.values(name) for part in value.split(","))
    return {known.strip().lower(): value.strip().strip('"') for known, _, value in parts if known.strip()}


def _seconds(value: str) -> int:
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else 0


def _is_later(expires: str, date: str) -> bool:
    until, since = _time(expires), _time(date) or datetime.now(UTC)
    return until is not None and until > since


def _time(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
