"""The fourteen tests, in the order of the report, and in which they run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from privet.audit.endpoint.outcome import Tally
    from privet.audit.endpoint.scene import Scene


@dataclass(frozen=True, slots=True)
class Test:
    """One test. Its module has `async run(scene, tally)`, and `async begin(scene)` where it watches from the beginning.

    `order`: when it runs; `weight`: its part of the time; `talks`: whether it needs a model that answers.
    """

    id: str
    title: str
    order: int
    weight: float
    talks: bool = True

    __test__ = False  # pytest takes it for a test of its own otherwise

    @property
    def run(self) -> Callable[[Scene, Tally], Awaitable[None]]:
        """What runs it."""
        return cast("Callable[[Scene, Tally], Awaitable[None]]", self._module().run)

    @property
    def begin(self) -> Callable[[Scene], Awaitable[None]] | None:
        """What is called before the first test, if anything."""
        return cast("Callable[[Scene], Awaitable[None]] | None", getattr(self._module(), "begin", None))

    def _module(self) -> ModuleType:
        return import_module(f"privet.audit.endpoint.{self.id.replace('-', '_')}")


TESTS: Final = (
    Test("personal-data", "answers hold personal data that nobody gave", 6, 4),
    Test("training-canaries", "the model repeats canaries of its training data", 7, 3),
    Test("membership", "what the model was trained on can be told", 8, 2),
    Test("system-prompt", "the system prompt or tool definitions are given away", 5, 3),
    Test("isolation", "what one caller said reaches another", 9, 3),
    Test("cache-timing", "what others asked can be told from how fast an answer begins", 10, 2),
    Test("persistence", "what was asked is kept on disk, in logs or in metrics", 12, 1.5),
    Test("disclosure", "errors, headers and answers tell what they need not", 3, 2, talks=False),
    Test("exposed-routes", "routes of the engine and its administration answer", 1, 2, talks=False),
    Test("transport", "what the connection and the browser side let through", 2, 1, talks=False),
    Test("unsafe-features", "features that read, keep or show more are accepted", 4, 2),
    Test("stream-redaction", "what is redacted whole comes through in pieces", 11, 2),
    Test("egress", "the server calls elsewhere while it serves", 14, 0.5, talks=False),
    Test("retention", "what was deleted or has expired is still there", 13, 1.5),
)
IDS: Final = tuple(test.id for test in TESTS)
