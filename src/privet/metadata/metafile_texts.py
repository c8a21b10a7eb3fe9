"""The texts of a drawing made of records, and how wide their letters are once identifiers have given way.

Invariants: texts are judged as one, in the order of the file, as programs write a line word by word; a text in which nothing gives way
stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from privet.edits import across
from privet.metadata.job import Job


def rewritten(texts: Sequence[str], job: Job) -> list[str]:
    """Return the texts without identifiers."""
    runs: list[str] = []
    for text in texts:
        runs += (text, " ")
    edits = job.edits(["".join(runs)], "drawing")[0] if runs else []
    return across(runs, edits)[::2] if edits else list(texts)


def spread(widths: Sequence[int], count: int) -> list[int]:
    """Return widths for `count` letters that together are as wide as others were.

    >>> spread([10, 12, 8], 2)
    [15, 15]
    """
    return [sum(widths) // count] * count if count else []


def until_end(name: bytes, width: int = 1) -> bytes:
    r"""Return a name of fixed length with zeros behind its end, where memory of the writer may stand.

    >>> until_end(b"Arial\0rest")
    b'Arial\x00\x00\x00\x00\x00'
    """
    for at in range(0, len(name), width):
        if not any(name[at : at + width]):
            return name[:at].ljust(len(name), b"\0")
    return name
