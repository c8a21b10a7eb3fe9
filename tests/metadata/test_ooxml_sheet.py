"""Excel workbooks: cells, strings, formulas, names, tables and charts without identifiers, and without what was deleted."""

from __future__ import annotations

import datetime as dt
import io
import re
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from openpyxl.comments import Comment
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation

from privet.metadata import ooxml
from privet.metadata.job import Job, Member

sys.path.append(str(Path(__file__).parent))

import office_files
from jobs import edits_of
from office_files import members, packed

FOUND = r"jane@example\.com|Jane Doe|4111 ?1111 ?1111 ?1111|078-05-1120|1980-05-12|CANARY-text"


edits = edits_of(FOUND)


def job() -> Job:
    return Job(edits=edits, nested=lambda name, content: Member(name, content.replace(b"CANARY", b"")))


def cleaned(content: bytes, used: Job | None = None) -> bytes:
    out = io.BytesIO()
    ooxml.clean(io.BytesIO(content), out, used or job())
    return out.getvalue()


def canaries(content: bytes) -> list[str]:
    return office_files.canaries(content, ("CANARY", "jane@example.com", "Jane Doe", "4111111111111111"))


def values(content: bytes, *, shown: bool = False) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(content), data_only=shown)
    return {sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in book.worksheets}


def written(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        ("jane@example.com", "General", "[X]"),
        ("plain", "General", "plain"),
        (3.25, "0.00", 3.25),
        (123456789, "#,##0", 123456789),
        (4111111111111111, "0", "[X]"),
        (4.111111111111111e15, "0", "[X]"),
        (78051120, "000\\-00\\-0000", "[X]"),
        (78051120, "0", 78051120),
        (dt.datetime(1980, 5, 12), "yyyy-mm-dd", "[X]"),
        (dt.datetime(1999, 1, 1), "yyyy-mm-dd", dt.datetime(1999, 1, 1)),
        (True, "General", True),
        ("=1+1", "General", "=1+1"),
        ('="jane@example.com"&A9', "General", '="[X]"&A9'),
        ("=4111111111111111+0", "General", None),
        ("='Jane Doe'!A1+[1]Other!A1", "General", None),
    ],
)
def test_cell(value: object, number_format: str, expected: object) -> None:
    book = openpyxl.Workbook()
    cell = book.active["A1"]
    cell.value = value
    cell.number_format = number_format
    out = cleaned(written(book))
    assert values(out)["Sheet"] == [[expected]]
    assert canaries(out) == []


def test_sheets_are_renamed_wherever_they_are_named_and_hidden_ones_are_cleaned() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Jane Doe"
    sheet["A1"] = "x"
    other = book.create_sheet("X")
    other["A1"] = "='Jane Doe'!A1&\" \"&SUM('Jane Doe'!A1:B2)"
    hidden = book.create_sheet("very")
    hidden.sheet_state = "veryHidden"
    hidden["B2"] = "of Jane Doe"
    hidden.row_dimensions[2].hidden = True
    book.defined_names["Jane_Doe"] = openpyxl.workbook.defined_name.DefinedName(
        "Jane_Doe", attr_text="'Jane Doe'!$A$1", comment="Jane Doe"
    )
    other["A2"] = "=Jane_Doe"
    out = cleaned(written(book))
    again = openpyxl.load_workbook(io.BytesIO(out))
    assert canaries(out) == []
    assert again.sheetnames == ["X_2", "X", "very"]
    assert again["X"]["A1"].value == '=X_2!A1&" "&SUM(X_2!A1:B2)'
    assert again["very"]["B2"].value == "of [X]"
    assert again["very"].sheet_state == "veryHidden"
    assert again["very"].row_dimensions[2].hidden
    (name,) = again.defined_names
    assert again.defined_names[name].attr_text == "X_2!$A$1"
    assert again["X"]["A2"].value == "=" + name


def test_a_formula_that_makes_an_identifier_is_frozen() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_formula("A1", '="jane"&"@example.com"', value="jane@example.com")
    sheet.write_formula("A2", "=B1", value="fine")
    sheet.write_formula("A3", "=B2", value=4111111111111111)
    sheet.write_array_formula("C1:C2", "{=B1:B2}", value="Jane Doe")
    book.close()
    result = cleaned(out.getvalue())
    assert canaries(result) == []
    assert [row[0] for row in values(result)["Sheet1"]] == ["[X]", "=B1", "[X]"]
    assert values(result, shown=True)["Sheet1"][0][2] == "[X]"
    assert b"&amp;" not in members(result)["xl/worksheets/sheet1.xml"]


