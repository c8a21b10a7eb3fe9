"""The words of which street addresses are made, and where a stream must wait for the rest of one.

Invariants:

- `goes_on` and `begins_street` depend on the text beside a place alone, and tell of every address that `rules_address` finds. They say
  so too often rather than not.
"""

from __future__ import annotations

import re
from typing import Final

LETTERS: Final = "A-Za-zÀ-ɏ"
_REACH_WORDS: Final = 10
"""Words behind a number, or a word that begins an address, that may be part of it."""

# English: the street word is found, then the number left of it.
STRONG: Final = frozenset(("street", "st", "avenue", "ave", "road", "rd", "boulevard", "blvd", "lane"))
WEAK: Final = frozenset((
    "ln", "dr", "drive", "court", "ct", "place", "way", "close", "square", "sq", "parkway", "pkwy", "highway", "hwy", "circle", "cir",
    "trail", "mews", "gardens", "grove", "broadway", "crescent", "terrace", "row",
))  # fmt: skip
"""Words for streets that mean more than that: they count where the address is written in capitals."""
STREETS: Final = STRONG | WEAK
UNITS: Final = ("flat", "apt", "apt.", "apartment", "unit", "suite", "ste", "room", "floor")
SUFFIXES: Final = (
    "straße", "strasse", "str.", "gasse", "allee", "weg", "platz", "straat", "laan", "plein", "gracht", "singel",
)  # fmt: skip
ALONE: Final = frozenset(("Straße", "Strasse", "Str.", "Allee", "Weg", "Platz", "Gasse"))
"""Words for a street that a word before them names: Berliner Straße."""
MORE: Final = ("Am", "An der", "Im", "Zum", "Zur", "Alte", "Alter", "Große", "Kleine", "Neue", "Lange", "Hohe", "Obere", "Untere",
                "Oude", "Nieuwe", "Korte")  # fmt: skip
AT_PLACES: Final = (
    "Am",
    "Im",
    "Zum",
    "Zur",
    "An der",
    "Auf der",
    "Auf dem",
    "In der",
    "Unter den",
    "Hinter der",
    "Vor dem",
)
PREFIXES: Final = (
    "calle", "c/", "avda.", "avda", "avenida", "paseo", "pza.", "plaza", "camino", "carretera", "ctra.", "ronda",
    "via", "viale", "piazza", "piazzale", "corso", "largo", "vicolo", "rua", "av.", "travessa", "praça", "estrada", "alameda",
    "ul.", "ulica", "ulicy", "al.", "aleja", "pl.", "plac", "os.",
)  # fmt: skip
BOXES: Final = (
    "po box", "p.o. box", "p.o.box", "p.o box", "post office box", "postfach", "apartado de correos", "apartado postal", "casella postale",
    "boîte postale", "boite postale", "postbus", "skrytka pocztowa", "caixa postal",
)  # fmt: skip

_MAX_SHORT: Final = 4
"""Longest abbreviation: a longer word with a full stop ends a sentence."""
_ENDS: Final = r"(?: |\Z)"
_DIGIT: Final = re.compile("[0-9]")
_PREFIX_ENDS: Final = tuple(f"{prefix} " for prefix in PREFIXES if prefix != "c/")
_LANE: Final = re.compile("(?<![a-z])c/")
_AT_PLACE_NEAR: Final = re.compile(rf"(?:{'|'.join({place.partition(' ')[0] for place in AT_PLACES})}){_ENDS}")
_LAST_WORDS: Final = tuple(sorted(
    {suffix.rstrip(".") for suffix in SUFFIXES} | {unit.rstrip(".") for unit in UNITS}
    | {word.lower() for word in MORE if word not in AT_PLACES}
    | {word.rstrip(".") for phrase in BOXES for word in phrase.split() if word != "de"}
))  # fmt: skip
_ALONE_BEGUN: Final = frozenset(word[:size] for word in ALONE for size in range(len(word)))
_ALONE_FIRST: Final = frozenset(word[0] for word in ALONE)
_SENTENCE_END: Final = re.compile(rf"[{LETTERS}]{{{_MAX_SHORT + 1},}}[.!?;:](?= |\Z)")
_LINE_CHARS: Final = 192
_STAND_IN: Final = re.compile(r"\[[A-Z][A-Z0-9_]*[^\]\s]*\][.,;:!?]*")


def goes_on(left: str) -> bool:
    """Tell whether the word behind a text may belong to an address that begins in it. It says so too often rather than not."""
    line = left[-_LINE_CHARS:]
    words = line[line.rfind("\n") + 1 :].split()
    # No address goes through what stands in the place of something else, whose number is no house's.
    last = max((at for at, word in enumerate(words) if word[0] == "[" and _STAND_IN.fullmatch(word)), default=-1)
    words = words[last + 1 :]
    if not words:
        return False
    if any(word.rstrip(".:").lower().endswith(_LAST_WORDS) for word in words[-2:]) or _AT_PLACE_NEAR.search(
        " ".join(words[-4:])
    ):
        return True
    if not _is_begun(words):
        return False
    # Asked last, as it takes longest: no word of an address but an abbreviation ends with a full stop.
    line = " ".join(words)
    ends = [match.end() for match in _SENTENCE_END.finditer(line)]
    return not ends or _is_begun(line[ends[-1] :].split())


def _is_begun(words: list[str]) -> bool:
    """Tell whether a number, a word before a name, or a number and a word for a street are near the end."""
    near = words[-_REACH_WORDS:]
    joined = " ".join(near)
    low = f"{joined.lower()} "
    if _DIGIT.search(joined) or any(map(low.__contains__, _PREFIX_ENDS)):
        return True
    if "c/" in low and _LANE.search(low):
        return True
    return (
        len(words) > len(near)
        and _DIGIT.search(" ".join(words)) is not None
        and not STREETS.isdisjoint(word.strip(",.").lower() for word in near)
    )


def begins_street(following: str) -> bool:
    """Tell whether a text begins with a word that only says street, so that the word before it is the name, or may come to."""
    if following[:1] not in _ALONE_FIRST:
        return not following
    word = following.partition(" ")[0]
    return word in ALONE or (word == following and word in _ALONE_BEGUN)
