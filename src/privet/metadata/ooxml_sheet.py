"""Parts of Excel workbooks: the workbook, its sheets, hidden ones too, tables and styles; cells are in `ooxml_cells`.

Invariants:

- Every sheet stays, in its place, hidden rows and columns with it; sheets of macros are left out.
- Pivot tables, queries and connections are left out with the copies of data they hold; their cells stay as they are.
- What protects, shares or prints a workbook, and what says who did, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from lxml import etree

from privet.metadata.job import Job
from privet.metadata.office_xml import Element, drop, local, remove
from privet.metadata.ooxml_book import Book
from privet.metadata.ooxml_cells import Cells, Strings
from privet.metadata.ooxml_formats import Formats
from privet.metadata.ooxml_formula import Names
from privet.metadata.ooxml_parts import Part, R, X
from privet.metadata.ooxml_repeats import forget, forget_in_chart, forget_in_drawing, forget_in_sheet, is_in_step
from privet.metadata.ooxml_rows import Rows
from privet.metadata.ooxml_scour import paragraphs
from privet.metadata.ooxml_table import TableCells
from privet.metadata.sheet_rows import spans_of


def _x(*names: str) -> frozenset[str]:
    return frozenset(f"{{{X}}}{name}" for name in names)


_ALLOWED: Final = {
    "main": _x("workbookPr", "bookViews", "sheets", "definedNames", "calcPr"),
    "worksheet": _x(
        "sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "sheetCalcPr", "autoFilter", "sortState", "mergeCells",
        "phoneticPr", "conditionalFormatting", "dataValidations", "hyperlinks", "printOptions", "pageMargins", "pageSetup",
        "headerFooter", "rowBreaks", "colBreaks", "ignoredErrors", "drawing", "picture", "tableParts", "extLst",
    ),
    "chartsheet": _x("sheetPr", "sheetViews", "pageMargins", "pageSetup", "headerFooter", "drawing", "picture"),
    "styles": _x(
        "numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs", "tableStyles", "colors",
    ),
    "table": _x("autoFilter", "sortState", "tableColumns", "tableStyleInfo"),
}  # fmt: skip
_SHEET, _DATA, _NAME, _VIEW = f"{{{X}}}sheet", f"{{{X}}}sheetData", f"{{{X}}}definedName", f"{{{X}}}workbookView"
# What a writer notes about a name.
_SAID: Final = ("comment", "description", "help", "statusBar", "customMenu")
_CODE: Final = ("function", "vbProcedure", "xlm")


class Sheets:
    """Cleans the parts of one workbook."""

    def __init__(self, job: Job, book: Book | None = None) -> None:
        self.names = Names(job)
        self._job = job
        self._book = book or Book()
        self._formats = Formats(from_1904=self._book.dates_from_1904)
        self._used: set[int] = set()
        self._sheet = ""
        self._gone_rows: set[int] = set()

    def tables(self, roots: Sequence[tuple[str, str, Element]]) -> set[str]:
        """Learn all tables of the workbook; return those that have to go: their columns would not be called as their headings are.

        `roots` holds for each the sheet it is on, its part and its tree.
        """
        gone: set[str] = set()
        self.names.learn([name for _sheet, _where, root in roots for name in _columns(root)], "cell")
        for sheet, where, root in roots:
            old = root.get("displayName") or root.get("name") or ""
            head = self._book.sheets.get(sheet)
            if any(self.names.text(name, "cell") != name for name in _columns(root)) or not is_in_step(root, head):
                gone.add(where)
                self.names.gone.add(old.lower())
            else:
                self.names.name(old)
            if head is not None and self._book.replaced.on(head.name):
                self._book.replaced.names.add(old.lower())
        return gone

    def rows(self, kind: str, where: str, content: bytes) -> Rows | None:
        """Return the rows of a part that has rows, cleaned."""
        if kind == "worksheet":
            head = self._book.sheets.get(where)
            self._sheet = "" if head is None else head.name
            if head is not None and head.table is not None:
                cells: Cells = TableCells(self._job, self.names, self._formats, self._book, head, head.table)
            else:
                cells = Cells(self._job, self.names, self._formats, self._book, self._sheet)
            rows = Rows(content, f"{{{X}}}row", _DATA, cells.rows)
            rows.gone, self._gone_rows = cells.gone()
            self._used |= cells.used
            return rows
        if kind == "sharedStrings":
            strings = Strings(self._job, self._used, as_they_are=self._book.has_tables)
            return Rows(content, f"{{{X}}}si", f"{{{X}}}sst", strings.rows)
        return None

    def before(self, part: Part) -> None:
        """Call sheets by their numbers once some are gone."""
        if part.kind == "main":
            _renumber(part)

    def clean(self, part: Part) -> None:
        """Clean what is Excel's own in a part."""
        allowed = _ALLOWED.get(part.kind)
        for child in list(part.root) if allowed is not None else ():
            if allowed is not None and child.tag not in allowed:
                part.job.dropped(_WHAT.get(local(child), "workbook setting"))
                remove(child)
        if part.kind == "main":
            self._workbook(part)
        elif part.kind == "styles":
            self._formats.learn(part.root)
        elif part.kind == "table":
            self._table(part.root)
        self._forget(part)
        self._locations(part)
        paragraphs(part, "drawing")

    def _forget(self, part: Part) -> None:
        """Leave out what repeats cells that were replaced."""
        replaced = self._book.replaced
        if not replaced:
            return
        if part.kind == "worksheet":
            forget_in_sheet(part, replaced, self._sheet, self._gone_rows)
        elif part.kind in ("chart", "chartEx"):
            forget_in_chart(part, replaced)
        elif part.kind == "drawing":
            forget_in_drawing(part, replaced)
        elif part.kind == "table":
            forget(part, ("filterColumn", "sortState"), "filter")

    def _workbook(self, part: Part) -> None:
        sheets = list(part.root.iter(_SHEET))
        self.names.learn([sheet.get("name") or "" for sheet in sheets], "sheet name")
        self.names.keep(sheet.get("name") or "" for sheet in sheets)
        for sheet in sheets:
            sheet.set("name", self.names.sheet(sheet.get("name") or ""))
        defined = list(part.root.iter(_NAME))
        self.names.learn([name.get("name") or "" for name in defined], "name")
        self._lead_to_replaced(defined)
        for name in defined:
            for key in _SAID:
                drop(name, key)
            if any(name.get(mark) in ("1", "true") for mark in _CODE):
                remove(name)
            elif not (name.get("name") or "").startswith("_xlnm."):
                name.set("name", self.names.name(name.get("name") or ""))

    def _lead_to_replaced(self, defined: Sequence[Element]) -> None:
        """Note which names stand for cells that were replaced, by themselves or by another name."""
        replaced = self._book.replaced
        found = True
        while replaced and found:
            new = {
                (name.get("name") or "").lower()
                for name in defined
                if replaced.holds(spans_of(name.text or "", replaced.names), "")
            } - replaced.names
            replaced.names |= new
            found = bool(new)

    def _table(self, root: Element) -> None:
        for name in ("tableType", "connectionId"):
            drop(root, name)
        for key in ("name", "displayName"):
            root.set(key, self.names.name(root.get("displayName") or root.get("name") or ""))
        for column in root.iter(f"{{{X}}}tableColumn"):
            drop(column, "queryTableFieldId")
            drop(column, "uniqueName")
            for child in list(column):
                if local(child) not in ("calculatedColumnFormula", "totalsRowFormula"):
                    remove(child)

    def _locations(self, part: Part) -> None:
        """Rewrite the places in the workbook to which links and text boxes refer."""
        for element in _located(part.root):
            for key in ("location", "textlink"):
                old = element.get(key)
                if old is None:
                    continue
                new = self.names.formula(old.removeprefix("#"))
                if new is None:
                    del element.attrib[key]
                else:
                    element.set(key, new)


