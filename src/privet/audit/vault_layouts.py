"""Where in stored bytes the vector of each record may be: every way that a plain or coded store is known to lay them out.

Invariants:

- A layout gives a row for every record, in the order in which they were added; what cannot be read as a number is 0.
- Rows that are found by their own bytes need no guess; the rest are guesses, and attacks choose among them on known pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from privet.audit.vault_bytes import Bytes, Stored, vector_areas

Matrix = NDArray[np.float32]

_FILES: Final = 4
_HEADS: Final = (0, 16, 64, 80, 128)
"""What NumPy, faiss, usearch and plain dumps write before the first vector: 128, 16 to 80, 64 and 0 bytes."""
_MAX_LAYOUTS: Final = 60
_MOST: Final = 8.0
_SLICE: Final = 512


class Coding(NamedTuple):
    """How numbers are written: a name, bits for each, and how they are read from bytes, shape (n, bytes)."""

    name: str
    bits: int
    read: Callable[[Bytes], Matrix]


def _floats(kind: str) -> Callable[[Bytes], Matrix]:
    def read(rows: Bytes) -> Matrix:
        with np.errstate(all="ignore"):
            values = np.ascontiguousarray(rows).view(kind).astype(np.float32)
        return np.clip(np.nan_to_num(values, nan=0.0, posinf=_MOST, neginf=-_MOST), -_MOST, _MOST)

    return read


def _signed(rows: Bytes) -> Matrix:
    return np.ascontiguousarray(rows).view(np.int8).astype(np.float32) / np.float32(127)


def _bits(rows: Bytes) -> Matrix:
    return np.unpackbits(np.ascontiguousarray(rows), axis=1).astype(np.float32) * 2 - 1


CODINGS: Final = (
    Coding("float32", 32, _floats("<f4")),
    Coding("float16", 16, _floats("<f2")),
    Coding("int8", 8, _signed),
    Coding("1-bit", 1, _bits),
)


def rows_at(area: Bytes, start: int, stride: int, width: int, count: int) -> Bytes | None:
    """Return `count` rows of `width` bytes, one every `stride` bytes; None where the area is too small."""
    if stride < width or width <= 0 or start < 0 or start + (count - 1) * stride + width > len(area):
        return None
    rows: Bytes = np.lib.stride_tricks.as_strided(
        area[start:], shape=(count, width), strides=(stride, 1), writeable=False
    )
    return rows


def layouts(files: list[Stored], count: int, dimensions: int, rows: NDArray[np.int64]) -> list[Matrix]:
    """Return features of the records `rows` of `count`, in as many layouts as are known for vectors of this size."""
    found: list[Matrix] = []
    for area in (area for stored in files[:_FILES] for area in vector_areas(stored)):
        for coding, start, stride, width in _guesses(len(area), count, dimensions):
            guess = rows_at(area, start, stride, width, count)
            if guess is not None and len(found) < _MAX_LAYOUTS:
                found.append(coding.read(guess[rows]))
    return found


def _guesses(size: int, count: int, dimensions: int) -> Iterator[tuple[Coding, int, int, int]]:
    """Yield coding, start, stride and width of rows that would fit into so many bytes."""
    for coding in CODINGS:
        width = dimensions * coding.bits // 8
        for start in (*_HEADS, size - count * width):
            yield coding, start, width, width
    stride = size // count
    for coding in CODINGS[2:]:
        # Records of one size, whatever is in them.
        yield coding, 0, stride, min(stride, _SLICE * coding.bits // 8)
