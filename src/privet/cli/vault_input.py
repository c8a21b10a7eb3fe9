"""What `privet vault add` reads: JSON lines, CSV, Parquet, and texts in passages; a record at a time, whatever the size of the file.

Invariants:

- The same row gives the same id every time, so a command that is run again goes on where it was: from its column, else from its content.
- A row that cannot be read is an error that names its place and holds nothing of it.
- Cells of CSV stay texts: "007" is no number.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from privet.errors import BadInput

PASSAGE_CHARS: Final = 1000
"""About 250 tokens, of which the local model reads 256."""
_MAX_LINE: Final = 64 << 20
_TEXT_LINE: Final = 1 << 16
_SAMPLE: Final = 1 << 16
_ROWS: Final = 1000
_FORMATS: Final = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".txt", ".md")


class Names(NamedTuple):
    """Which column holds what; None: the usual one where it is there."""

    text: str | None = None
    id: str | None = None
    subject: str | None = None
    vector: str | None = None
    metadata: tuple[str, ...] | None = None


class Item(NamedTuple):
    """A record to be added, and how many bytes of its file have been read."""

    id: str
    text: str | None
    metadata: dict[str, Any]
    subject: str | None
    vector: list[float] | None
    done_bytes: int

    def __repr__(self) -> str:
        return "Item(...)"


class _Row(NamedTuple):
    fields: dict[str, Any]
    place: str
    done_bytes: int


def size_of(name: str) -> int:
    """Return the size of a file, 0 for standard input.

    Raises:
        BadInput: there is no such file, or its format is unknown.

    """
    if name == "-":
        return 0
    path = Path(name)
    if _suffix(path) not in _FORMATS:
        raise BadInput(f"{name} has an unknown format", hint=f"known are {' '.join(_FORMATS)}, and .gz behind them")
    if not path.is_file():
        raise BadInput(f"{name} is no file", hint="name files, or - for JSON lines on standard input")
    return path.stat().st_size


def items(name: str, names: Names) -> Iterator[Item]:
    """Yield the records of a file, or of JSON lines on standard input.

    Raises:
        BadInput: a row is not what it has to be; the message names its place.

    """
    if name == "-":
        yield from (_item(row, names) for row in _json_lines(sys.stdin.buffer, "standard input"))
        return
    path = Path(name)
    suffix = _suffix(path)
    if suffix == ".parquet":
        yield from (_item(row, names) for row in _parquet(path))
        return
    if suffix in {".txt", ".md"} and (names.id or names.subject or names.vector):
        raise BadInput(f"{name} has no columns", hint="leave out --id, --subject and --vector, or give JSON lines")
    with path.open("rb") as raw:
        stream: Any = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        try:
            if suffix in {".txt", ".md"}:
                with _as_text(stream) as text:
                    yield from _passages(text, raw, name, has_headings=suffix == ".md")
            else:
                rows = _table(stream, raw, path) if suffix in {".csv", ".tsv"} else _json_lines(stream, name, raw)
                # A row that is refused leaves them half read: they let go of the file before it is closed.
                with closing(rows):
                    yield from (_item(row, names) for row in rows)
        except UnicodeDecodeError:
            raise BadInput(f"{name} is not UTF-8", hint="convert it, with iconv for one") from None
        except (EOFError, gzip.BadGzipFile) as error:
            raise BadInput(f"{name} is no whole gzip file") from error


def _suffix(path: Path) -> str:
    return Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower()


def _json_lines(stream: Any, name: str, raw: BinaryIO | None = None) -> Generator[_Row]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    number = 0
    while line := stream.readline(_MAX_LINE):
        number += 1
        place = f"{name}, line {number}"
        if len(line) == _MAX_LINE:
            raise BadInput(f"{place} is longer than {_MAX_LINE >> 20} MB")
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not line.strip():
            continue
        try:
            fields = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # The error may hold a part of the line, so it is not chained.
            raise BadInput(f"{place} is not a JSON object", hint="expected one object a line") from None
        yield _Row(fields, place, raw.tell() if raw else 0)


def _table(stream: Any, raw: BinaryIO, path: Path) -> Generator[_Row]:
    with _as_text(stream, newline="") as text:
        yield from _cells(text, raw, path)


@contextmanager
def _as_text(stream: Any, newline: str | None = None) -> Iterator[io.TextIOWrapper]:
    """Read bytes as text, and leave their stream open."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline=newline)
    try:
        yield text
    finally:
        text.detach()


def _cells(text: io.TextIOWrapper, raw: BinaryIO, path: Path) -> Iterator[_Row]:
    from privet.ingest.dialect import dialect_of

    sample = text.read(_SAMPLE)
    dialect = dialect_of(sample, _suffix(path))
    csv.field_size_limit(_MAX_LINE)
    reader = csv.reader(
        _lines(sample, text),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=dialect.escape or None,
    )
    header: list[str] = []
    try:
        for cells in reader:
            if not any(cells):
                continue
            if not header:
                header = _header(cells, path)
                continue
            place = f"{path}, line {reader.line_num}"
            if len(cells) != len(header):
                raise BadInput(f"{place} has {len(cells)} cells, and the header {len(header)}")
            yield _Row(dict(zip(header, cells, strict=True)), place, raw.tell())
    except csv.Error as error:
        raise BadInput(f"{path}, line {reader.line_num} is no row of a table") from error


