"""The attacks: words from embeddings by ridge regression on known pairs, and tokens of static embeddings by pursuit.

Invariants:

- What is tried on stored bytes is tried on plain vectors of the same texts, with the same pairs and the same settings to choose from.
- Settings are chosen on the pairs that are known; what is counted are other texts, once.

Sources: Hoerl and Kennard 1970 (ridge regression); Song and Raghunathan 2020, *Information leakage in embedding models*; Pati,
Rezaiifar and Krishnaprasad 1993 (orthogonal matching pursuit).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from privet.audit.bound import lower_limit, upper_limit

Matrix = NDArray[np.float32]

_RIDGES: Final = (1e-4, 3e-2)
"""In units of the mean of the features' squares."""
_TRAIN_SHARE: Final = 2 / 3
_ATOMS: Final = 16
_COMMONEST: Final = 50
CONFIDENCE: Final = 0.999
_ERROR: Final = (1 - CONFIDENCE) / 2
"""On each side."""


Rows = NDArray[np.int64]
Quality = Callable[[Matrix, float, Rows, Rows], float]
"""How well features do with a ridge: trained on the first rows, asked for the others."""


class Score(NamedTuple):
    """How often an attack was right, of how many tries, and how often its answers would be, dealt out among the texts by chance."""

    hits: int
    tries: int
    chance: float

    @property
    def low(self) -> float:
        """The lower limit of the share (Clopper-Pearson)."""
        return lower_limit(self.hits, self.tries, _ERROR) if self.tries else 0.0

    @property
    def high(self) -> float:
        """The upper limit of the share (Clopper-Pearson)."""
        return upper_limit(self.hits, self.tries, _ERROR) if self.tries else 1.0

    def as_figures(self) -> dict[str, Any]:
        """Return the score for machines."""
        share = self.hits / self.tries if self.tries else 0.0
        return {
            "hits": self.hits, "tries": self.tries, "share": share,
            "low": self.low, "high": self.high, "chance": self.chance,
        }  # fmt: skip

    def __str__(self) -> str:
        share = self.hits / self.tries if self.tries else 0.0
        return f"{share:.1%} of {self.tries} ({self.low:.1%} to {self.high:.1%}, chance {self.chance:.1%})"


