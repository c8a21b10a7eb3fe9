"""Rules for mail addresses that are spelled out for people, and in quoted-printable.

"jane at example dot com" is common English up to the last word, so a bare "at" needs a spelled dot and an ending that is no word.
A stream holds back what stands beside `SPELLED` words (see `segments`).
"""

from __future__ import annotations

import re
from typing import Final

from privet.detect.rule import LETTER, Candidate, Rule, utf8

_ENGLISH_AT: Final = ("at",)
# en, es, pt, de, fr, it, nl, pl
_AT: Final = ("arroba", "ät", "klammeraffe", "arobase", "chiocciola", "chiocciolina", "apenstaartje", "małpa", "malpa")
_DOT: Final = ("dot", "punto", "ponto", "punkt", "point", "punt", "kropka")
SPELLED: Final = frozenset((*_ENGLISH_AT, *_AT, *_DOT, "@"))
"""Words that stand for a sign of an address, in lower case."""


def _words(*words: str) -> str:
    both = sorted(
        {*words, *(word.upper() for word in words if not word.isascii())}, key=lambda word: (-len(word), word)
    )
    return "(?i:" + "|".join(map(utf8, both)) + ")"


_IN_BRACKETS: Final = r"[ ]{0,2}[(\[{<]%s[)\]}>][ ]{0,2}"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
_WEAK_AT: Final = rf"(?:[ ]{{1,2}}(?:{_words(*_ENGLISH_AT)}|@)[ ]{{1,2}}|@)"
_STRONG_AT: Final = rf"(?:[ ]{{1,2}}{_words(*_AT)}[ ]{{1,2}}|{_IN_BRACKETS % f'(?:{_words(*_ENGLISH_AT, *_AT)}|@)'})"
_SPELLED_DOT: Final = rf"(?:[ ]{{1,2}}{_words(*_DOT)}[ ]{{1,2}}|{_IN_BRACKETS % rf'(?:{_words(*_DOT)}|[.])'})"
_ANY_DOT: Final = rf"(?:{_SPELLED_DOT}|\.)"

_LOCAL_MAX_BYTES: Final = 160
_LOCAL: Final = re.compile(
    (
        rf"(?:[A-Za-z0-9._%+'-]|{LETTER}){{1,64}}"
        rf"(?:{_SPELLED_DOT}(?:[A-Za-z0-9_+'-]|{LETTER}){{1,40}}){{0,4}}\Z"
    ).encode()
)
_DOTS: Final = re.compile(f"({_ANY_DOT})".encode())
_MARKED: Final = re.compile(_STRONG_AT.encode())
_ENDINGS: Final = frozenset((
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "name", "pro", "io", "ai", "app", "dev", "eu",
    "email", "cloud", "online", "example", "test", "invalid", "de", "fr", "es", "nl", "pl", "pt", "ch", "uk", "br",
    "mx", "ar", "cl", "co", "ca", "au", "nz", "ie", "lu", "dk", "se", "fi", "cz", "sk", "hu", "ro", "bg", "gr",
    "hr", "jp", "kr", "cn", "ru", "ua", "tr", "il", "za",
))  # fmt: skip
# Endings that are words, taken where the sign before them is unmistakable.
_WORDS_TOO: Final = frozenset((
    "it", "at", "be", "in", "is", "me", "us", "to", "no", "so", "my", "do", "am", "as", "tv", "la", "li", "va",
))  # fmt: skip
_NO_NAMES: Final = frozenset((
    "look", "looks", "looking", "looked", "us", "me", "it", "them", "is", "are", "was", "be", "and", "or", "the",
    "a", "an", "here", "there", "available", "find", "found", "only", "also", "visit", "hosted", "online", "site",
    "website", "page", "pages", "go", "arrive", "start", "check", "out", "working", "work", "works", "meet", "met",
    "live", "lives", "based",
))  # fmt: skip


