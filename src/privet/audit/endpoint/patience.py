"""What to do when the target says that it is too much: how long to wait, who waits, and when to give up.

Invariants:

- After 429, and after 503 with a time (RFC 9110 section 10.2.3 `Retry-After`, seconds or a date), everything waits; then one request at a
  time goes, until the target has answered some.
- 503 without a time is asked again soon, by itself. A path, or a target, that stays unavailable is not waited for again and again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.budget import Budget

_TRIES: Final = 8
_TRIES_UNAVAILABLE: Final = 3
_FIRST_SECONDS: Final = 0.5
_MAX_SECONDS: Final = 60.0
_ONE_BY_ONE: Final = 16
_HOPELESS: Final = 3


@dataclass(slots=True, repr=False)
class Patience:
    """Waits."""

    limited: int = 0
    """how often the target said that it is too much"""
    _open_at: float = 0.0
    _one_by_one: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _given_up: set[str] = field(default_factory=set)
    _in_a_row: int = 0

    @asynccontextmanager
    async def turn(self, budget: Budget) -> AsyncIterator[None]:
        """Wait until the target may be asked."""
        if not self._one_by_one:
            await self._wait(budget)
            yield
            return
        async with self._turn:
            await self._wait(budget)
            yield

    async def _wait(self, budget: Budget) -> None:
        while (left := self._open_at - time.monotonic()) > 0:
            # No longer than the budget lasts: then asking says that it is used up.
            await asyncio.sleep(min(left, budget.seconds_left))
            if not budget.seconds_left:
                return

    def heard(self, path: str, answer: Answer, attempt: int) -> float | None:
        """Return how long to wait before the same is asked again, or nothing where the answer stands."""
        if answer.status not in (429, 503) or not answer.came:
            if answer.came:
                self._in_a_row = 0
                self._one_by_one = max(0, self._one_by_one - 1)
                self._given_up.discard(path)
            return None
        self.limited += 1
        asked = seconds_of(answer.header("retry-after"))
        pause = min(_FIRST_SECONDS * 2**attempt if asked is None else asked, _MAX_SECONDS)
        if answer.status == 429 or asked is not None:
            self._one_by_one = _ONE_BY_ONE
            self._open_at = max(self._open_at, time.monotonic() + pause)
            return 0.0 if attempt + 1 < _TRIES else None
        if path in self._given_up or self._in_a_row >= _HOPELESS or attempt + 1 >= _TRIES_UNAVAILABLE:
            if path not in self._given_up:
                self._in_a_row += 1
                self._given_up.add(path)
            return None
        return pause


def seconds_of(value: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, or nothing where it asks for none.

    >>> seconds_of("7"), seconds_of("Wed, 21 Oct 2015 07:28:00 GMT"), seconds_of("soon"), seconds_of("-3")
    (7.0, 0.0, None, None)
    """
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
