"""Properties of old office files (OLE compound files): who wrote them, for which company, with what title.

Invariants:

- only the directory and the two property sets are read, by [MS-CFB] and [MS-OLEPS]
- chains of sectors are followed at most as often as there are sectors
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from
from typing import BinaryIO, Final

from privet.audit.tag import Tag

_MOST: Final = 256 * 1024 * 1024
_END: Final = 0xFFFFFFFA
_SMALL_STREAM: Final = 4096
_SHIFTS: Final = (9, 12)
_SET_BYTES: Final = 1 << 20
_SUMMARY: Final = {
    2: "title",
    3: "title",
    4: "author",
    5: "comment",
    6: "comment",
    7: "path",
    8: "author",
    17: "thumbnail",
}
_DOCUMENT: Final = {2: "comment", 14: "company", 15: "company", 26: "comment", 27: "comment", 28: "comment", 21: "path"}
_SETS: Final = {"\5SummaryInformation": _SUMMARY, "\5DocumentSummaryInformation": _DOCUMENT}
_TEXT, _WIDE_TEXT = 30, 31


class _Compound:
    """The sectors of a compound file."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        shift = unpack_from("<H", raw, 30)[0]
        if shift not in _SHIFTS:
            raise ValueError("sectors of a size that none has")
        self._size = 1 << shift
        count, self._first, small = unpack_from("<I I 8x I", raw, 44)
        count = min(count, len(raw) // self._size + 1)
        tables = list(unpack_from("<109I", raw, 76))
        more = unpack_from("<I", raw, 68)[0]
        while more < _END and len(tables) < count + 109:
            listed = unpack_from(f"<{self._size // 4}I", self._sector(more))
            tables += listed[:-1]
            more = listed[-1]
        self._next: list[int] = []
        for sector in tables[:count]:
            if sector < _END:
                self._next += unpack_from(f"<{self._size // 4}I", self._sector(sector))
        self._small_next = b""
        self._small_next = self.chain(small) if small < _END else b""

    def _sector(self, number: int) -> bytes:
        return self._raw[(number + 1) * self._size : (number + 2) * self._size].ljust(self._size, b"\0")

    def chain(self, number: int) -> bytes:
        """Return what a chain of sectors holds."""
        parts: list[bytes] = []
        while number < len(self._next) and len(parts) <= len(self._next):
            parts.append(self._sector(number))
            number = self._next[number]
        return b"".join(parts)

    def streams(self) -> Iterator[tuple[str, bytes]]:
        """Yield the streams of properties, each once, with their content."""
        directory = self.chain(self._first)
        seen: set[str] = set()
        root = b""
        for place in range(0, len(directory) - 127, 128):
            length = unpack_from("<H", directory, place + 64)[0]
            name = directory[place : place + max(0, min(64, length) - 2)].decode("utf-16-le", "replace")
            start, size = unpack_from("<II", directory, place + 116)
            if place == 0:
                root = self.chain(start)
            elif name in _SETS and name not in seen and size < _SET_BYTES:
                seen.add(name)
                yield name, self.chain(start)[:size] if size >= _SMALL_STREAM else self._small(root, start, size)

    def _small(self, root: bytes, number: int, size: int) -> bytes:
        parts: list[bytes] = []
        while number < _END and len(parts) <= size // 64:
            parts.append(root[64 * number : 64 * number + 64])
            if 4 * number + 4 > len(self._small_next):
                break
            number = unpack_from("<I", self._small_next, 4 * number)[0]
        return b"".join(parts)[:size]


def properties(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the properties that have a value."""
    for name, body in _Compound(stream.read(_MOST)).streams():
        if len(body) >= 48:
            yield from _set(body, _SETS[name])


def _set(body: bytes, known: dict[int, str]) -> Iterator[Tag]:
    sets = unpack_from("<I", body, 24)[0]
    for at in range(min(sets, 2)):
        start = unpack_from("<I", body, 44 + 20 * at)[0]
        count = unpack_from("<I", body, start + 4)[0]
        for number in range(min(count, 1000)):
            kind, place = unpack_from("<II", body, start + 8 + 8 * number)
            said = known.get(kind) if at == 0 else "custom" if kind > 1 else None
            value = _value(body, start + place)
            if said and value.strip("\0 "):
                yield Tag(f"metadata-office-{said}", text=value.strip("\0 "), owner=said == "author")


def _value(body: bytes, place: int) -> str:
    kind, size = unpack_from("<II", body, place)
    if kind == _TEXT:
        return body[place + 8 : place + 8 + size].decode("cp1252", "replace")
    if kind == _WIDE_TEXT:
        return body[place + 8 : place + 8 + 2 * size].decode("utf-16-le", "replace")
    return ""
