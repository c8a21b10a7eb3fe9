"""Animated cursors (.ani): the cursors, each cleaned as such, and when each is shown.

Invariants: title, author and unknown chunks are left out; a cursor that cannot be cleaned makes the file one that cannot.

Source: Microsoft, RIFF ACON.
"""

from __future__ import annotations

import io
from typing import BinaryIO, Final

from privet.metadata import ico
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.riff import chunks, content, file_end, inside, written

_KEPT: Final = (b"anih", b"rate", b"seq ")
_HEAD_BYTES: Final = 36
_ICONS: Final = 1
_MAX_BYTES: Final = 64 * MIB


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the cursors.

    Raises:
        CannotClean: no such file, damaged, or of raw pixels.

    """
    head = source.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"ACON":
        raise CannotClean("not an animated cursor")
    end = file_end(source, job, "little")
    kept: dict[bytes, bytes] = {}
    frames = b""
    for chunk in chunks(source, 12, end, "little"):
        if chunk.end > end:
            raise CannotClean("truncated: a chunk ends behind the file")
        if chunk.name in _KEPT and chunk.name not in kept:
            kept[chunk.name] = content(source, chunk)
        elif chunk.name == b"LIST" and not frames:
            source.seek(chunk.start)
            if source.read(4) == b"fram":
                for frame in inside(source, chunk.start + 4, chunk.end):
                    if frame.name == b"icon":
                        icon = io.BytesIO()
                        ico.clean(io.BytesIO(content(source, frame, _MAX_BYTES)), icon, job)
                        frames += written(b"icon", icon.getvalue(), "little")
            else:
                job.dropped("tags")
        else:
            job.dropped("chunk")
    header = kept.get(b"anih", b"")[:_HEAD_BYTES]
    if not frames or len(header) < _HEAD_BYTES or not header[32] & _ICONS:
        raise CannotClean("no cursor that can be cleaned")
    kept[b"anih"] = header
    body = b"ACON" + b"".join(written(name, kept[name], "little") for name in _KEPT if name in kept)
    body += written(b"LIST", b"fram" + frames, "little")
    target.write(b"RIFF" + len(body).to_bytes(4, "little") + body)
