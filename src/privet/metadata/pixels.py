"""What only a decoder can say of a picture: whether it loads, and which colours of its palette it has.

Invariants: Pillow's tolerance for truncated files stays off; nothing it says or warns gets out.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable, Sequence
from typing import BinaryIO, TypeVar

from PIL import Image

from privet.metadata.job import Job
from privet.metadata.window import size_of

_Look = TypeVar("_Look")


def loads(source: BinaryIO, formats: Sequence[str], job: Job) -> bool:
    """Return whether Pillow decodes the whole picture. The place in `source` is kept."""
    return histogram(source, formats, job) is not None


def histogram(source: BinaryIO, formats: Sequence[str], job: Job, page: int = 0) -> list[int] | None:
    """Return how many pixels have each level of each channel, or None where the picture does not decode."""
    return _decoded(source, formats, job, page, lambda image: image.histogram())


def indexes(source: BinaryIO, formats: Sequence[str], job: Job, page: int = 0) -> set[int] | None:
    """Return which colours of its palette the picture has, or None where it does not decode or has no palette."""
    mode, counts = _decoded(source, formats, job, page, lambda image: (image.mode, image.histogram())) or ("", [])
    return {index for index, count in enumerate(counts) if count} if mode == "P" else None


def digest(source: BinaryIO, formats: Sequence[str], job: Job, page: int = 0) -> bytes | None:
    """Return what tells two pictures apart by their pixels, or None where the picture does not decode."""
    return _decoded(source, formats, job, page, lambda image: hashlib.sha256(_named(image) + image.tobytes()).digest())


def _named(image: Image.Image) -> bytes:
    return f"{image.mode} {image.width} {image.height} ".encode()


def _decoded(
    source: BinaryIO, formats: Sequence[str], job: Job, page: int, look: Callable[[Image.Image], _Look]
) -> _Look | None:
    place = source.tell()
    try:
        size = size_of(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # What stands between keeps Pillow from closing the caller's file.
            image = Image.open(io.BufferedReader(_Lent(source)), formats=tuple(formats))
            image.seek(page)
            # The decoder joins what it has not used to each block that it reads: with few blocks that stays linear.
            image.decodermaxblock = max(65536, size // 16)
            return look(image) if image.width * image.height <= job.limits.max_pixels else None
    except Exception:
        # Pillow's decoders raise nearly anything on hostile bytes; all of it means the same here.
        return None
    finally:
        source.seek(place)


class _Lent(io.RawIOBase):
    """A file for reading that closing does not close."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._source.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()
