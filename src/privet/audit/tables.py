"""Rows of JSON lines, JSON, CSV, Parquet, Arrow and SQLite files, streamed.

Invariant: a line that is not what the file should hold is looked at as the text it is, never skipped.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO, Final, TextIO

import msgspec

from privet.audit.forms import form_of
from privet.audit.record import MAX_RECORD_CHARS, File, Record, binary_values, blocks, row, text_blocks

_BETWEEN: Final = re.compile(r"[ \t\r\n,]*")
_CHUNK_CHARS: Final = 1 << 16
_BATCH_ROWS: Final = 512
_FEW_BYTES: Final = 64
_SQLITE_BYTES: Final = 1 << 30


def lines_of(stream: TextIO) -> Iterator[str]:
    """Yield lines; one that is longer than a record may be comes in pieces."""
    while line := stream.readline(MAX_RECORD_CHARS):
        yield line


def json_lines(stream: TextIO, only: frozenset[int] | None = None) -> Iterator[Record]:
    """Yield a record a line; with `only`, of these lines."""
    for number, line in enumerate(lines_of(stream), start=1):
        if (only is not None and number not in only) or line.isspace():
            continue
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            value = line
        else:
            # Of two members of one name, readers keep the last: the first one must not hide behind it.
            if type(value) in _NESTED and _keys_written(line) > _keys(value):
                value = json.loads(line, object_pairs_hook=_all_pairs)
        yield from row(number, value)


_KEY: Final = re.compile(r'"\s*:')


def _keys_written(line: str) -> int:
    """Return at least how many keys a line has; few writers put a space in front of the colon, and counting is fast."""
    is_spaced = '" :' in line or '"\t' in line or '"\r' in line
    return len(_KEY.findall(line)) if is_spaced else line.count('":')


def _keys(value: Any) -> int:
    inner = value.values() if type(value) is dict else value
    deeper = [_keys(each) for each in inner if type(each) in _NESTED]
    return sum(deeper) + (len(value) if type(value) is dict else 0)


_NESTED: Final = frozenset((dict, list))


def _all_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; the values of members of one name become a list."""
    out: dict[str, Any] = {}
    for key, value in pairs:
        out[key] = [out[key], value] if key in out else value
    return out


def json_document(stream: TextIO) -> Iterator[Record]:
    """Yield the elements of an array, wherever it ends; of an object, the elements of its lists of objects and then the rest.

    What is no JSON is text.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_all_pairs)
    text = stream.read(_CHUNK_CHARS).lstrip("\ufeff \t\r\n")
    if not text.startswith("["):
        yield from _object(text + stream.read())
        return
    place, number = 1, 0
    while True:
        place = _BETWEEN.match(text, place).end()  # type: ignore[union-attr]
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = len(text)
        # A number at the end of what was read may go on.
        if end < len(text):
            number += 1
            yield from row(number, value)
            place = end
            continue
        is_over = text.startswith("]", place) or len(text) - place > MAX_RECORD_CHARS
        more = "" if is_over else stream.read(max(_CHUNK_CHARS, len(text) - place))
        if not more:
            break
        text, place = text[place:] + more, 0
    # What is behind the array, or no JSON, is text.
    rest = text[place:].removeprefix("]")
    yield from blocks(chain(rest.splitlines(keepends=True), lines_of(stream)))


def _object(text: str) -> Iterator[Record]:
    try:
        value = json.loads(text, object_pairs_hook=_all_pairs)
    except (ValueError, RecursionError):
        yield from text_blocks(text)
        return
    if not isinstance(value, dict):
        yield from row(1, value)
        return
    number = 0
    rest = {}
    for key, inner in value.items():
        if isinstance(inner, list) and len(inner) > 1 and all(isinstance(item, dict) for item in inner):
            for item in inner:
                number += 1
                yield from row(number, item)
        else:
            rest[key] = inner
    if rest:
        yield from row(number + 1, rest)


def csv_rows(stream: TextIO, separator: str = "") -> Iterator[Record]:
    """Yield a record a row; the first row names the columns where it looks like names."""
    csv.field_size_limit(MAX_RECORD_CHARS)
    first = stream.readline(MAX_RECORD_CHARS)
    separator = separator or max(",;\t|", key=first.count)
    rows = csv.reader(_again(first, stream), delimiter=separator)
    names: list[str] = []
    number = 0
    try:
        for number, cells in enumerate(rows, start=1):
            if number == 1 and _is_header(cells):
                names = cells
                continue
            if not cells:
                continue
            known = dict(zip(names, cells, strict=False))
            known |= {f"column {at + 1}": cell for at, cell in enumerate(cells) if at >= len(names)}
            yield from row(rows.line_num, known)
        if number == 1 and names:
            # Names of columns stand in every row; without one they are looked at by themselves.
            yield from row(1, names)
    except csv.Error:
        for line in lines_of(stream):
            yield from row(rows.line_num, line)


def _again(first: str, stream: TextIO) -> Iterator[str]:
    if first:
        yield first
    yield from lines_of(stream)


def _is_header(cells: list[str]) -> bool:
    names = [cell.strip() for cell in cells]
    if len(names) > 1 and not names[0]:
        # An index, as pandas writes it.
        names = names[1:]
    return bool(names) and len(set(names)) == len(names) and all(_is_name(name) for name in names)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 64 and not name[0].isdigit() and "@" not in name and name[0] not in "+-"


def parquet_rows(stream: BinaryIO) -> Iterator[Record | File]:
    """Yield a record a row, and the files that stand in binary columns."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(stream) as file:
        yield from _batches(file.schema_arrow, file.iter_batches(batch_size=_BATCH_ROWS))


