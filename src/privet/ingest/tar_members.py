"""Tar archives read with suspicion and written without owners, dates, links or records of the tool.

Invariants:

- Nothing that a header claims is allocated before the file is known to be that long.
- Only plain files are members; links, devices, sparse files and folders are not.
- What is written depends on names, contents and modes only.

Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format"
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.pieces import Window, size_of
from privet.metadata.zip_members import UNSAFE, Meter, safe_name, shown_name

_BLOCK: Final = 512
_RECORD: Final = 20 * _BLOCK
_FILES: Final = b"0\x007"
_WITHOUT_CONTENT: Final = b"123456"
_TOLD: Final = {b"1": "link", b"2": "link", b"3": "device", b"4": "device", b"6": "device"}
_SPARSE: Final = "a sparse file: pack it without --sparse"


class TarEntry(NamedTuple):
    """A plain file and where its content lies."""

    start: int
    size: int
    executable: bool


@dataclass(slots=True)
class _Ahead:
    """What a header says about the one behind it."""

    name: bytes = b""
    size: int | None = None
    sparse: bool = False


def read_tar(source: BinaryIO, job: Job) -> dict[str, TarEntry]:
    """Return the plain files of a tar archive by name, in order; of those with one name only the last.

    Raises:
        CannotClean: truncated, damaged, or more members than the limits allow.

    """
    found: dict[str, TarEntry] = {}
    for raw, entry in _entries(Window(source, size_of(source)), job):
        name = safe_name(_text(raw))
        if name is None:
            job.leave_out(shown_name(_text(raw)), UNSAFE)
            continue
        job.dropped("duplicate member", int(found.pop(name, None) is not None))
        found[name] = entry
    return found


def _entries(window: Window, job: Job) -> Iterator[tuple[bytes, TarEntry]]:
    meter = Meter(job, window.size)
    place = 0
    ahead = _Ahead()
    while window.size - place >= _BLOCK:
        header = window.at(place, _BLOCK)
        if not header.strip(b"\0"):
            return
        meter.member()
        kind, size = header[156:157], _checked(header)
        place += _BLOCK
        if kind in {b"L", b"K", b"x", b"g", b"X"}:
            _look_ahead(kind, window.at(place, _bounded(size)), ahead, job)
            place += -(-size // _BLOCK) * _BLOCK
            continue
        if kind in _FILES and ahead.size is not None:
            size = ahead.size
        has_content = kind not in _WITHOUT_CONTENT
        if has_content and size > window.size - place:
            raise CannotClean("truncated: the last member is not whole")
        name = ahead.name or _name(header)
        if kind not in _FILES or ahead.sparse:
            _leave_out(kind, name, job, is_sparse=ahead.sparse or kind == b"S")
        elif not name.endswith(b"/"):
            yield name, TarEntry(place, size, bool(_number(header[100:108]) & 0o100))
        place += -(-size // _BLOCK) * _BLOCK if has_content else 0
        ahead = _Ahead()
    if window.size < _BLOCK or 0 < window.size - place < _BLOCK:
        raise CannotClean("truncated: the last block is not whole")


def _leave_out(kind: bytes, name: bytes, job: Job, *, is_sparse: bool) -> None:
    """Note a member that is no plain file: links, devices and folders have no content."""
    if is_sparse or (kind not in _TOLD and kind != b"5"):
        job.leave_out(shown_name(_text(name)), _SPARSE if is_sparse else "a kind of member that is not known")
    else:
        job.dropped(_TOLD.get(kind, ""), int(kind in _TOLD))


def _bounded(size: int) -> int:
    if size > MIB:
        raise CannotClean("damaged: a header is too long")
    return size


def _checked(header: bytes) -> int:
    """Return the size that a header names, once its checksum fits."""
    block = header[:148] + b" " * 8 + header[156:]
    signed = sum(block) - 256 * sum(byte > 127 for byte in block)
    if _number(header[148:156]) not in {sum(block), signed}:
        raise CannotClean("damaged: a header does not match its checksum")
    size = _number(header[124:136])
    if size < 0:
        raise CannotClean("damaged: a member has no size")
    return size


def _number(raw: bytes) -> int:
    """Return a number in octal, or in base 256 as GNU tar writes large ones."""
    if raw[0] in {0x80, 0xFF}:
        return int.from_bytes(raw[1:], "big") if raw[0] == 0x80 else -1
    digits = raw.partition(b"\0")[0].strip()
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        return -1


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _look_ahead(kind: bytes, content: bytes, ahead: _Ahead, job: Job) -> None:
    if kind == b"L":
        ahead.name = content.partition(b"\0")[0]
    elif kind in b"xX":
        for key, value in _records(content):
            if key == b"path":
                ahead.name = value
            elif key == b"size":
                ahead.size = int(value) if value.isdigit() and len(value) < 20 else 2**63
            elif key.startswith(b"GNU.sparse"):
                ahead.sparse = True
            else:
                job.dropped("pax record")
    elif kind == b"g":
        job.dropped("pax record")


def _records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place < len(content) and content[place : place + 1] != b"\0":
        space = content.find(b" ", place, place + 8)
        digits = content[place:space]
        if space < 0 or not digits.isdigit() or int(digits) <= len(digits) + 1:
            raise CannotClean("damaged: a pax record has no length")
        key, equals, value = content[space + 1 : place + int(digits) - 1].partition(b"=")
        if not equals:
            raise CannotClean("damaged: a pax record has no value")
        yield key, value
        place += int(digits)


def _text(raw: bytes) -> str:
    """Old archives hold names in an eight-bit code."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@dataclass(slots=True)
class TarWriter:
    """A tar archive that is written: `add` members, then `close`."""

    target: BinaryIO
    written: int = 0

    def add(self, name: str, content: bytes, *, executable: bool = False) -> None:
        """Append a file."""
        info = tarfile.TarInfo(name)
        info.size = len(content)
        info.mode = 0o755 if executable else 0o644
        for part in (info.tobuf(tarfile.PAX_FORMAT, "utf-8", "replace"), content, bytes(-len(content) % _BLOCK)):
            self.target.write(part)
            self.written += len(part)

    def close(self) -> None:
        """Write the end of the archive; the file itself stays open."""
        self.target.write(bytes(2 * _BLOCK + -(self.written + 2 * _BLOCK) % _RECORD))
