"""A vault whose sealed records lie in somebody else's database: the same calls as `Vault`, searched in memory.

Invariants:

- What `add`, `delete` and `forget` return from is in the database, whole. Keys and the anchor never are.
- Each opening, refresh and write compares the set of all rows with the anchor: one that is missing, swapped, or older than it was is told.
- Several processes may share the key folder; one writes at a time, and each write begins with what the others wrote.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from privet.errors import BadInput
from privet.vault.batch import Incoming, checked_ids, checked_subject, incoming
from privet.vault.key_source import KeySource
from privet.vault.obfuscation import FEWEST, SAMPLE, ObfuscatedSearch, ObfuscationWarning, Rotation, measured
from privet.vault.remote_contents import RemoteContents
from privet.vault.remote_reading import RemoteReader
from privet.vault.remote_rows import Opened
from privet.vault.remote_state import RemoteState
from privet.vault.remote_table import SealedRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_REWRITE_LEAST = 4096
"""With fewer rows gone memory is not read anew."""


class RemoteVault(RemoteReader):
    """A sealed store of embeddings in a database. Made by `PostgresVault.open` and `QdrantVault.open`; it may be shared by threads."""

    def __init__(self, state: RemoteState, *, read_only: bool, obfuscated: ObfuscatedSearch | None) -> None:
        rotation = None
        if obfuscated is not None:
            rotation = Rotation(state.keys.subjects.data_key, obfuscated.dimensions)
        super().__init__(state, rotation)
        self._read_only = read_only
        self._obfuscated = obfuscated
        self._measure()

    def add(
        self,
        ids: Sequence[str],
        vectors: NDArray[np.float32],
        documents: Sequence[str | None] | None = None,
        metadata: Sequence[Mapping[str, Any] | None] | None = None,
        subject: Sequence[str | None] | str | None = None,
        *,
        replace: bool = False,
    ) -> int:
        """Add records, all or none, in the database on return; return how many. Arguments are as those of `Vault.add`.

        Raises:
            BadInput: lengths differ, an id comes twice or is there already, a vector has another size or is not finite.
            Unprotected: the database or the key folder refused; nothing was added.

        """
        what = incoming(ids, vectors, documents, metadata, subject)
        with self._writing() as contents:
            gone = [contents.by_id[name] for name in what.ids if name in contents.by_id]
            if gone and not replace:
                raise BadInput(
                    f"{len(gone)} of the ids are there already", hint="replace=True puts the new records in their place"
                )
            expected = self.dimensions or (self._obfuscated.dimensions if self._obfuscated else 0)
            if what.ids and expected and what.vectors.shape[1] != expected:
                raise BadInput(
                    f"expected vectors of {expected} dimensions, found {what.vectors.shape[1]}",
                    hint="embed all records with one model",
                )
            if what.ids:
                numbers = self._state.numbers_for(name for name in what.subjects if name is not None)
                self._state.write(self._sealed(what, numbers), gone, what.metadata)
            if self._leakage is not None and not self._leakage.recovered and len(contents.by_id) >= FEWEST:
                self._measure()
        return len(what.ids)

    def _sealed(self, what: Incoming, numbers: Mapping[str, int]) -> Callable[[int], list[tuple[SealedRow, Opened]]]:
        tokens = [self._tokens.of_record(each) for each in what.metadata]
        turned = None if self._rotation is None else self._rotation.turned(what.vectors)

        def rows(generation: int) -> list[tuple[SealedRow, Opened]]:
            found = self._state.seals.sealed(what, generation, numbers, tokens)
            if turned is None:
                return list(found)
            return [(row._replace(search=vector), opened) for (row, opened), vector in zip(found, turned, strict=True)]

        return rows

    def delete(self, ids: Sequence[str]) -> int:
        """Delete records; ids of none are passed over. Return how many went.

        The database may keep them for a while, sealed, in its log, dead rows and backups.
        """
        ids = checked_ids(ids)
        with self._writing() as contents:
            gone = sorted({contents.by_id[name] for name in ids if name in contents.by_id})
            if gone:
                self._state.write(lambda _: [], gone, [])
            return len(gone)

    def forget(self, subject: str) -> int:
        """Destroy a subject's key, and with it all of their records, in the database and in every backup of it; return how many went.

        Who keeps a copy of the key folder from before can still read them. With `obfuscated_search` their rotated vectors stay
        in backups.

        Raises:
            Unprotected: the key table could not be written, and nothing is forgotten; or the database could not remove the rows, which
                nobody can read any more.

        """
        checked_subject(subject)
        with self._writing():
            return self._state.forget(subject)

    def rotate(self, keys: KeySource | Path | str | None = None) -> None:
        """Make a new root key and seal all keys under it; no row is rewritten. `keys` moves the root key to another source.

        Raises:
            Unprotected: the source cannot store a key; the old one still opens the vault.

        """
        with self._writing():
            self._state.keys.rotate(keys)

    def compact(self) -> None:
        """Remove rows of the forgotten that an earlier call could not remove, and what is gone from memory.

        What the database keeps of deleted rows, it removes itself (`VACUUM` in PostgreSQL).

        Raises:
            Unprotected: the database or the key folder refused.

        """
        with self._writing():
            self._state.compact()

    def _measure(self) -> None:
        """Attack the rotation of the vectors that are there, and say how that went."""
        if self._rotation is not None:
            self._leakage = measured(self._state.sample(SAMPLE), self._rotation)
            warnings.warn(str(self._leakage), ObfuscationWarning, stacklevel=4)

    @contextmanager
    def _writing(self) -> Iterator[RemoteContents]:
        """Hold all locks, with everything read that others wrote."""
        with self._lock:
            self._usable()
            if self._read_only:
                raise BadInput("this vault was opened with read_only=True", hint="open it without")
            with self._state.writing():
                yield self._contents
                if self._contents.dead > max(_REWRITE_LEAST, len(self)):
                    self._state.load()