def _located(root: Element) -> list[Element]:
    return cast("list[Element]", _LOCATED(root))


_LOCATED: Final = etree.XPath("//*[@location or @textlink]")


def _columns(root: Element) -> list[str]:
    return [column.get("name") or "" for column in root.iter(f"{{{X}}}tableColumn")]


def _renumber(part: Part) -> None:
    """Keep names and views pointing at their sheets when a sheet between them goes."""
    now: dict[str, str] = {}
    sheets = list(part.root.iter(_SHEET))
    for number, sheet in enumerate(sheets):
        if sheet.get(f"{{{R}}}id") in part.links:
            now[str(number)] = str(len(now))
    if len(now) == len(sheets):
        return
    part.job.dropped("macro", len(sheets) - len(now))
    for name in list(part.root.iter(_NAME)):
        old = name.get("localSheetId")
        if old is not None and old not in now:
            remove(name)
        elif old is not None:
            name.set("localSheetId", now[old])
    for view in part.root.iter(_VIEW):
        for key in ("activeTab", "firstSheet"):
            drop(view, key)


_WHAT: Final = {
    "fileSharing": "author", "fileVersion": "program version", "workbookProtection": "protection", "sheetProtection": "protection",
    "externalReferences": "external link", "pivotCaches": "pivot cache", "scenarios": "scenario", "protectedRanges": "protection",
    "customSheetViews": "personal view", "customWorkbookViews": "personal view", "oleObjects": "embedded object", "controls": "control",
    "legacyDrawing": "comment part", "customProperties": "custom property", "webPublishItems": "publishing path",
}  # fmt: skip
