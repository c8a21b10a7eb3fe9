"""Mails: single ones (EML, Maildir) and mailboxes (mbox).

Invariants:

- Of the header only what a reader sees is kept, rewritten: who, to whom, when, about what. How the mail travelled, its ids, its
  programs and its signatures go.
- Every part is text that was rewritten, a mail that was cleaned in the same way, a file that was cleaned like one, or gone. A part that
  needs no edit keeps its bytes.
- What cannot be read (encrypted parts) is left out, and told as set aside; a mail that is nothing else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import BinaryIO, Final, NamedTuple

from privet.metadata import calendar, vcard
from privet.metadata.embedded import extension
from privet.metadata.html import rewritten_page
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.mail_headers import ContentType, Field, content_type, parameter, rewritten_fields, split
from privet.metadata.mail_parts import charset_of, decoded, encoded, in_base64, is_canonical, parts, read, without_blobs
from privet.metadata.passage import JOINED, Coding
from privet.metadata.text import rewritten_text

_MAX_MAIL_BYTES: Final = 256 * MIB
_MAX_NESTED_PARTS: Final = 16
_READ_BYTES: Final = MIB
_LINE_BYTES: Final = 4096
_SEPARATOR: Final = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]{0,200}?[0-9]{2}:[0-9]{2}[^\n]{0,80}\n")
_FROM: Final = re.compile(rb"^From ", re.MULTILINE)
_CONTENT_ID: Final = re.compile(
    rb"^Content-(?:ID:[ \t]{0,8}(?:\r?\n[ \t]{1,8})?<([^>\n]{1,400})>|Location:[ \t]{0,8}(?:\r?\n[ \t]{1,8})?([^\s]{1,2000}))",
    re.MULTILINE | re.IGNORECASE,
)
_PART: Final = re.compile(rb"--part-([0-9]{1,9})")
_OUR_ID: Final = re.compile(r"content-[0-9]{1,9}@mail")
_MAIL_FIELDS: Final = frozenset(
    "from to cc bcc subject date received message-id mime-version return-path sender reply-to content-type delivered-to".split()  # noqa: SIM905
)
_ENCRYPTED: Final = frozenset(
    ("multipart/encrypted", "application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
)
_SIGNATURES: Final = frozenset(
    (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-keys",
    )
)
_REPORTS: Final = frozenset(
    (
        "message/delivery-status",
        "message/disposition-notification",
        "message/feedback-report",
        "message/partial",
        "message/external-body",
    )
)


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a mail, or each mail of a mailbox, with its identifiers replaced."""
    head = source.read(_LINE_BYTES)
    source.seek(0)
    if head.startswith(b"From "):
        # Lines between mails end as in the file, whichever way those inside them do.
        between = b"\r\n" if head.partition(b"\n")[0].endswith(b"\r") else b"\n"
        for raw in _messages(source, job.limits.max_record_bytes):
            mail = cleaned(raw, job).rstrip(b"\r\n")
            line_end = b"\r\n" if b"\r\n" in mail[:_LINE_BYTES] else between
            target.write(b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970" + between)
            target.write(_FROM.sub(b">From ", mail) + line_end + between)
        return
    raw = source.read(_MAX_MAIL_BYTES + 1)
    if len(raw) > _MAX_MAIL_BYTES:
        raise CannotClean(f"a mail larger than {_MAX_MAIL_BYTES // MIB} MiB")
    fields, _ = split(raw)
    if not any(field.name in _MAIL_FIELDS for field in fields):
        raise CannotClean("not a mail: it has no header")
    if content_type(fields).media_type in _ENCRYPTED:
        raise CannotClean("encrypted")
    target.write(cleaned(raw, job))


def _messages(source: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """Yield the mails of a mailbox without the lines between them."""
    waiting = b""
    pieces: list[bytes] = []
    size = 0
    while chunk := source.read(_READ_BYTES):
        pieces.append(chunk)
        size += len(chunk)
        if size < len(waiting):
            continue
        text = b"".join((waiting, *pieces))
        starts = list(_SEPARATOR.finditer(text))
        for found, following in pairwise(starts):
            yield text[found.end() : following.start()]
        waiting = text[starts[-1].start() :] if starts else text
        if len(waiting) > max_bytes:
            raise CannotClean(f"a mail longer than {max_bytes // MIB} MiB")
        pieces, size = [], 0
    text = b"".join((waiting, *pieces))
    starts = list(_SEPARATOR.finditer(text))
    for at, found in enumerate(starts):
        yield text[found.end() : starts[at + 1].start() if at + 1 < len(starts) else len(text)]
    if not starts:
        first = text.find(b"\n")
        yield text[first + 1 :]


def cleaned(raw: bytes, job: Job) -> bytes:
    """Return a mail with its identifiers replaced."""
    return _Mail(raw, job).message(raw, 0)


class _New(NamedTuple):
    """A part as it is to be written: the lines of its own header, without an empty line, and its body."""

    header: bytes
    body: bytes


class _Mail:
    """One mail with all that is inside it."""

    def __init__(self, raw: bytes, job: Job) -> None:
        self._job = job
        self._line_end = b"\r\n" if b"\r\n" in raw[:_LINE_BYTES] else b"\n"
        self._ids = _new_ids(raw)
        self._boundaries = 0
        self._parts = 0

    def message(self, raw: bytes, depth: int) -> bytes:
        """Return a mail, or one that is inside another."""
        fields, body = split(raw)
        header = b"".join(rewritten_fields(fields, self._job, self._line_end))
        header += b"MIME-Version: 1.0" + self._line_end
        new = self._entity(fields, body, depth) or self._empty()
        return header + new.header + self._line_end + new.body

    def _empty(self) -> _New:
        return _New(b"Content-Type: text/plain" + self._line_end, b"")

    def _entity(self, fields: list[Field], body: bytes, depth: int, default: str = "text/plain") -> _New | None:
        """Return a part cleaned, or None where it has to go."""
        about = content_type(fields, default)
        self._parts += 1
        if depth > _MAX_NESTED_PARTS or self._parts > self._job.limits.max_members:
            self._job.leave_out(about.name or "part", "nested too deep, or one of too many parts")
            return None
        if about.media_type in _ENCRYPTED:
            self._job.leave_out(about.name or "part", "encrypted")
            return None
        if about.media_type in _SIGNATURES or about.media_type in _REPORTS:
            self._job.dropped("signature" if about.media_type in _SIGNATURES else "delivery report")
            return None
        if about.media_type.startswith("multipart/") and about.boundary:
            return self._multipart(about, body, depth)
        return self._leaf(fields, about, body, depth)

    def _multipart(self, about: ContentType, body: bytes, depth: int) -> _New | None:
        default = "message/rfc822" if about.media_type == "multipart/digest" else "text/plain"
        found = [self._entity(*split(raw), depth + 1, default) for raw in parts(body, about.boundary)]
        kept = [part for part in found if part is not None] or [self._empty()]
        kind = about.media_type
        if kind in ("multipart/signed", "multipart/report"):
            kind = "multipart/mixed"
        self._boundaries += 1
        # The name of a boundary tells the program, and often the time.
        taken = {int(number) for part in kept for number in _PART.findall(part.body)}
        while self._boundaries in taken:
            self._boundaries += 1
        boundary = b"part-%d" % self._boundaries
        end = self._line_end
        pieces: list[bytes] = []
        for part in kept:
            pieces += (b"--", boundary, end, part.header, end, part.body, end)
        extra = "".join(parameter(key, value) for key, value in about.parameters if key == "type")
        header = f"Content-Type: {kind}{extra}".encode() + b'; boundary="' + boundary + b'"' + end
        return _New(header, b"".join((*pieces, b"--", boundary, b"--", end)))

    def _leaf(self, fields: list[Field], about: ContentType, body: bytes, depth: int) -> _New | None:
        kind = about.media_type
        content = decoded(body, about.encoding)
        if content is None:
            self._job.leave_out(about.name or "part", "its encoding is broken or not known")
            return None
        if kind in ("message/rfc822", "message/global", "text/rfc822-headers"):
            return self._inner(about, body, content, depth)
        if kind in ("text/calendar", "text/vcard", "text/x-vcard", "text/directory") or (
            kind.startswith("text/") and not about.name and kind not in ("text/rtf", "text/csv", "text/xml")
        ):
            return self._text(fields, about, body, content)
        is_kept = is_canonical(body, content, about.encoding)
        new = self._job.member(about.name or f"attachment.{extension(kind)}", content)
        if new is None:
            return None
        end = self._line_end
        name = new.name if about.name else ""
        disposition = about.disposition if about.disposition in ("inline", "attachment") else "attachment"
        header = f"Content-Type: {kind}".encode() + end
        if new.content == content and is_kept:
            header += f"Content-Transfer-Encoding: {about.encoding}".encode() + end
        else:
            header += b"Content-Transfer-Encoding: base64" + end
            body = in_base64(new.content, end)
        header += f"Content-Disposition: {disposition}{parameter('filename', name) if name else ''}".encode() + end
        return _New(header + self._content_id(fields), body)

    def _inner(self, about: ContentType, body: bytes, content: bytes, depth: int) -> _New | None:
        """Return a mail inside a mail."""
        if depth >= self._job.limits.max_depth:
            self._job.leave_out("mail", "nested too deep")
            return None
        new = self.message(content, depth + 1)
        header = f"Content-Type: {about.media_type}".encode() + self._line_end
        if about.encoding in ("base64", "quoted-printable"):
            header += b"Content-Transfer-Encoding: base64" + self._line_end
            is_kept = new == content and is_canonical(body, content, about.encoding)
            new = body if is_kept else in_base64(new, self._line_end)
        elif about.encoding in ("7bit", "8bit", "binary"):
            header += f"Content-Transfer-Encoding: {'7bit' if new.isascii() else '8bit'}".encode() + self._line_end
        return _New(header, new)

    def _text(self, fields: list[Field], about: ContentType, body: bytes, content: bytes) -> _New:
        """Return a text rewritten, in the encoding it had where that can be."""
        text, codec = read(content, about.charset)
        is_joined = any(name == "delsp" and value.lower() == "yes" for name, value in about.parameters)
        new = self._rewritten(about.media_type, text, *([JOINED] if is_joined else []))
        encoding = about.encoding
        charset = about.charset
        is_broken = encoding == "base64" and not is_canonical(body, content, encoding)
        if new != text or "\ufffd" in new or is_broken:
            try:
                raw = new.encode(codec)
                is_same = raw.isascii() == content.isascii() and bool(charset or raw.isascii())
                charset = charset if is_same else charset_of(codec)
            except UnicodeEncodeError:
                raw, charset = new.encode("utf-8", "replace"), "utf-8"
            if not raw.isascii() and encoding not in ("base64", "quoted-printable", "8bit", "binary"):
                encoding = "quoted-printable"
            body = encoded(raw, encoding, self._line_end)
        end = self._line_end
        parameters = [("charset", charset)] if re.fullmatch(r"[\w.:-]{1,40}", charset) else []
        parameters += [pair for pair in about.parameters if pair[0] in ("format", "delsp", "method")]
        extra = "".join(parameter(*pair) for pair in parameters)
        header = f"Content-Type: {about.media_type}{extra}".encode() + end
        if encoding in ("base64", "quoted-printable", "7bit", "8bit", "binary"):
            header += f"Content-Transfer-Encoding: {encoding}".encode() + end
        if about.disposition in ("inline", "attachment"):
            header += f"Content-Disposition: {about.disposition}".encode() + end
        return _New(header + self._content_id(fields), body)

    def _rewritten(self, kind: str, text: str, *codings: Coding) -> str:
        if kind == "text/html":
            return rewritten_page(text, self._job, cids=self._ids)
        if kind == "text/calendar":
            return calendar.rewritten_calendar(text, self._job)
        if kind in ("text/vcard", "text/x-vcard", "text/directory"):
            return vcard.rewritten_vcard(text, self._job)
        return rewritten_text(without_blobs(text, self._job), self._job, "body", *codings)

    def _content_id(self, fields: list[Field]) -> bytes:
        # The parts of a saved page have addresses and no ids.
        for wanted in ("content-id", "content-location"):
            value = next((field.value.strip("<> \t") for field in fields if field.name == wanted), "")
            if new := self._ids.get(value):
                return f"Content-ID: <{new}>".encode() + self._line_end
        return b""


def _new_ids(raw: bytes) -> Mapping[str, str]:
    """Return what the content ids of a mail become: those of Outlook and Apple hold host names and times."""
    old = list(dict.fromkeys((found[1] or found[2]).decode("utf-8", "replace") for found in _CONTENT_ID.finditer(raw)))
    new = {name: name for name in old if _OUR_ID.fullmatch(name)}
    number = 0
    for name in old:
        if name in new:
            continue
        number += 1
        while f"content-{number}@mail" in new:
            number += 1
        new[name] = f"content-{number}@mail"
    return new
