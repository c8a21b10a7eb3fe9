"""DjVu pages: the layers of the page, and no text, notes or metadata beside them.

Invariants: coded layers come out bit for bit, JPEG ones through their own cleaner; hidden text, annotations (metadata, links, highlights),
outlines, thumbnails, identities of scanners and unknown chunks are left out; files of several pages, whose list of names is coded, are
refused.

Source: Lizardtech DjVu Reference, DjVu v3.
"""

from __future__ import annotations

import io
from typing import BinaryIO, Final

from privet.metadata import jpeg
from privet.metadata.job import CannotClean, Job
from privet.metadata.riff import Chunk, chunks, put, written
from privet.metadata.window import size_of

_MARK: Final = b"AT&T"
_KINDS: Final = (b"DJVU", b"PM44", b"BM44")
_KEPT: Final = frozenset((b"Sjbz", b"Smmr", b"Djbz", b"BG44", b"FG44", b"FGbz", b"PM44", b"BM44"))
_PICTURES: Final = (b"BGjp", b"FGjp")
_NAMES: Final = {
    b"ANTa": "notes",
    b"ANTz": "notes",
    b"TXTa": "hidden text",
    b"TXTz": "hidden text",
    b"CIDa": "device",
    b"METa": "metadata",
}
_INFO_BYTES: Final = 10


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the page.

    Raises:
        CannotClean: no DjVu, of several pages, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(16)
    if head[:8] != _MARK + b"FORM":
        raise CannotClean("not a djvu file")
    if head[12:] == b"DJVM":
        raise CannotClean("djvu of several pages is not supported: convert it to PDF first")
    end = 12 + int.from_bytes(head[8:12])
    if head[12:] not in _KINDS or end > size:
        raise CannotClean("truncated, or of an unknown kind: the form")
    target.write(head)
    layers = 0
    for chunk in chunks(source, 16, end, "big"):
        if chunk.end > end:
            raise CannotClean("truncated: a chunk ends behind the file")
        layers += _copy(source, target, chunk, job)
    if not layers:
        raise CannotClean("no picture: no layer")
    if end + (end & 1) < size:
        job.dropped("trailing bytes")
    length = target.tell()
    target.seek(8)
    target.write((length - 12).to_bytes(4))
    target.seek(length)


def _copy(source: BinaryIO, target: BinaryIO, chunk: Chunk, job: Job) -> bool:
    """Write a chunk that stays; return whether it is a layer of the page."""
    source.seek(chunk.start)
    if chunk.name == b"INCL":
        raise CannotClean("a page whose parts are in other files")
    if chunk.name == b"INFO":
        target.write(written(b"INFO", source.read(min(_INFO_BYTES, chunk.end - chunk.start)), "big"))
        return False
    if chunk.name in _KEPT:
        put(source, target, chunk, "big")
        return chunk.name != b"Djbz"
    if chunk.name not in _PICTURES:
        job.dropped(_NAMES.get(chunk.name, "chunk"))
        return False
    stream, cleaned = io.BytesIO(source.read(chunk.end - chunk.start)), io.BytesIO()
    jpeg.clean_part(stream, cleaned, job)
    target.write(written(chunk.name, cleaned.getvalue(), "big"))
    return True
