"""RealMedia (.rm, .rmvb): the streams, how they are coded, and nothing of who made them, when and with what.

Invariants: packets come out bit for bit and at their places; title, author, copyright and comment are zeros, names of streams and what
programs wrote of themselves are zeros; unknown chunks and what stands behind the last one are left out.

Source: RealMedia File Format (RMFF) Reference, Helix DNA.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata.byte_ranges import copy
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.window import size_of

MAGIC: Final = b".RMF"
_COPIED: Final = frozenset((MAGIC, b"PROP", b"DATA", b"INDX"))
_HEAD_BYTES: Final = 18
_NAME_AT: Final = 40
_MAX_CHUNKS: Final = 10_000
_NOTES: Final = b"logical-fileinfo"


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the streams.

    Raises:
        CannotClean: no such film, damaged, or cut off.

    """
    size = size_of(source)
    at = kept = 0
    for _ in range(_MAX_CHUNKS):
        source.seek(at)
        head = source.read(10)
        length = int.from_bytes(head[4:8])
        kind = head[:4]
        if len(head) < 10 or kind not in (*_COPIED, b"MDPR", b"CONT") or length < 10:
            break
        if kind == b"DATA" and size < at + length <= size + _HEAD_BYTES:
            # Some writers count the header of the packets twice.
            length = size - at
        if at + length > size:
            raise CannotClean("truncated: a chunk ends behind the file")
        if kind in _COPIED:
            copy(source, target, at, length)
        elif length > MIB:
            raise CannotClean("damaged: a header longer than a header can be")
        elif kind == b"CONT":
            job.dropped("title")
            target.write(head + _texts(length - 10))
        else:
            source.seek(at)
            target.write(_stream(source.read(length), job))
        kept += kind == b"DATA"
        at += length
    if not kept or target.tell() < len(MAGIC):
        raise CannotClean("not a realmedia file, or without packets")
    if at < size:
        job.dropped("trailing bytes")


def _texts(size: int) -> bytes:
    """Return four texts without a letter that take so many bytes: places of packets are counted from the start of the file."""
    if size < 8 or size - 8 > 65535:
        raise CannotClean("damaged: the texts")
    return (size - 8).to_bytes(2) + bytes(size - 2)


def _stream(chunk: bytes, job: Job) -> bytes:
    """Return the description of a stream without its name."""
    out = bytearray(chunk)
    if len(chunk) <= _NAME_AT:
        raise CannotClean("damaged: a stream")
    at = _NAME_AT + 1 + chunk[_NAME_AT]
    if at >= len(chunk) or at + 1 + chunk[at] + 4 > len(chunk):
        raise CannotClean("damaged: a stream")
    out[_NAME_AT + 1 : at] = bytes(at - _NAME_AT - 1)
    kind = chunk[at + 1 : at + 1 + chunk[at]]
    at += 1 + chunk[at] + 4
    if kind == _NOTES:
        job.dropped("encoder name")
        out[at:] = bytes(len(out) - at)
    return bytes(out)
