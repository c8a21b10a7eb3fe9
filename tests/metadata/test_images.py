"""Images: nothing but pixels comes out, the pixels stay, and everything else is refused in one way."""

from __future__ import annotations

import base64
import io
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from privet.metadata.images import UnsupportedImage, strip_data_url, strip_image

# The search for canaries in every encoding is shared with the promises.
sys.path.append(str(Path(__file__).parents[1] / "promises"))

import leaks

CANARY = leaks.word("metadata")
WORD = CANARY.value
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SIZE = (48, 32)


def picture(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a smooth picture that is not symmetric: each corner has a colour of its own."""
    image = Image.new("RGBA", size)
    image.putdata([
        (5 * x % 256, 7 * y % 256, (3 * x + 2 * y) % 256, 255 if x > size[0] // 4 else 128)
        for y in range(size[1])
        for x in range(size[0])
    ])  # fmt: skip
    if mode == "P":
        return image.convert("RGB").quantize(16)
    if mode == "I;16":
        gradient = Image.new("I;16", size)
        gradient.putdata([257 * (x + y) for y in range(size[1]) for x in range(size[0])])
        return gradient
    return image.convert(mode)


def exif(orientation: int | None = None) -> Image.Exif:
    """Return EXIF data with a canary in the camera's fields, the place and the comment."""
    data = Image.Exif()
    for tag in ("ImageDescription", "Make", "Model", "Software", "Artist", "Copyright"):
        data[ExifTags.Base[tag]] = f"{tag} {WORD}"
    if orientation is not None:
        data[ExifTags.Base.Orientation] = orientation
    gps = data.get_ifd(ExifTags.IFD.GPSInfo)
    gps.update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0), 27: WORD.encode(), 29: WORD})
    data.get_ifd(ExifTags.IFD.Exif).update({37510: b"ASCII\0\0\0" + WORD.encode(), 42016: WORD, 42033: WORD})
    return data


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:creator="{WORD}"/></rdf:RDF></x:xmpmeta>'
).encode()


def text_chunks() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", WORD)
    info.add_text("Comment", WORD, zip=True)
    info.add_itxt("Title", WORD, lang="en", tkey=WORD)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    info.add(b"prVt", WORD.encode())
    info.add(b"tIME", struct.pack(">HBBBBB", 2026, 6, 15, 12, 0, 0))
    return info


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def same(left: Image.Image, right: Image.Image) -> bool:
    return left.size == right.size and left.convert("RGBA").tobytes() == right.convert("RGBA").tobytes()


def difference(left: Image.Image, right: Image.Image) -> float:
    """Return the mean difference of all levels."""
    one, two = left.convert("RGB").tobytes(), right.convert("RGB").tobytes()
    assert len(one) == len(two)
    return sum(abs(a - b) for a, b in zip(one, two, strict=True)) / len(one)


def jpeg_segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def photoshop() -> bytes:
    """Return an APP13 segment with IPTC data in it: by-line and caption."""
    records = b"".join(b"\x1c\x02" + bytes([kind]) + struct.pack(">H", len(WORD)) + WORD.encode() for kind in (80, 120))
    return jpeg_segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records)


def thumbnail() -> bytes:
    """Return EXIF data with a second image directory: a small JPEG whose comment names somebody."""
    small = encode(picture(size=(8, 8)), "JPEG", comment=WORD.encode())
    ifd0 = struct.pack("<HI", 0, 14)
    ifd1 = struct.pack("<HHHIIHHIII", 2, 0x201, 4, 1, 44, 0x202, 4, 1, len(small), 0)
    return jpeg_segment(0xE1, b"Exif\0\0II*\0" + struct.pack("<I", 8) + ifd0 + ifd1 + small)


def hidden_in_palette(form: str) -> bytes:
    """Return an image whose unused colours spell the canary."""
    image = Image.new("P", SIZE)
    image.putpalette([0, 0, 0, 255, 255, 255, *WORD.encode().ljust(30, b".")])
    image.putpixel((1, 1), 1)
    return encode(image, form, optimize=False)


def two_pictures() -> bytes:
    return encode(picture(), "MPO", save_all=True, append_images=[picture(size=(16, 16))], exif=exif())


