"""The identifiers of one request: what became a token, and what a token stands for.

Invariants:

- The map lives in this object, for one request of one caller, and nowhere else.
- The same value has the same token within a request, numbered by first appearance, so a conversation that is sent again reads the same.
- A token that the caller typed literally is never handed out, so it cannot pull out another value.
- Spans of long texts are remembered across requests under a keyed fingerprint of the process, never under the text.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections import OrderedDict
from typing import Final, NamedTuple, Protocol

import msgspec

from privet.records import Span
from privet.redact import replace_spans
from privet.serve.refusals import Refusal

TOKEN_CHARS: Final = re.compile(r"(?:\[|(?<![A-Z_]))[A-Z]{2,32}(?:\\?_[A-Z]{1,32}){0,4}\\?_[0-9]{1,5}\]?")
"""A token as models write it: `[EMAIL_ADDRESS_1]`, without brackets, or with Markdown's escaped underscores."""

_TOKEN_HINT: Final = re.compile(rb"[A-Z]\\*_[0-9]|\\u00(?:[45][0-9A-Fa-f]|3[0-9])")
_ESCAPED_ASCII: Final = re.compile(r"\\u00([2-7][0-9A-Fa-f])")
_BACKSLASHES: Final = re.compile(r"\\+")
_CACHE_FROM_CHARS: Final = 32
_CACHE_ENTRIES: Final = 8192
_MAX_JSON_DEPTH: Final = 64
_MAX_PASSES: Final = 8


def canonical_token(written: str) -> str:
    r"""Return a token in the one spelling under which it is stored.

    >>> canonical_token(r"EMAIL\_ADDRESS\_1")
    '[EMAIL_ADDRESS_1]'
    """
    return "[" + written.strip("[]").replace("\\", "") + "]"


def kind_label(kind: str) -> str:
    """Return what stands for an identifier that nobody may have back."""
    return f"[{kind}]"


class Finder(Protocol):
    """Finds identifiers in a text behind a place."""

    def find(self, text: str, start: int = 0) -> tuple[Span, ...]:
        """Return the spans behind `start`."""
        ...


class SpanCache:
    """A bounded memory of where the spans of a text were, keyed by BLAKE2b under a key of this process (RFC 7693 section 2.9).

    `plain` reads what machines and programmers wrote, such as schemas and names of functions; without it, `detector` does.
    """

    def __init__(self, detector: Finder, plain: Finder | None = None) -> None:
        self.detector = detector
        self.plain = plain or detector
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, tuple[Span, ...]] = OrderedDict()

    def find(self, text: str, start: int = 0, *, plain: bool = False) -> tuple[Span, ...]:
        """Return the detector's spans, from memory where the same text was seen before."""
        detector = self.plain if plain else self.detector
        if len(text) < _CACHE_FROM_CHARS and detector is self.plain:
            return detector.find(text, start)
        raw = text.encode("utf-8", "surrogatepass")
        salt = start.to_bytes(8, "big") + bytes((plain,))
        mark = hashlib.blake2b(raw, digest_size=32, key=self._key, salt=salt).digest()
        known = self._known
        # Taken out and put back at the young end: threads of the relay may do the same at the same time, and each step is whole.
        spans = known.pop(mark, None)
        if spans is None:
            spans = detector.find(text, start)
        known[mark] = spans
        if len(known) > _CACHE_ENTRIES:
            known.popitem(last=False)
        return spans


class Part(NamedTuple):
    """One text of a request as typed and as sent, for the caller's own preview."""

    field: str
    typed: str
    sent: str
    spans: tuple[Span, ...]
    tokens: tuple[str, ...]


