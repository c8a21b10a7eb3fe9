"""A file and what is packed in it, whatever it is packed in; own readers, so that the audit trusts no cleaner's.

Invariants:

- A file is known by its first bytes; its name only tells between forms of text.
- Lines and rows are streamed; only a member of an archive that needs random access is held in memory, up to `MEMBER_BYTES`.
- What cannot be read is said (`Unread`), never passed over.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast

from privet.audit.files import CLOSED, name_of
from privet.audit.forms import Form, form_of
from privet.audit.record import File

MEMBER_BYTES: Final = 256 * 1024 * 1024
_UNPACKED_BYTES: Final = 16 * 1024 * 1024 * 1024
_MAX_DEPTH: Final = 5
_HEAD_BYTES: Final = 4096
_Read = TypeVar("_Read")


class Unread(Exception):
    """A file, or the rest of it, cannot be read; `reason` is a few words without anything of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a member of one: `data.zip!/a/b.txt`. `path` is where it lies on disk, if it does; `unread` says why it cannot be read."""

    name: str
    form: Form
    open: Callable[[], BinaryIO] = field(repr=False)
    path: Path | None = None
    depth: int = 0
    unread: str = ""


def entry_of(root: Path, path: Path) -> Entry:
    """Return the entry of a file on disk."""
    name = name_of(root, path)
    opened = partial(_open, path)
    try:
        with opened() as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return Entry(name, _UNKNOWN, opened, path, unread=CLOSED)
    return Entry(name, _refined(form_of(head, name), opened), opened, path)


_UNKNOWN: Final = Form("unknown", is_known=False)


def _refined(form: Form, opened: Callable[[], BinaryIO]) -> Form:
    """Tell an office file from any other zip by all its members: the first one need not be the one that tells."""
    if form.name != "zip":
        return form
    try:
        with opened() as stream, zipfile.ZipFile(stream) as archive:
            is_office = bool(_OFFICE_MEMBERS & set(archive.namelist()))
    except Exception:
        return form
    return Form("office", seeks=True) if is_office else form


_OFFICE_MEMBERS: Final = frozenset(("[Content_Types].xml", "mimetype"))


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def expand(entry: Entry) -> Iterator[Entry]:
    """Yield an entry, and what is packed in it; a member that is damaged or encrypted leaves the others readable.

    Raises:
        Unread: it is damaged, encrypted, or packed too deep or too big.

    """
    yield entry
    if not entry.form.is_packed:
        return
    if entry.depth >= _MAX_DEPTH:
        raise Unread("packed too deep")
    try:
        yield from _members(entry)
    except Unread:
        raise
    except Exception as error:  # as in `records_of`
        raise Unread("damaged or encrypted archive") from error


def _members(entry: Entry) -> Iterator[Entry]:
    unpacked = 0
    if entry.form.name == "zip":
        with entry.open() as stream, zipfile.ZipFile(stream) as archive:
            is_checkpoint = any(name.endswith("/data.pkl") for name in archive.namelist())
            for info in archive.infolist():
                if is_checkpoint and _TENSOR.search(info.filename):
                    yield Entry(f"{entry.name}!/{info.filename}", Form("tensor"), partial(_part, archive.open, info))
                elif not info.is_dir():
                    unpacked += info.file_size
                    if unpacked > _UNPACKED_BYTES:
                        raise Unread("unpacks to too much")
                    yield from _zipped(entry, info, partial(_part, archive.open, info))
    elif entry.form.name == "tar":
        with entry.open() as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                if member.isfile():
                    yield from _member(entry, member.name, partial(_part, archive.extractfile, member))
    else:
        name = entry.name.rsplit("/", 1)[-1]
        inner = name.rsplit(".", 1)[0] if "." in name else name
        opened = partial(_unpacked, entry)
        # What is packed in one piece streams, unless its form needs random access.
        yield from _member(entry, inner.replace(".tgz", ".tar"), opened)


def _zipped(entry: Entry, info: zipfile.ZipInfo, opened: Callable[[], BinaryIO]) -> Iterator[Entry]:
    """Yield a member of a ZIP archive, and what is packed in it: each stands by itself, so one that is damaged says nothing of others."""
    reason = "encrypted"
    if not info.flag_bits & 1:
        try:
            yield from _member(entry, info.filename, opened)
        except Unread as error:
            reason = error.reason
        except Exception:  # as in `guarded`
            reason = "damaged or encrypted"
        else:
            return
    yield Entry(f"{entry.name}!/{info.filename}", _UNKNOWN, opened, None, entry.depth + 1, reason)


_TENSOR: Final = re.compile(r"/data/\d+\Z")
"""Where PyTorch keeps the bare numbers of a checkpoint."""


def _part(opened: Callable[[Any], Any], which: Any) -> BinaryIO:
    return cast("BinaryIO", opened(which))


def _member(entry: Entry, name: str, opened: Callable[[], BinaryIO]) -> Iterator[Entry]:
    """Yield a member, and what is packed in it; it streams out of the archive where its form allows."""
    with opened() as stream:
        form = form_of(stream.read(_HEAD_BYTES), name)
    if not form.seeks:
        yield from expand(Entry(f"{entry.name}!/{name}", form, opened, None, entry.depth + 1))
        return
    with opened() as stream:
        content = stream.read(MEMBER_BYTES + 1)
    if len(content) > MEMBER_BYTES:
        raise Unread("a member of an archive is too big to be read")
    yield from nested(entry, File(name, content))


def nested(entry: Entry, file: File) -> Iterator[Entry]:
    """Yield what a file inside another one holds."""
    opened = partial(BytesIO, file.content)
    form = _refined(form_of(file.content[:_HEAD_BYTES], file.name), opened)
    yield from expand(Entry(f"{entry.name}!/{file.name}", form, opened, None, entry.depth + 1))


class _Unpacking(BufferedReader):
    """Unpacks as it is read, and closes what it reads from: the unpackers of the standard library leave that open."""

    def __init__(self, unpacker: Any, source: BinaryIO) -> None:
        super().__init__(unpacker)
        self._source = source

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._source.close()


def _unpacked(entry: Entry) -> BinaryIO:
    source = entry.open()
    if entry.form.name == "gzip":
        return cast("BinaryIO", _Unpacking(gzip.GzipFile(fileobj=source, mode="rb"), source))
    if entry.form.name == "bzip2":
        return cast("BinaryIO", _Unpacking(bz2.BZ2File(source), source))
    if entry.form.name == "xz":
        return cast("BinaryIO", _Unpacking(lzma.LZMAFile(source), source))
    import zstandard

    reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
    return cast("BinaryIO", _Unpacking(reader, source))


def guarded(read: Callable[[BinaryIO, Entry], Iterator[_Read]], entry: Entry, failing: str) -> Iterator[_Read]:
    """Yield what a reader gives of an entry.

    Raises:
        Unread: the reader says so, or raises anything else: what it says of a hostile file may hold text of it.

    """
    try:
        with entry.open() as stream:
            yield from read(stream, entry)
    except Unread:
        raise
    except Exception as error:
        raise Unread(failing) from error
