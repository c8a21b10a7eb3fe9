"""Signatures of texts: short, and as alike as the texts' words are.

MinHash by one permutation (Li, Owen, Zhang 2012: One Permutation Hashing) over sequences of three words, empty bins filled from others
(Shrivastava 2017: Optimal Densification), eight bits kept of each (Li, König 2010: b-Bit Minwise Hashing). One hash a sequence instead of
one for each of 125 permutations, and all texts of a batch at once.

Invariants:

- Depends on the text alone: case, punctuation and white space do not count; no seed, no process, no batch does.
- The share of equal bytes of two signatures, less the 1/256 that agree by chance, estimates the Jaccard similarity of the texts' sequences.
- A text of fewer than `MIN_SEQUENCES` sequences has a signature of zeros: too short to be nearly the same as another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BANDS: Final = 25
BAND_BYTES: Final = 5
SIGNATURE_BYTES: Final = BANDS * BAND_BYTES
MIN_SEQUENCES: Final = 6
_WORDS: Final = 3
_BINS: Final = 128
_TRIES: Final = 16 * _BINS
_BIN_SHIFT: Final = np.uint64(57)
_BATCH_BYTES: Final = (1 << 17) - 2
"""With a separator and a last one, below the power of two up to which `_powers` are held."""
_FEW_BINS: Final = 48
_FILLED_AT_ONCE: Final = 64
_NONE: Final = np.uint64(2**64 - 1)
_BASE: Final = 0x9E3779B97F4A7C15 | 1
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_ORDER: Final = (np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB))
_WORD_BYTES: Final = bytes(byte >= 128 or chr(byte).isalnum() for byte in range(256))
U64 = NDArray[np.uint64]


def signatures(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Return the signatures of texts: (texts, SIGNATURE_BYTES) uint8."""
    found = [_of_batch(batch) for batch in _batches(texts)]
    return np.concatenate(found) if found else np.zeros((0, SIGNATURE_BYTES), np.uint8)


