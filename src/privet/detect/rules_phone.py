"""Rules for telephone numbers, with and without a country code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from privet.detect import checks
from privet.detect.rule import NUMBER_HEAD, Candidate, Rule

_PHONE_WORDS: Final = (
    "phone", "phones", "phonenumber", "phone_number", "tel", "telephone", "mobile", "cell", "cellphone", "fax", "whatsapp",
    "call", "call me", "sms", "dial", "hotline", "answering", "my number", "his number", "her number",
    "reach me", "voicemail", "landline", "msisdn",
    "telefon", "telefonnummer", "handy", "mobil", "mobilnummer", "rufnummer", "anrufen", "durchwahl", "ruf",
    "teléfono", "telefono", "móvil", "movil", "celular", "llama", "llámame", "llamar", "tfno", "tlf", "cellulare", "chiama", "chiamare",
    "téléphone", "portable", "tél", "appelez", "appeler", "joindre", "telefoon", "mobiel", "bel", "telefoonnummer",
    "telefone", "telemóvel", "telemovel", "ligue", "ligar", "telefonu", "komórka", "kom", "zadzwoń",
    "numer telefonu", "電話", "电话", "전화",
)  # fmt: skip

_OTHER_NUMBER: Final = re.compile(
    r"(?:\b(?:order|invoice|ticket|ref|reference|id|zip|port|pid|version|account|case|serial|sku|isbn|issn|doi|bytes?|line|build|tracking|"
    r"amount|total|konto|rechnung|bestellung|pedido|factura|commande|facture|bestelling|zamówienie)[\s_]*(?:number|no|num|nr|id)?|#)[\s.:=#\"']*\Z"
)


_FICTION: Final = re.compile(r"1?[2-9]\d\d55501\d\d\Z")

_REGIONS: Final = ("GB", "DE", "FR", "IT", "NL", "AU", "JP", "CH")

_NO_TRUNK: Final = {9: ("ES", "PL", "PT"), 10: ("IT", "BR"), 11: ("BR",)}
"""Countries without a trunk zero, by how many digits a number has."""

_AREA: Final = re.compile(r"[2-9]\d\d[2-9]\d{6}\Z")
_EXTENSION: Final = r"(?:[ ]?(?:x|ext\.?)[ ]?\d{1,6})?\b"
_EXTENSION_PART: Final = re.compile(r"[ ]?(?:x|ext\.?)[ ]?\d{1,6}\Z")
_GAP: Final = r"(?:[ .\-/()]|\xc2\xa0|\xe2\x80[\x90-\x93\xaf])"


def _international(hit: Candidate) -> bool | float:
    """Score numbers with a country code: high if the numbering plan knows them, else medium if the length fits."""
    before = hit.before(1)
    if before and (before.isalnum() or before in b"+_)]"):
        return False
    after = hit.after(2)
    if after[:1] == b"." and after[1:].isdigit():
        return False
    value = hit.value
    plain = "x" not in value and "(0)" not in value
    number = hit.digits if plain else checks.digits(_EXTENSION_PART.sub("", value.replace("(0)", "")))
    number = number.removeprefix("00")
    if _FICTION.match(number):
        return True
    import phonenumbers

    try:
        parsed = phonenumbers.parse("+" + number, None)
    except phonenumbers.NumberParseException:
        return False
    if phonenumbers.is_valid_number(parsed):
        return True
    # Telephone numbers that people make up or mistype are still written for a person; arithmetic has no separators.
    separated = len(value) > len(number) + 2
    return 0.65 if separated and phonenumbers.is_possible_number(parsed) else False


def _zeros(hit: Candidate) -> bool | float:
    """Score numbers with 00 before the country code; without separators they are too like other numbers."""
    return any(char in " -/()" for char in hit.value) and not checks.in_row(hit) and _international(hit)


def _ten_digits(hit: Candidate) -> bool | float:
    """Score 415-555-0100: high in the North American plan, medium where only the shape fits."""
    if checks.in_row(hit):
        return False
    digits = checks.digits(_EXTENSION_PART.sub("", hit.value)).removeprefix("1")
    if not _AREA.match(digits):
        if digits[0] == "3" and _is_valid(digits, ("IT",)):
            return 0.55
        return 0.55 if hit.value.count("-") == 2 else False
    return 0.5 if " " in hit.value and "-" not in hit.value else True


def _national(hit: Candidate) -> bool:
    """Pass numbers with a trunk zero that are valid in one of the main regions."""
    if checks.in_row(hit) or len(re.findall(r"\d+", hit.value)) > 6:
        return False
    return _is_valid(hit.digits, _REGIONS)


def _is_valid(number: str, regions: Iterable[str]) -> bool:
    """Tell whether a number, as written inside a country, is one in the numbering plan of one of these regions."""
    import phonenumbers

    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _without_trunk(hit: Candidate) -> bool:
    """Pass numbers of countries that have no trunk zero, by their grouping and numbering plan."""
    number = hit.digits
    return not checks.in_row(hit) and _is_valid(number, _NO_TRUNK.get(len(number), ()))


def _bare_north_america(hit: Candidate) -> bool:
    """Pass eleven digits that are a number in use: its area code is assigned, and no label says it is something else."""
    if checks.in_row(hit) or hit.before(1) in {b"=", b'"', b"'"} or _OTHER_NUMBER.search(hit.left[-32:]):
        return False
    digits = hit.value
    return bool(_FICTION.match(digits)) or (len(set(digits)) > 3 and _is_valid(digits[1:], ("US",)))


def _parenthesised(hit: Candidate) -> bool | float:
    """Pass (415) 555-0100 and (030) 1234567; not the call f(123) 4567890."""
    before = hit.before(1)
    size = len(checks.digits(_EXTENSION_PART.sub("", hit.value)))
    if (before and (before.isalnum() or before in b"_])")) or not checks.alone(hit):
        return False
    return 8 <= size <= 12


def _near_phone_word(hit: Candidate) -> bool:
    number = hit.digits
    if checks.in_row(hit) or _OTHER_NUMBER.search(hit.left[-32:]) or not 7 <= len(number) <= 15 or len(set(number)) < 3:
        return False
    groups = re.findall(r"\d+", hit.value)
    return (len(groups) <= 6 and "(" not in hit.value.lstrip("(")) or ")" in hit.value


RULES: Final = (
    Rule(
        id="phone-international",
        kind="PHONE_NUMBER",
        head=r"\+\d",
        pattern=r"\+\d(?:" + _GAP + r"{0,3}\d){6,14}" + _EXTENSION,
        score=0.85,
        check=_international,
        source="ITU-T E.164; numbering plans of the phonenumbers package",
        hits=(
            "call «+1 415 555 0123» now",
            "«+49 30 123456»",
            "tel:«+14155550100»",
            "«+33 1 99 00 12 34»,",
            "«+44 (0)20 7946 0018»",
            "«+1 (212) 555-0199»",
            "「«+81 3-1234-5678»」",
        ),
        misses=("a+12345678", "1 + 1234567", "+0000", "+123 456", "+00000000000"),
    ),
    Rule(
        id="phone-international-zeros",
        kind="PHONE_NUMBER",
        head=NUMBER_HEAD,
        pattern=r"\b00[ .-]?[1-9](?:[ .\-/()]{0,2}\d){7,13}" + _EXTENSION,
        score=0.75,
        check=_zeros,
        source="ITU-T E.164 with the international prefix 00",
        hits=("dial «0049 30 123456»", "«001-212-555-0199x44»"),
        misses=("00491234567890", "00 00 12 34", "00 12 34 56 78 9a"),
    ),
    Rule(
        id="phone-north-america",
        kind="PHONE_NUMBER",
        head=NUMBER_HEAD,
        pattern=r"\b(?:1[ .-])?\d{3}[ ./-]\d{3}[ .-]\d{4}" + _EXTENSION,
        score=0.65,
        check=_ten_digits,
        context=_PHONE_WORDS,
        context_score=0.85,
        source="North American Numbering Plan",
        hits=(
            "on «415-555-0100» today",
            "«415.555.0100»",
            "«1-800-555-0199»",
            "mobile «212 555 0142»",
            "«415-555-0100x22»",
            "«123-456-7890»",
            "«206/555-0164»",
            "«347.123.4567»",
        ),
        misses=("415-555-01000", "9415-555-0100", "1.415.555.0100.2", "415-555-0100-1"),
    ),
    Rule(
        id="phone-area-code",
        kind="PHONE_NUMBER",
        head=r"\(\d{2,5}\)[ \-]{0,2}\d",
        pattern=r"\(\d{2,5}\)[ \-]{0,2}\d(?:[ .\-/]{0,2}\d){3,9}" + _EXTENSION,
        score=0.75,
        check=_parenthesised,
        context=_PHONE_WORDS,
        context_score=0.85,
        source="national notation, ITU-T E.123",
        hits=("on «(415) 555-0100» today", "«(030) 1234567»", "«(020) 7946 0018»"),
        misses=("f(123) 4567890", "(1) 2 3", "(2024) 12"),
    ),
    Rule(
        id="phone-trunk-zero",
        kind="PHONE_NUMBER",
        head=NUMBER_HEAD,
        pattern=r"\b0(?:\d{1,5}[ /.-]{1,3}\d(?:[ .\-]?\d){4,9}|[1-9](?:/\d{2}){4})\b",
        score=0.6,
        check=_national,
        context=_PHONE_WORDS,
        context_score=0.85,
        source="national numbering plans of the phonenumbers package",
        hits=(
            "ist «030/1234567» und",
            "au «01 99 00 12 34».",
            "Mobil «0171-1234567»",
            "«020 7946 0018»",
            "au «01/99/00/12/34»",
        ),
        misses=(
            "01.02.2024",
            "01/23/45",
            "01/02/03/04/05/06",
            "00 01 02 03 04 05 06 07",
            "0123456789",
            "0.12 0.123456",
        ),
    ),
    Rule(
        id="phone-no-trunk-zero",
        kind="PHONE_NUMBER",
        head=NUMBER_HEAD,
        pattern=(
            r"\b(?:\d{2}[ -]\d{3}[ -]\d{2}[ -]\d{2}|[3-9]\d{2}(?:[ .-]\d{2}){3}|[5-9]\d{2}-\d{3}-\d{3}"
            r"|3\d{2}/\d{3}[ .-]?\d{2}[ .-]?\d{2}|3\d{2}[ .-]\d{3}[ .-]\d{2}[ .-]\d{2}|\d{2}[ .-]9\d{4}[.-]\d{4})\b"
        ),
        score=0.6,
        check=_without_trunk,
        context=_PHONE_WORDS,
        context_score=0.85,
        source="national notation in Spain, Poland, Portugal, Italy and Brazil; numbering plans of the phonenumbers package",
        hits=(
            "es «91 123 45 67» y",
            "«612 34 56 78»",
            "«600-100-200»",
            "«22 123 45 67»",
            "al «347/1234567»",
            "«347 123 45 67».",
            "«11 91234-5678»",
        ),
        misses=("00 123 45 67", "12 345 67 89 01", "100-200-300", "347/12345678", "612 34 56 789", "91234-5678"),
    ),
    Rule(
        id="phone-north-america-bare",
        kind="PHONE_NUMBER",
        head=NUMBER_HEAD,
        pattern=r"\b1[2-9]\d{2}[2-9]\d{6}\b",
        score=0.75,
        check=_bare_north_america,
        context=(
            "contact",
            "contacts",
            "text",
            "texted",
            "number",
            "reach",
            "reached",
            "numbers",
            "ring",
            "at",
            "from",
            "caller",
            "to",
        ),
        needs_context=True,
        source="North American Numbering Plan: eleven digits with the country code",
        hits=("contact him at «12065550164»,", "text from «12125550142»"),
        misses=(
            "12125551234",
            "order number 12125551234",
            "id=12125551234",
            "at 11065550164",
            "at 120655501640",
            "at 12065550164.5",
        ),
    ),
    Rule(
        id="phone-fiction-bare",
        kind="PHONE_NUMBER",
        head=NUMBER_HEAD,
        pattern=r"\b1[2-9]\d{2}55501\d{2}\b",
        score=0.6,
        check=_bare_north_america,
        source="North American Numbering Plan: 555-0100 to 555-0199 are reserved for fiction",
        hits=("it is «12065550164»,",),
        misses=("id=12065550164", "12065550264", "x12065550164"),
    ),
    Rule(
        id="phone-local-fiction",
        kind="PHONE_NUMBER",
        head=NUMBER_HEAD,
        pattern=r"\b555-01\d{2}\b",
        score=0.6,
        check=checks.alone,
        source="North American Numbering Plan: 555-0100 to 555-0199 are reserved for fiction",
        hits=("my number is «555-0123»",),
        misses=("1555-0123", "555-01234"),
    ),
    Rule(
        id="phone-by-context",
        kind="PHONE_NUMBER",
        head=NUMBER_HEAD,
        pattern=r"\b\d(?:[ .\-/)(]{0,2}\d){6,14}\b",
        score=0.7,
        check=_near_phone_word,
        context=_PHONE_WORDS,
        needs_context=True,
        source="a number after a word for telephone",
        hits=(
            "phone: «4155550100»",
            "Tel. «612 345 678»",
            "Telefon «0301234567»",
            "móvil «612345678»",
            "電話「«090-1234-5678»」",
        ),
        misses=("phone order number 4155550100", "call at 2024-01-01 12", "4155550100", "call 1 2 3"),
    ),
    Rule(
        id="phone-before-label",
        kind="PHONE_NUMBER",
        head=r"(?:\b|\+)\d(?:[ .\-/()]{0,3}\d){5}",
        pattern=r"((?:\+|\b)\d(?:[ .\-/)(]{0,2}\d){5,14}(?:x\d{1,5})?)[ \-]{1,2}\(?(?i:office|fax|mobile|cell|landline|phone)\b",
        score=0.7,
        source="a number before the word that says which telephone it is, as on business cards and in signatures",
        hits=("«9761 9808» office", "«92 34 70»-Office", "«046 406 6044» fax", "«4155550100» (mobile)"),
        misses=("9761 9808 officers", "12 office", "4155550100 offices"),
    ),
)
