"""Sheets of OpenDocument spreadsheets that are tables: cleaned by columns, with all that repeats their cells."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from lxml import etree

from privet.metadata import odf
from privet.metadata.job import CannotClean, Job
from privet.metadata.odf_cells import said, shown, shows_its_value
from privet.metadata.odf_names import CELL, COVERED, OFFICE, TABLE

sys.path.append(str(Path(__file__).parent))

import office_files
from jobs import edits_of
from sheet_tables import losing_rows, strict, table

SPACES = " ".join(
    f'xmlns:{prefix}="{space}"'
    for prefix, space in {
        "office": OFFICE,
        "table": TABLE,
        "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
        "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
        "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
        "xlink": "http://www.w3.org/1999/xlink",
        "of": "urn:oasis:names:tc:opendocument:xmlns:of:1.2",
        "calcext": "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0",
    }.items()
)
HEAD = "name|phone|secret|n|gone"
ROWS = ("Jane|#5550100|hush-1|#1|#7", "Bob|#5550101|hush-2|#2.5|#8")


def cell(text: str, more: str = "") -> str:
    if not text:
        return "<table:table-cell/>"
    value = f'office:value-type="float" office:value="{text[1:]}"' if text[0] == "#" else 'office:value-type="string"'
    return f"<table:table-cell {value} {more}><text:p>{text.removeprefix('#')}</text:p></table:table-cell>"


def row(line: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(map(cell, line.split('|')))}</table:table-row>"


def sheet(*rows: str, name: str = "Data") -> str:
    return f'<table:table table:name="{name}">{"".join(rows)}</table:table>'


def flat(*inside: str, styles: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?><office:document {SPACES} office:mimetype="application/vnd.oasis.opendocument.spreadsheet" '
        f'office:version="1.3"><office:automatic-styles>{styles}</office:automatic-styles><office:body><office:spreadsheet>'
        f"{''.join(inside)}</office:spreadsheet></office:body></office:document>"
    ).encode()


def cleaned(content: bytes, used: Job | None = None) -> bytes:
    out = io.BytesIO()
    odf.clean_flat(io.BytesIO(content), out, used or Job(table=table))
    return out.getvalue()


def values(content: bytes, number: int = 0) -> list[list[str]]:
    found = list(etree.fromstring(content).iter(f"{{{TABLE}}}table"))[number]
    out = []
    for line in found.iter(f"{{{TABLE}}}table-row"):
        cells: list[str] = []
        for one in line.iterchildren(CELL, COVERED):
            cells += [said(one)] * int(one.get(f"{{{TABLE}}}number-columns-repeated") or 1)
        out.append(cells)
    return out


def test_columns_are_cleaned_by_their_headings() -> None:
    used = Job(table=table)
    out = cleaned(flat(sheet(*map(row, (HEAD, *ROWS)))), used)
    assert values(out) == [
        ["name", "phone", "", "n", "gone"],
        ["[PERSON]", "***", "", "1", ""],
        ["Bob", "***", "", "2.5", ""],
    ]
    assert used.removed["column"] == 1
    assert not re.search(b"hush|555010|Jane|secret", out)


def test_cells_that_stay_are_written_as_they_were() -> None:
    one = (
        '<table:table-cell office:value-type="float" office:value="2" calcext:value-type="float">'
        '<text:p>2<text:s text:c="2"/></text:p></table:table-cell>'
    )
    content = flat(sheet(row(HEAD), f"<table:table-row>{cell('Bob')}{cell('')}{cell('')}{one}</table:table-row>"))
    assert one.encode() in cleaned(content)


def test_rows_in_groups_and_repeated_cells() -> None:
    wide = '<table:table-cell table:number-columns-repeated="3" office:value-type="float" office:value="5"><text:p>5</text:p></table:table-cell>'
    content = flat(
        sheet(
            f"<table:table-header-rows>{row(HEAD)}</table:table-header-rows>",
            f'<table:table-row-group><table:table-row table:number-rows-repeated="3">{cell("Bob")}{wide}</table:table-row></table:table-row-group>',
            '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>',
        )
    )
    out = cleaned(content)
    assert values(out)[1] == ["Bob", "***", "", "5"]
    assert b'number-rows-repeated="3"' in out


def test_too_many_repeated_cells_are_refused() -> None:
    wide = '<table:table-cell table:number-columns-repeated="16384"><text:p>5</text:p></table:table-cell>'
    with pytest.raises(CannotClean):
        cleaned(flat(sheet(row(HEAD), *[f"<table:table-row>{wide}</table:table-row>"] * 130)))


def test_titles_above_a_table_are_texts() -> None:
    content = flat(sheet(row("List of Jane"), *map(row, (HEAD, *ROWS))))
    assert values(cleaned(content, Job(table=table, edits=edits_of("Jane"))))[0] == ["List of [X]"]
    assert values(cleaned(content, Job(table=strict)))[0] == [""]


def test_all_is_dropped_where_nothing_is_declared() -> None:
    content = flat(sheet(*map(row, ("#1|#2", "#3|#4"))))
    assert values(cleaned(content, Job(table=strict))) == [["", ""], ["", ""]]


def test_rows_that_go_leave_nothing() -> None:
    used = Job(table=losing_rows)
    out = cleaned(flat(sheet(*map(row, ("name|n", "x|#1", "Only Jack|by-itself", "y|#3")))), used)
    assert values(out) == [["name", "n"], ["x", "1"], ["", ""], ["y", "3"]]
    assert used.removed["row of a small group"] == 1
    assert b"Jack" not in out


def test_formulas_over_what_was_replaced() -> None:
    def formula(text: str, result: str) -> str:
        return cell(result, f'table:formula="{text}"')

    rows = (
        row(HEAD),
        f"<table:table-row>{cell('Bob')}{cell('#5550100')}{cell('hush')}{formula('of:=LEN([.C2])', '#4')}</table:table-row>",
    )
    others = (
        formula("of:=SUM([$Data.D2:.D3])", "#4"), formula("of:=[$Data.C2]", "hush"), formula("of:=MAX(Numbers)", "#5550100"),
        formula("of:=INDIRECT(&quot;Data.B2&quot;)", "#5550100"), formula("of:=[.A1]", "#4"),
    )  # fmt: skip
    content = flat(
        sheet(*rows),
        sheet(f"<table:table-row>{''.join(others)}</table:table-row>", name="Sum"),
        '<table:named-expressions><table:named-range table:name="Numbers" table:base-cell-address="$Data.$A$1" '
        'table:cell-range-address="$Data.$B$2:.$B$3"/></table:named-expressions>',
    )
    out = cleaned(content)
    assert values(out)[1] == ["Bob", "***", "", "4"]
    assert values(out, 1) == [["4", "", "", "", "4"]]
    assert b"LEN" not in out
    assert b"SUM" in out


def test_a_copy_of_a_cell_that_was_replaced_is_empty() -> None:
    copy = cell("#5550100", 'table:formula="of:=[.B2]"')
    line = f"<table:table-row>{cell('Bob')}{cell('#5550100')}{cell('hush')}{copy}</table:table-row>"
    assert values(cleaned(flat(sheet(row(HEAD), line))))[1] == ["Bob", "***", "", ""]


def test_what_repeats_cells_beside_them_goes() -> None:
    choices = "".join(
        f'<table:content-validation table:name="{name}" table:condition="of:cell-content-is-in-list(&quot;{words}&quot;)"/>'
        for name, words in (("v1", "5550100"), ("v2", "1"))
    )
    line = (
        f"<table:table-row>{cell('Bob')}{cell('#5550100', 'table:content-validation-name=' + chr(34) + 'v1' + chr(34))}{cell('hush')}"
        f"{cell('#1', 'table:content-validation-name=' + chr(34) + 'v2' + chr(34))}</table:table-row>"
    )
    rules = "".join(
        f'<calcext:conditional-format calcext:target-range-address="Data.{column}2:Data.{column}3"><calcext:condition '
        f'calcext:apply-style-name="x" calcext:value="={value}" calcext:base-cell-address="Data.{column}2"/></calcext:conditional-format>'
        for column, value in (("B", "5550101"), ("D", "3"))
    )
    content = flat(
        f"<table:content-validations>{choices}</table:content-validations>",
        sheet(row(HEAD), line, f"<calcext:conditional-formats>{rules}</calcext:conditional-formats>"),
        '<table:database-ranges><table:database-range table:target-range-address="Data.A1:Data.E3"><table:filter>'
        '<table:filter-condition table:field-number="1" table:value="5550102" table:operator="="/></table:filter>'
        "</table:database-range></table:database-ranges>",
        styles='<style:style style:name="a" style:family="table-cell"><style:map style:condition="cell-content()=5550103" '
        'style:apply-style-name="x"/></style:style>',
    )
    out = cleaned(content)
    assert not re.search(rb"555010\d|hush", out)
    assert out.count(b"<table:content-validation ") == 1
    assert out.count(b"<calcext:conditional-format ") == 1


@pytest.mark.parametrize(
    ("attributes", "text", "value", "is_its_value"),
    [
        ('office:value-type="float" office:value="1234.5"', "1,234.50", "1234.5", True),
        ('office:value-type="float" office:value="1067"', "01067", "01067", True),
        ('office:value-type="float" office:value="78051120"', "078-05-1120", "078-05-1120", True),
        ('office:value-type="float" office:value="2025550143"', "(202) 555-0143", "(202) 555-0143", True),
        ('office:value-type="float" office:value="1067"', "1 067", "1067", True),
        ('office:value-type="float" office:value="1067"', "1067-1", "1067", False),
        ('office:value-type="float" office:value="3"', "jane@example.com", "3", False),
        ('office:value-type="float" office:value="3"', "5550100", "3", False),
        ('office:value-type="percentage" office:value="0.25"', "25 %", "0.25", True),
        ('office:value-type="currency" office:value="9.5" office:currency="EUR"', "9,50 EUR", "9.5", True),
        ('office:value-type="date" office:date-value="2024-02-29T00:00:00"', "29.02.24", "2024-02-29", False),
        ('office:value-type="time" office:time-value="PT07H05M00S"', "07:05", "07:05:00", False),
        ('office:value-type="boolean" office:boolean-value="true"', "WAHR", "TRUE", False),
        ('office:value-type="string" office:string-value="a"', "b", "a", False),
        ('office:value-type="string"', "b", "b", True),
        ('office:value-type="float" office:value="x"', "5", "x", False),
    ],
)
def test_what_a_cell_says_and_shows(attributes: str, text: str, value: str, *, is_its_value: bool) -> None:
    one = etree.fromstring(f"<table:table-cell {SPACES} {attributes}><text:p>{text}</text:p></table:table-cell>")
    assert (said(one), shown(one), shows_its_value(one)) == (value, text, is_its_value)


def test_values_that_no_reader_shows() -> None:
    one = '<table:table-cell office:value-type="float" office:value="3" office:date-value="1980-05-12" office:string-value="hush"/>'
    out = cleaned(flat(sheet(row(HEAD), f"<table:table-row>{cell('Bob')}{cell('')}{cell('')}{one}</table:table-row>")))
    assert b'office:value="3"' in out
    assert not re.search(b"1980|hush", out)


def test_what_a_cell_shows_beside_its_value_is_a_text() -> None:
    one = '<table:table-cell office:value-type="float" office:value="3"><text:p>jane@example.com</text:p></table:table-cell>'
    content = flat(sheet(row(HEAD), f"<table:table-row>{cell('Bob')}{cell('')}{cell('')}{one}</table:table-row>"))
    out = cleaned(content, Job(table=table, edits=edits_of("jane@example.com")))
    assert b"jane" not in out


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_a_chart_of_libreoffice(tmp_path: Path) -> None:
    import openpyxl
    from openpyxl.chart import BarChart, Reference

    book = openpyxl.Workbook()
    book.active.title = "Data"
    for line in (["name", "phone", "secret", "n"], ["Jane", 5550100, 717171, 1], ["Bob", 5550101, 727272, 2]):
        book.active.append(line)
    chart = BarChart()
    chart.add_data(Reference(book.active, min_col=2, max_col=3, min_row=1, max_row=3), titles_from_data=True)
    book.active.add_chart(chart, "G2")
    book.save(tmp_path / "a.xlsx")
    subprocess.run(
        ["soffice", f"-env:UserInstallation={(tmp_path / 'home').as_uri()}", "--headless", "--convert-to", "ods", "--outdir", str(tmp_path), str(tmp_path / "a.xlsx")],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    raw = (tmp_path / "a.ods").read_bytes()
    assert office_files.canaries(raw, ("717171",))
    out = io.BytesIO()
    odf.clean(io.BytesIO(raw), out, Job(table=table))
    assert not office_files.canaries(out.getvalue(), ("717171", "727272", "555010", "Jane", "secret"))
    assert zipfile.is_zipfile(out)
