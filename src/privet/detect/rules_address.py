r"""Rules for street addresses in en de es fr it nl pl pt: a number and a street belong together, in either order.

Invariants:

- An address lies on one line, and is at most `_MAX_BYTES` long. Its words are parted by single spaces. Of one that goes on below, what
  says where it is has a rule of its own; an English word for a street may stand on the line below its name (`segments` waits for it).
- Between any two of its words `goes_on` is true of the text left of the place, or `begins_street` of the text right of it (see
  `address_words`): so no stream is cut inside one, and a check may look further right than the next white space.
"""

from __future__ import annotations

import re
from typing import Final

from privet.detect.address_words import (
    ALONE,
    AT_PLACES,
    BOXES,
    LETTERS,
    MORE,
    PREFIXES,
    STREETS,
    STRONG,
    SUFFIXES,
    UNITS,
    WEAK,
)
from privet.detect.rule import CONTEXT_CHARS, Candidate, Rule, utf8

_MAX_BYTES: Final = 176
_LATIN: Final = r"(?:\xc3[\x80-\xbf]|[\xc4\xc5][\x80-\xbf])"
_CHAR: Final = rf"(?:[A-Za-z'-]|{_LATIN}|\xe2\x80\x99)"
_CAPITAL: Final = r"(?:[A-Z]|\xc3[\x80-\x9e]|[\xc4\xc5][\x80-\xbf])"
_WORD: Final = rf"(?:[A-Za-z]|{_LATIN}){_CHAR}{{0,15}}"
_NAME: Final = rf"{_CAPITAL}{_CHAR}{{0,15}}"


def _any(*words: str) -> str:
    """Return a pattern for these words in any case: that of letters beyond ASCII is written out."""
    both = {form for word in words for form in ((word,) if word.isascii() else (word, word.upper(), word.title()))}
    return "(?i:" + "|".join(utf8(re.escape(word)) for word in sorted(both, key=lambda word: (-len(word), word))) + ")"


_IN_CAPITALS: Final = sorted(form for word in WEAK - {"dr"} for form in (word.title(), word.upper()))
_NO_STREET: Final = frozenset((
    "the", "a", "an", "in", "on", "of", "to", "at", "for", "and", "or", "by", "down", "up", "across", "along", "from", "into", "off",
    "is", "was", "are", "were", "this", "that", "my", "your", "his", "her", "our", "their", "per", "with", "more", "than", "x",
    "minute", "minutes", "min", "hour", "hours", "mile", "miles", "km", "m", "feet", "foot", "ft", "day", "days", "week", "weeks", "month",
    "months", "year", "years", "second", "seconds", "people", "men", "women", "kids", "cars", "houses", "times", "percent", "dollars",
    "lane", "lanes", "way", "wheel", "dead", "busy", "new", "other", "such", "each", "every", "no", "one", "two", "am", "pm", "o'clock",
    "it", "we", "i", "you", "he", "she", "they", "but", "so", "if", "as", "not", "just", "only", "over", "about", "through", "near",
))  # fmt: skip
"""Words that stand between a number and a street in ordinary sentences."""
_NUMBER_LEFT: Final = re.compile(r"(?:\A|[^\w.,$€£%+*/\\-])([1-9][0-9]{0,4}(?:[-/][0-9]{1,3})?[A-Za-z]?,?)\Z")
_BETWEEN: Final = re.compile(
    rf"[{LETTERS}][{LETTERS}'’-]{{0,15}}|[{LETTERS}]{{1,4}}\.|[0-9]{{1,3}}(?:st|nd|rd|th|ST|ND|RD|TH)"
)
_MAX_BETWEEN: Final = 3
_SHORT: Final = frozenset(("st", "ave", "rd", "blvd", "ln", "dr", "ct", "sq", "hwy", "pkwy", "cir"))
_DIGIT_BYTE: Final = re.compile(rb"[0-9]")
_MAX_LEFT_BYTES: Final = 64
_YEAR: Final = re.compile(r"(?:1[89]|20)\d\d,?\Z")
_YEARS_LEFT: Final = frozenset(
    ("in", "of", "since", "the", "by", "until", "during", "from", "after", "before", "early", "late")
)
_UNIT_LEFT: Final = re.compile(
    rf"\b(?:{'|'.join(map(re.escape, UNITS))}) #?(?:[0-9]{{1,4}}[A-Za-z]?|[A-Za-z][0-9]{{0,3}}),? \Z", re.IGNORECASE
)

