"""Made-up bank, card and national numbers with the check digits of their standards. They live in memory only."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Final

_IBAN_FORMS: Final = {
    "GB": "LLLLDDDDDDDDDDDDDD", "DE": "D" * 18, "ES": "D" * 20, "FR": "D" * 23, "IT": "LDDDDDDDDDDDDDDDDDDDDDD", "NL": "LLLLDDDDDDDDDD",
    "PL": "D" * 24, "PT": "D" * 21,
}  # fmt: skip


def iban(country: str, chance: Random) -> str:
    """ISO 13616: the check digits make the number modulo 97 equal to 1."""
    account = "".join(
        str(chance.randrange(10)) if sign == "D" else chance.choice("ABCDEFGHKLMNPRSTX")
        for sign in _IBAN_FORMS[country]
    )
    number = int("".join(str(int(char, 36)) for char in f"{account}{country}00"))
    iban = f"{country}{98 - number % 97:02}{account}"
    draw = chance.random()
    if draw < 0.6:
        return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
    return iban.lower() if draw < 0.65 else iban


_CARD_HEADS: Final = (("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16))


def card(chance: Random) -> str:
    """ISO/IEC 7812: the last digit is Luhn's."""
    head, size = chance.choice(_CARD_HEADS)
    body = head + "".join(str(chance.randrange(10)) for _ in range(size - len(head) - 1))
    total = sum(sum(divmod(int(digit) * (2 if at % 2 == 0 else 1), 10)) for at, digit in enumerate(reversed(body)))
    card = body + str(-total % 10)
    mark = chance.choice((" ", " ", "-", ""))
    cuts = (0, 4, 10, 15) if size == 15 else (0, 4, 8, 12, 16)
    return mark.join(card[low:high] for low, high in pairwise(cuts))


def _digits(chance: Random, count: int) -> str:
    return "".join(str(chance.randrange(10)) for _ in range(count))


def _ssn(chance: Random) -> str:
    return f"{chance.randrange(100, 665)}-{chance.randrange(10, 99)}-{chance.randrange(1000, 9999)}"


def _steuer_id(chance: Random) -> str:
    from stdnum.iso7064 import mod_11_10

    digits = chance.sample("123456789", 9)
    body = digits[0] + "".join(chance.sample([*digits[1:], digits[1]], 9))
    return f"{body}{mod_11_10.calc_check_digit(body)}"


def _dni(chance: Random) -> str:
    from stdnum.es import dni

    body = _digits(chance, 8)
    return body + chance.choice(("", "-")) + dni.calc_check_digit(body)


def _nir(chance: Random) -> str:
    month, place = chance.randrange(1, 13), chance.randrange(1, 95)
    body = f"{chance.randrange(1, 3)}{_digits(chance, 2)}{month:02}{place:02}{_digits(chance, 6)}"
    whole = f"{body}{97 - int(body) % 97:02}"
    if chance.random() < 0.5:
        return whole
    cuts = (0, 1, 3, 5, 7, 10, 13, 15)
    return " ".join(whole[low:high] for low, high in pairwise(cuts))


def _codice(chance: Random) -> str:
    from stdnum.it import codicefiscale

    letters = "".join(chance.choice("BCDFGLMNPRSTVZ") for _ in range(6))
    body = f"{letters}{chance.randrange(40, 99)}{chance.choice('ABCDEHLMPRST')}{chance.randrange(1, 29):02}H501"
    return body + codicefiscale.calc_check_digit(body)


def _bsn(chance: Random) -> str:
    while True:
        body = str(chance.randrange(1, 9)) + _digits(chance, 7)
        last = sum(int(digit) * weight for digit, weight in zip(body, range(9, 1, -1), strict=True)) % 11
        if last < 10:
            return f"{body}{last}"


def _pesel(chance: Random) -> str:
    from stdnum.pl import pesel

    body = f"{chance.randrange(40, 99)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}{_digits(chance, 4)}"
    return body + pesel.calc_check_digit(body)


def _nif(chance: Random) -> str:
    from stdnum.pt import nif

    body = chance.choice("12") + _digits(chance, 7)
    return body + nif.calc_check_digit(body)


_NATIONAL: Final[dict[str, Callable[[Random], str]]] = {
    "en": _ssn, "de": _steuer_id, "es": _dni, "fr": _nir, "it": _codice, "nl": _bsn, "pl": _pesel, "pt": _nif,
}  # fmt: skip


_NUMBER_KINDS: Final = {"en": "US_SSN", "de": "TAX_ID", "it": "TAX_ID", "pt": "TAX_ID"}


def number_kind(language: str) -> str:
    """Return the kind that the detector calls the national number of a language.

    >>> number_kind("en"), number_kind("fr")
    ('US_SSN', 'NATIONAL_ID')
    """
    return _NUMBER_KINDS.get(language, "NATIONAL_ID")


def national_number(language: str, chance: Random) -> str:
    """Return a number of the country whose language it is, with the check digits that python-stdnum computes."""
    return _NATIONAL[language](chance)
