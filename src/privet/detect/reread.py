"""Which words of a text must be judged anew after it was edited, and which are as they were.

Invariants:

- A word is as it was where it and `reach` words at either side are the same, in a row, as before the edits.
- What is judged anew is judged with `reach` words at either side, so it is judged as in the whole text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Places = Sequence[tuple[int, int]]
Edits = Sequence[tuple[int, int, str]]


class Near(NamedTuple):
    """Which words of an edited text must be judged anew (`fresh`), in which stretches, and which words the others were (`was`)."""

    was: NDArray[np.int64]
    fresh: NDArray[np.bool_]
    pieces: list[tuple[int, int]]

    def merged(self, before: NDArray[Any], anew: NDArray[Any]) -> NDArray[Any]:
        """Return what is said of each word: `before` of the words that were, `anew` of those in the pieces."""
        out = before[self.was] if len(before) else np.zeros(len(self.was), anew.dtype)
        first = 0
        for start, end in self.pieces:
            here = self.fresh[start:end]
            out[start:end][here] = anew[first : first + end - start][here]
            first += end - start
        return out


def near_edits(before: Places, after: Places, edits: Edits, reach: int) -> Near:
    """Compare the words of a text before and after edits.

    `before` and `after` are the places of the words; (0, 0) is a gap, which is judged anew wherever it is. `edits` are sorted, and count
    places in the text before.
    """
    old = np.array(before, np.int64).reshape(-1, 2)
    new = np.array(after, np.int64).reshape(-1, 2)
    was = _same_words(old, new, edits)
    known = was >= 0
    # A run of known words goes on while the words that they were do; beyond both ends nothing stands in either text.
    goes_on = np.zeros(len(new) + 1, bool)
    if len(new):
        goes_on[1:-1] = known[1:] & known[:-1] & (was[1:] == was[:-1] + 1)
        goes_on[0], goes_on[-1] = was[0] == 0, was[-1] == len(old) - 1
    fresh = ~known
    for broken in np.flatnonzero(~goes_on).tolist():
        fresh[max(0, broken - reach) : broken + reach] = True
    edges = np.flatnonzero(np.diff(fresh, prepend=False, append=False)).tolist()
    pieces: list[tuple[int, int]] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        left, right = max(0, start - reach), min(len(new), end + reach)
        if pieces and left <= pieces[-1][1]:
            pieces[-1] = (pieces[-1][0], right)
        else:
            pieces.append((left, right))
    return Near(np.maximum(was, 0), fresh, pieces)


def _same_words(old: NDArray[np.int64], new: NDArray[np.int64], edits: Edits) -> NDArray[np.int64]:
    """Return for each word the number of the word that it was, -1 where it is new or a gap."""
    if not len(old) or not len(new):
        return np.full(len(new), -1)
    grown = np.cumsum([0, *(len(text) - (end - start) for start, end, text in edits)])
    ends = np.array([end for _, end, _ in edits], np.int64)
    starts = np.array([start for start, _, _ in edits], np.int64)
    # How many edits end left of a word, and how many begin so: a word between the two counts stands in an edit.
    passed = np.searchsorted(ends + grown[1:], new[:, 0], side="right")
    begun = np.searchsorted(starts + grown[:-1], new[:, 1] - 1, side="right")
    shifted = new - grown[passed][:, None]
    # Gaps stand between the words and have no place of their own: they must not disturb the search.
    real = np.flatnonzero(old[:, 1] > 0)
    if not len(real):
        return np.full(len(new), -1)
    at = real[np.searchsorted(old[real, 0], shifted[:, 0]).clip(max=len(real) - 1)]
    same = (old[at] == shifted).all(axis=1) & (passed == begun) & (new[:, 1] > 0)
    return np.where(same, at, -1)
