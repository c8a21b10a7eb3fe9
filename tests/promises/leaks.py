"""Canaries, and the search for them in everything that a process left behind.

Invariants, each proved by test_harness.py with planted leaks:

- A canary is random: it cannot be found where it was not written.
- `find` sees a canary whole or in part, in any case, plain or in every encoding that a log, dump, archive
  or an address line puts it in, also inside compressed streams and nested encodings (two layers deep).
- `find` says where and in which form, never more than the canary's name.
"""

from __future__ import annotations

import base64
import binascii
import html
import os
import re
import secrets
import string
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

MAX_DEPTH: Final = 2
MAX_UNPACKED_BYTES: Final = 16 * 1024 * 1024
# 26**9 = 5e12: this many random letters turn up in 10 MB of other random letters in two of a million runs.
PART_LETTERS: Final = 9


@dataclass(frozen=True, slots=True)
class Canary:
    """A planted value: what it stands for, its text, and the random letters in it."""

    name: str
    value: str
    random: str


@dataclass(frozen=True, slots=True)
class Leak:
    """A canary that was found: its name, the haystack, the form it had there."""

    canary: str
    haystack: str
    form: str


def letters(count: int = 20) -> str:
    """Return random lower-case letters, the first no hexadecimal digit: behind a backslash that would be another sign in CSS."""
    return secrets.choice("ghijklmnopqrstuvwxyz") + "".join(
        secrets.choice(string.ascii_lowercase) for _ in range(count - 1)
    )


def word(name: str = "word") -> Canary:
    """Return a canary that no detector takes for an identifier."""
    random = letters()
    return Canary(name, f"zebra-{random}", random)


def address(name: str = "address") -> Canary:
    """Return a canary that is an identifier: a mail address under a reserved domain."""
    random = letters()
    return Canary(name, f"{random}@example.com", random)


def key(name: str = "key") -> Canary:
    """Return a canary in the shape of an API key."""
    random = letters(40)
    return Canary(name, f"sk-{random}", random)


def find(canaries: Iterable[Canary], haystacks: Mapping[str, bytes]) -> list[Leak]:
    """Return every canary found in every haystack, with the form it was found in."""
    sought = [(canary, _needles(canary)) for canary in canaries]
    found: set[tuple[str, str, str]] = set()
    for where, data in haystacks.items():
        for view, text in _views(data):
            lowered = text.lower()
            for canary, needles in sought:
                found.update(
                    (canary.name, where, f"{view}{form}")
                    for form, needle, folded in needles
                    if needle in (lowered if folded else text)
                )
    return [Leak(*leak) for leak in sorted(found)]


def files_under(*folders: Path) -> dict[str, bytes]:
    """Return the names and contents of every file below the folders as haystacks."""
    haystacks: dict[str, bytes] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            relative = str(path.relative_to(folder.parent))
            haystacks[f"name {relative}"] = relative.encode()
            if path.is_file() and not path.is_symlink():
                haystacks[f"file {relative}"] = path.read_bytes()
    return haystacks


def new_files(folders: Iterable[Path], since: float, leave_out: Iterable[Path] = ()) -> dict[str, bytes]:
    """Return files below shared folders that changed after a moment; others may remove them meanwhile."""
    excluded = tuple(leave_out)
    haystacks: dict[str, bytes] = {}
    for folder in folders:
        for root, names, files in os.walk(folder):
            names[:] = [name for name in names if Path(root, name) not in excluded]
            for path in (Path(root, name) for name in files):
                try:
                    status = path.lstat()
                    if status.st_mtime >= since and path.is_file() and status.st_size <= MAX_UNPACKED_BYTES:
                        haystacks[f"file {path}"] = path.read_bytes()
                except OSError:
                    continue
    return haystacks


