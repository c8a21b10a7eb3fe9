"""All that a test is given: the target, how it talks, how much to ask, the seed, what finds leaks.

Invariants:

- What a test asks depends on the seed and its own id alone, so the same target gives the same evidence.
- What must never have been asked before (timing, files) is made of `nonce`, which is new in each run and in no evidence.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from privet.audit.endpoint.client import Client
from privet.audit.endpoint.dialect import Dialect
from privet.audit.endpoint.target import Target

if TYPE_CHECKING:
    from privet.audit.endpoint.given import Given
    from privet.audit.endpoint.personal import Personal

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is asked: `samples` answers where a rate is bounded, `tokens` long; `rounds` where a test repeats a small experiment."""

    name: str
    samples: int
    tokens: int
    rounds: int
    seconds: float


QUICK: Final = Size("quick", 40, 24, 1, 60.0)
USUAL: Final = Size("usual", 100, 48, 2, 900.0)
FULL: Final = Size("full", 400, 96, 4, 7200.0)


@dataclass(slots=True, repr=False)
class Scene:
    """What a test works with."""

    target: Target
    client: Client
    dialect: Dialect
    size: Size
    seed: int
    server: str
    """which program it is, as far as can be told: a name of `servers.py`, or nothing"""
    personal: Personal
    given: Given
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))
    step: Callable[[int, int], None] = lambda _done, _total: None
    kept: dict[str, Any] = field(default_factory=dict)
    """what a test that watches from the beginning keeps, by its id"""

    def chance(self, test_id: str) -> Random:
        """Return the random numbers of one test."""
        return Random(f"{self.seed}:{test_id}")  # noqa: S311 - repeatable on purpose; no secret is made of it

    async def each(self, jobs: Sequence[Callable[[], Awaitable[_T]]]) -> list[_T]:
        """Run jobs side by side, as many as the client lets through, and return their results in order.

        Where one ends with an exception the others are stopped, and it is raised.
        """
        done = 0

        async def counted(job: Callable[[], Awaitable[_T]]) -> _T:
            nonlocal done
            result = await job()
            done += 1
            self.step(done, len(jobs))
            return result

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(counted(job)) for job in jobs]
        except BaseExceptionGroup as many:
            raise many.exceptions[0] from None
        return [task.result() for task in tasks]
