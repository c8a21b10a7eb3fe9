"""Marks that were planted, in bytes of any kind: files, databases, memory of what was unpacked.

Invariants:

- A mark is found as it is, in another case, with other signs between its parts, backwards, moved on by thirteen letters, in base64 (at any
  offset, also of UTF-16), base32, hex, percent, JSON, octal and HTML escapes, codes of bytes, UTF-16 and UTF-32, and in lines cut anywhere;
  and inside gzip, zlib, bzip2, xz, Zstandard and zip, wherever in the bytes they begin, themselves in base64 or hex, three deep.
- Digests of a mark are told apart from the mark: `hashed`.
- Memory is bounded by `_CHUNK` and `_NESTED_BYTES`, work by the bytes that `Search` may still read. What was not read is said: `unread`.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from privet.audit.endpoint.packed import HEADS, Read, unpacked

_CHUNK: Final = 1024 * 1024
_OVERLAP: Final = 2048
_NESTED_BYTES: Final = 8 * 1024 * 1024
_UNPACKED_BYTES: Final = 256 * 1024 * 1024
_DEPTH: Final = 3
_NEAR: Final = 256
_MEMORY_BYTES: Final = 192 * 1024 * 1024
_SKIPPED: Final = b"\0 \t\r\n="
"""Between the characters of wide texts, at the ends of cut lines, in dumps."""
_BETWEEN: Final = rb"[^a-zA-Z]{0,6}"
_WORDS: Final = re.compile(r"[a-z]+-[a-z]+-\d+(?:-[a-z]+)?", re.ASCII)
_NONE: Final[Mapping[str, Sequence[str]]] = {}


class Traces:
    """What is looked for: texts by the name of where each was planted. `stem` is what most of them begin with.

    One small automaton runs over everything, for the stem and the texts without it; what is near its hits is looked at closely.
    """

    def __init__(
        self, stem: str, marks: Mapping[str, Sequence[str]], within: Mapping[str, Sequence[str]] = _NONE
    ) -> None:
        """Look for `marks`, and for digests of them and of the texts that they were `within`."""
        texts = [(name, text) for name, all_of_it in marks.items() for text in all_of_it]
        self._exact = {form: name for name, text in texts for form in _exact(text)}
        self._folded = {form.lower(): name for name, text in texts for form in _folded(text)}
        whole = [*texts, *((name, text) for name, all_of_it in within.items() for text in all_of_it)]
        self._digests = {form: name for name, text in whole for form in _digests(text)}
        self._loose = [
            (name, re.compile(_loose(text), re.IGNORECASE)) for name, text in texts if _WORDS.fullmatch(text)
        ]
        rough = [stem, *(text for _, text in texts if not text.startswith(stem))]
        self._rough = _compiled(_pattern(rough))
        self._close = _compiled(_pattern([text for _, text in texts]))
        self.packed = _compiled(HEADS)
        self._digest = _compiled(rb"(?i)\b(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b")

    def found(self, data: bytes) -> tuple[set[str], set[str]]:
        """Return the names of what is in some bytes, and of what is there as a digest."""
        names: set[str] = set()
        for view in (data, data.translate(None, _SKIPPED)):
            until = 0
            for rough in self._rough.finditer(view):
                begin, end = max(until, rough.start() - _NEAR), rough.end() + _NEAR
                if end > until:
                    # An overlap is looked at twice where what lies in it may have been cut.
                    begin, until = max(0, begin - _NEAR), end
                    names |= self._near(view[begin:end])
        hits = self._digest.finditer(data)
        return names, {self._digests[small] for hit in hits if (small := hit.group(0).lower()) in self._digests}

    def _near(self, view: bytes) -> set[str]:
        names: set[str] = set()
        for hit in self._close.finditer(view):
            text = hit.group(0)
            name = self._exact.get(text) or self._folded.get(text.lower())
            names |= {name} if name else {loose for loose, pattern in self._loose if pattern.fullmatch(text)}
        return names


def _loose(text: str) -> bytes:
    return _BETWEEN.join(re.escape(part.encode()) for part in text.split("-"))


def _pattern(texts: Sequence[str]) -> bytes:
    exact = dict.fromkeys(_escaped(form) for text in texts for form in _exact(text))
    folded = dict.fromkeys(_escaped(form.lower()) for text in texts for form in _folded(text))
    loose = dict.fromkeys(_loose(text) for text in texts if _WORDS.fullmatch(text))
    return b"|".join([*exact, b"(?i:" + b"|".join([*folded, *loose]) + b")"])


@dataclass(slots=True, repr=False)
class Search:
    """One search through many files. `left`: how many bytes it may still read, unpacked ones included."""

    traces: Traces
    left: int
    unread: int = 0
    stopped: bool = False
    hashed: set[str] = field(default_factory=set)

    def through(self, read: Read, begin: int, size: int) -> tuple[set[str], set[str]]:
        """Return the names of what is in the bytes between two offsets as they are, and of what is packed there."""
        plain, packed, whole = self._through(read, begin, size, 0)
        self.unread += not whole
        return plain, packed

    def _through(self, read: Read, begin: int, size: int, depth: int) -> tuple[set[str], set[str], bool]:
        plain: set[str] = set()
        packed: set[str] = set()
        at = begin
        tail = b""
        while at < size:
            if self.left <= 0 or self.stopped:
                return plain, packed, False
            chunk = read(at, min(_CHUNK, size - at, self.left))
            if not chunk:
                break
            self.left -= len(chunk)
            held = tail + chunk
            names, hashed = self.traces.found(held)
            plain |= names
            self.hashed |= hashed
            if depth < _DEPTH:
                start = at - len(tail)
                for hit in self.traces.packed.finditer(held):
                    # What begins in the overlap was met with the chunk before, unless it is cut there.
                    if hit.start() < len(tail) - 16 and tail:
                        continue
                    packed |= self._inner(read, start + hit.start(), size, hit.group(0), depth)
            at += len(chunk)
            tail = held[-_OVERLAP:]
        return plain, packed, True

    def _inner(self, read: Read, at: int, size: int, head: bytes, depth: int) -> set[str]:
        found: set[str] = set()
        pending = bytearray()
        total = 0
        for piece in unpacked(read, at, size, head):
            total += len(piece)
            self.left -= len(piece)
            pending += piece
            if self.left <= 0 or self.stopped or total > _UNPACKED_BYTES:
                self.unread += 1
                break
            if len(pending) >= _NESTED_BYTES:
                found |= self._bytes(bytes(pending), depth)
                del pending[:-_OVERLAP]
        if pending:
            found |= self._bytes(bytes(pending), depth)
        return found

    def _bytes(self, data: bytes, depth: int) -> set[str]:
        plain, packed, _ = self._through(lambda at, many: data[at : at + many], 0, len(data), depth + 1)
        return plain | packed


def _compiled(pattern: bytes) -> Any:
    try:
        import re2
    except ImportError:
        return re.compile(pattern, re.DOTALL)
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    return re2.compile(pattern, options)


def _escaped(form: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte if not chr(byte).isalnum() or byte > 127 else bytes((byte,)) for byte in form)


def _exact(text: str) -> Iterator[bytes]:
    """Yield the forms in which the case of letters counts."""
    raw = text.encode()
    for packed in (raw, text.encode("utf-16-le")):
        for form in _at_offsets(packed, base64.b64encode, (3, 4), 6):
            yield form
            yield form.translate(bytes.maketrans(b"+/", b"-_"))
    yield from _at_offsets(raw, base64.b85encode, (4, 5), 32)
    yield from _at_offsets(raw, base64.a85encode, (4, 5), 32)


def _at_offsets(raw: bytes, encode: Callable[[bytes], bytes], group: tuple[int, int], bits: int) -> Iterator[bytes]:
    """Yield what stays of an encoded text, whatever stands before and after it: whole characters, or whole groups where they mix."""
    size, chars = group
    for shift in range(size):
        padded = b"\0" * shift + raw
        if bits * chars > size * 8 + 8:
            first = -(-shift // size)
            last = len(padded) // size
            if last > first:
                yield encode(padded[first * size : last * size])
            continue
        whole = encode(padded + b"\0" * (-len(padded) % size))
        yield whole[-(-shift * 8 // bits) : len(padded) * 8 // bits]


def _folded(text: str) -> Iterator[bytes]:
    """Yield the forms in which it does not."""
    raw = text.encode()
    yield raw
    yield text[::-1].encode()
    yield codecs.encode(text, "rot13").encode()
    yield raw.hex().encode()
    yield from _at_offsets(raw, base64.b32encode, (5, 8), 5)
    for form, between in (
        ("%{:02x}", ""), ("\\x{:02x}", ""), ("\\u{:04x}", ""), ("\\{:03o}", ""), ("&#{};", ""), ("&#x{:x};", ""), ("0x{:02x}", ","),
        ("{:02x}", ":"), ("{:02x}", "-"), ("{}", ","), ("{}", ";"), ("{:08b}", ""),
    ):  # fmt: skip
        yield between.join(form.format(byte) for byte in raw).encode()
    if not text.isascii():
        yield text.encode("unicode_escape")
    for ascii_only in (False, True):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode()


def _digests(text: str) -> Iterator[bytes]:
    for kind in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        # Not for safety: what programs make of texts.
        made = hashlib.new(kind, text.encode(), usedforsecurity=False)
        yield made.hexdigest().encode()
