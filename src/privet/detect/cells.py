"""Identifiers in short values that stand alone: cells of tables, fields of records. The name of the column is their context.

Invariants:

- What is found in a value depends on the value and the name of its column alone, never on other values.
- Patterns count in every column. What the names model says of a few bare words counts where the column speaks of such things; a word
  in lower case, a code, a short number or a measure by itself is weak evidence elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from privet.detect.engine import Detector, added
from privet.detect.field_words import ACCOUNTS, ORDINARY, UNTOLD
from privet.detect.fields import hints_of_field, spoken
from privet.records import NAMES_KINDS, Span

MAX_CELL_CHARS: Final = 64
"""Longer values are texts: their own words are context enough."""
_BARE_WORDS: Final = 4
"""So many words are no sentence."""
_CODE: Final = re.compile(r"(?=.*\d)[^a-z\s]{2,}|[A-Z]{1,4}")
_MEASURE: Final = re.compile(
    r"[-+~<>≤≥]?\s?\d{1,5}(?:[.,]\d+)?(?:\s?[-–/]\s?\d{1,5}(?:[.,]\d+)?)?\s?[^\W\d_]{0,4}[%°²³]?[CF]?"
)
_DATE: Final = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)?"
    r"|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)(?:,? \d{1,2}:\d\d(?::\d\d)?(?: ?[AaPp][Mm])?)?"
)
_WHOLE_SCORE: Final = 0.6
_NAME_WORD: Final = re.compile(r"[^\W\d_]+")
_NAME: Final = re.compile(r"[^\W\d_]+(?:(?:, |\. ?| |-|['’])[^\W\d_]+)*\.?")
_NAME_WORDS: Final = 5
_SHORT_NAME_WORDS: Final = 3
_PARTICLE: Final = 3
"""Longest word in lower case inside a name: van, der, dos."""
_ACCOUNT: Final = re.compile(r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*")
_NOBODY: Final = frozenset(
    ("root", "admin", "administrator", "system", "guest", "anonymous", "unknown", "nobody", "none", "null",
     "nan", "user", "users", "assistant", "human", "bot", "yes", "no", "ok", "okay", "true", "false", "hello",
     "hi", "hey", "thanks", "test", "default", "public")
)  # fmt: skip
"""Words in a column of accounts that are nobody's."""
_HANDLES: Final = re.compile(r"\s*@\w[\w.]{1,30}(?:[\s,;]+@\w[\w.]{1,30})*\s*", re.ASCII)
_HANDLE: Final = re.compile(r"@\w[\w.]*(?<!\.)", re.ASCII)
_NO_HANDLES: Final = frozenset(
    ("@property", "@staticmethod", "@classmethod", "@abstractmethod", "@dataclass", "@override", "@overload", "@cached_property",
     "@deprecated", "@test", "@param", "@return", "@returns", "@throws", "@see", "@since", "@media", "@import", "@charset",
     "@keyframes", "@supports")
)  # fmt: skip
"""Words of programs that are written like a handle."""
_BARCODE: Final = re.compile(r"\d{8}|\d{12,14}")
_BARCODES: Final = frozenset(("ean", "gtin", "upc", "isbn", "barcode"))
_SHORT: Final = 2
_SURE_WORD: Final = {"PERSON": 0.8, "LOCATION": 0.75}
"""The least score of one word in a column that speaks of something else: 95 of 100 given names have more, half of such words less."""
_SURE: Final = 0.75
"""The least score of a name of several words in a column of ordinary words."""
_HINTED: Final = frozenset(("NRP", "OCCUPATION", "MISC", "AGE", "ORGANIZATION"))
"""Kinds of which bare words are taken for far too often: only columns that speak of them count."""


class Cells:
    """Finds identifiers in short values. `finder` reads them with the name of the column, `patterns` without it as well."""

    def __init__(self, finder: Detector, patterns: Detector, kinds: frozenset[str]) -> None:
        self._finder = finder
        self._patterns = patterns
        self._kinds = kinds

    def find(self, values: Sequence[str], column: str) -> list[tuple[Span, ...]]:
        """Return the spans of each value."""
        said = spoken(column)
        lead = f"{said}: " if said else ""
        judge = _Judge(column, said)
        hints = hints_of_field(column)
        is_timed = "DATE_TIME" in hints & self._kinds
        is_personal = "PERSON" in hints & self._kinds
        looks_for_handles = "SOCIAL_HANDLE" in self._kinds
        holds_accounts = is_personal and said.rpartition(" ")[2] in ACCOUNTS
        found = self._finder.find_all([lead + value for value in values])
        out = []
        for value, spans, bare in zip(values, found, self._patterns.find_all(values), strict=True):
            kept = judge.kept(value, _inside(value, spans, len(lead))) if spans else []
            if bare and (alone := judge.kept(value, bare)):
                kept = added(value, alone, kept)
            if is_timed and _DATE.fullmatch(value.strip()):
                kept = added(value, kept, [_whole(value, "DATE_TIME", "column-date")])
            if kept and (kind := _kind_of_name(value, kept, is_personal=is_personal)):
                kept = [_whole(value, kind, kept[0].rule)]
            elif holds_accounts and not kept and _ACCOUNT.fullmatch(value) and value not in _NOBODY:
                kept = [_whole(value, "PERSON", "column-account")]
            elif not kept and looks_for_handles and value.lstrip()[:1] == "@":
                kept = _handles(value)
            out.append(tuple(kept))
        return out


