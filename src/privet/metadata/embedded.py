"""Files inside a text: `data:` addresses, and pictures written in base64.

Invariants: a file inside a text is cleaned like a file of its own or gives way to an empty address; one that is clean already stays as
it was written.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from privet.metadata.job import Job

EMPTY_ADDRESS: Final = "data:,"
EXTENSIONS: Final = {
    "application/json": "json", "application/pdf": "pdf", "application/zip": "zip", "application/xml": "xml", "audio/mpeg": "mp3",
    "audio/ogg": "ogg", "audio/wav": "wav", "audio/x-wav": "wav", "audio/flac": "flac", "image/avif": "avif", "image/bmp": "bmp",
    "image/gif": "gif", "image/heic": "heic", "image/heif": "heif", "image/jpeg": "jpg", "image/jpg": "jpg", "image/png": "png",
    "image/svg+xml": "svg", "image/tiff": "tif", "image/webp": "webp", "image/x-icon": "ico", "text/calendar": "ics", "text/css": "css",
    "text/csv": "csv", "text/html": "html", "text/markdown": "md", "text/plain": "txt", "text/vcard": "vcf", "text/x-vcard": "vcf",
    "text/xml": "xml", "text/javascript": "js", "application/javascript": "js", "application/rtf": "rtf", "text/rtf": "rtf",
    "application/xhtml+xml": "xhtml", "application/gzip": "gz", "application/x-tar": "tar", "message/rfc822": "eml",
    "application/msword": "doc", "application/vnd.ms-excel": "xls", "application/vnd.ms-powerpoint": "ppt", "video/mp4": "mp4",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.oasis.opendocument.text": "odt", "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/x-ipynb+json": "ipynb", "application/vnd.ms-outlook": "msg",
}  # fmt: skip
_HEAD: Final = re.compile(r"\s*+data:\s*+([\w.+-]++/[\w.+-]++)?((?:;[^;,\"'<>]*+)*+),", re.IGNORECASE)
_IN_TEXT: Final = re.compile(
    r"data:([\w.+-]{1,99}/[\w.+-]{1,99})?(?:;[\w-]{1,40}=[\w.-]{1,80}){0,8};base64,[A-Za-z0-9+/=_%-]++", re.IGNORECASE
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\s]++={0,2}\s*+")
_MIN_BASE64_CHARS: Final = 64
_MAGIC: Final = (
    (b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF8", "gif"), (b"RIFF", "webp"), (b"%PDF", "pdf"), (b"PK\x03\x04", "zip"),
    (b"II*\0", "tif"), (b"MM\0*", "tif"), (b"BM", "bmp"), (b"\x1f\x8b", "gz"), (b"ID3", "mp3"), (b"fLaC", "flac"), (b"OggS", "ogg"),
    (b"\xd0\xcf\x11\xe0", "doc"), (b"<svg", "svg"), (b"<?xml", "xml"), (b"{\\rtf", "rtf"),
)  # fmt: skip


def extension(media_type: str) -> str:
    """Return the file extension of a media type, "bin" where it is not known."""
    return EXTENSIONS.get(media_type.lower(), "bin")


def is_data_url(url: str) -> bool:
    """Tell whether an address holds its file itself."""
    return url[:64].lstrip().lower().startswith("data:")


def data_url(url: str, job: Job) -> str:
    """Return a `data:` address whose file is clean, or an empty one where that cannot be."""
    head = _HEAD.match(url)
    if head is None:
        job.dropped("embedded file")
        return EMPTY_ADDRESS
    body = url[head.end() :]
    if not body.strip():
        return EMPTY_ADDRESS
    raw: bytes | None = unquote_to_bytes(body)
    if head[2].lower().replace(" ", "").endswith(";base64"):
        raw = decoded(raw or b"")
    media_type = (head[1] or "text/plain").lower()
    name = f"embedded.{extension(media_type)}"
    if raw is None:
        job.leave_out(name, "its encoding is broken")
        return EMPTY_ADDRESS
    new = job.member(name, raw)
    if new is None:
        return EMPTY_ADDRESS
    if new.content == raw and set(head[2].lower().split(";")) <= {
        "",
        "base64",
        "utf8",
        "charset=utf-8",
        "charset=us-ascii",
    }:
        return url
    charset = (
        ";charset=utf-8" if media_type.startswith("text/") and b"charset=utf-8" in head[2].lower().encode() else ""
    )
    return f"data:{media_type}{charset};base64,{base64.b64encode(new.content).decode('ascii')}"


def in_text(text: str, job: Job) -> str:
    """Return a text in which the files of its base64 `data:` addresses are clean."""
    if ";base64," not in text:
        return text
    return _IN_TEXT.sub(lambda found: data_url(found[0], job), text)


def base64_text(text: str, job: Job) -> str | None:
    """Return a text that is nothing but a known kind of file in base64 with the file cleaned, or None for any other text."""
    if len(text) < _MIN_BASE64_CHARS or _BASE64.fullmatch(text) is None:
        return None
    # Four characters stand for three bytes: the first 16 say what it is.
    start = decoded("".join(text[:120].split())[:16].encode()) or b""
    kind = next((kind for magic, kind in _MAGIC if start.startswith(magic)), "")
    raw = decoded(text.encode()) if kind else None
    if raw is None:
        return None
    new = job.member(f"embedded.{kind}", raw)
    if new is None:
        return ""
    return text if new.content == raw else base64.b64encode(new.content).decode("ascii")


def decoded(raw: bytes) -> bytes | None:
    """Return what base64 stands for, in either alphabet and with white space between, or None where it is broken."""
    packed = b"".join(raw.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
