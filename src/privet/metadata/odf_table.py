"""Sheets of OpenDocument spreadsheets that are tables: rows are cleaned by columns, and what repeats replaced cells goes.

Invariants:

- A cell whose text stays is left as it is; what it shows beside its value is looked at as any text.
- Of a column that is dropped and of a row that goes no cell keeps a value, a text or a formula.
- A formula that reads cells that were replaced is given up; in a row of the table its value was looked at, elsewhere that goes too.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from lxml import etree

from privet.metadata.job import CannotClean, Job, Table
from privet.metadata.odf_cells import FORMULA, MATRIX, TYPE, VALUES, empty, own_value, said, value_of
from privet.metadata.odf_names import CALC, CELL, COVERED, OFFICE, STYLE, TABLE, P
from privet.metadata.odf_ranges import addressed, is_copy, spans_of
from privet.metadata.office_xml import Element, drop, remove
from privet.metadata.sheet_rows import FIRST_ROWS, LABEL, MAX_COLUMNS, Replaced, Row, cleaned, in_order

_ROW: Final = f"{{{TABLE}}}table-row"
_GROUPS: Final = frozenset(f"{{{TABLE}}}{name}" for name in ("table-row-group", "table-header-rows", "table-rows"))
_CELLS: Final = frozenset((CELL, COVERED))
_WIDE: Final = f"{{{TABLE}}}number-columns-repeated"
_HIGH: Final = f"{{{TABLE}}}number-rows-repeated"
_VALIDATION: Final = f"{{{TABLE}}}content-validation-name"
_MAX_REPEATED: Final = 2_000_000
_MAX_COUNTED_ROWS: Final = 1000
_LONG: Final = re.compile(r"[0-9]{5}")


class _Sheet(NamedTuple):
    name: str
    table: Table


class _Placed(NamedTuple):
    """A row of a sheet: its cells by their places, and what they say."""

    row: Element
    cells: dict[int, Element]
    texts: Row


class Tables:
    """The sheets of one spreadsheet that are tables."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._sheets: dict[Element, _Sheet] = {}
        self._names: dict[Element, str] = {}
        self._fields: list[tuple[str, str, Element]] = []
        self._left = _MAX_REPEATED
        self.replaced = Replaced()
        self.judged: set[Element] = set()
        """cells that were looked at by their columns"""

    def learn(self, book: Element) -> None:
        """Look at how the sheets of a spreadsheet begin, and which names lead to what is replaced."""
        for sheet in book.iterchildren(f"{{{TABLE}}}table"):
            rows: list[Row] = []
            for row in _rows(sheet):
                texts = {at: text for at, cell, _wide in _placed(row) if (text := said(cell))}
                if any(not text.isspace() for text in texts.values()):
                    rows.append(texts)
                if len(rows) >= FIRST_ROWS:
                    break
            self._names[sheet] = sheet.get(f"{{{TABLE}}}name") or ""
            table = self._job.table([in_order(row) for row in rows])
            if table is not None:
                known = _Sheet(self._names[sheet], table)
                self._sheets[sheet] = known
                headings = rows[table.header] if 0 <= table.header < len(rows) else {}
                self.replaced.note(known.name, table, max(headings, default=-1) + 1)
        self._learn_names(book)

    def _learn_names(self, book: Element) -> None:
        found = list(book.iter(f"{{{TABLE}}}named-range", f"{{{TABLE}}}named-expression", f"{{{TABLE}}}database-range"))
        is_new = True
        while self.replaced and is_new:
            before = len(self.replaced.names)
            for named in found:
                where = named.get(f"{{{TABLE}}}cell-range-address") or named.get(f"{{{TABLE}}}target-range-address")
                spans = (
                    [addressed(where)]
                    if where
                    else spans_of(named.get(f"{{{TABLE}}}expression") or "", self.replaced.names)
                )
                if self.replaced.holds(spans, ""):
                    self.replaced.names.add((named.get(f"{{{TABLE}}}name") or "").lower())
            is_new = len(self.replaced.names) > before

    def clean(self, root: Element) -> None:
        """Clean the sheets of a tree that are tables, and leave out what repeats them."""
        for sheet in list(root.iter(f"{{{TABLE}}}table")):
            known = self._sheets.get(sheet)
            if known is not None:
                self._clean_sheet(sheet, known)
            elif sheet in self._names:
                for row in _rows(sheet):
                    self._note_fields(row)
        self._clean_fields()
        if self.replaced:
            self._forget(root)

    def _clean_sheet(self, sheet: Element, known: _Sheet) -> None:
        table = known.table
        held: list[_Placed] = []
        counts: list[int] = []
        read = 0
        for row in list(_rows(sheet)):
            placed = self._apart(row)
            if all(text.isspace() for text in placed.texts.values()):
                continue
            read += 1
            if read <= table.header:
                self._above(placed, table)
            elif read == table.header + 1:
                self._headings(placed, table)
            else:
                self._empty_copies(placed, known)
                held.append(placed)
                counts.append(min(_repeated(row, _HIGH), _MAX_COUNTED_ROWS) if table.may_lose_rows else 1)
                self._spend(counts[-1] * len(placed.texts))
        rows = [placed.texts for placed, count in zip(held, counts, strict=True) for _ in range(count)]
        new = cleaned(table, rows)
        kept = table.kept()
        at = 0
        for placed, count in zip(held, counts, strict=True):
            self._put_row(placed, new[at], known, stays=kept is None or kept[at])
            at += count

    def _empty_copies(self, placed: _Placed, known: _Sheet) -> None:
        """Empty cells that show nothing but one that was replaced: their own column's name does not say what they are."""
        for at, cell in placed.cells.items():
            formula = cell.get(FORMULA) or ""
            if not self.replaced or not is_copy(formula) or known.table.is_replaced(at):
                continue
            if self.replaced.holds(spans_of(formula, self.replaced.names), known.name, rows=False):
                self._leave_formula(cell)
                empty(cell)
                placed.texts.pop(at, None)

    def _apart(self, row: Element) -> _Placed:
        """Return a row whose cells that say something stand each for itself."""
        cells: dict[int, Element] = {}
        texts: Row = {}
        for at, cell, wide in list(_placed(row)):
            cells[at] = cell
            if not (text := said(cell)):
                continue
            texts[at] = text
            if wide > 1:
                self._spend(wide)
                drop(cell, _WIDE)
                last = cell
                for beside in range(at + 1, at + wide):
                    one = copy.deepcopy(cell)
                    last.addnext(one)
                    last = cells[beside] = one
                    texts[beside] = text
        return _Placed(row, cells, texts)

    def _spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise CannotClean("its cells are repeated more often than in any honest file: save it anew")

    def _above(self, placed: _Placed, table: Table) -> None:
        if table.keeps_rest:
            self._note_fields(placed.row)
            return
        self._job.dropped("cell above a table", len(placed.texts))
        for cell in placed.cells.values():
            empty(cell)

    def _note_fields(self, row: Element) -> None:
        label = ""
        for _at, cell, _wide in _placed(row):
            text = said(cell)
            if text and not text.isspace():
                if label:
                    self._fields.append((label, text, cell))
                label = text if LABEL.fullmatch(text) else ""

    def _clean_fields(self) -> None:
        """Clean values by what stands before them."""
        fields = [field for field in self._fields if not self.repeats(field[2].get(FORMULA) or "", field[2])]
        pairs = [(label, text) for label, text, _cell in fields]
        for (_label, old, cell), new in zip(fields, self._job.fields(pairs) if pairs else [], strict=True):
            if new != old:
                self._put(cell, old, new)
        self._fields.clear()

    def _headings(self, placed: _Placed, table: Table) -> None:
        for at, text in placed.texts.items():
            heading = table.heading(at)
            self._job.dropped("column", int(heading is None))
            self._put(placed.cells[at], text, heading)

    def _put_row(self, placed: _Placed, new: dict[int, str | None], known: _Sheet, *, stays: bool) -> None:
        table = known.table
        if not stays:
            self._job.dropped("row of a small group", _repeated(placed.row, _HIGH))
        for at, cell in placed.cells.items():
            formula = cell.get(FORMULA)
            # In a column whose values go a formula may hold one that no result tells.
            if formula is not None and (
                table.may_lose_rows or table.is_replaced(at) or self._reads(formula, known.name)
            ):
                self._leave_formula(cell)
            if cell.get(_VALIDATION) is not None and table.is_replaced(at):
                drop(cell, _VALIDATION)
            is_dropped = not stays or table.heading(at) is None
            self._put(cell, placed.texts.get(at, ""), None if is_dropped else new.get(at, ""))

    def _leave_formula(self, cell: Element) -> None:
        if cell.get(FORMULA) is not None:
            self._job.dropped("formula")
        for key in (FORMULA, *MATRIX):
            drop(cell, key)

    def _put(self, cell: Element, old: str, new: str | None) -> None:
        if new == old:
            self.judged.add(cell)
            own = own_value(cell)
            for key in VALUES:
                if key != own:
                    drop(cell, key)
            return
        self._leave_formula(cell)
        kind = cell.get(TYPE) or ""
        empty(cell)
        if not new:
            return
        self.judged.add(cell)
        paragraph = cell.makeelement(P, None, None)
        paragraph.text = new
        cell.insert(0, paragraph)
        value = value_of(kind, new)
        cell.set(TYPE, kind if value else "string")
        if value:
            cell.set(*value)

    def repeats(self, formula: str, cell: Element) -> bool:
        """Tell whether a formula in a cell that is in no table reads cells that were replaced."""
        if not self.replaced:
            return False
        names = (self._names.get(sheet) for sheet in cell.iterancestors(f"{{{TABLE}}}table"))
        return self._reads(formula, next((name for name in names if name is not None), ""))

    def _reads(self, formula: str, sheet: str) -> bool:
        return bool(self.replaced) and self.replaced.holds(spans_of(formula, self.replaced.names), sheet)

    def _forget(self, root: Element) -> None:
        """Leave out filters, rules and choices that repeat cells, and what charts remember."""
        for found in list(root.iter(f"{{{TABLE}}}filter")):
            self._job.dropped("filter")
            remove(found)
        for rule in list(root.iter(f"{{{CALC}}}conditional-format")):
            where = (rule.get(f"{{{CALC}}}target-range-address") or "").split(" ")
            if self.replaced.holds(map(addressed, where), ""):
                self._job.dropped("rule for cells")
                remove(rule)
        for rule in list(root.iter(f"{{{STYLE}}}map")):
            if _LONG.search(rule.get(f"{{{STYLE}}}condition") or ""):
                self._job.dropped("rule for cells")
                remove(rule)
        used = {cell.get(_VALIDATION) for cell in root.iter(*_CELLS)}
        for choice in list(root.iter(f"{{{TABLE}}}content-validation")):
            if choice.get(f"{{{TABLE}}}name") not in used:
                self._job.dropped("rule for cells")
                remove(choice)
        for chart in root.iter(f"{{{OFFICE}}}chart"):
            for cell in chart.iter(*_CELLS):
                self._job.dropped("chart values")
                empty(cell)


def _rows(sheet: Element) -> Iterator[Element]:
    waiting = [sheet.iterchildren(etree.Element)]
    while waiting:
        child = next(waiting[-1], None)
        if child is None:
            waiting.pop()
        elif child.tag == _ROW:
            yield child
        elif child.tag in _GROUPS:
            waiting.append(child.iterchildren(etree.Element))


def _placed(row: Element) -> Iterator[tuple[int, Element, int]]:
    """Yield the cells of a row with their places and how many places they take; what stands beyond all columns says nothing."""
    at = 0
    for cell in row.iterchildren(*_CELLS):
        wide = _repeated(cell, _WIDE)
        if at >= MAX_COLUMNS:
            empty(cell)
            continue
        yield at, cell, min(wide, MAX_COLUMNS - at)
        at += wide


def _repeated(element: Element, key: str) -> int:
    said_ = element.get(key) or ""
    return max(1, int(said_)) if said_.isdecimal() and len(said_) < 9 else 1
