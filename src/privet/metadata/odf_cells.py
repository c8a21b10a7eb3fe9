"""Cells of OpenDocument spreadsheets: what they say, what they show, and how they are emptied.

Invariants:

- What a cell says is its value, as a table of text holds it; what it shows is the text that stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

from privet.metadata.odf_names import CALC, DRAW, OFFICE, TABLE, TEXT_NS, P
from privet.metadata.office_xml import Element, attributes, drop, namespace, remove

FORMULA: Final = f"{{{TABLE}}}formula"
MATRIX: Final = (f"{{{TABLE}}}number-matrix-columns-spanned", f"{{{TABLE}}}number-matrix-rows-spanned")
VALUES: Final = tuple(
    f"{{{OFFICE}}}{name}" for name in ("value", "date-value", "time-value", "boolean-value", "string-value")
)
TYPE, CALC_TYPE = f"{{{OFFICE}}}value-type", f"{{{CALC}}}value-type"
_SPOKEN: Final = {f"{{{TEXT_NS}}}tab": "\t", f"{{{TEXT_NS}}}line-break": "\n"}
_SPACES: Final = f"{{{TEXT_NS}}}s"
_TIME: Final = re.compile(r"PT([0-9]{1,9})H([0-9]{1,2})M([0-9]{1,2})(?:[.,][0-9]+)?S")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?")
_MASKED: Final = re.compile(r"0[0-9]+|[0-9(]+[-)/ ]*(?:[-/][0-9]+)+|\([0-9]+\)[-0-9 ]+")
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?")


def said(cell: Element) -> str:
    """Return what a cell says: its value, as a table of text holds it, else its text."""
    kind = cell.get(TYPE) or ""
    value = cell.get(own_value(cell))
    if value is None:
        return shown(cell)
    if kind == "boolean":
        return value.upper()
    if kind == "date":
        return value.removesuffix("T00:00:00").replace("T", " ")
    if kind == "time" and (time := _TIME.fullmatch(value)):
        return f"{int(time[1]):02}:{int(time[2]):02}:{int(time[3]):02}"
    if kind in ("float", "percentage", "currency"):
        plain = _plain(value)
        text = shown(cell) if plain.isdecimal() else ""
        # 01067 and 078-05-1120 are numbers in a mask, whose digits count in their places.
        return text if _MASKED.fullmatch(text) and re.sub(r"\D", "", text).lstrip("0") == plain.lstrip("0") else plain
    return value


def own_value(cell: Element) -> str:
    """Return the attribute that holds the value of a cell of this type."""
    kind = cell.get(TYPE) or ""
    return f"{{{OFFICE}}}{kind}-value" if kind in ("date", "time", "boolean", "string") else VALUES[0]


def _plain(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return value
    if number.is_integer() and abs(number) < 10**15:
        return f"{number + 0:.0f}"  # no minus before a zero
    return value if value.isdecimal() else repr(number)


def shown(cell: Element) -> str:
    """Return the text that stands in a cell."""
    return "\n".join("".join(_pieces(paragraph)) for paragraph in cell.iterchildren(P))


def _pieces(paragraph: Element) -> Iterator[str]:
    for event, element in etree.iterwalk(paragraph, events=("start", "end")):
        if event == "start":
            if element.tag == _SPACES:
                count = element.get(f"{{{TEXT_NS}}}c") or "1"
                yield " " * min(int(count) if count.isdecimal() and len(count) < 5 else 1, 1000)
            yield _SPOKEN.get(str(element.tag), element.text or "")
        elif element is not paragraph:
            yield element.tail or ""


def shows_its_value(cell: Element) -> bool:
    """Tell whether the text of a cell is nothing but its value, written in some way."""
    text = shown(cell)
    value = said(cell)
    if text in ("", value):
        return True
    if cell.get(TYPE) not in ("float", "percentage", "currency") or sum(map(str.isalpha, text)) > 3:
        return False
    digits = re.sub(r"\D", "", text).lstrip("0")
    try:
        number = abs(float(value)) * (100 if cell.get(TYPE) == "percentage" else 1)
    except ValueError:
        return False
    return any(digits == re.sub(r"\D", "", f"{number:.{places}f}").lstrip("0") for places in range(7))


def empty(cell: Element) -> None:
    """Leave a cell without a value, a text or a formula; what is drawn in it stays."""
    for child in list(cell):
        if namespace(str(child.tag)) != DRAW:
            remove(child)
    for key, _old in attributes(cell):
        if key in VALUES or key in (TYPE, CALC_TYPE, FORMULA, *MATRIX, f"{{{OFFICE}}}currency"):
            drop(cell, key)


def value_of(kind: str, text: str) -> tuple[str, str] | None:
    """Return the attribute that says a new text as a value of the kind that the old one was."""
    if kind == "date" and _ISO.fullmatch(text):
        return VALUES[1], text.replace(" ", "T")
    return (VALUES[0], text) if kind == "float" and _NUMBER.fullmatch(text) else None


def freeze(cell: Element) -> None:
    """Leave a cell its text alone."""
    for key, _value in attributes(cell):
        if (namespace(key) == OFFICE and key not in (TYPE, f"{{{OFFICE}}}string-value")) or key == FORMULA:
            del cell.attrib[key]
    cell.set(TYPE, "string")
    if cell.get(CALC_TYPE) is not None:
        cell.set(CALC_TYPE, "string")


def show(cell: Element, text: str) -> None:
    """Let a cell show a text in place of its paragraphs."""
    for paragraph in list(cell.iterchildren(P)):
        cell.remove(paragraph)
    paragraph = cell.makeelement(P, None, None)
    paragraph.text = text
    cell.append(paragraph)
