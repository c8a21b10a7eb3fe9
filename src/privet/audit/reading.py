"""Files of a dataset as records, whatever they are packed in; own readers, so that the audit trusts no cleaner's.

Invariants:

- Files come in the order of their paths, links are not followed, and nothing is written anywhere.
- A file is known by its first bytes; its name only tells between forms of text.
- Lines and rows are streamed; only a member of an archive that needs random access is held in memory, up to `_MEMBER_BYTES`.
- What cannot be read is said (`Unread`), never passed over.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast

from privet.audit import documents, tables
from privet.audit.forms import Form, form_of
from privet.audit.markup import markup
from privet.audit.record import File, Record
from privet.audit.rich_text import rich_text
from privet.errors import BadInput

_MEMBER_BYTES: Final = 256 * 1024 * 1024
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
    """A file, or a member of one: `data.zip!/a/b.txt`. `path` is where it lies on disk, if it does."""

    name: str
    form: Form
    open: Callable[[], BinaryIO] = field(repr=False)
    path: Path | None = None
    depth: int = 0


def files_of(root: Path) -> list[Path]:
    """Return the files of a dataset, sorted by their path.

    Raises:
        BadInput: there is none, or it cannot be read.

    """
    if not root.exists():
        raise BadInput("there is no such dataset", hint="name a file or a folder")
    try:
        if root.is_file():
            return [root]
        found = sorted(
            (path for path in _under(root) if path.is_file() and not path.is_symlink()),
            key=lambda path: path.relative_to(root).as_posix(),
        )
    except OSError as error:
        raise BadInput("the dataset cannot be read", hint="check its path and permissions") from error
    if not found:
        raise BadInput("the dataset has no files", hint="name a file, or a folder that holds some")
    return found


def _under(root: Path) -> Iterator[Path]:
    """Yield what a folder holds; unlike `rglob`, this says so where a folder cannot be read."""

    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(root, onerror=refuse):
        yield from (Path(folder, name) for name in (*folders, *names))


def links_of(root: Path) -> list[str]:
    """Return the names of links that lead out of a dataset, or nowhere: what is behind them is not looked at."""
    if root.is_file():
        return []
    links = [path for path in _under(root) if path.is_symlink()]
    inside = root.resolve()
    return sorted(name_of(root, path) for path in links if not _leads_into(path, inside))


def _leads_into(path: Path, folder: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(folder)
    except (OSError, RuntimeError):
        return False


def name_of(root: Path, path: Path) -> str:
    """Return the name of a file in the dataset."""
    return path.name if path == root else path.relative_to(root).as_posix()


def entry_of(root: Path, path: Path) -> Entry:
    """Return the entry of a file on disk."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        raise BadInput("a file of the dataset cannot be read", hint="check its permissions") from error
    name = name_of(root, path)
    opened = partial(_open, path)
    return Entry(name, _refined(form_of(head, name), opened), opened, path)


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


def digest_of(files: list[tuple[str, Path]]) -> str:
    """Return the digest of a dataset: SHA-256 over the RFC 8785 form of `[[path, SHA-256 of its bytes], …]`, sorted by path."""
    import rfc8785

    listed: list[Any] = []
    for name, path in files:
        with path.open("rb") as stream:
            listed.append([name, hashlib.file_digest(stream, "sha256").hexdigest()])
    return "sha256:" + hashlib.sha256(rfc8785.dumps(sorted(listed))).hexdigest()


def expand(entry: Entry) -> Iterator[Entry]:
    """Yield an entry, and what is packed in it.

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
            for info in archive.infolist():
                if not info.is_dir():
                    if info.flag_bits & 1:
                        raise Unread("encrypted archive")
                    unpacked += info.file_size
                    if unpacked > _UNPACKED_BYTES:
                        raise Unread("unpacks to too much")
                    yield from _member(entry, info.filename, partial(_part, archive.open, info))
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
        content = stream.read(_MEMBER_BYTES + 1)
    if len(content) > _MEMBER_BYTES:
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


def records_of(entry: Entry) -> Iterator[Record | File]:
    """Yield the records of an entry, and the files that stand inside it as attachments and pictures.

    Raises:
        Unread: it is damaged or encrypted; the records before that place have been yielded.

    """
    read = _READERS.get(entry.form.name)
    if read is None:
        if not entry.form.is_known:
            raise Unread("unknown format")
        return
    yield from guarded(read, entry, "damaged or encrypted")


_Reader = Callable[[BinaryIO, Entry], Iterator[Record | File]]


def _whole(stream: BinaryIO) -> bytes:
    content = stream.read(_MEMBER_BYTES + 1)
    if len(content) > _MEMBER_BYTES:
        raise Unread("too big to be read")
    return content


def _text(read: Callable[..., Iterator[Record]], **more: Any) -> _Reader:
    def reader(stream: BinaryIO, _entry: Entry) -> Iterator[Record | File]:
        yield from read(tables.text_of(stream), **more)

    return reader


def _mailbox(stream: BinaryIO, _entry: Entry) -> Iterator[Record | File]:
    for content in documents.mailbox(stream):
        yield from documents.mail(content)


_READERS: Final[dict[str, _Reader]] = {
    "jsonl": _text(tables.json_lines),
    "json": _text(tables.json_document),
    "csv": _text(tables.csv_rows),
    "tsv": _text(tables.csv_rows, separator="\t"),
    "text": _text(documents.plain),
    "html": _text(markup, is_html=True),
    "xml": _text(markup, is_html=False),
    "notebook": _text(documents.notebook),
    "mail": lambda stream, _entry: documents.mail(_whole(stream)),
    "mailbox": _mailbox,
    "office": lambda stream, _entry: documents.office(_whole(stream)),
    "rtf": lambda stream, _entry: rich_text(_whole(stream)),
    "pdf": lambda stream, _entry: documents.pdf(_whole(stream)),
    "parquet": lambda stream, _entry: tables.parquet_rows(stream),
    "arrow": lambda stream, _entry: tables.arrow_rows(stream),
    "sqlite": lambda stream, entry: tables.sqlite_rows(stream, str(entry.path) if entry.path else None),
}
