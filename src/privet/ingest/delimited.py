"""Tables of text (CSV, TSV and their kin): every cell is text, and a cell that does not change keeps its bytes.

Invariants:

- Quotes, spaces, line ends, blank lines and the byte-order mark stay as they are. Only changed cells are written anew.
- Rows of any width are cleaned: cells beyond the header stand in columns `column_N`, like all cells of a table without a header.
- Bytes that are not UTF-8 are read as Windows-1252 or Latin-1, and are written back as they were.
- A file is cut only where no quote is open, and not at all where quotes stand in odd places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from privet.ingest.dialect import Dialect, is_blank
from privet.ingest.record_file import MISSING, Kept, Records, Unit, distinct, is_changed, new_names
from privet.ingest.table_layout import ESCAPED, PREFIX, Block, Layout, blocks, layout_of, start_of
from privet.ingest.text_file import BOM, CHUNK, Form, chunks, cut_at_newlines, form_of, lines_before, one_unit, writing
from privet.metadata.job import CannotClean, Limits


def units(source: Path, unit_bytes: int) -> list[Unit]:
    """Return byte ranges that end with a row. A packed file, and one whose quotes stand in odd places, is one unit."""
    size = source.stat().st_size
    whole = [Unit(0, size)]
    form = form_of(source)
    if not form.is_plain:
        return one_unit(source, form)
    if size <= unit_bytes:
        return whole
    layout = layout_of(source, form, Limits())
    dialect = layout.dialect
    if dialect.escape:
        return whole
    if not dialect.quote:
        return cut_at_newlines(source, max(unit_bytes, start_of(layout)))
    return _cut_outside_quotes(source, unit_bytes, layout) or whole


def _cut_outside_quotes(source: Path, unit_bytes: int, layout: Layout) -> list[Unit] | None:
    """Return byte ranges that end with a newline outside of quotes, or None where a quote is neither first nor last in its field.

    Whether a quote is open is told by the number of quotes so far: a doubled quote closes and opens again.
    """
    size = source.stat().st_size
    least = start_of(layout)
    cuts = [0]
    quotes = 0
    at = len(BOM) if layout.prefix.startswith("\ufeff") else 0
    data = b"\n"  # the neighbour on the left of the first byte
    at -= 1
    for chunk in chain(chunks(source, Form(), Unit(at + 1, size), Limits()), (b"\n",)):
        data += chunk
        marks = np.frombuffer(data, np.uint8)
        inside = np.flatnonzero(marks[1:-1] == ord(layout.dialect.quote)) + 1
        if not _are_at_edges(marks, inside, quotes, layout.dialect):
            return None
        newlines = np.flatnonzero(marks[1:-1] == ord("\n")) + 1
        outside = newlines[(np.searchsorted(inside, newlines) + quotes) % 2 == 0] + (at + 1)
        while (found := int(np.searchsorted(outside, max(cuts[-1] + unit_bytes, least)))) < len(outside):
            cuts.append(int(outside[found]))
        quotes += len(inside)
        at += len(data) - 2
        data = data[-2:]
    cuts = [cut for cut in cuts if cut < size]
    return [Unit(start, stop) for start, stop in zip(cuts, [*cuts[1:], size], strict=True)]


def _are_at_edges(marks: NDArray[np.uint8], inside: NDArray[np.intp], before: int, dialect: Dialect) -> bool:
    edges = np.zeros(256, np.bool_)
    edges[[ord(dialect.delimiter), ord("\n"), ord("\r"), ord(dialect.quote)]] = True
    is_opening = (np.arange(len(inside)) + before) % 2 == 0
    return bool(np.all(edges[np.where(is_opening, marks[inside - 1], marks[inside + 1])]))


def clean_unit(source: Path, unit: Unit, records: Records, part: BinaryIO) -> None:
    """Write the cleaned rows of a unit; the first unit begins with the cleaned header.

    Raises:
        CannotClean: a row is too long.

    """
    form = form_of(source)
    layout = layout_of(source, form, records.limits)
    table = _Table(layout, records)
    pieces = chunks(source, form, unit, records.limits)
    skip = start_of(layout) if unit.start == 0 else 0
    done = 0
    if skip:
        part.write(table.head().encode(layout.codec, ESCAPED))
        done = (layout.prefix + "".join(chain.from_iterable(layout.header))).count("\n")
    for block in blocks(_without(pieces, skip), layout, records.limits):
        if block is None:
            line = lines_before(source, unit) + done + 1
            raise CannotClean(f"the row from line {line} on is longer than {records.limits.max_record_bytes} bytes")
        part.write(table.clean(block).encode(layout.codec, ESCAPED))
        done += block.text.count("\n")


def _without(pieces: Iterator[bytes], skip: int) -> Iterator[bytes]:
    for piece in pieces:
        if skip < len(piece):
            yield piece[skip:]
        skip = max(0, skip - len(piece))


class _Table:
    """Cleans rows of one table."""

    def __init__(self, layout: Layout, records: Records) -> None:
        self._dialect = layout.dialect
        self._layout = layout
        self._records = records
        self._names = distinct([self._readable(name) for name in layout.names])
        self._new = new_names(records, self._names)
        self._has_quotes = True
        self._is_readable = False

    def head(self) -> str:
        """Return what stands before the rows, with the names of the columns that are kept."""
        fields = self._layout.header
        cells = {
            name: field if self._new.get(name) == name else self._written(self._new.get(name), field)
            for name, (field, _) in zip(self._names, fields, strict=False)
        }
        kept = [cell for name, cell in cells.items() if name in self._new]
        return self._layout.prefix + (self._dialect.delimiter.join(kept) + fields[-1][1] if fields else "")

    def clean(self, block: Block) -> str:
        """Return whole rows, cleaned; they are noted."""
        width = len(self._names)
        even = _even(block, width, self._dialect.delimiter)
        self._has_quotes = block.fields is not None
        self._is_readable = _is_utf8(block.text)
        if even is None:
            return self._cleaned_ragged(block.rows(self._dialect))
        cells, ends = even
        values, new = self._cleaned({name: cells[at::width] for at, name in enumerate(self._names)})
        is_same = len(self._new) == width
        columns: list[list[str]] = []
        for at, name in enumerate(self._names):
            if name not in self._new:
                continue
            column = cells[at::width]
            for row in is_changed(new[self._new[name]], values[name]):
                column[row] = self._written(new[self._new[name]][row], column[row])
                is_same = False
            columns.append(column)
        self._records.add(new)
        if is_same or not columns:
            return block.text if columns else ""
        return "".join(map(self._row, zip(*columns, strict=True), ends))

    def _cleaned(self, columns: dict[str, list[Any]]) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        values = {name: self._values(column) for name, column in columns.items()}
        new = self._records.clean(values)
        if list(new) != [self._new[name] for name in columns if name in self._new]:
            raise CannotClean("columns cannot be told apart")
        return values, new

    def _cleaned_ragged(self, all_rows: list[list[tuple[str, str]]]) -> str:
        """Clean rows one by one: they are of different widths, or there are blank lines between them."""
        rows = [row for row in all_rows if not is_blank(row)]
        widest = max(map(len, rows), default=0)
        if widest > len(self._names):
            more = [f"column_{at + 1}" for at in range(len(self._names), widest)]
            self._names = distinct([*self._names, *more])
            self._new = new_names(self._records, self._names)
        names = self._names[:widest]
        columns: dict[str, list[Any]] = {
            name: [row[at][0] if at < len(row) else MISSING for row in rows] for at, name in enumerate(names)
        }
        values, new = self._cleaned(columns)
        self._records.add(new)
        out: list[str] = []
        count = 0
        for row in all_rows:
            if is_blank(row):
                out.append(row[0][1])
                continue
            cells: list[str] = []
            for name, (field, _) in zip(names, row, strict=False):
                if name in self._new:
                    value = new[self._new[name]][count]
                    cells.append(field if value is values[name][count] else self._written(value, field))
            out.append(self._row(cells, row[-1][1]))
            count += 1
        return "".join(out) if self._new else ""

    def _row(self, cells: Sequence[str], end: str) -> str:
        """Return a row. One that would be an empty line, which is no row, says that it is one."""
        return (self._dialect.delimiter.join(cells) or (self._dialect.quote * 2 or " ")) + end

    def _values(self, column: list[Any]) -> list[Any]:
        quote = self._dialect.quote
        value = self._dialect.value
        if self._has_quotes:
            column = [cell if cell is MISSING or cell[:1] != quote else value(cell) for cell in column]
        if self._is_readable:
            return column
        return [cell if cell is MISSING else self._readable(cell) for cell in column]

    def _readable(self, cell: str) -> str:
        try:
            cell.encode()
        except UnicodeEncodeError:
            raw = cell.encode(self._layout.codec, ESCAPED)
            try:
                return raw.decode("cp1252")
            except UnicodeDecodeError:
                return raw.decode("latin-1")
        return cell

    def _written(self, value: object, old: str) -> str:
        text = self._dialect.written(value, old)
        try:
            old.encode()
            text.encode(self._layout.codec)
        except UnicodeEncodeError:
            # The cell, or the whole file, is not UTF-8: what is new is written like the rest of it.
            return text.encode("cp1252", "replace").decode(self._layout.codec, ESCAPED)
        return text


def _even(block: Block, width: int, delimiter: str) -> tuple[list[str], list[str]] | None:
    """Return all cells, and the end of each row, where every row has this width; None where one has not."""
    if width < 2:
        return None
    if block.fields is not None:
        cells, all_ends = (list(column) for column in zip(*block.fields, strict=True))
        ends = all_ends[width - 1 :: width]
        rows = len(cells) // width
        is_even = (
            rows * width == len(cells) and all_ends.count(delimiter) == rows * (width - 1) and delimiter not in ends
        )
        return (cells, ends) if is_even else None
    newline = "\r\n" if "\r\n" in block.text else "\n"
    lines = block.text.split(newline)
    ends = [newline] * (len(lines) - 1)
    if lines[-1]:
        ends.append("")
    else:
        lines.pop()
    returns = block.text.count("\r")
    if returns and (newline == "\n" or returns != block.text.count("\n") or returns != block.text.count(newline)):
        return None
    if set(map(str.count, lines, repeat(delimiter))) != {width - 1}:
        return None
    return delimiter.join(lines).split(delimiter), ends


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def assemble(source: Path, parts: Sequence[BinaryIO], kept: Sequence[Kept], target: BinaryIO) -> None:
    """Join the parts, without the rows whose flag is False."""
    form = form_of(source)
    layout = layout_of(source, form, Limits())
    with writing(target, form) as write:
        for index, (part, flags) in enumerate(zip(parts, kept, strict=True)):
            if flags is None:
                while piece := part.read(CHUNK):
                    write(piece)
                continue
            for text in _kept_rows(part, flags.tobytes(), layout, has_header=index == 0 and bool(layout.header)):
                write(text.encode(layout.codec, ESCAPED))


def _kept_rows(part: BinaryIO, flags: bytes, layout: Layout, *, has_header: bool) -> Iterator[str]:
    no_limits = Limits(max_record_bytes=1 << 62)
    at = -1 if has_header else 0
    is_first = has_header
    for block in blocks(iter(lambda: part.read(CHUNK), b""), layout, no_limits):
        if block is None:  # cannot be: nothing is too long
            continue
        text = block.text
        if is_first and (prefix := PREFIX.match(text)) and prefix[0]:
            yield prefix[0]
            block = Block(text[prefix.end() :], layout.dialect.fields(text[prefix.end() :]))  # noqa: PLW2901
        is_first = False
        out: list[str] = []
        for row in block.rows(layout.dialect):
            if is_blank(row):
                out.append(row[0][1])
                continue
            if at < 0 or flags[at]:
                out += chain.from_iterable(row)
            at += 1
        yield "".join(out)
