"""Whole numbers of seven bits a byte, the most significant first: the eighth bit says that another byte follows (MIDI, BPG)."""

from __future__ import annotations

from privet.metadata.job import CannotClean


def number_at(data: bytes, at: int, most_bytes: int, where: str) -> tuple[int, int]:
    """Return a number, and where it ends; `where` is a word of the format for the error.

    Raises:
        CannotClean: it is cut off, or longer than `most_bytes`.

    """
    value = 0
    for place in range(at, min(at + most_bytes, len(data))):
        value = value << 7 | data[place] & 127
        if data[place] < 128:
            return value, place + 1
    raise CannotClean(f"damaged: {where}")


def written(number: int) -> bytes:
    """Return a number as bytes.

    >>> written(200).hex(), number_at(written(200), 0, 4, "a number")
    ('8148', (200, 2))
    """
    out = bytes((number & 127,))
    while number := number >> 7:
        out = bytes((number & 127 | 128,)) + out
    return out