def test_shared_formulas_go_with_the_one_that_says_what_they_share() -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "x"
    parts = members(written(book))
    cells = (
        '<c r="A1" t="str"><f t="shared" ref="A1:A3" si="0">"jane"&amp;"@example.com"</f><v>jane@example.com</v></c></row>'
        '<row r="2"><c r="A2" t="str"><f t="shared" si="0"/><v>b</v></c></row><row r="3"><c r="A3"><f t="shared" si="1" ref="A3">B3</f><v>2</v></c></row>'
    )
    name = "xl/worksheets/sheet1.xml"
    parts[name] = re.sub(rb'<row r="1".*</row>', b'<row r="1">' + cells.encode(), parts[name])
    out = cleaned(packed(parts))
    assert values(out)["Sheet"] == [["[X]"], ["b"], ["=B3"]]


def test_strings_that_no_cell_shows_are_emptied_and_rich_ones_are_one_text() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    sheet.write_rich_string("A1", "by Ja", bold, "ne D", "oe ok")
    sheet.write("A2", "second")
    book.close()
    parts = members(out.getvalue())
    strings = parts["xl/sharedStrings.xml"]
    parts["xl/sharedStrings.xml"] = strings.replace(b"</sst>", b"<si><t>CANARY</t></si></sst>").replace(
        b"oe ok</t></r>", b"oe ok</t></r><rPh sb='0' eb='1'><t>CANARY-text</t></rPh>"
    )
    result = cleaned(packed(parts))
    assert canaries(result) == []
    assert values(result)["Sheet1"] == [["by [X] ok"], ["second"]]
    assert b"<b/>" in members(result)["xl/sharedStrings.xml"]


def test_what_stands_beside_the_cells() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"author": "CANARY", "manager": "CANARY", "comments": "CANARY"})
    book.set_custom_property("CANARY", "CANARY")
    sheet = book.add_worksheet("Jane Doe")
    sheet.write_column("A1", ["a", "b"])
    sheet.write_column("B1", [1, 2])
    sheet.write_comment("A1", "CANARY", {"author": "CANARY"})
    sheet.write_url("A3", "mailto:jane@example.com", string="Jane Doe", tip="Jane Doe")
    sheet.write_url("A4", "internal:'Jane Doe'!A1", string="in")
    sheet.write_url("A5", "external:C:\\CANARY\\x.xlsx", string="out")
    sheet.set_header("&LJane Doe&R&D")
    sheet.data_validation(
        "C1", {"validate": "list", "source": ["Jane Doe", "b"], "input_title": "Jane Doe", "error_message": "Jane Doe"}
    )
    sheet.conditional_format("A1:A2", {"type": "text", "criteria": "containing", "value": "Jane Doe"})
    sheet.protect("CANARY")
    sheet.insert_textbox("E1", "box Jane Doe", {"description": "Jane Doe", "object_position": 1})
    chart = book.add_chart({"type": "column"})
    chart.add_series(
        {
            "categories": ["Jane Doe", 0, 0, 1, 0],
            "values": ["Jane Doe", 0, 1, 1, 1],
            "name": "Jane Doe",
            "categories_data": ["Jane Doe", "b"],
            "values_data": [4111111111111111, 2],
        }
    )
    chart.set_title({"name": "of Jane Doe"})
    sheet.insert_chart("F5", chart)
    book.close()
    used = job()
    result = cleaned(out.getvalue(), used)
    made = members(result)
    assert canaries(result) == []
    again = openpyxl.load_workbook(io.BytesIO(result))
    assert again.sheetnames == ["X"]
    assert again["X"]["A1"].comment is None
    assert [cell.value for cell in again["X"]["A"]] == ["a", "b", "[X]", "in", "out"]
    assert b"X!$A$1:$A$2" in made["xl/charts/chart1.xml"]
    assert b"[X]" in made["xl/charts/chart1.xml"]
    assert again["X"].data_validations.dataValidation[0].formula1 == '"[X],b"'
    assert again["X"]["A4"].hyperlink.location == "X!A1"
    assert {"protection", "custom property", "comment part", "link to a local file"} <= set(used.removed)