_US_STATES: Final = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
)
_CITY: Final = rf"(?:, (?:[{LETTERS}][{LETTERS}'’-]{{0,15}}|St\.)(?: [{LETTERS}][{LETTERS}'’-]{{0,15}}){{0,2}})?"
_ENGLISH_TAIL: Final = re.compile(
    r"(?:,? (?:(?:[NS][EW]|[NSEW])\b\.?|(?:North|South|East|West)\b)(?=[ ,]|\Z))?"
    r"(?:,? (?:(?:apt|ste|rm|fl)\.?|apartment|suite|unit|flat|room|floor|#) ?#?[a-z0-9]{1,5}\b|,? #[a-z0-9]{1,5}\b)?"
    rf"(?:{_CITY},? (?:(?:{_US_STATES}),? [0-9]{{5}}(?:-[0-9]{{4}})?|[A-Z]{{1,2}}[0-9][A-Z0-9]? ?[0-9][A-Z]{{2}})\b)?",
    re.IGNORECASE,
)

# Elsewhere: what may follow the number and the street.
_TOWN: Final = (
    r"(?!(?:E-?mail|Tfno|Tel|Fax|Tlf|NIF|IBAN|Apt|Suite|Phone|Correo|Telefon)\b)"
    r"[A-ZÀ-ÖØ-ÞĄ-Ž](?:[a-zß-ɏ]|['’-][A-Za-zÀ-ɏ]|[A-ZÀ-Þ]){1,19}"
)
_EUROPEAN_TAIL: Final = re.compile(
    r"(?:,? [0-9]{1,2}\.? ?[ºª°](?: ?[A-Z]{1,2}\b| (?:izq|dcha|izquierda|derecha|esq|dto)\b)?|,? (?:[0-9]{1,2} ?|Bajo )[A-Z]\b"
    r"|,? (?:m\.|lok\.|piso|puerta|escalera|interno|int\.|andar|apto|apt\.|sc\.|Whg\.|Top) ?[0-9]{1,4}[A-Za-z]?\b)?"
    r"(?:,? (?:[A-Z]{1,2}-)?(?:[0-9]{4} [A-Z]{2}|[0-9]{5}-[0-9]{3}|[0-9]{4}-[0-9]{3}|[0-9]{2}-[0-9]{3}|[0-9]{5}"
    rf"|[0-9]{{4}}(?= {_TOWN}))\b(?: {_TOWN}(?: (?:am|an der|im|de|del|di|la|sur|do|da) {_TOWN}| {_TOWN})?)?)?"
)
_TAIL_BYTES: Final = 96


def _extended(hit: Candidate, tail: re.Pattern[str]) -> bool:
    """Move the end of a hit over what belongs to the address behind it. An address that is too long is none."""
    text = hit.after(_TAIL_BYTES).partition(b"\n")[0].decode("utf-8", "ignore")
    found = tail.match(text)
    end = hit.end + len(found[0].encode()) if found else hit.end
    if end - hit.start <= _MAX_BYTES:
        hit.end = end
    return hit.end - hit.start <= _MAX_BYTES


