"""What a file is, by its first bytes; its name tells only between forms of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final


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
_MAGIC: Final[tuple[tuple[int, bytes, Form], ...]] = (
    (0, b"\x1f\x8b", Form("gzip", is_packed=True)),
    (0, b"\x28\xb5\x2f\xfd", Form("zstd", is_packed=True)),
    (0, b"BZh", Form("bzip2", is_packed=True)),
    (0, b"\xfd7zXZ\x00", Form("xz", is_packed=True)),
    (257, b"ustar", Form("tar", is_packed=True, seeks=True)),
    (0, b"PAR1", Form("parquet", seeks=True)),
    (0, b"ARROW1", Form("arrow", seeks=True)),
    (0, b"\xff\xff\xff\xff", Form("arrow", seeks=True)),
    (0, b"SQLite format 3\x00", Form("sqlite", seeks=True)),
    (0, b"%PDF-", Form("pdf", seeks=True)),
    (0, b"\xff\xd8\xff", Form("image")),
    (0, b"\x89PNG\r\n\x1a\n", Form("image")),
    (0, b"GIF8", Form("image")),
    (0, b"II*\x00", Form("image")),
    (0, b"MM\x00*", Form("image")),
    (0, b"BM", Form("image")),
    (8, b"WEBP", Form("image")),
    (4, b"ftypheic", Form("image")),
    (4, b"ftypheix", Form("image")),
    (4, b"ftypmif1", Form("image")),
    (4, b"ftypavif", Form("image")),
    (4, b"ftyp", Form("mp4")),
    (0, b"ID3", Form("mp3")),
    (0, b"fLaC", Form("flac")),
    (0, b"OggS", Form("ogg")),
    (8, b"WAVE", Form("wav")),
    (8, b"AVI ", Form("wav")),
    (8, b"AIFF", Form("aiff")),
    (8, b"AIFC", Form("aiff")),
    (0, b"8BPS", Form("image")),
    (0, b"\x00\x00\x01\x00", Form("image")),
    (0, b"GGUF", Form("gguf")),
)
_PDF_HEAD: Final = re.compile(rb"(?m)^%PDF-\d")
_MAIL_HEAD: Final = re.compile(rb"(?i)\A(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}", re.ASCII)
_NETPBM: Final = re.compile(rb"P[4-7]\s(?:\s|#[^\n]*\n|WIDTH )*\d+\s")
"""Pictures whose numbers may look like letters."""
_MAIL_FIELD: Final = re.compile(rb"(?im)^(?:received|message-id|mime-version|delivered-to|return-path):")


def form_of(head: bytes, name: str) -> Form:
    """Return the form of a file with this head and name."""
    is_plain = _is_plain(head)
    for place, mark, form in _MAGIC:
        # A text may begin with "BMW" or "ID3": of what is text from end to end, no mark says otherwise but that of PDF.
        if head[place : place + len(mark)] == mark and not (is_plain and form.name != "pdf"):
            return form
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip(head)
    if (is_begun := _PDF_HEAD.search(head[:1024])) and (not is_plain or b" obj" in head[is_begun.end() :]):
        return Form("pdf", seeks=True)
    return _text(head, name) if _is_text(head) and not _NETPBM.match(head) else _binary(head, name)


def _binary(head: bytes, name: str) -> Form:
    """Return the form of what has no mark that tells it by itself."""
    if head[:1] == b"\xff" and head[1:2] in _SOUND:
        return Form("mp3")
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 28:
        return Form("safetensors")
    if name.lower().endswith(".onnx") and head[:1] == b"\x08":
        return Form("onnx", seeks=True)
    return Form("unknown", is_known=not head)


def _zip(head: bytes) -> Form:
    if b"[Content_Types].xml" in head or b"_rels/.rels" in head or b"docProps/" in head:
        return Form("office", seeks=True)
    if head[30:38] == b"mimetype" and (b"opendocument" in head[:120] or b"epub" in head[:120]):
        return Form("office", seeks=True)
    return Form("zip", is_packed=True, seeks=True)


_SOUND: Final = frozenset((b"\xfb", b"\xfa", b"\xf3", b"\xf2", b"\xf1", b"\xf9"))
"""The second byte of a frame of MPEG audio or AAC."""
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
    if lower.startswith(b"{\\rtf"):
        return Form("rtf")
    if lower.startswith((b"<!doctype html", b"<html")):
        return Form("html")
    if lower.startswith(b"<?xml"):
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
