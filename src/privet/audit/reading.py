"""The records of a file, whatever its form.

Invariant: what cannot be read is said (`Unread`), never passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from privet.audit import documents, objects, tables
from privet.audit.encodings import text_of
from privet.audit.markup import markup
from privet.audit.record import File, Record
from privet.audit.rich_text import rich_text
from privet.audit.tags_layers import DJVU_TEXTS
from privet.audit.unpacking import MEMBER_BYTES, Entry, Unread, guarded


def records_of(entry: Entry, lines: frozenset[int] | None = None) -> Iterator[Record | File]:
    """Yield the records of an entry, and the files that stand inside it as attachments and pictures.

    Of a form in `BY_LINE`, only those of the given lines, if some are given.

    Raises:
        Unread: it is damaged or encrypted; the records before that place have been yielded.

    """
    if entry.unread:
        raise Unread(entry.unread)
    read = _READERS.get(entry.form.name)
    if lines is not None and entry.form.name in BY_LINE:
        read = _text(BY_LINE[entry.form.name], only=lines)
    if read is None:
        if not entry.form.is_known:
            raise Unread(_WITHOUT_READER.get(entry.form.name, "unknown format"))
        return
    yield from guarded(read, entry, "damaged or encrypted")


BY_LINE: Final[dict[str, Callable[..., Iterator[Record]]]] = {"jsonl": tables.json_lines}
"""Forms whose records stand each on a line of its own, so that other lines need not be understood."""
_Reader = Callable[[BinaryIO, Entry], Iterator[Record | File]]


def _whole(stream: BinaryIO) -> bytes:
    content = stream.read(MEMBER_BYTES + 1)
    if len(content) > MEMBER_BYTES:
        raise Unread("too big to be read")
    return content


def _text(read: Callable[..., Iterator[Record]], **more: Any) -> _Reader:
    def reader(stream: BinaryIO, _entry: Entry) -> Iterator[Record | File]:
        yield from read(text_of(stream), **more)

    return reader


def _mailbox(stream: BinaryIO, _entry: Entry) -> Iterator[Record | File]:
    for content in documents.mailbox(stream):
        yield from documents.mail(content)


def _djvu(stream: BinaryIO) -> Iterator[Record | File]:
    content = _whole(stream)
    if any(mark in content for mark in DJVU_TEXTS):
        raise Unread("a hidden text, which is packed in a way of its own")
    yield from ()


_WITHOUT_READER: Final = {
    "ole": "an old binary office file: convert it first",
    "dicom": "a medical picture",
    "program": "a program",
}
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
    "orc": lambda stream, _entry: tables.orc_rows(stream),
    "numpy": lambda stream, _entry: objects.array(stream),
    "pickle": lambda stream, _entry: objects.pickled(stream),
    "tfevents": lambda stream, _entry: objects.events(stream),
    "midi": lambda stream, _entry: objects.lyrics(stream),
    "emf": lambda stream, _entry: objects.strings(stream),
    "wmf": lambda stream, _entry: objects.strings(stream),
    "torrent": lambda stream, _entry: objects.strings(stream),
    "postscript": _text(documents.plain),
    "djvu": lambda stream, _entry: _djvu(stream),
    "sqlite": lambda stream, entry: tables.sqlite_rows(stream, str(entry.path) if entry.path else None),
}
