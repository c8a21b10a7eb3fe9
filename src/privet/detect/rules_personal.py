"""Rules for documents, vehicles and dates of birth."""

from __future__ import annotations

import re
from typing import Final

from privet.detect import checks
from privet.detect.rule import LETTERED_HEAD, NUMBER_HEAD, Candidate, Rule, utf8

_BIRTH_GAP: Final = re.compile(
    r".*(?<![^\W_])(?:born|birth|birthday|\w*birthdate|\w*dateofbirth|dob|d\.o\.b"
    r"|geboren|geb\W{0,2}dat|geb|geburt|geburtsdatum|geburtstag"
    r"|né|née|naissance|naci\w*|f(?:echa)?\W{1,2}(?:de )?nac|cumpleaños|nat[oa]|nascita|compleanno"
    r"|geboorte|geboortedatum|verjaardag|nascid[oa]|nasc|nascimento|nasceu|urodz\w*|ur)(?![^\W_])(.*)\Z",
    re.DOTALL,
)
_BORN: Final = re.compile(r"\(b\.\s?\Z")
"""In brackets behind a name; elsewhere `b.` counts: a, b, c."""


def _birth(hit: Candidate) -> bool:
    """Pass a date that stands right after a birth word: no other number, and no end of a sentence, between them."""
    found = _BIRTH_GAP.match(hit.left)
    between = found.group(1) if found else ""
    is_behind = bool(found) and not any(char.isdigit() for char in between) and ". " not in between.removeprefix(". ")
    return (is_behind or bool(_BORN.search(hit.left))) and checks.alone(hit)


MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
    "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "januar", "februar", "märz", "mai",
    "juni", "juli", "oktober", "dezember", "jän", "mrz", "okt", "dez", "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre", "ene", "abr", "ago", "dic", "janvier", "février",
    "mars", "avril", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre", "janv", "févr", "avr", "juil",
    "déc", "gennaio", "febbraio", "aprile", "maggio", "giugno", "luglio", "settembre", "ottobre", "novembre", "dicembre",
    "gen", "mag", "giu", "lug", "set", "ott", "januari", "februari", "maart", "mei", "augustus", "mrt", "janeiro", "fevereiro",
    "março", "maio", "junho", "julho", "setembro", "outubro", "novembro", "dezembro", "fev", "mai", "out", "stycznia",
    "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września", "października", "listopada", "grudnia",
)  # fmt: skip
"""Month names and abbreviations in en de es fr it nl pt pl."""

_MONTH: Final = (
    "(?i:" + "|".join(utf8(month) for month in sorted(set(MONTHS), key=lambda name: (-len(name), name))) + r")\.?"
)

_DAY: Final = r"\b\d{1,2}(?:st|nd|rd|th|er|\.|" + utf8("º") + r")?"

_OF: Final = r"(?:de |of |den |d')?"

_YEAR: Final = r"(?:19|20)\d{2}"

_JOINED: Final = rf"\b\d{{1,2}}[./-]?{_MONTH}"
"""14-Mar-1984, 14MAR84."""

_DATE_PATTERN: Final = (
    rf"\b\d{{1,2}}[./-]\d{{1,2}}[./-](?:\d{{4}}|\d{{2}})\b|\b{_YEAR}[./-]\d{{1,2}}[./-]\d{{1,2}}(?:T[0-9:.]{{4,16}}Z?)?\b"
    rf"|\b{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\b"
    rf"|{_DAY} {_OF}{_MONTH},? (?:de |del )?{_YEAR}\b|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? {_YEAR}\b"
    rf"|{_JOINED}[./-]?(?:{_YEAR}|\d{{2}})\b|\b{_MONTH}-\d{{1,2}}-{_YEAR}\b"
    # Without a year: a birthday. Without a day: still more than a year.
    rf"|{_DAY} {_OF}{_MONTH}\b|\b{_MONTH} (?:\d{{1,2}}|{_YEAR})\b"
)

_DATE_HEAD: Final = (
    rf"\b\d{{1,2}}[./-]\d{{1,2}}[./-]\d|\b{_YEAR}(?:[./-]\d{{1,2}}[./-]\d|\d{{4}}\b)"
    rf"|{_DAY} {_OF}{_MONTH}|\b{_MONTH}[ -]\d|{_JOINED}"
)

