"""The header of a mail: lines to fields, encoded words to text, and back.

Invariants: a field that is not edited is written as it was read; what is written holds no control characters, so no field can be
smuggled in; reading is linear in the header.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from email.message import Message
from email.utils import collapse_rfc2231_value, parsedate_to_datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from privet.metadata.job import Job
from privet.metadata.passage import Piece, plain, written
from privet.metadata.text import known_codec, own_codec

_FIELD: Final = re.compile(rb"([!-9;-~]{1,256})[ \t]{0,16}:")
_LINE: Final = re.compile(rb"[^\n]*+\n?")
_WORD: Final = re.compile(
    r"=\?([^?\s]{1,60})\?([BbQq])\?([^?\r\n]*+)\?=(?:[ \t]+(?==\?[^?\s]{1,60}\?[BbQq]\?[^?\r\n]{0,2000}\?=))?"
)
_FOLD: Final = re.compile(r"\r?\n[ \t]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_ADDRESS_TOKEN: Final = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|[^\s<>(),:;\"@]+|.", re.DOTALL)
_LINE_CHARS: Final = 76
_WORD_BYTES: Final = 42
_MAX_PARAMETER_CHARS: Final = 4096
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+_-]{1,100}")
_WORDLIKE: Final = re.compile(r"[\w./+-]{1,40}")
_PARAMETERS: Final = ("format", "delsp", "method", "type", "report-type")
_TEXT_FIELDS: Final = ("from", "to", "cc", "bcc", "reply-to", "subject", "date")
_ADDRESS_FIELDS: Final = ("from", "to", "cc", "bcc", "reply-to")


class Field(NamedTuple):
    """A field of a header: its name in lower case and its lines as they were."""

    name: str
    raw: bytes

    @property
    def value(self) -> str:
        """What stands behind the colon, with its lines joined and nothing decoded."""
        text = self.raw.partition(b":")[2].rstrip(b"\r\n")
        try:
            decoded = text.decode()
        except UnicodeDecodeError:
            decoded = text.decode("latin-1")
        return _FOLD.sub(" ", decoded).strip()


def split(raw: bytes) -> tuple[list[Field], bytes]:
    """Return the fields of a mail or part, and its body."""
    fields: list[tuple[str, list[bytes]]] = []
    at = 0
    while at < len(raw):
        found = _LINE.match(raw, at)
        line = found[0] if found else b""
        if line in (b"\n", b"\r\n"):
            at += len(line)
            break
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(line)
        elif name := _FIELD.match(line):
            fields.append((name[1].decode("ascii").lower(), [line]))
        elif not line.startswith((b"From ", b">From ")) or fields:
            # Not a field and no empty line before it: a body, as mail readers take it.
            break
        at += len(line)
    return [Field(name, b"".join(lines)) for name, lines in fields], raw[at:]


def decoded(value: str) -> str:
    """Return a field's value with its encoded words read.

    >>> decoded("=?utf-8?Q?J=C3=A4ne?= =?utf-8?B?IERvZQ==?= <jane@example.com>")
    'Jäne Doe <jane@example.com>'
    """
    if "=?" not in value:
        return value
    out: list[str] = []
    last = 0
    held, held_charset = b"", ""
    for found in _WORD.finditer(value):
        if found.start() > last or found[1].lower() != held_charset:
            out.append(_text(held, held_charset))
            held = b""
            out.append(value[last : found.start()])
        held += _word_bytes(found[2], found[3])
        held_charset = found[1].lower()
        last = found.end()
    out += (_text(held, held_charset), value[last:])
    return "".join(out)


def _word_bytes(kind: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if kind in "Qq":
        return binascii.a2b_qp(raw, header=True)
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except (binascii.Error, ValueError):
        return raw


def _text(raw: bytes, charset: str) -> str:
    name = charset.partition("*")[0]
    codec = own_codec(name) or known_codec(name) or "utf-8"
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def encoded(name: str, value: str, line_end: bytes) -> bytes:
    """Return the lines of a field."""
    text = _CONTROL.sub(" ", value)
    if not text.isascii():
        tokens = _ADDRESS_TOKEN.findall(text) if name.lower() in _ADDRESS_FIELDS else re.split(r"(\s+)", text)
        text = _with_words(tokens)
    lines: list[str] = []
    line = f"{name}:"
    for word in text.split(" "):
        if len(line) + len(word) + 1 > _LINE_CHARS and line.strip() and not line.endswith(":") and word:
            lines.append(line)
            line = ""
        line += f" {word}"
    return line_end.join(part.encode("ascii", "replace") for part in (*lines, line)) + line_end


def _with_words(tokens: Iterable[str]) -> str:
    """Return tokens with those that are not ASCII as encoded words; white space between two of them is encoded too."""
    out: list[str] = []
    pending = ""  # text of encoded words, not yet written
    space = ""
    for token in tokens:
        if not token.isascii():
            pending += space * bool(pending) + (
                token[1:-1].replace("\\", "") if token[:1] == token[-1:] == '"' else token
            )
            out += [space] * (pending == token)
            space = ""
        elif token.isspace():
            space += token
        else:
            out += (_words(pending), space, token)
            pending = space = ""
    return "".join((*out, _words(pending), space))


def _words(text: str) -> str:
    words: list[str] = []
    part = b""
    for character in text:
        new = character.encode("utf-8", "replace")
        if len(part) + len(new) > _WORD_BYTES:
            words.append(base64.b64encode(part).decode("ascii"))
            part = b""
        part += new
    if part:
        words.append(base64.b64encode(part).decode("ascii"))
    return " ".join(f"=?utf-8?B?{word}?=" for word in words)


def rewritten_fields(fields: Iterable[Field], job: Job, line_end: bytes) -> list[bytes]:
    """Return the fields that a reader of a mail sees, rewritten; the others are dropped. Those of MIME are not among them."""
    kept: list[tuple[Field, str]] = []
    for field in fields:
        if field.name in _TEXT_FIELDS:
            kept.append((field, _CONTROL.sub(" ", decoded(field.value))))
        elif not field.name.startswith("content-") and field.name != "mime-version":
            job.dropped("header")
    if not kept:
        return []
    # Read together, each behind its name: what stands behind From is a person.
    parts = [
        part for field, text in kept for part in (Piece("", f"{_name(field)}: "), Piece(text, text), Piece("", "\n"))
    ]
    edits = job.edits(["".join(part.shown for part in parts)], "header")[0]
    new = written(parts, edits, plain)[1::3] if edits else [text for _, text in kept]
    out: list[bytes] = []
    for (field, old), text in zip(kept, new, strict=True):
        if text == old:
            out.append(_whole(field.raw, line_end))
        elif field.name == "date" and not _is_date(text):
            # A label is no date, and mail readers stumble over it.
            job.dropped("date")
        else:
            out.append(encoded(_name(field), text, line_end))
    return out


def _whole(raw: bytes, line_end: bytes) -> bytes:
    return raw if raw.endswith(b"\n") else raw + line_end


def _name(field: Field) -> str:
    return field.raw.partition(b":")[0].decode("ascii", "replace").strip()


def _is_date(text: str) -> bool:
    try:
        parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return False
    return True


class ContentType(NamedTuple):
    """What a part says about its content."""

    media_type: str
    charset: str
    boundary: str
    name: str
    disposition: str
    encoding: str
    parameters: tuple[tuple[str, str], ...]
    """those that say how to read the content: format, delsp, method, type"""


def content_type(fields: Iterable[Field], default: str = "text/plain") -> ContentType:
    """Return what the fields of a part say about its content."""
    message = Message()
    for field in fields:
        if (
            field.name in ("content-type", "content-disposition", "content-transfer-encoding")
            and field.name not in message
        ):
            message[field.name] = _CONTROL.sub(" ", field.value)[:_MAX_PARAMETER_CHARS]
    message.set_default_type(default)
    said = dict(message.get_params(failobj=[]) or [])
    shown = dict(message.get_params(failobj=[], header="content-disposition") or [])
    values = {key.lower(): collapse_rfc2231_value(value) for key, value in said.items()}
    name = next((pairs[key] for pairs, key in ((shown, "filename"), (said, "name")) if key in pairs), "")
    kind = message.get_content_type().lower()
    if _MEDIA_TYPE.fullmatch(kind) is None:
        kind = "text/plain" if kind.startswith("text/") else "application/octet-stream"
    return ContentType(
        kind,
        values.get("charset", ""),
        values.get("boundary", "").rstrip(),
        _CONTROL.sub(" ", decoded(collapse_rfc2231_value(name))).strip(),
        message.get_content_disposition() or "",
        str(message.get("content-transfer-encoding") or "").strip().lower(),
        tuple((key, values[key]) for key in _PARAMETERS if _WORDLIKE.fullmatch(values.get(key, "")) is not None),
    )


def parameter(key: str, value: str) -> str:
    """Return a parameter of a field, in the form that every reader knows where it is ASCII."""
    clean = _CONTROL.sub(" ", value)
    if clean.isascii():
        escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
        return f'; {key}="{escaped}"'
    return f"; {key}*=utf-8''{quote(clean, safe='')}"