def _spelled(hit: Candidate) -> bool | float:
    """Reach back over the local part, and end with the last label that can end an address."""
    sign = _MARKED.match(hit.data, hit.start)
    endings = _ENDINGS | _WORDS_TOO if sign else _ENDINGS
    parts = _DOTS.split(hit.data[hit.start : hit.end])
    while len(parts) > 1 and parts[-1].decode("utf-8", "replace").lower() not in endings:
        parts = parts[:-2]
    found = _LOCAL.search(hit.before(_LOCAL_MAX_BYTES).lstrip(b"\x80\x81"))
    if len(parts) < 3 or found is None:
        return False
    name = found.group().lstrip(b".'-+%")
    if not name or (not name[-1:].isalnum() and name[-1:] < b"\x80"):
        return False
    if sign is None and name.decode("utf-8", "replace").lower() in _NO_NAMES:
        return False
    hit.end = hit.start + sum(map(len, parts))
    hit.start -= len(name)
    return 0.9 if sign else 0.8


_QUOTED_LOCAL: Final = re.compile(rb"(?:[A-Za-z0-9._%+'-]|=[2-7][0-9A-F])+\Z")


def _quoted(hit: Candidate) -> bool:
    """Reach back over the local part; =40 is also the beginning of a number, so the ending must be a known one."""
    found = _QUOTED_LOCAL.search(hit.before(_LOCAL_MAX_BYTES))
    ending = re.split(rb"\.|=2E", hit.data[hit.start : hit.end])[-1].decode().lower()
    if found is None or ending not in _ENDINGS or not any(map(str.isalpha, found.group().decode())):
        return False
    hit.start -= len(found.group())
    return True


RULES: Final = (
    Rule(
        id="email-address-spelled",
        kind="EMAIL_ADDRESS",
        head=rf"{_WEAK_AT}{_LABEL}{_SPELLED_DOT}|{_STRONG_AT}{_LABEL}{_ANY_DOT}",
        pattern=(
            rf"{_WEAK_AT}{_LABEL}(?:{_SPELLED_DOT}{_LABEL}){{1,4}}|{_STRONG_AT}{_LABEL}(?:{_ANY_DOT}{_LABEL}){{1,4}}"
        ),
        score=0.9,
        check=_spelled,
        source="how people write addresses against harvesters: RFC 5321 with its signs spelled out",
        hits=(
            "write to «jane dot doe at example dot com» please",
            "«jane (at) example (dot) com»",
            "«jane.doe [at] example.com».",
            "«jane[at]example[dot]org»",
            "mi correo es «jane punto doe arroba example punto com», gracias",
            "meine Adresse: «jane punkt doe ät example punkt de»",
            "écris à «jane point doe arobase example point fr»",
            "scrivi a «jane punto doe chiocciola example punto it»",
            "napisz: «jane kropka doe małpa example kropka pl»",
            "escreva para «jane ponto doe arroba example ponto com ponto br»",
            "mail naar «jane punt doe apenstaartje example punt nl»",
            "«JANE DOT DOE AT EXAMPLE DOT COM»",
            "«jane@example dot com»",
            "«jane @ example (dot) com»",
        ),
        misses=(
            "look at example dot product",
            "look at example dot com",
            "we met at noon dot",
            "at this point in time",
            "he was at that point it was over",
            "un point de vue",
            "f(at)x.y",
            "array[at].length",
        ),
    ),
    Rule(
        id="email-address-quoted",
        kind="EMAIL_ADDRESS",
        head=r"=40[A-Za-z0-9]",
        pattern=rf"=40{_LABEL}(?:(?:\.|=2E){_LABEL}){{1,4}}",
        score=0.8,
        check=_quoted,
        source="RFC 2045 section 6.7",
        hits=("To: «jane=2Edoe=40example.com» wrote", "<«jane=40mail.example.org»>"),
        misses=("width=40px.wide", "x=40.5", "?id=40abc.html"),
    ),
)
