"""Canaries: made-up identifiers of each kind and language, planted in records of the dataset to measure what would be missed.

Invariants:

- The same seed, language and kind give the same canaries.
- Forms are as varied as people write them, hard ones among them (a surname alone, lower case, odd spacing): recall on easy forms would
  make the bound too small.
- Canaries live in memory only; nothing writes them anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from privet.audit.canary_numbers import card, iban, national_number, number_kind
from privet.audit.canary_words import Words, canary_words

KINDS: Final = (
    "PERSON",
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "ADDRESS",
    "IBAN_CODE",
    "CREDIT_CARD",
    "NATIONAL_ID",
    "DATE_OF_BIRTH",
    "IP_ADDRESS",
)
"""Kinds that are planted. The recall of the worst of them stands for every other kind."""


def is_asked(kind: str, language: str, kinds: frozenset[str]) -> bool:
    """Tell whether a policy that looks for `kinds` looks for everything that the canaries of one kind and language may be.

    >>> is_asked("ADDRESS", "en", frozenset({"LOCATION"})), is_asked("NATIONAL_ID", "en", frozenset({"US_SSN"}))
    (True, False)
    """
    if kind == "NATIONAL_ID":
        return {number_kind(language), "PASSPORT"} <= kinds
    return ("LOCATION" if kind == "ADDRESS" else kind) in kinds


class Planted(NamedTuple):
    """A record with a canary in it, and where that is."""

    text: str
    start: int
    end: int


class _Value(NamedTuple):
    """An identifier, and the words that stand before it where nobody could tell what it is without them."""

    text: str
    lead: str = ""


def plant(host: str, columns: tuple[tuple[int, str], ...], language: str, kind: str, chance: Random) -> Planted:
    """Return a record with a canary: in a sentence between two of its own, or as the value of a column."""
    words = canary_words()[language]
    value = _MAKERS[kind](words, language, chance)
    lead = f"{value.lead} " if value.lead else ""
    if columns and chance.random() < 0.25:
        return _in_column(host, columns, value.text, lead, chance)
    before, _, behind = _sentence(words, kind, chance).partition("{x}")
    place = _gap(host, columns, chance)
    left = "" if place == 0 or host[place - 1].isspace() else " "
    right = "" if host[place : place + 1].isspace() or place == len(host) else " "
    start = place + len(left) + len(before) + len(lead)
    text = host[:place] + left + before + lead + value.text + behind + right + host[place:]
    return Planted(text, start, start + len(value.text))


def _in_column(host: str, columns: tuple[tuple[int, str], ...], value: str, lead: str, chance: Random) -> Planted:
    """Put the canary in place of a column's value, or after it where that is long."""
    at = chance.randrange(len(columns))
    start, name = columns[at]
    end = columns[at + 1][0] if at + 1 < len(columns) else len(host)
    start += len(name) + 2
    old = host[start:end].rstrip("\n")
    lead = f"{old} {lead}" if len(old) > 80 else lead
    start += len(lead)
    return Planted(host[: start - len(lead)] + lead + value + "\n" + host[end:], start, start + len(value))


_END: Final = re.compile(r"[.!?…]\s+|\n")


