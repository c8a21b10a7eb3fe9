"""The body of a mail: where its parts begin and end, how they are encoded, and blocks in them that cannot be read.

Invariant: everything is linear in the body, however it is broken.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from privet.metadata.job import Job
from privet.metadata.text import known_codec, own_codec

_ARMOUR: Final = re.compile(r"-----BEGIN PGP (MESSAGE|SIGNATURE|PUBLIC KEY BLOCK)-----")
_UUENCODED: Final = re.compile(r"^begin [0-7]{3,4} [^\n]{1,255}\n", re.MULTILINE)
_FROM: Final = re.compile(rb"^From ", re.MULTILINE)


def parts(body: bytes, boundary: str) -> Iterator[bytes]:
    """Yield the parts of a body: what stands before the first boundary and behind the last is not one."""
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    start = -1
    at = 0
    while (found := line.search(body, at)) is not None:
        if start >= 0:
            yield body[start : found.start()]
        if found[1]:
            return
        start = found.end()
        # The line end of one boundary may be the one before the next: an empty part.
        at = found.end() - (2 if body[found.end() - 2 : found.end()] == b"\r\n" else 1)
        at = max(at, found.start() + 2)
    if start >= 0:
        yield body[start:]


def decoded(body: bytes, encoding: str) -> bytes | None:
    """Return what a part holds, or None where its encoding is broken or not known."""
    try:
        if encoding == "base64":
            return binascii.a2b_base64(body)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(body)
    except (binascii.Error, ValueError):
        return None
    return None if encoding in ("x-uuencode", "uuencode", "uue", "x-uue", "x-yencode") else body


def is_canonical(body: bytes, content: bytes, encoding: str) -> bool:
    """Tell whether a body is what an encoder makes of its content: text between the lines of base64 is not seen and not lost."""
    if encoding == "base64":
        return b"".join(body.split()) == base64.b64encode(content)
    return encoding == "quoted-printable"


def encoded(raw: bytes, encoding: str, line_end: bytes) -> bytes:
    """Return the body of a part in a transfer encoding."""
    if encoding == "base64":
        return in_base64(raw, line_end)
    if encoding == "quoted-printable":
        return _FROM.sub(b"=46rom ", binascii.b2a_qp(raw, istext=True))
    return raw


def in_base64(raw: bytes, line_end: bytes) -> bytes:
    """Return the lines of a body in base64."""
    text = base64.b64encode(raw)
    return line_end.join(text[at : at + 76] for at in range(0, len(text), 76))


def read(content: bytes, charset: str) -> tuple[str, str]:
    """Return a text and the codec it is in."""
    codec = own_codec(charset)
    if codec:
        return content.decode(codec, "replace"), codec
    codec = known_codec(charset) if charset else ""
    for name in (codec, "utf-8") if codec else ("utf-8",):
        try:
            return content.decode(name), name
        except UnicodeDecodeError:
            continue
    codec = codec if codec not in ("", "utf-8") else "cp1252"
    return content.decode(codec, "replace"), codec


def charset_of(codec: str) -> str:
    """Return the name that mails use for a codec."""
    return {"cp1252": "windows-1252", "cp932": "shift_jis", "cp1254": "windows-1254"}.get(codec, codec)


def without_blobs(text: str, job: Job) -> str:
    """Return a text without blocks that cannot be read: OpenPGP armour and uuencoded files."""
    if "-----BEGIN PGP " in text:
        text = _cut(text, _ARMOUR, "-----END PGP ", job)
    if "begin " in text:
        text = _cut(text, _UUENCODED, "\nend", job)
    return text


def _cut(text: str, begin: re.Pattern[str], end: str, job: Job) -> str:
    out: list[str] = []
    last = 0
    while (found := begin.search(text, last)) is not None:
        close = text.find(end, found.end())
        if close < 0:
            # An armour that never ends is not read to the end of the mail as one.
            if end != "\nend":
                _note(found, job)
                return "".join((*out, text[last : found.start()]))
            break
        _note(found, job)
        out.append(text[last : found.start()])
        line = text.find("\n", close + len(end))
        last = line + 1 if line >= 0 else len(text)
    return "".join((*out, text[last:]))


def _note(found: re.Match[str], job: Job) -> None:
    """Say what was cut out: signatures and keys are no content, a message is some, and so is a file."""
    kind = found[1] if found.re is _ARMOUR else ""
    if kind in ("SIGNATURE", "PUBLIC KEY BLOCK"):
        job.dropped("signature")
    else:
        job.leave_out("part" if kind else "attachment", "encrypted" if kind else "uuencoded")
