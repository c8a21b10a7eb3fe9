"""A whole run of `privet train`: data cleaned, canaries planted, model trained in private, weights with their evidence in place.

Invariants:

- Texts stay in memory. What is written beside the output meanwhile is private, and is removed however the run ends.
- The output comes into place by one rename, whole, or not at all.
- A run that was stopped or killed goes on from its last checkpoint when it is started again: `train_unfinished`.
- What loads for seconds is loaded once the data is known to be usable.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from privet.errors import BadInput
from privet.integrations.train_canaries import Canary, as_lines
from privet.integrations.train_data import Told, examples_of
from privet.integrations.train_unfinished import Unfinished
from privet.keys import write_private
from privet.policy import Policy
from privet.train_config import TrainConfig, check_output

_NEEDED: Final = ("torch", "transformers", "accelerate", "peft", "opacus", "dp_accounting", "safetensors")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did; nothing personal is in it. `went_on_from`: the step of the checkpoint that it began with, or 0."""

    privacy: dict[str, Any]
    data: dict[str, Any]
    loss: tuple[float, float] | None
    weights: list[str] = field(default_factory=list)
    seconds: float = 0.0
    went_on_from: int = 0


def train(config: TrainConfig, policy: Policy, key: bytes | None, told: Told) -> Outcome:
    """Train, and put weights, tokenizer and evidence into the output.

    Raises:
        BadInput: the data, the model or a number is not usable; nothing was written.
        Unprotected: a protection cannot be had.

    """
    begun = time.monotonic()
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(name=name)
    with _beside(config.output) as folder:
        work = folder / "work"
        work.mkdir(mode=0o700)
        examples = examples_of(config, policy, key, work, told)
        told("load model", 0, 1)
        unfinished = Unfinished(config)
        from privet.integrations.train_fit import fit

        try:
            done = fit(config, policy, examples, unfinished, folder, told)
            _put_in_place(config, done.folder, unfinished.canaries)
        finally:
            unfinished.leave()
        unfinished.remove()
    seconds = time.monotonic() - begun
    return Outcome(done.privacy, done.data, done.loss, done.weights, seconds, done.went_on_from)


@contextmanager
def _beside(output: Path) -> Iterator[Path]:
    """Give a private folder beside the output, and remove it in the end."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    except OSError as error:
        raise BadInput(
            f"nothing can be written beside {output.name} ({error.strerror})", hint="free some space, or name another"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(config: TrainConfig, made: Path, planted: Sequence[Canary]) -> None:
    check_output(config)
    if planted:
        write_private(config.canary_file, as_lines(list(planted)))
    try:
        made.rename(config.output)
    except OSError as error:
        if planted:
            config.canary_file.unlink(missing_ok=True)
        raise BadInput(
            f"{config.where('output.path')}: the output cannot be written ({error.strerror})",
            hint="something was put there meanwhile: name another folder",
        ) from error
