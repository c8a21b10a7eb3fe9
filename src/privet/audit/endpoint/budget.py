"""What an audit may cost: requests, tokens and time, as a whole and for one test.

Invariants:

- Nothing is asked once one of them is used up; the test that asks ends with what it has.
- What the target says of itself gives nothing back: no count of tokens lowers what was used.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf


class OutOfBudget(Exception):
    """Requests, tokens or time are used up."""


class OutOfShare(OutOfBudget):
    """One test has used its share of the time; the others go on."""


@dataclass(slots=True)
class Budget:
    """What is left. `until` and `share_until` are times of the clock."""

    requests: float = inf
    tokens: float = inf
    until: float = inf
    clock: Callable[[], float] = time.monotonic
    share_until: float = field(default=inf, init=False)
    asked: int = field(default=0, init=False)
    used_tokens: int = field(default=0, init=False)

    def ask(self) -> None:
        """Take one request out.

        Raises:
            OutOfBudget: nothing is left.

        """
        self.check()
        self.asked += 1

    def check(self) -> None:
        """See whether anything may still be asked.

        Raises:
            OutOfBudget: nothing is left.

        """
        now = self.clock()
        if self.asked >= self.requests or self.used_tokens >= self.tokens or now >= self.until:
            raise OutOfBudget
        if now >= self.share_until:
            raise OutOfShare

    def spent(self, tokens: int) -> None:
        """Tell how many tokens an answer had."""
        self.used_tokens += max(0, tokens)

    @property
    def seconds_left(self) -> float:
        """How long may still be asked, by this test."""
        return max(0.0, min(self.until, self.share_until) - self.clock())

    def share(self, seconds: float) -> None:
        """Give the next test so much time."""
        self.share_until = self.clock() + seconds
