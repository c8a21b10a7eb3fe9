"""What came back for one request: status, headers, bytes, when they came, and what went wrong.

Invariants:

- A body is cut at `MAX_BODY`; whoever sends more is reported, not stored.
- Nothing of an answer is in a repr.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

MAX_BODY: Final = 8 * 1024 * 1024
Trouble = Literal["", "refused", "timeout", "closed", "too-large", "protocol", "limited", "tls"]
"""`refused`: no connection; `closed`: it ended before the answer did; `limited`: 429 or 503 until patience ran out."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """One answer. `status` 0: none came. `pieces` are what a read gave each time, with the seconds since the request was sent."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    trouble: Trouble
    seconds: float
    pieces: Sequence[tuple[float, bytes]] = ()

    def __repr__(self) -> str:
        return f"Answer(status={self.status}, {len(self.body)} bytes, trouble={self.trouble!r})"

    @property
    def came(self) -> bool:
        """Whether an answer came, whole."""
        return self.status > 0 and not self.trouble

    @property
    def ok(self) -> bool:
        """Whether it came whole and was no refusal."""
        return self.came and 200 <= self.status < 300

    @property
    def first_seconds(self) -> float:
        """Seconds until the first byte of the body came, or until the end where there was none."""
        return self.pieces[0][0] if self.pieces else self.seconds

    def header(self, name: str) -> str:
        """Return the first header of a name (lower case), or nothing."""
        return next((value for known, value in self.headers if known == name), "")

    def values(self, name: str) -> tuple[str, ...]:
        """Return every header of a name (lower case)."""
        return tuple(value for known, value in self.headers if known == name)

    @property
    def content_type(self) -> str:
        """The media type, without parameters, in lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


def unpacked(body: bytes, encoding: str) -> bytes:
    """Return a body that was packed although nobody asked for it: at most `MAX_BODY` of it, as it is where that fails."""
    if encoding not in ("gzip", "deflate", "x-gzip"):
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, MAX_BODY)
    except zlib.error:
        return body
