"""Fonts, torrents, PostScript: who made them."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from audit_files import stands, tags


def font(number: int, words: str) -> bytes:
    raw = words.encode("utf-16-be")
    names = struct.pack(">HHH", 0, 1, 18) + struct.pack(">6H", 3, 1, 1033, number, len(raw), 0) + raw
    return b"\0\1\0\0" + struct.pack(">4H", 1, 16, 0, 0) + b"name" + struct.pack(">III", 0, 28, len(names)) + names


def torrent(more: bytes) -> bytes:
    return b"d" + more + b"4:infod6:lengthi1e4:name1:a12:piece lengthi1e6:pieces1:\xff" + b"ee"


CASES: dict[str, tuple[bytes, bytes, str]] = {
    "font": (font(1, "Sans"), font(9, "Jane Example"), "metadata-font-author"),
    "torrent": (torrent(b"10:created by3:bot"), torrent(b"7:comment4:Jane"), "metadata-torrent"),
    "postscript": (
        b"%!PS-Adobe-3.0\n%%Creator: a program\n%%EndComments\n",
        b"%!PS-Adobe-3.0\n%%For: (Jane)\n",
        "metadata-postscript",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_programs_are_notes_and_people_are_told(case: str) -> None:
    clean, tagged, rule = CASES[case]
    assert not any(tags(clean).values())
    assert tags(tagged)[rule]


def test_fonts_of_a_collection() -> None:
    one = font(9, "Jane Example")
    moved = one[:12] + b"name" + struct.pack(">III", 0, 44, len(one) - 28) + one[28:]
    assert tags(b"ttcf\0\1\0\0" + struct.pack(">II", 1, 16) + moved)["metadata-font-author"]


@pytest.mark.parametrize("case", CASES)
def test_damage_is_read_or_told(case: str) -> None:
    stands(CASES[case][1])
