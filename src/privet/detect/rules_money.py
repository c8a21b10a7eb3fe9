"""Rules for payment cards and bank accounts."""

from __future__ import annotations

import re
from typing import Final

from privet.detect import checks
from privet.detect.rule import NUMBER_HEAD, Candidate, Rule

_IBAN_LENGTHS: Final = {
    entry[:2]: int(entry[2:])
    for entry in (
        "AD24",
        "AE23",
        "AL28",
        "AT20",
        "AZ28",
        "BA20",
        "BE16",
        "BG22",
        "BH22",
        "BI27",
        "BR29",
        "BY28",
        "CH21",
        "CR22",
        "CY28",
        "CZ24",
        "DE22",
        "DJ27",
        "DK18",
        "DO28",
        "EE20",
        "EG29",
        "ES24",
        "FI18",
        "FK18",
        "FO18",
        "FR27",
        "GB22",
        "GE22",
        "GI23",
        "GL18",
        "GR27",
        "GT28",
        "HR21",
        "HU28",
        "IE22",
        "IL23",
        "IQ23",
        "IS26",
        "IT27",
        "JO30",
        "KW30",
        "KZ20",
        "LB28",
        "LC32",
        "LI21",
        "LT20",
        "LU20",
        "LV21",
        "LY25",
        "MC27",
        "MD24",
        "ME22",
        "MK19",
        "MN20",
        "MR27",
        "MT31",
        "MU30",
        "NI28",
        "NL18",
        "NO15",
        "OM23",
        "PK24",
        "PL28",
        "PS29",
        "PT25",
        "QA29",
        "RO24",
        "RS22",
        "RU33",
        "SA24",
        "SC31",
        "SD18",
        "SE24",
        "SI19",
        "SK24",
        "SM27",
        "SO23",
        "ST25",
        "SV28",
        "TL23",
        "TN24",
        "TR26",
        "UA29",
        "VA22",
        "VG24",
        "XK20",
        "YE30",
    )  # fmt: skip
}
"""Length by country, from the IBAN registry (SWIFT, release 99)."""


def _iban(hit: Candidate) -> bool:
    """Pass account numbers of the country's length with the mod 97 checksum; words in capitals that follow stay outside."""
    value = hit.value
    length = _IBAN_LENGTHS.get(value[:2].upper(), 0)
    places = [place for place, char in enumerate(value) if char not in " -."][:length]
    if not length or len(places) < length:
        return False
    compact = "".join(value[place] for place in places).upper()
    hit.end = hit.start + places[-1] + 1
    return (
        int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1 and not hit.after(1).isalnum()
    )


_ACCOUNT_LEFT: Final = re.compile(
    r"(?:\b(?:account|acct|a/c|konto|kontonummer|kontonr|cuenta|compte|conto|rekening|rekeningnummer|"
    r"conta|konta|rachunku|bank|sort code|iban)"
    r"[\s_.]*(?:number|no|num|nr|n°|nº|numer|corriente|bancaria|bancaire)?[\s_.]*(?:#|is|:|=|ist|es|est)?[\s:#\"'=]*)\Z"
)


def _account(hit: Candidate) -> bool:
    return bool(_ACCOUNT_LEFT.search(hit.left[-40:])) and not checks.in_row(hit)


_CARD_WORDS: Final = (
    "card", "visa", "mastercard", "amex", "credit", "debit", "karte", "kreditkarte", "tarjeta", "carte", "carta", "kaart",
    "cartão", "karta", "cc", "pan",
)  # fmt: skip

# One separator all through: digits in fours with different ones are tables and versions.
_IN_FOURS: Final = "|".join(rf"(?:\d{{4}}{gap}){{3}}\d{{4}}" for gap in ("[ -]", r"\.", "_", "/", "[ ]{2}"))

_COUNTRIES: Final = f"(?:{'|'.join(_IBAN_LENGTHS)})"

# Words in capitals are no group: a stream knows by a digit, or two to four capitals, that an account number may go on.
_IBAN_GROUP: Final = r"(?:[A-Z]{2,4}|[A-Z0-9]{0,8}\d[A-Z0-9]{0,8})"