class Split(NamedTuple):
    """Which texts are known to the attacker, which of those choose settings, and which are attacked."""

    fit: Rows
    choose: Rows
    test: Rows

    @classmethod
    def of(cls, rows: Sequence[int], seed: int) -> Split:
        """Return rows split by chance."""
        mixed = np.random.default_rng(seed).permutation(np.asarray(rows, dtype=np.int64))
        known = int(len(mixed) * _TRAIN_SHARE)
        return cls(mixed[: known * 3 // 4], mixed[known * 3 // 4 : known], mixed[known:])

    @property
    def known(self) -> Rows:
        """All that the attacker knows."""
        return np.concatenate((self.fit, self.choose))


def words_found(layouts: Sequence[Matrix], rarest: Rows, words: Matrix, split: Split) -> Score:
    """Return how often the rarest word of a text comes first.

    `layouts` are features of all texts, shape (texts, width), of which the best is used; `rarest` is the place of each text's word in
    `words`, their embeddings.
    """
    directions = centred(words)
    targets = directions[rarest]

    def guessed(features: Matrix, ridge: float, known: Rows, asked: Rows) -> Rows:
        return np.asarray((_mapped(features, targets, ridge, known, asked) @ directions.T).argmax(axis=1), np.int64)

    def right(features: Matrix, ridge: float, known: Rows, asked: Rows) -> float:
        return float((guessed(features, ridge, known, asked) == rarest[asked]).sum())

    best = _best(layouts, right, split)
    if best is None:
        return Score(0, len(split.test), 1 / len(words))
    guesses = guessed(*best, split.known, split.test)
    dealt = np.bincount(guesses, minlength=len(words)) @ np.bincount(rarest[split.test], minlength=len(words))
    chance = float(dealt) / len(split.test) ** 2
    return Score(int((guesses == rarest[split.test]).sum()), len(split.test), max(1 / len(words), chance))


def tokens_found(
    layouts: Sequence[Matrix], texts: Sequence[list[int]], table: Matrix, split: Split, seed: int
) -> Score:
    """Return how often a token that was drawn from a text, not one of the commonest, is among those that the pursuit finds.

    `texts` are the tokens of each text as places in `table`, the embeddings of which a static embedding is the mean.
    """
    counts = Counter(token for row in split.known for token in set(texts[row]))
    common = {token for token, _ in counts.most_common(_COMMONEST)}
    generator = np.random.default_rng(seed)
    drawn = {
        int(row): int(generator.choice(fit))
        for row in (*split.choose, *split.test)
        if (fit := sorted(set(texts[row]) - common))
    }
    targets = static(texts, table)

    def alike(features: Matrix, ridge: float, known: Rows, asked: Rows) -> float:
        guesses = _mapped(features, targets, ridge, known, asked)
        return float((guesses * targets[asked]).sum() / max(float(np.linalg.norm(guesses)), 1e-9))

    asked = np.array([row for row in split.test if int(row) in drawn], np.int64)
    best = _best(layouts, alike, split)
    if best is None or not len(asked):
        return Score(0, len(asked), _ATOMS / len(table))
    guesses = pursued(_mapped(best[0], targets, best[1], split.known, asked), table)
    wanted = np.array([drawn[int(row)] for row in asked])
    hits = int((guesses == wanted[:, None]).any(axis=1).sum())
    dealt = np.bincount(guesses.ravel(), minlength=len(table)) @ np.bincount(wanted, minlength=len(table))
    return Score(hits, len(asked), max(1 / len(table), float(dealt) / len(asked) ** 2))


def _best(layouts: Sequence[Matrix], quality: Quality, split: Split) -> tuple[Matrix, float] | None:
    """Return the layout and ridge that do best on what is known; None where there is nothing to try."""
    if not layouts or not len(split.test) or not len(split.choose):
        return None
    tried = [
        (quality(layout, ridge, split.fit, split.choose), -number, ridge)
        for number, layout in enumerate(layouts)
        for ridge in _RIDGES
    ]
    _, number, ridge = max(tried)
    return layouts[-number], ridge


def _mapped(features: Matrix, targets: Matrix, ridge: float, known: Rows, asked: Rows) -> Matrix:
    """Return what ridge regression makes of the features that are asked, given those that are known with their targets."""
    mean, aim = features[known].mean(axis=0), targets[known].mean(axis=0)
    seen, wanted, left = features[known] - mean, targets[known] - aim, features[asked] - mean
    size = min(seen.shape)
    # The smaller of the two equal forms: over the features, or over the known rows.
    product = seen.T @ seen if size == seen.shape[1] else seen @ seen.T
    weight = ridge * float(np.trace(product)) / max(size, 1) or 1.0
    product[np.diag_indices(size)] += np.float32(weight)
    if size == seen.shape[1]:
        return np.asarray(left @ np.linalg.solve(product, seen.T @ wanted) + aim, dtype=np.float32)
    return np.asarray((left @ seen.T) @ np.linalg.solve(product, wanted) + aim, dtype=np.float32)


def centred(vectors: Matrix) -> Matrix:
    """Return vectors without what all have in common, of length 1."""
    moved = vectors - vectors.mean(axis=0)
    return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def static_table(words: Matrix) -> Matrix:
    """Return a table of static embeddings: those of single words, decorrelated, as model2vec and its like make them."""
    moved = words - words.mean(axis=0)
    _, scales, axes = np.linalg.svd(moved, full_matrices=False)
    # A size that is a whole number of bytes, one bit for each number.
    kept = max(8, int((scales > scales[0] * 1e-3).sum()) // 8 * 8)
    return centred(np.asarray(moved @ axes[:kept].T / scales[:kept], dtype=np.float32))


def static(texts: Sequence[list[int]], table: Matrix) -> Matrix:
    """Return the static embedding of each text: the mean of its tokens', of length 1."""
    sums = np.stack([table[tokens].sum(axis=0) if tokens else np.zeros(table.shape[1], np.float32) for tokens in texts])
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def pursued(vectors: Matrix, table: Matrix, atoms: int = _ATOMS) -> Rows:
    """Return for each vector the tokens that explain it best, found one by one: orthogonal matching pursuit."""
    atoms = min(atoms, len(table), table.shape[1])
    found = np.zeros((len(vectors), atoms), np.int64)
    rest, everyone = vectors.copy(), np.arange(len(vectors))
    taken = np.zeros((len(vectors), len(table)), np.bool_)
    for step in range(atoms):
        fit = np.where(taken, -np.inf, rest @ table.T)
        found[:, step] = fit.argmax(axis=1)
        taken[everyone, found[:, step]] = True
        chosen = table[found[:, : step + 1]]
        product = chosen @ chosen.transpose(0, 2, 1) + 1e-6 * np.eye(step + 1, dtype=np.float32)
        weights = np.linalg.solve(product, chosen @ vectors[:, :, None])
        rest = vectors - (chosen.transpose(0, 2, 1) @ weights)[:, :, 0]
    return found
