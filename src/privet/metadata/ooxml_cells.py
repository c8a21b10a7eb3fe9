"""Cells of a worksheet, and the strings that its sheets share.

Invariants:

- A cell without an identifier stays as it is, to the digit. A number that is one when it is shown becomes text.
- A formula whose result is an identifier gives way to the cleaned result: it would bring the identifier back.
- A shared string that no cell shows any more is emptied: it is what was deleted.
"""

from __future__ import annotations

import re
from typing import Final

from privet.metadata.job import Job
from privet.metadata.office_xml import SPACE, TEXT, Element, Slot, Texts, attributes, remove, remove_all
from privet.metadata.ooxml_book import Book, placed, raw_text
from privet.metadata.ooxml_formats import Formats
from privet.metadata.ooxml_formula import Names
from privet.metadata.ooxml_parts import X
from privet.metadata.ooxml_scour import scour_attributes
from privet.metadata.sheet_rows import LABEL, place_of, spans_of

_C, _F, _V, _IS, _T, _ROW, _SI = (f"{{{X}}}{name}" for name in ("c", "f", "v", "is", "t", "row", "si"))
_RICH: Final = frozenset(f"{{{X}}}{name}" for name in ("t", "r", "rPh", "phoneticPr"))
_CELL_ATTRIBUTES: Final = frozenset(("r", "s", "t", "ph"))
_ROW_ATTRIBUTES: Final = frozenset((
    "r", "spans", "s", "customFormat", "ht", "hidden", "customHeight", "outlineLevel", "collapsed", "thickTop", "thickBot", "ph",
))  # fmt: skip
_FORMULA_ATTRIBUTES: Final = frozenset(("t", "ref", "si", "ca", "aca", "dt2D", "dtr", "del1", "del2", "r1", "r2", "bx"))
_TEXTS: Final = frozenset(("s", "str", "inlineStr"))
_BOOLEANS: Final = {"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}
_WORD: Final = re.compile(r"[A-Za-z0-9]{1,12}")
_MACHINE: Final = re.compile(r"[-A-Za-z0-9:$. ]*")
_BOOLEANS_AND_ERRORS: Final = re.compile(r"[01]|true|false|#[A-Z/0-9_!?]{2,20}")


class Cells:
    """The cells of one sheet while they are cleaned."""

    def __init__(self, job: Job, names: Names, formats: Formats, book: Book, sheet: str) -> None:
        self.texts = Texts(job)
        self.book = book
        self.sheet = sheet
        self.names = names
        self.formats = formats
        self.used: set[int] = set()
        self.job = job
        self.shared: dict[str, list[Element]] = {}
        self.dead: set[str] = set()
        self._repeating: set[str] = set()
        self.numbers: list[tuple[str, Element]] = []
        self._shown: list[tuple[str, Element]] = []
        self._fields: list[tuple[str, str, Element]] = []

    def rows(self, rows: list[Element]) -> None:
        """Clean some rows of the sheet."""
        _learn_formulas(rows, self.names)
        for row in rows:
            row.text = row.tail = None
            for key, value in attributes(row):
                if key not in _ROW_ATTRIBUTES or not _MACHINE.fullmatch(value):
                    del row.attrib[key]
            for cell in list(row):
                cell.text = cell.tail = None
                if cell.tag != _C:
                    remove(cell)
            self.row(row)
        self.finish()

    def row(self, row: Element) -> None:
        """Look at one row, which holds nothing but cells."""
        for cell in row:
            self.cell(cell)
        label = ""
        for _at, cell in placed(row):
            is_text = cell.get("t") in _TEXTS
            text = self.text(cell) if label or is_text else ""
            if text and not text.isspace():
                if label:
                    self._fields.append((label, text, cell))
                label = text if is_text and LABEL.fullmatch(text) else ""

    def text(self, cell: Element) -> str:
        """Return what a cell says, as a table of text holds it."""
        text = raw_text(cell, self.book.strings)
        kind = cell.get("t") or "n"
        if kind == "n":
            return self.formats.text(text, cell.get("s"))
        if kind == "b":
            return _BOOLEANS.get(text, text)
        return text

    def cell(self, cell: Element) -> None:
        """Look at one cell; what it says waits to be rewritten. What repeats cells that were replaced is emptied."""
        if any(self.repeats(formula) for formula in cell.iterchildren(_F)):
            self.job.dropped("formula")
            empty(cell)
        self.plain(cell)
        kind = cell.get("t") or "n"
        for child in list(cell):
            tag = child.tag
            child.tail = None
            if tag == _V:
                self._value(cell, child, kind)
            elif tag == _F:
                self.formula(child)
            elif tag == _IS:
                _runs(child, self.texts, lambda: self.freeze(cell))
            else:
                remove(child)

    def plain(self, cell: Element) -> None:
        """Take away the attributes of a cell that are not known, and values that no reader looks at."""
        for key, value in attributes(cell):
            if key not in _CELL_ATTRIBUTES or not _WORD.fullmatch(value):
                del cell.attrib[key]
        values = list(cell.iterchildren(_V, _IS))
        for another in values[1:]:
            cell.remove(another)
        if cell.get("t") == "s" and values and values[0].tag == _V and not self._is_string(values[0].text or ""):
            cell.remove(values[0])

    def _is_string(self, number: str) -> bool:
        return number.strip().isdecimal() and len(number) < 12 and int(number) < len(self.book.strings)

    def repeats(self, formula: Element) -> bool:
        """Tell whether a formula reads cells that were replaced: what it shows may be what they said."""
        replaced = self.book.replaced
        if not replaced:
            return False
        name = formula.get("si") or "" if formula.get("t") == "shared" else None
        if name is not None and not formula.text:
            return name in self._repeating
        spans = spans_of(formula.text or "", replaced.names)
        # Formulas that share one read what is as far beside as they are themselves.
        hit = formula.get("t") == "dataTable" or replaced.holds(spans, self.sheet, spread_of(formula.get("ref") or ""))
        if hit and name is not None:
            self._repeating.add(name)
        return hit

    def _value(self, cell: Element, value: Element, kind: str) -> None:
        text = value.text or ""
        if kind == "s":
            string = raw_text(cell, self.book.strings)
            if self.book.has_tables and string and not string.isspace():
                # As a table may keep the very string that is rewritten here, this cell gets one of its own.
                self.numbers.append((string, cell))
            else:
                self._shown.append((text, cell))
        elif kind == "n":
            shown = self.formats.shown(text, cell.get("s"))
            if shown:
                self.numbers.append((shown, cell))
        elif kind == "str":
            self.texts.add("cell", [Slot(value, TEXT)], lambda: self.freeze(cell))
        elif not _BOOLEANS_AND_ERRORS.fullmatch(text):
            # A date as text, or what no program writes.
            self.numbers.append((text, cell))

    def note_string(self, number: str) -> None:
        """Note that a cell shows a shared string."""
        if number.strip().isdecimal() and len(number) < 12:
            self.used.add(int(number))

    def formula(self, formula: Element) -> None:
        """Rewrite a formula, or give it up."""
        for key, value in attributes(formula):
            if key not in _FORMULA_ATTRIBUTES or not _MACHINE.fullmatch(value):
                del formula.attrib[key]
        if formula.get("t") == "shared" and formula.get("si") in self.dead and not formula.text:
            remove(formula)
            return
        if formula.get("t") == "shared":
            self.shared.setdefault(formula.get("si") or "", []).append(formula)
        new = self.names.formula(formula.text) if formula.text else ""
        if new is None:
            self.job.dropped("formula")
            self.lose(formula)
        elif new != formula.text:
            formula.text = new or None

    def lose(self, formula: Element) -> None:
        """Give up a formula, and those that share it."""
        if formula.get("t") == "shared" and formula.text:
            self.dead.add(formula.get("si") or "")
        remove(formula)

    def freeze(self, cell: Element) -> None:
        """Leave a cell its cleaned result without the formula."""
        formula = cell.find(_F)
        if formula is not None:
            self.job.dropped("formula")
            self.lose(formula)
        # Only a formula's result may be of the kind "str"; a reader takes it for text without one too.

    def gone(self) -> tuple[set[int], set[int]]:
        """Return which of the rows written go, 0 for the first, and what their numbers are."""
        return set(), set()

    def finish(self) -> None:
        """Rewrite all that waits: first what stands beside the name of a field."""
        done = self._finish_fields()
        self.numbers = [(text, cell) for text, cell in self.numbers if cell not in done]
        shown = [text for text, _cell in self.numbers]
        for (old, cell), new in zip(self.numbers, self.job.rewrite(shown, "cell") if shown else [], strict=True):
            if new != old:
                self.freeze(cell)
                become_text(cell, new)
            elif cell.get("t") == "s":
                self.note_string(cell.findtext(_V) or "")
        for number, cell in self._shown:
            if cell not in done:
                self.note_string(number)
        self._shown.clear()
        self.texts.finish()
        for name in self.dead:
            for formula in self.shared.get(name, ()):
                remove(formula)
        self.shared.clear()
        self.numbers.clear()

    def _finish_fields(self) -> set[Element]:
        """Clean values by what stands before them; return the cells that changed."""
        done: set[Element] = set()
        pairs = [(label, text) for label, text, _cell in self._fields]
        for (_label, old, cell), new in zip(self._fields, self.job.fields(pairs) if pairs else [], strict=True):
            if new != old:
                done.add(cell)
                self.freeze(cell)
                if new:
                    become_text(cell, new)
                else:
                    empty(cell)
        self._fields.clear()
        return done


def empty(cell: Element) -> None:
    """Leave a cell without a value; how it looks stays."""
    for child in list(cell):
        cell.remove(child)
    cell.attrib.pop("t", "")


def become_number(cell: Element, text: str) -> None:
    """Leave a cell a number."""
    empty(cell)
    value = cell.makeelement(_V, None, None)
    value.text = text
    cell.append(value)


def become_text(cell: Element, text: str) -> None:
    """Leave a cell a text."""
    for child in list(cell):
        cell.remove(child)
    cell.set("t", "inlineStr")
    inline = cell.makeelement(_IS, None, None)
    piece = cell.makeelement(_T, None, None)
    piece.text = text
    if text != text.strip():
        piece.set(SPACE, "preserve")
    inline.append(piece)
    cell.append(inline)


def spread_of(ref: str) -> int:
    """Return how many columns beside the first a range has.

    >>> spread_of("B2:D9"), spread_of("B2:B9")
    (2, 0)
    """
    ends = re.findall(r"[A-Za-z]{1,3}(?=\$?[0-9])", ref)
    return abs(place_of(ends[-1]) - place_of(ends[0])) if ends else 0


def _learn_formulas(rows: list[Element], names: Names) -> None:
    literals: dict[str, None] = {}
    for row in rows:
        for formula in row.iter(_F):
            if formula.text and '"' in formula.text:
                literals.update(
                    (text.replace('""', '"'), None) for text in re.findall(r'"((?:[^"]|"")*)"', formula.text)
                )
    names.learn(text for text in literals if text and not text.isspace())


def _runs(holder: Element, texts: Texts, then: object = None, *, looked_at: bool = False) -> None:
    """Let a rich text be rewritten as one; where it changed, how it is read aloud goes."""
    memo: dict[tuple[str, str], str] = {}
    for element in holder.iter():
        scour_attributes(element, texts, memo)
        element.tail = None
        if element.tag != _T:
            element.text = None
    slots = [Slot(text, TEXT) for text in holder.iter(_T) if not _phonetic(text)]

    def changed() -> None:
        remove_all(holder, (f"{{{X}}}rPh",))
        for slot in slots:
            text = slot.element.text or ""
            if text != text.strip():
                slot.element.set(SPACE, "preserve")
        if callable(then):
            then()

    if not looked_at:
        texts.add("cell", slots, changed)
    for text in holder.iter(_T):
        if _phonetic(text):
            texts.add("cell", [Slot(text, TEXT)])


def _phonetic(text: Element) -> bool:
    parent = text.getparent()
    return parent is not None and parent.tag == f"{{{X}}}rPh"


class Strings:
    """The strings that the sheets of a workbook share."""

    def __init__(self, job: Job, used: set[int], *, as_they_are: bool) -> None:
        """Take the strings that cells show; `as_they_are` says that they were looked at with the cells."""
        self._job = job
        self._used = used
        self._as_they_are = as_they_are
        self._number = 0

    def rows(self, entries: list[Element]) -> None:
        """Clean some strings; those that no cell shows are emptied."""
        texts = Texts(self._job)
        for entry in entries:
            entry.text = entry.tail = None
            for child in list(entry):
                if child.tag not in _RICH:
                    remove(child)
            if self._number in self._used:
                _runs(entry, texts, looked_at=self._as_they_are)
            else:
                self._job.dropped("unused text", int(len(entry) > 0))
                entry.clear()
                entry.append(entry.makeelement(_T, None, None))
            self._number += 1
        texts.finish()
