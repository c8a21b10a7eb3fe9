"""Surrogates that keep the shape of what they stand for and cannot belong to anybody.

Invariants:

- What is written lies in a range reserved for documentation or tests, or is recognisably made up: words of a closed set that nobody
  is called by, and codes of the digits 0 and 9 and the letters X and Z.
- `is_made_up(made_up(...))`: such a value is taken as it stands, so a second pass changes nothing.
- The same value, key and subject give the same surrogate. Different values may share one; nothing leads back but the key and a guess.

What passes unchanged, by this rule, is a value that is in such a form to begin with: about one real code of nine digits in two million.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import product
from typing import Final, NamedTuple

from privet.keys import derive

Draw = Callable[[str, str], int]
"""Returns a number that a purpose and a value give under the key: `draw("card", value)`."""

WORD_KINDS: Final = frozenset(("PERSON", "LOCATION", "ORGANIZATION", "NRP", "OCCUPATION", "MISC", "SOCIAL_HANDLE"))
"""Kinds whose letters become words."""
LABEL_KINDS: Final = frozenset(("PRIVATE_KEY", "CONNECTION_STRING", "PASSWORD"))
"""Kinds that no reader needs a likeness of."""

_LATIN: Final = (
    ("Bru", "Cly", "Dwo", "Fla", "Gwi", "Jux", "Kro", "Plo", "Qua", "Skra", "Thwa", "Tro", "Vlo", "Wru", "Xan", "Zil"),
    ("", "bri", "dovo", "fexi", "guzzo", "kwa", "quo", "zyva"),
    ("baxt", "drux", "fwump", "glosk", "jondle", "kvist", "mboz", "nquix", "plimf", "quolp", "skwen", "twozz", "vosk",
     "xulf", "ybble", "zond"),
)  # fmt: skip
_CYRILLIC: Final = (
    ("Брю", "Вло", "Гва", "Дзу", "Жмо", "Зыл", "Кро", "Пфе"),
    ("", "дове", "гуззо", "цыва"),
    ("бакст", "друкс", "жонд", "квуст", "плимф", "сквон", "хульф", "цозд"),
)
_GREEK: Final = (
    ("Βρου", "Γκλο", "Ζιλ", "Κρο", "Ξαν", "Πλου", "Σκρο", "Ψαλ"),
    ("", "δοβο", "γουζο", "κουα"),
    ("βαξτ", "δρουξ", "ζονδ", "κβιστ", "πλιμφ", "σκουεν", "χουλφ", "ψοζ"),
)


def _words(parts: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the short words and the long ones."""
    starts, middles, ends = parts
    return (
        tuple(map("".join, product(starts, ends))),
        tuple(map("".join, product(starts, middles[1:], ends))),
    )


class _Lists(NamedTuple):
    latin: tuple[tuple[str, ...], tuple[str, ...]]
    cyrillic: tuple[tuple[str, ...], tuple[str, ...]]
    greek: tuple[tuple[str, ...], tuple[str, ...]]
    known: frozenset[str]


@lru_cache(maxsize=1)
def invented_words() -> _Lists:
    """Return the closed lists."""
    latin, cyrillic, greek = _words(_LATIN), _words(_CYRILLIC), _words(_GREEK)
    known = frozenset(word.casefold() for lists in (latin, cyrillic, greek) for words in lists for word in words)
    return _Lists(latin, cyrillic, greek, known)


