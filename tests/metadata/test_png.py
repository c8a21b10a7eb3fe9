"""PNG: the compressed rows come out as they went in, with the chunks that decide how they look, and nothing else does."""

from __future__ import annotations

import io
import re
import struct
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from privet.metadata import png
from privet.metadata.job import CannotClean, Job, Limits

sys.path.append(str(Path(__file__).parent))

from pictures import (
    CANARY,
    WORD,
    XMP,
    check,
    cleaned,
    encode,
    exif,
    frames,
    leaks,
    orientation,
    picture,
    survives,
    tagged,
    wide_gamut,
)

MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")
TEXT = f"Title\0{WORD}".encode()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def chunks(raw: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4])
        found.append((raw[at + 4 : at + 8], raw[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def joined(parts: list[tuple[bytes, bytes]]) -> bytes:
    return png.SIGNATURE + b"".join(chunk(name, body) for name, body in parts)


def before(raw: bytes, name: bytes, *new: tuple[bytes, bytes]) -> bytes:
    """Return the file with chunks in front of the first one of a name."""
    parts = chunks(raw)
    at = [each for each, _ in parts].index(name)
    return joined([*parts[:at], *new, *parts[at:]])


def data(raw: bytes) -> bytes:
    return b"".join(body for name, body in chunks(raw) if name == b"IDAT")


def texts() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", WORD)
    info.add_text("Comment", WORD, zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    info.add(b"prVt", WORD.encode())
    info.add(b"prVt", WORD.encode(), after_idat=True)
    info.add(b"tIME", struct.pack(">HBBBBB", 2026, 6, 15, 12, 0, 0))
    return info


PLAIN = encode(picture(), "PNG")


@pytest.mark.parametrize("mode", MODES)
def test_what_pillow_writes(mode: str) -> None:
    raw = encode(picture(mode), "PNG", pnginfo=texts(), exif=exif(), icc_profile=wide_gamut(), dpi=(300, 300))
    clean = check(png, raw + WORD.encode())
    assert data(clean) == data(raw)
    names = [name for name, _ in chunks(clean)]
    assert set(names) <= {b"IHDR", b"iCCP", b"PLTE", b"tRNS", b"pHYs", b"IDAT", b"IEND"}
    assert cleaned(png, raw + b"more")[1].keys() >= {"text", "date", "exif", "chunk", "trailing data"}


def test_a_clean_picture_comes_out_as_it_went_in() -> None:
    assert cleaned(png, PLAIN) == (PLAIN, {})


@pytest.mark.parametrize("turn", range(1, 9))
def test_which_way_up_it_is_stays_alone(turn: int) -> None:
    clean = check(png, encode(picture(), "PNG", exif=exif(turn)))
    assert orientation(clean) == turn
    assert [len(body) for name, body in chunks(clean) if name == b"eXIf"] == ([] if turn == 1 else [26])


@pytest.mark.parametrize("pressed", [False, True])
def test_a_turn_in_a_text_counts(pressed: bool) -> None:
    digits = b"Exif\0\0" + exif(6).tobytes()
    profile = f"\nexif\n    {len(digits)}\n{digits.hex()}\n"
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", profile, zip=pressed)
    assert orientation(check(png, encode(picture(), "PNG", pnginfo=info))) == 6
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", f'<a tiff:Orientation="8" b="{WORD}"/>', zip=pressed)
    assert orientation(check(png, encode(picture(), "PNG", pnginfo=info))) == 8


def test_what_exiftool_writes(tmp_path: Path) -> None:
    assert orientation(check(png, tagged(PLAIN, ".png", tmp_path))) == 6


def test_animations_keep_frames_and_times() -> None:
    others = [picture(seed=seed) for seed in range(2, 5)]
    raw = encode(
        picture(), "PNG", save_all=True, append_images=others, duration=[10, 20, 30, 40], loop=2, pnginfo=texts()
    )
    raw = before(raw, b"fdAT", (b"tEXt", TEXT))
    clean = check(png, raw)
    assert len(frames(clean)) == 4
    assert cleaned(png, before(raw, b"fdAT", (b"fcTL", b"short")))[1]["damaged animation"] == 1
    still = cleaned(png, before(raw, b"fdAT", (b"fcTL", b"short")))[0]
    assert [frame[3] for frame in frames(still)] == [frames(PLAIN)[0][3]]


def interlaced_picture() -> bytes:
    """Return a picture whose rows come in seven passes; Pillow does not write such ones."""
    width, height, rows = 8, 8, b""
    for columns, lines in ((1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)):
        rows += b"".join(b"\0" + bytes((line * columns) % 251 for _ in range(columns)) for line in range(lines))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
    return joined([(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


@pytest.mark.parametrize("interlaced", [False, True])
def test_bytes_behind_the_compressed_rows_are_cut(interlaced: bool) -> None:
    raw = interlaced_picture() if interlaced else PLAIN
    parts = chunks(raw)
    hidden = joined([*parts[:-1], (b"IDAT", WORD.encode()), parts[-1]])
    assert cleaned(png, hidden)[0] == cleaned(png, raw)[0]
    longer = joined([(name, body + WORD.encode() if name == b"IDAT" else body) for name, body in parts])
    assert cleaned(png, longer)[0] == cleaned(png, raw)[0]


def test_rows_behind_the_picture_are_cut() -> None:
    rows = zlib.decompress(data(PLAIN)) + WORD.encode() * 9
    head, *_, end = chunks(PLAIN)
    raw = joined([head, (b"IDAT", zlib.compress(rows)), end])
    clean = check(png, raw)
    assert zlib.decompress(data(clean)) == zlib.decompress(data(PLAIN))


@pytest.mark.parametrize("cut", [b"", b"\0\0\0\0"])
def test_a_check_sum_that_is_missing_or_wrong_is_made_anew(cut: bytes) -> None:
    head, *_, end = chunks(PLAIN)
    clean, _ = cleaned(png, joined([head, (b"IDAT", data(PLAIN)[:-4] + cut), end]))
    assert frames(clean) == frames(PLAIN)
    broken = PLAIN[:-16] + b"\1\2\3\4" + PLAIN[-12:]
    assert cleaned(png, broken)[0] == PLAIN


def test_colours_that_no_pixel_has_are_black() -> None:
    image = picture("P")
    unused = bytes(range(1, 100)) + WORD.encode()
    palette = bytes(image.getpalette() or b"")[: 3 * 16] + unused.ljust(3 * 100, b"x")
    raw = joined([
        (name, palette if name == b"PLTE" else body) for name, body in chunks(encode(image, "PNG", bits=8))
    ])  # fmt: skip
    raw = before(raw, b"IDAT", (b"tRNS", bytes((0, 9, *[7] * 90))))
    clean = check(png, raw)
    parts = dict(chunks(clean))
    assert len(parts[b"PLTE"]) <= 3 * 16
    assert len(parts[b"tRNS"]) == len(parts[b"PLTE"]) // 3


def test_a_suggested_palette_is_left_out() -> None:
    raw = before(PLAIN, b"IDAT", (b"PLTE", WORD.encode().ljust(30, b"x")), (b"sPLT", WORD.encode()))
    assert check(png, raw) == PLAIN


@pytest.mark.parametrize(
    ("name", "body", "stays"),
    [
        (b"gAMA", b"\0\0\xb1\x8f", True),
        (b"gAMA", WORD.encode(), False),
        (b"cHRM", bytes(32), True),
        (b"sRGB", b"\0", True),
        (b"sBIT", b"\5\6\5", True),
        (b"sBIT", WORD.encode(), False),
        (b"bKGD", bytes(6), True),
        (b"bKGD", bytes(2), False),
        (b"tRNS", bytes(6), True),
        (b"tRNS", WORD.encode(), False),
        (b"pHYs", bytes(8) + b"\1", True),
        (b"cICP", b"\x09\x10\0\1", True),
        (b"iCCP", b"x\0\0" + zlib.compress(WORD.encode()), False),
        (b"hIST", WORD.encode(), False),
        (b"oFFs", WORD.encode(), False),
    ],
)
def test_small_chunks_stay_where_their_length_is_right(name: bytes, body: bytes, stays: bool) -> None:
    clean, _ = cleaned(png, before(PLAIN, b"IDAT", (name, body)))
    assert dict(chunks(clean)).get(name) == (body if stays else None)
    assert leaks.find([CANARY], {"clean": clean}) == []


def test_a_profile_takes_the_place_of_gamma() -> None:
    raw = before(encode(picture(), "PNG", icc_profile=wide_gamut()), b"iCCP", (b"gAMA", b"\0\0\xb1\x8f"))
    assert b"gAMA" not in dict(chunks(check(png, raw)))


def test_a_missing_end_is_no_loss_and_missing_rows_are() -> None:
    assert cleaned(png, PLAIN[:-12])[0] == PLAIN
    with pytest.raises(CannotClean, match="truncated"):
        cleaned(png, PLAIN[: len(PLAIN) // 2])
    indexed = encode(picture("P"), "PNG")
    with pytest.raises(CannotClean, match="truncated"):
        cleaned(png, indexed[: len(indexed) - 100])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"GIF89a", "not a png"),
        (png.SIGNATURE, "header is missing"),
        (joined(chunks(PLAIN)[1:]), "header is missing"),
        (PLAIN[:29] + b"\0\0\0\0" + PLAIN[33:], "check sum"),
        (joined([chunks(PLAIN)[0], chunks(PLAIN)[-1]]), "no picture"),
        (joined([(b"IHDR", struct.pack(">IIBBBBB", 0, 9, 8, 2, 0, 0, 0)), *chunks(PLAIN)[1:]]), "damaged"),
        (joined([(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 7, 2, 0, 0, 0)), *chunks(PLAIN)[1:]]), "damaged"),
        (joined([(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 3, 0, 0, 0)), *chunks(PLAIN)[1:]]), "palette is missing"),
        (joined([(b"IHDR", struct.pack(">IIBBBBB", 2**30, 2**30, 8, 2, 0, 0, 0)), *chunks(PLAIN)[1:]]), "too large"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(png, raw)


def test_the_limit_on_pixels_holds_before_anything_is_unpacked() -> None:
    with pytest.raises(CannotClean, match="too large"):
        png.clean(io.BytesIO(PLAIN), io.BytesIO(), Job(limits=Limits(max_pixels=100)))


def test_long_image_data_is_copied_in_pieces() -> None:
    image = Image.effect_noise((900, 900), 90)
    raw = encode(image, "PNG")
    one = joined([chunks(raw)[0], (b"IDAT", data(raw)), chunks(raw)[-1]])
    clean, _ = cleaned(png, one)
    assert data(clean) == data(raw)
    assert frames(clean) == frames(raw)
    rows = zlib.decompress(data(raw)) + WORD.encode()
    again, _ = cleaned(png, joined([chunks(raw)[0], (b"IDAT", zlib.compress(rows)), chunks(raw)[-1]]))
    assert frames(again) == frames(raw)


@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_damage_is_cleaned_or_refused(mode: str) -> None:
    survives(png, encode(picture(mode), "PNG", pnginfo=texts(), exif=exif(6), icc_profile=wide_gamut()), 100)


def test_damaged_animations_are_cleaned_or_refused() -> None:
    others = [picture(seed=2)]
    survives(png, encode(picture(), "PNG", save_all=True, append_images=others), 60)


def test_many_texts_are_not_all_unpacked() -> None:
    text = (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(8 << 20), 9))
    clean, removed = cleaned(png, before(PLAIN, b"IDAT", *[text] * 200))
    assert (clean, removed["text"]) == (PLAIN, 200)


def test_every_check_sum_is_right() -> None:
    clean, _ = cleaned(png, encode(picture("P"), "PNG", exif=exif(3), icc_profile=wide_gamut()))
    assert joined(chunks(clean)) == clean
    assert re.search(rb"IEND....\Z", clean, re.DOTALL)
