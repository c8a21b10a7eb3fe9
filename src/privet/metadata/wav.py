"""WAV (RIFF, RF64, BW64): how the sound is coded, how long it is, and the sound.

Invariants: the sound comes out bit for bit; every other chunk (names, dates, tags, cues, edits, padding) is left out.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.riff import Chunk, chunks, content, file_end, put, written

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_NAMES: Final = {
    b"LIST": "tags",
    b"id3 ": "id3",
    b"ID3 ": "id3",
    b"bext": "broadcast tags",
    b"iXML": "xml tags",
    b"axml": "xml tags",
    b"_PMX": "xmp",
    b"cart": "broadcast tags",
    b"JUNK": "padding",
    b"junk": "padding",
    b"PAD ": "padding",
}
_LONGEST: Final = 2**32 - 2**10


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the sound.

    Raises:
        CannotClean: truncated, or no WAV.

    """
    head = source.read(36)
    if head[:4] not in {b"RIFF", b"RF64", b"BW64"} or head[8:12] != b"WAVE":
        raise CannotClean("no WAV file")
    long = head[:4] != b"RIFF"
    # What a long file could not say in 32 bits stands in its first chunk: lengths of the file, of the sound, of samples.
    data_bytes = int.from_bytes(head[28:36], "little") if long and head[12:16] == b"ds64" else -1
    end = file_end(source, job, "little")
    found: dict[bytes, Chunk] = {}
    for chunk in chunks(source, 12, end, "little", data_bytes):
        if chunk.name in {b"fmt ", b"fact", b"data"} and chunk.name not in found:
            found[chunk.name] = chunk
            if chunk.end > end:
                raise CannotClean("truncated: the sound ends early")
        elif chunk.name != b"ds64":
            job.dropped(_NAMES.get(chunk.name, "chunk"))
    if not {b"fmt ", b"data"} <= found.keys():
        raise CannotClean("truncated: no sound")
    _write(source, target, found)


def _write(source: BinaryIO, target: BinaryIO, found: dict[bytes, Chunk]) -> None:
    form = written(b"fmt ", _form(content(source, found[b"fmt "])), "little")
    fact = written(b"fact", content(source, found[b"fact"])[:4], "little") if b"fact" in found else b""
    data = found[b"data"]
    size = data.end - data.start
    total = 4 + len(form) + len(fact) + 8 + size + (size & 1)
    if total > _LONGEST:
        samples = int.from_bytes(fact[8:12], "little")
        sizes = struct.pack("<QQQI", total + 36, size, samples, 0)
        target.write(b"RF64\xff\xff\xff\xffWAVE" + written(b"ds64", sizes, "little"))
        data = Chunk(b"data", data.start, data.end)
    else:
        target.write(b"RIFF" + struct.pack("<I", total) + b"WAVE")
    target.write(form + fact)
    put(source, target, data, "little")


def _form(body: bytes) -> bytes:
    """Return the description of the coding, and nothing behind it."""
    if len(body) < 16:
        raise CannotClean("damaged: the coding is not described")
    kind = int.from_bytes(body[:2], "little")
    if kind == _PCM or len(body) < 18:
        return body[:16]
    return body[: 18 + int.from_bytes(body[16:18], "little")]