def _gap(host: str, columns: tuple[tuple[int, str], ...], chance: Random) -> int:
    """Return a place between two sentences, never inside the name of a column."""
    last = len(host.rstrip("\n"))
    low = 0
    if columns:
        at = chance.choice(
            sorted(range(len(columns)), key=lambda one: _size(host, columns, one), reverse=True)[
                : max(1, len(columns) // 3)
            ]
        )
        low = columns[at][0] + len(columns[at][1]) + 2
        last = low + len(host[low : low + _size(host, columns, at)].rstrip("\n"))
    places = [match.end() for match in _END.finditer(host, low, last)]
    return chance.choice([low, last, *places])


def _size(host: str, columns: tuple[tuple[int, str], ...], at: int) -> int:
    end = columns[at + 1][0] if at + 1 < len(columns) else len(host)
    return end - columns[at][0] - len(columns[at][1]) - 2


def _sentence(words: Words, kind: str, chance: Random) -> str:
    if kind == "PERSON":
        return chance.choice(words.people)
    return chance.choice(words.reach if kind in {"EMAIL_ADDRESS", "PHONE_NUMBER", "ADDRESS"} else words.numbers)


def _person_text(words: Words, _language: str, chance: Random) -> str:
    given, surname = chance.choice(words.given), _surname(words, chance)
    draw = chance.random()
    for limit, form in (
        (0.55, f"{given} {surname}"),
        (0.65, f"{chance.choice(words.titles)} {surname}"),
        (0.73, f"{given[0]}. {surname}"),
        (0.79, f"{given} {chance.choice(words.given)[0]}. {surname}"),
        (0.85, f"{surname}, {given}"),
        (0.89, given),
        (0.92, surname),
        (0.95, f"{given} {surname}".upper()),
        (0.97, f"{given} {surname}".lower()),
    ):
        if draw < limit:
            return form
    return f"{given} {_surname(words, chance)}-{surname}"


def _surname(words: Words, chance: Random) -> str:
    """Return a known surname, or in a fifth of the cases one that no list has."""
    name = chance.choice(words.surnames)
    if chance.random() < 0.8:
        return name
    return re.sub(r"[aeiouyąęó]+[^aeiouy]*\Z", "", name)[:6] + chance.choice(words.endings) if len(name) > 3 else name


def _email_text(words: Words, _language: str, chance: Random) -> str:
    given, surname = (_ascii(chance.choice(part)) for part in (words.given, words.surnames))
    number = chance.randrange(1, 99)
    local = chance.choice(
        (
            f"{given}.{surname}",
            f"{given[0]}{surname}",
            f"{surname}{number}",
            f"{given}_{surname}",
            f"{given}-{number}",
            f"{given}.{surname}+news",
            f"info.{surname}",
        )
    )
    domain = chance.choice(
        ("example.com", "example.org", "mail.example.net", f"{surname}.example", "sub.example.com", "post.test")
    )
    address = f"{local}@{domain}"
    draw = chance.random()
    if draw < 0.06:
        return address.replace("@", " at ").replace(".", " dot ")
    if draw < 0.1:
        return address.replace("@", " [at] ")
    return address.upper() if draw < 0.14 else address


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("ß", "ss"))
    return "".join(char for char in plain if char.isascii() and char.isalpha()).lower()


def _filled(form: str, chance: Random) -> str:
    """Fill a form: d is a digit, z one that is not 0, m one of 1 to 9 and mostly small."""
    out = re.sub(r"\{d\}", lambda _: str(chance.randrange(10)), form)
    out = re.sub(r"\{z\}", lambda _: str(chance.randrange(2, 9)), out)
    out = re.sub(r"\{m\}", lambda _: str(chance.randrange(1, 9)), out)
    return re.sub(r"\{n\}", lambda _: str(chance.randrange(2, 180)), out)


def _phone_text(words: Words, _language: str, chance: Random) -> str:
    return _filled(chance.choice(words.phones), chance)


def _address_text(words: Words, _language: str, chance: Random) -> str:
    form = chance.choice(words.addresses)
    return _filled(
        form.replace("{street}", chance.choice(words.streets)).replace("{town}", chance.choice(words.towns)), chance
    )


def _number(words: Words, language: str, chance: Random) -> _Value:
    """Return a national number, or the number of a passport."""
    if chance.random() < 0.25:
        return _Value(chance.choice("CLXP") + f"{chance.randrange(10**8):08}", chance.choice(words.passports))
    return _Value(national_number(language, chance), chance.choice(words.ids))


def _birth(words: Words, _language: str, chance: Random) -> _Value:
    day, month, year = chance.randrange(1, 29), chance.randrange(1, 13), chance.randrange(1930, 2012)
    forms = (
        f"{day:02}.{month:02}.{year}",
        f"{day:02}/{month:02}/{year}",
        f"{year}-{month:02}-{day:02}",
        f"{day}.{month}.{year}",
    )
    return _Value(chance.choice(forms), chance.choice(words.births))


def _ip_text(_words: Words, _language: str, chance: Random) -> str:
    """RFC 5737 and RFC 3849."""
    if chance.random() < 0.3:
        return "2001:db8:" + ":".join(f"{chance.randrange(1, 0xFFFF):x}" for _ in range(6))
    return f"{chance.choice(('192.0.2', '198.51.100', '203.0.113'))}.{chance.randrange(1, 255)}"


_Maker = Callable[[Words, str, Random], _Value]


def _bare(make: Callable[[Words, str, Random], str]) -> _Maker:
    return lambda words, language, chance: _Value(make(words, language, chance))


_MAKERS: Final[dict[str, _Maker]] = {
    "PERSON": _bare(_person_text),
    "EMAIL_ADDRESS": _bare(_email_text),
    "PHONE_NUMBER": _bare(_phone_text),
    "ADDRESS": _bare(_address_text),
    "IBAN_CODE": _bare(lambda words, _, chance: iban(words.country, chance)),
    "CREDIT_CARD": _bare(lambda _, __, chance: card(chance)),
    "NATIONAL_ID": _number,
    "DATE_OF_BIRTH": _birth,
    "IP_ADDRESS": _bare(_ip_text),
}