class Masker:
    """Turns the identifiers of one request into tokens and knows them again in the answer."""

    __slots__ = (
        "_by_value",
        "_finder",
        "_given",
        "_mode",
        "_numbers",
        "_taken",
        "count",
        "masked",
        "parts",
        "redacted",
        "values",
    )

    def __init__(self, finder: SpanCache, mode: str, raw_body: bytes, *, keep_parts: bool = False) -> None:
        self._finder = finder
        self._mode = mode
        self._taken = _literal_tokens(raw_body)
        self._by_value: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, int] = {}
        self._given: set[str] = set()
        self.values: dict[str, str] = {}
        self.masked: dict[str, int] = {}
        self.redacted: dict[str, int] = {}
        self.count = 0
        self.parts: list[Part] | None = [] if keep_parts else None

    def __repr__(self) -> str:
        return f"Masker({self.count} masked)"

    def mask(self, text: str, field: str, context: str = "", *, plain: bool = False) -> str:
        """Return the text as the model may see it.

        `context` is what stands left of the text where it was cut out, such as the key of a JSON value. `plain` is for what programs
        rely on, such as a schema's keys: only the patterns look at it.

        Raises:
            Refusal: the policy refuses identifiers, and there is one.

        """
        if context:
            shift = len(context)
            spans = tuple(
                Span(span.start - shift, span.end - shift, span.kind, span.score, span.rule)
                for span in self._finder.find(context + text, shift, plain=plain)
            )
        else:
            spans = self._finder.find(text, plain=plain)
        if not spans:
            if self.parts is not None:
                self.parts.append(Part(field, text, text, (), ()))
            return text
        if self._mode == "refuse":
            raise Refusal("identifier", field)
        if self.parts is None and _touches_more(text, spans):
            # One identifier stands so close to another that the other shows itself only once the first is gone.
            return self._mask_until_clean(text, spans)
        tokens = []
        pieces: list[str] = []
        at = 0
        for span in spans:
            token = self.token(span.kind, text[span.start : span.end])
            pieces += (text[at : span.start], token)
            tokens.append(token)
            at = span.end
        pieces.append(text[at:])
        sent = "".join(pieces)
        if self.parts is not None:
            self.parts.append(Part(field, text, sent, spans, tuple(tokens)))
        return sent

    def _mask_until_clean(self, text: str, spans: tuple[Span, ...]) -> str:
        for _ in range(_MAX_PASSES):
            text = replace_spans(text, spans, lambda span, value: self.token(span.kind, value))
            # A name shows itself at once; looking for names again would cost the same again.
            spans = self._finder.find(text, plain=True)
            if not spans or self._mode == "pass":
                break
        return text

    def token(self, kind: str, value: str) -> str:
        """Return what stands for a value in this request: its token, its label, or itself where an exception lets it pass."""
        if self._mode == "pass":
            self._given.add(value)
            return value
        self.masked[kind] = self.masked.get(kind, 0) + 1
        self.count += 1
        token = self._by_value.get((kind, value))
        if token is None:
            self._given.add(value)
            if self._mode == "redact":
                token = kind_label(kind)
            else:
                token = self._next(kind)
                self.values[token] = value
            self._by_value[kind, value] = token
        return token

    def note_redacted(self, kind: str) -> None:
        """Count an identifier that was taken out of the answer."""
        self.redacted[kind] = self.redacted.get(kind, 0) + 1

    def holds_identifier(self, text: str) -> bool:
        """Tell whether there is an identifier in a short text that is not to be masked but refused, such as a model's name."""
        return bool(self._finder.find(text, plain=True))

    def _next(self, kind: str) -> str:
        while True:
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            token = f"[{kind}_{number}]"
            if token not in self._taken:
                return token

    def restore(self, written: str) -> str | None:
        """Return the value a token of this request stands for, whatever its spelling; None where it is not one of ours."""
        return self.values.get(canonical_token(written))

    def gave(self, value: str) -> bool:
        """Tell whether the caller's own prompt held this value."""
        return value in self._given

    def mask_json(self, text: str, field: str, *, plain_keys: bool = False) -> str:
        """Return a text with JSON inside, as tool arguments are, with identifiers in its strings, keys and numbers masked.

        A text that is not JSON is masked as plain text. Unchanged JSON is returned as it was written.
        """
        try:
            decoded = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            # Broken JSON is text, but its escapes still say what they say.
            return self.mask(_ESCAPED_ASCII.sub(_unescaped, text), field)
        before = self.count
        masked = self.mask_tree(decoded, field, plain_keys=plain_keys)
        if self.count == before:
            return text
        return json.dumps(masked, ensure_ascii=False, separators=(",", ":"))

    def mask_tree(
        self, node: object, field: str, key: str = "", depth: int = 0, *, plain: bool = False, plain_keys: bool = False
    ) -> object:
        """Return decoded JSON with every string, key and long number masked; the key is context for its value.

        With `plain` only the patterns look at it, with `plain_keys` at its keys. They alone look at numbers, which the model would take
        for somebody's number wherever they are long.

        Raises:
            Refusal: deeper than 64 levels, or the policy refuses identifiers.

        """
        if depth > _MAX_JSON_DEPTH:
            raise Refusal("invalid-value", field)
        context = f"{key}: " if key else ""
        if isinstance(node, str):
            return self.mask(node, field, context, plain=plain)
        if isinstance(node, dict):
            return {
                self.mask(name, field, plain=plain or plain_keys): self.mask_tree(
                    value, field, name, depth + 1, plain=plain, plain_keys=plain_keys
                )
                for name, value in node.items()
            }
        if isinstance(node, list):
            return [self.mask_tree(value, field, key, depth + 1, plain=plain, plain_keys=plain_keys) for value in node]
        if isinstance(node, (int, float)) and not isinstance(node, bool):
            written = json.dumps(node)
            masked = self.mask(written, field, context, plain=True) if len(written) >= 7 else written
            return node if masked == written else masked
        return node


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))


def _touches_more(text: str, spans: tuple[Span, ...]) -> bool:
    """Tell whether a letter or digit stands right beside a span, or a digit one sign further."""
    for span in spans:
        left, right = text[max(0, span.start - 2) : span.start], text[span.end : span.end + 2]
        if left[-1:].isalnum() or right[:1].isalnum() or left[:1].isdigit() or right[1:].isdigit():
            return True
    return False


def _literal_tokens(raw_body: bytes) -> frozenset[str]:
    """Return the tokens that stand in a body, under whatever escapes JSON writes them."""
    if _TOKEN_HINT.search(raw_body) is None:
        return frozenset()
    written = _ESCAPED_ASCII.sub(_unescaped, raw_body.decode("utf-8", "replace"))
    return frozenset(map(canonical_token, TOKEN_CHARS.findall(_BACKSLASHES.sub(r"\\", written))))