def test_tables_keep_their_headings_or_go() -> None:
    def made(heading: str) -> bytes:
        out = io.BytesIO()
        book = xlsxwriter.Workbook(out, {"in_memory": True})
        sheet = book.add_worksheet()
        sheet.add_table(
            "A1:B3",
            {
                "name": "T_Jane",
                "columns": [{"header": heading}, {"header": "n", "formula": "=1"}],
                "data": [["Jane Doe", 1]],
            },
        )
        sheet.write_formula("D1", "=SUM(T_Jane[n])", value=1)
        book.close()
        return cleaned(out.getvalue())

    kept = openpyxl.load_workbook(io.BytesIO(made("who")))["Sheet1"]
    assert kept.tables["T_Jane"].column_names == ["who", "n"]
    assert kept["D1"].value == "=SUM(T_Jane[n])"
    gone = openpyxl.load_workbook(io.BytesIO(made("Jane Doe")))["Sheet1"]
    assert not gone.tables
    assert gone["A1"].value == "[X]"
    assert gone["D1"].value == 1


def test_queries_pivots_links_and_macros_do_not_come_along() -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = 1
    book.active["A1"].comment = Comment("CANARY", "CANARY")
    book.active.add_data_validation(DataValidation(type="list", formula1="[1]CANARY!$A$1", sqref="B1"))
    book.create_sheet("macro")
    book.defined_names["ext"] = openpyxl.workbook.defined_name.DefinedName("ext", attr_text="[1]CANARY!$A$1")
    parts = members(written(book))
    base = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    extra = "".join(
        f'<Relationship Id="rIdX{number}" Type="{base}/{kind}" Target="/xl/{target}"/>'
        for number, (kind, target) in enumerate(
            [("externalLink", "externalLinks/externalLink1.xml"), ("connections", "connections.xml"), ("pivotCacheDefinition", "pivotCache/a.xml"),
             ("calcChain", "calcChain.xml"), ("sheetMetadata", "metadata.xml"), ("revisionHeaders", "revisions/h.xml")]
        )
    )  # fmt: skip
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace(
        b"</Relationships>", extra.encode() + b"</Relationships>"
    )
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace(
        b'/worksheet" Target="/xl/worksheets/sheet2.xml"', b'/xlMacrosheet" Target="/xl/worksheets/sheet2.xml"'
    )
    parts["xl/workbook.xml"] = (
        parts["xl/workbook.xml"]
        .replace(b"<sheets>", b'<fileSharing userName="CANARY" reservationPassword="CANA"/><sheets>')
        .replace(
            b"</workbook>",
            b'<externalReferences><externalReference xmlns:r="'
            + base.encode()
            + b'" r:id="rIdX0"/></externalReferences></workbook>',
        )
    )
    for name in (
        "externalLinks/externalLink1.xml",
        "connections.xml",
        "pivotCache/a.xml",
        "calcChain.xml",
        "metadata.xml",
        "revisions/h.xml",
        "vbaProject.bin",
    ):
        parts["xl/" + name] = b"<CANARY/>"
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
        b"application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    )
    content = packed(parts)
    out = cleaned(content)
    assert canaries(out) == []
    again = openpyxl.load_workbook(io.BytesIO(out))
    assert again.sheetnames == ["Sheet"]
    assert not again.defined_names
    assert again["Sheet"]["A1"].value == 1
    assert b"macro" not in members(out)["[Content_Types].xml"]
    assert ooxml.cleaned_suffix(io.BytesIO(content)) == ".xlsx"


def test_cells_without_identifiers_stay_the_same() -> None:
    book = openpyxl.Workbook()
    for row in range(1, 40):
        book.active.append([row, row / 7, f"text {row}", None, dt.datetime(2020, 1, row % 27 + 1)])
    content = written(book)
    out = cleaned(content)
    assert values(out) == values(content)
    assert cleaned(content) == out
    assert cleaned(out) == out


def test_notes_on_names_do_not_come_along() -> None:
    out = io.BytesIO()
    book = openpyxl.Workbook()
    book.defined_names["beds"] = DefinedName(
        "beds", attr_text="Sheet!$A$1", comment="CANARY", description="CANARY", help="CANARY", statusBar="CANARY"
    )
    book.save(out)
    result = cleaned(out.getvalue())
    assert canaries(result) == []
    assert openpyxl.load_workbook(io.BytesIO(result)).defined_names["beds"].attr_text == "Sheet!$A$1"
