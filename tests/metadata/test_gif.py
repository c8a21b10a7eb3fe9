"""GIF: frames, timing and loops come out, and nothing else does."""

from __future__ import annotations

import random
import struct
import sys
from pathlib import Path

import pytest
from PIL import Image

from privet.metadata import gif
from privet.metadata.job import CannotClean

sys.path.append(str(Path(__file__).parent))

from pictures import CANARY, WORD, check, cleaned, encode, frames, leaks, picture, survives, tagged

MOVING = {
    "save_all": True,
    "append_images": [picture("P", seed=2), picture("P", seed=3)],
    "duration": [100, 200, 300],
    "loop": 3,
}
PLAIN = encode(picture("P"), "GIF")


def blocks(data: bytes) -> bytes:
    return b"".join(bytes((len(data[at : at + 255]),)) + data[at : at + 255] for at in range(0, len(data), 255)) + b"\0"


def extension(label: int, data: bytes) -> bytes:
    return b"!" + bytes((label,)) + blocks(data)


def packed(codes: list[int], bits: int) -> bytes:
    """Return LZW codes as a decoder reads them: their width grows with the number of codes since the last clear code."""
    value = place = since = 0
    for code in codes:
        value |= code << place
        place += min(12, (2**bits + 1 + since).bit_length())
        since = 0 if code == 1 << bits else since + 1
    return value.to_bytes((place + 7) // 8, "little")


def small(codes: bytes, bits: int, size: tuple[int, int] = (4, 4), tail: bytes = b";") -> bytes:
    table = bytes(index % 251 for index in range(3 * 2 ** min(bits, 8)))
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80 | min(bits, 8) - 1, 0, 0) + table
    return head + b"," + struct.pack("<HHHHB", 0, 0, *size, 0) + bytes((bits,)) + blocks(codes) + tail


@pytest.mark.parametrize("mode", ["P", "L", "1", "RGB", "RGBA"])
def test_what_pillow_writes(mode: str) -> None:
    raw = encode(picture(mode), "GIF", comment=WORD)
    check(gif, raw + WORD.encode())
    assert cleaned(gif, raw + b"more")[1].keys() == {"comment", "trailing data"}


def test_animations_keep_frames_times_and_loops() -> None:
    raw = encode(picture("P"), "GIF", comment=WORD, **MOVING)
    clean = check(gif, raw)
    assert [frame[4] for frame in frames(clean)] == [100, 200, 300]
    assert b"NETSCAPE2.0\x03\x01\x03\0\0" in clean
    several = encode(picture("RGBA"), "GIF", save_all=True, append_images=[picture("RGBA", seed=9)], disposal=2)
    check(gif, several)


def test_what_exiftool_writes(tmp_path: Path) -> None:
    check(gif, tagged(PLAIN, ".gif", tmp_path))


def test_extensions_are_left_out_or_made_anew() -> None:
    at = PLAIN.index(b",", 13 + 48)
    new = (
        extension(0xFE, WORD.encode())
        + extension(0xF9, b"\0\0\0\0" + WORD.encode())
        + extension(0x01, bytes(12) + WORD.encode())
        + extension(0xFF, b"XMP DataXMP" + WORD.encode())
        + extension(0xFF, b"NETSCAPE2.0\1\0\0" + WORD.encode())
        + extension(0x77, WORD.encode())
        + WORD.encode()
    )
    clean, removed = cleaned(gif, PLAIN[:at] + new + PLAIN[at:])
    assert leaks.find([CANARY], {"clean": clean}) == []
    assert len(clean) == len(cleaned(gif, PLAIN)[0]) + 19
    assert frames(clean) == frames(PLAIN)
    assert removed.keys() == {"comment", "text", "xmp", "extension", "stray data"}


def test_what_follows_the_end_code_is_cut_and_spare_bits_are_zero() -> None:
    codes = [8, *[index % 8 for index in range(16)], 9]
    exact = packed(codes, 3)
    spare = bytes((exact[-1] | 0x80,))
    raw = small(exact[:-1] + spare + WORD.encode(), 3)
    clean = check(gif, raw)
    assert clean == small(exact, 3)


@pytest.mark.parametrize("bits", [2, 3, 4, 7, 8])
def test_the_end_code_is_found_behind_any_number_of_codes(bits: int) -> None:
    """Codes that a decoder only counts: literals, with and without clear codes, past the point where a code has twelve bits."""
    chance = random.Random(bits)
    for count in (1, 30, 33, 40, 253, 4093, 4096, 4200, 9000):
        for clears in (0, 20, 700):
            codes = [1 << bits, *[chance.randrange(1 << bits) for _ in range(count)]]
            for at in range(0, count, clears or count + 1):
                codes[at] = 1 << bits
            exact = packed([*codes, (1 << bits) + 1], bits)
            assert gif._codes(exact + WORD.encode(), bits) == (exact, {code for code in codes if code < 1 << bits})


def test_colours_that_no_pixel_has_are_black() -> None:
    image = picture("P")
    palette = bytes(image.getpalette() or b"")[:48]
    image.putpalette(palette + WORD.encode().ljust(3 * 240, b"x"))
    raw = encode(image, "GIF", optimize=False)
    assert WORD.encode() in raw
    check(gif, raw)
    local = PLAIN[:10] + b"\0" + PLAIN[11:13] + PLAIN[13 + 48 :]
    at = local.index(b",")
    local = local[: at + 9] + b"\x87" + palette + WORD.encode().ljust(768 - 48, b"x") + local[at + 10 :]
    check(gif, local)


def test_a_grey_table_stays_grey() -> None:
    raw = encode(Image.new("L", (9, 9), 77), "GIF", optimize=False)
    assert frames(check(gif, raw))[0][0] == "L"


def test_frames_that_are_whole_come_out_of_a_file_that_is_cut_off() -> None:
    raw = encode(picture("P"), "GIF", **MOVING)
    clean, removed = cleaned(gif, raw[:-500])
    assert frames(clean)[:2] == frames(raw)[:2]
    assert removed["damaged frame"] == 1
    assert cleaned(gif, raw[:-1])[0] == cleaned(gif, raw)[0]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"GIF90a", "not a gif"),
        (b"", "not a gif"),
        (PLAIN[:13] + PLAIN[13:61] + b";", "no picture"),
        (PLAIN[:-200], "truncated"),
        (PLAIN[:30], "truncated"),
        (small(b"", 12), "code size"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(gif, raw)


def test_clear_codes_everywhere_cost_no_time() -> None:
    with pytest.raises(CannotClean, match="clear codes"):
        gif._codes(packed([256] * 8, 8) * 600_000, 8)


def test_damage_is_cleaned_or_refused() -> None:
    survives(gif, encode(picture("P"), "GIF", comment=WORD, **MOVING))