def _whole(value: str, kind: str, rule: str) -> Span:
    """Return a span over a value without the white space at its ends."""
    return Span(len(value) - len(value.lstrip()), len(value.rstrip()), kind, _WHOLE_SCORE, rule)


def _handles(value: str) -> list[Span]:
    """Return the handles of a value that is nothing else: in a text a word says that it is one, and here nothing else can stand."""
    if not _HANDLES.fullmatch(value):
        return []
    found = [match.span() for match in _HANDLE.finditer(value) if match[0].lower() not in _NO_HANDLES]
    return [Span(start, end, "SOCIAL_HANDLE", _WHOLE_SCORE, "column-handle") for start, end in found]


def _kind_of_name(value: str, spans: Sequence[Span], *, is_personal: bool) -> str | None:
    """Return the kind of a value that is one name by its looks, of which only parts were found, or not as one: Ruiz, Ana."""
    bare = value.strip()
    words = _NAME_WORD.findall(bare)
    if not 1 < len(words) <= _NAME_WORDS or not _NAME.fullmatch(bare):
        return None
    if spans[0].end - spans[0].start >= len(bare) or not all(span.rule.startswith("names-") for span in spans):
        return None
    kinds = {span.kind for span in spans}
    if is_personal and ("PERSON" in kinds) and (len(kinds) == 1 or len(words) <= _SHORT_NAME_WORDS):
        return "PERSON"
    if len(kinds) == 1 and kinds <= {"PERSON", "LOCATION"}:
        return spans[0].kind if all(word[:1].isupper() or len(word) <= _PARTICLE for word in words) else None
    return None


def _inside(value: str, spans: Sequence[Span], shift: int) -> list[Span]:
    """Return what of the spans lies in the value that stands behind the name of its column."""
    out = []
    for span in spans:
        start, end = max(0, span.start - shift), span.end - shift
        if end > start and any(map(str.isalnum, value[start:end])):
            out.append(span._replace(start=start, end=end))
    return out


class _Judge:
    """Tells what is too weak to count in the values of a column."""

    def __init__(self, column: str, said: str) -> None:
        words = said.split()
        self._hints = hints_of_field(column)
        self._is_ordinary = self._hints == {ORDINARY}
        # A column that says what it holds, and no people or places, makes Ruby a stone.
        self._is_telling = not self._hints and any(len(word) > _SHORT and word not in UNTOLD for word in words)
        self._is_barcode = any(word in _BARCODES for word in words)

    def kept(self, value: str, spans: Iterable[Span]) -> list[Span]:
        """Return the spans that count."""
        return [span for span in spans if not self._is_weak(value.strip(), value[span.start : span.end], span)]

    def _is_weak(self, bare: str, text: str, span: Span) -> bool:
        if not span.rule.startswith("names-") or span.kind not in NAMES_KINDS:
            return self._is_barcode and span.kind == "CREDIT_CARD" and _BARCODE.fullmatch(bare) is not None
        if _MEASURE.fullmatch(bare) or span.kind == "QUANTITY":
            return True
        if self._is_ordinary:
            return span.kind != "PERSON" or span.score < _SURE or not _is_name(text)
        if len(bare.split()) > _BARE_WORDS or ("PERSON" in self._hints and _is_name(bare)):
            return False
        return self._is_weak_bare(bare, text, span)

    def _is_weak_bare(self, bare: str, text: str, span: Span) -> bool:
        """Tell whether a span is weak in a few words that are no sentence."""
        if span.kind == "DATE_TIME":
            return "DATE_TIME" not in self._hints and _DATE.search(text) is None
        if span.kind in self._hints or span.kind == "ID_NUMBER":
            return False
        is_word = " " not in text
        if self._is_telling and is_word and text == bare and span.score < _SURE_WORD.get(span.kind, 0.0):
            return True
        is_plain = not self._hints and ((is_word and text.islower()) or _CODE.fullmatch(bare) is not None)
        return is_plain or span.kind in _HINTED


def _is_name(text: str) -> bool:
    """Tell whether a text is written like the name of a person: several words with capitals."""
    words = text.split()
    return len(words) > 1 and all(word[:1].isupper() for word in words)
