"""Zip archives read with suspicion and written without anything but names and contents.

Invariants:

- A member's name is relative, has no `..`, no backslash and no control character, or the member is not yielded.
- Unpacking counts bytes as they come and stops at the limits; what a header claims is never trusted.
- What is written depends on names, contents and modes only: dates are 1980-01-01, there are no comments, owners or extra fields.
"""

from __future__ import annotations

import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.pieces import size_of

_DATE: Final = (1980, 1, 1, 0, 0, 0)
_END: Final = b"PK\x05\x06"
_RATIO_MAX: Final = 700
"""Deflate makes a log of one line over and over 300 to 690 times smaller, and nothing more than 1,032 times."""
_RATIO_FROM: Final = 128 * MIB
"""bytes above which the ratio is looked at: bzip2, xz and zstd make such a log 10,000 times smaller"""
_RUNS_FROM: Final = 16 * MIB
_RUNS_RATIO_MAX: Final = 20
"""text that is nothing but a few characters over and over packs best and costs most to look through: beyond these it is a bomb"""
_PERIODS: Final = range(1, 9)
_PIECE: Final = 8192
_RUN_HEAD: Final = 64
_CONTROLS: Final = bytes(sorted({*range(1, 32), 127, *range(0xF8, 0x100)} - set(b"\t\n\f\r")))
UNSAFE: Final = "its name leads out of the archive, or cannot be shown"
_UNSHOWN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SHOWN_CHARS: Final = 200
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, struct.error, NotImplementedError,
    RuntimeError, OverflowError,
)  # fmt: skip


class TooMuch(CannotClean):
    """It unpacks to more than the limits allow."""


@dataclass(slots=True)
class Meter:
    """Counts what is unpacked, and stops at the limits."""

    job: Job
    packed: int
    """size of the archive"""
    unpacked: int = 0
    runs: int = 0
    members: int = 0

    def member(self) -> None:
        """Count one member."""
        self.members += 1
        if self.members > self.job.limits.max_members:
            raise CannotClean("too many members: split the archive")

    def add(self, count: int) -> None:
        """Count unpacked bytes."""
        self.unpacked += count
        if self.unpacked > self.job.limits.max_unpacked_bytes:
            raise TooMuch("unpacks to more than the limit: unpack it first")
        if self.unpacked > max(_RATIO_FROM, self.packed * _RATIO_MAX):
            raise TooMuch(f"unpacks to more than {_RATIO_MAX} times its size: unpack it first")

    def look(self, block: bytes) -> None:
        """Count what of a block is nothing but a few characters over and over."""
        self.runs += sum(
            len(piece)
            for at in range(0, len(block), _PIECE)
            if _is_begun_run(block[at : at + _RUN_HEAD]) and _is_run(piece := block[at : at + _PIECE])
        )
        if self.runs > max(_RUNS_FROM, self.packed * _RUNS_RATIO_MAX):
            raise TooMuch("unpacks to hardly anything but a few characters over and over: unpack it first")


def _is_begun_run(head: bytes) -> bool:
    return any(head.startswith(head[period:]) for period in _PERIODS)


def _is_run(piece: bytes) -> bool:
    r"""Tell whether a piece is text of one pattern of a few bytes.

    >>> _is_run(b"0,1\n" * 100), _is_run(b"12:00:00 ok\n" * 100), _is_run(bytes(400))
    (True, False, False)
    """
    # UTF-16 holds as many zeros as letters. Pictures and tables of numbers, blank ones too, are looked through fast.
    is_text = piece.count(0) * 2 <= len(piece) == len(piece.translate(None, _CONTROLS))
    return is_text and _is_begun_run(piece)


def safe_name(name: str) -> str | None:
    r"""Return a member's name as a relative path, or None where it points elsewhere or cannot be shown.

    >>> safe_name("./a//b.txt"), safe_name("a\\b"), safe_name("../a"), safe_name("/etc/a"), safe_name("C:\\a")
    ('a/b.txt', 'a/b', None, None, None)
    """
    name = name.replace("\\", "/")
    if name.startswith("/") or name[1:2] == ":" or any(ord(char) < 32 or 127 <= ord(char) < 160 for char in name):
        return None
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if not parts or ".." in parts or len(name) > 4096:
        return None
    return "/".join(parts)


def shown_name(name: str) -> str:
    r"""Return what a member with an unsafe name may be called where it is told that it was left out.

    >>> shown_name("../../etc/a\n.txt"), shown_name("/abs/x.txt"), shown_name("..")
    ('etc/a_.txt', 'abs/x.txt', 'member')
    """
    parts = [part for part in re.split(r"[\\/:]", name) if part not in {"", ".", ".."}]
    return _UNSHOWN.sub("_", "/".join(parts)[-_SHOWN_CHARS:]) or "member"


