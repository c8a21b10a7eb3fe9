"""What the name of a column or field says of its values.

Invariants:

- Only names that say it plainly count: `first_name` and `ssn` do, `name`, `id` and `code` do not. A word that is not known makes a name say
  nothing: `email_sent_at`, `phone_model` and `is_email_verified` hold no e-mail and no phone.
- Case, accents, separators and camel case make no difference: `firstName`, `First Name` and `first-name` are one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import product
from typing import Final

from privet.detect.field_words import (
    ACCOUNT_WORDS,
    COUNTED,
    GENERIC,
    HINTS,
    KEYED,
    KINDS_OF_NAMES,
    LINKS,
    NAME_WORDS,
    NUMBER_WORDS,
    ORDINARY,
    PEOPLE,
    SIDES,
)

_WORDS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_VERSIONED: Final = re.compile(r"IP[vV](?=[46])")
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "æ": "ae", "œ": "oe", "º": " ", "°": " "}
)
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERED: Final = re.compile(r"[^\W\d_]+")
_ORDINARY: Final = frozenset((ORDINARY,))
_ENDINGS: Final = ("nummer", "number", "type", "code", "status")
_MAX_NAME_CHARS: Final = 256
_MAX_SPOKEN_WORDS: Final = 6
_MIN_GLUED: Final = 4
_SHORT_WORD: Final = 2


@lru_cache(maxsize=4096)
def kind_of_field(name: str) -> str | None:
    """Return the kind of every value of a column by its name, or None where the name does not say.

    >>> kind_of_field("firstName"), kind_of_field("E-Mail"), kind_of_field("name"), kind_of_field("customer.name")
    ('PERSON', 'EMAIL_ADDRESS', None, 'PERSON')
    """
    if name.startswith("[") and name.endswith("]"):
        return None  # a placeholder: the name itself was an identifier
    path = [words for part in name[-_MAX_NAME_CHARS:].split(".") if (words := _plain_words(part))]
    # The end of a path says little in `contact.email.value` and in `emails.0`.
    while len(path) > 1 and all(word in GENERIC or word.isdigit() for word in path[-1]):
        path.pop()
    if not path:
        return None
    kind = _kind_of(path[-1])
    return kind if kind is not None or len(path) == 1 else _kind_of(path[-2] + path[-1])


@lru_cache(maxsize=4096)
def spoken(name: str) -> str:
    """Return the last words of the name of a column as a person would say them, which is context for its values.

    >>> spoken("billing.customerName"), spoken("fecha_nacimiento"), spoken("col_7")
    ('billing customer name', 'fecha nacimiento', 'col')
    """
    parted = _CAMEL.sub(" ", _VERSIONED.sub("Ip", name[-_MAX_NAME_CHARS:]))
    return " ".join(_LETTERED.findall(parted)[-_MAX_SPOKEN_WORDS:]).lower()


@lru_cache(maxsize=4096)
def hints_of_field(name: str) -> frozenset[str]:
    """Return the kinds that a column may be about by its name; ORDINARY alone where its values are a choice of words, a code, a measure.

    >>> sorted(hints_of_field("owner")), sorted(hints_of_field("eyeColor")), sorted(hints_of_field("x"))
    (['PERSON'], ['ORDINARY'], [])
    """
    words = _plain_words(name[-_MAX_NAME_CHARS:].rpartition(".")[2])
    if not words:
        return frozenset()
    if "".join(words) in HINTS:
        words = ["".join(words)]
    ends = [HINTS.get(words[0], frozenset()), HINTS.get(words[-1], frozenset())]
    said = frozenset[str]().union(*(HINTS.get(word, ()) for word in words))
    # What a column is comes last, in some languages first: `customer_status`, `statut client`; but `client id` is of a person.
    if any(end == _ORDINARY for end in ends) or words[-1].endswith(_ENDINGS):
        is_key = words[0] in KEYED | NUMBER_WORDS or words[-1] in KEYED | NUMBER_WORDS
        return said - _ORDINARY if is_key and "PERSON" in said else _ORDINARY
    return said - _ORDINARY


def _plain_words(name: str) -> list[str]:
    """Return the words of a name in lower case, without accents."""
    if not name.isascii():
        decomposed = unicodedata.normalize("NFKD", name.translate(_LETTERS))
        name = "".join(char for char in decomposed if not unicodedata.combining(char))
    return [word.lower() for word in _WORDS.findall(_VERSIONED.sub("Ip", name))]


def _kind_of(words: list[str]) -> str | None:
    """Return what words say, with or without those that only link others."""
    plain = [word for word in words if word not in LINKS]
    return _kind_within(words) or (_kind_within(plain) if plain and len(plain) < len(words) else None)


def _kind_within(words: list[str]) -> str | None:
    """Return what words say with or without those at either side that only tell whose, or which of several."""
    first = last = 0
    while first < len(words) and _is_side(words[first]):
        first += 1
    while last < len(words) and _is_side(words[-1 - last]):
        last += 1
    # The longest part that says something counts: `home phone` before `phone`, `user name` before `name`.
    parts = sorted(product(range(first + 1), range(last + 1)), key=lambda cut: (cut[0] + cut[1], cut))
    for left, right in parts:
        kind = _kind_of_part(words[left : len(words) - right], words[:left])
        if kind is not None:
            return kind
    return None


def _is_side(word: str) -> bool:
    return word in SIDES or word in PEOPLE or word.isdigit() or (len(word) == 1 and word != "n")


def _kind_of_part(words: list[str], before: list[str]) -> str | None:
    if not words:
        return None
    joined = "".join(words)
    kind = KINDS_OF_NAMES.get(joined) or _of_somebody(words, before)
    if kind is None and len(words) > 1:
        rest = words[1:] if words[0] in NUMBER_WORDS else words[:-1] if words[-1] in NUMBER_WORDS else []
        kind = KINDS_OF_NAMES.get("".join(rest)) if rest else None
        kind = kind if kind in COUNTED else None
    return kind or (_glued(joined) if len(words) == 1 else None)


def _of_somebody(words: list[str], before: list[str]) -> str | None:
    """Return the kind of the name, number or key of a person: `customer name`, `id paciente`, `member no`, `userIds`."""
    people = [word for word in (*before, *words) if word in PEOPLE or word in ACCOUNT_WORDS]
    rest = [word for word in words if word not in people]
    if len(rest) != 1 or not people:
        return None
    if rest[0] in NAME_WORDS and any(word in PEOPLE for word in people):
        return "PERSON"
    is_key = rest[0] in KEYED or rest[0] in NUMBER_WORDS
    return "ID_NUMBER" if is_key and any(word in ACCOUNT_WORDS for word in people) else None


def _glued(word: str) -> str | None:
    """Return what a name written as one word says: useremail, kundennummer, customername."""
    for cut in range(_MIN_GLUED - 1, len(word) - 1):
        who, what = word[:cut], word[cut:]
        if who not in PEOPLE:
            continue
        if len(what) >= _MIN_GLUED and (kind := KINDS_OF_NAMES.get(what)):
            return kind
        if what in NAME_WORDS:
            return "PERSON"
        if who in ACCOUNT_WORDS and (what in NUMBER_WORDS or what in KEYED) and len(what) >= _SHORT_WORD:
            return "ID_NUMBER"
    return None
