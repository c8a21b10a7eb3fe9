"""Marked content in a content stream: what of its properties is kept.

Invariants: a tag is a standard one; a property is a number or name of the format, or a text that is given out to be rewritten.
"""

from __future__ import annotations

import re
from typing import Final

from privet.metadata import pdf_tokens as tokens
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

    from privet.metadata.pdf_values import written

    return written(String(value)) if value[:2] not in {b"\xfe\xff", b"\xff\xfe"} else value.decode("utf-16", "replace")
