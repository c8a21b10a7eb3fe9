"""Cut a text into words, and say what is known of each: letters, shape, and what the lexicon holds.

Everything here depends on the word alone, so it is computed once a word and kept (`network.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np

from privet.detect.placeholders import PLACEHOLDER

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORD: Final = re.compile(r"(?:[^\W\d_][\u0300-\u036f\u200b-\u200d\u2060]*)+|\d+|\n|[^\w\s]|_")
"""A run of letters, a run of digits, a line end, or one mark."""
LABEL: Final = PLACEHOLDER
"""What stands where an identifier was."""
TOKEN: Final = re.compile(LABEL.pattern + "|" + WORD.pattern)
"""A label or a word."""

GIVEN: Final = 1
SURNAME: Final = 2
PLACE: Final = 4

BLOOM_HASHES: Final = 3
FORM_LANGUAGES: Final = ("fr", "it", "nl", "pl", "pt")

_WORD_ROWS: Final = 1 << 14
_GRAM_ROWS: Final = 1 << 15
_SHAPE_ROWS: Final = 1 << 9
_CLUSTER_ROWS: Final = 1 << 10
_STEPS: Final = 24
_VARIANTS: Final = 3
_FIRST_GRAM: Final = _WORD_ROWS
_FIRST_SHAPE: Final = _FIRST_GRAM + _GRAM_ROWS
_FIRST_FLAG: Final = _FIRST_SHAPE + _SHAPE_ROWS
_FIRST_FORM: Final = _FIRST_FLAG + 8
_FIRST_STEP: Final = _FIRST_FORM + (1 << len(FORM_LANGUAGES))
_FIRST_CLUSTER: Final = _FIRST_STEP + _STEPS * 3 * _VARIANTS
ROWS: Final = _FIRST_CLUSTER + _CLUSTER_ROWS * 3 * _VARIANTS
"""How many rows the embedding has."""
WORD_ROWS: Final = _WORD_ROWS

_INVISIBLE: Final = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\u00ad"))


def key_of(word: str) -> int:
    """Return the 32-bit key under which the lexicon holds a word."""
    return crc32(word.encode("utf-8", "surrogatepass"))


def bloom_places(keys: NDArray[np.uint32], size: int) -> Iterable[NDArray[np.int64]]:
    """Yield the places of keys in a Bloom filter of `size` bits, by double hashing (Kirsch and Mitzenmacher 2006)."""
    first = keys.astype(np.int64)
    second = ((first * 0x9E3779B1) >> 7 & 0xFFFFFFFF) | 1
    for turn in range(BLOOM_HASHES):
        yield (first + turn * second) % size


def plain(word: str) -> str:
    """Return a word as a reader sees it: composed, without invisible characters."""
    return word if word.isascii() else unicodedata.normalize("NFKC", word.translate(_INVISIBLE))


def shape(word: str) -> str:
    """Return the shape of a word: Xx for Paris, XxX for McD, 0000 for 1984."""
    if word.isdigit():
        return "0" * min(len(word), 12)
    out = ""
    for char in word:
        kind = "X" if char.isupper() else "x" if char.isalpha() else "0" if char.isdigit() else char
        if not out.endswith(kind):
            out += kind
    return out if len(word) > 1 else out + "1"


CASES: Final = ("title", "lower", "upper", "capital", "mixed", "number", "mark", "handle")
"""How a word is written, as far as it matters to how likely it is a name."""


def case_of(word: str) -> int:
    """Return the place in `CASES` of a word by itself; baseLanes counts as lower case."""
    first = word[:1]
    if not first.isalpha():
        return 5 if first.isdigit() else 6
    if first.islower():
        return 1
    if word.isupper():
        return 2 if len(word) > 1 else 3
    return 4 if first.isupper() and not word.istitle() else 0


class Lexicon:
    """The arrays that `training/names/lexicon.py` makes, asked for many words at once."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self._word_keys = arrays["word_keys"]
        self._clusters = arrays["word_clusters"]
        self._steps = arrays["word_steps"]
        self._name_keys = arrays["name_keys"]
        self._name_flags = arrays["name_flags"]
        self._forms = [arrays[f"forms_{lang}"] for lang in FORM_LANGUAGES]

    def rows(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of the embedding that the lexicon gives each word, shape (words, 20)."""
        lower = [word.lower() for word in words]
        low = np.array([key_of(word) for word in lower], dtype=np.uint32)
        keys = (
            np.array([key_of(word) for word in words], dtype=np.uint32),
            low,
            np.array([key_of(word[:1].upper() + word[1:]) for word in lower], dtype=np.uint32),
        )
        columns: list[NDArray[np.int64]] = []
        for variant, key in enumerate(keys):
            place = np.searchsorted(self._word_keys, key).clip(max=len(self._word_keys) - 1)
            known = self._word_keys[place] == key
            for lang in range(3):
                at = variant * 3 + lang
                cluster = np.where(known, self._clusters[place, lang], 0).astype(np.int64)
                step = np.where(known, self._steps[place, lang], 0).astype(np.int64)
                columns.extend((_FIRST_CLUSTER + at * _CLUSTER_ROWS + cluster, _FIRST_STEP + at * _STEPS + step))
        place = np.searchsorted(self._name_keys, low).clip(max=len(self._name_keys) - 1)
        flags = np.where(self._name_keys[place] == low, self._name_flags[place], 0).astype(np.int64)
        columns.append(_FIRST_FLAG + flags)
        mask = np.zeros(len(words), dtype=np.int64)
        for bit, packed in enumerate(self._forms):
            held = np.ones(len(words), dtype=bool)
            for places in bloom_places(low, len(packed) * 8):
                held &= (packed[places >> 3] >> (7 - (places & 7)).astype(np.uint8) & 1).astype(bool)
            mask |= held.astype(np.int64) << bit
        columns.append(_FIRST_FORM + mask)
        return np.stack(columns, axis=1)


def letter_rows(word: str) -> list[int]:
    """Return the rows of the embedding that the letters of a word give."""
    lower = word.lower()
    if word.isdigit():
        # Years keep their century, other numbers only their length.
        lower = word if len(word) <= 2 else word[:2] + "0" * (len(word) - 2) if len(word) == 4 else "0" * len(word)
    rows = [
        key_of(lower) % _WORD_ROWS,
        _FIRST_SHAPE + key_of(shape(word)) % _SHAPE_ROWS,
        _FIRST_SHAPE + key_of(f"length {min(len(word), 12)}") % _SHAPE_ROWS,
    ]
    if lower.isalpha():
        framed = f"<{lower[:24]}>"
        grams = [framed[at : at + 3] for at in range(len(framed) - 2)]
        grams += [framed[:size] for size in (5, 6) if len(framed) > size]
        grams += [framed[-size:] for size in (5, 6) if len(framed) > size]
        rows += [_FIRST_GRAM + crc32(gram.encode("utf-8", "surrogatepass")) % _GRAM_ROWS for gram in grams]
    return rows