SPOILED: dict[str, Callable[[], bytes]] = {
    "png": lambda: encode(
        picture(), "PNG", exif=exif(), pnginfo=text_chunks(), icc_profile=WORD.encode() * 9, dpi=(300, 300)
    ),
    "png-after-the-pixels": lambda: encode(picture(), "PNG") + WORD.encode(),
    "png-palette": lambda: encode(picture("P"), "PNG", exif=exif(), pnginfo=text_chunks()),
    "png-animated": lambda: encode(
        picture(), "PNG", save_all=True, append_images=[picture("L").convert("RGB")], pnginfo=text_chunks()
    ),
    "jpeg": lambda: encode(
        picture(), "JPEG", exif=exif(), comment=WORD.encode(), icc_profile=WORD.encode() * 9, xmp=XMP, dpi=(300, 300)
    ),
    "jpeg-iptc": lambda: with_segments(encode(picture(), "JPEG"), photoshop(), jpeg_segment(0xEF, WORD.encode())),
    "jpeg-thumbnail": lambda: with_segments(encode(picture(), "JPEG"), thumbnail()),
    "jpeg-after-the-pixels": lambda: encode(picture(), "JPEG") + WORD.encode(),
    "jpeg-two-pictures": two_pictures,
    "jpeg-cmyk": lambda: encode(picture("CMYK"), "JPEG", exif=exif(), comment=WORD.encode()),
    "webp": lambda: encode(picture(), "WEBP", exif=exif(), xmp=XMP, icc_profile=WORD.encode() * 9),
    "webp-lossless": lambda: encode(picture("RGBA"), "WEBP", lossless=True, exact=True, exif=exif(), xmp=XMP),
    "webp-after-the-pixels": lambda: encode(picture(), "WEBP") + WORD.encode(),
    "gif": lambda: encode(picture("P"), "GIF", comment=WORD.encode()),
    "gif-animated": lambda: encode(
        picture("P"), "GIF", save_all=True, append_images=[picture("L")], comment=WORD.encode(), loop=0
    ),
    "gif-after-the-pixels": lambda: encode(picture("P"), "GIF") + WORD.encode(),
    "gif-unused-colours": lambda: hidden_in_palette("GIF"),
    "png-unused-colours": lambda: hidden_in_palette("PNG"),
}


OF_THE_FORMAT = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "adobe", "adobe_transform", "version"}
OF_THE_FORMAT |= {"background", "loop", "duration", "timestamp"}
"""What every file of these formats says of itself."""


@pytest.mark.parametrize("name", SPOILED)
def test_no_metadata_survives(name: str) -> None:
    raw = SPOILED[name]()
    assert leaks.find([CANARY], {name: raw}), "the canary must stand in what goes in"
    content, media_type = strip_image(raw)
    assert media_type == name.split("-", maxsplit=1)[0]
    assert leaks.find([CANARY], {name: content}) == []
    result = opened(content)
    assert (result.format or "").lower() == media_type
    assert not result.getexif()
    assert set(result.info) <= OF_THE_FORMAT
    assert getattr(result, "n_frames", 1) == 1


@pytest.mark.parametrize("name", SPOILED)
def test_the_pixels_stay(name: str) -> None:
    raw = SPOILED[name]()
    result, before = opened(strip_image(raw)[0]), opened(raw)
    assert result.size == before.size
    if name.startswith("jpeg"):
        assert result.mode == before.mode
        assert difference(result, before) < 4
    else:
        assert same(result, before)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_keeps_its_pixels(mode: str) -> None:
    image = picture(mode)
    result = opened(strip_image(encode(image, "PNG", pnginfo=text_chunks()))[0])
    assert result.mode == mode
    assert same(result, image) if mode != "I;16" else result.tobytes() == image.tobytes()


@pytest.mark.parametrize(("form", "transparency"), [("GIF", 0), ("PNG", 0), ("PNG", b"\x00\x80\xff")])
def test_transparent_colours_of_a_palette_stay_transparent(form: str, transparency: int | bytes) -> None:
    raw = encode(picture("P"), form, transparency=transparency)
    before = opened(raw)
    assert before.convert("RGBA").getextrema()[3][0] == 0
    assert same(opened(strip_image(raw)[0]), before)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_transparent_colour_without_a_palette_stays_transparent(mode: str) -> None:
    raw = encode(picture(mode), "PNG", transparency=0 if mode == "L" else (0, 0, 0))
    assert same(opened(strip_image(raw)[0]), opened(raw))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied(form: str, orientation: int) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    raw = encode(picture(), form, exif=exif(orientation), **options)
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    expected = picture().transpose(turns[orientation]) if orientation in turns else picture()
    result = opened(strip_image(raw)[0])
    assert result.size == expected.size
    assert difference(result, expected) < (6 if form == "JPEG" else 0.01)


def test_only_the_first_frame_of_an_animation_is_kept() -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "green", "blue")]
    for form, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        raw = encode(frames[0], form, save_all=True, append_images=frames[1:], duration=100, **options)
        assert opened(raw).n_frames == 3
        result = opened(strip_image(raw)[0])
        assert getattr(result, "n_frames", 1) == 1
        assert same(result, frames[0])


@pytest.mark.parametrize("name", [name for name in SPOILED if not name.startswith("jpeg")])
def test_stripping_twice_changes_nothing(name: str) -> None:
    once, _ = strip_image(SPOILED[name]())
    twice, _ = strip_image(once)
    assert twice == once if name.startswith("png") else same(opened(twice), opened(once))


