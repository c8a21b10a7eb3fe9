"""Text behind the last pixel of a JPEG, in front of its end mark, where a decoder no longer looks.

Invariants: where the pixels end is known only to a decoder, so one is asked, but only where something looks like text: in one of some
thirty photographs. What is cut changes no pixel.
"""

from __future__ import annotations

import io
import re
from typing import BinaryIO, Final

from privet.metadata import pixels
from privet.metadata.job import Job
from privet.metadata.window import size_of

TAIL_BYTES: Final = 4096
# Words in plain text, UTF-16, base64 or hex digits: entropy-coded data has a run like that once in a hundred thousand bytes.
_TEXT: Final = re.compile(rb"[\t\n\r -~]{12}|(?:[ -~]\0){8}|(?:\0[ -~]){8}")
# The last bytes of the pixels themselves may look like the beginning of the text.
_STARTS: Final = (0, 1, 2, 4)
_MAX_BYTES: Final = 256 * 1024 * 1024
_END: Final = b"\xff\xd9"


def cut_text(source: BinaryIO, target: BinaryIO, tail: bytes, job: Job) -> bool:
    """Cut text from the end of the last scan, the last bytes of which are `tail`; return whether there was any.

    `target` has just got its end mark, and is left with one.
    """
    text = _TEXT.search(tail)
    if text is None or size_of(source) > _MAX_BYTES:
        return False
    whole = source.read()
    at = whole.rfind(tail)
    before = pixels.digest(source, ("JPEG", "MPO"), job) if at >= 0 else None
    if before is None:
        return False
    for start in (text.start() + more for more in _STARTS):
        if pixels.digest(io.BytesIO(whole[: at + start] + _END), ("JPEG", "MPO"), job) == before:
            target.seek(target.tell() - len(_END) - (len(tail) - start))
            target.truncate()
            target.write(_END)
            return True
    return False
