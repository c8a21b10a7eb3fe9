"""Tags of the pictures of the web: JPEG, PNG, WebP, GIF, TIFF.

Invariant: what is not the picture is told, known by name or not: texts, segments, bytes behind the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO, Final

from privet.audit.tag import Tag, words_in
from privet.audit.tags_exif import exif_tags, tags_in, xmp

_MAX_BYTES: Final = 512 * 1024 * 1024
_MAX_FRAMES: Final = 64


def image(stream: BinaryIO) -> Iterator[Tag]:
    """Yield Exif, XMP, IPTC, texts, unknown segments, and bytes behind the end."""
    import warnings

    from PIL import Image

    content = stream.read(_MAX_BYTES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(BytesIO(content)) as image:
            yield from exif_tags(image.getexif())
            yield from _info(image.info)
            yield from _segments(getattr(image, "applist", ()))
            for at in range(1, min(getattr(image, "n_frames", 1), _MAX_FRAMES)):
                image.seek(at)
                yield from _info({"comment": image.info.get("comment")})
                yield from tags_in(dict(getattr(image, "tag_v2", {})))
    if _is_followed(content):
        yield Tag("metadata-behind-the-end")
    yield from xmp(content)
    if (place := content.find(b"Photoshop 3.0\x008BIM")) >= 0:
        yield Tag("metadata-iptc")
        yield from _iptc(content[place : place + _SEGMENT_BYTES])


_SEGMENT_BYTES: Final = 1 << 16
_IPTC: Final = re.compile(rb"(?s)\x1c\x02([\x50\x55\x6e\x74\x76\x78\x7a])([\x00-\x7f].)")
"""By-line, its title, credit, copyright, contact, caption and its writer."""
_IPTC_OWNERS: Final = frozenset((b"\x50", b"\x7a"))


def _iptc(segment: bytes) -> Iterator[Tag]:
    for match in _IPTC.finditer(segment):
        text = words_in(segment[match.end() : match.end() + int.from_bytes(match[2], "big")])
        if text:
            yield Tag("metadata-iptc", text=text, owner=match[1] in _IPTC_OWNERS)


_APPS: Final = (
    b"JFIF\0",
    b"JFXX\0",
    b"Exif\0",
    b"ICC_PROFILE\0",
    b"Adobe",
    b"MPF\0",
    b"http://ns.adobe.com/",
    b"Photoshop 3.0\0",
)
"""What application segments of a JPEG may begin with: technical, or looked at by themselves."""


def _segments(segments: Any) -> Iterator[Tag]:
    if any(name != "COM" and content.strip(b"\0 ") and not content.startswith(_APPS) for name, content in segments):
        yield Tag("metadata-image-segment")


def _is_followed(content: bytes) -> bool:
    """Tell whether bytes stand behind the end of a PNG or a JPEG; the pictures that cameras put there bring their own Exif."""
    if content.startswith(b"\x89PNG"):
        place = 8
        while place + 12 <= len(content):
            name = content[place + 4 : place + 8]
            place += 12 + int.from_bytes(content[place : place + 4], "big")
            if name == b"IEND":
                return bool(content[place:].strip(b"\0"))
        return False
    end = content.rfind(b"\xff\xd9") if content.startswith(b"\xff\xd8") else -1
    return end >= 0 and bool(content[end + 2 :].strip(b"\0"))


_INFO: Final = frozenset(
    ("author", "comment", "copyright", "description", "title", "source", "warning", "disclaimer", "creator", "artist", "xml:com.adobe.xmp",
     "parameters", "workflow", "prompt")
)  # fmt: skip
_OWNERS: Final = frozenset(("author", "creator", "artist"))
_PLAIN_INFO: Final = frozenset(("compression", "mode", "blend", "version", "bbox"))
"""Words that the reader of the format itself puts beside those of the file."""


def _info(info: dict[Any, Any]) -> Iterator[Tag]:
    for name, value in info.items():
        lower = str(name).lower()
        if value and lower in _INFO:
            yield Tag("metadata-image-text", text=words_in(value), owner=lower in _OWNERS)
        elif value and lower.startswith("raw profile type"):
            yield Tag("metadata-image-text")
        elif value and lower in {"software", "creation time", "date:create", "date:modify"}:
            yield Tag("metadata-software", personal=False)
        elif isinstance(value, str) and value.strip() and lower not in _PLAIN_INFO:
            yield Tag("metadata-image-text", text=words_in(value))
