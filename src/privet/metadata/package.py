"""ZIP packages, as office files and e-books are: read with bounds, written the same every time.

Invariants:

- What a member unpacks to is counted while it unpacks; what the directory says about sizes is believed nowhere.
- A name that leads out of the package, or that no reader could mean, is not there; of two members with one name the last one counts,
  as readers have it.
- Output holds members and nothing else: no comments, extra fields, owners, dates or bytes before, between and behind them.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job

_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_COMPOUND_FILE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_RATIO: Final = 200
_PLAUSIBLE: Final = 32 << 20
_LARGE: Final = 64 << 10
_CHUNK: Final = 1 << 20
_COMPRESSED: Final = re.compile(
    r"\.(png|jpe?g|gif|webp|mp[34]|m4[av]|ogg|og[av]|flac|woff2?|docx|xlsx|pptx)$", re.IGNORECASE
)
# What zipfile and zlib raise on hostile bytes.
BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError, NotImplementedError, RuntimeError, struct.error,
)  # fmt: skip


@dataclass(slots=True)
class Package:
    """The members of a ZIP file by their names: with forward slashes, relative, as they are spelled."""

    archive: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]
    left: int
    """bytes that may still be unpacked"""
    plausible: int
    """bytes that a package of this size unpacks to, and no honest one to more"""
    largest: int
    _folded: dict[str, str] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def spelled(self, name: str) -> str | None:
        """Return a member's name as it is spelled: Open Packaging names ignore case."""
        if name in self.members:
            return name
        if not self._folded:
            self._folded.update((member.lower(), member) for member in self.members)
        return self._folded.get(name.lower())

    def read(self, name: str, most: int | None = None) -> bytes:
        """Return a member's content, of at most `most` bytes.

        Raises:
            CannotClean: it is larger, or broken.

        """
        bound = min(self.left, self.plausible, self.largest if most is None else most)
        pieces: list[bytes] = []
        size = 0
        try:
            with self.archive.open(self.members[name]) as stream:
                while piece := stream.read(min(_CHUNK, bound - size + 1)):
                    size += len(piece)
                    if size > self.plausible:
                        raise CannotClean(f"unpacks to more than {_RATIO} times its size: split the file")
                    if size > bound:
                        raise CannotClean("a member unpacks to more than the limit: split the file or raise the limit")
                    pieces.append(piece)
        except BROKEN as error:
            raise CannotClean("damaged: a member of the package does not unpack") from error
        self.left -= size
        self.plausible -= size
        return b"".join(pieces)


def opened(source: BinaryIO, job: Job) -> Package:
    """Return the package in a file.

    Raises:
        CannotClean: not a ZIP file, damaged, encrypted, or of too many members.

    """
    start = source.read(len(_COMPOUND_FILE))
    source.seek(0)
    if start == _COMPOUND_FILE:
        raise CannotClean("encrypted, or of the older binary format: save it without a password")
    try:
        archive = zipfile.ZipFile(source)
    except BROKEN as error:
        raise CannotClean("damaged: not a whole ZIP package") from error
    infos = archive.infolist()
    if len(infos) > job.limits.max_members:
        raise CannotClean("more members than the limit")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = _usual(info.filename)
        if name is None:
            job.dropped("misleading member name", int(not info.filename.endswith("/")))
            continue
        if info.flag_bits & _ENCRYPTED:
            raise CannotClean("encrypted: save it without a password")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise CannotClean("packed by an unusual method: save it anew")
        job.dropped("duplicate member", int(name in members))
        members[name] = info
    size = source.seek(0, 2)
    plausible = max(_PLAUSIBLE, _RATIO * size)
    return Package(archive, members, job.limits.max_unpacked_bytes, plausible, job.limits.max_file_bytes)


def _usual(name: str) -> str | None:
    name = name.replace("\\", "/").removeprefix("/")
    steps = name.split("/")
    if any(step in ("", ".", "..") for step in steps) or ":" in steps[0] or any(ord(mark) < 32 for mark in name):
        return None
    return name


def write(target: BinaryIO, members: Iterable[tuple[str, bytes]], stored: str = "") -> None:
    """Write a ZIP file of these members, in this order; the one named `stored` is not compressed."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 0
            plain = name == stored or _COMPRESSED.search(name) is not None
            info.compress_type = zipfile.ZIP_STORED if plain else zipfile.ZIP_DEFLATED
            # Large parts are what time is spent on: the lower level is four times as fast for a third more bytes.
            archive.writestr(info, content, compresslevel=6 if len(content) < _LARGE else 3)
