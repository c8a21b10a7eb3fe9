"""Searching what lies in a database: places are found in memory, documents are fetched for what was found.

Invariants: what the database gives is held against what is in memory before it is believed, and hits against the filter.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from privet.errors import BadInput, Damaged
from privet.vault.contents import Hit, Record
from privet.vault.obfuscation import Rotation
from privet.vault.remote_contents import RemoteContents
from privet.vault.remote_state import RemoteState
from privet.vault.remote_table import SealedRow
from privet.vault.where import Columns, Where

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Stale(Exception):
    """The database has another version of a row than memory: somebody wrote since, or it is not what was written."""


class RemoteSearch:
    """Finds records and reads them. The caller holds the vault's lock."""

    def __init__(self, state: RemoteState, rotation: Rotation | None) -> None:
        self._state = state
        self._rotation = rotation

    def __repr__(self) -> str:
        return "RemoteSearch(...)"

    @property
    def _contents(self) -> RemoteContents:
        return self._state.contents

    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, *, exact: bool) -> list[list[Hit]]:
        """Return for each query the `k` nearest records.

        Raises:
            Stale: read what others wrote, and try again.

        """
        contents, groups = self._contents, [] if where is None else self._state.tokens.groups(where)
        found = self._places(queries, k, where, groups, exact=exact)
        rows = sorted({row for hits in found for _, row in hits})
        held = dict(self._stored(rows))
        cold = {row: self._state.seals.content(held[row], contents.subject_of(row)) for row in rows}
        if where is not None and rows:
            check = Columns()
            check.add(cold[row][1] for row in rows)
            if not check.mask(where).all():
                raise Damaged("the database gave records that the filter does not let pass", hint="see who changed it")
        return [[Hit(contents.id_of(row), score, *cold[row]) for score, row in hits] for hits in found]

    def _places(
        self,
        queries: NDArray[np.float32],
        k: int,
        where: Where | None,
        groups: list[list[bytes]] | None,
        *,
        exact: bool,
    ) -> list[list[tuple[float, int]]]:
        """Return scores and rows for each query."""
        contents = self._contents
        if self._rotation is not None:
            if groups is None:
                raise BadInput("the database cannot answer this filter", hint="ask for equality of filter_fields only")
            if not len(self._contents.by_id):
                return [[] for _ in queries]
            near = (self._state.table.nearest(query, k, groups) for query in self._rotation.turned(queries))
            placed = ([(score, self._row(key)) for key, score in hits] for hits in near)
            # Rows of a forgotten subject may still be there, if the database could not remove them.
            return [[(score, row) for score, row in hits if contents.id_of(row)] for hits in placed]
        wanted = None if len(self._contents.by_id) == len(contents) else contents.mask()
        if where is not None and groups is not None:
            wanted = contents.mask(self._state.table.matching(groups))
        elif where is not None:
            wanted = self._filters().mask(where) & contents.mask()
        count = len(self._contents.by_id) if wanted is None else int(wanted.sum())
        if contents.index is None or not count:
            return [[] for _ in queries]
        scores, rows = contents.index.search(queries, min(k, count), wanted, exact=exact)
        return [
            list(zip(each.tolist(), numbers.tolist(), strict=True)) for each, numbers in zip(scores, rows, strict=True)
        ]

    def _row(self, key: bytes) -> int:
        row = self._contents.by_key.get(key)
        if row is None:
            raise Stale
        return row

    def _filters(self) -> Columns:
        """Return the metadata of all records by field, those read that are not there yet."""
        contents = self._contents
        first = 0 if contents.filters is None else contents.filters.count
        if first < len(contents) or contents.filters is None:
            wanted = [row for row in contents.by_id.values() if row >= first]
            held = self._stored(wanted, everything=first == 0)
            return contents.filtered_by(
                {row: self._state.seals.content(sealed, contents.subject_of(row))[1] for row, sealed in held}
            )
        return contents.filters

    def _stored(self, rows: Sequence[int], *, everything: bool = False) -> Generator[tuple[int, SealedRow]]:
        """Yield rows as the database has them, in the versions that are in memory."""
        if not rows:
            return
        contents = self._contents
        wanted = {contents.version_of(row): row for row in rows}
        keys = None if everything else [contents.key_of(row) for row in rows]
        with closing(self._state.table.rows(keys)) as stored:
            for sealed in stored:
                row = wanted.pop((sealed.key, sealed.generation), None)
                if row is None:
                    continue
                if self._state.seals.element(sealed) != contents.element(row):
                    raise Stale
                yield row, sealed
        if wanted:
            raise Stale

    def get(self, ids: Sequence[str]) -> list[Record | None]:
        """Return records beside their ids, None where there is none; raise `Stale` as `search` does."""
        contents, seals = self._contents, self._state.seals
        rows = {name: contents.by_id[name] for name in ids if name in contents.by_id}
        held = dict(self._stored(list(rows.values())))
        numbers = {sealed.key: row for row, sealed in held.items()}
        found: dict[str, Record] = {}
        for sealed, opened in seals.opened(row for row in held.values()):
            if opened.vector is None:
                raise Stale
            content = seals.content(sealed, contents.subject_of(numbers[sealed.key]))
            found[opened.id] = Record(opened.id, opened.vector.copy(), *content)
        return [found.get(name) for name in ids]
