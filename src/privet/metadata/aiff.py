"""AIFF and AIFC: how the sound is coded, and the sound.

Invariants: the sound comes out bit for bit; names, authors, comments, markers, instruments, tags and private chunks are left out.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.riff import Chunk, chunks, content, file_end, put, written

_NAMES: Final = {
    b"NAME": "title",
    b"AUTH": "author",
    b"(c) ": "copyright",
    b"ANNO": "comment",
    b"COMT": "comment",
    b"ID3 ": "id3",
    b"APPL": "private chunk",
    b"MARK": "markers",
    b"INST": "instrument",
    b"MIDI": "instrument",
}
_COMMON_BYTES: Final = 18


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the sound.

    Raises:
        CannotClean: truncated, or no AIFF.

    """
    head = source.read(12)
    kind = head[8:12]
    if head[:4] != b"FORM" or kind not in {b"AIFF", b"AIFC"}:
        raise CannotClean("no AIFF file")
    end = file_end(source, job, "big")
    found: dict[bytes, Chunk] = {}
    for chunk in chunks(source, 12, end, "big"):
        if chunk.name in {b"COMM", b"SSND", b"FVER"} and chunk.name not in found:
            found[chunk.name] = chunk
            if chunk.end > end:
                raise CannotClean("truncated: the sound ends early")
        else:
            job.dropped(_NAMES.get(chunk.name, "chunk"))
    if not {b"COMM", b"SSND"} <= found.keys():
        raise CannotClean("truncated: no sound")
    common = content(source, found[b"COMM"])
    if len(common) < _COMMON_BYTES + (4 if kind == b"AIFC" else 0):
        raise CannotClean("damaged: the coding is not described")
    # The coding's name in words is an empty one.
    common = common[:22] + bytes(2) if kind == b"AIFC" else common[:_COMMON_BYTES]
    first = written(b"FVER", content(source, found[b"FVER"])[:4], "big") if b"FVER" in found else b""
    first += written(b"COMM", common, "big")
    sound = found[b"SSND"]
    size = sound.end - sound.start
    target.write(b"FORM" + struct.pack(">I", 4 + len(first) + 8 + size + (size & 1)) + kind + first)
    put(source, target, sound, "big")
