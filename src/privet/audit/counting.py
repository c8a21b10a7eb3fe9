"""Which spans of the detector count as identifiers of somebody.

Towns, organisations, dates, ages and jobs tell who somebody is only together with others: clean text is full of them, so they do not
count; the group figures (`groups.py`) are for them. An address counts: a place with a number. A lone word that is taken for a name counts
where a title, an initial or a column says that it is one: Bach, Nagel and Rocher are words, and by themselves they would flag a third of
German or French prose without anybody in it. Recall is measured by the same rule (`recall.py`), so whatever it leaves out lowers the recall
and raises the bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from privet.audit.languages import LITTLE_WORDS
from privet.realistic import WORD_KINDS, is_code, is_made_up
from privet.records import Span

HINTS: Final = frozenset(("LOCATION", "ORGANIZATION", "DATE_TIME", "AGE", "NRP", "OCCUPATION", "MISC", "QUANTITY"))
_CATALOGUE_NUMBER: Final = re.compile(
    r"(?i)(?:\A|\n)(?:\w+\.){0,4}(?:\w+_)?(?:ean|gtin|upc|isbn|issn|barcode)(?:_?1[0-4])?: \Z"
)
_URL_SCORE: Final = 0.5
"""Public addresses of the web score lower; those that name an account or carry a secret score higher."""
_BARE_DIGITS: Final = 9
_LETTERED_DIGITS: Final = 7
"""Fewer digits, alone or beside letters, which only the names model takes for a number of somebody, are counts, parts and record
numbers far more often."""
_CHECKED: Final = frozenset(("NATIONAL_ID", "CREDIT_CARD", "PHONE_NUMBER"))
_UUID: Final = re.compile(r"(?i)(?<![0-9a-z-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z-])")
_RECORD_NUMBER: Final = re.compile(
    r"(?i)(?:\A|\n)(?:\w+\.){0,4}_?(?:(?:user|customer|account|record|row|doc|document|order|item|product|article|post|page|review|message|msg|thread|event"
    r"|session|transaction|ticket|issue|file|image|video|sample|example|question|batch|group|category|parent)[._ ]?)?u?id: \Z"
)
"""The name of a column that numbers records: one in ten numbers of the right length has the check digit of some national number."""
_YEAR: Final = r"(?!(?:19|20)\d\d(?!\d))"
_NUMBER_BEHIND: Final = re.compile(
    rf"[\s,]{{0,2}}(?:n[º°r]?\.?\s?|no\.?\s?|nr\.?\s?)?{_YEAR}\d{{1,4}}(?:[a-zA-Z]\b|\b)(?!\s*(?:%|st|nd|rd|th|\.\d))"
)
_NUMBER_BEFORE: Final = re.compile(
    rf"(?<![\d.,]){_YEAR}\d{{1,4}}(?:\s?[a-zA-Z])?(?:\s(?:bis|ter))?,?\s(?:[a-z]{{2,10}}\s)?\Z"
)
_REACH: Final = 24
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_TITLE: Final = re.compile(
    r"(?i:\b(?:mr|mrs|ms|miss|dr|dra|prof|profª|professor|herr|herrn|frau|hr|fr|sr|sra|srta|don|doña|dona|m|mme|mlle|monsieur|madame|maître|me"
    r"|sig|signor|signora|sig\.ra|dott|dott\.ssa|avv|dhr|mevr|meneer|mevrouw|pan|pani|pana|panem|mgr|inż)\b\.?\s)\Z"
    r"|\b[A-ZÀ-ÖØ-Þ]\.\s?\Z"
)
_ARTICLE: Final = re.compile(
    r"(?i:\b(?:an?|the|this|that|every|my|your|his|her|its|our|their|k?eine?[mnrs]?|mein|dein|un[ao]?|el|los|las?|le|les|une|il|lo|i"
    r"|uma?|os?|het|een|de))\s\Z"
)
"""What stands before a thing: `a young fox` is nobody, whatever its words are elsewhere."""
_ALONE: Final = re.compile(r"(?:\A|\n)[^\n:]{1,64}: \Z")
_NAME_GAP: Final = 2
_NAME_KINDS: Final = frozenset(("PERSON", "LOCATION", "ORGANIZATION"))
"""Half of a rare name is often taken for one of these."""


class Hit(NamedTuple):
    """An identifier in a record; `kind` is the span's, or ADDRESS."""

    kind: str
    span: Span