@dataclass(slots=True)
class Names:
    """Names that are given away once; one that is taken gets a number before its ending.

    >>> names = Names()
    >>> [names.free("a/b.tar.gz") for _ in range(3)]
    ['a/b.tar.gz', 'a/b-2.tar.gz', 'a/b-3.tar.gz']
    """

    taken: set[str] = field(default_factory=set)
    _counts: dict[str, int] = field(default_factory=dict)

    def free(self, name: str) -> str:
        """Return the name, with a number where it is taken."""
        folder, slash, base = name.rpartition("/")
        at = base.find(".", 1)
        stem, ending = (base[:at], base[at:]) if at > 0 else (base, "")
        new, count = name, self._counts.get(name, 1)
        while new in self.taken:
            count += 1
            new = f"{folder}{slash}{stem}-{count}{ending}"
        self._counts[name] = count
        self.taken.add(new)
        return new


@dataclass(slots=True)
class Archive:
    """A zip archive that is read."""

    file: zipfile.ZipFile
    meter: Meter

    def entries(self, job: Job) -> Iterator[tuple[str, zipfile.ZipInfo]]:
        """Yield the members that are files, in order; of those with one name only the last."""
        found: dict[str, zipfile.ZipInfo] = {}
        for entry in self.file.infolist():
            self.meter.member()
            name = safe_name(entry.filename)
            if entry.filename.endswith("/"):
                continue
            if entry.flag_bits & 0x41:
                raise CannotClean("encrypted")
            if stat.S_ISLNK(entry.external_attr >> 16):
                job.dropped("link")
            elif name is None or "\0" in entry.orig_filename:
                job.leave_out(shown_name(entry.filename), UNSAFE)
            else:
                job.dropped("duplicate member", int(found.pop(name, None) is not None))
                found[name] = entry
        yield from found.items()

    def head(self, entry: zipfile.ZipInfo, count: int) -> bytes:
        """Return the first bytes of a member; they are not counted."""
        try:
            with self.file.open(entry) as member:
                return member.read(count)
        except _BROKEN as error:
            raise CannotClean("damaged: a member cannot be unpacked") from error

    def read(self, entry: zipfile.ZipInfo, most: int) -> bytes | None:
        """Return the content of a member, or None where it is longer than `most`."""
        out = bytearray()
        for block in self.blocks(entry):
            out += block
            if len(out) > most:
                return None
        return bytes(out)

    def blocks(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield the content of a member; a wrong checksum is an error."""
        try:
            with self.file.open(entry) as member:
                while block := member.read(MIB):
                    self.meter.add(len(block))
                    yield block
        except _BROKEN as error:
            raise CannotClean("damaged: a member cannot be unpacked") from error


def open_zip(source: BinaryIO, job: Job) -> Archive:
    """Open a zip archive; its directory is measured before it is loaded."""
    size = size_of(source)
    try:
        if _directory_entries(source, size, job.limits.max_members) > job.limits.max_members:
            raise CannotClean("too many members: split the archive")
        source.seek(0)
        return Archive(zipfile.ZipFile(source), Meter(job, size))
    except _BROKEN as error:
        raise CannotClean("damaged: the directory of the zip cannot be read") from error


def _directory_entries(source: BinaryIO, size: int, most: int) -> int:
    """Count entries in the directory without building any."""
    start = max(0, size - 65_536 - 22)
    source.seek(start)
    tail = source.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise CannotClean("truncated: the zip has no directory")
    length = struct.unpack_from("<I", tail, at + 12)[0]
    end = start + at
    if length == 0xFFFFFFFF:
        record = tail.rfind(b"PK\x06\x06", 0, at)
        if record < 0 or len(tail) - record < 56:
            raise CannotClean("truncated: the zip has no directory")
        length = struct.unpack_from("<Q", tail, record + 40)[0]
        end = start + record
    if length > min(end, most * 1024):
        raise CannotClean("damaged: the directory of the zip is too long")
    source.seek(end - length)
    count = 0
    rest = b""
    while length > 0:
        block = source.read(min(length, MIB))
        if not block:
            break
        length -= len(block)
        count += (rest + block).count(b"PK\x01\x02")
        rest = block[-3:]
    return count


@dataclass(slots=True)
class Writer:
    """A zip archive that is written."""

    file: zipfile.ZipFile

    def add(self, name: str, content: bytes, *, packed: bool = True, executable: bool = False) -> None:
        """Append a member."""
        self.file.writestr(member_info(name, executable=executable), content, _method(packed=packed), 6)


def _method(*, packed: bool) -> int:
    return zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED


def member_info(name: str, *, executable: bool = False) -> zipfile.ZipInfo:
    """Return the header of a member that is nothing but its name."""
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
    return info


class _Begun(zipfile.ZipFile):
    """A zip archive that is written, unless it is given up: then its file may be closed by the time it is forgotten."""

    def __del__(self) -> None:
        """Do not end it."""


def write_zip(target: BinaryIO) -> Writer:
    """Start a zip archive; `file.close()` ends it."""
    return Writer(_Begun(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6))
