"""Speech in AMR and AMR-WB frames (.amr, .awb): the frames, and nothing behind them.

Invariants: frames come out bit for bit.

Source: RFC 4867, section 5.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.window import BLOCK, Window

_NARROW: Final = b"#!AMR\n"
_WIDE: Final = b"#!AMR-WB\n"
# Bytes of a frame by its kind, with the byte that says the kind.
_NARROW_BYTES: Final = (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1)
_WIDE_BYTES: Final = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1)


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the speech.

    Raises:
        CannotClean: no such speech, or cut off.

    """
    window = Window(source)
    mark = _WIDE if window.has(9) and window.buffer.startswith(_WIDE) else _NARROW
    if window.take(len(mark)) != mark:
        raise CannotClean("not an amr file")
    sizes = _WIDE_BYTES if mark == _WIDE else _NARROW_BYTES
    target.write(mark)
    out = bytearray()
    while window.has(1):
        head = window.buffer[window.at]
        size = sizes[head >> 3 & 15]
        if not size or head & 0x83:
            break
        out += window.take(size)
        if len(out) > BLOCK:
            target.write(out)
            out.clear()
    target.write(out)
    if target.tell() == len(mark):
        raise CannotClean("no frames of sound")
    if window.has(1):
        job.dropped("trailing bytes")
