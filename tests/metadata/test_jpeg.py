"""JPEG: the coefficients and what they mean come out, and nothing else does."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import piexif
import pytest
from PIL import Image, ImageCms

from privet.metadata import jpeg
from privet.metadata.job import CannotClean, Job

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

PLAIN = encode(picture(), "JPEG", quality=90)
OPTIONS = (
    {},
    {"progressive": True},
    {"subsampling": "4:4:4"},
    {"restart_marker_blocks": 2},
    {"optimize": True, "quality": 30},
    {"keep_rgb": True},
)


def segments(raw: bytes) -> list[tuple[int, bytes]]:
    """Return the marker segments of a well-formed file; what follows a scan's header is not looked at."""
    found, at = [], 2
    while raw[at + 1] != 0xD9:
        length = int.from_bytes(raw[at + 2 : at + 4])
        found.append((raw[at + 1], raw[at + 4 : at + 2 + length]))
        at += 2 + length
        if found[-1][0] == 0xDA:
            at = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]").search(raw, at).start()  # type: ignore[union-attr]
    return found


def scans(raw: bytes) -> list[bytes]:
    return re.findall(
        rb"\xff\xda..[^\xff]{6,10}((?:[^\xff]|\xff[\x00\xd0-\xd7])+)(?=\xff[\x01-\xcf\xd8-\xfe])", raw, re.DOTALL
    )


def in_front(raw: bytes, *parts: bytes) -> bytes:
    return raw[:2] + b"".join(parts) + raw[2:]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_what_pillow_writes(mode: str, options: dict[str, object]) -> None:
    if mode != "RGB" and "keep_rgb" in options:
        pytest.skip("only for RGB")
    raw = encode(picture(mode), "JPEG", exif=exif(), xmp=XMP, comment=WORD, icc_profile=wide_gamut(), **options)
    clean = check(jpeg, raw + WORD.encode())
    assert {marker for marker, _ in segments(clean)} <= {0xE0, 0xE2, 0xEE, 0xDB, 0xC0, 0xC2, 0xC4, 0xDD, 0xDA}
    assert scans(raw) == scans(clean) != []


def test_what_was_left_out_is_named() -> None:
    raw = encode(picture(), "JPEG", exif=exif(), xmp=XMP, comment=WORD, icc_profile=wide_gamut())
    names = {"exif", "xmp", "comment", "icc", "trailing data"}
    assert cleaned(jpeg, raw + b"more")[1].keys() == names


def test_a_clean_picture_comes_out_as_it_went_in() -> None:
    assert sorted(cleaned(jpeg, PLAIN)[0]) == sorted(PLAIN)
    assert not cleaned(jpeg, PLAIN)[1]


@pytest.mark.parametrize("turn", range(1, 9))
def test_which_way_up_it_is_stays_alone(turn: int) -> None:
    clean = check(jpeg, encode(picture(), "JPEG", exif=exif(turn)))
    assert orientation(clean) == turn
    blocks = [body for marker, body in segments(clean) if marker == 0xE1]
    assert [len(block) for block in blocks] == ([] if turn == 1 else [32])


def test_a_turn_in_xmp_counts_where_exif_says_none() -> None:
    packet = XMP.replace(b"dc:creator", b'tiff:Orientation="3" dc:creator')
    clean = check(jpeg, encode(picture(), "JPEG", xmp=packet))
    assert orientation(clean) == 3
    assert orientation(check(jpeg, encode(picture(), "JPEG", xmp=packet, exif=exif(6)))) == 6


def test_what_piexif_and_exiftool_write(tmp_path: Path) -> None:
    fields = {
        "0th": {piexif.ImageIFD.Make: WORD, piexif.ImageIFD.XPAuthor: WORD.encode("utf-16-le")},
        "Exif": {piexif.ExifIFD.MakerNote: WORD.encode(), piexif.ExifIFD.BodySerialNumber: WORD},
        "1st": {piexif.ImageIFD.Make: WORD},
        "thumbnail": encode(picture(size=(40, 30)), "JPEG", comment=WORD),
    }
    out = io.BytesIO()
    piexif.insert(piexif.dump(fields), PLAIN, out)
    check(jpeg, out.getvalue())
    assert orientation(check(jpeg, tagged(out.getvalue(), ".jpg", tmp_path))) == 6