def arrow_rows(stream: BinaryIO) -> Iterator[Record | File]:
    """Yield what `parquet_rows` does, of the file format and of the stream format."""
    import pyarrow as pa

    start = stream.read(6)
    stream.seek(0)
    if start == b"ARROW1":
        with pa.ipc.open_file(stream) as reader:
            yield from _batches(reader.schema, (reader.get_batch(at) for at in range(reader.num_record_batches)))
    else:
        with pa.ipc.open_stream(stream) as reader:
            yield from _batches(reader.schema, reader)


def orc_rows(stream: BinaryIO) -> Iterator[Record | File]:
    """Yield what `parquet_rows` does, of an ORC file."""
    import pyarrow.orc

    file = pyarrow.orc.ORCFile(stream)
    yield from _batches(file.schema, (file.read_stripe(at) for at in range(file.nstripes)))


def _batches(schema: Any, batches: Any) -> Iterator[Record | File]:
    names = list(schema.names)
    # Of two columns of one name a row would keep the last.
    names = [f"{name} {at}" if names.index(name) != at else name for at, name in enumerate(names)]
    has_bytes = "binary" in str(schema)
    number = 0
    for batch in batches:
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            for value in batch.slice(start, _BATCH_ROWS).rename_columns(names).to_pylist():
                number += 1
                yield from row(number, value)
                if has_bytes:
                    yield from _files(value)
    if not number:
        yield from row(1, names)


def _files(value: Any) -> Iterator[File]:
    """Yield the files among the values of a row; a few bytes of no known form are a digest or a flag."""
    for file in binary_values(value):
        if len(file.content) > _FEW_BYTES or form_of(file.content, "").is_known:
            yield file


def sqlite_rows(stream: BinaryIO, path: str | None) -> Iterator[Record | File]:
    """Yield a record a row of every table, one for each view and trigger, and the files in binary values.

    `path` is where the database lies on disk, if it does.
    """
    if path is not None:
        database = sqlite3.connect(f"file:{_quoted(path)}?mode=ro&immutable=1", uri=True)
    else:
        database = sqlite3.connect(":memory:")
        database.deserialize(stream.read(_SQLITE_BYTES))
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    number = 0
    try:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            name = table.replace('"', '""')
            found = database.execute(f'SELECT * FROM "{name}"')  # noqa: S608 (a quoted name out of the schema)
            columns = [item[0] for item in found.description]
            for cells in found:
                number += 1
                known = dict(zip(columns, cells, strict=True))
                yield from row(number, known)
                yield from _files(known)
        for (said,) in database.execute("SELECT sql FROM sqlite_master WHERE type IN ('view', 'trigger')"):
            number += 1
            yield from row(number, said)
    finally:
        database.close()


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path)
