"""What stands for an identifier: one function a surrogate, each of the span and of what stood there.

Invariants:

- A surrogate depends on the kind, the value, the key and the subject alone: what stands in another document, or around it, changes nothing.
- A key is never used itself, only keys derived from it for one purpose each.
- A surrogate of a surrogate is that surrogate.

The token's format is in docs/formats/token.md.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from base64 import b32decode, b32encode
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from privet.dates import DateShift
from privet.detect.placeholders import PSEUDONYM_CHARS, SEALED, TOKEN_MAX_BYTES, TOKEN_VERSION
from privet.errors import BadInput
from privet.keys import derive
from privet.realistic import LABEL_KINDS, drawing, made_up, whole_surrogates
from privet.records import Span
from privet.sealed import KEY_BYTES, checked_key, seal, unseal

Surrogate = Callable[[Span, str], str]
SurrogateName = Literal["label", "mask", "pseudonym", "token", "realistic", "shift"]

DATE_KINDS: Final = frozenset(("DATE_TIME", "DATE_OF_BIRTH"))
_DIGIT_KINDS: Final = frozenset(("PHONE_NUMBER", "CREDIT_CARD"))
_CODE_KINDS: Final = frozenset(
    ("IBAN_CODE", "BANK_ACCOUNT", "US_SSN", "TAX_ID", "NATIONAL_ID", "HEALTH_ID", "PASSPORT", "DRIVER_LICENSE", "VEHICLE_ID",
     "MAC_ADDRESS", "DEVICE_ID")
)  # fmt: skip
_EXACT_KINDS: Final = frozenset(("API_KEY", "JWT", "PRIVATE_KEY", "PASSWORD", "CONNECTION_STRING", "CRYPTO", "URL"))
_NEED_KEY: Final = frozenset(("pseudonym", "token", "shift"))


class Writing(NamedTuple):
    """How spans are replaced: by which function, with which dates moved, whether a span in pieces is written once, what is left alone."""

    surrogate: Surrogate
    dates: DateShift | None = None
    joins: bool = False
    known: Callable[[str], list[tuple[int, int]]] | None = None


def label(span: Span, _text: str) -> str:
    """Return the kind in brackets, as in [EMAIL_ADDRESS]."""
    return f"[{span.kind}]"


def mask(span: Span, _text: str) -> str:
    """Return stars, one a character."""
    return "*" * (span.end - span.start)


def writing(name: str, key: bytes | None, subject: str) -> Writing:
    """Return how the spans are replaced.

    Raises:
        BadInput: no such surrogate, or the key is missing or not 32 bytes.

    """
    if not isinstance(subject, str):
        raise BadInput(
            f"expected the subject as text (str), found {type(subject).__name__}", hint='leave it out or give ""'
        )
    if key is not None:
        checked_key(key)
    elif name in _NEED_KEY:
        raise BadInput(
            f"the surrogate {name} needs a key",
            hint=f"give key= {KEY_BYTES} secret bytes, for example secrets.token_bytes({KEY_BYTES}), and keep them",
        )
    if name == "label":
        return Writing(label, joins=True)
    if name == "mask":
        return Writing(mask)
    if name == "realistic":
        own = key or _process_key()
        dates = DateShift(own, subject)
        return Writing(_realistic(own, subject, dates), dates, known=whole_surrogates)
    if key is not None and name == "pseudonym":
        return Writing(_pseudonym(key, subject), joins=True)
    if key is not None and name == "token":
        return Writing(_token(key))
    if key is not None and name == "shift":
        dates = DateShift(key, subject)
        return Writing(_shift(dates), dates, joins=True)
    raise BadInput(
        "expected a surrogate that exists, found another name",
        hint="take label, mask, pseudonym, token, realistic or shift",
    )


@lru_cache(maxsize=1)
def _process_key() -> bytes:
    """Return the key of realistic surrogates where none is given: they are the same within this process only."""
    return secrets.token_bytes(KEY_BYTES)


def normalised(kind: str, value: str) -> str:
    """Return what two spellings of one value have in common."""
    if kind in _EXACT_KINDS:
        return value
    plain = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    if kind in _DIGIT_KINDS:
        return "".join(char for char in plain if char.isdigit()) or plain
    if kind in _CODE_KINDS:
        return "".join(char for char in plain if char.isalnum()) or plain
    return plain


def _base32(data: bytes) -> str:
    return b32encode(data).decode("ascii").rstrip("=").lower()


def _pseudonym(key: bytes, subject: str) -> Surrogate:
    own = derive(key, "pseudonym", subject)

    def pseudonym(span: Span, text: str) -> str:
        value = normalised(span.kind, text).encode("utf-8", "surrogatepass")
        return f"[{span.kind}_{_base32(derive(own, span.kind, value.hex()))[:PSEUDONYM_CHARS]}]"

    return pseudonym


def _token(key: bytes) -> Surrogate:
    def token(span: Span, text: str) -> str:
        return "".join(
            f"[{span.kind}:{TOKEN_VERSION}{_base32(seal(piece, key, 'token', TOKEN_VERSION, span.kind))}]"
            for piece in _pieces(text)
        )

    return token


def _pieces(text: str) -> list[bytes]:
    """Return a text in UTF-8, in pieces of whole characters that fit a token each."""
    data = text.encode("utf-8", "surrogatepass")
    pieces = []
    start = 0
    while start < len(data):
        end = min(start + TOKEN_MAX_BYTES, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(data[start:end])
        start = end
    return pieces


def opened(text: str, key: bytes) -> str:
    """Return the text with the tokens that this key opens turned back; every other one stays as it is."""

    def value(match: re.Match[str]) -> str:
        kind, body = match[2].replace("\\", "").upper(), match[3].upper()
        try:
            sealed = b32decode(body + "=" * (-len(body) % 8))
        except ValueError:
            return match[0]
        if _base32(sealed).upper() != body:
            return match[0]
        found = unseal(sealed, key, "token", TOKEN_VERSION, kind)
        if found is None:
            return match[0]
        # A backslash that alone stands before a token belongs to the text: C:\\[...]. Markdown escapes more than that.
        own = match[1] if match[1] and "\\" not in match[2] and not match[4] else ""
        return own + found.decode("utf-8", "surrogatepass")

    return SEALED.sub(value, text)


def _shift(dates: DateShift) -> Surrogate:
    def shift(span: Span, text: str) -> str:
        return (span.kind in DATE_KINDS and dates.moved(text)) or label(span, text)

    return shift


def _realistic(key: bytes, subject: str, dates: DateShift) -> Surrogate:
    draw = drawing(key, subject)

    def realistic(span: Span, text: str) -> str:
        if span.kind in DATE_KINDS:
            return dates.moved(text) or label(span, text)
        if span.kind in LABEL_KINDS:
            return label(span, text)
        return made_up(span.kind, text, draw)

    return realistic