RULES: Final = (
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
        misses=(
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "123-00-4567",
            "123-45-0000",
            "123-45-67890",
            "5123-45-6789",
        ),
    ),
    Rule(
        id="us-social-security-by-context",
        kind="US_SSN",
        head=NUMBER_HEAD,
        pattern=r"\b(?:\d{3}[ .]\d{2}[ .]\d{4}|\d{9})\b",
        score=0.8,
        check=checks.social_security,
        context=(
            "ssn",
            "ssns",
            "social security",
            "social security number",
            "soc sec",
            "sozialversicherungsnummer usa",
        ),
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
        source="dates in en de es fr it nl pt pl after a word for birth, whole or without the year or the day",
        hits=(
            "DOB: «12/03/1985»",
            "born on «March 12, 1985» in",
            "geboren am «12. März 1985»",
            "née le «12 mars 1985»",
            "nacida el «12 de marzo de 1985»",
            "nato il «12 marzo 1985»",
            "geboortedatum: «12-03-1985»",
            "nascido em «12 de março de 1985»",
            "urodzony «12 marca 1985»",
            "date of birth (yyyy-mm-dd): «1985-03-12»",
            "date_of_birth=«1985-03-12»",
            '"birthDate": "«1985-03-12T00:00:00Z»"',
            "DOB «19850312»",
            "birth date: «12-Mar-1985»",
            "DOB: «12MAR85»",
            "dob «Mar-12-1985»",
            "Jane Doe (b. «12 March 1985») paints",
            "geb.dat. «12-03-1985»",
            "fecha de nac.: «12/03/1985»",
            "data de nasc.: «12/03/1985»",
            "her birthday, «March 12»",
            "compleanno: «12 marzo»",
            "born «March 1985»",
        ),
        misses=(
            "12/03/1985",
            "hired 12 March 1985",
            "born in Rome. Hired 12/03/1985",
            "DOB 12/03/1985"[:5],
            "born 1 of 7 on room 5, 12/03/1985",
            "a. 11/03/1985 b. 12/03/1985",
            "born 99850312",
            "born 19851312",
            "born in May",
        ),
    ),
    Rule(
        id="vehicle-number",
        kind="VEHICLE_ID",
        pattern=r"\b[A-HJ-NPR-Z0-9]{17}\b",
        score=0.65,
        check=checks.vin,
        context=(
            "vin",
            "vehicle",
            "chassis",
            "fahrgestellnummer",
            "fin",
            "bastidor",
            "châssis",
            "telaio",
            "chassi",
            "car",
        ),
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
        context=(
            "vin",
            "chassis",
            "fahrgestellnummer",
            "fahrgestell-nr",
            "bastidor",
            "châssis",
            "telaio",
            "chassi",
            "vehicle identification number",
        ),
        needs_context=True,
        source="ISO 3779 (Europe has no check digit)",
        hits=("Fahrgestellnummer: «WVWZZZ1JZ3W386752»",),
        misses=("WVWZZZ1JZ3W386752",),
    ),
    Rule(
        id="passport-number",
        kind="PASSPORT",
        head=NUMBER_HEAD + "|" + LETTERED_HEAD + r"|\b\d[A-Z]\d{5}",
        pattern=r"\b(?:[A-Z]{1,3}-?\d{5,9}[A-Z]?|[A-Z]\d[A-Z0-9]{7}|[A-Z0-9]{2}\d{5,7}[A-Z0-9]{0,2}|\d{6,9})\b",
        score=0.8,
        check=checks.alone,
        context=(
            "passport",
            "passport_number",
            "passportnumber",
            "passports",
            "reisepass",
            "reisepassnummer",
            "passnummer",
            "pasaporte",
            "passeport",
            "passaporto",
            "paspoort",
            "paspoortnummer",
            "passaporte",
            "paszport",
            "paszportu",
            "護照",
            "パスポート",
        ),
        needs_context=True,
        source="ICAO Doc 9303; national numbering",
        hits=(
            "passport number «C01X00T47»",
            "Passport No. «123456789»",
            "Reisepass «C01234567»",
            "pasaporte «AAB123456»",
            "paszport «EK1234567»",
        ),
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
            "driver license",
            "driver's license",
            "drivers license",
            "driver’s license",
            "driver licence",
            "driving licence",
            "driver_license",
            "driving license",
            "dl",
            "driver's licence",
            "führerschein",
            "führerscheinnummer",
            "permis de conduire",
            "permis",
            "carnet de conducir",
            "permiso de conducir",
            "patente",
            "patente di guida",
            "rijbewijs",
            "rijbewijsnummer",
            "carta de condução",
            "cnh",
            "prawo jazdy",
            "prawa jazdy",
            "license number",
            "licence number",
        ),  # fmt: skip
        needs_context=True,
        source="AAMVA card design standard; DVLA; national numbering",
        hits=(
            "driver's license «D1234567»",
            "driving licence «MORGA657054SM9IJ»",
            "Führerschein «B072RRE2I55»",
            "license number «S530-4601-2345»",
        ),
        misses=("D1234567", "software license GPL20"),
    ),
)
