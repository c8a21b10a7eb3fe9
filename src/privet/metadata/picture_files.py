"""Pictures in which something is to be covered: every frame decoded, covered with black, and written anew in the same format.

Invariants:

- a picture in which nothing is to be covered is not written: its own cleaner keeps its pixels as they are
- what is covered has one colour, so nothing of it can be worked out; what is not covered stays as it was, as far as its format has no
  loss, and with the tables of the picture where it is a JPEG
- what is covered in one frame of an animation is covered in all of them
- whatever a decoder does with hostile bytes, the answer is a picture or a reason
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, NamedTuple

from PIL import Image, ImageDraw, ImageOps, ImageSequence, JpegImagePlugin

from privet.metadata.job import CannotClean, Job
from privet.metadata.picture_text import Corners

FORMS: Final = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP"}
"""formats whose pixels can be looked at, and what Pillow calls them"""
_MAX_FRAMES: Final = 500
_JPEG_QUALITY: Final = 95
_WEBP_QUALITY: Final = 95
# Black is no colour, or all ink.
_BLACK: Final = {
    "RGBA": (0, 0, 0, 255),
    "LA": (0, 255),
    "CMYK": (0, 0, 0, 255),
    "RGB": (0, 0, 0),
    "YCbCr": (0, 128, 128),
}
_LEVELS: Final = ("1", "L", "I;16", "I", "F")


class Found(NamedTuple):
    """What of a picture is to be covered."""

    words: tuple[Corners, ...] = ()
    faces: tuple[Corners, ...] = ()


Look = Callable[[Image.Image], Found]
"""a picture → what of it is to be covered"""


def rewrite(source: BinaryIO, form: str, target: BinaryIO, job: Job, look: Look) -> bool:
    """Write a picture with what is found in it covered; return whether there was something, as nothing is written otherwise.

    What is written has the profile and the resolution of the picture still, for the format's own cleaner to look at next. `source` is at
    its beginning again.

    Raises:
        CannotClean: the picture does not decode, is too large, or is none of `FORMS`.

    """
    if form not in FORMS:
        raise CannotClean("its pixels cannot be looked at: save it as png or jpeg first")
    raw = source.read()
    source.seek(0)
    with _quietly():
        image = Image.open(io.BytesIO(raw), formats=[FORMS[form]])
        frames = list(_frames(image, form, job))
        found = _in_frames(frames, look, animated=form != "tiff")
        if not any(any(one) for one in found):
            return False
        made = [fill(frame, one) for frame, one in zip(frames, found, strict=True)]
        _save(made, image, form, raw, target)
    pages = found if form == "tiff" else found[:1]
    job.dropped("text in picture", sum(bool(page.words) for page in pages))
    job.dropped("face", sum(len(page.faces) for page in pages))
    return True


def fill(image: Image.Image, found: Found) -> Image.Image:
    """Return a picture in which what was found is black."""
    out = image.copy()
    black: Any = _BLACK.get(out.mode, 0)
    if out.mode in ("P", "PA"):
        black = _darkest(out) if out.mode == "P" else (_darkest(out), 255)
    elif out.mode not in _BLACK and out.mode not in _LEVELS:
        out = out.convert("RGBA" if out.has_transparency_data else "RGB")
        black = _BLACK[out.mode]
    draw = ImageDraw.Draw(out)
    for corners in (*found.words, *found.faces):
        # An outline of its own covers the pixels that the edge cuts.
        draw.polygon([(round(x), round(y)) for x, y in corners], fill=black, outline=black, width=1)
    return out


def _darkest(image: Image.Image) -> int:
    """Return the index of the darkest colour among those that a picture with a palette shows."""
    colours = image.getpalette("RGBA") or [0, 0, 0, 255]
    used = [index for index, count in enumerate(image.histogram()) if count and 4 * index < len(colours)]

    def light(index: int) -> tuple[int, int]:
        *levels, opaque = colours[4 * index : 4 * index + 4]
        return 255 - opaque, sum(levels)

    return min(used, key=light, default=0)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep in what Pillow says of a picture; all its errors mean the same."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except CannotClean:
        raise
    except Exception as error:
        # Pillow raises nearly anything on hostile bytes.
        raise CannotClean("damaged: the picture does not decode, or cannot be written anew") from error


def _frames(image: Image.Image, form: str, job: Job) -> Iterator[Image.Image]:
    """Yield every frame of a picture, the right way up."""
    several = getattr(image, "n_frames", 1) if form != "jpeg" else 1
    if several > _MAX_FRAMES:
        raise CannotClean(f"its pixels cannot be looked at: more than {_MAX_FRAMES} frames")
    pixels = 0
    for frame in ImageSequence.Iterator(image) if several > 1 else (image,):
        pixels += frame.width * frame.height
        if pixels > job.limits.max_pixels:
            raise CannotClean("too large: more pixels than scrub may hold")
        frame.load()
        upright = ImageOps.exif_transpose(frame)
        if upright.mode == "I;16B":
            upright = upright.convert("I").convert("I;16")
        yield upright.convert("RGBA") if several > 1 and form != "tiff" else upright.copy()


def _in_frames(frames: Sequence[Image.Image], look: Look, *, animated: bool) -> list[Found]:
    known: dict[bytes, Found] = {}
    out = []
    for frame in frames:
        key = hashlib.sha256(repr((frame.mode, frame.size)).encode() + frame.tobytes()).digest()
        if key not in known:
            known[key] = look(frame)
        out.append(known[key])
    if animated and len(out) > 1:
        together = Found(*(tuple(place for one in known.values() for place in one[kind]) for kind in (0, 1)))
        return [together] * len(out)
    return out


def _save(frames: list[Image.Image], image: Image.Image, form: str, raw: bytes, target: BinaryIO) -> None:
    kept = {name: image.info[name] for name in ("icc_profile", "dpi") if image.info.get(name)}
    options: dict[str, Any] = {"GIF": _gif, "JPEG": _jpeg, "WEBP": _webp, "TIFF": _tiff}.get(FORMS[form], _plain)(
        frames, image, raw
    )
    first = frames[0]
    first.info.pop("exif", None)
    if form == "bmp":
        kept.pop("icc_profile", None)
    first.save(target, FORMS[form], **kept, **options)


def _several(frames: list[Image.Image], image: Image.Image) -> dict[str, Any]:
    if len(frames) == 1:
        return {}
    durations = []
    for frame in ImageSequence.Iterator(image):
        frame.load()
        durations.append(int(frame.info.get("duration", 100)))
    timing = {"duration": durations, "loop": image.info["loop"]} if "loop" in image.info else {"duration": durations}
    return {"save_all": True, "append_images": frames[1:], **timing}


def _plain(frames: list[Image.Image], image: Image.Image, _raw: bytes) -> dict[str, Any]:
    return _several(frames, image)


def _gif(frames: list[Image.Image], image: Image.Image, _raw: bytes) -> dict[str, Any]:
    # Each frame is whole: what was under it is not seen through it.
    return _several(frames, image) | ({"disposal": 2} if len(frames) > 1 else {})


def _jpeg(frames: list[Image.Image], image: Image.Image, _raw: bytes) -> dict[str, Any]:
    """Return the tables and the sampling of the picture, so that what is not covered stays as near as can be."""
    options: dict[str, Any] = {"quality": _JPEG_QUALITY}
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.mode == frames[0].mode:
        sampling = JpegImagePlugin.get_sampling(image)
        options = {"qtables": image.quantization} | ({"subsampling": sampling} if sampling >= 0 else {})
    return options | ({"progressive": True} if image.info.get("progressive") else {})


def _webp(frames: list[Image.Image], image: Image.Image, raw: bytes) -> dict[str, Any]:
    lossy = b"VP8 " in raw and b"VP8L" not in raw
    quality: dict[str, Any] = {"quality": _WEBP_QUALITY} if lossy else {"lossless": True, "exact": True}
    return _several(frames, image) | quality


def _tiff(frames: list[Image.Image], _image: Image.Image, _raw: bytes) -> dict[str, Any]:
    options: dict[str, Any] = {
        "compression": "group4" if all(frame.mode == "1" for frame in frames) else "tiff_adobe_deflate"
    }
    return options | ({"save_all": True, "append_images": frames[1:]} if len(frames) > 1 else {})
