"""Cells of a worksheet that is a table: rows are cleaned by columns, headings with them.

Invariants:

- A cell whose text stays is written as it was read; one that changes holds its new text, number or date, and no formula.
- Of a column that is dropped no cell stays, of a row that goes nothing at all, nor a shared string that only they showed.
- A formula that reads cells that were replaced is given up, in a row of the table for the value that was looked at.
"""

from __future__ import annotations

from array import array

from privet.metadata.job import Job, Table
from privet.metadata.office_xml import SPACE, Element, remove
from privet.metadata.ooxml_book import Book, Head, placed, row_number
from privet.metadata.ooxml_cells import Cells, become_number, become_text, empty, spread_of
from privet.metadata.ooxml_formats import Formats
from privet.metadata.ooxml_formula import Names
from privet.metadata.ooxml_parts import X
from privet.metadata.ooxml_scour import scour_attributes
from privet.metadata.sheet_rows import Row, cleaned, is_copy, spans_of

_F, _V, _IS, _T, _PHONETIC = (f"{{{X}}}{name}" for name in ("f", "v", "is", "t", "rPh"))


class TableCells(Cells):
    """The cells of one sheet that is a table."""

    def __init__(self, job: Job, names: Names, formats: Formats, book: Book, head: Head, table: Table) -> None:
        super().__init__(job, names, formats, book, head.name)
        self._table = table
        self._held: list[tuple[dict[int, Element], Row]] = []
        self._read = 0
        self._written = 0
        self._number = 0
        self._memo: dict[tuple[str, str], str] = {}
        self._places = array("Q")
        self._numbers = array("Q")
        self._strings: list[array[int]] = []
        self._copies: set[str] = set()

    def row(self, row: Element) -> None:
        """Look at one row: above the table, its headings, or a row of it."""
        cells: dict[int, Element] = {}
        for at, cell in placed(row):
            if at < 0:
                self.job.dropped("cell in the place of another")
                row.remove(cell)
            else:
                cells[at] = cell
        texts = {at: text for at, cell in cells.items() if (text := self.text(cell))}
        self._written += 1
        self._number = row_number(row, self._number + 1)
        if all(text.isspace() for text in texts.values()):
            super().row(row)
            return
        self._read += 1
        if self._read <= self._table.header:
            self._above(row)
            return
        is_heading = self._read == self._table.header + 1
        for at, cell in cells.items():
            if not is_heading and self._is_copy(cell) and not self._table.is_replaced(at):
                self._leave_formulas(cell)
                empty(cell)
                texts.pop(at, None)
            self._kept(cell, at)
        if is_heading:
            self._headings(cells, texts)
            return
        self._held.append((cells, texts))
        self._places.append(self._written - 1)
        self._numbers.append(self._number)

    def _is_copy(self, cell: Element) -> bool:
        """Tell whether a cell shows nothing but one that was replaced: its own column's name does not say what it is."""
        formula = cell.find(_F)
        if formula is None or not self.book.replaced:
            return False
        text, shared = formula.text or "", formula.get("si") if formula.get("t") == "shared" else None
        spread = spread_of(formula.get("ref") or "")
        spans = spans_of(text, self.book.replaced.names)
        if not text:
            return shared in self._copies
        if not is_copy(text) or not self.book.replaced.holds(spans, self.sheet, spread, rows=False):
            return False
        if shared is not None:
            self._copies.add(shared)
        return True

    def _above(self, row: Element) -> None:
        if self._table.keeps_rest:
            super().row(row)
            return
        self.job.dropped("cell above a table", len(row))
        for cell in list(row):
            self._leave_formulas(cell)
            row.remove(cell)

    def _kept(self, cell: Element, at: int) -> None:
        """Leave of a cell of the table what its kind holds."""
        self.plain(cell)
        wanted = _IS if cell.get("t") == "inlineStr" else _V
        for child in list(cell):
            child.tail = None
            if child.tag == _F:
                # In a column whose values go a formula may hold one that no result tells.
                if self.repeats(child) or self._table.may_lose_rows or self._table.is_replaced(at):
                    self.job.dropped("formula")
                    self.lose(child)
                else:
                    self.formula(child)
            elif child.tag != wanted:
                remove(child)
            elif child.tag == _IS:
                self._inline(child)

    def _inline(self, holder: Element) -> None:
        for reading in list(holder.iter(_PHONETIC)):
            remove(reading)
        for element in holder.iter():
            scour_attributes(element, self.texts, self._memo)
            element.tail = None
            if element.tag != _T:
                element.text = None
            elif element.text and element.text != element.text.strip():
                element.set(SPACE, "preserve")

    def _headings(self, cells: dict[int, Element], texts: Row) -> None:
        for at, cell in cells.items():
            heading = self._table.heading(at)
            self.job.dropped("column", int(heading is None))
            self._put(cell, texts.get(at, ""), heading, None)

    def _put(self, cell: Element, old: str, new: str | None, strings: array[int] | None) -> None:
        """Write what a cell says now; `strings` takes the number of a string that it still shows, else it is noted for good."""
        if new == old:
            number = (cell.findtext(_V) or "").strip()
            if cell.get("t") != "s":
                return
            if strings is None:
                self.note_string(number)
            elif number.isdecimal() and len(number) < 12:
                strings.append(int(number))
            return
        self._leave_formulas(cell)
        if new is None:
            remove(cell)
        elif not new:
            empty(cell)
        elif (cell.get("t") or "n") == "n" and (value := self.formats.number(new, cell.get("s"))) is not None:
            become_number(cell, value)
        else:
            become_text(cell, new)

    def _leave_formulas(self, cell: Element) -> None:
        for formula in list(cell.iterchildren(_F)):
            self.job.dropped("formula")
            self.lose(formula)

    def finish(self) -> None:
        """Clean the rows that wait."""
        rows = [texts for _cells, texts in self._held]
        changes: list[dict[int, str | None]] = cleaned(self._table, rows)
        for (cells, texts), new in zip(self._held, changes, strict=True):
            strings = array("Q") if self._table.may_lose_rows else None
            for at, cell in cells.items():
                # An empty cell goes with its column too: it may hold a formula.
                is_dropped = self._table.heading(at) is None
                now = None if is_dropped else new.get(at, "")
                self._put(cell, texts.get(at, ""), now, strings)
            if strings is not None:
                self._strings.append(strings)
        self._held.clear()
        super().finish()

    def gone(self) -> tuple[set[int], set[int]]:
        """Return which of the rows written go, and the numbers of them; note the strings that the others show.

        It is called once, after the last row.
        """
        kept = self._table.kept()
        places: set[int] = set()
        numbers: set[int] = set()
        for index, place in enumerate(self._places):
            if kept is not None and not kept[index]:
                places.add(place)
                numbers.add(self._numbers[index])
            elif self._strings:
                self.used.update(self._strings[index])
        self.job.dropped("row of a small group", len(places))
        return places, numbers
