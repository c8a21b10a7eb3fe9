"""Marked content and inline pictures in a content stream: what of their properties is kept.

Invariants: a tag is a standard one; a property is a number or name of the format, or a text that is given out to be rewritten.
"""

from __future__ import annotations

import re
from typing import Final

from privet.metadata import pdf_tokens as tokens
from privet.metadata.pdf_embedded import bare_jpeg
from privet.metadata.pdf_reading import InlineText, Reading

STANDARD_TAGS: Final = frozenset(
    "Document DocumentFragment Part Art Article Sect Div BlockQuote Caption TOC TOCI Index NonStruct Private P H H1 H2 H3 H4 H5 H6 Title "  # noqa: SIM905
    "FENote Sub Aside L LI Lbl LBody Table TR TH TD THead TBody TFoot Span Quote Note Reference BibEntry Code Link Annot Ruby RB RT "
    "RP Warichu WT WP Figure Formula Form Em Strong Artifact".split()
)
_OTHER_TAGS: Final = frozenset({"OC", "ReversedChars", "Clip", "Tx"})
_TEXT_KEYS: Final = frozenset({b"/ActualText", b"/Alt", b"/E"})
_PLAIN_KEYS: Final = frozenset({b"/MCID", b"/Type", b"/Subtype", b"/BBox", b"/Attached", b"/Lang"})
_PLAIN_VALUE: Final = re.compile(rb"[\[\]\d.+\-\s]+\Z|/\w{1,16}\Z|\[[/\w\s]{0,60}\]\Z|\(\w{1,3}(?:-\w{1,8}){0,2}\)\Z")
_INLINE_END: Final = re.compile(rb"[\0\t\n\f\r ]EI(?=[\0\t\n\f\r \]]|/|\Z)")
_INLINE_JPEG: Final = re.compile(rb"/(?:F|Filter)\s*\[?\s*/DCT(?:Decode)?\b")
_SPACE: Final = b"\0\t\n\f\r "


def is_standard(tag: bytes) -> bool:
    """Whether a tag, with its slash, is one of the format's own."""
    name = tag[1:].decode("latin-1")
    return name in STANDARD_TAGS or name in _OTHER_TAGS


def clean_properties(out: Reading, span: tokens.Span) -> InlineText | None:
    """Keep what a reader needs of a property list in the stream; note the texts in it, return the one read instead of the glyphs."""
    actual = None
    data = out.data
    at = span.start + 2
    while found := tokens.TOKEN.match(data, at, max(at, span.end - 2)):
        begin = found.start(found.lastindex or tokens.OTHER)
        value = found.end()
        at = max(value, tokens.operand_end(data, value, span.end - 2))
        key = found.group(tokens.NAME) or b""
        token = data[value:at].strip(_SPACE)
        if key in _TEXT_KEYS and token[:1] in {b"(", b"<"} and token[:2] != b"<<":
            content = tokens.literal(token) if token.startswith(b"(") else tokens.hexadecimal(token)
            text = InlineText(at - len(token), at, text_of(content), key == b"/ActualText")
            out.texts.append(text)
            actual = text if text.replaces else actual
        elif key not in _PLAIN_KEYS or not _PLAIN_VALUE.match(token):
            out.patches.append((begin, at, b" "))
    return actual


def text_of(value: bytes) -> str:
    """Return the text of a PDF text string."""
    from pikepdf import String

    return str(String(value)) if value[:2] not in {b"\xfe\xff", b"\xff\xfe"} else value.decode("utf-16", "replace")


def inline_image(out: Reading, begin: int, end: int, hidden: bool) -> int:
    """Go past the inline picture whose BI stands at `begin`; return where its EI ends."""
    data = out.data
    start = data.find(b"ID", end)
    if start < 0:
        out.patches.append((begin, len(data), b" "))
        return len(data)
    samples = start + 3
    stop = _inline_stop(data, samples)
    if hidden:
        out.patches.append((begin, stop, b" "))
    elif _INLINE_JPEG.search(data[end:start]) and data[samples : samples + 2] == b"\xff\xd8":
        out.patches.append((samples, stop - 3, bare_jpeg(data[samples : stop - 3])))
    return stop


def _inline_stop(data: bytes, start: int) -> int:
    """Return the end of an inline picture's EI: one that instructions follow, not samples."""
    for found in _INLINE_END.finditer(data, start):
        if _goes_on(data, found.end()):
            return found.end()
    return len(data)


def _goes_on(data: bytes, at: int) -> bool:
    """Whether a content stream, rather than samples, goes on here."""
    for _token in range(8):
        found = tokens.TOKEN.match(data, at)
        if found is None:
            return True
        kind = found.lastindex
        if kind == tokens.OPERATOR:
            return found.group(kind) in tokens.OPERATORS
        if kind == tokens.OTHER:
            return found.group(kind) == b"("
        at = found.end()
    return True
