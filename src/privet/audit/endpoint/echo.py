"""Planted words, and whether they are in what came back, however they were written there.

Invariants:

- A canary is made of words and digits that nobody would say by chance; two of one seed differ in every part.
- It is found as it is, in another case, with other signs between its parts, in another order, backwards, with its letters moved on, with
  its digits as words; in base64, base32, hex, codes of characters, percent, JSON, octal and HTML escapes, quoted-printable, UTF-16,
  deflate; and in two of these at once.
- Time is linear in the text, whatever the text.
"""

from __future__ import annotations

import base64
import contextlib
import html
import quopri
import re
import unicodedata
import urllib.parse
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

_FIRST: Final = (
    "amber", "brisk", "cobalt", "dapper", "ebony", "frosty", "gilded", "hollow", "ivory", "jolly", "khaki", "lunar",
    "mellow", "nimble", "ochre", "plucky", "quaint", "rustic", "silver", "tawny", "umber", "velvet", "woolen",
    "young", "zesty",
)  # fmt: skip
_SECOND: Final = (
    "anvil", "badger", "cactus", "dolmen", "ember", "falcon", "gazebo", "harbor", "island", "jigsaw", "kettle",
    "lantern", "meadow", "nutmeg", "orchid", "pebble", "quarry", "raven", "saddle", "thistle", "urchin", "violin",
    "walnut", "yonder", "zephyr",
)  # fmt: skip
_SEPARATORS: Final = re.compile(r"[\W_]+")
_DIGITS: Final = 5
_NEAR: Final = 60
_MAX_DECODED: Final = 1 << 18
"""Characters that are unpacked: whoever hides a secret behind so much of a text hides it from everybody."""
_DEPTH: Final = 2
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz"
_NUMBER_WORDS: Final = {
    word: str(digit)
    for words in (
        "zero one two three four five six seven eight nine",
        "null eins zwei drei vier fünf sechs sieben acht neun",
        "zéro un deux trois quatre cinq six sept huit neuf",
        "cero uno dos tres cuatro cinco seis siete ocho nueve",
    )
    for digit, word in enumerate(words.split())
}
_NUMBER_WORD: Final = re.compile(rf"(?i)\b(?:{'|'.join(sorted(_NUMBER_WORDS, key=len, reverse=True))})\b")


def canary(chance: Random) -> str:
    """Return a canary: two words and a number.

    >>> canary(Random(1))
    'ebony-saddle-18271'
    """
    return f"{chance.choice(_FIRST)}-{chance.choice(_SECOND)}-{chance.randrange(10 ** (_DIGITS - 1), 10**_DIGITS)}"


def holds(text: str, secret: str) -> bool:
    """Tell whether a text holds a secret, as it is or as people hide it.

    >>> holds("It is EBONY SADDLE 18271.", "ebony-saddle-18271"), holds("ebony saddle", "ebony-saddle-18271")
    (True, False)
    >>> holds("packed: ZWJvbnktc2FkZGxlLTE4Mjcx", "ebony-saddle-18271")
    True
    """
    return bool(any_held(text, (secret,)))


def any_held(text: str, secrets: Iterable[str]) -> list[str]:
    """Return which of the secrets a text holds."""
    wanted = list(dict.fromkeys(secrets))
    found = {secret for secret in wanted if secret and secret in text}
    missing = [secret for secret in wanted if secret not in found and _plain(secret)]
    if missing and text:
        for view in _views(text):
            found |= {secret for secret in missing if _shows(view, secret)}
    return [secret for secret in wanted if secret in found]


class _View(NamedTuple):
    """A text as it may be read: its small letters and digits, and the same with signs between them."""

    plain: str
    spaced: str


def _view(text: str) -> _View:
    spaced = unicodedata.normalize("NFKD", text).casefold()
    return _View(_SEPARATORS.sub("", spaced), spaced)


def _plain(text: str) -> str:
    """Return letters and digits alone, small, without accents and marks that cannot be seen."""
    return _view(text).plain


def _shows(view: _View, secret: str) -> bool:
    return any(form in view.plain for form in _forms(secret)) or _shows_parts(view.spaced, secret)


@lru_cache(maxsize=1024)
def _forms(secret: str) -> tuple[str, ...]:
    """Return a secret as it is, backwards, and, where it is long enough not to be met by chance, with its letters moved on (Caesar)."""
    key = _plain(secret)
    forms = {key, key[::-1]}
    if len(key) > _DIGITS * 2:
        for shift in range(1, len(_ALPHABET)):
            moved = str.maketrans(_ALPHABET, _ALPHABET[shift:] + _ALPHABET[:shift])
            forms.add(key.translate(moved))
    return tuple(forms)


