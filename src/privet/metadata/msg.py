"""Outlook messages: what a reader sees of one becomes a mail of the usual form, which is then cleaned as one.

Invariants:

- Who, to whom, when and about what, the body as text and as HTML, and the attached files are taken; every other property is left out:
  ids, servers, programs, times of changes, what Outlook remembers of contacts.
- A body that is only there as rich text becomes an attached file. Messages inside the message become mails inside the mail.
- The mail holds nothing that the clock or chance decides.

Source: MS-OXMSG, sections 2.1 to 2.4; MS-OXPROPS; MS-OXRTFCP, section 3.1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import BinaryIO, Final

from privet.metadata import mail
from privet.metadata.compound import Compound, Storage
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.mail_headers import parameter

_MAX_BYTES: Final = 256 * MIB
_PROPERTIES: Final = "__PROPERTIES_VERSION1.0"
_SUBJECT, _FROM_NAME, _FROM, _FROM_SMTP, _TO, _CC = "0037", "0C1A", "0C1F", "5D01", "0E04", "0E03"
_TEXT, _HTML, _RICH = "1000", "1013", "1009"
_NAME, _ADDRESS, _SMTP = "3001", "3003", "39FE"
_DATA, _LONG_NAME, _SHORT_NAME, _MIME, _CONTENT_ID = "3701", "3707", "3704", "370E", "3712"
_SENT, _DELIVERED, _CODE_PAGE, _BODY_CODE_PAGE = 0x0039, 0x0E06, 0x3FFD, 0x3FDE
_RECIPIENT_KIND, _METHOD = 0x0C15, 0x3705
_EMBEDDED_MESSAGE: Final = 5
_CODECS: Final = {65001: "utf-8", 20127: "ascii", 28591: "latin-1", 28592: "iso8859-2", 28605: "iso8859-15", 50220: "iso2022_jp",
                  51932: "euc_jp", 51949: "euc_kr", 54936: "gb18030", 1200: "utf-16-le", 20866: "koi8-r", 21866: "koi8-u"}  # fmt: skip
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+_-]{1,100}\Z")
_WORD_CHARS: Final = 20
_PLAIN: Final = re.compile(r"[\w .'-]*\Z", re.ASCII)


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the mail that a message is, cleaned.

    Raises:
        CannotClean: it is damaged, encrypted, or holds nothing.

    """
    data = source.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise CannotClean(f"a message larger than {_MAX_BYTES // MIB} MiB")
    file = Compound(data)
    job.dropped("message properties")
    made = _Message(file, file.root, job, 32).mail(0)
    mail.clean(io.BytesIO(made), target, job)


