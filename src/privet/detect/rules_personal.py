"""Rules for numbers of people: telephones, cards, accounts, documents, vehicles, dates of birth."""

from __future__ import annotations

import re
from typing import Final

from privet.detect import checks
from privet.detect.rule import Candidate, Rule, utf8

NUMBER_HEAD: Final = r"\b\d(?:[ .\-/()]{0,3}\d){5}"
"""Six digits and more: where most numbers start."""
LETTERED_HEAD: Final = r"\b[A-Z]{1,6}-?\d[A-Z0-9-]"
"""Capitals, then digits: where most document numbers start."""

_PHONE_WORDS: Final = (
    "phone", "phones", "phonenumber", "phone_number", "tel", "telephone", "mobile", "cell", "cellphone", "fax", "whatsapp", "call", "call me",
    "sms", "dial", "hotline", "reach me", "voicemail", "landline", "msisdn",
    "telefon", "telefonnummer", "handy", "mobil", "mobilnummer", "rufnummer", "anrufen", "durchwahl", "ruf",
    "teléfono", "telefono", "móvil", "movil", "celular", "llama", "llámame", "llamar", "tfno", "tlf", "cellulare", "chiama", "chiamare",
    "téléphone", "portable", "tél", "appelez", "appeler", "joindre", "telefoon", "mobiel", "bel", "telefoonnummer",
    "telefone", "telemóvel", "telemovel", "ligue", "ligar", "telefonu", "komórka", "kom", "zadzwoń", "numer telefonu", "電話", "电话", "전화",
)  # fmt: skip
_OTHER_NUMBER: Final = re.compile(
    r"(?:\b(?:order|invoice|ticket|ref|reference|id|zip|port|pid|version|account|case|serial|sku|isbn|issn|doi|bytes?|line|build|tracking|"
    r"amount|total|konto|rechnung|bestellung|pedido|factura|commande|facture|bestelling|zamówienie)[\s_]*(?:number|no|num|nr|id)?|#)[\s.:=#\"']*\Z"
)
_DATE: Final = re.compile(r"(?:(?:19|20)\d\d[-./ ][01]?\d[-./ ][0-3]?\d|[0-3]?\d[-./][0-3]?\d[-./](?:19|20)\d\d)(?:\D.*)?\Z")
_FICTION: Final = re.compile(r"1?[2-9]\d\d55501\d\d\Z")
_REGIONS: Final = ("GB", "DE", "FR", "IT", "NL", "AU", "JP", "CH")
_GAP: Final = r"(?:[ .\-/()]|\xc2\xa0|\xe2\x80[\x90-\x93\xaf])"


def _row(hit: Candidate) -> bool:
    return not checks.alone(hit) or bool(_DATE.match(hit.value))


def _international(hit: Candidate) -> bool | float:
    """Score numbers with a country code: high if the numbering plan knows them, else medium if the length fits."""
    import phonenumbers

    before = hit.before(1)
    if before and (before.isalnum() or before in b"+_)]"):
        return False
    if hit.after(1) == b"." and hit.after(2)[1:].isdigit():
        return False
    number = checks.digits(hit.value.replace("(0)", ""))
    if _FICTION.match(number):
        return True
    try:
        parsed = phonenumbers.parse("+" + number, None)
    except phonenumbers.NumberParseException:
        return False
    if phonenumbers.is_valid_number(parsed):
        return True
    # Telephone numbers that people make up or mistype are still written for a person; arithmetic has no separators.
    separated = len(hit.value) > len(number) + 2
    return 0.65 if separated and phonenumbers.is_possible_number(parsed) else False


def _national(hit: Candidate) -> bool:
    """Pass numbers with a trunk zero that are valid in one of the main regions."""
    import phonenumbers

    if _row(hit) or len(re.findall(r"\d+", hit.value)) > 6:
        return False
    number = checks.digits(hit.value)
    for region in _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _parenthesised(hit: Candidate) -> bool | float:
    """Pass (415) 555-0100 and (030) 1234567; not the call f(123) 4567890."""
    before = hit.before(1)
    size = len(checks.digits(hit.value))
    if (before and (before.isalnum() or before in b"_])")) or not checks.alone(hit):
        return False
    return 8 <= size <= 12


