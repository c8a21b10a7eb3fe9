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

import hashlib
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
_BIN_SHIFT: Final = np.uint64(57)
_VALUE_SHIFT: Final = np.uint64(25)
"""The top bits of a sequence's hash say its bin, the 32 below them are its value there."""
_BATCH_BYTES: Final = 1 << 18
"""What is worked on at once, so that it stays in the processor's cache."""
_LOADED: Final = 8
_LONG_WORD: Final = 64
_TRIES: Final = 16 * _BINS
_TRIES_OF_ALL: Final = 8
_FEW_BINS: Final = 48
_FILLED_AT_ONCE: Final = 64
_NONE: Final = np.uint32(2**32 - 1)
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_ORDER: Final = (np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB))
_SPREAD: Final = np.uint32(0x9E3779B1)
_MASKS: Final = np.array([(1 << 8 * count) - 1 for count in range(_LOADED + 1)], np.uint64)
_PLAIN: Final = bytes(
    byte if byte >= 128 else ord(chr(byte).lower()) if chr(byte).isalnum() else 32 for byte in range(256)
)
"""ASCII letters in lower case, and a space for whatever is no part of a word."""
U32 = NDArray[np.uint32]
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
        data = text.encode() if text.isascii() else text.lower().encode("utf-8", "surrogatepass")
        if batch and size + len(data) > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(data)
        size += len(data) + 1
    if batch:
        yield batch


def _of_batch(batch: Sequence[bytes]) -> NDArray[np.uint8]:
    # A separator behind each text is no part of a word, so no word lies in two texts; behind the last there is room to load a whole number.
    joined = b" %b%b" % (b" ".join(batch), b" " * (_LOADED + 1))
    joined = joined.translate(_PLAIN)
    first, last = _words(joined)
    before_end = np.searchsorted(first, np.cumsum([len(text) + 1 for text in batch]))
    each = np.diff(before_end, prepend=0)
    few = each - _WORDS + 1 < MIN_SEQUENCES
    # A column for each text, and one for the sequences that lie in two.
    bins = np.full((_BINS, len(batch) + 1), _NONE)
    hashes = _hashes(joined, first, last)
    count = len(hashes) - _WORDS + 1
    if count > 0:
        sequences = hashes[:count] * _ORDER[0]
        for at in range(1, _WORDS):
            sequences += hashes[at : at + count] * _ORDER[at]
        sequences = _mixed(sequences)
        columns = np.repeat(np.arange(len(batch)), each)[:count]
        for back in range(1, _WORDS):
            begins = before_end[each >= back] - back
            columns[begins[begins < count]] = len(batch)
        places = (sequences >> _BIN_SHIFT).astype(np.int64) * bins.shape[1] + columns
        np.minimum.at(bins.reshape(-1), places, (sequences >> _VALUE_SHIFT).astype(np.uint32))
    bins = bins[:, :-1]
    bins[:, few] = 0
    filled = _filled(bins)
    # Eight bits that depend on all bits and on the place: two bins with one donor would else agree by chance together.
    filled += (np.arange(_BINS, dtype=np.uint64) * _ORDER[0] >> np.uint64(32)).astype(np.uint32)[:, None]
    filled *= _SPREAD
    filled >>= np.uint32(24)
    out = filled[:SIGNATURE_BYTES].T.astype(np.uint8, order="C")
    out[few] = 0
    return out


def _words(joined: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each word begins and ends; `joined` has a space before and behind all words, and for what is no word."""
    is_word = np.frombuffer(joined, np.uint8) != ord(" ")
    edges = (is_word[1:] != is_word[:-1]).nonzero()[0]
    edges += 1
    return edges[::2], edges[1::2]


def _hashes(joined: bytes, first: NDArray[np.int64], last: NDArray[np.int64]) -> U64:
    """Return a hash of each word: of its length and of eight bytes after the other, which are loaded as one number."""
    numbers: U64 = np.ndarray((len(joined) - _LOADED + 1,), "<u8", joined, strides=(1,))
    lengths = last - first
    hashes = numbers[first]
    hashes &= _MASKS[np.minimum(lengths, _LOADED)]
    hashes += lengths.astype(np.uint64) * _ORDER[2]
    hashes = _mixed(hashes)
    longer = (lengths > _LOADED).nonzero()[0]
    at = _LOADED
    while len(longer) and at < _LONG_WORD:
        left = lengths[longer] - at
        loaded = numbers[first[longer] + at] & _MASKS[np.minimum(left, _LOADED)]
        hashes[longer] = _mixed(hashes[longer] * _ORDER[1] + loaded)
        longer = longer[left > _LOADED]
        at += _LOADED
    for word in longer.tolist():
        # In scripts without spaces a word is a sentence, and what is no text at all can be one of megabytes.
        hashed = hashlib.blake2b(memoryview(joined)[first[word] : last[word]], digest_size=8)
        hashes[word] = int.from_bytes(hashed.digest(), "little")
    return hashes


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
    """Return for each bin how early each other one asks it, and in the last digits the bin itself: (bins, bins). It asks itself first."""
    first = np.full((_BINS, _BINS), _TRIES)
    np.minimum.at(first, (_asked(), np.arange(_BINS)), np.arange(_TRIES)[:, None])
    np.fill_diagonal(first, -1)
    return (first.argsort(axis=0).argsort(axis=0) * _BINS + np.arange(_BINS)[:, None]).astype(np.uint16)


def _filled(bins: U32) -> U32:
    """Return a copy of (bins, texts) with empty bins filled from others, from the same one in every text where that one is not empty."""
    is_held = bins != _NONE
    held = np.count_nonzero(is_held, axis=0)
    many = held > _FEW_BINS
    if many.all():
        return _filled_by_tries(bins)
    out = np.empty_like(bins)
    out[:, many] = _filled_by_tries(bins[:, many])
    # Where most are empty it takes many tries: of the few that are not, each asks the one that it would come to first.
    for count in np.unique(held[~many]).tolist():
        alike = np.flatnonzero(held == count)
        for start in range(0, len(alike), _FILLED_AT_ONCE):
            texts = alike[start : start + _FILLED_AT_ONCE]
            ranks = _ranks()[is_held[:, texts].T.nonzero()[1]].reshape(-1, count, _BINS)
            donors = (ranks.min(axis=1) % _BINS).astype(np.intp)
            out[:, texts] = np.take_along_axis(bins[:, texts], donors.T, axis=0)
    return out


def _filled_by_tries(bins: U32) -> U32:
    out = bins.copy()
    is_empty = out == _NONE
    # Whole rows at first, each a stretch of memory; then the few that are left, one by one.
    for asked in _asked()[:_TRIES_OF_ALL]:
        np.copyto(out, bins[asked], where=is_empty)
        np.equal(out, _NONE, out=is_empty)
    places, texts = is_empty.nonzero()
    for asked in _asked()[_TRIES_OF_ALL:]:
        if not len(texts):
            break
        out[places, texts] = bins[asked[places], texts]
        left = out[places, texts] == _NONE
        places, texts = places[left], texts[left]
    return out