def _needles(canary: Canary) -> list[tuple[str, bytes, bool]]:
    """Return what to look for: (form, bytes, whether the haystack is folded to lower case first)."""
    lower = canary.value.lower()
    needles = [
        ("plain", lower.encode(), True),
        ("hex", lower.encode().hex().encode(), True),
        ("hex", lower.upper().encode().hex().encode(), True),
        ("utf-16-le", lower.encode("utf-16-le"), True),
        ("utf-16-be", lower.encode("utf-16-be"), True),
        ("part", canary.random[:PART_LETTERS].encode(), True),
        ("part", canary.random[-PART_LETTERS:].encode(), True),
    ]
    for text in {canary.value, lower, lower.upper()}:
        for encoding in ("utf-8", "utf-16-le"):
            for needle in _base64_needles(text.encode(encoding)):
                needles.append(("base64", needle, False))
                needles.append(("base64url", needle.translate(bytes.maketrans(b"+/", b"-_")), False))
    return needles


def _base64_needles(data: bytes) -> Iterator[bytes]:
    """Yield the base64 text of the data at each alignment, without the characters its neighbours share."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data)
        shared_start = (0, 2, 3)[shift]
        shared_end = {0: 0, 1: 3, 2: 2}[(shift + len(data)) % 3]
        whole = encoded[shared_start : len(encoded) - shared_end]
        yield whole


def _views(data: bytes, depth: int = MAX_DEPTH, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield the data as it is and in every way it can be decoded."""
    yield prefix, data
    for name, decode in _DECODERS.items():
        decoded = decode(data)
        if decoded != data:
            yield f"{prefix}{name} ", decoded
    if depth:
        for name, inner in (*_compressed(data), *_base64_runs(data)):
            yield from _views(inner, depth - 1, f"{prefix}{name} ")


def _backslashes(data: bytes) -> bytes:
    """Undo the escapes of JSON, Python and C strings."""

    def character(match: re.Match[bytes]) -> bytes:
        digits = match[1] or match[2]
        code = int(digits, 16) if digits else int(match[3], 8) & 0xFF
        return chr(code).encode("utf-8", "surrogatepass")

    return re.sub(rb"\\u\{?([0-9a-fA-F]{4})\}?|\\x([0-9a-fA-F]{2})|\\([0-7]{3})", character, data)


def _entities(data: bytes) -> bytes:
    """Undo the escapes of HTML and XML."""
    return html.unescape(data.decode("latin-1")).encode("utf-8", "surrogatepass") if b"&" in data else data


def _unwrapped(data: bytes) -> bytes:
    """Take out line breaks, which mail and PEM put into base64."""
    return re.sub(rb"\r?\n[ \t]*", b"", data)


_DECODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "percent-encoded": lambda data: unquote_to_bytes(data.replace(b"+", b" ")) if b"%" in data else data,
    "quoted-printable": lambda data: binascii.a2b_qp(data) if b"=" in data else data,
    "escaped": _backslashes,
    "html": _entities,
    "wrapped": _unwrapped,
}


def _compressed(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the contents of every gzip and zlib stream that starts anywhere in the data, whole or cut off."""
    # Looking ahead, because a header may start at the second byte of what looked like one.
    for match in re.finditer(rb"(?=\x1f\x8b\x08|[\x08\x18\x28\x38\x48\x58\x68\x78][\x01-\xff])", data):
        start = match.start()
        is_gzip = data[start : start + 2] == b"\x1f\x8b"
        if not is_gzip and int.from_bytes(data[start : start + 2]) % 31:  # RFC 1950: the check bits of CMF and FLG
            continue
        unpacked = _unpacked(memoryview(data)[start:])
        if len(unpacked) >= PART_LETTERS:
            yield "gzip" if is_gzip else "zlib", unpacked


def _unpacked(data: memoryview) -> bytes:
    """Return as much of a stream as can be unpacked, piece by piece because an error loses the piece."""
    unpacking, result = zlib.decompressobj(wbits=47), bytearray()
    for start in range(0, len(data), 64):
        try:
            result += unpacking.decompress(data[start : start + 64])
        except zlib.error:
            break
        if unpacking.eof or len(result) > MAX_UNPACKED_BYTES:
            break
    return bytes(result)


def _base64_runs(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what every long run of base64 characters decodes to."""
    for match in re.finditer(rb"[A-Za-z0-9+/_-]{24,}", data):
        run = match[0].translate(bytes.maketrans(b"-_", b"+/"))
        yield "base64", base64.b64decode(run[: len(run) - len(run) % 4])
