"""Compressed streams (gzip, zstd, bzip2, xz), read in bounded memory and written with nothing but the content.

Invariants:

- What is unpacked is counted as it comes; a wrong checksum, a missing end and a bomb are errors; bytes behind the end are left out.
- A stream that is written holds no name, clock, host system or comment, and depends on its content only.
"""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, Protocol, cast

import zstandard
from isal import isal_zlib

from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.pieces import size_of
from privet.metadata.zip_members import Meter

_READ: Final = 256 * 1024
_ZSTD_STEP: Final = 4096
"""zstd unpacks all it is given: 4 kB can become 128 MB, not more"""
_XZ_MEMORY: Final = 256 * MIB
_GZIP_HEAD: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""no flags, no clock, unknown system: RFC 1952, 2.3"""
_MAGIC: Final = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd", "bzip2": b"BZh", "xz": b"\xfd7zXZ\0"}
# isal raises zlib's own error class under another name, which its stubs do not know.
# The stubs of isal call its error class an error.
_ISAL: Final = cast("type[Exception]", isal_zlib.error)
_BROKEN: Final = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError, _ISAL)


class _Frame(Protocol):
    """One compressed frame that is read."""

    ended: bool
    hungry: bool
    """whether it wants more input before it can go on"""
    rest: bytes
    """what it did not take of the last input"""

    def feed(self, data: bytes) -> bytes: ...


class _Deflated:
    def __init__(self) -> None:
        self._inner = isal_zlib.decompressobj(wbits=31)
        self.ended = False
        self.hungry = True
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        out: bytes = self._inner.decompress(data, MIB)
        self.ended = self._inner.eof
        self.rest = self._inner.unused_data if self.ended else self._inner.unconsumed_tail
        return out


class _Held:
    """bzip2 and xz keep what they have not used themselves."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.ended = False
        self.hungry = True
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        out: bytes = self._inner.decompress(data, MIB)
        self.ended = self._inner.eof
        self.hungry = self._inner.needs_input
        self.rest = self._inner.unused_data if self.ended else b""
        return out


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        self.ended = False
        self.hungry = True
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        out: bytes = self._inner.decompress(data[:_ZSTD_STEP])
        self.ended = self._inner.eof
        self.rest = (self._inner.unused_data if self.ended else b"") + data[_ZSTD_STEP:]
        return out


_FRAMES: Final[dict[str, Callable[[], _Frame]]] = {
    "gzip": _Deflated,
    "zstd": _Zstd,
    "bzip2": lambda: _Held(bz2.BZ2Decompressor()),
    "xz": lambda: _Held(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)),
}


def unpacked(source: BinaryIO, kind: str, job: Job) -> Iterator[bytes]:
    """Yield the content of a compressed file, block by block.

    Args:
        source: the file, seekable.
        kind: "gzip", "zstd", "bzip2" or "xz".
        job: its limits hold; what is left out is told to it.

    Raises:
        CannotClean: truncated, damaged, or larger than the limits allow.

    """
    meter = Meter(job, size_of(source))
    try:
        for block in _blocks(source, kind, job):
            meter.add(len(block))
            meter.look(block)
            if block:
                yield block
    except _BROKEN as error:
        raise CannotClean("damaged: it cannot be unpacked") from error


def _blocks(source: BinaryIO, kind: str, job: Job) -> Iterator[bytes]:
    rest = _next_frame(source, b"", kind, job)
    if not rest:
        raise CannotClean("truncated: there is nothing in it")
    while rest:
        frame = _FRAMES[kind]()
        while not frame.ended:
            if frame.hungry and not rest:
                rest = source.read(_READ)
                out = frame.feed(rest)
                if not rest and not out and not frame.ended:
                    raise CannotClean("truncated: the end is missing")
            else:
                out = frame.feed(rest if frame.hungry else b"")
            rest = frame.rest if frame.hungry or frame.ended else b""
            yield out
        rest = _next_frame(source, rest, kind, job)


def _next_frame(source: BinaryIO, rest: bytes, kind: str, job: Job) -> bytes:
    """Return the bytes from the start of the next frame on; nothing where the file ends or something else follows."""
    while True:
        if len(rest) < 8:
            rest += source.read(_READ)
        if kind in {"gzip", "xz"} and rest[:1] == b"\0":
            # Padding with zeros is usual on tapes.
            rest = rest.lstrip(b"\0")
            continue
        if kind == "zstd" and len(rest) >= 8 and rest[1:4] == b"\x2a\x4d\x18" and rest[0] >> 4 == 5:
            rest = _skipped(source, rest)
            job.dropped("hidden bytes")
            continue
        if rest and not rest.startswith(_MAGIC[kind]):
            job.dropped("trailing bytes")
            return b""
        return rest


def _skipped(source: BinaryIO, rest: bytes) -> bytes:
    """Leave out a frame that readers skip: RFC 8878, 3.1.2."""
    length = 8 + struct.unpack_from("<I", rest, 4)[0]
    if length > len(rest):
        source.seek(length - len(rest), io.SEEK_CUR)
        return source.read(_READ)
    return rest[length:]


def stored_name(source: BinaryIO) -> str:
    """Return the name that a gzip file holds of its content, which says what kind of text it is, or an empty text."""
    source.seek(0)
    head = source.read(1024)
    source.seek(0)
    if len(head) < 12 or head[:3] != _GZIP_HEAD[:3] or not head[3] & 8:
        return ""
    start = 12 + struct.unpack_from("<H", head, 10)[0] if head[3] & 4 else 10
    name, end, _ = head[start:].partition(b"\0")
    return name.decode("latin-1") if end else ""


class Packer:
    """A compressed file that is written: `write` the content, then `close`."""

    def __init__(self, target: BinaryIO, kind: str) -> None:
        self._target = target
        self._inner = _PACKERS[kind]()
        self._is_gzip = kind == "gzip"
        self._check = self._size = 0
        if self._is_gzip:
            target.write(_GZIP_HEAD)

    def write(self, block: bytes) -> int:
        """Append content."""
        if self._is_gzip:
            self._check = isal_zlib.crc32(block, self._check)
            self._size += len(block)
        self._target.write(self._inner.compress(block))
        return len(block)

    def close(self) -> None:
        """Write the end; the file itself stays open."""
        self._target.write(self._inner.flush())
        if self._is_gzip:
            self._target.write(struct.pack("<II", self._check, self._size & 0xFFFFFFFF))


_PACKERS: Final[dict[str, Callable[[], Any]]] = {
    "gzip": lambda: isal_zlib.compressobj(3, wbits=-15),
    "zstd": lambda: zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj(),
    "bzip2": lambda: bz2.BZ2Compressor(9),
    "xz": lambda: lzma.LZMACompressor(lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=2),
}


class Unpacked(io.RawIOBase):
    """The content of a compressed file as a file that is read forwards."""

    def __init__(self, source: BinaryIO, kind: str, job: Job) -> None:
        self._from = unpacked(source, kind, job)
        self._block = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next."""
        while not self._block:
            block = next(self._from, None)
            if block is None:
                return 0
            self._block = memoryview(block)
        count = min(len(buffer), len(self._block))
        buffer[:count] = self._block[:count]
        self._block = self._block[count:]
        return count
