"""How many records are copies of others: exact ones, and near ones by MinHash.

Invariants:

- What is kept is hashes: 8 bytes of each record for exact copies, a signature of 512 bytes for near ones.
- Near copies are looked for among the first `MAX_SIGNATURES` records that are long enough; exact ones, but for case, among all.

Text that is repeated is what models learn by heart: memorization grows with the number of copies (Lee et al. 2022, Carlini et al. 2023).
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from privet.audit.record import Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHINGLE_WORDS: Final = 3
LEAST_WORDS: Final = 8
"""A shorter record counts only as an exact copy."""
FEWEST_WORDS: Final = 4
"""One of still fewer words does not count: that two records say "blue" teaches nobody anything."""
SIMILARITY: Final = 0.8
"""Jaccard similarity of the sets of three-word sequences, the threshold of the published deduplications of web text."""
_SLACK: Final = 0.03
"""One standard deviation of what 128 permutations say of a pair at 0.85: a pair just above the threshold is seldom lost."""
MAX_SHARE: Final = 0.05
"""Of the English sets that Lee et al. measured, Wiki-40B has 0.4 % of its records in clusters of near copies, C4 3.0 % and RealNews 13.6 %,
whose model recites it most."""
MAX_SIGNATURES: Final = 200_000
_PERMUTATIONS: Final = 128
_BANDS: Final = 21
_ROWS: Final = 6
"""Of pairs at 0.8 this finds 99.8 % in one band or more: 1 - (1 - s^6)^21."""
_BATCH: Final = 1024
_SEED: Final = 42
_SURELY_LONG: Final = 2 * LEAST_WORDS
"""A record of so many spaces is not taken apart only to learn that it has words enough."""
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Copies:
    """How many records are compared, and how many of these have a copy: near ones, or exact ones where they are short."""

    records: int
    compared: int
    copies: int
    exact: int
    clusters: int
    largest: int

    @property
    def share(self) -> float:
        """The share that the verdict looks at."""
        return self.copies / self.compared if self.compared else 0.0


class NearCopies:
    """Collects the hashes of records, one pass."""

    def __init__(self) -> None:
        self._records = 0
        self._exact = array("Q")
        self._short = array("Q")
        self._waiting: list[list[str]] = []
        self._signatures: list[NDArray[np.uint32]] = []
        self._signed = 0

    def saw(self, record: Record, *, is_grouped: bool = False) -> None:
        """Take a record. Short rows of a table that is grouped by quasi-identifiers are alike on purpose, and not compared."""
        self._records += 1
        text = record.text.lower()
        if self._signed >= MAX_SIGNATURES and text.count(" ") >= _SURELY_LONG:
            self._exact.append(_key(text))
            return
        words = _WORD.findall(record.content.lower())
        if len(words) < (LEAST_WORDS if is_grouped else FEWEST_WORDS):
            return
        if len(words) < LEAST_WORDS:
            self._short.append(_key(" ".join(words)))
            return
        self._exact.append(_key(text))
        if self._signed < MAX_SIGNATURES:
            self._signed += 1
            self._waiting.append(list(map(" ".join, zip(*(words[at:] for at in range(SHINGLE_WORDS)), strict=False))))
            if len(self._waiting) == _BATCH:
                self._sign()

    def _sign(self) -> None:
        from rensa import RMinHash

        if self._waiting:
            made = RMinHash.digests_from_token_sets(self._waiting, num_perm=_PERMUTATIONS, seed=_SEED)
            self._signatures.append(np.asarray(made, dtype=np.uint32))
            self._waiting = []

    def _joined(self) -> NDArray[np.uint32]:
        """Return the signatures as one array; each part is let go as it is copied, so that they are not in memory twice."""
        whole = np.empty((sum(map(len, self._signatures)), _PERMUTATIONS), np.uint32)
        place = len(whole)
        while self._signatures:
            part = self._signatures.pop()
            whole[place - len(part) : place] = part
            place -= len(part)
        return whole

    def copies(self) -> Copies:
        """Return the figures."""
        self._sign()
        exact, short = _repeated(self._exact), _repeated(self._short)
        parents = _clusters(self._joined()) if self._signatures else np.zeros(0, np.int64)
        sizes = [size for size in Counter(parents.tolist()).values() if size > 1]
        # Where there are too many records, near copies are known of the first ones only, and exact ones of all.
        return Copies(
            records=self._records,
            compared=len(self._exact) + len(self._short),
            copies=max(sum(sizes), exact) + short,
            exact=exact + short,
            clusters=len(sizes),
            largest=max(sizes, default=0),
        )


def _key(text: str) -> int:
    """Return a number that is the same for the same text while this process runs; only how many are equal is told."""
    return hash(text) & 0xFFFF_FFFF_FFFF_FFFF


def _repeated(keys: array[int]) -> int:
    """Return how many of the keys are not alone."""
    _, counts = np.unique(np.frombuffer(keys, np.uint64), return_counts=True)
    return int(counts[counts > 1].sum()) if len(keys) else 0


def _clusters(signatures: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return for each signature the first of its cluster: those that share a band and are alike enough, joined."""
    parents = list(range(len(signatures)))

    def root(at: int) -> int:
        while parents[at] != at:
            parents[at] = parents[parents[at]]
            at = parents[at]
        return at

    for band in range(_BANDS):
        rows = np.ascontiguousarray(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        keys: Any = rows.view(np.dtype((np.void, rows.dtype.itemsize * _ROWS)))[:, 0]
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] == keys[order][:-1]
        for at in np.flatnonzero(same).tolist():
            left, right = root(int(order[at])), root(int(order[at + 1]))
            if left != right and _alike(signatures, int(order[at]), int(order[at + 1])):
                parents[max(left, right)] = min(left, right)
    return np.array([root(at) for at in range(len(signatures))], np.int64)


def _alike(signatures: NDArray[np.uint32], left: int, right: int) -> bool:
    return float(np.mean(signatures[left] == signatures[right])) >= SIMILARITY - _SLACK