def test_second_pictures_are_left_out() -> None:
    raw = encode(picture(), "MPO", save_all=True, append_images=[picture(seed=2)], exif=exif())
    clean, removed = cleaned(jpeg, raw)
    assert Image.open(io.BytesIO(clean)).format == "JPEG"
    assert frames(clean) == frames(raw)[:1]
    assert removed["second picture"] == 1


def test_nothing_rides_between_segments_or_scans() -> None:
    raw = encode(picture(), "JPEG", progressive=True)
    comment = jpeg.segment(0xFE, WORD.encode())
    at = [found.start() for found in re.finditer(rb"\xff[\xc4\xda]", raw)]
    for place in reversed(at):
        raw = raw[:place] + comment + jpeg.segment(0xED, WORD.encode()) + raw[place:]
    raw = raw[:2] + WORD.encode() + b"\xff\xff\xff" + raw[2:]
    assert cleaned(jpeg, raw)[0] == cleaned(jpeg, encode(picture(), "JPEG", progressive=True))[0]


def test_fill_bytes_in_entropy_coded_data_are_none() -> None:
    at = PLAIN.rindex(b"\xff\xd9")
    assert cleaned(jpeg, PLAIN[:at] + b"\xff\xff\xff" + PLAIN[at:])[0] == cleaned(jpeg, PLAIN)[0]
    start = PLAIN.index(b"\xff\xda")
    stuffed = PLAIN[:start] + PLAIN[start:].replace(b"\xff\x00", b"\xff\xff\xff\x00")
    assert frames(stuffed) == frames(PLAIN)
    assert cleaned(jpeg, stuffed)[0] == cleaned(jpeg, PLAIN)[0]


def test_tables_that_no_scan_reads_are_left_out() -> None:
    quantizer = bytes((3,)) + WORD.encode().ljust(64, b"x")
    huffman = bytes((0x13,)) + bytes((0, 0, 0, 0, 0, 0, 0, 32, *[0] * 8)) + WORD.encode().ljust(32, b"x")
    raw = in_front(PLAIN, jpeg.segment(0xDB, quantizer), jpeg.segment(0xC4, huffman))
    assert check(jpeg, raw) == cleaned(jpeg, PLAIN)[0]


def test_a_table_that_is_defined_again_before_it_is_read_is_written_once() -> None:
    raw = in_front(PLAIN, jpeg.segment(0xDB, b"\0" + WORD.encode().ljust(64, b"x")))
    assert check(jpeg, raw) == cleaned(jpeg, PLAIN)[0]


def test_dots_per_inch_stay_and_a_jfif_thumbnail_does_not() -> None:
    raw = encode(picture(), "JPEG", dpi=(300, 300))
    at = raw.index(b"JFIF\0")
    body = raw[at : at + 12] + b"\1\1" + b"\7\7\7" + WORD.encode()
    raw = raw[: at - 4] + jpeg.segment(0xE0, body) + raw[at + 14 :]
    clean = check(jpeg, raw)
    assert Image.open(io.BytesIO(clean)).info["dpi"] == (300, 300)


def test_adobes_marker_keeps_only_the_transform() -> None:
    raw = encode(picture("CMYK"), "JPEG")
    at = raw.index(b"Adobe")
    raw = raw[: at + 5] + WORD[:6].encode() + raw[at + 11 :]
    clean = check(jpeg, raw)
    assert b"Adobe\0\x64\0\0\0\0" in clean