def _near_phone_word(hit: Candidate) -> bool:
    number = checks.digits(hit.value)
    if _row(hit) or _OTHER_NUMBER.search(hit.left[-32:]) or not 7 <= len(number) <= 15 or len(set(number)) < 3:
        return False
    groups = re.findall(r"\d+", hit.value)
    return (len(groups) <= 6 and "(" not in hit.value.lstrip("(")) or ")" in hit.value


def _iban(hit: Candidate) -> bool:
    """Pass account numbers with the mod 97 checksum; cut off words in capitals that follow."""
    from stdnum import iban

    value = hit.value
    for end in range(len(value), 14, -1):
        compact = re.sub(r"[ -]", "", value[:end]).upper()
        if value[end - 1] in " -" or len(compact) < 15:
            continue
        if end < len(value) and value[end] not in " -":
            continue
        if int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1 and iban.is_valid(compact):
            hit.end = hit.start + end
            return True
    return False


_ACCOUNT_LEFT: Final = re.compile(
    r"(?:\b(?:account|acct|a/c|konto|kontonummer|kontonr|cuenta|compte|conto|rekening|rekeningnummer|conta|konta|rachunku|bank|sort code|iban)"
    r"[\s_.]*(?:number|no|num|nr|n°|nº|numer|corriente|bancaria|bancaire)?[\s_.]*(?:#|is|:|=|ist|es|est)?[\s:#\"'=]*)\Z"
)


def _account(hit: Candidate) -> bool:
    return bool(_ACCOUNT_LEFT.search(hit.left[-40:])) and not _row(hit)


_BIRTH_GAP: Final = re.compile(r".*\b(?:born|birth|birthday|birthdate|dob|d\.o\.b|geboren|geb|geburtsdatum|geburtstag|né|née|naissance|naci\w*|nat[oa]|nascita|"
                               r"geboortedatum|nascid[oa]|nascimento|nasceu|urodz\w*|ur)\b(.*)\Z", re.DOTALL)  # fmt: skip


def _birth(hit: Candidate) -> bool:
    """Pass a date that stands right after a birth word: no other number, and no end of a sentence, between them."""
    found = _BIRTH_GAP.match(hit.left)
    between = found.group(1) if found else ""
    return bool(found) and not any(char.isdigit() for char in between) and ". " not in between.removeprefix(". ") and checks.alone(hit)


MONTHS: Final = tuple(
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "januar", "februar", "märz", "mai", "juni", "juli", "oktober", "dezember", "jän", "mrz", "okt", "dez", "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre", "ene", "abr", "ago", "dic", "janvier", "février", "mars", "avril", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre", "janv", "févr", "avr", "juil", "déc", "gennaio", "febbraio", "aprile", "maggio", "giugno", "luglio", "settembre", "ottobre", "novembre", "dicembre", "gen", "mag", "giu", "lug", "set", "ott", "januari", "februari", "maart", "mei", "augustus", "mrt", "janeiro", "fevereiro", "março", "maio", "junho", "julho", "setembro", "outubro", "novembro", "dezembro", "fev", "mai", "out", "stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września", "października", "listopada", "grudnia"]
)
"""Month names and abbreviations in en de es fr it nl pt pl."""
_MONTH: Final = "(?i:" + "|".join(utf8(month) for month in sorted(set(MONTHS), key=lambda name: (-len(name), name))) + r")\.?"
_DAY: Final = r"\b\d{1,2}(?:st|nd|rd|th|er|\.|" + utf8("º") + r")?"
_OF: Final = r"(?:de |of |den |d')?"
_DATE_PATTERN: Final = (
    r"\b\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})\b|\b(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2}\b"
    rf"|{_DAY} {_OF}{_MONTH},? (?:de |del )?(?:19|20)\d{{2}}\b|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? (?:19|20)\d{{2}}\b"
)
_DATE_HEAD: Final = (
    rf"\b\d{{1,2}}[./-]\d{{1,2}}[./-]\d|\b(?:19|20)\d{{2}}[./-]\d{{1,2}}[./-]\d|{_DAY} {_OF}{_MONTH}|\b{_MONTH} \d"
)

