"""Compound files made by hand from MS-CFB, for tests of what reads them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_END, _FREE, _TABLE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
Tree = dict[str, "bytes | Tree"]


@dataclass
class _Entry:
    name: str
    kind: int
    content: bytes = b""
    child: int = _FREE
    right: int = _FREE
    start: int = _END
    below: Tree = field(default_factory=dict)


def compound(tree: Tree, cutoff: int = 4096) -> bytes:
    """Return a compound file of version 3 with these storages and streams; siblings are a list, which readers take as well as a tree."""
    entries = [_Entry("Root Entry", 5, below=tree)]
    for entry in entries:
        last: _Entry | None = None
        for name, value in entry.below.items():
            new = _Entry(name, 2, value) if isinstance(value, bytes) else _Entry(name, 1, below=value)
            entries.append(new)
            if last is None:
                entry.child = len(entries) - 1
            else:
                last.right = len(entries) - 1
            last = new
    sectors: list[bytes] = []
    chains: list[int] = []

    def stored(content: bytes) -> int:
        pieces = [content[at : at + 512].ljust(512, b"\0") for at in range(0, len(content), 512)]
        start = len(sectors)
        sectors.extend(pieces)
        chains.extend(range(start + 1, start + len(pieces)))
        if pieces:
            chains.append(_END)
        return start if pieces else _END

    small: list[bytes] = []
    small_chains: list[int] = []
    for entry in entries[1:]:
        if entry.kind != 2 or not entry.content:
            continue
        if len(entry.content) >= cutoff:
            entry.start = stored(entry.content)
            continue
        pieces = [entry.content[at : at + 64].ljust(64, b"\0") for at in range(0, len(entry.content), 64)]
        entry.start = len(small)
        small += pieces
        small_chains += [*range(entry.start + 1, entry.start + len(pieces)), _END]
    entries[0].content = b"".join(small)
    entries[0].start = stored(entries[0].content)
    small_table = stored(struct.pack(f"<{len(small_chains)}I", *small_chains))
    directory = stored(b"".join(_packed(entry) for entry in entries).ljust(-(-len(entries) // 4) * 512, b"\0"))
    count = 1
    while (len(chains) + count) * 4 > count * 512:
        count += 1
    first = len(sectors)
    chains += [_TABLE] * count
    table = struct.pack(f"<{len(chains)}I", *chains).ljust(count * 512, b"\xff")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    header += struct.pack(
        "<IIIIIIIII", count, directory, 0, cutoff, small_table, len(small_table_sectors(small_chains)), _END, 0, first
    )
    header += struct.pack("<108I", *[first + at if at < count else _FREE for at in range(1, 109)])
    return header + b"".join(sectors) + table


def small_table_sectors(chains: list[int]) -> range:
    """Return one number for each sector that the table of small sectors takes."""
    return range(-(-len(chains) * 4 // 512))


def _packed(entry: _Entry) -> bytes:
    name = (entry.name + "\0").encode("utf-16-le")
    size = len(entry.content)
    return (
        name.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(name), entry.kind, 1, _FREE, entry.right, entry.child)
        + bytes(36)
        + struct.pack("<IQ", entry.start, size)
    )
