"""PSD: the picture and its layers' pixels come out, and no name, text or resource does."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from privet.metadata import psd
from privet.metadata.job import CannotClean

sys.path.append(str(Path(__file__).parent))

from pictures import CANARY, WORD, XMP, cleaned, encode, leaks, picture, survives, tagged, wide_gamut

SIZE = (12, 8)
PLANES = [bytes((7 * index + 50 * plane) % 256 for index in range(96)) for plane in range(3)]


def resource(number: int, body: bytes, name: bytes = b"") -> bytes:
    label = bytes((len(name),)) + name
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + label
        + bytes(len(label) % 2)
        + struct.pack(">I", len(body))
        + body
        + bytes(len(body) % 2)
    )


def block(key: bytes, body: bytes, *, wide: bool = False) -> bytes:
    return b"8BIM" + key + struct.pack(">Q" if wide else ">I", len(body)) + body


def layer(name: bytes, blocks: bytes, *, big: bool = False) -> tuple[bytes, bytes]:
    """Return a layer's record and its channels' data."""
    data = [b"\0\0" + plane for plane in PLANES]
    table = b"".join(struct.pack(">hQ" if big else ">hI", number, len(each)) for number, each in enumerate(data))
    label = bytes((len(name),)) + name
    ranges = WORD.encode().ljust(40, b"x")
    extra = struct.pack(">I", 0) + struct.pack(">I", len(ranges)) + ranges + label + bytes(-len(label) % 4) + blocks
    head = (
        struct.pack(">4iH", 0, 0, SIZE[1], SIZE[0], 3)
        + table
        + b"8BIMnorm"
        + bytes((200, 0, 8, 0))
        + struct.pack(">I", len(extra))
    )
    return head + extra, b"".join(data)


def built(
    resources: bytes = b"", layers: bytes = b"", *, big: bool = False, depth: int = 8, tail: bytes = b""
) -> bytes:
    head = (
        b"8BPS"
        + struct.pack(">H", 2 if big else 1)
        + WORD[:6].encode()
        + struct.pack(">HIIHH", 3, SIZE[1], SIZE[0], depth, 3)
    )
    wide = 8 if big else 4
    picture = b"".join(PLANES) if depth == 8 else b"".join(plane * 2 for plane in PLANES)
    return (
        head + bytes(4) + struct.pack(">I", len(resources)) + resources
        + len(layers).to_bytes(wide) + layers + b"\0\0" + picture + tail
    )  # fmt: skip


def layer_info(layers: list[tuple[bytes, bytes]]) -> bytes:
    info = (
        struct.pack(">h", len(layers)) + b"".join(record for record, _ in layers) + b"".join(data for _, data in layers)
    )
    return info + bytes(len(info) % 2)


WORDS = block(b"luni", struct.pack(">I", len(WORD)) + WORD.encode("utf-16-be")) + block(
    b"TySh", WORD.encode() + b"x" * (len(WORD) % 2)
)
RESOURCES = b"".join(
    resource(number, body)
    for number, body in (
        (1005, struct.pack(">IHHIHH", 300 << 16, 1, 1, 300 << 16, 1, 1)),
        (1028, WORD.encode()),
        (1036, encode(picture(size=(20, 10)), "JPEG", comment=WORD)),
        (1039, wide_gamut()),
        (1060, XMP),
        (1058, WORD.encode()),
        (4000, WORD.encode()),
    )
) + resource(1006, WORD.encode(), WORD.encode())


def pixels(raw: bytes) -> bytes:
    return Image.open(io.BytesIO(raw)).tobytes()


def layers_of(raw: bytes) -> list[tuple[str, tuple[int, int, int, int], bytes]]:
    image = Image.open(io.BytesIO(raw))
    found = []
    for number, (name, _, box, _) in enumerate(image.layers, 1):
        image.seek(number)
        found.append((name, box, image.tobytes()))
    return found


@pytest.mark.parametrize("big", [False, True])
def test_layers_keep_their_pixels_and_lose_their_words(big: bool) -> None:
    group = block(b"lsct", struct.pack(">I", 1))
    layers = [layer(WORD.encode(), WORDS, big=big), layer(b"x", group + WORDS, big=big)]
    info = layer_info(layers)
    wide = 8 if big else 4
    mask = struct.pack(">I", len(WORD)) + WORD.encode()
    linked = block(b"lnk2", WORD.encode().ljust(32), wide=big)
    raw = built(RESOURCES, len(info).to_bytes(wide) + info + mask + linked, big=big, tail=WORD.encode())
    clean, removed = cleaned(psd, raw)
    assert leaks.find([CANARY], {"clean": clean}) == []
    assert cleaned(psd, clean)[0] == clean
    assert removed.keys() >= {
        "layer name",
        "layer data",
        "xmp",
        "iptc",
        "thumbnail",
        "exif",
        "resource",
        "trailing data",
    }
    assert clean.count(b"lsct") == 1
    assert all(clean.count(b"\0\0" + plane) >= 2 for plane in PLANES[1:])
    if not big:
        assert pixels(clean) == pixels(raw)
        assert [each[1:] for each in layers_of(clean)] == [each[1:] for each in layers_of(raw)]
        assert Image.open(io.BytesIO(clean)).info["icc_profile"]


def test_deep_layers_in_their_block_are_kept() -> None:
    info = layer_info([layer(WORD.encode(), WORDS)])
    raw = built(
        b"",
        bytes(4) + bytes(4) + block(b"Lr16", info + bytes(-len(info) % 4)) + block(b"Txt2", WORD.encode().ljust(32)),
        depth=16,
    )
    clean, _ = cleaned(psd, raw)
    assert leaks.find([CANARY], {"clean": clean}) == []
    assert clean.count(b"Lr16") == 1
    assert all(plane in clean for plane in PLANES)
    assert cleaned(psd, clean)[0] == clean


def test_layers_that_are_damaged_cost_no_picture() -> None:
    raw = built(b"", struct.pack(">Ih", 60, 3) + WORD.encode().ljust(58, b"x"))
    clean, removed = cleaned(psd, raw)
    assert pixels(clean) == pixels(raw)
    assert removed["damaged layers"] == 1
    assert leaks.find([CANARY], {"clean": clean}) == []


@pytest.mark.parametrize(
    "options",
    [[], ["-compress", "RLE"], ["-depth", "16"], ["-colorspace", "Gray"], ["-colors", "9", "-type", "Palette"]],
)
def test_what_imagemagick_writes(options: list[str], tmp_path: Path) -> None:
    convert = shutil.which("convert-im6") or shutil.which("magick")
    if convert is None:
        pytest.skip("ImageMagick is not installed")
    source, target = tmp_path / "a.png", tmp_path / "a.psd"
    source.write_bytes(encode(picture(), "PNG"))
    layers = ["(", "+clone", "-negate", ")", "-set", "label", WORD, "-set", "comment", WORD]
    subprocess.run([convert, source, *options, *layers, target], check=True)
    raw = target.read_bytes()
    clean, _ = cleaned(psd, raw)
    assert leaks.find([CANARY], {"clean": clean}) == []
    try:
        expected = pixels(raw)
    except OSError:
        return
    assert pixels(clean) == expected


def test_what_exiftool_writes(tmp_path: Path) -> None:
    raw = tagged(built(RESOURCES), ".psd", tmp_path)
    clean, _ = cleaned(psd, raw)
    assert leaks.find([CANARY], {"clean": clean}) == []
    assert pixels(clean) == pixels(raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"8BPS" + bytes(30), "not a psd"),
        (b"8BP", "truncated"),
        (built()[:100], "truncated"),
        (built()[:26] + b"\xff\xff\xff\xff", "truncated"),
        (built()[:12] + b"\0\0" + built()[14:], "damaged"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(psd, raw)


def test_damage_is_cleaned_or_refused() -> None:
    info = layer_info([layer(WORD.encode(), WORDS), layer(b"x", WORDS)])
    survives(psd, built(RESOURCES, len(info).to_bytes(4) + info))
