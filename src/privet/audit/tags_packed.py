"""What archives and packed files say beside what is in them.

Invariant: only heads are read.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from privet.audit.tag import Tag


def gzip_head(stream: BinaryIO, name: str) -> Iterator[Tag]:
    """Yield a stored name that is not the file's own, and a comment (RFC 1952)."""
    head = stream.read(10)
    flags = head[3] if len(head) == 10 else 0
    if flags & 4:
        stream.read(int.from_bytes(stream.read(2), "little"))
    if flags & 8:
        stored = _until_zero(stream).decode("latin-1")
        if stored != PurePosixPath(name).name.removesuffix(".gz"):
            yield Tag("metadata-gzip-name")
    if flags & 16 and _until_zero(stream):
        yield Tag("metadata-gzip-comment")
    if head[4:8].strip(b"\x00"):
        yield Tag("metadata-gzip-date", personal=False)


def _until_zero(stream: BinaryIO) -> bytes:
    out = b""
    while len(out) < 4096 and (byte := stream.read(1)) not in (b"", b"\x00"):
        out += byte
    return out


_NOBODY: Final = frozenset(("", "root", "wheel", "nobody", "nogroup"))


def tar(stream: BinaryIO) -> Iterator[Tag]:
    """Yield owners and comments of members, and what folders and links are called: names of files are looked at anyway."""
    is_owned = False
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in archive:
            named = member.uname not in _NOBODY or member.gname not in _NOBODY
            if (named or member.uid >= _FIRST_USER or member.gid >= _FIRST_USER) and not is_owned:
                is_owned = True
                yield Tag("metadata-tar-owner")
            if not _PAX.issuperset(member.pax_headers):
                yield Tag("metadata-tar-comment")
            if not member.isfile():
                yield Tag("metadata-archive-name", personal=False, text=_as_words(f"{member.name} {member.linkname}"))


_FIRST_USER: Final = 500
_PAX: Final = frozenset(
    ("path", "linkpath", "size", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "charset", "hdrcharset")
)


def _as_words(name: str) -> str:
    """Return a name as it is, and as words: people write `Jane_Doe`."""
    return f"{name}\n{re.sub(r'[_./-]', ' ', name)}"


def zip_comments(stream: BinaryIO) -> Iterator[Tag]:
    """Yield comments and extra fields that hold an owner."""
    with zipfile.ZipFile(stream) as archive:
        if archive.comment or any(info.comment for info in archive.infolist()):
            yield Tag("metadata-zip-comment")
        for info in archive.infolist():
            if info.is_dir():
                yield Tag("metadata-archive-name", personal=False, text=_as_words(info.filename))
        if any(b"ux\x0b\x00" in info.extra for info in archive.infolist()):
            yield Tag("metadata-zip-owner", personal=False)
