r"""Numbers of eight bits that are text: a column or an array of bytes may hold what a column of texts would.

Invariants:

- Pixels, masks, vectors and weights are no text: text is UTF-8 of four different bytes or more, without a control character beside white
  space and zeros, and has a space, an address, a capitalised word or a long number in it.
- Where the length is fixed, what replaces an identifier is cut or filled with spaces: no other byte moves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from privet.metadata.job import Job

_FEWEST: Final = 4
_CONTROLS: Final = bytes(sorted({*range(1, 32), 127} - set(b"\t\n\f\r\x1b")))
_SAYS: Final = re.compile(rb"\w@\w+\.\w|[ \n\x80-\xff]|[A-Z][a-z]{2}|\d{8}")
"""what texts about people have, and rows of grey pixels that happen to be letters have not"""
_FILES: Final = (
    b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"%PDF-", b"PK\3\4", b"\x1f\x8b\x08", b"ID3", b"fLaC", b"OggS",
    b"\xd0\xcf\x11\xe0", b"SQLite format 3\0", b"PAR1", b"(\xb5/\xfd", b"\x93NUMPY",
)  # fmt: skip
"""how files begin that no table of numbers looks like"""


def is_file(raw: bytes) -> bool:
    """Tell whether bytes begin as a picture, a recording, a document or an archive does."""
    return raw.startswith(_FILES)


def text_in(raw: bytes) -> str | None:
    r"""Return bytes as the text that they are, or None where they are numbers.

    >>> text_in(b"jane@example.com\0\0"), text_in(bytes([0, 90, 91, 91, 90, 88])), text_in(bytes([1, 250, 3, 65]))
    ('jane@example.com\x00\x00', None, None)
    """
    if raw.translate(None, _CONTROLS) != raw or len(set(raw)) < _FEWEST or not _SAYS.search(raw):
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def changed_rows(rows: Sequence[bytes], job: Job, place: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each row that is text with something in it that gives way, and the row as it is now, of the same length."""
    texts = {at: text for at, raw in enumerate(rows) if (text := text_in(raw)) is not None}
    if not texts:
        return
    # Zeros end texts as line ends do.
    found = job.edits([text.replace("\0", "\n") for text in texts.values()], place)
    for (at, text), edits in zip(texts.items(), found, strict=True):
        if not edits:
            continue
        out = b""
        end = 0
        for edit in edits:
            gone = len(text[edit.start : edit.end].encode())
            out += text[end : edit.start].encode() + _fitted(edit.text, gone)
            end = edit.end
        yield at, out + text[end:].encode()


def _fitted(text: str, size: int) -> bytes:
    return text.encode()[:size].decode("utf-8", "ignore").encode().ljust(size)
