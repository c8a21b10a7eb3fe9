"""A seeded, stratified sample of records, drawn while they are counted.

Invariants:

- Within a stratum every set of records of the same size is as likely as any other, so inclusion probabilities are known.
- What is kept while drawing is numbers, never text: as many as the sample has for each stratum.
- The seed, the names of the files and the number of their records decide; the order of other files does not.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

MAX_STRATA: Final = 64
"""With more files than this, files of one form are one stratum."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn: for each stratum how many of how many, and which records of which file (None: all)."""

    sizes: Mapping[str, tuple[int, int]]
    chosen: Mapping[str, frozenset[int]] | None

    @property
    def records(self) -> int:
        """How many records there are."""
        return sum(size for _, size in self.sizes.values())

    @property
    def total(self) -> int:
        """How many records were drawn."""
        return sum(drawn for drawn, _ in self.sizes.values())

    @property
    def full(self) -> bool:
        """Whether every record was drawn."""
        return self.chosen is None

    @property
    def single(self) -> bool:
        """Whether there is one stratum only."""
        return sum(size > 0 for _, size in self.sizes.values()) <= 1

    @property
    def least(self) -> float:
        """The lowest probability with which any record was drawn."""
        return min((drawn / size for drawn, size in self.sizes.values() if size), default=1.0)

    def share(self, flagged: Mapping[str, int]) -> float:
        """Return the estimated share of flagged records: each stratum weighs what it holds."""
        total = self.records
        parts = (size / total * flagged.get(name, 0) / drawn for name, (drawn, size) in self.sizes.items() if drawn)
        return math.fsum(parts)


class Sampling:
    """Counts records and draws. `records`: how many; 0 is all."""

    def __init__(self, records: int, seed: int) -> None:
        self._wanted = records
        self._seed = seed
        self._sizes: dict[str, int] = {}
        self._name: str | None = None
        self._base = 0
        self._kept: dict[str, list[tuple[int, str, int]]] = {}

    def saw(self, stratum: str, name: str, index: int) -> None:
        """Count a record, the one at `index` in the file `name`."""
        self._sizes[stratum] = self._sizes.get(stratum, 0) + 1
        if not self._wanted:
            return
        kept = self._kept.setdefault(stratum, [])
        # The records with the smallest of random numbers are a simple random sample.
        if name != self._name:
            self._name = name
            digest = blake2b(f"{self._seed} {name}".encode("utf-8", "replace"), digest_size=8).digest()
            self._base = int.from_bytes(digest, "big")
        entry = (-_mixed(self._base + index), name, index)
        if len(kept) < self._wanted:
            heapq.heappush(kept, entry)
        elif entry > kept[0]:
            heapq.heapreplace(kept, entry)

    def drawn(self) -> Drawn:
        """Return the sample: every stratum in proportion, rounded up."""
        total = sum(self._sizes.values())
        if not self._wanted or total <= self._wanted:
            return Drawn({name: (size, size) for name, size in sorted(self._sizes.items())}, None)
        sizes: dict[str, tuple[int, int]] = {}
        chosen: dict[str, set[int]] = {}
        for stratum, size in sorted(self._sizes.items()):
            count = math.ceil(self._wanted * size / total)
            sizes[stratum] = (count, size)
            for _, name, index in sorted(self._kept[stratum], reverse=True)[:count]:
                chosen.setdefault(name, set()).add(index)
        return Drawn(sizes, {name: frozenset(places) for name, places in chosen.items()})


_ALL: Final = (1 << 64) - 1


def _mixed(number: int) -> int:
    """Return a number of 64 bits in which each bit depends on all of the given one (Steele, Lea, Flood 2014, SplitMix64)."""
    number = number * 0x9E3779B97F4A7C15 & _ALL
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & _ALL
    number = (number ^ number >> 27) * 0x94D049BB133111EB & _ALL
    return number ^ number >> 31
