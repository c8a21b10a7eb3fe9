"""DCX: pages of PCX, each cleaned as such.

Invariants: bytes that belong to no page are left out; a page that cannot be cleaned makes the file one that cannot.

Source: ZSoft; the table of places of up to 1,023 pages.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, Final

from privet.metadata import pcx
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.window import size_of

_MAX_PAGES: Final = 1023
_MAX_BYTES: Final = 256 * MIB


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the pages without metadata.

    Raises:
        CannotClean: no such file, damaged, or cut off.

    """
    size = size_of(source)
    if size > min(_MAX_BYTES, job.limits.max_file_bytes) or source.read(4) != b"\xb1\x68\xde\x3a":
        raise CannotClean("not a dcx file, or a too large one")
    raw = source.read(4 * (_MAX_PAGES + 1))
    places = [place for (place,) in struct.iter_unpack("<I", raw[: len(raw) // 4 * 4])]
    places = places[: places.index(0)] if 0 in places else places[:0]
    if not places or sorted(places) != places or places[0] < 8 + 4 * len(places) or places[-1] >= size:
        raise CannotClean("damaged: the table of pages")
    pages: list[bytes] = []
    for start, end in zip(places, [*places[1:], size], strict=True):
        cleaned = io.BytesIO()
        source.seek(start)
        pcx.clean(io.BytesIO(source.read(end - start)), cleaned, job)
        pages.append(cleaned.getvalue())
    at = 8 + 4 * len(pages)
    target.write(b"\xb1\x68\xde\x3a")
    for page in pages:
        target.write(struct.pack("<I", at))
        at += len(page)
    target.write(bytes(4))
    target.writelines(pages)
