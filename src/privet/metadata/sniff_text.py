"""Which kind of text a file is: what its content cannot be mistaken for first, then what its name says and its content allows.

Invariants:

- Bytes that are no text are never called text: no NUL outside UTF-16 and UTF-32, and hardly a control character.
- The ending of the name decides between kinds that look alike: CSV, Markdown, code and plain text.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Final

_CONTROLS: Final = bytes(sorted({*range(32), 127} - {*b"\t\n\r\f\v\b\x1b\x1a"}))
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_LOOKED_AT: Final = 16_384
"""characters that decide on a kind"""

_ENDINGS: Final = {
    "csv": "csv", "tsv": "tsv", "tab": "tsv", "jsonl": "jsonl", "ndjson": "jsonl", "jsonlines": "jsonl", "json": "json",
    "geojson": "json", "webmanifest": "json", "har": "json", "jsonld": "json", "md": "markdown", "markdown": "markdown",
    "mdx": "markdown", "html": "html", "htm": "html", "xhtml": "html", "xml": "xml", "xsl": "xml", "xsd": "xml", "rss": "xml",
    "atom": "xml", "kml": "xml", "gpx": "xml", "plist": "xml", "rdf": "xml", "owl": "xml", "xlf": "xml", "xliff": "xml",
    "tmx": "xml", "dita": "xml", "gml": "xml", "tcx": "xml", "fodt": "xml", "fods": "xml", "fodp": "xml", "svg": "svg",
    "eml": "mail", "mht": "mail", "mhtml": "mail", "mbox": "mbox", "ipynb": "notebook", "xmp": "xmp", "vcf": "vcard", "vcard": "vcard",
    "ics": "calendar", "ical": "calendar", "pkl": "pickle", "pickle": "pickle",
}  # fmt: skip
_CODE_ENDINGS: Final = (
    "py pyi js mjs ts tsx jsx css scss c h cc cpp hpp cs java kt go rs rb php pl sh bash zsh ps1 bat sql r jl lua swift scala"
    " yaml yml toml ini cfg conf env properties tex bib rst adoc org srt vtt sub po diff patch proto graphql dockerfile"
    " makefile cmake gradle tf hcl vue svelte erb j2 jinja tmpl"
)
_CODE: Final = frozenset(_CODE_ENDINGS.split())

_NOTEBOOK: Final = re.compile(r'\{\s*"(?:cells|metadata|nbformat|nbformat_minor)"\s*:')
_JSON: Final = re.compile(r'\{\s*["}]|\[\s*(?:["{\[\]-]|\d|true|false|null)')
_HTML: Final = re.compile(r"<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
_PROLOG: Final = 4096
"""characters in which the root of a markup file is looked for"""
_ROOT: Final = re.compile(r"<([A-Za-z_][\w.-]{0,60}:)?([A-Za-z_][\w.-]{0,80})[\s/>]")
_ROOTS: Final = {
    "svg": "svg", "office:document": "flat_odf", "x:xmpmeta": "xmp", "x:xapmeta": "xmp", "w:wordDocument": "wordml", "FictionBook": "fb2",
    "pkg:package": "flat_ooxml",
}  # fmt: skip
"""Vocabularies with a cleaner of their own, by their root as writers spell it."""
_UNFIT: Final = re.compile(
    r"P[1-6]\s(?:#[^\n]*\n){0,32}\s*\d+\s+\d+\s|%!|%FDF-|SIMPLE  =|#\?RADIANCE|#\?RGBE|d\d{1,3}:[a-z]"
)
"""pictures and documents of old or rare formats that look like texts"""
_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,70}):[ \t\r\n]")
_MAIL_FIELDS: Final = frozenset((
    "from", "to", "date", "subject", "message-id", "received", "return-path", "mime-version", "delivered-to", "content-type",
    "dkim-signature", "x-mailer", "reply-to", "cc", "bcc", "sender", "in-reply-to", "references", "authentication-results",
    "arc-seal", "x-received", "x-mozilla-status", "content-transfer-encoding", "x-originating-ip", "list-unsubscribe",
))  # fmt: skip
_PROOF: Final = frozenset(("message-id", "received", "return-path", "mime-version", "dkim-signature", "delivered-to"))
_PICKLE: Final = re.compile(r"(?:\((?:[dlt]p\d+|[ild])\n|c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n|ccopy_reg\n)")


def extension(name: str) -> str:
    """Return the ending of a name in lower case, without the dot.

    >>> extension("folder.d/rows.CSV"), extension("folder.d/rows")
    ('csv', '')
    """
    base = name.rpartition("/")[2]
    return base.rpartition(".")[2].lower() if "." in base else ""


def text_kind(head: bytes, tail: bytes, name: str, size: int) -> str:
    """Return the kind of a text, or an empty text where the bytes are none."""
    text = _decoded(head, tail)
    if text is None:
        return ""
    ending = extension(name)
    start = text[:_LOOKED_AT].lstrip("\ufeff \t\r\n\v\f")
    said = _ENDINGS.get(ending, "")
    found = _by_content(start, text, ending, is_whole=size <= len(head) and said not in {"json", "jsonl", "notebook"})
    if said == "pickle":
        return "pickle" if _PICKLE.match(start) and tail.rstrip()[-1:] == b"." else found
    if found == "unknown" or _UNFIT.match(text):
        return "postscript" if text.startswith("%!") else "unknown"
    if not said:
        return "text" if ending in _CODE and found not in {"html", "svg", "vcard", "calendar"} else found
    return _agreed(said, found, start)


def _agreed(said: str, found: str, start: str) -> str:
    """Return the kind that the name says where the content allows it, else what the content is."""
    if said in {"csv", "tsv", "markdown"}:
        # Any text is a table of one column, or Markdown; but mail and calendars under such a name are not.
        return (
            found
            if found in {"mail", "mbox", "vcard", "calendar", "svg"} or (found == "html" and said != "markdown")
            else said
        )
    if said == "jsonl" and found == "json" and "\n" not in start.rstrip():
        # One record is also one document.
        return said
    is_allowed = {
        "json": found not in {"notebook", "jsonl"} and start[:1] in {"{", "["},
        "jsonl": found not in {"notebook", "json"} and start[:1] in {"{", "["},
        "html": found != "svg" and start.startswith("<"),
        "xml": found not in _ROOTS.values() and start.startswith("<"),
        "mail": found == "text" and bool(_FIELD.match(start)),
        "mbox": start.startswith("From "),
        "xmp": start.startswith("<"),
    }
    return said if is_allowed.get(said, False) else found


def _decoded(head: bytes, tail: bytes) -> str | None:
    """Return the first characters, or None where the bytes are no text."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return _unmarked(head[: 4 * _LOOKED_AT], encoding)
    if b"\0" in head[:4096]:
        return _wide(head)
    for part in (head, tail):
        controls = len(part) - len(part.translate(None, _CONTROLS))
        if controls and (b"\0" in part or controls * 200 > len(part)):
            return None
    # The head may end inside a character.
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return None if len(head) - len(head.translate(None, _CONTROLS)) else head.decode("latin-1")


