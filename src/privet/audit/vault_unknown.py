"""A store whose texts nobody names: do its rows look like embeddings of the model, more often than random bytes do?

Invariants:

- A row counts where it is likelier an embedding than 99 of 100 rows of random bytes read in the same way: chance gives one in a hundred.
- Where rows begin and how numbers are written is chosen on half of the rows; the other half is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from privet.audit.vault_attacks import Matrix, Score, centred
from privet.audit.vault_bytes import Bytes, Stored, vector_areas
from privet.audit.vault_layouts import CODINGS, Coding, rows_at

Likeness = Callable[[Matrix], NDArray[np.float32]]

CHANCE: Final = 0.01
_FILES: Final = 3
_TRIED: Final = 8
_ROWS: Final = 600
_LEAST_ROWS: Final = 32
"""Of fewer, nothing can be shown: half of them choose, and of 16 that are asked none is an embedding by chance in most cases."""
_NOISE: Final = 3000
_TOKENS: Final = 4


def recognised(areas: list[Bytes], dimensions: int, likeness: Likeness, seed: int) -> Score:
    """Return how many rows of stored bytes are like embeddings, in the layout in which most are."""
    noise = {coding.name: noise_likeness(coding, dimensions, likeness, seed) for coding in CODINGS}
    tried = [each for area in areas for coding in CODINGS for each in _tried(coding, area, dimensions, likeness, noise)]
    if not tried:
        return Score(0, 0, CHANCE)
    _, coding, rows = max(tried, key=lambda each: each[0])
    found = likeness(coding.read(rows[_spread(len(rows) // 2, len(rows), _ROWS)]))
    bound = float(np.quantile(noise[coding.name], 1 - CHANCE))
    return Score(int((found > bound).sum()), len(found), CHANCE)


def _spread(first: int, end: int, count: int) -> NDArray[np.int64]:
    return np.linspace(first, end - 1, min(count, end - first)).astype(np.int64)


def areas_of(files: list[Stored]) -> list[Bytes]:
    """Return where embeddings are looked for."""
    return [area for stored in files[:_FILES] for area in vector_areas(stored)]


def noise_likeness(coding: Coding, dimensions: int, likeness: Likeness, seed: int) -> NDArray[np.float32]:
    """Return the likeness of rows of random bytes."""
    noise = np.random.default_rng(seed).integers(0, 256, (_NOISE, dimensions * coding.bits // 8), dtype=np.uint8)
    return likeness(coding.read(noise))


def nearness(embeddings: Matrix) -> Likeness:
    """Return what tells embeddings of a model: they are near to one of some known embeddings."""
    known, mean = centred(embeddings), embeddings.mean(axis=0)

    def likeness(rows: Matrix) -> NDArray[np.float32]:
        length = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        moved = rows / length - mean
        moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
        return np.asarray((moved @ known.T).max(axis=1), dtype=np.float32)

    return likeness


def explained(table: Matrix) -> Likeness:
    """Return what tells static embeddings of a table: a few tokens explain more of them than of noise."""

    def likeness(rows: Matrix) -> NDArray[np.float32]:
        unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        parts = np.partition(np.maximum(unit @ table.T, 0), -_TOKENS, axis=1)[:, -_TOKENS:]
        return np.asarray(np.linalg.norm(parts, axis=1), dtype=np.float32)

    return likeness


def _tried(
    coding: Coding, area: Bytes, dimensions: int, likeness: Likeness, noise: Mapping[str, NDArray[np.float32]]
) -> list[tuple[float, Coding, Bytes]]:
    """Return how far above noise some rows are, the coding and the rows, for each place where rows may begin."""
    phases = list(_phases(coding, area, dimensions))
    few = [rows[_spread(0, len(rows) // 2, _TRIED)] for rows in phases]
    if not few:
        return []
    likely = likeness(coding.read(np.concatenate(few)))
    mean, spread = float(noise[coding.name].mean()), max(float(noise[coding.name].std()), 1e-9)
    ends = np.cumsum([len(rows) for rows in few])
    # Of few rows chance makes more: in units of their standard deviation all are compared alike.
    return [
        ((float(part.mean()) - mean) / spread * len(part) ** 0.5, coding, rows)
        for part, rows in zip(np.split(likely, ends[:-1]), phases, strict=True)
    ]


def _phases(coding: Coding, area: Bytes, dimensions: int) -> Iterator[Bytes]:
    width = dimensions * coding.bits // 8
    for start in range(0, width, max(1, coding.bits // 8)):
        count = (len(area) - start) // width
        if count >= _LEAST_ROWS and (rows := rows_at(area, start, width, width, count)) is not None:
            yield rows
