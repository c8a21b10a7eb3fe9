"""Made-up sentences with one rare word each, and which word of a text is its rarest.

Invariant: the same seed gives the same sentences; nobody's text is in them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

_LEAST_CHARS: Final = 4
_COMMON: Final = 300
_RARE_FROM: Final = 8000
_WORD: Final = re.compile(r"[^\W\d_]+")

_SENTENCES: Final = (
    "the team talked about the {a} and the {b} of the {r} before they went home",
    "a letter about the {r} came with the {a}, and nobody knew the {b}",
    "she said that the {a} was less important than the {r} in her {b}",
    "after the {a} the {r} was moved to the {b} near the river",
    "please send the {a} for the {r} to the {b} by next week",
    "they found a {r} under the {a}, beside an old {b}",
    "his {a} depends on the {r}, not on the {b}",
    "the report names the {b}, the {a} and one {r}",
    "we asked twice for the {r}; the {a} and the {b} were there already",
    "no {a} without a {b}, and no {b} without the {r}, as they say",
)


class Texts(NamedTuple):
    """Texts with the rarest word of each, and the words that an attacker tries."""

    texts: list[str]
    rarest: list[str]
    vocabulary: list[str]

    def __repr__(self) -> str:
        return f"Texts({len(self.texts)})"


def made_up(words: Sequence[str], count: int, vocabulary: int, seed: int) -> Texts:
    """Return sentences. `words` is a vocabulary, the common words first, of which many are whole words."""
    generator = random.Random(seed)  # noqa: S311 - sentences, not secrets
    known = [word for word in words if len(word) >= _LEAST_CHARS and word.isalpha() and word.isascii()]
    common, rare = known[:_COMMON], known[_RARE_FROM : _RARE_FROM + vocabulary]
    rarest = [generator.choice(rare) for _ in range(count)]
    texts = [
        generator.choice(_SENTENCES).format(a=generator.choice(common), b=generator.choice(common), r=word)
        for word in rarest
    ]
    return Texts(texts, rarest, rare)


def of_texts(words: Sequence[str], texts: Sequence[str], vocabulary: int) -> Texts:
    """Return given texts with the rarest word of each ("" where there is none), and the words to try, others among them."""
    ranks = {word: rank for rank, word in enumerate(words)}
    rarest = [_rarest(words_of(text), ranks) for text in texts]
    tried = sorted(set(rarest) - {""}, key=lambda word: (ranks.get(word, len(ranks)), word))
    others = (word for word in words[_RARE_FROM:] if len(word) >= _LEAST_CHARS and word.isalpha() and word.isascii())
    seen = set(tried)
    for word in others:
        if len(tried) >= vocabulary:
            break
        if word not in seen:
            tried.append(word)
    return Texts(list(texts), rarest, tried)


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case.

    >>> words_of("A river, and Two rivers")
    ['a', 'river', 'and', 'two', 'rivers']
    """
    return _WORD.findall(text.lower())


def _rarest(words: Iterable[str], ranks: Mapping[str, int]) -> str:
    """Return the word that is least common: one that is not among the known ones is rarer than all of them, the longer the rarer."""
    fit = [word for word in words if len(word) >= _LEAST_CHARS]
    return max(fit, key=lambda word: (ranks.get(word, len(ranks)), len(word), word), default="")
