"""Properties of old office files, in a compound file made here by its specification."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from audit_files import entry, stands, tags

from privet.audit.reading import records_of
from privet.audit.tags import tags_of
from privet.audit.unpacking import Unread

END, FREE, TABLE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def _directory(name: str, kind: int, start: int, size: int) -> bytes:
    raw = (name + "\0").encode("utf-16-le")
    head = raw.ljust(64, b"\0") + struct.pack("<HBB", len(raw), kind, 1) + struct.pack("<III", FREE, FREE, FREE)
    return head.ljust(116, b"\0") + struct.pack("<II", start, size) + bytes(4)


def _properties(values: dict[int, str]) -> bytes:
    listed, body = b"", b""
    for number, value in values.items():
        listed += struct.pack("<II", number, 8 + 8 * len(values) + len(body))
        raw = value.encode("cp1252") + b"\0"
        body += struct.pack("<II", 30, len(raw)) + raw + bytes(-len(raw) % 4)
    section = struct.pack("<II", 8 + len(listed) + len(body), len(values)) + listed + body
    return b"\xfe\xff\0\0" + bytes(20) + struct.pack("<I", 1) + bytes(16) + struct.pack("<I", 48) + section


def compound(values: dict[int, str]) -> bytes:
    """Sector 0 the table, 1 the directory, 2 the table of small sectors, from 3 on those."""
    content = _properties(values)
    small = -(-len(content) // 64)
    sectors = -(-small * 64 // 512)
    table = [TABLE, END, END, *range(4, 3 + sectors), END]
    tables = struct.pack(f"<{len(table)}I", *table).ljust(512, b"\xff")
    folder = _directory("Root Entry", 5, 3, small * 64) + _directory("\5SummaryInformation", 2, 0, len(content))
    chain = struct.pack(f"<{small}I", *range(1, small), END).ljust(512, b"\xff")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    head += struct.pack("<IIIIIIII", 1, 1, 0, 4096, 2, 1, END, 0) + struct.pack("<I", 0)
    return head.ljust(512, b"\xff") + tables + folder.ljust(512, b"\0") + chain + content.ljust(sectors * 512, b"\0")


def test_who_wrote_it_is_told_and_blank_properties_are_not() -> None:
    assert tags(compound({4: "", 8: " "})) == {}
    raw = compound({2: "of the lake", 4: "Jane Example", 18: "A program"})
    assert tags(raw) == {"metadata-office-title": True, "metadata-office-author": True}
    assert [tag.text.rstrip("\0") for tag in tags_of(entry(raw))] == ["of the lake", "Jane Example"]


def test_its_text_is_not_read_and_that_is_said() -> None:
    with pytest.raises(Unread):
        list(records_of(entry(compound({4: "x"}))))


def test_a_damaged_one_is_said_to_be_so() -> None:
    with pytest.raises(Unread):
        tags(compound({4: "Jane Example"})[:60])


def test_damage_is_read_or_told() -> None:
    stands(compound({2: "of the lake", 4: "Jane Example"}))
