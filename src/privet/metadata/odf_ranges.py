"""Formulas and addresses of OpenDocument: which columns they refer to.

Invariants:

- What is not understood refers to everything.
"""

from __future__ import annotations

import re
from typing import Final

from privet.metadata.sheet_rows import Span, place_of

_TEXTS: Final = re.compile(r'"(?:[^"]|"")*"')
_BRACKETS: Final = re.compile(r"\[((?:[^\]']|'(?:[^']|'')*')*)\]")
_ADDRESS: Final = re.compile(
    r"(?:\$?(?P<sheet>'(?:[^']|'')*'|[^.\s:$'\[\]#]+))?\.\$?(?P<column>[A-Za-z]{1,3})?\$?[0-9]{0,7}"
)
_FAR: Final = re.compile(r"\b(?:INDIRECT|OFFSET|GETPIVOTDATA|CELL|MULTIPLE\.OPERATIONS)\s*\(", re.IGNORECASE)
_NAME: Final = re.compile(r"[^\W\d][\w.]*")
_COPY: Final = re.compile(r"(?:of:|oooc:)?=\+?\[[^\[\]]*\]")


def spans_of(formula: str, names: set[str]) -> list[Span]:
    """Return what a formula refers to; `names` lead to what is not known.

    >>> spans_of("of:=SUM([$Data.C2:.D9])+[.B1]", set())
    [Span(sheet='Data', first=2, last=3), Span(sheet='', first=1, last=1)]
    """
    bare = _TEXTS.sub('""', formula)
    prefix, _, _rest = bare.partition("=")
    known = prefix in ("", "of:", "oooc:")
    words = _NAME.findall(_BRACKETS.sub("", bare)) if names else ()
    if not known or _FAR.search(bare) or any(word.lower() in names for word in words):
        return [Span(None)]
    return [addressed(found[1]) for found in _BRACKETS.finditer(bare)]


def addressed(text: str) -> Span:
    """Return the columns of a range.

    >>> addressed("$'My Sheet'.$C$2:.$D$9")
    Span(sheet='My Sheet', first=2, last=3)
    """
    found = list(_ADDRESS.finditer(text))
    sheets = {name[1:-1].replace("''", "'") if name[:1] == "'" else name for one in found if (name := one["sheet"])}
    if not found or len(sheets) > 1 or "#" in text:
        return Span(None)
    sheet = sheets.pop() if sheets else ""
    places = sorted(place_of(one["column"]) for one in found if one["column"])
    return Span(sheet, places[0], places[-1]) if len(places) == len(found) else Span(sheet)


def is_copy(formula: str) -> bool:
    """Tell whether a formula is nothing but another cell.

    >>> is_copy("of:=[$Data.C2]"), is_copy("of:=[.C2]+1")
    (True, False)
    """
    return _COPY.fullmatch(formula) is not None
