"""TIFF: pages, strips and tiles come out as they went in, under directories that hold nothing else."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from privet.metadata import tiff
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

COMPRESSIONS = (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma")
SAMPLES = np.arange(64 * 96 * 3, dtype=np.uint8).reshape(64, 96, 3)


def saved(mode: str = "RGB", **options: Any) -> bytes:
    return encode(picture(mode), "TIFF", software=WORD, description=WORD, artist=WORD, date_time=WORD, **options)


def entries(raw: bytes) -> dict[int, tuple[int, int, int]]:
    """Return the first directory of a classic little-endian file: kind, count and value or place by tag."""
    at = int.from_bytes(raw[4:8], "little")
    found = {}
    for place in range(at + 2, at + 2 + 12 * int.from_bytes(raw[at : at + 2], "little"), 12):
        tag, kind, count, value = struct.unpack("<HHII", raw[place : place + 12])
        found[tag] = (kind, count, value)
    return found


def built(fields: dict[int, tuple[int, list[int]]], data: bytes = b"") -> bytes:
    """Return a little-endian file with one directory, in which `data` begins at byte 8."""
    out = b"II*\0" + struct.pack("<I", 8 + len(data) + len(data) % 2) + data + bytes(len(data) % 2)
    body, behind = b"", b""
    start = len(out) + 2 + 12 * len(fields) + 4
    for tag, (kind, values) in sorted(fields.items()):
        raw = struct.pack(f"<{len(values)}{'BHI'[min(kind, 4) - 2 if kind > 2 else 0]}", *values)
        if len(raw) > 4:
            raw, behind = struct.pack("<I", start + len(behind)), behind + raw
        body += struct.pack("<HHI", tag, kind, len(values)) + raw.ljust(4, b"\0")
    return out + struct.pack("<H", len(fields)) + body + bytes(4) + behind


def grey(data: bytes, **changes: Any) -> bytes:
    fields = {
        256: (3, [4]),
        257: (3, [4]),
        258: (3, [8]),
        259: (3, [1]),
        262: (3, [1]),
        273: (4, [8]),
        277: (3, [1]),
        278: (3, [4]),
        279: (4, [len(data)]),
    }
    for tag, value in changes.items():
        if value is None:
            del fields[int(tag[1:])]
        else:
            fields[int(tag[1:])] = value
    return built(fields, data)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1", "CMYK", "I;16", "YCbCr", "F"])
def test_what_pillow_writes(mode: str, compression: str | None) -> None:
    if compression == "jpeg" and mode in ("1", "P", "I;16", "F"):
        pytest.skip("not possible")
    raw = saved(mode, compression=compression, tiffinfo=exif(), icc_profile=wide_gamut() if mode == "RGB" else None)
    check(tiff, raw + WORD.encode())
    assert cleaned(tiff, raw)[1].keys() >= {"description", "device", "software", "author", "copyright"}


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_what_pillow_writes_of_fax_pages(compression: str) -> None:
    check(tiff, saved("1", compression=compression))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"bigtiff": True, "byteorder": ">", "tile": (16, 16), "compression": "zlib"},
        {"tile": (16, 16)},
        {"tile": (32, 32), "compression": "zlib", "predictor": True},
        {"planarconfig": "separate"},
        {"rowsperstrip": 7},
        {"ome": True},
        {"imagej": True},
    ],
)
def test_what_tifffile_writes(options: dict[str, Any]) -> None:
    out = io.BytesIO()
    outside = {name: options[name] for name in ("bigtiff", "byteorder", "ome", "imagej") if name in options}
    inside = {name: value for name, value in options.items() if name not in outside}
    described = {} if "ome" in options or "imagej" in options else {"description": WORD}
    with tifffile.TiffWriter(out, **outside) as writer:
        for _ in range(1 if "imagej" in options else 2):
            more = {"extratags": [(65000, 2, 0, WORD, True)], "metadata": {"Name": WORD}} | described
            writer.write(SAMPLES, photometric="rgb", software=WORD, **more, **inside)
    clean, _ = cleaned(tiff, out.getvalue())
    assert leaks.find([CANARY], {"clean": clean}) == []
    with tifffile.TiffFile(io.BytesIO(clean)) as file:
        assert len(file.pages) == (1 if "imagej" in options else 2)
        assert all(np.array_equal(page.asarray(), SAMPLES) for page in file.pages)
        assert file.is_bigtiff == options.get("bigtiff", False)
        assert file.byteorder == options.get("byteorder", "<")


def test_reduced_copies_are_left_out_in_the_chain_and_below() -> None:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        writer.write(SAMPLES, photometric="rgb", subifds=1, metadata=None)
        writer.write(255 - SAMPLES[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
        writer.write(255 - SAMPLES[::4, ::4], photometric="rgb", subfiletype=1, metadata=None)
    clean, removed = cleaned(tiff, out.getvalue())
    assert removed["thumbnail"] == 2
    assert len(clean) < SAMPLES.size + 300
    assert np.array_equal(tifffile.imread(io.BytesIO(clean)), SAMPLES)


def test_what_exiftool_writes(tmp_path: Path) -> None:
    raw = tagged(saved(tiffinfo=exif()), ".tif", tmp_path)
    assert orientation(check(tiff, raw)) == 6
    assert cleaned(tiff, raw)[1].keys() >= {"exif", "gps", "xmp", "iptc", "photoshop"}


def test_a_profile_that_is_not_srgb_stays_without_its_words() -> None:
    clean = check(tiff, saved(icc_profile=wide_gamut()))
    assert Image.open(io.BytesIO(clean)).info["icc_profile"]


def test_jpeg_strips_and_their_tables_are_cleaned() -> None:
    raw = saved(compression="jpeg")
    kind, count, place = entries(raw)[347]
    tables = raw[place : place + count]
    comment = b"\xff\xfe" + (len(WORD) + 2).to_bytes(2) + WORD.encode()
    spoiled = tables[:2] + comment + tables[2:]
    raw = raw + spoiled
    at = raw.index(struct.pack("<HHII", 347, kind, count, place))
    raw = raw[:at] + struct.pack("<HHII", 347, kind, len(spoiled), len(raw) - len(spoiled)) + raw[at + 12 :]
    _, _, strip = entries(raw)[273]
    if entries(raw)[273][1] == 1:
        length = entries(raw)[279][2]
        stream = raw[strip : strip + 2] + comment + raw[strip + 2 : strip + length]
        raw = raw.replace(struct.pack("<HHII", 273, *entries(raw)[273]), struct.pack("<HHII", 273, 4, 1, len(raw)))
        raw = raw.replace(struct.pack("<HHII", 279, *entries(raw)[279]), struct.pack("<HHII", 279, 4, 1, len(stream)))
        raw += stream
    check(tiff, raw)


def test_the_stream_of_an_old_style_jpeg_page_is_cleaned() -> None:
    stream = encode(picture(), "JPEG", quality=90, comment=WORD, exif=exif())
    width, height = picture().size
    fields = {
        256: (3, [width]),
        257: (3, [height]),
        258: (3, [8, 8, 8]),
        259: (3, [6]),
        262: (3, [6]),
        277: (3, [3]),
        278: (3, [height]),
    }
    fields |= {273: (4, [8 + stream.index(b"\xff\xda")]), 279: (4, [len(stream) - stream.index(b"\xff\xda")])}
    fields |= {513: (4, [8]), 514: (4, [len(stream)]), 530: (3, [2, 2])}
    raw = built(fields, stream)
    clean, _ = cleaned(tiff, raw)
    assert leaks.find([CANARY], {"clean": clean}) == []
    assert frames(clean) == frames(raw)
    assert cleaned(tiff, clean)[0] == clean
    del fields[513]
    with pytest.raises(CannotClean, match="old-style"):
        cleaned(tiff, built(fields, stream))


def test_bytes_behind_the_rows_of_a_strip_are_cut() -> None:
    clean, _ = cleaned(tiff, grey(bytes(range(16)) + WORD.encode()))
    assert clean == cleaned(tiff, grey(bytes(range(16))))[0]
    pressed = zlib.compress(bytes(range(16)))
    clean, _ = cleaned(tiff, grey(pressed + WORD.encode(), t259=(3, [8])))
    assert clean == cleaned(tiff, grey(pressed, t259=(3, [8])))[0]


def test_colours_that_no_pixel_has_are_black() -> None:
    colours = [0x7A65 + index for index in range(768)]
    raw = grey(bytes(index % 4 for index in range(16)), t262=(3, [3]), t320=(3, colours))
    clean = check(tiff, raw)
    _, count, place = entries(clean)[320]
    values = struct.unpack(f"<{count}H", clean[place : place + 2 * count])
    assert {index for index, value in enumerate(values) if value} == {
        index + 256 * part for index in range(4) for part in range(3)
    }


def test_tags_have_no_more_values_than_they_need() -> None:
    clean, _ = cleaned(tiff, grey(bytes(16), t258=(3, [8, *WORD[:20].encode()]), t339=(3, [1, *WORD[:20].encode()])))
    assert entries(clean)[258][:2] == (3, 1)
    assert entries(clean)[339][:2] == (3, 1)
    assert 262 not in entries(cleaned(tiff, grey(bytes(16), t262=(3, [1, 2, 3])))[0])


def test_strips_that_are_shared_stay_shared() -> None:
    raw = grey(bytes(16), t278=(3, [1]), t273=(4, [8] * 4), t279=(4, [4] * 4))
    clean = check(tiff, raw)
    assert len(clean) < 16 + 8 + 2 + 12 * 9 + 4 + 32 + 8


def test_a_missing_length_is_made_up_for_raw_rows() -> None:
    raw = grey(bytes(range(16)), t279=None)
    assert frames(check(tiff, raw))[0][2] == bytes(range(16))
    with pytest.raises(CannotClean, match="lengths"):
        cleaned(tiff, grey(bytes(16), t279=None, t259=(3, [5])))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"II", "not a tiff"),
        (b"IIU\0" + bytes(20), "not a tiff"),
        (b"II*\0\xff\xff\xff\x7f", "first directory"),
        (grey(b"", t273=None, t279=None), "no picture"),
        (grey(bytes(16), t279=(4, [99999]), t259=(3, [5])), "truncated"),
        (grey(bytes(16), t259=(3, [34712])), "compression"),
        (grey(bytes(16), t259=(3, [1]), t50706=(3, [1])), "no values of a sensor"),
        (grey(bytes(16), t262=(3, [32803])), "camera raw"),
        (grey(bytes(16), t256=None), "size of a page"),
        (grey(bytes(16), t256=(4, [2**31]), t257=(4, [2**31])), "size of a page"),
        (grey(bytes(16))[:8] + b"CR\2\0" + grey(bytes(16))[12:], "camera raw"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(tiff, raw)


def test_what_unpacks_to_too_much_is_refused() -> None:
    bomb = zlib.compress(bytes(1 << 22), 9)
    raw = grey(bomb, t259=(3, [8]))
    with pytest.raises(CannotClean, match="too large"):
        tiff.clean(io.BytesIO(raw), io.BytesIO(), Job(limits=Limits(max_unpacked_bytes=1 << 20)))


def test_damage_is_cleaned_or_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        survives(tiff, saved(compression="tiff_adobe_deflate", tiffinfo=exif(6), icc_profile=wide_gamut()))
        survives(tiff, saved("P", compression="tiff_lzw"), 60)


def test_xmp_and_private_tags_are_left_out() -> None:
    info = exif()
    info[700] = XMP
    info[34377] = WORD.encode()
    info[33550] = (1.0, 2.0, 3.0)
    clean = check(tiff, saved(tiffinfo=info))
    assert set(entries(clean)) <= {256, 257, 258, 259, 262, 273, 277, 278, 279, 282, 283, 284, 296}
