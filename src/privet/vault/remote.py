"""A vault whose sealed records lie in somebody else's database: the same calls as `Vault`, searched in memory.

Invariants:

- What `add`, `delete` and `forget` return from is in the database, whole. Keys and the anchor never are.
- Each opening, refresh and write compares the set of all rows with the anchor: one that is missing, swapped, or older than it was is told.
- Several processes may share the key folder; one writes at a time, and each write begins with what the others wrote.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from privet.errors import BadInput, Damaged
from privet.vault.batch import Incoming, checked_queries, incoming
from privet.vault.contents import Hit, Record
from privet.vault.key_source import KeySource
from privet.vault.obfuscation import FEWEST, SAMPLE, Leakage, ObfuscatedSearch, ObfuscationWarning, Rotation, measured
from privet.vault.remote_contents import RemoteContents
from privet.vault.remote_rows import Opened
from privet.vault.remote_search import RemoteSearch, Stale
from privet.vault.remote_state import RemoteState
from privet.vault.remote_table import SealedRow
from privet.vault.remote_tokens import Tokens
from privet.vault.vault import Summary
from privet.vault.where import Where

if TYPE_CHECKING:
    from numpy.typing import NDArray

_T = TypeVar("_T")
_REWRITE_LEAST = 4096
"""With fewer rows gone memory is not read anew."""


class RemoteVault:
    """A sealed store of embeddings in a database. Made by `PostgresVault.open` and `QdrantVault.open`; it may be shared by threads."""

    def __init__(self, state: RemoteState, *, read_only: bool, obfuscated: ObfuscatedSearch | None) -> None:
        self._state = state
        self._read_only = read_only
        self._obfuscated = obfuscated
        self._lock = threading.RLock()
        self._is_closed = False
        self._rotation: Rotation | None = None
        self._leakage: Leakage | None = None
        if obfuscated is not None:
            self._rotation = Rotation(state.keys.subjects.data_key, obfuscated.dimensions)
            self._measure()
        self._search = RemoteSearch(state, self._rotation)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} records)"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database, and overwrite what was decrypted as far as Python allows."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._state.close()

    def __len__(self) -> int:
        """How many records there are, as far as this process knows."""
        return len(self._contents.by_id)

    def __contains__(self, record_id: object) -> bool:
        """Tell whether there is a record of this id, as far as this process knows."""
        return record_id in self._contents.by_id

    def ids(self) -> list[str]:
        """Return the ids of all records."""
        with self._lock:
            return list(self._contents.by_id)

    @property
    def dimensions(self) -> int:
        """The size of vectors, 0 before the first one."""
        return self._contents.dimensions

    @property
    def filter_fields(self) -> tuple[str, ...]:
        """The fields that have tokens in the database."""
        return self._tokens.fields

    @property
    def leakage(self) -> Leakage | None:
        """What was measured against the rotation; None without `obfuscated_search`."""
        return self._leakage

    def row_key(self, record_id: str) -> bytes:
        """Return the name that a record has in the database, for references from tables of your own."""
        return self._state.seals.key_of(record_id)

    def token(self, field: str, value: Any) -> bytes:
        """Return the token of a field's value, for queries of your own.

        Raises:
            BadInput: the field is none of `filter_fields`.

        """
        return self._tokens.of(field, value)

    def summary(self) -> Summary:
        """Return what the vault holds, in counts."""
        with self._lock:
            index = self._contents.index
            locked = index.is_locked if index is not None else True
            generation = self._contents.rows.generation
            return Summary(len(self), len(self._state.keys.subjects), self.dimensions, generation, locked)

    def refresh(self) -> int:
        """Read what other processes wrote since; return how many records there are now.

        Raises:
            Damaged: a row is not what was written.
            RolledBack: rows are missing, or older than they were.

        """
        with self._lock:
            self._usable()
            self._state.refresh()
            return len(self)

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
        if isinstance(ids, str):
            raise BadInput("expected a list of ids, found a single one", hint="put it in a list")
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
        with self._writing():
            return self._state.forget(subject)

    def search(
        self, vectors: NDArray[np.float32], k: int = 10, where: Where | None = None, *, exact: bool = False
    ) -> list[list[Hit]]:
        """Return for each query the `k` nearest records by cosine, best first.

        Args:
            vectors: shape (queries, dimensions).
            k: how many for each query, at most.
            where: a filter over metadata, see `privet.vault.where`. The database answers it where all fields have tokens; otherwise all
                metadata is read once.
            exact: compare with every vector.

        Raises:
            BadInput: another size, a value that is not finite, `k` below 1, or not a filter.
            Damaged: a record is not what was written, or not what the filter asked for.
            RolledBack: rows are missing, or older than they were.

        """
        with self._lock:
            self._usable()
            queries = checked_queries(vectors, self.dimensions)
            if k < 1:
                raise BadInput(f"expected k of 1 or more, found {k}")
            return self._twice(lambda: self._search.search(queries, k, where, exact=exact))

    def get(self, ids: Sequence[str]) -> list[Record | None]:
        """Return records beside their ids, None where there is none.

        Raises:
            Damaged: a record is not what was written.
            RolledBack: rows are missing, or older than they were.

        """
        if isinstance(ids, str):
            raise BadInput("expected a list of ids, found a single one", hint="put it in a list")
        with self._lock:
            self._usable()
            return self._twice(lambda: self._search.get(ids))

    def verify(self) -> Summary:
        """Read and authenticate every row of the database.

        Raises:
            Damaged: names the row that is not what was written.
            RolledBack: rows are missing, or older than they were.

        """
        with self._lock:
            self._usable()
            self._state.verify()
            return self.summary()

    def rotate(self, keys: KeySource | Path | str | None = None) -> None:
        """Make a new root key and seal all keys under it; no row is rewritten. `keys` moves the root key to another source.

        Raises:
            Unprotected: the source cannot store a key; the old one still opens the vault.

        """
        with self._writing():
            self._state.keys.rotate(keys)

    @property
    def _contents(self) -> RemoteContents:
        return self._state.contents

    @property
    def _tokens(self) -> Tokens:
        return self._state.tokens

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

    def _twice(self, attempt: Callable[[], _T]) -> _T:
        """Return what was read; where others wrote meanwhile, that is read first."""
        try:
            return attempt()
        except Stale:
            self._state.refresh()
        try:
            return attempt()
        except Stale as error:
            raise Damaged(
                f"rows of {self._state.table.name} change while they are read, or are not what was written",
                hint="try again; where that does not help, restore the table from its newest backup",
            ) from error

    def _usable(self) -> None:
        if self._is_closed:
            raise BadInput("the vault is closed", hint="open it again")
