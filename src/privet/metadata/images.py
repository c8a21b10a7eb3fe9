"""Images with nothing but pixels: no EXIF, GPS, XMP, IPTC, text chunks, comments, thumbnails, profiles or trailing bytes.

Invariants: the image is decoded and written anew from its pixels, so nothing that is not a pixel can ride along; orientation is applied
first; only the first frame is kept; a format that cannot be rewritten is refused.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import Final

_DATA_URL: Final = re.compile(r"data:image/(png|jpeg|jpg|webp|gif)(?:;[a-z0-9=_-]+)*;base64,", re.IGNORECASE)
_MODES: Final = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK")
_MAX_PIXELS: Final = 25_000_000
_JPEG_QUALITY: Final = 95


class UnsupportedImage(ValueError):
    """The bytes are not an image that can be rewritten."""


def strip_data_url(url: str) -> str:
    """Return a `data:` image address whose image has no metadata.

    Raises:
        UnsupportedImage: not base64, not PNG, JPEG, WebP or GIF, broken, or over 25 million pixels.

    """
    head = _DATA_URL.match(url)
    if head is None:
        raise UnsupportedImage
    try:
        raw = base64.b64decode(url[head.end() :].strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnsupportedImage from error
    content, media_type = strip_image(raw)
    return f"data:image/{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def strip_image(raw: bytes) -> tuple[bytes, str]:
    """Return the image written anew from its pixels, and its media subtype.

    Raises:
        UnsupportedImage: as for `strip_data_url`.

    """
    from PIL import Image, ImageOps

    try:
        image = Image.open(io.BytesIO(raw), formats=["PNG", "JPEG", "WEBP", "GIF"])
        if image.width * image.height > _MAX_PIXELS:
            raise UnsupportedImage
        # Phones write JPEGs with a second picture behind the first; Pillow calls them MPO.
        kind = "JPEG" if image.format == "MPO" else image.format or ""
        image.load()
        turned = ImageOps.exif_transpose(image)
        return _write(turned, kind)
    except UnsupportedImage:
        raise
    except Exception as error:
        # Pillow's decoders raise nearly anything on hostile bytes; all of it means the same here.
        raise UnsupportedImage from error


def _write(image: object, kind: str) -> tuple[bytes, str]:
    from PIL import Image

    if not isinstance(image, Image.Image):
        raise UnsupportedImage
    if image.mode not in _MODES:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    transparency = image.info.get("transparency")
    pixels = Image.frombytes(image.mode, image.size, image.tobytes())
    palette = image.getpalette() if image.mode == "P" else None
    if palette is not None:
        # A colour that no pixel has can hold a message.
        used = {index for _count, index in pixels.getcolors(256) or ()}
        pixels.putpalette([level if place // 3 in used else 0 for place, level in enumerate(palette)])
        if isinstance(transparency, bytes):
            transparency = bytes(level if index in used else 255 for index, level in enumerate(transparency))
    out = io.BytesIO()
    if kind == "JPEG":
        if pixels.mode not in ("L", "RGB", "CMYK"):
            pixels = pixels.convert("RGB")
        pixels.save(out, "JPEG", quality=_JPEG_QUALITY)
    elif kind == "WEBP":
        pixels.save(out, "WEBP", lossless=True)
    else:
        keep = {"transparency": transparency} if transparency is not None else {}
        pixels.save(out, "PNG" if kind == "PNG" else "GIF", **keep)
    return out.getvalue(), "jpeg" if kind == "JPEG" else kind.lower()