def test_a_profile_stays_only_where_it_counts() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert check(jpeg, encode(picture(), "JPEG", quality=90, icc_profile=srgb)) == cleaned(jpeg, PLAIN)[0]
    clean = check(jpeg, encode(picture(), "JPEG", icc_profile=wide_gamut()))
    kept = Image.open(io.BytesIO(clean)).info["icc_profile"]
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(kept)), ImageCms.createProfile("sRGB"), "RGB", "RGB"
    )
    before = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(wide_gamut())), ImageCms.createProfile("sRGB"), "RGB", "RGB"
    )
    assert (
        ImageCms.applyTransform(picture(), transform).tobytes() == ImageCms.applyTransform(picture(), before).tobytes()
    )


@pytest.mark.parametrize(
    "broken",
    [
        jpeg.segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff" + WORD.encode()),
        jpeg.segment(0xE1, b"Exif\0\0"),
        b"\xff\xe1\0\0",
        b"\xff\xe5\0\1",
        jpeg.segment(0xE2, b"ICC_PROFILE\0\2\3" + WORD.encode()),
        jpeg.segment(0xE0, b"JFIF"),
        jpeg.segment(0xEE, b"Adobe"),
    ],
)
def test_damaged_metadata_costs_no_picture(broken: bytes) -> None:
    # Not all of these are opened by Pillow; libjpeg opens them all.
    assert frames(cleaned(jpeg, in_front(PLAIN, broken))[0]) == frames(PLAIN)


def test_a_missing_end_mark_is_no_loss_and_missing_pixels_are() -> None:
    bare = PLAIN[:-2]
    with pytest.raises(CannotClean, match="truncated"):
        cleaned(jpeg, PLAIN[: len(PLAIN) // 2])
    with pytest.raises(CannotClean, match="truncated"):
        cleaned(jpeg, PLAIN[:100])
    # A comment that takes the end mark with it: all rows are there.
    clean, _ = cleaned(jpeg, bare + b"\xff\xfe\xff\xff" + WORD.encode())
    assert frames(clean) == frames(PLAIN)
    assert leaks.find([CANARY], {"clean": clean}) == []


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x89PNG", "not a jpeg"),
        (b"", "not a jpeg"),
        (b"\xff\xd8\xff\xd9", "no picture"),
        (PLAIN.replace(b"\xff\xc0", b"\xff\xc5", 1), "hierarchical"),
        (PLAIN.replace(b"\xff\xc0", b"\xff\xf7", 1), "jpeg-ls"),
        (PLAIN.replace(b"\xff\xc0", b"\xff\x05", 1), "damaged"),
        (PLAIN[:2] + b"\xff\xfe\0\2" * 200_001, "too many"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(jpeg, raw)


def test_a_stream_of_tables_keeps_only_tables() -> None:
    tables = b"".join(jpeg.segment(marker, body) for marker, body in segments(PLAIN) if marker in (0xDB, 0xC4))
    raw = b"\xff\xd8" + jpeg.segment(0xFE, WORD.encode()) + tables + b"\xff\xd9" + WORD.encode()
    clean = jpeg.clean_tables(raw)
    assert WORD.encode() not in clean
    assert {marker for marker, _ in segments(clean)} == {0xDB, 0xC4}
    assert jpeg.clean_tables(clean) == clean


def test_a_part_of_another_format_needs_no_end_mark() -> None:
    target = io.BytesIO()
    jpeg.clean_part(io.BytesIO(PLAIN[:-2]), target, Job())
    assert frames(target.getvalue()) == frames(PLAIN)


def test_damage_is_cleaned_or_refused() -> None:
    survives(jpeg, encode(picture(), "JPEG", progressive=True, exif=exif(6), xmp=XMP, icc_profile=wide_gamut()))


def test_long_runs_and_many_parts_cost_linear_time() -> None:
    start = PLAIN.index(b"\xff\xda")
    with pytest.raises(CannotClean):
        cleaned(jpeg, PLAIN[: start + 14] + b"\xff" * 3_000_000 + b"\0")
    with pytest.raises(CannotClean, match="too many"):
        cleaned(jpeg, PLAIN[:start] + (PLAIN[start : start + 14] + b"\x12") * 5000 + b"\xff\xd9")
