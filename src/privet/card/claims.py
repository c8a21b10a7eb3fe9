"""Claims of privacy in what the author wrote, and whether evidence backs them.

Invariants:

- The text is read as a reader sees it (shown.py), with its tags and without; comments and code are read too, so that there is no place to
  hide.
- The values of a figure are claims (claim_numbers.py), and so are words (claim_phrases.py), unless they are denied.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

from privet.card.claim_numbers import unbacked_figures
from privet.card.claim_phrases import DENIED, PHRASES
from privet.card.facts import Facts
from privet.card.shown import shown, without_tags

_BEFORE: Final = 80


class Claim(NamedTuple):
    """A claim that evidence does not back: the line, and what is claimed, in words of this package."""

    line: int
    says: str


def unbacked(text: str, facts: Facts) -> list[Claim]:
    """Return the claims in a text that evidence does not back, by line."""
    found: set[Claim] = set()
    for seen in (shown(text), shown(without_tags(text))):
        ends = [at for at, char in enumerate(seen) if char == "\n"]
        found.update(Claim(bisect_left(ends, at) + 1, says) for at, says in _claims(seen, facts))
    return sorted(found)


def _claims(seen: str, facts: Facts) -> Iterator[tuple[int, str]]:
    for phrase in PHRASES:
        if phrase.backed(facts):
            continue
        for match in phrase.pattern.finditer(seen):
            if not (phrase.negatable and DENIED.search(seen[max(0, match.start() - _BEFORE) : match.start()])):
                yield match.start(), f"it claims {phrase.says}"
    for figure in unbacked_figures(seen, facts):
        yield figure.at, figure.says
