"""Which rows stay: duplicates, near duplicates and rows in groups that are too small are told by their marks.

Invariants:

- Of rows that are the same the first stays, in the order of the files' names and of the rows in them; so it does of near duplicates,
  where a row near to one that is near to a third belongs with both.
- Near duplicates are found among rows that share a band of their signatures, and counted only where the whole signatures agree enough.
- Groups are counted last, over the rows that stay, for each folder by itself: its files are one table.
- Memory is the same for any number of rows, but for one bit of each: what is noted of them lies on disk, and is sorted there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from privet.ingest import small_groups
from privet.ingest.families import Families
from privet.ingest.marks import DIGEST_BYTES, count, pieces
from privet.ingest.same_keys import KEY_BITS, Piece, SameKeys
from privet.ingest.signatures import BAND_BYTES, BANDS, SIGNATURE_BYTES, shared
from privet.ingest.stored import Stored
from privet.policy import ScrubPolicy

_ROWS_AT_ONCE: Final = 1 << 14
_PAIRS_AT_ONCE: Final = 1 << 12
_BANDS_AT_ONCE: Final = 5
"""So many are sorted for each reading of the signatures."""
_DOUBLE: Final = np.uint8(1)
_NEAR: Final = np.uint8(2)
_SMALL: Final = np.uint8(4)
_GONE: Final = _DOUBLE | _NEAR | _SMALL
_HAS_WORDS: Final = np.uint8(8)
Flags = NDArray[np.bool_]
Part = tuple[Path, str]


class Kept(NamedTuple):
    """Which rows of a part stay, a bit of `packed` for each (numpy.packbits; None: all), and why the others go."""

    packed: bytes | None
    duplicates: int = 0
    near_duplicates: int = 0
    suppressed: int = 0
    length: int = 0

    @property
    def rows(self) -> Flags | None:
        """Which rows stay, a flag for each; None: all."""
        if self.packed is None:
            return None
        return np.unpackbits(np.frombuffer(self.packed, np.uint8), count=self.length).astype(bool)


def kept_rows(parts: Sequence[Part], scrub: ScrubPolicy, folder: Path | None) -> list[Kept]:
    """Return which rows of each part stay. `parts` are saved marks and their table; `folder` takes work files, or memory does."""
    starts = np.concatenate(([0], np.cumsum([count(path) for path, _ in parts], dtype=np.int64))).tolist()
    total = starts[-1]
    if not total:
        return [Kept(None)] * len(parts)
    with Stored(folder, np.uint8) as fates:
        for start in range(0, total, _ROWS_AT_ONCE):
            fates.append(np.zeros(min(_ROWS_AT_ONCE, total - start), np.uint8))
        if scrub.duplicates == "drop":
            _mark_repeats(parts, fates, folder)
        if scrub.near_duplicates == "drop":
            _mark_near(parts, starts, fates, scrub.near_similarity, folder)
        if scrub.quasi_identifiers:
            for rows in small_groups.rows(parts, starts, partial(_stays, fates), scrub, folder):
                fates.put(rows, np.full(len(rows), _SMALL))
        return [_kept(fates.read(start, end)) for start, end in pairwise(starts)]


def _stays(fates: Stored, start: int, end: int) -> Flags:
    return np.asarray(fates.read(start, end) & _GONE == 0)


def _kept(fates: NDArray[np.uint8]) -> Kept:
    gone = fates & _GONE != 0
    double, near, small = (int(np.count_nonzero(fates & why)) for why in (_DOUBLE, _NEAR, _SMALL))
    return Kept(np.packbits(~gone).tobytes() if gone.any() else None, double, near, small, len(fates))


def _mark_repeats(parts: Sequence[Part], fates: Stored, folder: Path | None) -> None:
    with Stored(folder, np.uint64, (DIGEST_BYTES // 8,)) as digests, ExitStack() as stack:
        same = stack.enter_context(SameKeys(folder, fates.rows, fates.rows))
        for path, _ in parts:
            for piece in pieces(path, "digests", _ROWS_AT_ONCE):
                rows = piece.view(np.uint64)
                # Rows of data and no text have no digest.
                told = np.flatnonzero(rows.any(axis=1))
                same.add(rows[told, 0] >> np.uint64(64 - KEY_BITS), (told + digests.rows).astype(np.uint64))
                digests.append(rows)
        for bunch in same.bunches():
            before = np.zeros(0, np.uint64)
            for keys, numbers in bunch:
                found = np.concatenate((before, numbers)) if len(before) else numbers[_is_shared(keys)]
                one, two = digests.take(found).T
                order = np.lexsort((two, one))
                ranked, one, two = found[order], one[order], two[order]
                again = np.concatenate(([False], (one[1:] == one[:-1]) & (two[1:] == two[:-1])))[: len(found)]
                # lexsort is stable and the numbers rise, so the first of equal rows is the first of the data.
                fates.put(ranked[again], np.full(int(again.sum()), _DOUBLE))
                before = ranked[~again]


def _is_shared(keys: NDArray[np.uint64]) -> Flags:
    """Tell which of the keys, which are in order, another has too."""
    out = np.zeros(len(keys), bool)
    same = keys[1:] == keys[:-1]
    out[1:] = same
    out[:-1] |= same
    return out


def _mark_near(
    parts: Sequence[Part], starts: Sequence[int], fates: Stored, similarity: float, folder: Path | None
) -> None:
    # One standard error of the estimate: of pairs just at the threshold five in six are found, not one in two.
    least = similarity - (similarity * (1 - similarity) / SIGNATURE_BYTES) ** 0.5
    with Stored(folder, np.uint8, (SIGNATURE_BYTES,)) as signatures:
        _collect(parts, starts, fates, signatures)
        if signatures.rows <= 1:
            return
        with Families(folder, signatures.rows) as families:
            for first in range(0, BANDS, _BANDS_AT_ONCE):
                for left, right in _candidates(signatures, range(first, first + _BANDS_AT_ONCE), folder):
                    _join_families(families, signatures, (left, right), least)
            at = 0
            for start in range(0, fates.rows, _ROWS_AT_ONCE):
                rows = np.flatnonzero(fates.read(start, start + _ROWS_AT_ONCE) & _HAS_WORDS) + start
                later = rows[families.is_later(at, at + len(rows))]
                fates.put(later, np.full(len(later), _NEAR))
                at += len(rows)


def _collect(parts: Sequence[Part], starts: Sequence[int], fates: Stored, signatures: Stored) -> None:
    """Take the signatures of rows that have words enough and are no duplicates."""
    for start, (path, _) in zip(starts, parts, strict=False):
        at = start
        for piece in pieces(path, "signatures", _ROWS_AT_ONCE):
            fate = fates.read(at, at + len(piece))
            rows = np.flatnonzero(piece.any(axis=1) & (fate == 0))
            signatures.append(piece[rows])
            fates.put(rows + at, np.full(len(rows), _HAS_WORDS))
            at += len(piece)


def _candidates(signatures: Stored, bands: Iterable[int], folder: Path | None) -> Iterator[tuple[Any, Any]]:
    """Yield pairs of rows that share one of the bands: each with the first and with the one before it among those that do."""
    with ExitStack() as stack:
        sorts = {band: stack.enter_context(SameKeys(folder, signatures.rows, signatures.rows)) for band in bands}
        for start in range(0, signatures.rows, _ROWS_AT_ONCE):
            block = signatures.read(start, start + _ROWS_AT_ONCE)
            numbers = np.arange(start, start + len(block), dtype=np.uint64)
            for band, same in sorts.items():
                keys = np.zeros((len(block), 8), np.uint8)
                keys[:, :BAND_BYTES] = block[:, band * BAND_BYTES : (band + 1) * BAND_BYTES]
                same.add(keys.view("<u8").reshape(-1), numbers)
        for same in sorts.values():
            for bunch in same.bunches():
                yield from _pairs(bunch)


def _pairs(bunch: Iterable[Piece]) -> Iterator[tuple[Any, Any]]:
    ends = np.zeros(0, np.uint64)
    for told, found in bunch:
        keys, rows = told, found
        if len(ends):
            # All pieces of a bunch that has several have one key: what was first stays first.
            keys, rows = np.full(len(ends) + len(found), told[0]), np.concatenate((ends, found))
        ends = rows[[0, -1]] if len(rows) else ends
        same = np.flatnonzero(keys[1:] == keys[:-1]) + 1
        begins = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        first = begins[np.searchsorted(begins, same, side="right") - 1]
        later = same[first < same - 1]
        yield rows[first], rows[same]
        yield rows[later - 1], rows[later]


def _join_families(families: Families, signatures: Stored, pairs: tuple[Any, Any], least: float) -> None:
    """Make one family of each pair that is alike enough."""
    for at in range(0, len(pairs[0]), _PAIRS_AT_ONCE):
        one, two = (side[at : at + _PAIRS_AT_ONCE] for side in pairs)
        left, right = families.roots(one), families.roots(two)
        # Of most pairs another band has told already; a big family's rows share many.
        apart = left != right
        equal = (signatures.take(one[apart]) == signatures.take(two[apart])).sum(axis=1)
        alike = shared(equal) >= least
        families.unite(left[apart][alike], right[apart][alike])