class Counting:
    """What counts. `reserved`: values of the reserved ranges that realistic surrogates are drawn from are nobody's."""

    def __init__(self, *, reserved: bool) -> None:
        self._reserved = reserved

    def hits(self, text: str, spans: Iterable[Span]) -> Iterator[Hit]:
        """Yield the identifiers among the spans of a text."""
        spans = tuple(spans)
        codes = [match.span() for match in _UUID.finditer(text)] if spans and text.count("-") > 3 else ()
        for span in spans:
            if any(span.start < high and span.end > low for low, high in codes):
                continue
            kind = _kind(text, span, spans)
            if kind is not None and not self._is_nobodys(kind, text[span.start : span.end]):
                yield Hit(kind, span)

    def _is_nobodys(self, kind: str, value: str) -> bool:
        """Tell whether a value is made up: of words that nobody is called by, or where reserved ones are left out, reserved."""
        if self._reserved:
            return is_made_up(value)
        words = kind in WORD_KINDS or kind in {"EMAIL_ADDRESS", "ADDRESS"}
        return (words and is_made_up(value)) or is_code(value)


def _kind(text: str, span: Span, spans: tuple[Span, ...]) -> str | None:
    value = text[span.start : span.end]
    if span.kind == "PERSON":
        is_code_word = value.isupper() and any(map(str.isdigit, value))
        return None if is_code_word or is_lone(text, span, spans) else span.kind
    if span.kind == "LOCATION":
        return "ADDRESS" if _has_number(text, span, spans) else None
    if span.kind in HINTS or (span.kind == "URL" and span.score < _URL_SCORE):
        return None
    if span.rule == "names-id-number":
        least = _LETTERED_DIGITS if any(map(str.isalpha, value)) else _BARE_DIGITS
        return span.kind if sum(map(str.isdigit, value)) >= least else None
    if span.kind in _CHECKED and value.isdigit() and text[span.end : span.end + 1] in ("", "\n"):
        left = text[max(0, span.start - _REACH * 3) : span.start]
        if _CATALOGUE_NUMBER.search(left) or (span.kind == "NATIONAL_ID" and _RECORD_NUMBER.search(left)):
            return None
    return span.kind


def is_lone(text: str, span: Span, spans: Iterable[Span]) -> bool:
    """Tell whether a person's span is one word, and nothing beside it says that it is a name."""
    words = [word for word in _WORD.findall(text[span.start : span.end]) if not _is_little(word)]
    left = text[max(0, span.start - _REACH * 3) : span.start]
    capitals = [word for word in words if not word[0].islower()]
    if not capitals and _ARTICLE.search(left):
        return True
    # Beside a word with a capital, one without is none of the name: `Dolores de espalda`.
    words = capitals or words
    if len(words) != 1:
        return not words
    if _TITLE.search(left):
        return False
    if _ALONE.search(left) and text[span.end : span.end + 1] in ("", "\n"):
        return False
    return not any(other.kind in _NAME_KINDS and other is not span and _is_beside(text, span, other) for other in spans)


def _is_beside(text: str, span: Span, other: Span) -> bool:
    """Tell whether the rest of a name stands beside its half: a word written as that one is."""
    words = _WORD.findall(text[other.start : other.end])
    if 0 <= other.start - span.end <= _NAME_GAP:
        next_word, between = words[0] if words else "", text[span.end : other.start]
    elif 0 <= span.start - other.end <= _NAME_GAP:
        next_word, between = words[-1] if words else "", text[other.end : span.start]
    else:
        return False
    # No name goes on behind the end of a sentence or a line.
    if between.strip(" ,-'’"):
        return False
    half = next((word for word in _WORD.findall(text[span.start : span.end]) if not _is_little(word)), "")
    return not _is_little(next_word or "a") and next_word[0].islower() == half[:1].islower()


def _is_near(span: Span, other: Span) -> bool:
    return 0 <= other.start - span.end <= _NAME_GAP or 0 <= span.start - other.end <= _NAME_GAP


def _has_letter(text: str, span: Span) -> bool:
    return any(map(str.isalpha, text[span.start : span.end]))


def _is_little(word: str) -> bool:
    """Tell whether a word is no part of a name; a capital letter is an initial."""
    return word.lower() in LITTLE_WORDS and not (len(word) == 1 and word.isupper())


def _has_number(text: str, span: Span, spans: tuple[Span, ...]) -> bool:
    """Tell whether a place has the number of a house or of a post district in it or beside it."""
    value = text[span.start : span.end]
    if any(map(str.isdigit, value)):
        # Digits alone are a postcode beside a town, and a number of anything elsewhere.
        return any(map(str.isalpha, value)) or any(
            other.kind == "LOCATION" and _is_near(span, other) and _has_letter(text, other) for other in spans
        )
    behind = _NUMBER_BEHIND.match(text, span.end, span.end + _REACH)
    before = _NUMBER_BEFORE.search(text[max(0, span.start - _REACH) : span.start])
    places = [match.span() for match in (behind,) if match]
    if before:
        shift = max(0, span.start - _REACH)
        places.append((before.start() + shift, before.end() + shift))
    # A day or an amount beside a town is none.
    return any(
        not any(other.kind in {"DATE_TIME", "QUANTITY"} and other.start < high and other.end > low for other in spans)
        for low, high in places
    )
