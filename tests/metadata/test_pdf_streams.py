"""Streams unpack to the right bytes, within bounds, damaged or not; what is inside pictures, profiles and fonts is bare."""

from __future__ import annotations

import base64
import io
import random
import zlib
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Pdf, Stream
from PIL import Image, ImageCms

from privet.metadata.job import CannotClean
from privet.metadata.pdf_embedded import bare_jpeg, bare_jpx, blank_profile, nameless_font
from privet.metadata.pdf_streams import BadSamples, decoded, decoded_whole, inflate, unwrapped

TEXT = b"BT (some text) Tj ET " * 50


OWNER = Pdf.new()


def stream(data: bytes, *names: str, **parameters: int) -> Stream:
    made = Stream(OWNER, data)
    made.Filter = Array([Name(name) for name in names])
    if parameters:
        made.DecodeParms = Array([Dictionary({f"/{key}": value for key, value in parameters.items()})])
    return made


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (zlib.compress(TEXT), ["/FlateDecode"]),
        (TEXT.hex().encode() + b">", ["/ASCIIHexDecode"]),
        (base64.a85encode(TEXT) + b"~>", ["/ASCII85Decode"]),
        (b"<~" + base64.a85encode(zlib.compress(TEXT)) + b"~>", ["/A85", "/Fl"]),
        (b"".join(bytes((0, byte)) for byte in TEXT) + b"\x80", ["/RunLengthDecode"]),
        (zlib.compress(zlib.compress(TEXT)), ["/FlateDecode", "/FlateDecode"]),
    ],
    ids=["flate", "hex", "85", "85 and flate", "run lengths", "flate twice"],
)
def test_a_stream_unpacks(data: bytes, names: list[str]) -> None:
    assert decoded(stream(data, *names)) == TEXT
    with pytest.raises(CannotClean, match="more than is allowed"):
        decoded(stream(data, *names), limit=100)


@settings(max_examples=40)
@given(st.binary(max_size=3000))
def test_lzw_unpacks_as_pillow_packs_it(data: bytes) -> None:
    if not data:
        return
    # TIFF's LZW is PDF's, with the early change of code width.
    out = io.BytesIO()
    Image.frombytes("L", (len(data), 1), data).save(out, "TIFF", compression="tiff_lzw")
    with Image.open(io.BytesIO(out.getvalue())) as opened:
        start, size = opened.tag_v2[273][0], opened.tag_v2[279][0]  # type: ignore[attr-defined]
    assert decoded(stream(out.getvalue()[start : start + size], "/LZWDecode")) == data


@given(st.lists(st.tuples(st.integers(0, 4), st.binary(min_size=12, max_size=12)), min_size=1, max_size=8))
def test_predictors_are_undone_as_qpdf_does(rows: list[tuple[int, bytes]]) -> None:
    data = zlib.compress(b"".join(bytes((kind,)) + row for kind, row in rows))
    made = stream(data, "/FlateDecode", Predictor=15, Columns=4, Colors=3)
    assert decoded(made) == made.read_bytes()


def test_a_damaged_stream_gives_what_comes_before_the_damage() -> None:
    packed = zlib.compress(random.Random(1).randbytes(10240), 1)
    assert inflate(packed[: len(packed) // 2], 10**6)[0].startswith(random.Random(1).randbytes(1000))
    assert inflate(packed[:-4] + b"\0\0\0\0", 10**6) == (random.Random(1).randbytes(10240), False)
    assert not decoded_whole(stream(zlib.compress(TEXT) + b"secret", "/FlateDecode"), 10**6)[1]


@pytest.mark.parametrize("name", ["/DCTDecode", "/JBIG2Decode", "/Odd"])
def test_text_packed_as_no_reader_unpacks_it_is_empty(name: str) -> None:
    assert decoded_whole(stream(b"x", name), 100) == (b"", False)


def test_a_picture_packed_as_no_reader_unpacks_it_is_told() -> None:
    with pytest.raises(BadSamples, match="packed"):
        unwrapped(stream(b"x", "/Odd"), 100)


@pytest.mark.parametrize("bad", [b"v", b"zz\xff", b"uuuuu"])
def test_broken_base_85_gives_what_comes_before(bad: bytes) -> None:
    whole = base64.a85encode(b"some words" * 4)
    assert decoded(stream(whole + bad + b"~>", "/ASCII85Decode")).startswith(b"some words" * 4)
    assert decoded(stream(whole[:-2] + b"\xff" + whole, "/ASCII85Decode")).startswith(b"some words" * 3)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_bare_jpeg_has_the_same_pixels(mode: str) -> None:
    out = io.BytesIO()
    image = Image.effect_noise((64, 48), 60).convert(mode)
    image.save(out, "JPEG", comment=b"secret", restart_marker_rows=1, icc_profile=b"secret profile")
    bare = bare_jpeg(out.getvalue() + b"secret")
    assert b"secret" not in bare
    assert bare.endswith(b"\xff\xd9")
    before, after = Image.open(io.BytesIO(out.getvalue())), Image.open(io.BytesIO(bare))
    assert np.array_equal(np.asarray(before), np.asarray(after))
    assert bare_jpeg(bare) == bare


def test_a_jpeg_with_something_before_it_is_one() -> None:
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "JPEG")
    assert bare_jpeg(b"\r\nsecret" + out.getvalue()) == bare_jpeg(out.getvalue())


def test_what_is_no_jpeg_is_refused() -> None:
    with pytest.raises(CannotClean, match="JPEG"):
        bare_jpeg(b"secret")


def test_a_jpeg_2000_loses_its_boxes() -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG2000")
    assert bare_jpx(out.getvalue() + b"\0\0\0\x0euuidsecret") == out.getvalue()


def test_a_profile_keeps_its_colours_and_loses_its_texts() -> None:
    named = "sRGB built-in".encode("utf-16-be")
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = made.replace(named, "Zoe's monitor".encode("utf-16-be"))
    blank = blank_profile(made + b"secret")
    assert len(blank) == len(made)
    assert "monitor".encode("utf-16-be") not in blank
    opened = ImageCms.ImageCmsProfile(io.BytesIO(blank))
    target = ImageCms.createProfile("LAB")
    image = Image.effect_noise((8, 8), 60).convert("RGB")
    old = ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(made)), target, outputMode="LAB")
    new = ImageCms.profileToProfile(image, opened, target, outputMode="LAB")
    assert old is not None
    assert new is not None
    assert old.tobytes() == new.tobytes()


def test_a_font_keeps_its_glyphs_and_loses_its_names() -> None:
    path = next(iter(sorted(Path("/usr/share/fonts").glob("**/*.ttf"))), None)
    if path is None:
        pytest.skip("no font is installed")
    opened = TTFont(io.BytesIO(nameless_font(path.read_bytes())))
    assert opened["name"].names == []
    assert opened.getBestCmap() == TTFont(path).getBestCmap()