def _unmarked(head: bytes, encoding: str) -> str | None:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of ordinary text is zero."""
    part = head[: min(4096, len(head)) // 2 * 2]
    for encoding, zeros, others in (("utf-16-le", part[1::2], part[::2]), ("utf-16-be", part[::2], part[1::2])):
        if len(part) >= 8 and zeros.count(0) * 10 > len(zeros) * 7 and not others.count(0):
            text = _unmarked(head[: len(head) // 2 * 2], encoding)
            if text is not None and not re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text):
                return text
    return None


def _by_content(start: str, text: str, ending: str, *, is_whole: bool) -> str:
    first = start[:1]
    if first in {"{", "["}:
        return _json_kind(text, is_whole=is_whole)
    if first == "<":
        return _markup_kind(start)
    card = re.match(r"BEGIN:V(CARD|CALENDAR)\b", start, re.IGNORECASE)
    if card:
        return "vcard" if card[1].upper() == "CARD" else "calendar"
    if start.startswith("From ") and _is_mail(start.partition("\n")[2]):
        return "mbox"
    return "mail" if ending not in _CODE and _is_mail(start) else "text"


def _markup_kind(start: str) -> str:
    at = _root_at(start)
    if _HTML.match(start, at):
        return "html"
    root = _ROOT.search(start, at, at + _PROLOG)
    if root is not None and (kind := _ROOTS.get(root[0][1:-1]) or _ROOTS.get(root[2])):
        return kind
    return "xml" if start.startswith("<?xml") else "text"


def _root_at(start: str) -> int:
    """Return where the comments and instructions before a root end."""
    at = 0
    while True:
        closing = "-->" if start.startswith("<!--", at) else "?>" if start.startswith("<?", at) else ""
        end = start.find(closing, at) if closing else -1
        if end < 0:
            return at
        at = end + len(closing)
        while start[at : at + 1].isspace():
            at += 1


def _is_mail(start: str) -> bool:
    """Say whether a header of a mail stands here: known fields, one of which only mails have."""
    names = []
    for line in start.split("\n", 64)[:64]:
        if not line.strip():
            break
        if line[0] in " \t":
            continue
        match = _FIELD.match(line + "\n")
        if match is None:
            return False
        names.append(match[1].lower())
    known = _MAIL_FIELDS.intersection(names)
    return len(known) >= 2 and (bool(known & _PROOF) or {"from", "to", "subject"} <= known or {"from", "date"} <= known)


def _json_kind(text: str, *, is_whole: bool) -> str:
    text = text.lstrip("\ufeff \t\r\n")
    if _NOTEBOOK.match(text) and '"cells"' in text and ('"cell_type"' in text or '"nbformat"' in text):
        return "notebook"
    first, newline, rest = text.partition("\n")
    rest = rest.lstrip()
    if newline and rest and _is_json(first):
        return "jsonl" if rest[0] in "{[" else "text"
    return "json" if _JSON.match(text) and (not is_whole or _is_json(text)) else "text"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
