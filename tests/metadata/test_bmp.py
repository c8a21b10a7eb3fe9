"""BMP: header, palette and rows come out, and nothing else does."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from privet.metadata import bmp
from privet.metadata.job import CannotClean

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, check, cleaned, encode, frames, picture, survives, wide_gamut

PLAIN = encode(picture(), "BMP")


def built(
    width: int, height: int, bits: int, data: bytes, palette: bytes = b"", compression: int = 0, used: int = 0
) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, used, 0)
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + palette + data


def with_v5(profile: bytes, kind: bytes) -> bytes:
    """Return a picture with the longest header and a profile behind the pixels."""
    rows = PLAIN[54:]
    header = bytearray(PLAIN[14:54] + bytes(84))
    header[0:4] = (124).to_bytes(4, "little")
    header[56:60] = kind
    header[108] = 4
    header[112:120] = struct.pack("<II", 124 + len(rows), len(profile))
    return PLAIN[:10] + (138).to_bytes(4, "little") + bytes(header) + rows + profile


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1"])
def test_what_pillow_writes(mode: str) -> None:
    raw = encode(picture(mode), "BMP", dpi=(300, 300))
    spoiled = raw[:6] + WORD[-4:].encode() + raw[10:]
    assert check(bmp, spoiled + WORD.encode()) == cleaned(bmp, raw)[0]
    assert cleaned(bmp, raw + b"more")[1] == {"trailing data": 1}


def test_a_gap_before_the_pixels_is_closed() -> None:
    gap = PLAIN[:10] + (54 + 20).to_bytes(4, "little") + PLAIN[14:54] + WORD.encode()[:20].ljust(20) + PLAIN[54:]
    assert check(bmp, gap) == PLAIN


def test_the_padding_of_rows_is_zero() -> None:
    row = b"\1\2\3" * 3
    raw = built(3, 3, 24, (row + b"zeb") * 3)
    assert check(bmp, raw) == built(3, 3, 24, (row + b"\0\0\0") * 3)
    bits = built(3, -2, 1, b"\xbfabc\x40def", b"\0\0\0\0\xff\xff\xff\0")
    assert check(bmp, bits)[62:] == b"\xa0\0\0\0\x40\0\0\0"


def test_colours_that_no_pixel_has_are_black() -> None:
    palette = b"".join(bytes((index + 1, 2, 3, 9)) for index in range(16))
    clean = check(bmp, built(8, 1, 4, b"\x01\x23\x01\x23", palette, used=16))
    assert clean[54:118] == b"".join(bytes((index + 1, 2, 3, 0)) if index < 4 else bytes(4) for index in range(16))


def test_run_lengths_end_at_their_end_mark() -> None:
    palette = b"".join(bytes((index, 2, 3, 9)) for index in range(256))
    runs = b"\x04\x07" + b"\0\0" + b"\0\x03\x08\x09\x0a\0" + b"\x01\x07" + b"\0\1"
    clean = check(bmp, built(4, 2, 8, runs + WORD.encode(), palette, compression=1))
    assert clean.endswith(runs)
    assert [index for index in range(256) if clean[54 + 4 * index + 1]] == [0, 7, 8, 9, 10]
    halves = b"\x04\x12" + b"\0\0" + b"\0\x04\x34\x56" + b"\0\1"
    clean = check(bmp, built(4, 2, 4, halves + WORD.encode(), palette[:64], compression=2))
    assert [index for index in range(16) if clean[54 + 4 * index + 1]] == [0, 1, 2, 3, 4, 5, 6]


def test_profiles_stay_only_where_they_count() -> None:
    kept = check(bmp, with_v5(wide_gamut(), b"DEBM"))
    offset, length = struct.unpack("<II", kept[14 + 112 : 14 + 120])
    assert kept[14 + offset + 36 : 14 + offset + 40] == b"acsp"
    assert 14 + offset + length == len(kept)
    for kind in (b"DEBM", b"KNIL"):
        clean = check(bmp, with_v5(f"C:\\{WORD}\0".encode("utf-16-le"), kind))
        assert clean[14 + 56 : 14 + 60] == b"BGRs"
        assert len(clean) == 138 + len(PLAIN) - 54


def test_missing_padding_of_the_last_row_is_no_loss() -> None:
    assert cleaned(bmp, PLAIN[:-1])[0] == PLAIN


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"PM", "not a bmp"),
        (PLAIN[:20], "damaged"),
        (PLAIN[: len(PLAIN) // 2], "truncated"),
        (PLAIN[:10] + b"\xff\xff\xff\xff" + PLAIN[14:], "where the pixels begin"),
        (built(3, 3, 24, b"", compression=4), "compression"),
        (built(0, 3, 24, b""), "size of the picture"),
        (built(2**30, 2**30, 24, b""), "size of the picture"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(bmp, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(bmp, encode(picture("P"), "BMP"))
    assert frames(PLAIN)
