"""Cells of a worksheet, and the strings that its sheets share.

Invariants:

- A cell without an identifier stays as it is, to the digit. A number that is one when it is shown becomes text.
- A formula whose result is an identifier gives way to the cleaned result: it would bring the identifier back.
- A shared string that no cell shows any more is emptied: it is what was deleted.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from privet.metadata.job import Job
from privet.metadata.office_xml import SPACE, TEXT, Element, Slot, Texts, attributes, remove, remove_all
from privet.metadata.ooxml_formula import Names
from privet.metadata.ooxml_parts import X
from privet.metadata.ooxml_scour import scour_attributes

_C, _F, _V, _IS, _T, _ROW, _SI = (f"{{{X}}}{name}" for name in ("c", "f", "v", "is", "t", "row", "si"))
_RICH: Final = frozenset(f"{{{X}}}{name}" for name in ("t", "r", "rPh", "phoneticPr"))
_CELL_ATTRIBUTES: Final = frozenset(("r", "s", "t", "ph"))
_ROW_ATTRIBUTES: Final = frozenset((
    "r", "spans", "s", "customFormat", "ht", "hidden", "customHeight", "outlineLevel", "collapsed", "thickTop", "thickBot", "ph",
))  # fmt: skip
_FORMULA_ATTRIBUTES: Final = frozenset(("t", "ref", "si", "ca", "aca", "dt2D", "dtr", "del1", "del2", "r1", "r2", "bx"))
_WORD: Final = re.compile(r"[A-Za-z0-9]{1,12}")
_MACHINE: Final = re.compile(r"[-A-Za-z0-9:$. ]*")
_DATES: Final = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_DATE_LETTERS: Final = re.compile(r"[dmyhs]", re.IGNORECASE)
_NOT_SHOWN: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_MASK: Final = re.compile(r'(?:[0#?\-() /]|\\.|"[^"]*")+')
_MASK_PART: Final = re.compile(r'[0#?]|\\.|"[^"]*"|.')
_LONG: Final = 6
_DAYS: Final = 2_958_465
_BOOLEANS_AND_ERRORS: Final = re.compile(r"[01]|true|false|#[A-Z/0-9_!?]{2,20}")


class Formats:
    """How the cells' numbers are shown, by the styles of the workbook."""

    def __init__(self) -> None:
        self._codes: list[str] = []

    def learn(self, root: Element) -> None:
        """Read the number formats from the styles."""
        own = {entry.get("numFmtId") or "": entry.get("formatCode") or "" for entry in root.iter(f"{{{X}}}numFmt")}
        formats = root.find(f"{{{X}}}cellXfs")
        for style in () if formats is None else formats:
            number = style.get("numFmtId") or "0"
            built_in = "d" if number.isdigit() and int(number) in _DATES else ""
            self._codes.append(own.get(number, built_in))

    def shown(self, value: str, style: str | None) -> str:
        """Return a number as a reader sees it where that could be an identifier, else nothing."""
        try:
            number = float(value)
            code = (
                self._codes[int(style)]
                if style is not None and style.isdigit() and int(style) < len(self._codes)
                else ""
            )
        except ValueError:
            return value
        if code and _DATE_LETTERS.search(_NOT_SHOWN.sub("", code)) and "general" not in code.lower():
            return _date(number)
        if not number.is_integer() or abs(number) < 10 ** (_LONG - 1):
            return ""
        digits = value if value.isdigit() else f"{number:.0f}"
        mask = code.rpartition("]")[2].split(";")[-1 if code.startswith("[<") and number > 9_999_999 else 0]
        return _masked(digits, mask) if "0" in mask and _MASK.fullmatch(mask) else digits


def _date(number: float) -> str:
    if not 1 <= number < _DAYS:
        return ""
    return (dt.date(1899, 12, 30) + dt.timedelta(days=int(number))).isoformat()