def _line_left(hit: Candidate) -> str:
    return hit.before(_MAX_BYTES // 2).rpartition(b"\n")[2].decode("utf-8", "ignore")


BELOW: Final = re.compile("|".join(form for word in sorted(STRONG - {"st"}) for form in (word.title(), word.upper())))
"""The words for streets that may stand on the line below the name: St may begin the name of a saint."""


def _line_above(hit: Candidate) -> str:
    """Return the line that ends right before a hit, with a space in the place of its end."""
    return hit.before(_MAX_BYTES // 2)[:-1].rpartition(b"\n")[2].decode("utf-8", "ignore") + " "


def _english(hit: Candidate) -> bool | float:
    """Reach back from a street word to a number, over one to three words that can name a street."""
    # Most words for streets in prose stand far from any number, and that is quick to see.
    is_below = hit.before(1) == b"\n"
    if (hit.before(1) != b" " and not is_below) or not _DIGIT_BYTE.search(hit.before(_MAX_LEFT_BYTES)):
        return False
    street = hit.value
    if hit.after(1) >= b"\x80" or (is_below and not BELOW.fullmatch(street)):
        return False
    left = _line_above(hit) if is_below else _line_left(hit)
    number, between = _number_left(left.split(" ")[:-1])
    if not number or not (between or street == "Broadway"):
        return False
    is_named = street[0].isupper() and all(word[0].isupper() or word[0].isdigit() for word in between)
    if not is_named and (is_below or street.lower() not in STRONG):
        return False
    if street.lower() in _SHORT and hit.after(1) == b".":
        hit.end += 1
    address = " ".join((number, *between, ""))
    unit = _UNIT_LEFT.search(left.removesuffix(address))
    hit.start -= len(address.encode()) + (len(unit[0].encode()) if unit else 0)
    return _extended(hit, _ENGLISH_TAIL) and (0.8 if is_named else 0.6)


def _number_left(words: list[str]) -> tuple[str, list[str]]:
    """Return the number of a house that stands before the last few words, "" where there is none, and the words behind it."""
    between: list[str] = []
    while words and not (number := _NUMBER_LEFT.search(words[-1])):
        word = words.pop()
        if len(between) == _MAX_BETWEEN or not _BETWEEN.fullmatch(word) or word.lower() in _NO_STREET:
            return "", []
        between.insert(0, word)
    if not words or number is None:
        return "", []
    is_year = _YEAR.match(number[1]) and len(words) > 1 and words[-2].lower().strip("(\"'") in _YEARS_LEFT
    return ("", []) if is_year else (number[1], between)


# German and Dutch: a word that ends as streets do, then the number.
_FORMS: Final = sorted(
    {form for suffix in SUFFIXES for form in (suffix, suffix.title())} | {"STRASSE", "STRAßE", "STR."}
)
_NO_NAME: Final = re.compile(
    r"(?:arbeits|tabellen|listen|start|stell|sitz|steh|ausbildungs|studien|speicher|park|steck|bau|spiel|schlaf|um|rück|aus|"
    r"bundes|lösungs|welt|mittel|ehren|an|ab|hin|flug|bildungs|liege|podest|medaillen)(?:weg|platz|straße|strasse)\Z",
    re.IGNORECASE,
)
_STEM: Final = re.compile(rf"(?:\A|[^{LETTERS}0-9_'’-])((?:[{LETTERS}][{LETTERS}'’]{{0,19}}-?){{1,3}})\Z")
_FIRST: Final = re.compile(rf"(?:\A|[^{LETTERS}0-9_'’-])([A-ZÄÖÜ][{LETTERS}'’-]{{2,19}}) \Z")
_PREVIOUS: Final = re.compile(rf"(?:\A|[^{LETTERS}0-9_'’-])((?:{'|'.join(MORE)}) )\Z")


def _germanic(hit: Candidate) -> bool | float:
    """Reach back over the word that ends as streets do, or over the name before a word that only says street."""
    suffix = hit.value.partition(" ")[0]
    left = _line_left(hit)
    stem = _STEM.search(left)
    name = stem[1] if stem else ""
    if stem is None:
        first = _FIRST.search(left)
        if suffix not in ALONE or first is None:
            return False
        name = first[1] + " "
    elif len(name) < 3 or _NO_NAME.match(name + suffix):
        return False
    if (more := _PREVIOUS.search(left[: len(left) - len(name)])) is not None and name[0].isupper():
        name = more[1] + name
    hit.start -= len(name.encode())
    return _extended(hit, _EUROPEAN_TAIL) and (0.8 if name[0].isupper() else 0.6)


_PLACES: Final = (
    "Markt", "Platz", "Berg", "Bach", "Park", "Wald", "See", "Graben", "Wall", "Hang", "Feld", "Anger", "Dom", "Rathaus", "Bahnhof",
    "Winkel", "Garten", "Hof", "Linden", "Tor", "Brunnen", "Teich", "Sand", "Steig", "Schloss", "Kirchplatz", "Mühle", "Kirche",
    "Ring", "Hafen", "Sportplatz", "Friedhof", "Marktplatz", "Weinberg", "Mühlbach", "Wiesengrund", "Stadtpark",
)  # fmt: skip


def _german_place(hit: Candidate) -> bool:
    """Pass a number behind `Am Alten Markt`, unless it is an hour or a year."""
    number = hit.value.rpartition(" ")[2]
    return not _YEAR.match(number) and not hit.after(4).lower().startswith(b" uhr") and _extended(hit, _EUROPEAN_TAIL)


# French: the number, then the word for a street.
_FRENCH: Final = ("rue", "avenue", "boulevard", "bd", "impasse", "chemin", "allée", "allee")
_FRENCH_TOO: Final = ("place", "route", "quai", "cours", "square", "passage", "av.")
_FRENCH_LINK: Final = r"(?:(?i:de la|du|des|de|la|le|les|aux?) )?"
_FRENCH_NAME: Final = rf"{_FRENCH_LINK}(?i:[ld](?:'|\xe2\x80\x99))?{_WORD}(?:(?: (?:de|du|des|et))? {_NAME}){{0,2}}"
_FRENCH_PLAIN: Final = re.compile(
    rf"[0-9]{{1,4}}[^,]*?,? (?i:{'|'.join(map(re.escape, _FRENCH_TOO))}) (?!(?i:de|du|des|la|le|les|aux?|d['’]|l['’]))[a-zà-ž]"
)
_FRENCH_OUT: Final = frozenset(("the", "and", "is", "was", "to", "of", "in", "for", "with", "on"))


def _french(hit: Candidate) -> bool:
    """Reject what only begins as an address does: 3 route handlers."""
    before = hit.before(1)
    if before >= b"\x80" or (before and before in b".,$/-+*%#") or _FRENCH_PLAIN.match(hit.value):
        return False
    if any(word in _FRENCH_OUT for word in hit.value.lower().split()):
        return False
    return _extended(hit, _EUROPEAN_TAIL)


# Spanish, Italian, Portuguese, Polish: the word for a street, its name, the number.
_PREFIX: Final = rf"(?:{_any(*(prefix for prefix in PREFIXES if prefix != 'c/'))} |[Cc]/ ?)"
_SURE: Final = frozenset((
    "calle", "avda.", "avda", "avenida", "ctra.", "viale", "piazza", "rua", "travessa", "praça", "ul.", "ulica",
    "ulicy", "carretera",
))  # fmt: skip
"""Words for streets that mean nothing else in any of the eight languages, so that the name may be in lower case."""
_NUMBER_SIGN: Final = (
    rf"(?:(?i:n[.]?{utf8('º')}|n{utf8('°')}|n\.|nr\.?|num\.|n{utf8('ú')}m\.|numero|n{utf8('ú')}mero) ?)?"
)
_ROMANCE_WORD: Final = rf"(?:{_WORD}|(?:[A-Za-z]|{_LATIN}){{1,4}}\.)"
_PARTS: Final = re.compile("[ ,]+|(?<=[cC]/)")
_IN_VIA: Final = re.compile(r"(?:\A|[\s,:;(\"'])(?:in|di|da|alla|presso|indirizzo:?) \Z")
_PLAIN_WORDS: Final = frozenset((
    "the", "and", "is", "to", "of", "for", "with", "que", "no", "en", "es", "con", "per", "non", "il", "che", "um", "uma", "em", "con",
    "w", "na", "z", "jest", "y", "e", "o", "port", "version", "line", "page", "un", "una", "al", "sono", "por", "para", "hace", "hay",
))  # fmt: skip


def _romance(hit: Candidate) -> bool | float:
    """Pass an address whose name is written with a capital, or behind a word that means nothing but a street."""
    prefix, *words, number = _PARTS.split(hit.value)
    names = [word for word in words if word[:1].isalpha()]
    # A byte of a letter is the edge of a word to a pattern: the end of años is no prefix.
    if hit.before(1) >= b"\x80" or not names or any(word in _PLAIN_WORDS for word in names) or _YEAR.fullmatch(number):
        return False
    is_named = any(word[0].isupper() for word in names)
    low = prefix.lower()
    if not is_named and low not in _SURE:
        return False
    if prefix == "via" and not _IN_VIA.search(hit.left):
        return False
    if low == "al." and hit.left.endswith("et "):
        return False
    return _extended(hit, _EUROPEAN_TAIL) and (0.8 if is_named else 0.6)


# The line below a street: a town with its postcode. The town by itself is a matter of names.
_POSTCODE: Final = (
    r"[A-Z]{1,2}\d[A-Z0-9]? \d[A-Z]{2}\b"
    rf"|(?:{_US_STATES}) \d{{5}}(?:-\d{{4}})?\b|(?:\d{{5}}|\d{{4}} [A-Z]{{2}}) {_CAPITAL}{_CHAR}{{1,19}}"
)
_NUMBERED: Final = rf"[0-9]{{1,4}} ?[{LETTERS}]?(?:[-/][0-9]{{1,3}})?"
_STREET_ABOVE: Final = re.compile(
    rf"(?:\A|[\s,:;(\"'])(?:[0-9]{{1,5}}[A-Za-z]?,? (?:\S+ ){{0,3}}(?:{'|'.join(sorted(STREETS))})\.?"
    rf"|[{LETTERS} -]*(?:{'|'.join(map(re.escape, SUFFIXES))}) {_NUMBERED}"
    rf"|(?:{'|'.join(map(re.escape, PREFIXES))}) ?(?:\S+ ){{1,4}}(?:n[.º°]? ?)?{_NUMBERED}"
    rf"|[0-9]{{1,4}},? (?:{'|'.join(map(re.escape, (*_FRENCH, *_FRENCH_TOO)))})(?: \S+){{1,5}})"
    rf"(?:,? (?:{'|'.join(map(re.escape, UNITS))}) ?#?\w{{1,5}})?,?\Z",
    re.IGNORECASE,
)
_TOWN_LEFT: Final = re.compile(rf"(?:[{LETTERS}][{LETTERS}'’.-]{{0,19}},? ){{0,3}}")


def _below_street(hit: Candidate) -> bool:
    """Pass a postcode on the line below a street with its number, behind three words of a town at most."""
    above, newline, line = hit.before(CONTEXT_CHARS).decode("utf-8", "ignore").rpartition("\n")
    return bool(newline) and _TOWN_LEFT.fullmatch(line) is not None and _STREET_ABOVE.search(above) is not None


RULES: Final = (
    Rule(
        id="postcode-below-street",
        kind="LOCATION",
        head=(
            rf"\b(?:[A-Z]{{1,2}}\d[A-Z0-9]? \d[A-Z]|(?:{_US_STATES}) \d{{5}}"
            rf"|(?:\d{{5}}|\d{{4}} [A-Z]{{2}}) (?:[A-Z]|\xc3[\x80-\x9e]|[\xc4\xc5]))"
        ),
        pattern=rf"\b(?:{_POSTCODE})",
        score=0.75,
        check=_below_street,
        source="postal addresses of several lines: Royal Mail PAF, USPS Publication 28, DIN 5008, NEN 5825",
        hits=(
            "221B Baker Street,\nLondon «NW1 6XE»",
            "12 Main St.\nSpringfield, «IL 62701-1234»",
            "77 Vine Street, Apt 5\n«TX 78701»",
            "Hauptstraße 5\n«10115 Berlin»",
            "Kerkstraat 12-3,\n«1017 GA Amsterdam»",
            "12 rue de la Paix\n«75002 Paris»",
            "calle Mayor 5\n«28013 Madrid»",
        ),
        misses=(
            "London NW1 6XE",
            "10115 Berlin",
            "the street\nIL 62701",
            "12 Main Street\n\n10115 Berlin",
            "12 pages\n10115 Berlin",
        ),
    ),
    Rule(
        id="street-address",
        kind="LOCATION",
        # Dr stands before a name far more often than behind one, so a comma must follow.
        pattern=rf"\b(?:(?:{_any(*STRONG)}|{'|'.join(_IN_CAPITALS)})\b|(?:Dr|DR)\.?,)",
        extent="[A-Za-z]+",
        score=0.8,
        check=_english,
        source="postal addresses as written in the United States, the United Kingdom, Ireland, Canada and Australia (USPS Publication 28)",
        hits=(
            "at «77 vine street», upstairs",
            "«Flat 4, 12 High St»",
            "«1600 Pennsylvania Ave NW, Washington, DC 20500»",
            "«1600 pennsylvania ave nw, washington, dc 20500»",
            "he lives at «221B Baker Street, London NW1 6XE».",
            '"«350 West 42nd Street, Apt 5C»"',
            "«12 OLD MILL ROAD»",
            "«4 St. Mary's Court», please",
            "«9 Elm Dr., San Jose, CA 95112-1234» is it",
            "at «12 Main\nStreet», upstairs",
            "«350 West 42nd\nSTREET»",
        ),
        misses=(
            "5 minutes down the road",
            "the 2 lane road",
            "in 1929 Wall Street fell",
            "10 miles off the street",
            "3 different ways",
            "2 people crossed the street",
            "version 1.2 Main Street",
            "5 wheel drive",
            "12 Apostles\nSt Peter",
            "chapter 12\nStreet",
            "12 main\nStreet",
            "the 5\nRoad Runners",
        ),
    ),
    Rule(
        id="street-address-germanic",
        kind="LOCATION",
        pattern=rf"(?:{'|'.join(map(utf8, map(re.escape, _FORMS)))}) \d{{1,3}}(?: ?[A-Za-z])?(?:[-/]\d{{1,4}}[A-Za-z]?)?\b",
        score=0.8,
        check=_germanic,
        source="DIN 5008; NEN 5825",
        hits=(
            "wohnt «Hauptstraße 5a».",
            "«hauptstrasse 12»",
            "«Hauptstr. 5, 10115 Berlin»",
            "«Berliner Straße 12, 60311 Frankfurt am Main» ist",
            "«Karl-Marx-Allee 5»",
            "«Am Mühlenweg 7»",
            "«Kerkstraat 12-3, 1017 GA Amsterdam»",
            "«Prinsengracht 263»",
            "«Nieuwe Kerkstraat 12»",
        ),
        misses=("Tabellenplatz 5", "ein Umweg 5", "weg 5", "str 5", "list[str] 12", "Marktplatz 2019", "strasse 5"),
    ),
    Rule(
        id="street-address-german-place",
        kind="LOCATION",
        pattern=(
            rf"\b(?:{'|'.join(AT_PLACES)}) (?:{_CAPITAL}{_CHAR}{{0,9}} )?"
            rf"(?:{'|'.join(utf8(place) for place in _PLACES)}) \d{{1,3}}(?: ?[a-z])?(?:-\d{{1,3}})?\b"
        ),
        score=0.8,
        check=_german_place,
        source="DIN 5008",
        hits=("«Am Alten Markt 12»", "«Im Winkel 3, 50667 Köln»", "«Unter den Linden 77»", "«An der Kirche 4b»"),
        misses=("Am Markt 12 Uhr", "Am Montag 12", "Im Jahr 12", "Am Bahnhof 2019"),
    ),
    Rule(
        id="street-address-french",
        kind="LOCATION",
        pattern=rf"\b\d{{1,4}}(?: ?(?:bis|ter|quater)| ?[A-Da-d])?,? {_any(*_FRENCH, *_FRENCH_TOO)} {_FRENCH_NAME}",
        head=rf"\b\d{{1,4}}(?: ?(?:bis|ter|quater)| ?[A-Da-d])?,? {_any(*_FRENCH, *_FRENCH_TOO)} ",
        score=0.8,
        check=_french,
        source="AFNOR XP Z10-011",
        hits=(
            "au «12 bis rue de la Paix», Paris",
            "«12 rue de la paix»",
            "«5, avenue du Général de Gaulle, 75008 Paris»",
            "«3 place de la République»",
            "«7 boulevard Saint-Michel 75005 PARIS»",
            "«10 allée des Tilleuls».",
        ),
        misses=("3 route handlers", "12 place settings", "2 cours", "1.5 rue", "$12 place de"),
    ),
    Rule(
        id="street-address-romance-polish",
        kind="LOCATION",
        pattern=(
            rf"\b{_PREFIX}(?:\d{{1,2}} )?{_ROMANCE_WORD}(?: {_ROMANCE_WORD}){{0,4}},? "
            rf"{_NUMBER_SIGN}\d{{1,5}}[A-Za-z]?(?:[/-](?:\d{{1,4}}[A-Za-z]?|[A-Za-z]))?\b"
        ),
        head=rf"\b{_PREFIX}(?:[A-Za-z0-9]|{_LATIN})",
        score=0.8,
        check=_romance,
        source="postal addresses as written in Spain, Italy, Portugal, Brazil and Poland (UPU addressing systems)",
        hits=(
            "vive en «Calle Mayor 5, 3º B»",
            "«calle mayor 5»",
            "«C/ Mayor, 5, 28013 Madrid»",
            "«C/Mayor nº 5»",
            "«Avenida de la Constitución, 12»",
            "abita in «via Roma 12».",
            "«Via Giuseppe Garibaldi, 12/A, 20121 Milano»",
            "«Piazza del Duomo 1»",
            "«ul. Długa 5/7»",
            "«ul. 3 Maja 5 m. 7, 00-950 Warszawa»",
            "«os. Bohaterów 5»",
            "na «Rua das Flores, 123»",
            "«Rua 25 de Abril, 12, 1200-001 Lisboa»",
            "«Av. Paulista, 1578»",
        ),
        misses=(
            "via Python 3",
            "via port 8080",
            "et al. Nature 521",
            "os. path 5",
            "Calle Mayor 2019",
            "largo plazo 5",
            "via the 3 routes",
        ),
    ),
    Rule(
        id="post-box",
        kind="LOCATION",
        pattern=rf"\b{_any(*BOXES)}:? (?:(?i:no|nr|n{utf8('º')})\.? )?\d{{1,6}}\b",
        score=0.8,
        source="post boxes as written in the eight languages",
        hits=(
            "at «PO Box 123».",
            "«p.o. box 4567»",
            "«Postfach 1234»",
            "«Apartado de Correos 12»",
            "«Casella postale 5»",
        ),
        misses=("the box 123", "po 123", "PO Boxes 12"),
    ),
)
