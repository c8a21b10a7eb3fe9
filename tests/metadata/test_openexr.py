"""OpenEXR: samples stay, attributes that say nothing of them go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, cleaned, refusal, survives

from privet.metadata import openexr


def attribute(name: str, kind: str, value: bytes) -> bytes:
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<I", len(value)) + value


WINDOW = struct.pack("<4i", 0, 0, 3, 2)
CHANNELS = b"Y\0" + struct.pack("<iB3xii", 1, 0, 1, 1) + b"\0"
NEEDED = (
    attribute("channels", "chlist", CHANNELS), attribute("compression", "compression", b"\0"), attribute("dataWindow", "box2i", WINDOW),
    attribute("displayWindow", "box2i", WINDOW), attribute("lineOrder", "lineOrder", b"\0"), attribute("pixelAspectRatio", "float", b"\0\0\x80?"),
    attribute("screenWindowCenter", "v2f", bytes(8)), attribute("screenWindowWidth", "float", b"\0\0\x80?"),
)  # fmt: skip
PRIVATE = (
    attribute("owner", "string", WORD.encode()), attribute("comments", "string", WORD.encode()), attribute("capDate", "string", WORD.encode()),
    attribute("longitude", "float", b"abcd"), attribute("preview", "preview", struct.pack("<II", 1, 1) + b"abcd"), attribute("view", "string", WORD.encode()),
)  # fmt: skip


def rows(count: int = 3, number: bytes = b"") -> list[bytes]:
    return [number + struct.pack("<iI", at, 8) + bytes((at,)) * 8 for at in range(count)]


def file(headers: list[bytes], chunks: list[bytes], *, flags: int = 0, gap: bytes = b"") -> bytes:
    head = b"v/1\x01" + (2 | flags).to_bytes(4, "little") + b"".join(headers)
    places, body = [], b""
    for chunk in chunks:
        places.append(len(head) + 8 * len(chunks) + len(body))
        body += chunk + gap
    return head + struct.pack(f"<{len(places)}Q", *places) + body


def test_rows_stay_and_attributes_go() -> None:
    raw = file([b"".join(PRIVATE + NEEDED) + b"\0"], rows(), gap=WORD.encode())
    out, removed = cleaned(openexr, raw)
    assert out == file([b"".join(sorted(NEEDED)) + b"\0"], rows())
    assert removed["preview"] == 1
    assert removed["trailing bytes"] == 1
    assert cleaned(openexr, out)[0] == out


def test_tiles_of_all_levels_stay() -> None:
    tiles = attribute("tiles", "tiledesc", struct.pack("<IIB", 2, 2, 1))
    chunks = [
        struct.pack("<4iI", x, y, level, level, 4) + b"abcd"
        for level, across, down in ((0, 2, 2), (1, 1, 1), (2, 1, 1))
        for y in range(down)
        for x in range(across)
    ]
    raw = file([b"".join(sorted((*NEEDED, tiles))) + b"\0"], chunks, flags=0x200)
    assert cleaned(openexr, raw)[0] == raw


def test_parts_are_numbered_and_stay() -> None:
    def header(name: str, *more: bytes) -> bytes:
        kind = attribute("type", "string", b"scanlineimage")
        count = attribute("chunkCount", "int", struct.pack("<i", 3))
        return b"".join(sorted((*NEEDED, *more, kind, count, attribute("name", "string", name.encode())))) + b"\0"

    chunks = rows(number=struct.pack("<i", 0)) + rows(number=struct.pack("<i", 1))
    raw = file([header(WORD, *PRIVATE), header(WORD + "2"), b"\0"], chunks, flags=0x1000)
    out, _ = cleaned(openexr, raw)
    assert out == file([header("part 1"), header("part 2"), b"\0"], chunks, flags=0x1000)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file([b"".join(NEEDED) + b"\0"], rows())[:-4], "truncated"),
        (file([b"".join(NEEDED) + b"\0"], rows(2)), "truncated"),
        (file([b"".join(NEEDED[1:]) + b"\0"], rows()), ""),
        (file([b"".join(NEEDED[:2]) + b"\0"], rows()), "the header"),
        (file([b"\0"], []), "the header"),
        (b"v/1\x01\2\0\0\0" + b"x" * 300, "the header"),
        (b"GIF89a", "not an openexr"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(openexr, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(openexr, file([b"".join(PRIVATE + NEEDED) + b"\0"], rows()), 200)
