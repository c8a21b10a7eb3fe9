"""Compound files (OLE 2), the container of older office formats and of Outlook: storages and streams, read only.

Invariants:

- Whatever a directory or a chain of sectors says, each entry is visited once and each chain ends after as many sectors as the file has.
- A stream is never longer than the file; names are compared without case, as Windows does.

Source: MS-CFB, sections 2.2 to 2.6.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from privet.metadata.job import CannotClean

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER: Final = 512
_ENTRY: Final = 128
_LAST: Final = 0xFFFFFFFA
"""sector numbers from here on are marks"""
_NONE: Final = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_MAX_ENTRIES: Final = 200_000


@dataclass(slots=True)
class Storage:
    """A folder of a compound file; names in capitals."""

    storages: dict[str, Storage] = field(default_factory=dict)
    streams: dict[str, tuple[int, int]] = field(default_factory=dict)
    """where each stream starts, and its size"""


class Compound:
    """A compound file that is in memory."""

    def __init__(self, data: bytes) -> None:
        """Read the tables of sectors and the directory.

        Raises:
            CannotClean: it is none, or too damaged.

        """
        try:
            self._read(data)
        except (struct.error, IndexError, RecursionError) as error:
            raise CannotClean("damaged: its directory cannot be read") from error

    def _read(self, data: bytes) -> None:
        if data[:8] != MAGIC:
            raise CannotClean("damaged: not a compound file")
        self._data = data
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or mini_shift != 6:
            raise CannotClean("damaged: its sectors have an unknown size")
        self._size = 1 << shift
        self._most = len(data) // self._size + 1
        directory, self._cutoff, mini_table = struct.unpack_from("<I4xII", data, 48)
        self._next = self._numbers(self._table(data))
        self._mini_next = self._numbers(self._chain(mini_table))
        entries = b"".join(self._sector(number) for number in self._chain(directory))
        self._mini = b""
        self.root = self._tree(entries)

    def _table(self, data: bytes) -> list[int]:
        """Return the sectors that hold the table of sectors (MS-CFB, 2.5)."""
        found = [number for number in struct.unpack_from("<109I", data, 76) if number < _LAST]
        more, count = struct.unpack_from("<II", data, 68)
        for _ in range(min(count, self._most)):
            if more >= _LAST:
                break
            numbers = struct.unpack(f"<{self._size // 4}I", self._sector(more))
            found += [number for number in numbers[:-1] if number < _LAST]
            more = numbers[-1]
        return found[: self._most]

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self._size
        # The last sector of a file is often cut.
        return self._data[start : start + self._size].ljust(self._size, b"\0")

    def _numbers(self, sectors: list[int]) -> list[int]:
        content = b"".join(self._sector(number) for number in sectors)
        return list(struct.unpack(f"<{len(content) // 4}I", content))

    def _chain(self, start: int) -> list[int]:
        return _followed(self._next, start, self._most)

    def _tree(self, entries: bytes) -> Storage:
        root = Storage()
        if entries[66] != _ROOT:
            raise CannotClean("damaged: its directory is missing")
        start, size = struct.unpack_from("<II", entries, 116)
        self._mini = b"".join(self._sector(number) for number in self._chain(start))[:size]
        seen = {0}
        todo = [(struct.unpack_from("<I", entries, 76)[0], root)]
        while todo:
            index, parent = todo.pop()
            if index == _NONE or index in seen or len(seen) > _MAX_ENTRIES or (index + 1) * _ENTRY > len(entries):
                continue
            seen.add(index)
            entry = entries[index * _ENTRY : (index + 1) * _ENTRY]
            length, kind, left, right, child = struct.unpack_from("<HBxIII", entry, 64)
            start, size = struct.unpack_from("<II", entry, 116)
            name = entry[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace").upper()
            if kind == _STREAM:
                parent.streams.setdefault(name, (start, size))
            elif kind == _STORAGE:
                below = parent.storages.setdefault(name, Storage())
                todo.append((child, below))
            todo += [(left, parent), (right, parent)]
        return root

    def content(self, storage: Storage, name: str) -> bytes:
        """Return the content of a stream, nothing where there is none of this name."""
        start, size = storage.streams.get(name.upper(), (_NONE, 0))
        if not size:
            return b""
        if size >= self._cutoff:
            most = min(self._most, size // self._size + 1)
            return b"".join(self._sector(number) for number in _followed(self._next, start, most))[:size]
        numbers = _followed(self._mini_next, start, size // 64 + 1)
        return b"".join(self._mini[number * 64 : number * 64 + 64] for number in numbers)[:size]


def _followed(table: list[int], start: int, most: int) -> list[int]:
    out: list[int] = []
    number = start
    while number < _LAST and len(out) < most:
        out.append(number)
        number = table[number] if number < len(table) else _NONE
    return out
