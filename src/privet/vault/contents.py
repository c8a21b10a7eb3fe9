"""What a vault holds, as it lies in memory: rows, vectors to search, metadata to filter by; documents are read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from privet.vault.batch import Incoming, Joined
from privet.vault.frames import Batch, Cold, Placed
from privet.vault.index import Index
from privet.vault.recent import Recent
from privet.vault.rows import Rows
from privet.vault.segments import Stored
from privet.vault.store import Store
from privet.vault.subjects import SubjectKeys
from privet.vault.where import Columns, Where

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REWRITE_BYTES = 1 << 25
_COLD = msgspec.msgpack.Decoder(Cold)


class Hit(NamedTuple):
    """A record that was found; `score` is its cosine to the query, from -1 to 1."""

    id: str
    score: float
    document: str | None
    metadata: dict[str, Any] | None

    def __repr__(self) -> str:
        return f"Hit({self.score:.3f})"


class Record(NamedTuple):
    """A record as it was added; `vector` has shape (dimensions,)."""

    id: str
    vector: NDArray[np.float32]
    document: str | None
    metadata: dict[str, Any] | None

    def __repr__(self) -> str:
        return "Record(...)"


class Summary(NamedTuple):
    """What a vault holds, in counts, and whether its vectors lie in locked memory."""

    records: int
    subjects: int
    dimensions: int
    generation: int
    is_locked: bool


class Contents:
    """The records of a store. Not for several threads at once: the vault has a lock."""

    def __init__(self, store: Store, keys: SubjectKeys) -> None:
        self._store = store
        self._keys = keys
        self.rows = Rows()
        self.index: Index | None = None
        self._filters: Columns | None = None
        self._recent = Recent(store)

    def __repr__(self) -> str:
        return f"Contents({self.rows!r})"

    def load(self, *, accept_older: bool) -> None:
        """Read everything for the first time.

        Raises:
            Damaged: a file is missing, or not what was written.
            RolledBack: it is older than what was acknowledged.

        """
        self._make_room()
        for number, place, area in self._store.frames(accept_older=accept_older):
            self._load_frame(number, place, area)
        self._store.settle()

    def reload(self) -> None:
        """Read everything again, after it was written anew."""
        self.wipe()
        self._make_room()
        for number, place, area in self._store.again():
            self._load_frame(number, place, area)

    def _make_room(self) -> None:
        if count := self._store.most_records:
            self._searched(self._store.dimensions).reserve(count)

    def wipe(self) -> None:
        """Forget everything that is in memory."""
        if self.index is not None:
            self.index.wipe()
        self.rows = Rows()
        self.index = self._filters = None
        self._recent = Recent(self._store)

    def _load_frame(self, number: int, place: Placed, area: memoryview) -> None:
        directory = place.directory
        if directory.deleted:
            self.remove(self.rows.with_numbers(directory.deleted))
        numbers = chain.from_iterable(range(first, first + count) for first, count in directory.numbers)
        runs = zip(directory.runs, self._store.runs(number, place, area), strict=True)
        for run, found in runs:
            own = list(islice(numbers, run.count))
            if found is not None:
                stored, vectors, ids, sizes = found
                self.rows.add(stored, ids, sizes, own)
                values = np.frombuffer(vectors, dtype="<f4").reshape(run.count, directory.dimensions)
                self._searched(directory.dimensions).add(values)

    def take(self, what: Incoming, batch: Batch, order: list[int], runs: list[Stored]) -> None:
        """Keep what was written; `order` says which of the records stands where in the runs."""
        number = batch.numbers[0][0] if batch.numbers else 0
        position = 0
        for stored, part in zip(runs, batch.parts, strict=True):
            end = position + stored.run.count
            sizes = [len(entry) for entry in part.cold]
            self.rows.add(stored, part.ids, sizes, range(number + position, number + end))
            vectors = what.vectors if len(runs) == 1 else what.vectors[order[position:end]]
            self._searched(what.vectors.shape[1]).add(vectors)
            position = end
        if self._filters is not None:
            self._filters.add(what.metadata[row] for row in order)

    def remove(self, rows: list[int]) -> None:
        """Take records out of memory."""
        self._recent.drop({self.rows.run_of(row) for row in rows})
        self.rows.remove(rows)
        if rows and self.index is not None:
            self.index.take_out(rows)

    def forget(self, subject: int) -> int:
        """Take the records of a subject out of memory, what filters know of them included; return how many."""
        rows = self.rows.of_subject(subject)
        self.remove(rows)
        # It holds the values of all records in one table, which is made again when it is asked for.
        self._filters = None
        return len(rows)

    def _searched(self, dimensions: int) -> Index:
        if self.index is None:
            self.index = Index(dimensions)
        return self.index

    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, *, exact: bool) -> list[list[Hit]]:
        """Return for each query the `k` nearest records."""
        count = len(self.rows.by_id)
        wanted: NDArray[np.bool_] | None = self.rows.mask() if self.rows.has_gaps else None
        if where is not None:
            wanted = self._columns().mask(where) & self.rows.mask()
            count = int(wanted.sum())
        if self.index is None or not count:
            return [[] for _ in queries]
        scores, rows = self.index.search(queries, min(k, count), wanted, exact=exact)
        return [self._hits(*found) for found in zip(scores, rows, strict=True)]

    def _hits(self, scores: NDArray[np.float32], found: NDArray[np.int64]) -> list[Hit]:
        id_of, cold = self.rows.id_of, self._cold
        return [Hit(id_of(row), score, *cold(row)) for score, row in zip(scores.tolist(), found.tolist(), strict=True)]

    def get(self, ids: Sequence[str]) -> list[Record | None]:
        """Return records beside their ids, None where there is none."""
        vectors: dict[int, NDArray[np.float32]] = {}
        found: list[Record | None] = []
        for record_id in ids:
            row = self.rows.by_id.get(record_id)
            if row is None:
                found.append(None)
                continue
            run = self.rows.run_of(row)
            if run not in vectors:
                vectors[run] = self._vectors_of(run)
            vector = vectors[run][self.rows.place_of(row, run)].copy()
            found.append(Record(record_id, vector, *self._cold(row)))
        return found

    def rewritten(self) -> Iterator[Batch]:
        """Yield all records that are left, in frames of some size, the runs of one subject joined."""
        joined = Joined(self._keys.key_of)
        for run, stored in enumerate(self.rows.runs):
            rows = self.rows.of_run(run)
            if not rows:
                continue
            vectors, cold = self._vectors_of(run), self._store.cold_whole(stored)
            for row in rows:
                start, size = self.rows.cold_of(row)
                joined.add(
                    stored.run.subject,
                    self.rows.number_of(row),
                    self.rows.id_of(row),
                    vectors[self.rows.place_of(row, run)].tobytes(),
                    cold[start : start + size],
                )
            if joined.size > _REWRITE_BYTES:
                yield Batch(*joined.taken())
        if joined.size:
            yield Batch(*joined.taken())

    def _cold(self, row: int) -> tuple[str | None, dict[str, Any] | None]:
        found = _COLD.decode(self._recent.read(*self.rows.stored_of(row)))
        return found.document, found.metadata

    def _vectors_of(self, run: int) -> NDArray[np.float32]:
        stored = self.rows.runs[run]
        return np.frombuffer(self._store.hot(stored), dtype="<f4").reshape(stored.run.count, -1)

    def _columns(self) -> Columns:
        """Return the metadata of all records by field, read once."""
        if self._filters is None:
            filters = Columns()
            for run, stored in enumerate(self.rows.runs):
                filters.add(self._metadata_of(run, stored))
            self._filters = filters
        return self._filters

    def _metadata_of(self, run: int, stored: Stored) -> list[Mapping[str, Any] | None]:
        rows = self.rows.of_run(run)
        found: list[Mapping[str, Any] | None] = [None] * stored.run.count
        # The key of one who was forgotten is gone, and with it all rows of the run.
        cold = self._store.cold_whole(stored) if rows else b""
        for row in rows:
            start, size = self.rows.cold_of(row)
            entry = _COLD.decode(cold[start : start + size])
            found[self.rows.place_of(row, run)] = entry.metadata
        return found