@dataclass(slots=True)
class _Message:
    """One message of a file: the file's own, or one attached to another."""

    file: Compound
    storage: Storage
    job: Job
    header: int
    """bytes before the fixed properties"""

    def mail(self, depth: int) -> bytes:
        fixed = self._fixed(self.storage, self.header)
        codec = _codec(fixed.get(_CODE_PAGE, fixed.get(_BODY_CODE_PAGE, 0)))
        lines = [self._sender(codec), *self._recipients(codec)]
        lines.append(_field("Subject", self._text(self.storage, _SUBJECT, codec)))
        lines.append(_date(fixed.get(_SENT, fixed.get(_DELIVERED, 0))))
        parts = self._bodies(codec, _codec(fixed.get(_BODY_CODE_PAGE, 0)))
        parts += self._attachments(codec, depth)
        return "".join(lines).encode("ascii") + b"MIME-Version: 1.0\r\n" + _multipart("mixed", parts)

    def _fixed(self, storage: Storage, header: int) -> dict[int, int]:
        """Return the properties of fixed size, by number."""
        data = self.file.content(storage, _PROPERTIES)[header:]
        return {
            number: value
            for kind, number, value in struct.iter_unpack("<HH4xQ", data[: len(data) // 16 * 16])
            if kind in (0x0003, 0x000B, 0x0040)
        }

    def _text(self, storage: Storage, number: str, codec: str) -> str:
        raw = self.file.content(storage, f"__SUBSTG1.0_{number}001F")
        if raw:
            return raw.decode("utf-16-le", "replace").strip("\0")
        return self.file.content(storage, f"__SUBSTG1.0_{number}001E").decode(codec, "replace").strip("\0")

    def _bytes(self, storage: Storage, number: str) -> bytes:
        return self.file.content(storage, f"__SUBSTG1.0_{number}0102")

    def _sender(self, codec: str) -> str:
        name = self._text(self.storage, _FROM_NAME, codec)
        return _field(
            "From",
            _address(name, self._text(self.storage, _FROM_SMTP, codec) or self._text(self.storage, _FROM, codec)),
            coded=False,
        )

    def _recipients(self, codec: str) -> list[str]:
        found: dict[int, list[str]] = {1: [], 2: [], 3: []}
        for name, storage in sorted(self.storage.storages.items()):
            if name.startswith("__RECIP_VERSION1.0_"):
                address = self._text(storage, _SMTP, codec) or self._text(storage, _ADDRESS, codec)
                kind = self._fixed(storage, 8).get(_RECIPIENT_KIND, 1) & 0xF
                found.get(kind, found[1]).append(_address(self._text(storage, _NAME, codec), address))
        if not any(found.values()):
            return [
                _field("To", self._text(self.storage, _TO, codec)),
                _field("Cc", self._text(self.storage, _CC, codec)),
            ]
        return [_field(name, ", ".join(found[kind]), coded=False) for kind, name in ((1, "To"), (2, "Cc"), (3, "Bcc"))]

    def _bodies(self, codec: str, body_codec: str) -> list[bytes]:
        bodies: list[bytes] = []
        plain = self._text(self.storage, _TEXT, codec)
        if plain.strip():
            bodies.append(_text_part("plain", plain))
        page = self._text(self.storage, _HTML, codec) or self._bytes(self.storage, _HTML).decode(body_codec, "replace")
        if page.strip("\0 \r\n"):
            bodies.append(_text_part("html", page.strip("\0")))
        rich = b"" if bodies else unpacked(self._bytes(self.storage, _RICH))
        if rich:
            return [_file_part("body.rtf", "application/rtf", rich, "")]
        return bodies if len(bodies) < 2 else [_multipart("alternative", bodies)]

    def _attachments(self, codec: str, depth: int) -> list[bytes]:
        out: list[bytes] = []
        for name, storage in sorted(self.storage.storages.items()):
            if not name.startswith("__ATTACH_VERSION1.0_"):
                continue
            inner = storage.storages.get(f"__SUBSTG1.0_{_DATA}000D")
            data = self._bytes(storage, _DATA)
            if data:
                title = self._text(storage, _LONG_NAME, codec) or self._text(storage, _SHORT_NAME, codec)
                kind = self._text(storage, _MIME, codec).lower()
                out.append(_file_part(title, kind, data, self._text(storage, _CONTENT_ID, codec)))
            elif (
                inner is not None
                and self._fixed(storage, 8).get(_METHOD) == _EMBEDDED_MESSAGE
                and depth < self.job.limits.max_depth
            ):
                made = _Message(self.file, inner, self.job, 24).mail(depth + 1)
                out.append(b"Content-Type: message/rfc822\r\n\r\n" + made)
            elif inner is not None:
                self.job.leave_out("attachment", "nested too deep, or an object of another program")
            else:
                self.job.dropped("link")
        return out


def _codec(page: int) -> str:
    codec = _CODECS.get(page, f"cp{page}" if page else "cp1252")
    try:
        "".encode(codec)
    except LookupError:
        return "cp1252"
    return codec


def _words(text: str) -> str:
    """Return a text of a header as encoded words (RFC 2047), or as it is where it is plain."""
    text = _CONTROL.sub(" ", text).strip()
    if text.isascii() and "=?" not in text:
        return text
    pieces = [text[at : at + _WORD_CHARS] for at in range(0, len(text), _WORD_CHARS)]
    words = (base64.b64encode(piece.encode("utf-8", "replace")).decode("ascii") for piece in pieces)
    return "\r\n ".join(f"=?utf-8?b?{word}?=" for word in words)


def _field(name: str, value: str, *, coded: bool = True) -> str:
    value = _words(value) if coded else value
    return f"{name}: {value}\r\n" if value else ""


def _address(name: str, address: str) -> str:
    """Return a mailbox; what Outlook has instead of addresses inside a company (X.500) is no address."""
    name, address = _CONTROL.sub(" ", name).strip(" '"), _CONTROL.sub("", address).strip()
    if "@" not in address or not address.isascii() or re.search(r"[\s<>,;]", address):
        address = ""
    if not name or name == address:
        return f"<{address}>" if address else ""
    shown = (
        name
        if _PLAIN.match(name)
        else _words(name)
        if not name.isascii()
        else '"{}"'.format(re.sub(r'["\\]', "", name))
    )
    return f"{shown} <{address}>" if address else shown


def _date(ticks: int) -> str:
    """Return the field of a time in tenths of microseconds since 1601."""
    try:
        moment = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return ""
    return f"Date: {format_datetime(moment)}\r\n" if ticks else ""


def _text_part(kind: str, text: str) -> bytes:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if not lines.endswith("\n"):
        lines += "\n"
    body = binascii.b2a_qp(lines.encode("utf-8", "replace"), istext=True).replace(b"\n", b"\r\n")
    return (
        b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        % kind.encode("ascii")
        + body
    )


def _file_part(name: str, kind: str, data: bytes, content_id: str) -> bytes:
    kind = (
        kind
        if _MEDIA_TYPE.match(kind) and not kind.startswith(("multipart/", "message/"))
        else "application/octet-stream"
    )
    header = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
    header += f"Content-Disposition: attachment{parameter('filename', name or 'attachment')}\r\n"
    shown = re.sub(r"[^!-;=?-~]", "", content_id)
    header += f"Content-ID: <{shown}>\r\n" if shown else ""
    body = base64.encodebytes(data).replace(b"\n", b"\r\n")
    return header.encode("ascii", "replace") + b"\r\n" + body


def _multipart(kind: str, parts: list[bytes]) -> bytes:
    if len(parts) == 1:
        return parts[0]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    boundary = digest.hexdigest()[:32].encode("ascii")
    pieces = [b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (kind.encode("ascii"), boundary)]
    for part in parts or [_text_part("plain", "")]:
        pieces += (b"--", boundary, b"\r\n", part, b"\r\n")
    return b"".join((*pieces, b"--", boundary, b"--\r\n"))


_COMMON: Final = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArial"
    b"Times New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What the dictionary of packed rich text begins with (MS-OXRTFCP, 2.1.2.1)."""
_WINDOW: Final = 4096


def unpacked(data: bytes) -> bytes:
    """Return packed rich text unpacked; what comes before the damage where it is damaged, nothing where it is none."""
    if len(data) < 16:
        return b""
    size, kind = struct.unpack_from("<I4s", data, 4)
    if kind != b"LZFu":
        return data[16 : 16 + size] if kind == b"MELA" else b""
    window = bytearray(_COMMON.ljust(_WINDOW, b"\0"))
    place = len(_COMMON)
    out = bytearray()
    for start, length, literal in _tokens(data):
        if start == place or len(out) >= size:
            break
        for step in range(length):
            byte = window[(start + step) % _WINDOW] if start >= 0 else literal
            out.append(byte)
            window[place] = byte
            place = (place + 1) % _WINDOW
    return bytes(out)


def _tokens(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield where in the dictionary each piece starts and how long it is, or -1, 1 and the byte that it is."""
    at = 16
    while at < len(data):
        flags = data[at]
        at += 1
        for bit in range(8):
            if at + (flags >> bit & 1) >= len(data):
                return
            if flags >> bit & 1:
                pair = data[at] << 8 | data[at + 1]
                yield pair >> 4, (pair & 15) + 2, 0
                at += 2
            else:
                yield -1, 1, data[at]
                at += 1
