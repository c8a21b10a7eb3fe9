"""What an archive unpacks to in all, with the archives in it: measured before anything is cleaned.

Invariants:

- One meter counts everything: archives in archives are held against the size of the outermost one.
- Nothing is judged but the amount: what is damaged or encrypted is told by whatever cleans it.
- What cannot be a bomb is not unpacked for this: a zip holds no more than its directory claims, as reading stops there. Nor is what is
  held in memory whole and counted while it is unpacked.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import chain
from typing import BinaryIO, Final

from privet.ingest.packed import unpacked
from privet.ingest.tar_members import read_tar
from privet.metadata.job import CannotClean, Job
from privet.metadata.pieces import size_of
from privet.metadata.sniff import recognise
from privet.metadata.zip_members import Archive, Meter, TooMuch, open_zip

_HEAD: Final = 1024
_LIGHT: Final = 20
"""A zip that unpacks to so many times its size, at most, is not unpacked to be measured, but for archives in it."""
_PACKED: Final = frozenset(("gzip", "zstd", "bzip2", "xz"))
_ZIP: Final = b"PK"


def check_weight(source: BinaryIO, form: str, job: Job) -> None:
    """Measure an archive; `source` stands at 0 again.

    Raises:
        TooMuch: it unpacks to more than the limits allow.

    """
    _weigh(source, form, Meter(Job(limits=job.limits), size_of(source)), 0)
    source.seek(0)


def check_content(content: bytes, packed: int, job: Job) -> None:
    """Measure what is packed in what has been unpacked already, and counted while it was, from `packed` bytes.

    Raises:
        TooMuch: it unpacks to more than the limits allow.

    """
    form = _form(content[:_HEAD])
    if form:
        meter = Meter(Job(limits=job.limits), packed)
        meter.add(len(content))
        _weigh(io.BytesIO(content), form, meter, 1)


def _weigh(source: BinaryIO, form: str, meter: Meter, depth: int) -> None:
    limits = meter.job.limits
    try:
        if form == "zip":
            _weigh_zip(open_zip(source, Job(limits=limits)), meter, depth)
        elif form == "tar":
            # A tar packs nothing: only the archives in it weigh more than itself.
            for entry in read_tar(source, Job(limits=limits)).values():
                source.seek(entry.start)
                head = source.read(min(entry.size, _HEAD))
                if _form(head):
                    _weigh_member((head, source.read(entry.size - len(head))), meter, depth)
        else:
            _weigh_member(unpacked(source, form, Job(limits=limits)), meter, depth)
    except TooMuch:
        raise
    except CannotClean:
        return


def _weigh_zip(archive: Archive, meter: Meter, depth: int) -> None:
    entries = [entry for _, entry in archive.entries(Job(limits=meter.job.limits))]
    is_light = sum(entry.file_size for entry in entries) <= _LIGHT * archive.meter.packed
    for entry in entries:
        if is_light and not _form(archive.head(entry, _HEAD)):
            meter.add(entry.file_size)
        else:
            _weigh_member(archive.blocks(entry), meter, depth)


def _weigh_member(blocks: Iterable[bytes], meter: Meter, depth: int) -> None:
    """Count a member, and what is packed in it."""
    blocks = iter(blocks)
    first = next(blocks, b"")
    form = _form(first[:_HEAD]) if depth < meter.job.limits.max_depth else ""
    held = bytearray()
    for block in chain((first,), blocks):
        meter.add(len(block))
        if not form:
            meter.look(block)
        elif len(held) + len(block) > meter.job.limits.max_file_bytes:
            return
        else:
            held += block
    if form:
        _weigh(io.BytesIO(held), form, meter, depth + 1)


def _form(head: bytes) -> str:
    """Return what kind of archive begins so, or an empty text."""
    if head.startswith(_ZIP):
        return "zip"
    form = recognise(head, b"", "", len(head))
    return form if form == "tar" or form in _PACKED else ""
