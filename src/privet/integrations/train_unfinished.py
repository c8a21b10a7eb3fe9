"""The folder beside the output in which a run of `privet train` keeps what it takes to go on after it was stopped or killed.

Invariants:

- It is for its owner only, and goes once the output is in place; where there is no checkpoint yet, however the run ends.
- A run goes on only with the settings, the model and the rows that it was begun with. Of the rows it holds a keyed digest, no text.
- A checkpoint counts once it says what was spent, which is written last.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from privet.errors import BadInput, Damaged
from privet.evidence import Signer, json_bytes, read_json
from privet.integrations.train_canaries import Canary, as_lines, canaries
from privet.keys import state_folder, write_private
from privet.train_config import TrainConfig

_CANARIES: Final = "canaries.jsonl"
_BEGUN: Final = "begun.json"
_SETTINGS: Final = {
    "privacy.epsilon": "epsilon",
    "privacy.delta": "delta",
    "privacy.max_grad_norm": "max_grad_norm",
    "privacy.method": "method",
    "train.steps": "steps",
    "train.epochs": "epochs",
    "train.batch_size": "batch_size",
    "train.learning_rate": "learning_rate",
    "train.sequence_length": "sequence_length",
    "train.seed": "seed",
    "canaries.count": "canaries",
}
"""What has to stay, and the attribute of the configuration that holds it."""


class Unfinished:
    """The folder of one output. `trainer` is where checkpoints go, None where none are to be kept."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._folder = config.unfinished
        self.canaries = self._canaries()
        self.trainer = self._folder / "trainer" if config.save_steps or self.checkpoint is not None else None

    @property
    def checkpoint(self) -> Path | None:
        """The last whole checkpoint, or None."""
        # It loads torch.
        from privet.train.run import STATE

        found = [path for path in self._folder.glob("trainer/checkpoint-*") if (path / STATE).is_file()]
        return max(found, key=step_of, default=None)

    def _canaries(self) -> list[Canary]:
        if self.checkpoint is None:
            return canaries(self._config.canaries)
        try:
            lines = (self._folder / _CANARIES).read_text(encoding="utf-8").splitlines()
            return [Canary(**json.loads(line)) for line in lines]
        except (OSError, ValueError, TypeError) as error:
            raise Damaged("the canaries of the run that was stopped cannot be read", hint=self._anew) from error

    @property
    def _anew(self) -> str:
        return f"remove the folder {self._folder.name} to begin anew"

    def begin(self, rows: Iterable[Any]) -> None:
        """Note what is trained on and how, or compare it with what was noted.

        Raises:
            BadInput: a setting, the model or a row is another than when the run was begun.
            Damaged: what was noted cannot be read.

        """
        if self.trainer is None:
            return
        from privet.train.identity import dataset_id

        key = Signer.load(state_folder(os.environ)).key("rows of an unfinished training")
        begun = {
            "settings": {name: getattr(self._config, held) for name, held in _SETTINGS.items()},
            "model": _files(self._config.model),
            "rows": dataset_id(rows, key),
        }
        if self.checkpoint is not None:
            self._compare(begun)
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        write_private(self._folder / _CANARIES, as_lines(self.canaries))
        write_private(self._folder / _BEGUN, json_bytes(begun))

    def _compare(self, begun: dict[str, Any]) -> None:
        try:
            known = read_json((self._folder / _BEGUN).read_bytes())
            settings, model, rows = known["settings"], known["model"], known["rows"]
        except (OSError, BadInput, TypeError, KeyError) as error:
            raise Damaged("what is noted of the run that was stopped cannot be read", hint=self._anew) from error
        for name, value in begun["settings"].items():
            if value != settings.get(name):
                where = self._config.where(name)
                raise BadInput(
                    f"{where}: {name} is not that of the run that was stopped", hint=f"set it back, or {self._anew}"
                )
        for name, same in (("model.path", begun["model"] == model), ("data.path", begun["rows"] == rows)):
            if not same:
                what = "the model" if name == "model.path" else "the data, once cleaned,"
                where = self._config.where(name)
                raise BadInput(
                    f"{where}: {what} is not that of the run that was stopped", hint=f"put it back, or {self._anew}"
                )

    def leave(self) -> None:
        """Remove the folder where nothing can go on from it."""
        if self.checkpoint is None:
            self.remove()

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


def step_of(checkpoint: Path) -> int:
    """Return how many steps were taken before a checkpoint."""
    return int(checkpoint.name.rpartition("-")[2])


def _files(model: Path) -> Sequence[list[Any]]:
    """Return name, size and time of change of each file of a model, which tell another one without reading gigabytes."""
    files = sorted(model.iterdir()) if model.is_dir() else [model]
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files if path.is_file()]
