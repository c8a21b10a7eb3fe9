"""GIMP's pictures: tiles stay, parasites, paths and bytes that nothing points to go."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import WORD, cleaned, refused
from jobs import edits_of

from privet.metadata.job import Job
from privet.metadata.xcf import clean

WIDTH, HEIGHT = 70, 3
PIXELS = {0: bytes(range(192)), 1: bytes(range(18))}
"""the levels of one channel of each tile"""


def tile(levels: bytes, compression: int) -> bytes:
    if compression == 0:
        return levels
    if compression == 2:
        return zlib.compress(levels)
    whole = b"".join(
        bytes((256 - len(part),)) + part for part in (levels[at : at + 100] for at in range(0, len(levels), 100))
    )
    assert whole
    return whole


def prop(kind: int, body: bytes) -> bytes:
    return struct.pack(">II", kind, len(body)) + body


def parasite(name: str = "gimp-comment") -> bytes:
    raw = name.encode() + b"\0"
    return struct.pack(">I", len(raw)) + raw + struct.pack(">II", 1, len(WORD)) + WORD.encode()


OPACITY = prop(6, struct.pack(">I", 255))


class Maker:
    """A file whose parts stand one behind the other, with gaps between them."""

    def __init__(self, version: str, compression: int, gap: bytes) -> None:
        self.wide = version == "v011"
        self.compression = compression
        self.gap = gap
        self.out = bytearray(b"gimp xcf " + version.encode() + b"\0" + struct.pack(">III", WIDTH, HEIGHT, 1))
        if self.wide:
            self.out += struct.pack(">I", 150)

    def pointers(self, *places: int) -> bytes:
        return b"".join(place.to_bytes(8 if self.wide else 4) for place in places)

    def put(self, raw: bytes) -> int:
        self.out += self.gap
        place = len(self.out)
        self.out += raw
        return place

    def item(self, name: str, private: bytes, *, layer: bool = True, mask: int = 0) -> int:
        tiles = [self.put(tile(PIXELS[at], self.compression)) for at in (0, 1)]
        level = self.put(struct.pack(">II", WIDTH, HEIGHT) + self.pointers(*tiles, 0))
        small = self.put(struct.pack(">II", WIDTH // 2, HEIGHT // 2) + self.pointers(0))
        hierarchy = self.put(struct.pack(">III", WIDTH, HEIGHT, 1) + self.pointers(level, small, 0))
        head = struct.pack(">II", WIDTH, HEIGHT) + (struct.pack(">I", 2) if layer else b"")
        raw = name.encode() + b"\0" if name else b""
        body = head + struct.pack(">I", len(raw)) + raw + private + OPACITY + bytes(8)
        return self.put(body + self.pointers(hierarchy, *((mask,) if layer else ())))


def file(
    version: str = "file",
    compression: int = 1,
    gap: bytes = b"",
    private: bytes = b"",
    name: str = "layer",
    more: bytes = b"",
) -> bytes:
    maker = Maker(version, compression, gap)
    own = prop(17, bytes((compression,))) + private + more + bytes(8)
    maker.out += own
    at = len(maker.out)
    maker.out += bytes(len(maker.pointers(0)) * 4)
    mask = maker.item("", private, layer=False)
    layer = maker.item(name, private, mask=mask)
    channel = maker.item("channel", private, layer=False)
    maker.out[at : at + len(maker.pointers(0)) * 4] = maker.pointers(layer, 0, channel, 0)
    return bytes(maker.out)


@pytest.mark.parametrize("version", ["file", "v003", "v011"])
@pytest.mark.parametrize("compression", [0, 1, 2])
def test_tiles_stay_and_words_go(version: str, compression: int) -> None:
    private = prop(21, parasite()) + prop(23, WORD.encode()) + prop(99, WORD.encode())
    job = Job()
    out = cleaned(clean, file(version, compression, WORD.encode(), private), job)
    films.assert_clean(out)
    assert len(out) == len(file(version, compression))
    assert cleaned(clean, out) == out
    # Twice: the layer's mask, the layer and the channel are alike, and each keeps tiles of its own.
    assert out.count(tile(PIXELS[0], compression)) == 3
    assert job.removed == {"comment": 4, "paths": 4, "property": 4}


def test_names_of_layers_lose_identifiers() -> None:
    job = Job(edits=edits_of("Jane Example"))
    out = cleaned(clean, file(name="by Jane Example"), job)
    assert b"by [X]\0" in out
    assert b"Jane" not in out


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file()[:-9], "truncated"),
        (file(compression=2).replace(zlib.compress(PIXELS[1]), bytes(len(zlib.compress(PIXELS[1])))), "a tile"),
        (file(more=prop(5, bytes(4))), "floating selection"),
        (file(compression=7), "the compression"),
        (file().replace(b"xcf file", b"xcf v099"), "newer version"),
        (file()[:14] + struct.pack(">II", 2**31, 2**31) + file()[22:], "more pixels"),
        (bytes(99), "not a gimp"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


@pytest.mark.parametrize("compression", [0, 1, 2])
def test_damage_is_cleaned_or_refused(compression: int) -> None:
    films.assert_stands(clean, file("v011", compression, b"gap", prop(21, parasite())), 200)
