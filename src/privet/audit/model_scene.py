"""All that a test of a model is given, and what it counts.

Invariant: what a test draws depends on the seed and its own id alone, so the same weights give the same evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from privet.audit.endpoint.given import Canary, Passage, chosen
from privet.audit.endpoint.outcome import Tally
from privet.policy import DetectPolicy

if TYPE_CHECKING:
    from privet.audit.model_likelihood import LanguageModel

FEWEST: Final = 100
"""Members, and controls, without which nothing is concluded."""
DRAWS: Final = 3
"""How often what is drawn is drawn anew in one audit."""
_MOST: Final = 250


@dataclass(slots=True, repr=False)
class ModelTally(Tally):
    """What a test counted. `too_few`: why nothing follows from it, whatever was seen; `entry`: members of its own in the report."""

    too_few: str = ""
    entry: dict[str, Any] = field(default_factory=dict)

    def weigh(self, members: int, controls: int) -> None:
        """Note how many there were, and whether they are enough."""
        self.figures.update(members=members, controls=controls)
        if min(members, controls) < FEWEST:
            self.too_few = f"{members} members and {controls} controls are too few: {FEWEST} of each are needed"


@dataclass(repr=False)
class ModelScene:
    """What a test works with."""

    path: Path
    seed: int
    canaries: Sequence[Canary]
    passages: Sequence[Passage]
    detect: DetectPolicy
    load: Callable[[], tuple[LanguageModel, LanguageModel | None]]
    look_alikes: int | None
    weights: dict[str, str]
    """SHA-256 of the files of weights, by name"""
    step: Callable[[int, int], None] = lambda _done, _all: None
    kept: dict[str, Any] = field(default_factory=dict)
    """what one test found and another needs, by the id of the first"""

    def chance(self, purpose: str) -> Random:
        """Return the random numbers for a purpose."""
        return Random(f"{self.seed}:{purpose}")  # noqa: S311 - repeatable on purpose; no secret is made of it

    @cached_property
    def _loaded(self) -> tuple[LanguageModel, LanguageModel | None]:
        return self.load()

    @property
    def model(self) -> LanguageModel:
        """The model, loaded by the first test that asks."""
        return self._loaded[0]

    @property
    def reference(self) -> LanguageModel | None:
        """The model before training, where it was given."""
        return self._loaded[1]

    @cached_property
    def asked(self) -> Sequence[Canary]:
        """The canaries that are asked: those whose own prompt does not hold the secret, so many of each kind at most."""
        able = [canary for canary in self.canaries if canary.secret not in canary.prompt]
        return chosen(able, _MOST, self.chance("canaries"))
