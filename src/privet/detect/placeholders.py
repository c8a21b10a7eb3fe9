"""What Privet writes in brackets where an identifier stood, as one regular expression.

Invariants:

- Nothing in here is an identifier: the detector leaves it alone, whatever stands around it.
- Only known kinds count: [MERKEL] is a name in brackets, [PERSON] is not.
- A placeholder is at most `MAX_PLACEHOLDER_CHARS` long and holds no white space, so no stream is cut inside one.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final

from privet.records import KINDS, Span

PSEUDONYM_CHARS: Final = 10
"""Base32 characters of a pseudonym: 50 bits, so that among a million people two share one with a chance of 1 in 2,000."""
TOKEN_VERSION: Final = "1"  # noqa: S105 (a version, no secret)
TOKEN_MAX_BYTES: Final = 256
"""The longest value that one reversible token holds; a longer one takes several."""
_SIV_BYTES: Final = 16
_SHORTEST: Final = -(-(_SIV_BYTES + 1) * 8 // 5)
_LONGEST: Final = -(-(_SIV_BYTES + TOKEN_MAX_BYTES) * 8 // 5)

_COARSE: Final = (
    r"~(?:-?[0-9]{1,9}(?:\.[0-9]{1,6})?--?[0-9]{1,9}(?:\.[0-9]{1,6})?"  # a band
    r"|[0-9]{4}(?:-W[0-9]{2}|-[0-9]{2}|-Q[1-4]|s)?"  # a period
    r"|[0-9A-Za-z]{1,4}\*{1,16})"  # the first characters
)
"""What a generalised value may look like: [AGE~30-39], [DATE_TIME~2024-W09], [LOCATION~10***]."""

_MAX_KIND_CHARS: Final = 40
MAX_PLACEHOLDER_CHARS: Final = _MAX_KIND_CHARS + 4 + _LONGEST


@lru_cache(maxsize=16)
def placeholder_pattern(kinds: frozenset[str]) -> re.Pattern[str]:
    """Return what finds placeholders of the built-in and these kinds: [PERSON], [PERSON_1], [PERSON_k7f3q2mabc], [PERSON:1…], [AGE~9]."""
    known = "|".join(sorted(kinds.union(KINDS), key=lambda kind: (-len(kind), kind)))
    return re.compile(
        rf"\[(?:{known})(?:_[0-9]{{1,6}}|_[a-z2-7]{{{PSEUDONYM_CHARS}}}"
        rf"|:{TOKEN_VERSION}[a-z2-7]{{{_SHORTEST},{_LONGEST}}}|{_COARSE})?\]"
    )


PLACEHOLDER: Final = placeholder_pattern(frozenset())
SEALED: Final = re.compile(
    rf"(\\)?\[([A-Za-z](?:\\?_|[A-Za-z0-9]){{1,{_MAX_KIND_CHARS - 1}}}):{TOKEN_VERSION}([A-Za-z2-7]{{{_SHORTEST},{_LONGEST}}})(\\)?\]"
)
"""A reversible token as it may come back: in other case, or escaped by Markdown."""

_OPEN: Final = re.compile(
    rf"\[(?:[A-Z][A-Z0-9_]{{0,{_MAX_KIND_CHARS}}}(?:[a-z0-9]{{1,{PSEUDONYM_CHARS}}}|:(?:{TOKEN_VERSION}[a-z2-7]{{0,{_LONGEST}}})?|~[0-9A-Za-z.*-]{{0,36}})?)?\Z"
)

Region = tuple[int, int]


def closed_end(text: str) -> int:
    """Return how long a text is without a placeholder that is still being written at its end."""
    place = text.rfind("[", -MAX_PLACEHOLDER_CHARS)
    return place if place >= 0 and _OPEN.match(text, place) else len(text)


def placeholders(text: str, pattern: re.Pattern[str] = PLACEHOLDER) -> list[Region]:
    """Return where a text has placeholders."""
    return [match.span() for match in pattern.finditer(text)] if "[" in text or "*" in text else []


def outside(text: str, spans: Iterable[Span], regions: Sequence[Region]) -> list[Span]:
    """Return the spans without what of them lies in the regions, which are sorted and do not overlap.

    Parts with no letter and no digit are dropped.
    """
    if not regions:
        return list(spans)
    out: list[Span] = []
    for span in spans:
        lowest = bisect_right(regions, span.start, key=itemgetter(1))
        highest = bisect_left(regions, span.end, key=itemgetter(0))
        if lowest >= highest:
            out.append(span)
            continue
        start = span.start
        for first, end in (*regions[lowest:highest], (span.end, span.end)):
            if start < first and any(map(str.isalnum, text[start:first])):
                out.append(span._replace(start=start, end=first))
            start = max(start, end)
    return out
