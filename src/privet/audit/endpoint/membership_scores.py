"""How likely it is that a text was in the training, from what a server tells of it: the higher, the likelier.

Sources: Yeom et al. 2018 (loss); Carlini et al. 2021, "Extracting training data from large language models" (loss against the size of the
text when packed by zlib); Shi et al. 2024, "Detecting pretraining data" (Min-K%: the mean of the least likely fifth of the tokens);
Zhang et al. 2024, "Min-K%++" (the same of each token's number against mean and spread of all tokens at its place; here over the likeliest,
which is what servers tell); Hallinan et al. 2025 (longest run of words shared by what is said and what is true, where there is text alone).
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

from privet.audit.endpoint.membership_ways import Likely

_PART: Final = 0.2
_LEAST_TOPS: Final = 3
_LEAST_RUN: Final = 3
"""A shorter run of words is shared by chance."""
_WORD: Final = re.compile(r"\w+")


def scores_of(likely: Likely, asked: str, *, of_prompt: bool) -> dict[str, float]:
    """Return every score that an answer allows."""
    scores: dict[str, float] = {}
    if likely.whole is not None:
        scores["a number for the whole"] = likely.whole
    if likely.tokens:
        mean = sum(likely.tokens) / len(likely.tokens)
        scores["loss"] = mean
        if of_prompt:
            scores["zlib"] = sum(likely.tokens) / packed(asked)
            scores["min-k"] = _least(likely.tokens)
            if all(len(top) >= _LEAST_TOPS for top in likely.tops):
                scores["min-k++"] = _least(_normalised(likely.tokens, likely.tops))
    return scores


def overlap(said: str, true: str) -> float:
    """Return the longest run of words that what was said shares with how a text truly goes on.

    >>> overlap("the old mill near a quiet square", "near a quiet square at noon"), overlap("near a", "near a quiet square")
    (4.0, 0.0)
    """
    left, right = _WORD.findall(said.casefold()), _WORD.findall(true.casefold())
    best, above = 0, [0] * (len(right) + 1)
    for word in left:
        row = [0] * (len(right) + 1)
        for place, other in enumerate(right, 1):
            if word == other:
                row[place] = above[place - 1] + 1
        best, above = max(best, *row), row
    return float(best) if best >= _LEAST_RUN else 0.0


def blind(text: str) -> Mapping[str, float]:
    """Return what a text tells without any model: its length, and how well it can be packed."""
    return {"length": float(len(text)), "packing": packed(text) / len(text.encode())}


def packed(text: str) -> int:
    """Return how many bytes a text takes when it is packed."""
    return len(zlib.compress(text.encode("utf-8", "replace"), 9))


def _least(numbers: Sequence[float]) -> float:
    count = max(1, math.ceil(_PART * len(numbers)))
    return sum(sorted(numbers)[:count]) / count


def _normalised(numbers: Sequence[float], tops: Sequence[Sequence[float]]) -> list[float]:
    """Return each number less the mean of those at its place, in their standard deviations, weighted by how likely they are."""
    scores = []
    for number, top in zip(numbers, tops, strict=True):
        weights = [math.exp(min(0.0, each)) for each in top]
        total = sum(weights)
        mean = sum(weight * each for weight, each in zip(weights, top, strict=True)) / total if total else 0.0
        squares = sum(weight * (each - mean) ** 2 for weight, each in zip(weights, top, strict=True))
        scores.append((number - mean) / math.sqrt(squares / total + 1e-6) if total else 0.0)
    return scores