def _lines(sample: str, rest: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines of what was read already and of the rest."""
    lines = io.StringIO(sample, newline="").readlines()
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += rest.readline()
    yield from lines
    yield from rest


def _header(cells: list[str], path: Path) -> list[str]:
    if len(set(cells)) < len(cells):
        raise BadInput(f"two columns of {path} have one name", hint="the first line has to name the columns")
    return cells


def _parquet(path: Path) -> Iterator[_Row]:
    from privet.cli.extras import needing

    with needing("vault", "scrub"):
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    try:
        with ParquetFile(path) as file:
            total, size, number = max(1, file.metadata.num_rows), path.stat().st_size, 0
            for batch in file.iter_batches(batch_size=_ROWS):
                for fields in batch.to_pylist():
                    number += 1
                    # Dates, decimals and bytes as JSON has them, and no NaN.
                    plain = msgspec.json.decode(msgspec.json.encode(fields))
                    yield _Row(plain, f"{path}, row {number}", size * number // total)
    except (ArrowException, OSError) as error:
        raise BadInput(f"{path} cannot be read as Parquet") from error


def _passages(text: io.TextIOWrapper, raw: BinaryIO, name: str, *, has_headings: bool) -> Iterator[Item]:
    """Yield a text in passages of paragraphs, which begin anew at a heading."""
    waiting, number = "", 0
    for paragraph in chain(_paragraphs(text), ("",)):
        is_heading = has_headings and paragraph.startswith("#")
        if waiting and (not paragraph or is_heading or len(waiting) + len(paragraph) + 2 > PASSAGE_CHARS):
            number += 1
            metadata = {"file": name, "passage": number}
            yield Item(_digest([name, waiting]), waiting, metadata, None, None, raw.tell())
            waiting = ""
        waiting = f"{waiting}\n\n{paragraph}" if waiting else paragraph


def _paragraphs(text: io.TextIOWrapper) -> Iterator[str]:
    waiting = ""
    while line := text.readline(_TEXT_LINE):
        waiting = waiting + line if line.strip() else f"{waiting.strip()}\0"
        while len(waiting) > PASSAGE_CHARS or waiting.endswith("\0"):
            is_whole = len(waiting) <= PASSAGE_CHARS
            at = len(waiting) if is_whole else _cut(waiting)
            if paragraph := waiting[:at].strip("\0 \t\r\n"):
                yield paragraph
            waiting = waiting[at:]
    if waiting.strip():
        yield waiting.strip()


def _cut(text: str) -> int:
    """Return where to cut what is too long: behind the last end of a sentence, else the last space, else anywhere."""
    head = text[:PASSAGE_CHARS]
    sentence = max(head.rfind(mark) for mark in (". ", "! ", "? ", ".\n")) + 2
    return sentence if sentence > PASSAGE_CHARS // 2 else max(head.rfind(" "), head.rfind("\n")) + 1 or PASSAGE_CHARS


def _item(row: _Row, names: Names) -> Item:
    fields = row.fields
    for name in (names.text, names.id, names.subject, names.vector, *(names.metadata or ())):
        # One that may be missing altogether would hide a wrong name: `forget` would reach nobody, and a filter find nothing.
        if name is not None and name not in fields:
            raise BadInput(f"{row.place} has no {name}", hint="see the names of the columns")
    vector = None if names.vector is None else _vector(fields[names.vector], row.place)
    text = _text(row, names)
    used = {names.text or "text", names.id or "id", names.subject, names.vector}
    kept = names.metadata if names.metadata is not None else [name for name in fields if name not in used]
    metadata = {name: fields[name] for name in kept}
    subject = _word(fields.get(names.subject), row.place) if names.subject else None
    given = _word(fields.get(names.id or "id"), row.place)
    if names.id and given is None:
        raise BadInput(f"{row.place} has no id", hint="leave --id out, and ids are made from the content")
    return Item(given or _digest([text, metadata, subject, vector]), text, metadata, subject, vector, row.done_bytes)


def _text(row: _Row, names: Names) -> str | None:
    column = names.text or "text"
    text = row.fields.get(column)
    if isinstance(text, str) or (text is None and names.vector is not None):
        return text
    if text is not None:
        raise BadInput(
            f"{row.place} has in {column} what is no text", hint="quote it, or name another column with --text"
        )
    raise BadInput(f"{row.place} has no text", hint="name the column with --text")


def _word(value: Any, place: str) -> str | None:
    """Return an id or a subject as a text; an empty one is none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise BadInput(f"{place} has an id or a subject that is neither text nor a whole number")
    return str(value)


def _vector(value: Any, place: str) -> list[float]:
    try:
        if isinstance(value, str):
            value = msgspec.json.decode(value)
        vector = msgspec.convert(value, list[float])
    except (msgspec.MsgspecError, ValueError):
        vector = []
    if not vector:
        raise BadInput(f"{place} has no vector", hint="expected a list of numbers")
    return vector


def _digest(parts: Iterable[Any]) -> str:
    return hashlib.blake2b(msgspec.json.encode(list(parts), order="sorted"), digest_size=16).hexdigest()
