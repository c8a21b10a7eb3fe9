"""HEIC, HEIF and AVIF: pixels, transparency and turning stay; Exif, XMP, previews, names and their bytes go."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parent))

import films
from films import WORD, assert_clean, cleaned, film, packets, refused, run

from privet.metadata.heif import clean
from privet.metadata.isobmff import box, boxes, first
from privet.metadata.job import Job, Member

pillow_heif = pytest.importorskip("pillow_heif")

XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{WORD}</x:xmpmeta>'.encode()


def picture(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    image = Image.new("RGBA", size)
    image.putdata(
        [
            (5 * x % 256, 7 * y % 256, (3 * x + 2 * y) % 256, 255 if x > 9 else 90)
            for y in range(size[1])
            for x in range(size[0])
        ]
    )
    return image.convert(mode)


def exif(orientation: int = 1) -> bytes:
    data = Image.Exif()
    for tag in (270, 271, 272, 305, 315, 33432):
        data[tag] = WORD
    data[274] = orientation
    data.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 29: WORD})
    return data.tobytes()


def heic(*images: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    whole = pillow_heif.HeifFile()
    for image in images:
        whole.add_from_pillow(image)
    whole.save(out, quality=60, exif=exif(), xmp=XMP, **options)
    return out.getvalue()


def shown(content: bytes) -> list[tuple[str, tuple[int, int], bytes]]:
    whole = pillow_heif.open_heif(io.BytesIO(content), convert_hdr_to_8bit=False)
    return [(image.mode, image.size, bytes(image.data)) for image in whole]


def with_preview() -> bytes:
    whole = pillow_heif.from_pillow(picture("RGB", (240, 180)))
    whole.info["thumbnails"] = [64]
    out = io.BytesIO()
    whole.save(out, quality=30, exif=exif(), xmp=XMP)
    return out.getvalue()


FILES = {
    "colours": lambda: heic(picture()),
    "transparent": lambda: heic(picture("RGBA")),
    "grey": lambda: heic(picture("L")),
    "two": lambda: heic(picture(), picture("RGB", (32, 32))),
    "preview": with_preview,
    "fine": lambda: heic(picture(), chroma=444),
}


@pytest.mark.parametrize("name", FILES)
def test_pixels_stay_and_words_go(name: str) -> None:
    raw = FILES[name]()
    assert WORD.encode() in raw
    job = Job()
    out = cleaned(clean, raw, job)
    assert shown(out) == shown(raw)
    assert_clean(out)
    assert job.removed["exif"] >= 1
    assert job.removed["xmp"] >= 1
    assert job.removed["thumbnail"] == (name == "preview")
    again = pillow_heif.open_heif(io.BytesIO(out))
    assert not again.info.get("exif")
    assert not again.info["metadata"]
    assert not again.info["thumbnails"]
    assert run(clean, out, Job()) == out


def test_bytes_of_what_is_dropped_are_not_there() -> None:
    raw = with_preview()
    out = run(clean, raw, Job())
    assert len(out) < len(raw) - len(exif()) - 200


def test_the_picture_is_turned_as_before() -> None:
    for orientation in (3, 6, 8):
        out = io.BytesIO()
        pillow_heif.from_pillow(picture()).save(out, exif=exif(orientation), quality=60)
        assert shown(run(clean, out.getvalue(), Job())) == shown(out.getvalue())


def test_exiftool_finds_nobody() -> None:
    assert films.personal_tags({f"{name}.heic": run(clean, make(), Job()) for name, make in FILES.items()}) == []


def test_moving_pictures_stay() -> None:
    raw = film("avif", *films.PICTURES, "-c:v", "libaom-av1", "-cpu-used", "8")
    out = cleaned(clean, raw)
    assert len(packets(raw, "mp4")) == 6
    assert packets(out, "mp4") == packets(raw, "mp4")
    assert_clean(out)


# From here on files are made box by box, so that they hold what the writers at hand do not write.


def item(number: int, kind: bytes, name: str = WORD) -> bytes:
    return box(b"infe", b"\2\0\0\0", struct.pack(">HH", number, 0), kind, name.encode() + b"\0", WORD.encode() + b"\0")


def image_file(
    items: dict[int, tuple[bytes, bytes]],
    *,
    references: tuple[tuple[bytes, int, tuple[int, ...]], ...] = (),
    properties: tuple[bytes, ...] = (),
    marks: tuple[tuple[int, int], ...] = (),
    inside: tuple[int, ...] = (),
) -> bytes:
    """Return a file with these items; those in `inside` lie in the list of items itself."""
    ftyp = box(b"ftyp", b"heic", bytes(4), b"mif1heic", WORD.encode()[:4])
    idat = b"".join(content for number, (_, content) in items.items() if number in inside)

    def meta(base: int) -> bytes:
        places, at, inner = [], base, 0
        for number, (_, content) in items.items():
            if number in inside:
                places.append(struct.pack(">HHHHII", number, 1, 0, 1, inner, len(content)))
                inner += len(content)
            else:
                places.append(struct.pack(">HHHHII", number, 0, 0, 1, at, len(content)))
                at += len(content)
        ipma = b"".join(struct.pack(">HBB", number, 1, mark) for number, mark in marks)
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(12), WORD.encode() + b"\0"),
            box(b"pitm", bytes(4), b"\0\1"),
            box(
                b"iinf",
                bytes(4),
                struct.pack(">H", len(items)),
                *(item(number, kind) for number, (kind, _) in items.items()),
            ),
            box(b"iloc", b"\1\0\0\0\x44\0", struct.pack(">H", len(items)), *places),
            box(
                b"iref",
                bytes(4),
                *(
                    box(kind, struct.pack(f">HH{len(ends)}H", start, len(ends), *ends))
                    for kind, start, ends in references
                ),
            ),
            box(b"iprp", box(b"ipco", *properties), box(b"ipma", bytes(4), struct.pack(">I", len(marks)), ipma)),
            box(b"idat", idat),
            box(b"xml ", WORD.encode()),
        )

    store = b"".join(content for number, (_, content) in items.items() if number not in inside)
    return ftyp + meta(len(ftyp) + len(meta(0)) + 8) + box(b"mdat", store)


MAIN = {1: (b"hvc1", b"main picture" * 5)}


def kinds(content: bytes) -> list[bytes]:
    meta = first(memoryview(content), b"meta")
    assert meta is not None
    iinf = first(meta[4:], b"iinf")
    assert iinf is not None
    return [bytes(entry.body[8 if entry.body[0] < 3 else 10 :][:4]) for entry in boxes(iinf[8:])]


def test_only_pictures_are_kept() -> None:
    items = MAIN | {
        2: (b"Exif", WORD.encode() * 3),
        3: (b"mime", WORD.encode() * 3),
        4: (b"uri ", WORD.encode() * 3),
        5: (b"hvc1", WORD.encode() * 3),
        6: (b"hvc1", b"transparency" * 3),
        7: (b"hvc1", WORD.encode() * 3),
        8: (b"grid", b"\0\0\0\1\0\4\0\4"),
        9: (b"hvc1", b"tile" * 9),
        10: (b"zzzz", WORD.encode()),
    }
    alpha = box(b"auxC", bytes(4), b"urn:mpeg:hevc:2015:auxid:1\0", WORD.encode())
    depth = box(b"auxC", bytes(4), b"urn:mpeg:hevc:2015:auxid:2\0", WORD.encode())
    said = box(b"udes", bytes(4), WORD.encode())
    raw = image_file(
        items,
        references=(
            (b"cdsc", 2, (1,)),
            (b"thmb", 5, (1,)),
            (b"auxl", 6, (1,)),
            (b"auxl", 7, (1,)),
            (b"dimg", 8, (9,)),
        ),
        properties=(alpha, depth, said, box(b"irot", b"\1")),
        marks=((6, 1), (7, 2), (1, 3), (8, 0x84)),
        inside=(8, 4),
    )
    job = Job()
    out = cleaned(clean, raw, job)
    assert_clean(out)
    assert kinds(out) == [b"hvc1", b"hvc1", b"grid", b"hvc1"]
    for content in (b"main picture" * 5, b"transparency" * 3, b"tile" * 9, b"\0\0\0\1\0\4\0\4", b"irot"):
        assert content in out
    assert {
        name: job.removed[name] for name in ("exif", "xmp", "private item", "thumbnail", "depth map")
    } == dict.fromkeys(("exif", "xmp", "private item", "thumbnail", "depth map"), 1)
    assert run(clean, out, Job()) == out


def test_a_jpeg_inside_is_cleaned_like_a_file() -> None:
    raw = image_file({1: (b"jpeg", WORD.encode())})
    assert "cannot be cleaned" in refused(clean, raw)
    out = run(clean, raw, Job(nested=lambda name, _content: Member(name, b"clean jpeg")))
    assert_clean(out)
    assert out.endswith(b"clean jpeg")


def test_what_is_made_of_a_dropped_picture_goes_too() -> None:
    items = MAIN | {2: (b"hvc1", WORD.encode()), 3: (b"hvc1", WORD.encode()), 4: (b"grid", b"12345678")}
    raw = image_file(items, references=((b"thmb", 4, (1,)), (b"dimg", 4, (2, 3))))
    out = run(clean, raw, Job())
    assert_clean(out)
    assert kinds(out) == [b"hvc1"]


GOOD = image_file(MAIN)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "truncated"),
        (GOOD[:60], "truncated"),
        (GOOD[:-1], "truncated"),
        (GOOD.replace(b"mdat", b"free"), "truncated"),
        (GOOD.replace(b"pict", b"null"), "no list"),
        (image_file({1: (b"Exif", b"x")}), "main picture"),
        (image_file(MAIN, references=((b"thmb", 1, (1,)),)), "main picture"),
        (image_file(MAIN, properties=(box(b"zzzz"),), marks=((1, 0x81),)), "main picture"),
        (image_file(MAIN, marks=((1, 9),)), "not there"),
        (GOOD.replace(b"\0\1\0\0hvc1", b"\0\1\0\1hvc1"), "encrypted"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


@pytest.mark.parametrize("name", ["transparent", "preview"])
def test_damage_is_cleaned_or_refused(name: str) -> None:
    films.assert_stands(clean, FILES[name]())
