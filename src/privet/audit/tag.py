"""A piece of metadata that was found in a file."""

from __future__ import annotations

from typing import Final, NamedTuple

MAX_TEXT: Final = 2048
"""Of a longer text only the beginning is looked at."""


class Tag(NamedTuple):
    """`rule` says what it is; `personal`, whether it may say who somebody is.

    `text` is looked at by the detector and goes no further; where `owner`, it is what somebody is called: an author, the owner of a camera.
    """

    rule: str
    personal: bool = True
    text: str = ""
    owner: bool = False

    def __repr__(self) -> str:
        return f"Tag({self.rule!r}, personal={self.personal})"


def words_in(value: object) -> str:
    """Return the value of a tag as text; of bytes, what reads as text."""
    if isinstance(value, (bytes, bytearray)):
        raw = bytes(value)
        try:
            value = raw.decode("utf-16-le" if raw[1:2] == b"\0" else "utf-8")
        except UnicodeDecodeError:
            value = raw.decode("cp1252", "replace")
    return str(value)[:MAX_TEXT].replace("\0", " ").strip()