def _masked(digits: str, mask: str) -> str:
    """Return digits in the places of a mask.

    >>> _masked("78051120", "000-00-0000")
    '078-05-1120'
    """
    out: list[str] = []
    left = list(digits)
    for piece in reversed(_MASK_PART.findall(mask)):
        if piece in ("0", "#", "?"):
            out.append(left.pop() if left else ("0" if piece == "0" else ""))
        else:
            out.append(piece[1:-1] if piece[0] == '"' else piece[1:] if piece[0] == "\\" else piece)
    return "".join(left) + "".join(reversed(out))


class Cells:
    """The cells of one sheet while they are cleaned."""

    def __init__(self, job: Job, names: Names, formats: Formats) -> None:
        self.texts = Texts(job)
        self.names = names
        self.formats = formats
        self.used: set[int] = set()
        self.job = job
        self.shared: dict[str, list[Element]] = {}
        self.dead: set[str] = set()
        self.numbers: list[tuple[str, Element]] = []

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
                if cell.tag == _C:
                    self._cell(cell)
                else:
                    remove(cell)
        self._finish()

    def _cell(self, cell: Element) -> None:
        """Look at one cell; what it says waits to be rewritten."""
        for key, value in attributes(cell):
            if key not in _CELL_ATTRIBUTES or not _WORD.fullmatch(value):
                del cell.attrib[key]
        kind = cell.get("t") or "n"
        for child in list(cell):
            tag = child.tag
            child.tail = None
            if tag == _V:
                self._value(cell, child, kind)
            elif tag == _F:
                self._formula(child)
            elif tag == _IS:
                _runs(child, self.texts, lambda: self.freeze(cell))
            else:
                remove(child)

    def _value(self, cell: Element, value: Element, kind: str) -> None:
        text = value.text or ""
        if kind == "s":
            if text.strip().isdigit() and len(text) < 12:
                self.used.add(int(text))
            else:
                remove(value)
        elif kind == "n":
            shown = self.formats.shown(text, cell.get("s"))
            if shown:
                self.numbers.append((shown, cell))
        elif kind == "str":
            self.texts.add("cell", [Slot(value, TEXT)], lambda: self.freeze(cell))
        elif not _BOOLEANS_AND_ERRORS.fullmatch(text):
            # A date as text, or what no program writes.
            self.numbers.append((text, cell))

    def _formula(self, formula: Element) -> None:
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

    def _finish(self) -> None:
        """Rewrite all that waits."""
        shown = [text for text, _cell in self.numbers]
        for (old, cell), new in zip(self.numbers, self.job.rewrite(shown, "cell") if shown else [], strict=True):
            if new != old:
                self.freeze(cell)
                _become_text(cell, new)
        self.texts.finish()
        for name in self.dead:
            for formula in self.shared.get(name, ()):
                remove(formula)
        self.shared.clear()
        self.numbers.clear()


def _become_text(cell: Element, text: str) -> None:
    for child in list(cell):
        cell.remove(child)
    cell.set("t", "inlineStr")
    inline = cell.makeelement(_IS, None, None)
    piece = cell.makeelement(_T, None, None)
    piece.text = text
    inline.append(piece)
    cell.append(inline)


def _learn_formulas(rows: list[Element], names: Names) -> None:
    literals: dict[str, None] = {}
    for row in rows:
        for formula in row.iter(_F):
            if formula.text and '"' in formula.text:
                literals.update(
                    (text.replace('""', '"'), None) for text in re.findall(r'"((?:[^"]|"")*)"', formula.text)
                )
    names.learn(text for text in literals if text and not text.isspace())


def _runs(holder: Element, texts: Texts, then: object = None) -> None:
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

    texts.add("cell", slots, changed)
    for text in holder.iter(_T):
        if _phonetic(text):
            texts.add("cell", [Slot(text, TEXT)])


def _phonetic(text: Element) -> bool:
    parent = text.getparent()
    return parent is not None and parent.tag == f"{{{X}}}rPh"


class Strings:
    """The strings that the sheets of a workbook share."""

    def __init__(self, job: Job, used: set[int]) -> None:
        self._job = job
        self._used = used
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
                _runs(entry, texts)
            else:
                self._job.dropped("unused text", int(len(entry) > 0))
                entry.clear()
                entry.append(entry.makeelement(_T, None, None))
            self._number += 1
        texts.finish()