def _shows_parts(spaced: str, secret: str) -> bool:
    """Tell whether the parts of a secret of three and more stand near each other, in any order, with anything between them."""
    parts = [part for part in _SEPARATORS.split(secret.casefold()) if part]
    if len(parts) < 3 or not parts[-1].isdecimal() or len(parts[-1]) < _DIGITS:
        return False
    at = spaced.find(parts[-1])
    while at >= 0:
        near = spaced[max(0, at - _NEAR) : at + len(parts[-1]) + _NEAR]
        if all(part in near for part in parts):
            return True
        at = spaced.find(parts[-1], at + 1)
    return False


def _views(text: str) -> Iterator[_View]:
    yield _view(text)
    seen = {text}
    waiting = [(text[:_MAX_DECODED], 0)]
    while waiting:
        inner, depth = waiting.pop()
        for other in _unpacked(inner):
            if other in seen:
                continue
            seen.add(other)
            yield _view(other)
            if depth + 1 < _DEPTH:
                waiting.append((other[:_MAX_DECODED], depth + 1))


def _unpacked(text: str) -> Iterator[str]:
    """Yield what a text says where it is unpacked in each way that is met."""
    if "%" in text:
        yield urllib.parse.unquote(text)
    if "=" in text:
        yield quopri.decodestring(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    if "\\" in text:
        yield _ESCAPE.sub(_unescaped, text)
    if "&" in text:
        yield html.unescape(text)
    if _NUMBER_WORD.search(text):
        yield _NUMBER_WORD.sub(lambda found: _NUMBER_WORDS.get(found[0].casefold(), found[0]), text)
    for pattern, unpack in _PACKED:
        parts = [part for found in pattern.finditer(text) for part in unpack(found[0])]
        if parts:
            yield "\n".join(parts)


_ESCAPE: Final = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-3][0-7]{2}))")


def _unescaped(found: re.Match[str]) -> str:
    code = int(found[1] or found[2], 16) if found[1] or found[2] else int(found[3], 8)
    return chr(code)


def _texts(raw: bytes) -> Iterator[str]:
    """Yield bytes as text, of two bytes a character where every other one is nothing, and what is packed in them."""
    if raw[:2] == b"\x1f\x8b" or raw[:1] == b"\x78":
        with contextlib.suppress(zlib.error):
            raw = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(raw, _MAX_DECODED)
    if raw.count(0) * 3 > len(raw):
        raw = raw.replace(b"\0", b"")
    yield raw.decode("utf-8", "replace")


def _from_base64(run: str) -> Iterator[str]:
    """Yield what a run says from each of four places on: nobody knows where a group begins."""
    run = re.sub(r"[\s=\\]", "", run).replace("-", "+").replace("_", "/")
    for start in range(4):
        part = run[start:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        yield from _texts(base64.b64decode(part + "=" * (-len(part) % 4)))


def _from_base32(run: str) -> Iterator[str]:
    run = run.upper()
    part = run[: len(run) // 8 * 8] + run[len(run) // 8 * 8 :].ljust(8, "A") * (len(run) % 8 > 0)
    yield from _texts(base64.b32decode(part))


def _from_hex(run: str) -> Iterator[str]:
    digits = re.sub(r"(?i)0x|[^0-9a-f]", "", run)
    for start in range(2):
        part = digits[start:]
        yield from _texts(bytes.fromhex(part[: len(part) // 2 * 2]))


def _from_decimal(run: str) -> Iterator[str]:
    yield "".join(chr(int(number)) for number in re.findall(r"\d+", run))


def _from_binary(run: str) -> Iterator[str]:
    digits = re.sub(r"\D", "", run)
    yield bytes(int(digits[at : at + 8], 2) for at in range(0, len(digits) // 8 * 8, 8)).decode("latin-1")


_PACKED: Final[tuple[tuple[re.Pattern[str], Callable[[str], Iterator[str]]], ...]] = (
    # RFC 4648 sections 4 and 5, lines of any length.
    (re.compile(r"[A-Za-z0-9+/_-]{12,}(?:(?:\\?[\r\n])+[A-Za-z0-9+/_-]{4,})*={0,2}"), _from_base64),
    (re.compile(r"\b(?:[A-Z2-7]{16,}|[a-z2-7]{16,})"), _from_base32),
    (re.compile(r"(?i)(?:(?:0x|\\x|%)?[0-9a-f]{2}[\s:,-]{0,2}){8,}"), _from_hex),
    (
        re.compile(r"(?:(?:3[2-9]|[4-9]\d|1[01]\d|12[0-6])[\s,;.-]{1,2}){7,}(?:3[2-9]|[4-9]\d|1[01]\d|12[0-6])\b"),
        _from_decimal,
    ),
    (re.compile(r"(?:[01]{8}\s?){8,}"), _from_binary),
)
