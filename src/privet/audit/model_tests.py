"""The tests of a model, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from privet.audit.model_scene import ModelScene, ModelTally


@dataclass(frozen=True, slots=True)
class ModelTest:
    """One test. `module` has `run(scene, tally)`; `takes`: what has to be given; `unit`: what its samples are."""

    id: str
    title: str
    module: str
    takes: str
    unit: str

    @property
    def run(self) -> Callable[[ModelScene, ModelTally], None]:
        """What runs it."""
        module = import_module(f"privet.audit.{self.module}")
        return cast("Callable[[ModelScene, ModelTally], None]", module.run)


TESTS: Final = (
    ModelTest("extraction", "the model says secrets of its training data", "model_extraction", "canaries", "members"),
    ModelTest(
        "exposure", "secrets of the training data are likelier than others like them", "model_exposure", "canaries",
        "members",
    ),
    ModelTest("membership", "what the model was trained on can be told", "model_membership", "texts", "members"),
    ModelTest(
        "epsilon-lower-bound", "the training leaked more than the epsilon that it states", "model_epsilon", "canaries",
        "guesses",
    ),
    ModelTest("weight-files", "the files carry more than weights", "model_files", "", "files"),
)  # fmt: skip
IDS: Final = tuple(test.id for test in TESTS)
TITLES: Final = {test.id: test.title for test in TESTS}
