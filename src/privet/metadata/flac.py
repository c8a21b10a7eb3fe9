"""FLAC: the stream's numbers, its seek table and its frames; no comments, pictures, cue sheets, private blocks or padding.

Invariants:

- Frames come out bit for bit, and so does the checksum of the sound; tags of other formats around the stream do not come out.
- What follows the last frame is dropped: where that ends is found by reading the frame, not by looking for a mark.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata import flac_frame
from privet.metadata.audio_tags import stream
from privet.metadata.byte_ranges import copy
from privet.metadata.job import CannotClean, Job

_STREAM_INFO, _SEEK_TABLE = 0, 3
_STREAM_INFO_BYTES: Final = 34
_SEEK_POINT_BYTES: Final = 18
_NAMES: Final = {1: "padding", 2: "private block", 4: "comments", 5: "cue sheet", 6: "picture"}
_MAX_BLOCKS: Final = 100_000


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the stream.

    Raises:
        CannotClean: truncated, damaged, or no FLAC.

    """
    start, end = stream(source, job)
    source.seek(start)
    if source.read(4) != b"fLaC":
        raise CannotClean("no FLAC stream")
    numbers, seek_table = _blocks(source, end, job)
    first = source.tell()
    # 20 bits of rate, 3 of channels, 5 of depth, 36 of length.
    told = int.from_bytes(numbers[10:18])
    shortest, longest = int.from_bytes(numbers[:2]), int.from_bytes(numbers[2:4])
    usual = flac_frame.Usual(told & 2**36 - 1, (told >> 36 & 31) + 1, longest if shortest == longest else 0)
    last = flac_frame.last_end(source, first, end, usual)
    if last != end:
        job.dropped("trailing bytes")
    target.write(b"fLaC")
    target.write(bytes((_STREAM_INFO if seek_table else 0x80,)) + len(numbers).to_bytes(3) + numbers)
    if seek_table:
        target.write(bytes((0x80 | _SEEK_TABLE,)) + len(seek_table).to_bytes(3) + seek_table)
    copy(source, target, first, last - first)


def _blocks(source: BinaryIO, end: int, job: Job) -> tuple[bytes, bytes]:
    """Read the blocks before the first frame; return the stream's numbers and the seek table."""
    numbers = seek_table = b""
    for _ in range(_MAX_BLOCKS):
        head = source.read(4)
        kind, size = (head[0] & 0x7F, int.from_bytes(head[1:4])) if len(head) == 4 else (127, 0)
        after = source.tell() + size
        if len(head) < 4 or after > end:
            raise CannotClean("truncated: a block is cut short")
        if kind == _STREAM_INFO and not numbers and size >= _STREAM_INFO_BYTES:
            numbers = source.read(_STREAM_INFO_BYTES)
        elif kind == _SEEK_TABLE and not seek_table:
            seek_table = source.read(size - size % _SEEK_POINT_BYTES)
        else:
            job.dropped(_NAMES.get(kind, "block"))
        source.seek(after)
        if head[0] & 0x80:
            break
    if not numbers:
        raise CannotClean("damaged: a stream without its numbers")
    return numbers, seek_table
