"""What a file is, by its first bytes; its name tells only between forms of text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from privet.audit.marks import MARKS, PACKED, SEEKING, SOUND, UNREADABLE


@dataclass(frozen=True, slots=True)
class Form:
    """`is_packed`: other files are inside; `seeks`: cannot be read as it streams; `is_known`: it is known to hold no records."""

    name: str
    is_packed: bool = False
    seeks: bool = False
    is_known: bool = True


_TEXT_NAMES: Final = {
    "jsonl": "jsonl", "ndjson": "jsonl", "json": "json", "csv": "csv", "tsv": "tsv", "html": "html", "htm": "html", "xhtml": "html",
    "xml": "xml", "svg": "xml", "rss": "xml", "eml": "mail", "mbox": "mailbox", "ipynb": "notebook",
}  # fmt: skip
_PDF_HEAD: Final = re.compile(rb"(?m)^%PDF-\d")
_SURE: Final = frozenset(("pdf", "fits"))
_TORRENT: Final = re.compile(rb"d\d{1,2}:[a-z]")
_MAIL_HEAD: Final = re.compile(rb"(?i)\A(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}", re.ASCII)
_NETPBM: Final = re.compile(rb"P(?:[4-7]|[Ff])\s(?:\s|#[^\n]*\n|WIDTH )*\d+\s")
"""Pictures whose numbers may look like letters."""
_MAIL_FIELD: Final = re.compile(rb"(?im)^(?:received|message-id|mime-version|delivered-to|return-path):")


def form_of(head: bytes, name: str) -> Form:
    """Return the form of a file with this head and name."""
    is_plain = _is_plain(head)
    for place, mark, found in MARKS:
        # A text may begin with "BMW" or "ID3": of what is text from end to end, no mark says otherwise but those of PDF and FITS.
        if head[place : place + len(mark)] == mark and not (is_plain and found not in _SURE):
            return _named(found)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip(head)
    if (is_begun := _PDF_HEAD.search(head[:1024])) and (not is_plain or b" obj" in head[is_begun.end() :]):
        return Form("pdf", seeks=True)
    if _TORRENT.match(head) and b"4:infod" in head:
        return Form("torrent")
    return _text(head, name) if _is_text(head) and not _NETPBM.match(head) else _binary(head, name)


def _named(name: str) -> Form:
    return Form(name, is_packed=name in PACKED, seeks=name in SEEKING, is_known=name not in UNREADABLE)


def _binary(head: bytes, name: str) -> Form:
    """Return the form of what has no mark that tells it by itself."""
    for found, is_one in _SHORT.items():
        if is_one(head, name.lower()):
            return _named(found)
    return Form("unknown", is_known=not head)


def _is_transport(head: bytes, _name: str) -> bool:
    return any(len(marks := head[first::step][:8]) > 1 and not marks.strip(b"G") for step, first in _PACKETS)


def _is_icon(head: bytes, _name: str) -> bool:
    count = int.from_bytes(head[4:6], "little")
    return (
        head[:3] in (b"\0\0\1", b"\0\0\2")
        and 0 < count <= 1024
        and int.from_bytes(head[18:22], "little") >= 6 + 16 * count
    )


_PACKETS: Final = ((188, 0), (192, 4), (204, 0))
_SHORT: Final[dict[str, Callable[[bytes, str], bool]]] = {
    "icons": _is_icon,
    "tagged": lambda head, _name: head[:1] == b"\xff" and head[1:2] in SOUND,
    "safetensors": lambda head, _name: head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 28,
    "netpbm": lambda head, _name: bool(_NETPBM.match(head)),
    "pcx": lambda head, _name: (
        head[:1] == b"\n" and head[1:2] in b"\0\2\3\4\5" and head[2:3] in b"\0\1" and len(head) >= 128
    ),
    "onnx": lambda head, name: head[:1] == b"\x08" and name.endswith((".onnx", ".pb")),
    "transport": _is_transport,
    "pickle": lambda head, _name: head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5",
    "targa": lambda head, name: name.endswith((".tga", ".targa", ".vda", ".icb", ".vst")) and head[1:2] in b"\0\1",
}
"""Forms whose marks are short, or that have none: looked for where nothing else is found, in this order."""


def _zip(head: bytes) -> Form:
    if b"[Content_Types].xml" in head or b"_rels/.rels" in head or b"docProps/" in head:
        return Form("office", seeks=True)
    if head[30:38] == b"mimetype" and (b"opendocument" in head[:120] or b"epub" in head[:120]):
        return Form("office", seeks=True)
    return Form("zip", is_packed=True, seeks=True)


_CONTROLS: Final = bytes(byte for byte in range(32) if byte not in (9, 10, 12, 13, 27))


def _is_plain(head: bytes) -> bool:
    """Tell whether a head is UTF-8 without a single control character."""
    if head.translate(None, _CONTROLS) != head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character may be cut at the end of what was read.
        return error.start >= len(head) - 3 and len(head) > _CUT
    return bool(head)


_CUT: Final = 1024


def _is_text(head: bytes) -> bool:
    if (
        head[:2] in (b"\xff\xfe", b"\xfe\xff")
        or head[1::2].count(0) > len(head) * 0.4
        or head[::2].count(0) > len(head) * 0.4
    ):
        return bool(head) and head.count(0) <= len(head) * 0.55
    controls = sum(head.count(byte) for byte in range(32) if byte not in (9, 10, 12, 13, 27))
    return controls <= len(head) // 200


def _text(head: bytes, name: str) -> Form:  # noqa: PLR0911 (one return a form)
    suffix = PurePosixPath(name).suffix.lower().lstrip(".")
    known = _TEXT_NAMES.get(suffix)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    lower = start[:256].lower()
    if known == "json" and start.startswith(b"{") and _is_lines(start):
        return Form("jsonl")
    if known:
        return Form(known)
    if lower.startswith(b"%!ps"):
        return Form("postscript")
    if lower.startswith(b"{\\rtf"):
        return Form("rtf")
    if lower.startswith((b"<!doctype html", b"<html")):
        return Form("html")
    if lower.startswith((b"<?xml", b"<svg")):
        return Form("xml")
    if start.startswith(b'{"') and _is_lines(start):
        return Form("jsonl")
    if start.startswith(b"From ") and b"\n" in start:
        return Form("mailbox")
    if _MAIL_HEAD.match(start) and _MAIL_FIELD.search(start):
        return Form("mail")
    return Form("text")


def _is_lines(start: bytes) -> bool:
    """Tell whether a text that begins with an object has another one on its second line."""
    first, _, rest = start.partition(b"\n")
    return first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{")