def similarity(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the estimated Jaccard similarity of rows of signatures: (rows,) in 0..1."""
    return shared((left == right).sum(axis=-1))


def shared(equal: NDArray[Any]) -> NDArray[np.float64]:
    """Return the similarity for a number of equal bytes."""
    return np.maximum(0.0, (equal / SIGNATURE_BYTES - 1 / 256) / (1 - 1 / 256))


def _batches(texts: Sequence[str]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for text in texts:
        # Bytes are made lower case several times faster than characters.
        data = text.encode().lower() if text.isascii() else text.lower().encode("utf-8", "surrogatepass")
        if batch and size + len(data) > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(data)
        size += len(data) + 1
    if batch:
        yield batch


def _of_batch(batch: Sequence[bytes]) -> NDArray[np.uint8]:
    # A separator behind each text is no part of a word, so no word lies in two texts.
    joined = b" %b " % b" ".join(batch)
    data = np.frombuffer(joined, np.uint8)[1:]
    ends = np.cumsum([len(text) + 1 for text in batch])
    first, last = _words(joined)
    words = _hashes(data, first, last)
    owner = np.repeat(np.arange(len(batch)), np.diff(np.searchsorted(first, ends), prepend=0))
    count = len(words) - _WORDS + 1
    bins = np.full((len(batch), _BINS), _NONE)
    if count > 0:
        sequences = sum((words[at : at + count] * _ORDER[at] for at in range(_WORDS)), np.zeros(count, np.uint64))
        inside = owner[:count] == owner[_WORDS - 1 :]
        mixed = _mixed(sequences[inside])
        rows = owner[:count][inside]
        places = rows * _BINS + (mixed >> _BIN_SHIFT).astype(np.int64)
        np.minimum.at(bins.reshape(-1), places, mixed)
        few = np.bincount(rows, minlength=len(batch)) < MIN_SEQUENCES
    else:
        few = np.ones(len(batch), bool)
    bins[few] = 0
    out = (_mixed(_filled(bins))[:, :SIGNATURE_BYTES] & np.uint64(0xFF)).astype(np.uint8)
    out[few] = 0
    return out


def _words(joined: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each word begins and ends; `joined` is the texts behind a byte that does not count, which no word is."""
    is_word = np.frombuffer(joined.translate(_WORD_BYTES), np.bool_)
    edges = (is_word[1:] != is_word[:-1]).nonzero()[0]
    return edges[::2], edges[1::2]


def _hashes(data: NDArray[np.uint8], first: NDArray[Any], last: NDArray[Any]) -> U64:
    """Return the polynomial hash of each stretch, from sums of all bytes up to a place (Karp, Rabin 1987), modulo 2**64."""
    powers, inverses = _powers(1 << (len(data)).bit_length())
    sums = np.empty(len(data) + 1, np.uint64)
    sums[0] = 0
    # No byte of UTF-8 is 255, so one more fits a byte. Both in place: a larger array costs more than what is done to it.
    np.multiply(data + np.uint8(1), powers[: len(data)], out=sums[1:])
    np.cumsum(sums, out=sums)
    return _mixed((sums[last] - sums[first]) * inverses[first])


@lru_cache(maxsize=2)
def _powers(length: int) -> tuple[U64, U64]:
    inverse = pow(_BASE, -1, 2**64)
    made = []
    for base in (_BASE, inverse):
        steps = np.full(length, np.uint64(base))
        steps[0] = 1
        made.append(np.cumprod(steps, dtype=np.uint64))
    return made[0], made[1]


def _mixed(values: U64) -> U64:
    """Return values with all bits mixed (Steele, Lea, Flood 2014: SplitMix64)."""
    values = values ^ (values >> np.uint64(30))
    values *= _MIX[0]
    values ^= values >> np.uint64(27)
    values *= _MIX[1]
    values ^= values >> np.uint64(31)
    return values


@lru_cache(maxsize=1)
def _asked() -> NDArray[np.int64]:
    """Return, for each try, the bin that each bin asks for its value where it is empty: (tries, bins)."""
    drawn = _mixed(np.arange(1, _TRIES * _BINS + 1, dtype=np.uint64) * _ORDER[1])
    return (drawn >> _BIN_SHIFT).astype(np.int64).reshape(_TRIES, _BINS)


@lru_cache(maxsize=1)
def _ranks() -> NDArray[np.uint16]:
    """Return for each bin how early each other one asks it, and in the last digits the bin itself: (bins, bins)."""
    first = np.full((_BINS, _BINS), _TRIES)
    np.minimum.at(first, (_asked(), np.arange(_BINS)), np.arange(_TRIES)[:, None])
    return (first.argsort(axis=0).argsort(axis=0) * _BINS + np.arange(_BINS)[:, None]).astype(np.uint16)


def _filled(bins: U64) -> U64:
    """Return the bins with each empty one filled from another, the same one for every text in which that one is not empty."""
    is_empty = bins == _NONE
    held = _BINS - np.count_nonzero(is_empty, axis=1)
    out = bins.copy()
    rows, places = np.nonzero(is_empty & (held > _FEW_BINS)[:, None])
    for asked in _asked():
        if not len(rows):
            break
        values = bins[rows, asked[places]]
        found = values != _NONE
        _fill(out, rows[found], places[found], values[found])
        rows, places = rows[~found], places[~found]
    # Where most are empty it takes many tries: of the few that are not, each asks the one that it would come to first.
    for count in np.unique(held[held <= _FEW_BINS]).tolist():
        alike = np.flatnonzero(held == count)
        for start in range(0, len(alike), _FILLED_AT_ONCE):
            texts = alike[start : start + _FILLED_AT_ONCE]
            empty = is_empty[texts]
            ranks = _ranks()[np.nonzero(~empty)[1]].reshape(-1, count, _BINS)
            at, places = np.nonzero(empty)
            _fill(out, texts[at], places, bins[texts[at], (ranks.min(axis=1) % _BINS)[at, places]])
    return out


def _fill(bins: U64, rows: NDArray[Any], places: NDArray[Any], values: U64) -> None:
    # The place goes in too: two empty bins with one donor would count the same agreement twice.
    bins[rows, places] = values + places.astype(np.uint64) * _ORDER[0]
