"""What repeats the cells of a workbook beside them: lists of choices, filters, rules, links, what charts and text boxes remember.

Invariants:

- Of a column that was replaced, and of a row that is gone, nothing is repeated; programs work it out anew from the cells.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from privet.metadata.office_xml import Element, drop, local, remove
from privet.metadata.ooxml_book import Head
from privet.metadata.ooxml_parts import A, Part, X
from privet.metadata.sheet_rows import Replaced, Span, place_of, spans_of

_RULES: Final = ("dataValidation", "conditionalFormatting", "ignoredError")
_LISTS: Final = ("dataValidations", "conditionalFormattings", "ignoredErrors", "hyperlinks")
_CACHES: Final = ("numCache", "strCache", "multiLvlStrCache", "lvl")
_REFERENCES: Final = ("numRef", "strRef", "multiLvlStrRef", "numDim", "strDim", "txData")
_RANGE: Final = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Za-z]{1,3})\$?([0-9]{1,7}))?")
_MAX_RANGES: Final = 10_000


def is_in_step(table: Element, head: Head | None) -> bool:
    """Tell whether a table's columns are called as the headings in its sheet are, once the sheet is clean."""
    if head is None or head.table is None:
        return True
    found = _RANGE.fullmatch(table.get("ref") or "")
    if found is None or table.get("headerRowCount") == "0" or int(found[2]) != head.header_row:
        return False
    return all(
        head.headings.get(at) is not None and head.table.heading(at) == head.headings[at]
        for at, _column in enumerate(table.iter(f"{{{X}}}tableColumn"), place_of(found[1]))
    )


def forget(part: Part, names: Iterable[str], what: str) -> None:
    """Leave out all elements of these names."""
    found = list(part.root.iter(*(f"{{*}}{name}" for name in names)))
    part.job.dropped(what, len(found))
    for element in found:
        remove(element)


def forget_in_sheet(part: Part, replaced: Replaced, sheet: str, gone_rows: Collection[int]) -> None:
    """Leave out of a sheet what repeats its cells."""
    if not replaced.on(sheet):
        return
    forget(part, ("filterColumn", "sortState"), "filter")
    for rule in list(part.root.iter(*(f"{{*}}{name}" for name in _RULES))):
        where = rule.get("sqref") or " ".join(child.text or "" for child in rule.iterchildren("{*}sqref"))
        if replaced.holds(_spans(where), sheet):
            part.job.dropped("rule for cells")
            _remove_counted(rule)
    for link in list(part.root.iter(f"{{{X}}}hyperlink")):
        where = link.get("ref") or ""
        if replaced.holds(_spans(where), sheet, rows=False) or _is_in(where, gone_rows):
            part.job.dropped("link")
            _remove_counted(link)


def _spans(where: str) -> list[Span]:
    ranges = where.split()
    if len(ranges) > _MAX_RANGES:
        return [Span(None)]
    return [span for one in ranges for span in spans_of(one, set())]


def _is_in(where: str, rows: Collection[int]) -> bool:
    found = _RANGE.fullmatch(where)
    if found is None or not rows:
        return False
    first, last = int(found[2]), int(found[4] or found[2])
    return last - first > _MAX_RANGES or any(row in rows for row in range(first, last + 1))


def _remove_counted(rule: Element) -> None:
    """Take a rule out of its list, which says how many it holds and must not be empty."""
    holder = rule.getparent()
    remove(rule)
    if holder is None or local(holder) not in _LISTS:
        return
    left = sum(1 for _ in holder.iterchildren())
    if not left:
        _remove_empty(holder)
    elif holder.get("count") is not None:
        holder.set("count", str(left))


def _remove_empty(holder: Element) -> None:
    parent = holder.getparent()
    remove(holder)
    while parent is not None and local(parent) in ("ext", "extLst") and len(parent) == 0:
        holder, parent = parent, parent.getparent()
        remove(holder)


def forget_in_chart(part: Part, replaced: Replaced) -> None:
    """Leave out what a chart remembers of cells that were replaced: it is read anew from the cells."""
    for reference in list(part.root.iter(*(f"{{*}}{name}" for name in _REFERENCES))):
        formula = next((child.text or "" for child in reference if local(child) == "f"), "")
        if not replaced.holds(spans_of(formula, replaced.names), ""):
            continue
        for cache in [child for child in reference if local(child) in _CACHES or local(child) == "v"]:
            part.job.dropped("chart values")
            remove(cache)


def forget_in_drawing(part: Part, replaced: Replaced) -> None:
    """Empty text boxes that show a cell that was replaced."""
    for shape in list(part.root.iter("{*}sp")):
        formula = shape.get("textlink")
        if formula and replaced.holds(spans_of(formula, replaced.names), ""):
            drop(shape, "textlink")
            for text in shape.iter(f"{{{A}}}t"):
                text.text = None
