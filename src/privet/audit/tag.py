"""A piece of metadata that was found in a file."""

from __future__ import annotations

from typing import NamedTuple


class Tag(NamedTuple):
    """`rule` says what it is; `personal`, whether it may say who somebody is. `text` is looked at by the detector and goes no further."""

    rule: str
    personal: bool = True
    text: str = ""

    def __repr__(self) -> str:
        return f"Tag({self.rule!r}, personal={self.personal})"