def png_of(width: int, height: int) -> bytes:
    """Return a PNG that says it has this size and holds one row."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * (width + 1) if width < 100_000 else b"\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def truncated() -> Iterator[tuple[str, bytes]]:
    for form in FORMATS:
        whole = encode(picture(), form)
        yield f"{form}-head", whole[:20]
        yield f"{form}-half", whole[: len(whole) // 2]


REFUSED: dict[str, bytes] = {
    "empty": b"",
    "text": b"just text",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://192.0.2.1/x"/></svg>',
    "tiff": encode(picture(), "TIFF"),
    "bmp": encode(picture(), "BMP"),
    "ico": encode(picture(), "ICO"),
    "ppm": encode(picture(), "PPM"),
    "pdf": encode(picture(), "PDF"),
    "postscript": encode(picture(), "EPS"),
    "jpeg-2000": encode(picture(), "JPEG2000"),
    "html-before-an-image": b"<html>" + encode(picture(), "JPEG"),
    "zip-before-an-image": b"PK\x03\x04" + encode(picture(), "PNG"),
    "huge": png_of(100_000, 100_000),
    "just-too-large": png_of(6325, 6325),
    "no-width": png_of(0, 1),
    "wrong-checksum": encode(picture(), "PNG").replace(b"IDAT", b"IDAT\0", 1),
    "text-bomb": encode(picture(), "PNG")[:33] + b"".join(
        struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
        for body in [b"a\0\0" + zlib.compress(b"\0" * 5_000_000)]
    ) + encode(picture(), "PNG")[33:],
    **dict(truncated()),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_rewritten_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedImage) as caught:
        strip_image(REFUSED[name])
    assert str(caught.value) == ""


def test_rows_that_are_missing_are_black_and_not_old_memory() -> None:
    for _ in range(5):
        picture(size=(100, 100))
        assert opened(strip_image(png_of(100, 100))[0]).getextrema() == (0, 0)


def test_a_polyglot_comes_out_as_an_image_alone() -> None:
    script = f"<script>{WORD}</script>".encode()
    for form in FORMATS:
        raw = encode(picture("P") if form == "GIF" else picture(), form) + b"PK\x03\x04" + script
        assert b"script" not in strip_image(raw)[0]


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 "]),
)
def test_any_bytes_are_an_image_or_refused(tail: bytes, head: bytes) -> None:
    try:
        content, media_type = strip_image(head + tail)
    except UnsupportedImage:
        return
    assert (opened(content).format or "").lower() == media_type


WHOLE = {form: encode(picture("P" if form == "GIF" else "RGB", (16, 16)), form) for form in FORMATS}


@given(
    st.sampled_from(FORMATS), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8)
)
def test_a_damaged_image_is_an_image_or_refused(form: str, damage: list[tuple[int, int]]) -> None:
    raw = bytearray(WHOLE[form])
    for place, value in damage:
        raw[place % len(raw)] = value
    try:
        content, media_type = strip_image(bytes(raw))
    except UnsupportedImage:
        return
    assert (opened(content).format or "").lower() == media_type


def data_url(raw: bytes, media_type: str = "image/png", parameters: str = "") -> str:
    return f"data:{media_type}{parameters};base64,{base64.b64encode(raw).decode()}"


@pytest.mark.parametrize(
    ("form", "media_type", "parameters", "said"),
    [
        ("PNG", "image/png", "", "png"),
        ("JPEG", "image/jpeg", "", "jpeg"),
        ("JPEG", "image/jpg", "", "jpeg"),
        ("WEBP", "image/webp", "", "webp"),
        ("GIF", "IMAGE/GIF", "", "gif"),
        ("JPEG", "image/png", "", "jpeg"),
        ("PNG", "image/png", ";charset=utf-8;name=photo", "png"),
    ],
)
def test_a_data_url_is_rewritten_and_says_what_it_is(form: str, media_type: str, parameters: str, said: str) -> None:
    raw = SPOILED[said]()
    result = strip_data_url(data_url(raw, media_type, parameters))
    head, _, body = result.partition(",")
    assert head == f"data:image/{said};base64"
    assert opened(base64.b64decode(body, validate=True)).format == form
    assert leaks.find([CANARY], {"url": result.encode()}) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "data:",
        "data:image/png;base64,",
        "data:image/png;base64,!!!!",
        "data:image/png;base64,AAAA\nAAAA",
        "data:image/png,raw",
        "http://192.0.2.1/photo.png",
        "file:///etc/hostname",
        " " + data_url(WHOLE["PNG"]),
        data_url(WHOLE["PNG"], "image/svg+xml"),
        data_url(WHOLE["PNG"], "image/tiff"),
        data_url(WHOLE["PNG"], "text/html"),
        data_url(REFUSED["svg"]),
        data_url(WHOLE["PNG"]) + "\u00e9",
        data_url(WHOLE["PNG"])[: len(data_url(WHOLE["PNG"])) // 2],
    ],
)
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(UnsupportedImage):
        strip_data_url(url)


@given(st.text(max_size=60))
def test_any_text_is_refused(text: str) -> None:
    for prefix in ("", "data:image/png;base64,"):
        with pytest.raises(UnsupportedImage):
            strip_data_url(prefix + text)
