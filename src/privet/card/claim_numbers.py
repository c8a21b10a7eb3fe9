"""Figures that claim privacy, held against those that were measured.

Invariants:

- A bound is backed where what was measured is no worse, or is the same when rounded to the digits that are shown.
- An epsilon of an optimizer, a norm or a game is none of privacy, unless its line speaks of privacy; a tiny one that stands right behind
  their names is theirs even then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from privet.card.facts import Facts

_NUM: Final = r"(?:\d+(?:[.,]\d+)?|[.,]\d+)(?:e[-+]?\d+)?(?:\s*[x×·]\s*10\^?-?\d+)?(?:\^-?\d+)?"
_NUMBER: Final = rf"(?P<number>{_NUM})(?![A-Za-z\d])"
# Both are bounded: what may go on for ever is read for ever.
_SIGNS: Final = r"[\s:=|≈~≃≲≤⩽<()\[\],]{0,12}"
_SETS: Final = (
    rf"(?P<sets>{_SIGNS}(?:\b(?:is|was|of|to|at|most|below|under|less|than|up|around|about|approximately|equals?|value|budget|spent|total"
    rf"|only|just|a|an|the|privacy|loss|guarantee|final|target|as|low|stays|remains|reache[sd]|achieve[sd]|bounded|by|equal|set|parameter|ε)\b{_SIGNS}){{0,6}})"
)
_EPSILON: Final = re.compile(
    rf"(?P<name>(?<![A-Za-z_.])[A-Za-z_.]*(?:epsilon|(?<![A-Za-z])eps)|ε)(?![A-Za-z]){_SETS}{_NUMBER}", re.IGNORECASE
)
_BUDGET: Final = re.compile(rf"\bprivacy[\s:_-]+(?:budget|loss|cost)\b{_SETS}{_NUMBER}", re.IGNORECASE)
_DELTA: Final = re.compile(rf"(?:(?<![A-Za-z_.])[A-Za-z_.]*delta|δ)(?![A-Za-z]){_SETS}{_NUMBER}", re.IGNORECASE)
_PAIRS: Final = (
    re.compile(rf"\(\s*(?P<e>{_NUM})\s*,\s*(?P<d>{_NUM})\s*\)[\s-]*(?:dp\b|differential)", re.IGNORECASE),
    re.compile(rf"ε\s*,\s*δ\s*\)?\s*(?:=|is|of|:)\s*\(?\s*(?P<e>{_NUM})\s*,\s*(?P<d>{_NUM})", re.IGNORECASE),
)
# Both look at lower case: that is three times as quick as to ignore it.
_ELSEWHERE: Final = re.compile(
    r"adam|optim|betas|norm|smooth|greedy|explor|huber|rmsprop|adagrad|\blamb\b|numeric|stabil|clip_?(?:range|eps)"
)
_PRIVATE: Final = re.compile(r"privac|private|\bdp(?:\b|_)|differential|ε\s*,\s*δ")
_GREEK: Final = re.compile(r"ε|epsilon")
_UPPER: Final = re.compile(r"[<≤⩽≲]|\b(?:most|below|under|less|up)\b", re.IGNORECASE)
_TINY: Final = 1e-4
"""no epsilon of privacy is as small, and that of most optimizers is"""
_SMALL: Final = 0.5
_NEAR: Final = 120
_JUST_BEFORE: Final = 16
_FIGURES: Final = (
    ("exposure", re.compile(rf"\bexposure\b{_SETS}{_NUMBER}\s*bits", re.IGNORECASE)),
    ("membership", re.compile(rf"\b(?:membership|mia)\b[^.\n|]{{0,40}}?\b(?:auc|advantage|tpr|accuracy)\b{_SETS}{_NUMBER}", re.IGNORECASE)),
    ("extraction", re.compile(rf"\b(?:extraction|memori[sz]ation)\s+(?:rate|success)\b{_SETS}{_NUMBER}", re.IGNORECASE)),
    ("recall", re.compile(rf"\b(?:detector|detection|pii|scrub\w*)\s+recall\b{_SETS}{_NUMBER}", re.IGNORECASE)),
)  # fmt: skip


class Figure(NamedTuple):
    """A figure that evidence does not back: where it is in the text, and what is claimed."""

    at: int
    says: str


def unbacked_figures(text: str, facts: Facts) -> Iterator[Figure]:
    """Yield the figures in a text, as it is shown, that evidence does not back."""
    yield from _bounds(text, facts)
    yield from _pairs(text, facts)
    for name, pattern in _FIGURES:
        for match in pattern.finditer(text):
            if not any(_is_rounded(match["number"], figure) for figure in _measured(facts, name)):
                yield Figure(match.start(), f"it claims a figure of {name} that evidence does not hold")


def _bounds(text: str, facts: Facts) -> Iterator[Figure]:
    epsilon, delta = facts.privacy.get("epsilon"), facts.privacy.get("delta")
    for match in (*_EPSILON.finditer(text), *_BUDGET.finditer(text)):
        if not _holds(match["number"], epsilon, match["sets"]) and not _is_elsewhere(match, text):
            yield Figure(match.start(), _said("epsilon", epsilon))
    for match in _DELTA.finditer(text):
        line = _line(text, match.start())
        if (_PRIVATE.search(line) or _GREEK.search(line)) and not _holds(match["number"], delta, match["sets"]):
            yield Figure(match.start(), _said("delta", delta))


def _pairs(text: str, facts: Facts) -> Iterator[Figure]:
    for pattern in _PAIRS:
        for match in pattern.finditer(text):
            for group, name in (("e", "epsilon"), ("d", "delta")):
                if not _holds(match[group], facts.privacy.get(name), ""):
                    yield Figure(match.start(), _said(name, facts.privacy.get(name)))


def _said(name: str, actual: float | None) -> str:
    if actual is None:
        return f"it claims a value of {name} that no evidence holds"
    return f"it claims another {name} than evidence holds"


def _line(text: str, at: int) -> str:
    """Return the line around a place, as far as it is near, in lower case."""
    start = max(text.rfind("\n", 0, at) + 1, at - _NEAR)
    end = text.find("\n", at, at + _NEAR)
    return text[start : end if end >= 0 else at + _NEAR].lower()


def _is_elsewhere(match: re.Match[str], text: str) -> bool:
    name = (match.groupdict().get("name") or "").lower()
    claimed = value_of(match["number"]) or 0.0
    before = text[max(0, match.start() - _JUST_BEFORE) : match.start()].lower()
    if name and claimed <= _TINY and _ELSEWHERE.search(before):
        # "AdamW epsilon 1e-8" is the optimizer's, whatever else its sentence speaks of.
        return True
    line = _line(text, match.start())
    if _PRIVATE.search(line):
        return False
    if _ELSEWHERE.search(name) or (name and name != "ε" and claimed <= _TINY):
        return True
    return claimed <= _SMALL and bool(_ELSEWHERE.search(line))


def _holds(number: str, actual: float | None, sets: str) -> bool:
    """Tell whether a bound that is claimed is no better than the actual one, or the same as far as it is shown."""
    claimed = value_of(number)
    if actual is None or claimed is None:
        return False
    return claimed >= actual * (1 - 1e-9) or (not _UPPER.search(sets) and _is_rounded(number, actual))


def _is_rounded(number: str, actual: float) -> bool:
    claimed = value_of(number)
    if claimed is None:
        return False
    plain = re.fullmatch(r"\d*(?:[.,](?P<digits>\d+))?", number)
    if plain is None:
        return abs(claimed - actual) <= 1e-6 * abs(actual)
    digits = len(plain["digits"] or "")
    return claimed in {round(actual, digits), round(actual * 100, digits)}


def value_of(number: str) -> float | None:
    """Return the value of a number as people write it.

    >>> value_of("1,5"), value_of("10^-5"), value_of("2x10^-6"), value_of("1e-5")
    (1.5, 1e-05, 2e-06, 1e-05)
    """
    text = re.sub(r"[×·]", "x", number.replace(" ", "").replace(",", ".").lower())
    head, times, power = text.partition("x10")
    if not times:
        head, raised, power = text.partition("^")
        if raised and head != "10":
            return None
        head = "1" if raised else head
    try:
        return float(f"{head}e{power.removeprefix('^')}") if power else float(head)
    except ValueError:
        return None


def _measured(facts: Facts, name: str) -> Iterator[float]:
    if name == "recall":
        yield from _numbers(facts.recall)
    for test in facts.tests:
        if test.id == name and test.verdict != "not-tested":
            yield from _numbers(test.figures)
            yield from test.interval
            if test.samples:
                yield test.hits / test.samples


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _numbers(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield float(value)
