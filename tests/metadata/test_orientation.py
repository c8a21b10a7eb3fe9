"""Which way up a picture is: read from any EXIF block, and never an error."""

from __future__ import annotations

import random
import struct
import sys
from pathlib import Path

import pytest

from privet.metadata.orientation import exif_block, of_exif, of_xmp

sys.path.append(str(Path(__file__).parent))

from pictures import exif


@pytest.mark.parametrize("turn", range(1, 9))
def test_what_is_written_is_read(turn: int) -> None:
    assert of_exif(exif_block(turn)) == turn
    assert of_exif(exif(turn).tobytes()) == turn
    assert of_exif(b"Exif\0\0" * 2 + exif_block(turn)) == turn
    assert of_xmp(b'<a tiff:Orientation="%d"/>' % turn) == turn
    assert of_xmp(b"<tiff:Orientation>%d</tiff:Orientation>" % turn) == turn


def test_both_orders_and_other_integers_are_read() -> None:
    little = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x112, 4, 1, 6, 0)
    assert of_exif(little) == 6


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"II*\0",
        b"XX*\0" + bytes(20),
        exif_block(1)[:10],
        exif_block(0),
        exif_block(9),
        b"MM\0*\xff\xff\xff\xff",
    ],
)
def test_a_damaged_block_says_nothing(block: bytes) -> None:
    assert of_exif(block) is None


@pytest.mark.parametrize("packet", [b"", b"tiff:Orientation", b'tiff:Orientation="9"', b"\xff\xfe" * 50])
def test_a_damaged_packet_says_nothing(packet: bytes) -> None:
    assert of_xmp(packet) is None


def test_any_damage_is_survived() -> None:
    chance = random.Random(3)
    for _ in range(500):
        data = bytearray(exif(6).tobytes())
        for _ in range(4):
            data[chance.randrange(len(data))] = chance.randrange(256)
        assert of_exif(bytes(data[: chance.randrange(len(data))])) in {None, *range(1, 9)}
