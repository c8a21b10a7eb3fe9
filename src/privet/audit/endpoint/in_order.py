"""Questions asked side by side, and their answers taken in the order of the questions.

Invariant: what is taken does not depend on which answer came first; where the audit is stopped, what was taken before stands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from privet.audit.endpoint.scene import Scene

_T = TypeVar("_T")
_AT_ONCE: Final = 16


async def in_order(scene: Scene, jobs: Sequence[Callable[[], Awaitable[_T]]], take: Callable[[_T], object]) -> None:
    """Run jobs, some at once, and hand over each result in turn."""
    step = scene.step
    for begun in range(0, len(jobs), _AT_ONCE):
        scene.step = lambda _done, _all: None
        try:
            results = await scene.each(jobs[begun : begun + _AT_ONCE])
        finally:
            scene.step = step
        step(begun + len(results), len(jobs))
        for result in results:
            take(result)
