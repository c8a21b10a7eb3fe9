"""What is noted of each cleaned row: a digest, a signature of its words, its group. Enough to find duplicates, too little to read.

Invariants:

- Marks are made of cleaned rows alone, in the order in which they are written.
- They are the same in every process, on every machine, for every cut of a file into units.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import numpy as np
import numpy.typing as npt

from privet.ingest.record_file import MISSING
from privet.ingest.signatures import SIGNATURE_BYTES, signatures
from privet.policy import ScrubPolicy

DIGEST_BYTES: Final = 16
_GROUP_BYTES: Final = 8
_DATA_COLUMNS: Final = 3
_TEXT_SPACES: Final = 2
"""A row of three columns or more, none of which holds three words, is data and no text: equal rows of a survey are answers, not copies."""
_BEGINNING_CHARS: Final = 64
Bytes = npt.NDArray[np.uint8]


class Marks:
    """The marks of the rows of one part, in memory until they are saved. With `keeps_all` no row is a copy of another."""

    def __init__(self, scrub: ScrubPolicy, *, keeps_all: bool = False) -> None:
        self._keeps_all = keeps_all
        self._near = scrub.near_duplicates == "drop" and not keeps_all
        self._columns = sorted(scrub.quasi_identifiers)
        self._sensitive = sorted(scrub.sensitive)
        self._forget()

    def _forget(self) -> None:
        self._digests: list[bytes] = []
        self._signatures: list[Bytes] = []
        self._groups: list[bytes] = []
        self._values: list[bytes] = []
        self._has_all = False
        self.rows = 0

    def add(self, batch: dict[str, list[Any]], identities: Sequence[bytes] | None) -> None:
        """Note the rows of a batch; `identities` are the bytes that make two rows equal."""
        names = list(batch)
        rows = list(zip(*batch.values(), strict=True))
        if not names and identities is not None:
            rows = [()] * len(identities)
        if identities is None:
            identities = [_encoded(dict(zip(names, row, strict=True))) for row in rows]
        texts = _all_texts(batch, rows)
        # Rows of a table of people are data, however few columns it has: that they are alike is what groups are for.
        is_short = len(names) < _DATA_COLUMNS and not (self._columns and batch.keys() >= set(self._columns))
        speaks = [not self._keeps_all] * len(texts)
        if not (is_short or self._keeps_all):
            speaks = [any(map(_speaks, held)) for held in texts]
        self._digests += [
            hashlib.blake2b(identity, digest_size=DIGEST_BYTES).digest() if says else bytes(DIGEST_BYTES)
            for identity, says in zip(identities, speaks, strict=True)
        ]
        self.rows += len(identities)
        if self._near:
            joined = ["\n".join(held) if says else "" for held, says in zip(texts, speaks, strict=True)]
            self._signatures.append(signatures(joined))
        if self._columns:
            self._add_groups(batch, len(identities))

    def _add_groups(self, batch: dict[str, list[Any]], rows: int) -> None:
        absent = [MISSING] * rows
        columns = [batch.get(column, absent) for column in self._columns]
        sensitive = [batch.get(column, absent) for column in self._sensitive]
        for at in range(rows):
            held = [column[at] for column in columns]
            lacking = sum(value is MISSING for value in held)
            self._has_all |= not lacking
            self._groups.append(_hash(held) if lacking < len(held) else bytes(_GROUP_BYTES))
            self._values += [_hash([column[at]]) for column in sensitive]

    def as_document(self) -> None:
        """Take what was noted for one document: where it is a record of somebody it is no copy of another, but counts in its group."""
        if self._has_all:
            self._digests = [bytes(DIGEST_BYTES)] * self.rows
            self._signatures = []

    def save(self, file: BinaryIO) -> None:
        """Write the marks as .npz, and forget them.

        Arrays: `digests` (rows, 16) uint8, 0 for rows that are nobody's copies;
        `signatures` (rows, SIGNATURE_BYTES) uint8 or (0, …); `groups` (rows,) uint64 or (0,), 0 for
        a row without any quasi-identifier; `values` (rows, sensitive columns) uint64; `has_all` (1,) whether a row has all of them.
        """
        empty = np.zeros((0, SIGNATURE_BYTES), np.uint8)
        np.savez(
            file,
            digests=np.frombuffer(b"".join(self._digests), np.uint8).reshape(-1, DIGEST_BYTES),
            signatures=np.concatenate(self._signatures) if self._signatures else empty,
            groups=np.frombuffer(b"".join(self._groups), np.uint64),
            values=np.frombuffer(b"".join(self._values), np.uint64).reshape(len(self._groups), len(self._sensitive)),
            has_all=np.array([self._has_all]),
        )
        self._forget()


def _speaks(text: str) -> bool:
    # Most texts tell by their beginning.
    return text.count(" ", 0, _BEGINNING_CHARS) >= _TEXT_SPACES or text.count(" ") >= _TEXT_SPACES


def _all_texts(batch: dict[str, list[Any]], rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[str]]:
    """Return the texts of each row; where each column is all texts or all numbers, as most are, by columns."""
    types = {name: set(map(type, values)) for name, values in batch.items()}
    if not all(found == {str} or found <= _PLAIN for found in types.values()):
        return [_texts(row) for row in rows]
    held = [batch[name] for name, found in types.items() if found == {str}]
    return list(zip(*held, strict=True)) if held else [()] * len(rows)


_PLAIN: Final = frozenset((int, float, bool, type(None)))


def _texts(row: Sequence[Any]) -> list[str]:
    out: list[str] = []
    waiting = list(reversed(row))
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            out.append(value)
        elif isinstance(value, dict):
            waiting += reversed(list(value.values()))
        elif isinstance(value, (list, tuple)):
            waiting += reversed(value)
    return out


def _hash(values: Sequence[Any]) -> bytes:
    return hashlib.blake2b(_encoded(values), digest_size=_GROUP_BYTES).digest()


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except UnicodeEncodeError:
        # Half of a pair of surrogates, as JSON may hold: no UTF-8.
        return repr(value).encode()


def _plain(value: Any) -> Any:
    if value is MISSING:
        return {"missing": True}
    if isinstance(value, (Decimal, date, time, timedelta, complex)):
        return str(value)
    return repr(type(value))


def load(path: Path, *names: str) -> dict[str, npt.NDArray[Any]]:
    """Return these arrays of saved marks, or all: only what is asked for is read."""
    with np.load(path) as held:
        return {name: held[name] for name in names or held.files}
