"""What a vault in a database tells: search, records, counts. It is read again where others wrote meanwhile.

Invariants: all that is told was held against the anchor; a row that changed since is read anew, or told as damaged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from privet.errors import BadInput, Damaged
from privet.vault.batch import checked_count, checked_ids, checked_queries, checked_subject
from privet.vault.contents import Hit, Record, Summary
from privet.vault.obfuscation import Leakage, Rotation
from privet.vault.remote_contents import RemoteContents
from privet.vault.remote_search import RemoteSearch, Stale
from privet.vault.remote_state import RemoteState
from privet.vault.remote_tokens import Tokens
from privet.vault.where import Where

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_T = TypeVar("_T")


class RemoteReader:
    """Reads a sealed store of embeddings in a database; it may be shared by threads."""

    def __init__(self, state: RemoteState, rotation: Rotation | None) -> None:
        self._state = state
        self._rotation = rotation
        self._lock = threading.RLock()
        self._is_closed = False
        self._leakage: Leakage | None = None
        self._search = RemoteSearch(state, rotation)

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

    def is_of(self, record_id: str, subject: str) -> bool:
        """Tell whether a record is a subject's, so that `forget` reaches it."""
        with self._lock:
            row = self._contents.by_id.get(record_id)
            number = self._state.keys.subjects.number_of(checked_subject(subject))
            return row is not None and number is not None and self._contents.subject_of(row) == number

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
        return self._state.seals.key_of(*checked_ids([record_id]))

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
            BadInput: another size, a value that is not finite, `k` no number from 1 on, or not a filter.
            Damaged: a record is not what was written, or not what the filter asked for.
            RolledBack: rows are missing, or older than they were.

        """
        with self._lock:
            self._usable()
            queries = checked_queries(vectors, self.dimensions)
            count = checked_count(k)
            return self._twice(lambda: self._search.search(queries, count, where, exact=exact))

    def get(self, ids: Sequence[str]) -> list[Record | None]:
        """Return records beside their ids, None where there is none.

        Raises:
            Damaged: a record is not what was written.
            RolledBack: rows are missing, or older than they were.

        """
        names = checked_ids(ids)
        with self._lock:
            self._usable()
            return self._twice(lambda: self._search.get(names))

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

    @property
    def _contents(self) -> RemoteContents:
        return self._state.contents

    @property
    def _tokens(self) -> Tokens:
        return self._state.tokens

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
