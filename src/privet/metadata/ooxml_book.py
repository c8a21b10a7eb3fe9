"""What has to be known of a workbook before its sheets are cleaned: its strings, and which of its sheets are tables.

Invariants:

- Of a sheet no more than its first rows is read here, as they come out of the package.
- A sheet whose first rows cannot be read has none: what cannot be read is no reason to keep it, and the job says what becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, cast

from lxml import etree

from privet.metadata.job import CannotClean, Job, Table
from privet.metadata.office_xml import MAX_PART_BYTES, Element, ends, local, parsed
from privet.metadata.ooxml_package import absolute, relations
from privet.metadata.ooxml_parts import R, X, usual_namespaces
from privet.metadata.ooxml_rows import MAX_BYTES
from privet.metadata.package import BROKEN, Package
from privet.metadata.sheet_rows import FIRST_ROWS, MAX_COLUMNS, Replaced, Row, in_order, place_of

_MAX_FIRST_BYTES: Final = 8 << 20
_CHUNK: Final = 64 << 10
_PLACE: Final = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_SI: Final = f"{{{X}}}si"


class Head(NamedTuple):
    """One sheet, and how it begins."""

    name: str
    table: Table | None
    header_row: int
    """the number of the row that holds the headings, 0 for none"""
    headings: Row


class Book:
    """A workbook before it is cleaned."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self.strings_part: tuple[str, bytes] = ("", b"")
        """the part that holds the shared strings, which is read once"""
        self.sheets: dict[str, Head] = {}
        self.replaced = Replaced()
        self.dates_from_1904 = False

    @property
    def has_tables(self) -> bool:
        """Whether any sheet is a table."""
        return any(head.table is not None for head in self.sheets.values())


def book_of(package: Package, where: str, job: Job) -> Book:
    """Return what is known of a workbook, whose main part is `where`.

    Raises:
        CannotClean: it is damaged, or larger than the limits.

    """
    book = Book()
    folder, _, last = where.rpartition("/")
    parts: dict[str, str] = {}
    for kind, target, external, name in relations(package, f"{folder}/_rels/{last}.rels".removeprefix("/")):
        part = None if external else package.spelled(absolute(folder, target))
        if part is None:
            continue
        parts[name] = part
        if kind.endswith("/sharedStrings"):
            content = usual_namespaces(package.read(part, MAX_BYTES))
            book.strings_part = (part, content)
            book.strings = shared_texts(content)
    root = parsed(usual_namespaces(package.read(where, MAX_PART_BYTES)))
    settings = root.find(f"{{{X}}}workbookPr")
    book.dates_from_1904 = settings is not None and settings.get("date1904") in ("1", "true")
    for sheet in root.iter(f"{{{X}}}sheet"):
        part = parts.get(sheet.get(f"{{{R}}}id") or "")
        if part is not None and part not in book.sheets:
            head = _head(package, part, sheet.get("name") or "", book.strings, job)
            book.sheets[part] = head
            if head.table is not None:
                book.replaced.note(head.name, head.table, max(head.headings, default=-1) + 1)
    return book


def _head(package: Package, part: str, name: str, strings: list[str], job: Job) -> Head:
    rows: list[tuple[int, Row]] = []
    for number, row in _first_rows(package, part, strings):
        if any(not text.isspace() for text in row.values()):
            rows.append((number, row))
        if len(rows) >= FIRST_ROWS:
            break
    table = job.table([in_order(row) for _number, row in rows])
    if table is None or not 0 <= table.header < len(rows):
        return Head(name, table, 0, {})
    return Head(name, table, *rows[table.header])


def _first_rows(package: Package, part: str, strings: list[str]) -> Iterator[tuple[int, Row]]:
    parser = etree.XMLPullParser(
        events=("end",),
        tag="{*}row",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    number = 0
    try:
        with package.archive.open(package.members[part]) as stream:
            for _ in range(_MAX_FIRST_BYTES // _CHUNK):
                piece = stream.read(_CHUNK)
                if not piece:
                    break
                parser.feed(piece)
                for _event, row in cast("Iterator[tuple[str, Element]]", parser.read_events()):
                    number = row_number(row, number + 1)
                    yield number, {at: text for at, cell in placed(row) if (text := raw_text(cell, strings))}
                    row.clear()
    except (etree.LxmlError, *BROKEN) as error:
        # Whatever is wrong with it, the whole of it is read later and says so.
        if isinstance(error, CannotClean):
            raise


def row_number(row: Element, expected: int) -> int:
    """Return the number of a row, which may be left out."""
    said = row.get("r") or ""
    return int(said) if said.isdecimal() and len(said) < 8 else expected


def placed(row: Element) -> list[tuple[int, Element]]:
    """Return the cells of a row with their places; one that stands where another does, or beyond all columns, has the place -1."""
    out: list[tuple[int, Element]] = []
    taken: set[int] = set()
    at = -1
    for cell in row:
        if local(cell) != "c":
            continue
        said = _PLACE.fullmatch(cell.get("r") or "")
        at = place_of(said[1]) if said else at + 1
        out.append((at if at not in taken and at < MAX_COLUMNS else -1, cell))
        taken.add(at)
    return out


def raw_text(cell: Element, strings: list[str]) -> str:
    """Return what a cell holds; a number as it is written in the file."""
    kind = cell.get("t") or "n"
    if kind == "inlineStr":
        return "".join(_texts(cell))
    value = next((child.text or "" for child in cell if local(child) == "v"), "")
    if kind == "s":
        index = int(value) if value.strip().isdecimal() and len(value) < 12 else len(strings)
        return strings[index] if index < len(strings) else ""
    return value


def _texts(holder: Element) -> Iterator[str]:
    for text in holder.iter("{*}t"):
        parent = text.getparent()
        if text.text and (parent is None or local(parent) != "rPh"):
            yield text.text


def shared_texts(content: bytes) -> list[str]:
    """Return the texts that cells refer to by their numbers.

    Raises:
        CannotClean: the part is not well-formed.

    """
    out: list[str] = []
    try:
        for _event, entry in ends(content, _SI):
            parent = entry.getparent()
            if parent is None or parent.tag != f"{{{X}}}sst":
                continue
            out.append("".join(_texts(entry)))
            entry.clear()
            if (before := entry.getprevious()) is not None:
                parent.remove(before)
    except (etree.LxmlError, ValueError) as error:
        raise CannotClean("damaged: a part is not well-formed XML") from error
    return out