# The heavenly stems stand for "somebody" in Chinese texts as A and B do in English ones; hoge, fuga, piyo are Japan's foo and bar;
# the Hangul syllables are in no word.
_CHARS: Final = (
    (re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"), "甲乙丙戊己庚辛壬癸"),
    (re.compile(r"[\u3040-\u30ff\uff66-\uff9d]"), "ホゲフガピヨ"),
    (re.compile(r"[\uac00-\ud7af]"), "뷁쀍뙯쒧쬻"),
)
_CHAR_SETS: Final = frozenset("".join(chars for _, chars in _CHARS))
_INITIALS: Final = frozenset("qx")
_MARKS: Final = "\u0300-\u036f\u200b-\u200d\u2060"
_WORD: Final = re.compile(rf"[^\W\d_][^\W\d_{_MARKS}'’]*(?:[{_MARKS}'’]+[^\W\d_]+)*|[\d]+")


def word_for(word: str, draw: Draw) -> str:
    """Return an invented word of the same script, case and length class; an invented one is returned as it is."""
    if word[0].isdigit():
        return code_for(word, draw)
    fold = unicodedata.normalize("NFKC", word).casefold()
    lists = invented_words()
    if fold in lists.known or fold in _INITIALS or (len(word) > 0 and all(char in _CHAR_SETS for char in word)):
        return word
    for script, chars in _CHARS:
        if script.search(word):
            return "".join(chars[draw("char", f"{at} {char} {fold}") % len(chars)] for at, char in enumerate(word))
    if len(word) == 1:
        return "X" if word.isupper() else "x"
    name = unicodedata.name(word[0], "")
    script_lists = lists.cyrillic if "CYRILLIC" in name else lists.greek if "GREEK" in name else lists.latin
    words = script_lists[len(word) > 8]
    chosen = words[draw("word", fold) % len(words)]
    return chosen.upper() if word.isupper() else chosen.lower() if word.islower() else chosen


_SHORT: Final = 6
_DIGITS: Final = "09"
_UPPER: Final = "XZ"
_LOWER: Final = "xz"


def code_for(value: str, draw: Draw) -> str:
    """Return a code of the same shape: digits become 0 or 9, letters X or Z; of five signs and less every one becomes the first."""
    if is_code(value):
        return value
    signs = "".join(char for char in value if char.isalnum())
    bits = draw("code", unicodedata.normalize("NFKC", signs).casefold()) if len(signs) >= _SHORT else 0
    out = []
    for char in value:
        if not char.isalnum():
            out.append(char)
            continue
        two = _DIGITS if char.isdigit() or char.isnumeric() else _LOWER if char.islower() else _UPPER
        out.append(two[bits & 1])
        bits >>= 1
        if not bits and len(signs) > 200:
            bits = draw("code", f"{len(out)} {signs}")
    return "".join(out)


def is_code(value: str) -> bool:
    """Tell whether every letter and digit is one that `code_for` writes."""
    signs = {char for char in value if char.isalnum()}
    if not signs <= set("0Xx"):
        return signs <= set("09XZxz") and sum(map(str.isalnum, value)) >= _SHORT
    return bool(signs)


_EMAIL: Final = re.compile(r"([a-z]+)(?:\.([a-z]+))?@example\.(?:com|org|net)", re.IGNORECASE)


def _email(value: str, draw: Draw) -> str:
    """RFC 2606 section 3."""
    # A server name or a tag tells nothing more about a person once the name is another.
    local = value.partition("@")[0]
    short, long = invented_words().latin
    first = (short if len(local) <= 10 else long)[draw("e-mail", _plain(value)) % (256 if len(local) <= 10 else 1792)]
    if len(local) > 5:
        first += "." + short[draw("e-mail 2", _plain(value)) % len(short)]
    return f"{first.lower()}@example.{('com', 'org', 'net')[draw('e-mail 3', _plain(value)) % 3]}"


def _is_email(value: str) -> bool:
    match = _EMAIL.fullmatch(value)
    known = invented_words().known
    return bool(match) and all(part is None or part.lower() in known for part in match.groups())  # type: ignore[union-attr]


_URL: Final = re.compile(r"(?:[a-z]{2,9}://)?example\.(?:com|org|net)/[xz09]{4}[xz09./_-]*", re.IGNORECASE)


def _url(value: str, draw: Draw) -> str:
    """RFC 2606 section 3."""
    scheme, sign, rest = value.partition("://")
    scheme = scheme.lower() if sign and scheme.lower() in {"http", "https", "ftp", "sftp", "ws", "wss"} else "https"
    bits = draw("address", _plain(value))
    size = min(max(len(rest or value) - 12, 8), 64)
    path = "".join("xz09"[bits >> 2 * at & 3] for at in range(size))
    return f"{scheme}://example.{('com', 'org', 'net')[bits % 3]}/{path}"


_IPV4: Final = re.compile(r"(?:192\.0\.2|198\.51\.100|203\.0\.113)\.(?:12[89]|1[3-9]\d|2[0-4]\d|25[0-4])(/\d{1,2})?")
_IPV6: Final = re.compile(r"2001:db8:ca5e(?::[0-9a-f]{1,4}){5}(/\d{1,3})?", re.IGNORECASE)


def _ip(value: str, draw: Draw) -> str:
    """RFC 5737 and RFC 3849; the upper half, since texts write examples in the lower one."""
    number = draw("ip", _plain(value))
    if value.count(":") > 1:
        groups = ":".join(f"{number >> 16 * at & 0xFFFF | 0x1000:x}" for at in range(5))
        return "2001:db8:ca5e:" + groups
    return f"{('192.0.2', '198.51.100', '203.0.113')[number % 3]}.{128 + (number >> 8) % 127}"


_MAC: Final = re.compile(r"0000\.?5e00\.?53[89a-f][0-9a-f]", re.IGNORECASE)


def _mac(value: str, draw: Draw) -> str:
    """RFC 7042 section 2.1.2, upper half."""
    digits = iter(f"00005e0053{128 + draw('mac', _plain(value)) % 128:02x}")
    out = "".join(next(digits, "") if char in "0123456789abcdefABCDEF" else char for char in value)
    return out.upper() if any(map(str.isupper, value)) else out


def _is_mac(value: str) -> bool:
    return bool(_MAC.fullmatch(value.translate({ord(":"): None, ord("-"): None, ord(" "): None})))


# Test numbers of the networks as PayPal, Adyen and Stripe publish them, each by its first digits and length.
_CARDS: Final = (
    (re.compile(r"4\d{12,18}"), "4012888888881881"),
    (re.compile(r"(?:5[1-5]|2[2-7])\d{14}"), "5105105105105100"),
    (re.compile(r"3[47]\d{13}"), "371449635398431"),
    (re.compile(r"6(?:011|4[4-9]|5)\d+"), "6011000990139424"),
    (re.compile(r"35\d{14}"), "3566002020360505"),
    (re.compile(r"3[0689]\d+"), "38520000023237"),
)


def _card(value: str, draw: Draw) -> str:
    digits = _digits(value)
    for pattern, card in _CARDS:
        if pattern.fullmatch(digits):
            return _filled(value, card)
    return code_for(value, draw)


def _iban(value: str, draw: Draw) -> str:
    """Keep the country and the length; the check digits 00 are never right (ISO 13616-1 section 6.1: 02 to 98)."""
    match = re.match(r"\s*([A-Za-z]{2})(\W*)(\d)(\W*)(\d)", value)
    if not match:
        return code_for(value, draw)
    return f"{value[: match.end(2)]}0{match[4]}0{code_for(value[match.end() :], draw)}"


def _is_iban(value: str) -> bool:
    match = re.fullmatch(r"[A-Za-z]{2}\W*0\W*0(.{10,60})", value, re.DOTALL)
    return bool(match) and is_code(match[1])  # type: ignore[index]


def _ssn(value: str, draw: Draw) -> str:
    """An area of 9 and a group of 00: no social security number and no taxpayer number has it (SSA POMS RM 10201.035)."""
    digits = _digits(code_for(value, draw))
    return _filled(value, "9" + digits[1:3] + "00" + digits[5:]) if len(digits) == 9 else code_for(value, draw)


def _plain(value: str) -> str:
    return unicodedata.normalize("NFKC", value).casefold()


def _digits(value: str) -> str:
    return "".join(char for char in value if char.isdigit())


def _filled(template: str, digits: str) -> str:
    """Return the template with its digits replaced in order; what is left over goes to its end."""
    left = iter(digits)
    out = "".join(next(left, "") if char.isdigit() else char for char in template)
    return out + "".join(left)


# Ranges for films and books, by country code: beginnings of landline and mobile numbers with how many free digits follow.
# 1: NANPA, 555-0100 to 555-0199, in areas that examples seldom use. 44: Ofcom, "Telephone numbers for use in TV and radio
# drama". 49: Bundesnetzagentur, Mitteilung 148/2021 "Rufnummern fuer Medienproduktionen". 33: ARCEP, decision 2018-0881, section 2.5.8.
# 61: ACMA, "Phone numbers for use in TV shows, films and creative works". 46: PTS, "Telefonnummer for anvaendning i boecker och
# filmer". 353: ComReg, numbering conditions, "drama numbers".
_AREAS: Final = ("208", "307", "406", "605", "701", "802", "907")
_DRAMA: Final[dict[str, tuple[tuple[str, int], tuple[str, int]]]] = {
    "44": (("1632960", 3), ("7700900", 3)),
    "49": (("3023125", 3), ("17139200", 2)),
    "33": (("19900", 4), ("63998", 4)),
    "61": (("25550", 4), ("25550", 4)),  # its mobile numbers are a handful of single ones
    "46": (("8465004", 2), ("7017406", 2)),
    "353": (("2091", 5), ("2091", 5)),
}
_MOBILE: Final[dict[str, str | tuple[str, ...]]] = {
    "44": "7",
    "49": "1",
    "33": ("6", "7"),
    "61": "4",
    "46": "7",
    "353": "8",
}
_NANP: Final = re.compile(rf"1?(?:{'|'.join(_AREAS)})55501\d\d")


def _phone(value: str, draw: Draw) -> str:
    """Keep the country where the number tells it."""
    digits = _digits(unicodedata.normalize("NFKC", value))
    number = draw("phone", digits)
    value = value.replace("(0)", "")
    if not value.lstrip(" (").startswith(("+", "\uff0b")):
        if re.fullmatch(r"1?[2-9]\d{2}[2-9]\d{6}", digits):
            return _filled(value, digits[:-10] + _nanp(number))
        return code_for(value, draw)
    country = _country(digits)
    if country == "1" and len(digits) == 11:
        return _filled(value, "1" + _nanp(number))
    rest = digits[len(country) :].removeprefix("0")
    ranges = _DRAMA.get(country)
    if ranges is None:
        # A national number that begins with two zeros is none anywhere.
        return _filled(value, country + "00" + code_for(rest[2:] or "000000", draw))
    head, free = ranges[rest.startswith(_MOBILE[country])]
    # The upper half: examples are written with the lower one.
    return _filled(value, country + head + str(10**free // 2 + number % (10**free // 2)))


def _nanp(number: int) -> str:
    return f"{_AREAS[number % len(_AREAS)]}55501{(number >> 8) % 100:02}"


def _country(digits: str) -> str:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return next(
        (digits[:size] for size in (1, 2, 3) if int(digits[:size] or 0) in COUNTRY_CODE_TO_REGION_CODE), digits[:2]
    )


def _is_phone(value: str) -> bool:
    digits = _digits(value)
    if not 7 <= len(digits) <= 18 or any(map(str.isalpha, value)):
        return False
    if _NANP.fullmatch(digits):
        return True
    if "+" not in value and "\uff0b" not in value:
        return False
    country = _country(digits)
    rest = digits[len(country) :]
    if rest.startswith("00") and is_code(rest + "000000"):
        return True
    return any(
        rest.startswith(head) and len(rest) == len(head) + free and rest[len(head)] >= "5"
        for head, free in _DRAMA.get(country, ())
    )


_MAKERS: Final[dict[str, Callable[[str, Draw], str]]] = {
    "EMAIL_ADDRESS": _email,
    "URL": _url,
    "IP_ADDRESS": _ip,
    "MAC_ADDRESS": _mac,
    "CREDIT_CARD": _card,
    "IBAN_CODE": _iban,
    "US_SSN": _ssn,
    "PHONE_NUMBER": _phone,
}


def made_up(kind: str, value: str, draw: Draw) -> str:
    """Return a surrogate of the same shape; a value that is one is returned as it is."""
    if is_made_up(value):
        return value
    make = _MAKERS.get(kind)
    if make is not None:
        return make(value, draw)
    if kind in WORD_KINDS:
        return _WORD.sub(lambda match: word_for(match[0], draw), value)
    return code_for(value, draw)


def is_made_up(value: str) -> bool:
    """Tell whether a value is one that `made_up` may have written, whatever the kind: one may be found as another kind."""
    return (
        is_code(value)
        or _is_email(value)
        or any(form.fullmatch(value) for form in (_URL, _IPV4, _IPV6))
        or _is_mac(value)
        or _is_iban(value)
        or _is_phone(value)
        or _digits(value) in _CARD_NUMBERS
        or _only_invented(value)
    )


_CARD_NUMBERS: Final = frozenset(card for _, card in _CARDS)


def _only_invented(value: str) -> bool:
    words = [match[0] for match in _WORD.finditer(value)]
    return bool(words) and all(_is_invented(word) for word in words)


def _is_invented(word: str) -> bool:
    return (
        is_code(word)
        or word.casefold() in invented_words().known
        or word.casefold() in _INITIALS
        or all(char in _CHAR_SETS for char in word)
    )


def drawing(key: bytes, subject: str) -> Draw:
    """Return a draw under a key, for one subject: HMAC-SHA-256, 256 bits."""
    own = derive(key, "realistic", subject)

    def draw(purpose: str, value: str) -> int:
        return int.from_bytes(derive(own, purpose, value.encode("utf-8", "replace").decode()), "big")

    return draw


_DIGIT: Final = "[0-9]"


def _spaced(*signs: str) -> str:
    """Return a pattern for digits as people group them; classes count as one."""
    return r"[ ().\-/]{0,3}".join(one for sign in signs for one in ([sign] if sign[0] == "[" else sign))


_WHOLE: Final = re.compile(
    "|".join(
        (
            rf"(?P<email>{_EMAIL.pattern})",
            _URL.pattern,
            rf"(?<![\w.]){_IPV4.pattern}(?![\w.])",
            rf"(?<![\w:]){_IPV6.pattern}(?![\w:])",
            r"(?<![\w:-])00([:-]?)00\1?5e\1?00\1?53\1?[89a-f][0-9a-f](?![\w:-])",
            rf"(?<!\d)(?:\+?1[ .-]?)?\(?(?:{'|'.join(_AREAS)})[ ().\-/]{{0,3}}555[ ().\-/]{{0,3}}0[ ().\-/]{{0,3}}1\d[ ().\-/]?\d(?!\d)",
            *(
                rf"\+{country}[ ().\-/]{{0,3}}{_spaced(head, '[5-9]', *([_DIGIT] * (free - 1)))}(?!\d)"
                for country, ranges in _DRAMA.items()
                for head, free in ranges
            ),
            *(rf"(?<!\d){_spaced(card)}(?!\d)" for card in sorted(_CARD_NUMBERS)),
        )
    ),
    re.IGNORECASE,
)


def whole_surrogates(text: str) -> list[tuple[int, int]]:
    """Return where a text has made-up addresses and numbers that must stay in one piece, whatever is found of them."""
    known = invented_words().known
    return [
        match.span()
        for match in _WHOLE.finditer(text)
        if not match["email"] or all(part in known for part in match["email"].partition("@")[0].lower().split("."))
    ]