RULES: Final = (
    Rule(
        id="payment-card",
        kind="CREDIT_CARD",
        head=NUMBER_HEAD + r"|\b\d{4}_\d{4}",
        pattern=rf"\b(?:{_IN_FOURS}|\d{{4}}[ ._-]\d{{6}}[ ._-]\d{{4,5}}|\d{{13,19}})\b",
        score=0.85,
        check=checks.card,
        context=_CARD_WORDS,
        context_score=0.95,
        source="ISO/IEC 7812-1; test cards of the card networks",
        hits=(
            "«4111 1111 1111 1111» 12/27 123",
            "«4111111111111111» 12/27",
            "«4111 1111 1111 1111» 192.0.2.44",
            "card «4111 1111 1111 1111» exp",
            "«5555-5555-5555-4444»",
            "«378282246310005»",
            "«3782 822463 10005»",
            "«6011111111111117»",
            "«4111.1111.1111.1111».",
            "«4111_1111_1111_1111»",
            "«4111/1111/1111/1111»",
            "«4111  1111  1111  1111»",
            "«3782.822463.10005»",
        ),
        misses=(
            "4111 1111 1111 1111 1111 1111",
            "12 4111111111111111 12 15",
            "4111 1111 1111 1112",
            "1234567890123456",
            "0.4111111111111111",
            "id_4111111111111111",
            "0000000000000000",
            "4111.1111.1111.1112",
            "4111.1111.1111.1111.1111",
            "id_4111_1111_1111_1111",
        ),
    ),
    Rule(
        id="payment-card-by-context",
        kind="CREDIT_CARD",
        head=r"\b\d(?:[ ._/-]{0,3}\d){5}",
        pattern=r"\b\d(?:[ ._/-]{0,3}\d){12,18}\b",
        score=0.85,
        check=checks.card,
        context=_CARD_WORDS,
        needs_context=True,
        source="ISO/IEC 7812-1, grouped in any way",
        hits=("card: «41111 11111 11111 1»", "Kreditkarte «4111 - 1111 - 1111 - 1111»", "cc «411111-1111-11-1111»"),
        misses=("41111 11111 11111 1", "card 41111 11111 11111 2", "card 1.2.3.4.5.6.7.8.9.0.1.2.3.4"),
    ),
    Rule(
        id="iban",
        kind="IBAN_CODE",
        head=r"\b(?:[A-Z]{2}\d{2}[ -]?[A-Z0-9]{4}|[a-z]{2}\d{2}[a-z0-9]{11})",
        pattern=(
            r"\b(?:[A-Z]{2}\d{2}[A-Z0-9]{11,30}|[a-z]{2}\d{2}[a-z0-9]{11,30}"
            r"|[A-Z]{2}\d{2}(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?|[A-Z]{2}\d{2}(?:-[A-Z0-9]{4}){2,7}(?:-[A-Z0-9]{1,4})?)\b"
        ),
        score=0.97,
        check=_iban,
        source="ISO 13616; example numbers of the IBAN registry",
        hits=(
            "to «GB82 WEST 1234 5698 7654 32» please",
            "«DE89370400440532013000»",
            "«NL91 ABNA 0417 1643 00» AND MORE",
            "«FR14 2004 1010 0505 0001 3M02 606»",
        ),
        misses=("GB82 WEST 1234 5698 7654 33", "DE00370400440532013000", "AB12 CDEF 1234 5678"),
    ),
    Rule(
        id="iban-grouped",
        kind="IBAN_CODE",
        head=rf"\b(?:{_COUNTRIES}[ .-]?\d{{2}}(?:[ .-]{{0,2}}[A-Z0-9]){{2}}|{_COUNTRIES.lower()}\d{{2}}[ .-]{{1,2}}[a-z0-9]{{0,8}}\d)",
        pattern=(
            rf"\b(?:{_COUNTRIES}[ .-]?\d{{2}}[A-Z0-9]{{0,12}}(?:[ .-]{{1,2}}{_IBAN_GROUP}){{1,12}}(?:[ .-]{{1,2}}[A-Z])?"
            rf"|{_COUNTRIES.lower()}\d{{2}}(?:[ .-]{{1,2}}[a-z0-9]{{0,8}}\d[a-z0-9]{{0,8}}){{1,12}})\b"
        ),
        score=0.97,
        check=_iban,
        source="ISO 13616, in groups of any size: the checksum decides",
        hits=(
            "to «GB82W EST12 34569 87654 32» please",
            "«GB82.WEST.1234.5698.7654.32».",
            "«DE89 37040044 0532013000»",
            "«DE 89 3704 0044 0532 0130 00»",
            "iban «de89 3704 0044 0532 0130 00»",
            "«NL91ABNA 0417 1643 00» AND MORE",
        ),
        misses=("GB82W EST12 34569 87654 33", "DE 89 3704 0044 0532 0130 01", "IN 2019 THE 12 AND 13"),
    ),
    Rule(
        id="bank-routing",
        kind="BANK_ACCOUNT",
        head=NUMBER_HEAD,
        pattern=r"\b\d{9}\b",
        score=0.8,
        check=checks.routing,
        context=("routing", "aba", "rtn", "wire", "ach"),
        needs_context=True,
        source="American Bankers Association routing numbers",
        hits=("routing number «021000021»",),
        misses=("021000021", "routing 021000022"),
    ),
    Rule(
        id="bank-account",
        kind="BANK_ACCOUNT",
        head=NUMBER_HEAD,
        pattern=r"\b\d(?:[ \-]?\d){5,19}\b",
        score=0.75,
        check=_account,
        context=(
            "account",
            "acct",
            "a/c",
            "konto",
            "kontonummer",
            "kontonr",
            "cuenta",
            "compte",
            "conto",
            "rekening",
            "rekeningnummer",
            "conta",
            "rachunku",
            "bank",
            "sort code",
        ),
        needs_context=True,
        source="a number right after a word for bank account; the UK's sort codes",
        hits=(
            "account number: «12345678»",
            "Kontonummer «532013000»",
            "sort code «20-00-00»",
            "número de cuenta «0049 1500 05 1234567892»",
        ),
        misses=("accounting 12345678", "12345678", "account 2024-01-01"),
    ),
)
