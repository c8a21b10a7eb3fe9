"""Values of a raw set as they are compared, and which of them tell by themselves.

Invariants:

- A value is compared as its letters and digits in lower case and without accents, so `+1 (202) 555-0143` is found as `12025550143`.
- What is too short or too long to be found by (`is_telling`) is not compared.
- A value that may be anything by its form (`is_weak`) is no proof by itself: `Will`, `Case 10152`, `2012-2022`, `root`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

from privet.audit.counting import Hit
from privet.detect.address_words import SUFFIXES
from privet.records import Span

_WORD: Final = re.compile(r"[^\W_]+")
LEAST_CHARS: Final = 4
_LEAST_DIGITS: Final = 6
_MOST_CHARS: Final = 120
_FEW_DIGITS: Final = 6
"""A thousand such numbers meet one of a thousand others by chance."""
_LONE_CHARS: Final = 6
_PLACE_CHARS: Final = 3
_STREETS: Final = tuple(suffix.rstrip(".") for suffix in SUFFIXES)
_YEARS: Final = re.compile(r"(?:19|20)\d\d(?:19|20)\d\d")
_CALENDAR: Final = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])?|\d+000")
"""Days, months and round numbers."""


class Words(NamedTuple):
    """The letters and digits of a text in a row, and where its words begin and end, in the row and in the text."""

    row: str
    starts: list[int]
    ends: list[int]
    places: list[tuple[int, int]]


def words_of(text: str) -> Words:
    """Return the words of a text as they are compared."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    pieces: list[str] = []
    starts, ends, places = [], [], []
    size = 0
    for match in _WORD.finditer(text):
        piece = match[0].lower() if match[0].isascii() else _folded(match[0])
        starts.append(size)
        size += len(piece)
        ends.append(size)
        pieces.append(piece)
        places.append(match.span())
    return Words("".join(pieces), starts, ends, places)


def _folded(word: str) -> str:
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", word).casefold())


_ACCENTS: Final = re.compile("[\u0300-\u036f]")


def is_telling(row: str) -> bool:
    """Tell whether a value is long enough to be found by, and no number that may be any: short, or `2012-2022`."""
    if not LEAST_CHARS <= len(row) <= _MOST_CHARS:
        return False
    return not row.isdigit() or (len(row) >= _LEAST_DIGITS and not _YEARS.fullmatch(row))


def is_doubtful(row: str, hit: Hit, words: int) -> bool:
    """Tell whether it takes more than one place to say that a value is one: of the names model alone, a lone word, few digits."""
    return hit.span.rule.startswith("names-") or words == 1 or (row.isdigit() and len(row) <= _FEW_DIGITS)


def is_weak(value: str, hit: Hit) -> bool:
    """Tell whether a value may be anything, by its form: one word, a word and a number, a year."""
    words = _WORD.findall(value)
    lettered = [word for word in words if any(map(str.isalpha, word))]
    if not lettered:
        return bool(_CALENDAR.fullmatch("".join(words))) or hit.kind == "ADDRESS"
    if hit.kind == "PERSON":
        return len(lettered) < 2
    if hit.kind == "ADDRESS" and hit.span.rule.startswith("names-"):
        said = [word.lower() for word in lettered if len(word) >= _PLACE_CHARS]
        return len(said) < 2 and not any(word.endswith(_STREETS) for word in said)
    return len(words) == 1 and words[0].isalpha() and len(words[0]) < _LONE_CHARS


def owners_in(text: str) -> Iterator[tuple[str, Hit]]:
    """Yield the names in what a file says of who made or owns it; programs and companies left out."""
    for name in _BETWEEN_NAMES.split(text):
        words = _WORD.findall(name)
        if "@" not in name and len(words) <= _NAME_WORDS and not _NOBODY & {word.lower() for word in words}:
            yield name, Hit("PERSON", Span(0, len(name), "PERSON", 1.0, "metadata-owner"))


_BETWEEN_NAMES: Final = re.compile(r"[;/|&\n]|,\s|\s(?:and|und|et|y|e|en|i)\s")
_NAME_WORDS: Final = 5
_NOBODY: Final = frozenset(
    ("user", "users", "office", "microsoft", "adobe", "apple", "google", "admin", "administrator", "inc", "ltd", "llc", "gmbh", "ag",
     "corp", "company", "corporation", "team", "unknown", "owner", "systems", "software", "foundation", "university", "python",
     "rights", "reserved")
)  # fmt: skip
"""Words in what programs and companies put where an author would stand."""
