"""What is packed in bytes, from wherever it begins: gzip, zlib, bzip2, xz, Zstandard and members of zip, also in base64 or hex.

Invariants:

- What comes out comes in pieces, of a few MiB at most however much is packed; who takes them says when it is enough.
- Bytes that only look like a head give nothing. A stream that is cut or damaged gives what comes before that.
"""

from __future__ import annotations

import base64
import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

_CHUNK: Final = 1024 * 1024
_NESTED_BYTES: Final = 8 * 1024 * 1024
_MEMORY_BYTES: Final = 256 * 1024 * 1024
_TRIED_BYTES: Final = 4096
_RUN_BYTES: Final = 64 * 1024
_PEEKED_BYTES: Final = 120
_ZSTD_STEP: Final = 256
_ZLIB: Final = type(zlib.decompressobj())
Read = Callable[[int, int], bytes]
"""Return so many bytes from an offset."""


def _zstd(head: bytes) -> Any:
    del head
    try:
        import zstandard
    except ImportError:
        return None
    return zstandard.ZstdDecompressor(max_window_size=_NESTED_BYTES).decompressobj()


_HEADS: Final[tuple[tuple[bytes, bytes, Callable[[bytes], Any]], ...]] = (
    # RFC 1952, RFC 1950 (the usual sizes of windows), bzip2, xz, RFC 8878.
    (rb"\x1f\x8b\x08", b"\x1f\x8b\x08", lambda _: zlib.decompressobj(zlib.MAX_WBITS | 16)),
    (rb"\x78[\x01\x5e\x9c\xda]", b"\x78", lambda _: zlib.decompressobj()),
    (rb"BZh[1-9]1AY&SY", b"BZh", lambda _: bz2.BZ2Decompressor()),
    (rb"\xfd7zXZ\x00", b"\xfd7zXZ\0", lambda _: lzma.LZMADecompressor(memlimit=_MEMORY_BYTES)),
    (rb"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfd", _zstd),
    (rb"PK\x03\x04", b"PK\x03\x04", lambda _: zlib.decompressobj(-zlib.MAX_WBITS)),
)
_IN_BASE64: Final = rb"\b(?:H4sI|eJ[w-z]|eN[o-r]|eAE|eF[4-7]|KLUv|QlpoO|UEsDB)[A-Za-z0-9+/_-]{12,}"
_IN_HEX: Final = rb"\b(?i:1f8b08|789c|78da|28b52ffd)[0-9a-fA-F]{24,}"
HEADS: Final = b"|".join([*(head for head, _, _ in _HEADS), _IN_BASE64, _IN_HEX])
_BASE64_RUN: Final = re.compile(rb"(?:[A-Za-z0-9+/_-]|\\?[\r\n])+")
_HEX_RUN: Final = re.compile(rb"[0-9a-fA-F]+")


def unpacked(read: Read, at: int, size: int, head: bytes) -> Iterator[bytes]:
    """Yield what is packed from an offset on, as far as it can be unpacked."""
    for _, magic, opened in _HEADS:
        if head.startswith(magic):
            yield from _stream(read, at, size, magic, opened)
            return
    decoded = _from_hex if re.match(_IN_HEX, head) else _from_base64
    if _begins(decoded(read(at, _PEEKED_BYTES))):
        yield decoded(_run(read, at, size, _HEX_RUN if decoded is _from_hex else _BASE64_RUN))


def _from_hex(text: bytes) -> bytes:
    found = _HEX_RUN.match(text)
    run = found[0] if found else b""
    return bytes.fromhex(run[: len(run) // 2 * 2].decode())


def _from_base64(text: bytes) -> bytes:
    found = _BASE64_RUN.match(text)
    run = re.sub(rb"[\\\r\n]", b"", found[0] if found else b"").translate(bytes.maketrans(b"-_", b"+/"))
    whole = len(run) // 4 * 4
    rest = run[whole:]
    return base64.b64decode(run[:whole] + (rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""))


def _begins(data: bytes) -> bool:
    """Tell whether something packed begins there, and not only two bytes that look like it."""
    for _, magic, opened in _HEADS:
        if data.startswith(magic):
            unpacker = opened(magic)
            try:
                return magic.startswith(b"PK") or (unpacker is not None and unpacker.decompress(data) is not None)
            except Exception:
                # Whatever the library says: it is none.
                return False
    return False


def _run(read: Read, at: int, size: int, pattern: re.Pattern[bytes]) -> bytes:
    """Return the run of characters at an offset, up to `_NESTED_BYTES`."""
    run = bytearray()
    while at < size and len(run) < _NESTED_BYTES:
        piece = read(at, min(_RUN_BYTES, size - at))
        found = pattern.match(piece)
        run += found[0] if found else b""
        at += len(piece)
        if found is None or found.end() < len(piece):
            break
    return bytes(run)


def _stream(read: Read, at: int, size: int, magic: bytes, opened: Callable[[bytes], Any]) -> Iterator[bytes]:
    if magic == b"PK\x03\x04":
        # PKWARE APPNOTE section 4.3.7: the method, and how long name and extra field are.
        header = read(at, 30)
        if len(header) < 30 or header[8] != 8:
            return
        at += 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    unpacker = opened(magic)
    many = _TRIED_BYTES
    # Where several stand one after the other, each is met by its own head.
    while unpacker is not None and at < size and not getattr(unpacker, "eof", False):
        data = read(at, min(many, size - at))
        if not data:
            return
        at += len(data)
        many = _RUN_BYTES
        try:
            yield from _out_of(unpacker, data)
        except Exception:
            # Bytes that only look like a head, or a stream that is damaged: what came of it was looked at.
            return


def _out_of(unpacker: Any, data: bytes) -> Iterator[bytes]:
    """Yield what comes of some bytes, little at once however much is packed in them."""
    if hasattr(unpacker, "needs_input"):
        yield unpacker.decompress(data, _CHUNK)
        while not (unpacker.eof or unpacker.needs_input):
            yield unpacker.decompress(b"", _CHUNK)
    elif isinstance(unpacker, _ZLIB):
        while data and not unpacker.eof:
            yield unpacker.decompress(data, _CHUNK)
            data = unpacker.unconsumed_tail
    else:
        # Zstandard: a block of 128 KiB may take four bytes (RFC 8878 section 3.1.1.2).
        for at in range(0, len(data), _ZSTD_STEP):
            if not unpacker.eof:
                yield unpacker.decompress(data[at : at + _ZSTD_STEP])
