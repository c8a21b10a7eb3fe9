"""What is noted of each cleaned row: a digest, a signature of its words, its group. Enough to find duplicates, too little to read.

Invariants:

- Marks are made of cleaned rows alone, in the order in which they are written.
- They are the same in every process, on every machine, for every cut of a file into units.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, time, timedelta
from decimal import Decimal
from math import prod
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

import msgspec
import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from privet.ingest.record_file import MISSING
from privet.ingest.signatures import SIGNATURE_BYTES, signatures
from privet.ingest.stored import Stored
from privet.policy import ScrubPolicy

DIGEST_BYTES: Final = 16
_GROUP_BYTES: Final = 8
_DATA_COLUMNS: Final = 3
_TEXT_SPACES: Final = 2
"""A row of three columns or more, none of which holds three words, is data and no text: equal rows of a survey are answers, not copies."""
_BEGINNING_CHARS: Final = 64
_MOST_HELD: Final = 1 << 14
"""Rows that are held in memory where there is a folder for the rest."""
Bytes = npt.NDArray[np.uint8]


class Marks:
    """The marks of the rows of one part, until they are saved. With `keeps_all` no row is a copy of another."""

    def __init__(self, scrub: ScrubPolicy, *, keeps_all: bool = False) -> None:
        self._keeps_all = keeps_all
        self._near = scrub.near_duplicates == "drop" and not keeps_all
        self._columns = sorted(scrub.quasi_identifiers)
        self._sensitive = sorted(scrub.sensitive)
        self._folder: Path | None = None
        self._stack = ExitStack()
        self._forget()

    def _forget(self) -> None:
        self._forget_held()
        self._stack.close()
        self._written: dict[str, Stored] = {}
        self._has_all = False
        self.rows = 0

    def _forget_held(self) -> None:
        self._digests: list[bytes] = []
        self._signatures: list[Bytes] = []
        self._groups: list[bytes] = []
        self._values: list[bytes] = []

    @contextmanager
    def in_folder(self, folder: Path) -> Iterator[None]:
        """Hold few rows in memory meanwhile and the rest in files there: a packed file of any size is one part."""
        self._folder = folder
        try:
            yield
        finally:
            self._folder = None
            self._forget()

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
        if self._folder is not None and len(self._digests) >= _MOST_HELD:
            self._write_held(self._folder)

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
        if not self._written or self._folder is None:
            held: dict[str, Any] = {**self._held(), "has_all": np.array([self._has_all])}
            np.savez(file, **held)
        else:
            self._write_held(self._folder)
            with zipfile.ZipFile(file, "w") as archive:
                for name, rows in self._written.items():
                    _save(archive, name, rows)
                _save(archive, "has_all", np.array([self._has_all]))
        self._forget()

    def _held(self) -> dict[str, npt.NDArray[Any]]:
        empty = np.zeros((0, SIGNATURE_BYTES), np.uint8)
        return {
            "digests": np.frombuffer(b"".join(self._digests), np.uint8).reshape(-1, DIGEST_BYTES),
            "signatures": np.concatenate(self._signatures) if self._signatures else empty,
            "groups": np.frombuffer(b"".join(self._groups), np.uint64),
            "values": np.frombuffer(b"".join(self._values), np.uint64).reshape(len(self._groups), len(self._sensitive)),
        }

    def _write_held(self, folder: Path) -> None:
        for name, rows in self._held().items():
            if name not in self._written:
                self._written[name] = self._stack.enter_context(Stored(folder, rows.dtype, rows.shape[1:]))
            self._written[name].append(rows)
        self._forget_held()


def _save(archive: zipfile.ZipFile, name: str, rows: Stored | npt.NDArray[Any]) -> None:
    """Write an array as numpy.savez does."""
    shape = (rows.rows, *rows.width) if isinstance(rows, Stored) else rows.shape
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        header = {"descr": npy.dtype_to_descr(rows.dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(file, header)
        if isinstance(rows, Stored):
            for start in range(0, rows.rows, _MOST_HELD):
                file.write(rows.read(start, start + _MOST_HELD).tobytes())
        else:
            file.write(rows.tobytes())


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


def pieces(path: Path, name: str, rows: int) -> Iterator[npt.NDArray[Any]]:
    """Yield an array of saved marks, so many rows at a time."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        shape, dtype = _header(file)
        while data := file.read(rows * dtype.itemsize * prod(shape[1:])):
            yield np.frombuffer(data, dtype).reshape(-1, *shape[1:])


def count(path: Path) -> int:
    """Return the number of rows of saved marks."""
    with zipfile.ZipFile(path) as archive, archive.open("digests.npy") as file:
        return _header(file)[0][0]


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    npy.read_magic(file)
    shape, _, dtype = npy.read_array_header_1_0(file)
    return shape, dtype
