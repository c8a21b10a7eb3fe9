"""What `privet vault add` does: records of files in batches, embedded and added; what is there already is passed over.

Invariant: a batch is in the vault whole or not at all, and is on the disk before the next one is embedded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from privet.cli.progress import Progress
from privet.cli.vault_input import Item, Names, items, size_of
from privet.cli.vault_output import counted
from privet.errors import BadInput
from privet.vault.embed import DIMENSIONS, LocalModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from privet.vault import Vault

_BATCH: Final = 1000
_EMBEDDED_AT_ONCE: Final = 64


@dataclass(slots=True)
class Done:
    """How many records were added, how many passed over, and what its user should know."""

    added: int = 0
    skipped: int = 0
    twice: int = 0
    cut: int = 0
    nobodys: int = 0
    unreached: int = 0

    def _asdict(self) -> dict[str, int]:
        return asdict(self)

    def told(self) -> str:
        """Return what was done, for people."""
        added, there = counted(self.added, "record", "records"), counted(self.skipped, "was", "were")
        return f"{added} added, {there} there already"

    def warnings(self) -> Iterator[str]:
        """Yield what its user should know."""
        for number, one, many in (
            (
                self.twice,
                "id came more than once: the first was taken",
                "ids came more than once: the first were taken",
            ),
            (
                self.cut,
                "text is longer than the model reads: its end is stored and not searched",
                "texts are longer than the model reads: their ends are stored and not searched",
            ),
            (
                self.nobodys,
                "record has no subject: forget does not reach it",
                "records have no subject: forget does not reach them",
            ),
            (
                self.unreached,
                "record that was there is not of the subject given: forget does not reach it, --replace adds it anew",
                "records that were there are not of the subject given: forget does not reach them, --replace adds them anew",
            ),
        ):
            if number:
                yield counted(number, one, many)


class Adding:
    """One run over some files."""

    def __init__(self, vault: Vault, names: Names, *, is_replacing: bool) -> None:
        self.done = Done()
        self._vault = vault
        self._names = names
        self._is_replacing = is_replacing
        self._model: LocalModel | None = None
        self._seen: set[str] = set()

    def read(self, files: Sequence[str], total_bytes: int) -> None:
        """Add the records of files."""
        with Progress(sys.stderr) as progress:
            progress.begin(total_bytes)
            batch: list[Item] = []
            for item in self._items(files):
                if not self._is_wanted(item):
                    progress.step(item.done_bytes)
                    continue
                batch.append(item)
                if len(batch) == _BATCH:
                    self._add(batch, progress)
                    batch = []
            if batch:
                self._add(batch, progress)

    def _items(self, files: Sequence[str]) -> Iterator[Item]:
        before = 0
        for name in files:
            for item in items(name, self._names):
                yield item._replace(done_bytes=before + item.done_bytes)
            before += size_of(name)

    def _is_wanted(self, item: Item) -> bool:
        if item.id in self._seen:
            self.done.twice += 1
            return False
        self._seen.add(item.id)
        if item.id in self._vault and not self._is_replacing:
            self.done.skipped += 1
            self.done.unreached += item.subject is not None and not self._vault.is_of(item.id, item.subject)
            return False
        return True

    def _add(self, batch: list[Item], progress: Progress) -> None:
        vectors = self._vectors(batch, progress)
        self._vault.add(
            [item.id for item in batch],
            vectors,
            [item.text for item in batch],
            [item.metadata for item in batch],
            [item.subject for item in batch],
            replace=self._is_replacing,
        )
        progress.step(batch[-1].done_bytes)
        self.done.added += len(batch)
        if self._names.subject is not None:
            self.done.nobodys += sum(item.subject is None for item in batch)

    def _vectors(self, batch: list[Item], progress: Progress) -> NDArray[np.float32]:
        if self._names.vector is not None:
            if len({len(item.vector or ()) for item in batch}) > 1:
                raise BadInput("vectors of different sizes", hint="see that all are of one model")
            return np.asarray([item.vector for item in batch], dtype=np.float32)
        if self._model is None:
            self._model = self._local_model()
        parts = []
        for start in range(0, len(batch), _EMBEDDED_AT_ONCE):
            some = batch[start : start + _EMBEDDED_AT_ONCE]
            parts.append(self._model([item.text or "" for item in some]))
            progress.step(some[-1].done_bytes)
        self.done.cut = self._model.cut
        return np.concatenate(parts)

    def _local_model(self) -> LocalModel:
        if self._vault.dimensions not in {0, DIMENSIONS}:
            raise BadInput(
                f"the records have vectors of {self._vault.dimensions} dimensions, and the local model's have {DIMENSIONS}",
                hint="add vectors of the records' model, with --vector COLUMN",
            )
        return LocalModel()
