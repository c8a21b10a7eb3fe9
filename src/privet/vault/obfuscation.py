"""Obfuscation, not encryption: a keyed rotation of vectors, so that a database can search where they lie. Off by default.

What it leaks by design: a rotation keeps every cosine. The database knows which texts are alike, which are twice there, and what any
query was like; and who knows the vectors of a few records solves for the rotation and has all of them (orthogonal Procrustes,
Schönemann 1966), which `measured` does with the data at hand. A forgotten subject's rotated vectors live on in backups.

Invariants: it needs a reason, an owner and a day on which it ends, as an exception in privet.toml; after that nothing opens with it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from privet.errors import BadInput
from privet.keys import derive
from privet.vault.index import unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BROKEN_FROM: Final = 0.95
_LEAST: Final = 32
_FIRST: Final = 4
FEWEST: Final = _FIRST + _LEAST
"""With fewer vectors nothing is measured."""
SAMPLE: Final = 2048
"""So many vectors at most are measured with."""


class ObfuscationWarning(UserWarning):
    """Vectors lie in a database rotated only, with what was measured against that."""


@dataclass(frozen=True, slots=True)
class ObfuscatedSearch:
    """Leave to search in the database over rotated vectors of so many `dimensions`, for a reason, until a day."""

    reason: str
    owner: str
    expires: date
    dimensions: int

    def __post_init__(self) -> None:
        """Refuse leave that says too little, or has ended."""
        if not self.reason.strip() or not self.owner.strip():
            raise BadInput("obfuscated_search needs a reason and an owner", hint="say why, and who answers for it")
        if self.dimensions < 1:
            raise BadInput(f"expected dimensions of 1 or more, found {self.dimensions}")
        if self.expires < date.today():
            raise BadInput(
                f"obfuscated_search ended on {self.expires.isoformat()}",
                hint="move the records to a vault without it, or let its owner set a new day",
            )


@dataclass(frozen=True, slots=True)
class Leakage:
    """How a known-pairs attack did: `recovered[n]` is the part of other records found at first try by who knows `n` pairs."""

    records: int
    dimensions: int
    recovered: dict[int, float]

    @property
    def pairs(self) -> int | None:
        """The fewest known pairs that gave 95 % or more of the others, None where none of those tried did."""
        return next((count for count, rate in sorted(self.recovered.items()) if rate >= _BROKEN_FROM), None)

    def __str__(self) -> str:
        if not self.recovered:
            return "obfuscated, not encrypted: too few records yet to measure how soon the rotation is recovered"
        tried = ", ".join(f"{count} pairs {rate:.0%}" for count, rate in sorted(self.recovered.items()))
        return (
            f"obfuscated, not encrypted: measured on {self.records} of your records ({self.dimensions} dimensions), "
            f"who knows so many vectors finds so many of the others at first try: {tried}"
        )


class Rotation:
    """An orthogonal matrix from a key, the same every time."""

    def __init__(self, data_key: bytes, dimensions: int) -> None:
        raw = hashlib.shake_256(derive(data_key, "vault-rotation", str(dimensions))).digest(16 * dimensions**2)
        first, second = np.frombuffer(raw, dtype=">u8").astype(np.float64).reshape(2, dimensions, dimensions)
        # Box and Muller's way to normal numbers; the QR of those, signs settled, is uniform among rotations (Mezzadri 2007).
        scale = 2.0**-64
        normal = np.sqrt(-2 * np.log((first + 1) * scale)) * np.cos(2 * np.pi * second * scale)
        q, r = np.linalg.qr(normal)
        self._matrix = (q * np.sign(np.diag(r))).astype(np.float32)

    def __repr__(self) -> str:
        return "Rotation(...)"

    def turned(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return vectors of length 1, rotated."""
        return (unit(vectors) @ self._matrix).astype(np.float32)


def measured(vectors: NDArray[np.float32], rotation: Rotation) -> Leakage:
    """Attack the rotation of these vectors with more and more known pairs."""
    if len(vectors) < FEWEST:
        return Leakage(len(vectors), 0, {})
    chosen = np.random.default_rng(0).permutation(len(vectors))[:SAMPLE]
    plain = unit(vectors[chosen])
    turned = rotation.turned(plain)
    dimensions = plain.shape[1]
    recovered: dict[int, float] = {}
    count = _FIRST
    while len(plain) - count >= _LEAST and count <= 2 * dimensions:
        recovered[count] = _recovered(plain, turned, count)
        if recovered[count] >= _BROKEN_FROM:
            break
        count *= 2
    return Leakage(len(plain), dimensions, recovered)


def _recovered(plain: NDArray[np.float32], turned: NDArray[np.float32], count: int) -> float:
    """Return the part of the rows behind `count` known ones whose vector is nearest to what the attacker makes of them."""
    left, _, right = np.linalg.svd(turned[:count].T @ plain[:count], full_matrices=False)
    guess = turned[count:] @ (left[:, :count] @ right[:count])
    found = np.argmax(unit(guess.astype(np.float32)) @ plain[count:].T, axis=1)
    same = plain[count:][found] == plain[count:]
    return float(same.all(axis=1).mean())
