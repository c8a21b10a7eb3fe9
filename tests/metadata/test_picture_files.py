"""Pictures that are covered and written anew: black where it was said, as it was everywhere else."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageSequence, JpegImagePlugin

from privet.metadata import picture_files
from privet.metadata.job import CannotClean, Job
from privet.metadata.picture_files import Found

sys.path.append(str(Path(__file__).parent))

import picture_pages as pages

PLACE = (86, 14, 312, 44)
LEFT, TOP, RIGHT, BOTTOM = PLACE
CORNERS = ((LEFT, TOP), (RIGHT, TOP), (RIGHT, BOTTOM), (LEFT, BOTTOM))


LOSSLESS: list[tuple[str, str, dict[str, Any]]] = [
    *(("png", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "I;16")),
    *(("tiff", mode, {}) for mode in ("L", "RGB", "CMYK", "I;16")),
    ("tiff", "1", {"compression": "group4"}),
    ("tiff", "RGB", {"compression": "tiff_lzw"}),
    ("bmp", "P", {}),
    ("bmp", "RGB", {}),
    ("webp", "RGB", {"lossless": True}),
    ("gif", "P", {}),
]


def encoded(image: Image.Image, form: str, **options: Any) -> io.BytesIO:
    out = io.BytesIO()
    image.save(out, picture_files.FORMS[form], **options)
    out.seek(0)
    return out


def look(image: Image.Image) -> Found:
    """Find the place in pictures that have ink there, without reading."""
    levels = np.asarray(image.convert("RGB") if image.mode != "I;16" else image.convert("I")).astype(float)
    part = levels[TOP:BOTTOM, LEFT:RIGHT]
    return Found((CORNERS,)) if part.size and part.max() - part.min() > 60 else Found()


def cover(source: io.BytesIO, form: str) -> Image.Image | None:
    target = io.BytesIO()
    job = Job()
    if not picture_files.rewrite(source, form, target, job, look):
        assert not target.getvalue()
        assert not job.removed
        return None
    assert job.removed["text in picture"] >= 1
    return Image.open(target)


@pytest.mark.parametrize(("form", "mode", "options"), LOSSLESS)
def test_a_name_is_black_and_nothing_else_changes(form: str, mode: str, options: dict[str, Any]) -> None:
    image, _place = pages.text_picture(mode=mode)
    source = encoded(image, form, **options)
    out = cover(source, form)
    assert out is not None
    assert (out.mode, out.size) == (mode, image.size)
    # A palette without black: its darkest colour.
    shown = out if mode != "P" else out.convert("RGB").point(lambda level: max(0, level - 40))
    assert pages.bare(shown, PLACE) < 0.01
    before = Image.open(source)
    out.paste(before.crop((LEFT, TOP, RIGHT + 1, BOTTOM + 1)), (LEFT, TOP))
    assert ImageChops.difference(before.convert("RGB"), out.convert("RGB")).getbbox() is None


def test_a_jpeg_keeps_its_tables_and_nearly_its_pixels() -> None:
    image, _place = pages.text_picture()
    source = encoded(image, "jpeg", quality=81, subsampling="4:2:0", progressive=True)
    out = cover(source, "jpeg")
    assert isinstance(out, JpegImagePlugin.JpegImageFile)
    before = Image.open(source)
    assert isinstance(before, JpegImagePlugin.JpegImageFile)
    assert out.quantization == before.quantization
    assert JpegImagePlugin.get_sampling(out) == JpegImagePlugin.get_sampling(before)
    assert out.info.get("progressive")
    assert pages.bare(out, PLACE) < 0.02
    far = (0, 64, *image.size)
    change = np.abs(np.asarray(out.crop(far), int) - np.asarray(before.crop(far), int))
    assert change.max() <= 8


@pytest.mark.parametrize(("form", "options"), [("gif", {}), ("webp", {"lossless": True}), ("png", {})])
def test_what_is_covered_in_one_frame_is_covered_in_all(form: str, options: dict[str, Any]) -> None:
    image, _place = pages.text_picture()
    other = image.copy()
    other.paste((200, 30, 30), (0, 90, 460, 120))
    other.paste(pages.GROUND, (0, 45, 460, 90))
    plain = other.copy()
    plain.paste(pages.GROUND, (0, 0, 460, 45))
    plain.paste((20, 160, 60), (0, 90, 460, 120))
    frames = [image, other, plain]
    source = encoded(
        frames[0], form, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=2, **options
    )
    out = cover(source, form)
    assert out is not None
    assert out.info["loop"] == Image.open(source).info["loop"]
    shown = [frame.convert("RGB") for frame in ImageSequence.Iterator(out)]
    assert len(shown) == 3
    for frame, before in zip(shown, frames, strict=True):
        assert pages.bare(frame, PLACE) < 0.02
        assert np.abs(np.asarray(frame, int)[100, 300] - np.asarray(before, int)[100, 300]).max() <= 8


def test_each_page_of_a_tiff_has_its_own_covers() -> None:
    image, _place = pages.text_picture()
    plain = Image.new("L", (300, 200), 240)
    source = encoded(image, "tiff", save_all=True, append_images=[plain, image], compression="tiff_lzw")
    out = cover(source, "tiff")
    assert out is not None
    shown = [frame.copy() for frame in ImageSequence.Iterator(out)]
    assert [frame.size for frame in shown] == [image.size, plain.size, image.size]
    assert pages.bare(shown[0], PLACE) < 0.02
    assert shown[1].tobytes() == plain.tobytes()
    assert pages.bare(shown[2], PLACE) < 0.02


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_come_out_the_right_way_up(orientation: int) -> None:
    image, _place = pages.text_picture()
    ways = Image.Transpose
    stored = {
        2: ways.FLIP_LEFT_RIGHT, 3: ways.ROTATE_180, 4: ways.FLIP_TOP_BOTTOM, 5: ways.TRANSPOSE,
        6: ways.ROTATE_90, 7: ways.TRANSVERSE, 8: ways.ROTATE_270,
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = image.transpose(stored[orientation]) if orientation in stored else image
    for form in ("jpeg", "png", "webp", "tiff"):
        out = cover(encoded(turned, form, exif=exif), form)
        assert out is not None
        assert out.getexif().get(0x0112, 1) == 1
        assert out.size == image.size
        assert pages.bare(out, PLACE) < 0.01


def test_levels_of_sixteen_bits_in_either_order() -> None:
    image, _place = pages.text_picture(mode="I;16")
    source = io.BytesIO()
    Image.frombytes("I;16B", image.size, np.asarray(image).astype(">u2").tobytes()).save(source, "TIFF")
    source.seek(0)
    out = cover(source, "tiff")
    assert out is not None
    assert out.mode == "I;16"
    assert np.array_equal(np.asarray(out)[60:], np.asarray(image)[60:])


def test_nothing_to_cover_writes_nothing() -> None:
    source = encoded(Image.new("RGB", (400, 100), pages.GROUND), "png")
    assert cover(source, "png") is None
    assert source.tell() == 0


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + bytes(40)])
def test_damaged_pictures_are_refused(content: bytes) -> None:
    form = "png" if content[:1] == b"\x89" else "jpeg"
    with pytest.raises(CannotClean, match="does not decode"):
        picture_files.rewrite(io.BytesIO(content), form, io.BytesIO(), Job(), look)


def test_limits_and_formats() -> None:
    image, _place = pages.text_picture()
    small = Job(edits=pages.edits)
    small.limits = small.limits._replace(max_pixels=1000)
    with pytest.raises(CannotClean, match="too large"):
        picture_files.rewrite(encoded(image, "png"), "png", io.BytesIO(), small, look)
    with pytest.raises(CannotClean, match="cannot be looked at"):
        picture_files.rewrite(io.BytesIO(), "heic", io.BytesIO(), Job(), look)