RULES: Final = (
    Rule(
        id="phone-international",
        kind="PHONE_NUMBER",
        head=r"\+\d",
        pattern=r"\+\d(?:" + _GAP + r"{0,3}\d){6,14}\b",
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
        id="phone-north-america",
        kind="PHONE_NUMBER",
        head=NUMBER_HEAD,
        pattern=r"\b(?:1[ .-])?[2-9]\d{2}[ .-][2-9]\d{2}[ .-]\d{4}\b",
        score=0.65,
        check=lambda hit: not _row(hit) and (0.5 if " " in hit.value and "-" not in hit.value else True),
        context=_PHONE_WORDS,
        context_score=0.85,
        source="North American Numbering Plan",
        hits=("on «415-555-0100» today", "«415.555.0100»", "«1-800-555-0199»", "mobile «212 555 0142»"),
        misses=("123-456-7890", "415-555-01000", "9415-555-0100", "1.415.555.0100.2", "415-555-0100-1"),
    ),
    Rule(
        id="phone-area-code",
        kind="PHONE_NUMBER",
        head=r"\(\d{2,5}\)[ \-]?\d",
        pattern=r"\(\d{2,5}\)[ \-]{0,2}\d(?:[ .\-/]{0,2}\d){3,9}\b",
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
        pattern=r"\b0\d{1,5}[ /.-]{1,3}\d(?:[ .\-]?\d){4,9}\b",
        score=0.6,
        check=_national,
        context=_PHONE_WORDS,
        context_score=0.85,
        source="national numbering plans of the phonenumbers package",
        hits=("ist «030/1234567» und", "au «01 99 00 12 34».", "Mobil «0171-1234567»", "«020 7946 0018»"),
        misses=("01.02.2024", "00 01 02 03 04 05 06 07", "0123456789", "0.12 0.123456"),
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
        hits=("phone: «4155550100»", "Tel. «612 345 678»", "Telefon «0301234567»", "móvil «612345678»", "電話「«090-1234-5678»」"),
        misses=("phone order number 4155550100", "call at 2024-01-01 12", "4155550100", "call 1 2 3"),
    ),
    Rule(
        id="payment-card",
        kind="CREDIT_CARD",
        head=NUMBER_HEAD,
        pattern=r"\b(?:(?:\d{4}[ -]){3}\d{4}|\d{4}[ -]\d{6}[ -]\d{4,5}|\d{13,19})\b",
        score=0.85,
        check=checks.card,
        context=("card", "visa", "mastercard", "amex", "credit", "debit", "karte", "kreditkarte", "tarjeta", "carte", "carta", "kaart", "cartão", "karta", "cc", "pan"),
        context_score=0.95,
        source="ISO/IEC 7812-1; test cards of the card networks",
        hits=("card «4111 1111 1111 1111» exp", "«5555-5555-5555-4444»", "«378282246310005»", "«3782 822463 10005»", "«6011111111111117»"),
        misses=("4111 1111 1111 1112", "1234567890123456", "0.4111111111111111", "id_4111111111111111", "0000000000000000"),
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
        context=("account", "acct", "a/c", "konto", "kontonummer", "kontonr", "cuenta", "compte", "conto", "rekening", "rekeningnummer", "conta", "rachunku", "bank", "sort code"),
        needs_context=True,
        source="a number right after a word for bank account; the UK's sort codes",
        hits=("account number: «12345678»", "Kontonummer «532013000»", "sort code «20-00-00»", "número de cuenta «0049 1500 05 1234567892»"),
        misses=("accounting 12345678", "12345678", "account 2024-01-01"),
    ),
    Rule(
        id="us-social-security",
        kind="US_SSN",
        head=NUMBER_HEAD,
        pattern=r"\b\d{3}-\d{2}-\d{4}\b",
        score=0.85,
        check=checks.social_security,
        context=("ssn", "social security", "social", "soc sec"),
        context_score=0.95,
        source="Social Security Administration, number scheme since 2011",
        hits=("SSN «123-45-6789».", "«219-09-9999»"),
        misses=("000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "123-45-67890", "5123-45-6789"),
    ),
    Rule(
        id="us-social-security-by-context",
        kind="US_SSN",
        head=NUMBER_HEAD,
        pattern=r"\b(?:\d{3}[ .]\d{2}[ .]\d{4}|\d{9})\b",
        score=0.8,
        check=checks.social_security,
        context=("ssn", "ssns", "social security", "social security number", "soc sec", "sozialversicherungsnummer usa"),
        needs_context=True,
        source="Social Security Administration",
        hits=("SSN: «123 45 6789»", "social security number «123456789»"),
        misses=("123456789", "ssn 666123456"),
    ),
    Rule(
        id="date-of-birth",
        kind="DATE_OF_BIRTH",
        head=_DATE_HEAD,
        pattern=_DATE_PATTERN,
        score=0.85,
        check=_birth,
        source="dates in en de es fr it nl pt pl after a word for birth",
        hits=(
            "DOB: «12/03/1985»", "born on «March 12, 1985» in", "geboren am «12. März 1985»", "née le «12 mars 1985»", "nacida el «12 de marzo de 1985»",
            "nato il «12 marzo 1985»", "geboortedatum: «12-03-1985»", "nascido em «12 de março de 1985»", "urodzony «12 marca 1985»", "date of birth (yyyy-mm-dd): «1985-03-12»",
        ),
        misses=("12/03/1985", "hired 12 March 1985", "born in Rome. Hired 12/03/1985", "DOB 12/03/1985"[:5], "born 1 of 7 on room 5, 12/03/1985"),
    ),
    Rule(
        id="vehicle-number",
        kind="VEHICLE_ID",
        pattern=r"\b[A-HJ-NPR-Z0-9]{17}\b",
        score=0.65,
        check=checks.vin,
        context=("vin", "vehicle", "chassis", "fahrgestellnummer", "fin", "bastidor", "châssis", "telaio", "chassi", "car"),
        context_score=0.9,
        source="ISO 3779; check digit 49 CFR 565.15",
        hits=("VIN «1M8GDM9AXKP042788»", "the «1HGCM82633A004352» car"),
        misses=("1M8GDM9AXKP042789", "11111111111111111", "ABCDEFGHJKLMNPRST"),
    ),
    Rule(
        id="vehicle-number-by-context",
        kind="VEHICLE_ID",
        pattern=r"\b[A-HJ-NPR-Z0-9]{17}\b",
        score=0.8,
        check=checks.has_digit,
        context=("vin", "chassis", "fahrgestellnummer", "fahrgestell-nr", "bastidor", "châssis", "telaio", "chassi", "vehicle identification number"),
        needs_context=True,
        source="ISO 3779 (Europe has no check digit)",
        hits=("Fahrgestellnummer: «WVWZZZ1JZ3W386752»",),
        misses=("WVWZZZ1JZ3W386752",),
    ),
    Rule(
        id="passport-number",
        kind="PASSPORT",
        head=NUMBER_HEAD + "|" + LETTERED_HEAD,
        pattern=r"\b(?:[A-Z]{1,3}-?\d{5,9}[A-Z]?|[A-Z]\d[A-Z0-9]{7}|[A-Z0-9]{2}\d{5,7}[A-Z0-9]{0,2}|\d{6,9})\b",
        score=0.8,
        check=checks.alone,
        context=("passport", "passport_number", "passportnumber", "passports", "reisepass", "reisepassnummer", "passnummer", "pasaporte", "passeport", "passaporto", "paspoort", "paspoortnummer", "passaporte", "paszport", "paszportu", "護照", "パスポート"),
        needs_context=True,
        source="ICAO Doc 9303; national numbering",
        hits=("passport number «C01X00T47»", "Passport No. «123456789»", "Reisepass «C01234567»", "pasaporte «AAB123456»", "paszport «EK1234567»"),
        misses=("C01234567", "passport photo 35", "passport/js 2024-01-01"),
    ),
    Rule(
        id="driver-license",
        kind="DRIVER_LICENSE",
        head=NUMBER_HEAD + "|" + LETTERED_HEAD,
        pattern=r"\b(?:[A-Z]{1,5}-?\d[A-Z0-9-]{4,16}|\d{6,12}[A-Z]?)\b",
        score=0.8,
        check=checks.alone,
        context=(
            "driver license", "driver's license", "drivers license", "driver’s license", "driver licence", "driving licence", "driver_license", "driving license", "dl",
            "driver's licence", "führerschein", "führerscheinnummer", "permis de conduire", "permis", "carnet de conducir", "permiso de conducir", "patente", "patente di guida",
            "rijbewijs", "rijbewijsnummer", "carta de condução", "cnh", "prawo jazdy", "prawa jazdy", "license number", "licence number",
        ),  # fmt: skip
        needs_context=True,
        source="AAMVA card design standard; DVLA; national numbering",
        hits=("driver's license «D1234567»", "driving licence «MORGA657054SM9IJ»", "Führerschein «B072RRE2I55»", "license number «S530-4601-2345»"),
        misses=("D1234567", "software license GPL20"),
    ),
)
