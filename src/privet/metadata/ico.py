"""ICO and CUR: the icons of a file, each cleaned as the PNG or BMP that it is.

Invariants: the directory says what was written; bytes that it does not point to are left out; an icon that cannot be cleaned is left out,
and a file without any other is refused.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, Final

from privet.metadata import bmp, png
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of

_MAX_ICONS: Final = 1024
_LEAST: Final = 40
_MAX_BYTES: Final = 64 * 1024 * 1024


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the icons without metadata.

    Raises:
        CannotClean: no icon file, or one without an icon that can be cleaned.

    """
    size = size_of(source)
    head = source.read(6)
    if len(head) < 6 or head[:2] != b"\0\0" or head[2:4] not in (b"\1\0", b"\2\0"):
        raise CannotClean("not an icon file")
    (count,) = struct.unpack("<H", head[4:])
    entries = [source.read(16) for _ in range(min(count, _MAX_ICONS))]
    icons: list[tuple[bytes, bytes]] = []
    total = 0
    for entry in entries:
        if len(entry) < 16:
            break
        length, offset = struct.unpack_from("<II", entry, 8)
        # Readers take what is there, whatever length is written down: one that no picture can have is none.
        length = max(min(length if length >= _LEAST else size, size - offset), 0)
        total += length
        if not length or total > min(size + _MAX_BYTES, job.limits.max_unpacked_bytes):
            job.dropped("damaged icon")
            continue
        source.seek(offset)
        try:
            icons.append((entry, _icon(source.read(length), job)))
        except CannotClean:
            job.dropped("damaged icon")
    if not icons:
        raise CannotClean("no picture: no icon that can be cleaned")
    place = 6 + 16 * len(icons)
    target.write(head[:4] + struct.pack("<H", len(icons)))
    for entry, content in icons:
        # Width, height, colours; nothing in the spare byte; planes and bits, which are the hot spot of a cursor.
        target.write(entry[:3] + b"\0" + entry[4:8] + struct.pack("<II", len(content), place))
        place += len(content)
    target.writelines(content for _, content in icons)


def _icon(content: bytes, job: Job) -> bytes:
    source, target = io.BytesIO(content), io.BytesIO()
    if content.startswith(png.SIGNATURE):
        png.clean(source, target, job)
        return target.getvalue()
    bitmap = bmp.read_header(source, job, icon=True)
    _, (_, taken) = bmp.write_bitmap(source, target, bitmap, source.tell(), job)
    # The mask of what is seen through: one bit a pixel, rows padded to four bytes. Some writers leave it out or write it short.
    mask = (bitmap.width + 31) // 32 * 4 * bitmap.height
    rest = content[len(bitmap.header) + len(bitmap.masks) + len(bitmap.palette) + taken :]
    target.write(rest[:mask])
    return target.getvalue()
