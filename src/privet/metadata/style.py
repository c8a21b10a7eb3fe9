"""Style sheets: rules stay, comments go, strings and addresses are texts.

Invariant: what is neither a comment, a string nor an address stays as it was.
"""

from __future__ import annotations

import re
from typing import Final

from privet.metadata.embedded import data_url, is_data_url
from privet.metadata.job import Job
from privet.metadata.passage import PERCENT, STYLE, Coding, rewritten

_TOKEN: Final = re.compile(
    r"(?P<comment>/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)|<!--(?:[^-{}]|-(?!->)){0,500}+-->)"
    r"|(?P<url>(?<=url\()[ \t\n\r]*+(?![\"'])[^)\"']*+)"
    r"|(?P<string>\"(?:[^\"\\\n]|\\[\s\S])*+(?:\"|(?=\n)|\Z)|'(?:[^'\\\n]|\\[\s\S])*+(?:'|(?=\n)|\Z))"
    r"|(?P<import>@import\b[^;]*+;?)",
    re.IGNORECASE,
)
# Rules are not prose, but what has a sign of an address or is a long number is looked at.
_IDENTIFIER: Final = re.compile(r"[\w.]@\w|\\0*40|[0-9][0-9 -]{7}")
# Many fonts are named like people and places.
_FONT: Final = re.compile(r"\bfont(?:-family)?\s{0,9}:[^;{}]{0,200}\Z", re.IGNORECASE)
_FONT_CHARS: Final = 240
_FONT_NAME: Final = re.compile(r"[\"'][A-Za-z][A-Za-z _-]{0,39}[0-9]{0,3}[\"']")
_INTERESTING: Final = re.compile(r"/\*|url\(|[\"']|@import|<!--", re.IGNORECASE)


def rewritten_style(style: str, job: Job, *, is_local: bool = False) -> str:
    """Return a style sheet or the value of a `style` attribute, cleaned. A local one may load nothing from elsewhere."""
    if _IDENTIFIER.search(style) is None and _INTERESTING.search(style) is None:
        return style
    out: list[str] = []
    texts: dict[tuple[Coding, ...], list[int]] = {}
    last = 0
    for found in _TOKEN.finditer(style):
        before = style[last : found.start()]
        last = found.end()
        text, codings = _token(found, before, job, is_local=is_local)
        if _is_font(style, found):
            codings = None
        for part, how in ((before, (STYLE,) if _IDENTIFIER.search(before) is not None else None), (text, codings)):
            if how is not None:
                texts.setdefault(how, []).append(len(out))
            out.append(part)
    if _IDENTIFIER.search(style, last) is not None:
        texts.setdefault((STYLE,), []).append(len(out))
    out.append(style[last:])
    for codings, places in texts.items():
        for at, text in zip(places, rewritten([out[at] for at in places], job, "style", *codings), strict=True):
            out[at] = text
    return "".join(out)


def _is_font(style: str, found: re.Match[str]) -> bool:
    """Tell whether a string is the name of a font."""
    start = found.start()
    return (
        found.lastgroup == "string"
        and _FONT_NAME.fullmatch(found[0]) is not None
        and _FONT.search(style, max(0, start - _FONT_CHARS), start) is not None
    )


def _token(found: re.Match[str], before: str, job: Job, *, is_local: bool) -> tuple[str, tuple[Coding, ...] | None]:
    """Return what becomes of a token, and how it is written where it is a text."""
    kind, text = found.lastgroup, found[0]
    if kind == "comment":
        job.dropped("comment")
        # Two words do not become one.
        return " " if found.start() else "", None
    if kind == "import" and is_local:
        job.dropped("external reference")
        return "", None
    is_address = kind == "url" or before[-8:].rstrip().lower().endswith("url(")
    new = None if kind == "import" else _loaded(text, job, is_address=is_address, is_local=is_local)
    if new is not None:
        return new, None
    return text, (STYLE, PERCENT) if is_address else (STYLE,)


def _loaded(text: str, job: Job, *, is_address: bool, is_local: bool) -> str | None:
    """Return what becomes of a string or address that loads something, or None where it is a text."""
    bare = text.strip().strip("\"'")
    if is_data_url(bare):
        new = data_url(bare, job)
        return text if new == bare else f'"{new}"' if text[:1] in "\"'" else new
    if is_address and is_local and bare and not bare.startswith("#"):
        job.dropped("external reference")
        return ""
    return None
