"""Sheets of Excel workbooks that are tables: cleaned by columns, with all that repeats their cells."""

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
from lxml import etree
from openpyxl.chart import BarChart, Reference
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.formula import ArrayFormula

from privet.metadata import ooxml
from privet.metadata.job import CannotClean, Job

sys.path.append(str(Path(__file__).parent))

import office_files
from jobs import edits_of
from office_files import members, packed
from sheet_tables import losing_rows, strict, table

X = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cleaned(content: bytes, used: Job | None = None) -> bytes:
    out = io.BytesIO()
    ooxml.clean(io.BytesIO(content), out, used or Job(table=table))
    return out.getvalue()


def book(*rows: list[Any]) -> openpyxl.Workbook:
    made = openpyxl.Workbook()
    made.active.title = "Data"
    for row in rows:
        made.active.append(row)
    return made


def written(made: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def values(content: bytes, sheet: str = "Data", *, shown: bool = True) -> list[list[Any]]:
    found = openpyxl.load_workbook(io.BytesIO(content), data_only=shown)[sheet]
    return [[cell.value for cell in row] for row in found.iter_rows()]


def sheet_xml(content: bytes, number: int = 1) -> str:
    return members(content)[f"xl/worksheets/sheet{number}.xml"].decode()


ROWS: list[list[Any]] = [
    ["name", "phone", "secret", "n", "gone"],
    ["Jane", 5550100, "hush-1", 1, dt.date(2024, 2, 29)],
    ["Bob", 5550101, "hush-2", 2.5, dt.date(2024, 3, 1)],
]


def with_formulas(content: bytes, number: int, cells: dict[str, tuple[str, str]]) -> bytes:
    """Return a workbook in which cells have formulas with remembered results, which openpyxl does not write."""
    parts = members(content)
    name = f"xl/worksheets/sheet{number}.xml"
    text = parts[name].decode()
    for where, (formula, result) in cells.items():
        kind = "" if re.fullmatch(r"[\d.]+", result) else ' t="str"'
        text, count = re.subn(
            rf'<c r="{where}"[^>]*?(?:/>|>.*?</c>)', f'<c r="{where}"{kind}>{formula}<v>{result}</v></c>', text
        )
        assert count == 1
    return packed(parts | {name: text.encode()})


def test_columns_are_cleaned_by_their_headings() -> None:
    used = Job(table=table)
    out = cleaned(written(book(*ROWS)), used)
    assert values(out) == [
        ["name", "phone", None, "n", "gone"],
        ["[PERSON]", "***", None, 1, None],
        ["Bob", "***", None, 2.5, None],
    ]
    assert used.removed["column"] == 1
    assert not office_files.canaries(out, ("hush", "555010", "Jane", "secret", "45351"))


def test_cells_that_stay_are_written_as_they_were() -> None:
    content = written(book(*ROWS))
    before, after = (etree.fromstring(sheet_xml(made).encode()) for made in (content, cleaned(content)))
    for place in ("A1", "B1", "A3", "D2", "D3"):
        old, new = (next(cell for cell in root.iter(f"{X}c") if cell.get("r") == place) for root in (before, after))
        assert etree.tostring(old) == etree.tostring(new)


def test_titles_above_a_table_are_texts() -> None:
    content = written(book(["List of Jane"], *ROWS))
    assert values(cleaned(content, Job(table=table, edits=edits_of("Jane"))))[0][0] == "List of [X]"
    used = Job(table=strict)
    assert values(cleaned(content, used))[0] == [None] * 5
    assert used.removed["cell above a table"] == 1


def test_a_heading_may_change() -> None:
    out = cleaned(written(book(["name", "calls of Jane"], ["x", 1])))
    assert values(out) == [["name", "calls of [PERSON]"], ["x", 1]]


def test_a_string_that_two_sheets_show_is_judged_at_each() -> None:
    made = book(["name", "city"], ["Bob", "Paris"])
    made.create_sheet("Notes").append(["Paris"])
    out = cleaned(written(made), Job(table=table, edits=edits_of("Paris")))
    assert values(out)[1] == ["Bob", "Paris"]
    assert values(out, "Notes") == [["[X]"]]


def test_hidden_sheets_are_tables_too() -> None:
    made = book(["x"])
    hidden = made.create_sheet("Hidden")
    hidden.sheet_state = "veryHidden"
    for row in ROWS:
        hidden.append(row)
    assert values(cleaned(written(made)), "Hidden")[1] == ["[PERSON]", "***", None, 1, None]


def test_all_is_dropped_where_nothing_is_declared() -> None:
    content = written(book([1, 2, 3], [4, 5, 6]))
    assert values(cleaned(content, Job(table=strict))) == []


def test_kinds_of_cells() -> None:
    made = book(["name", "a", "b", "c", "d"], ["x", True, dt.datetime(2024, 2, 29, 13, 45), dt.time(7, 5), 0.1])
    made.active["D2"].number_format = "hh:mm"
    seen: list[Any] = []

    def looking(first: Any) -> Any:
        seen.append(table(first))
        return seen[-1]

    out = cleaned(written(made), Job(table=looking))
    assert seen[0].seen == [{0: ["x"], 1: ["TRUE"], 2: ["2024-02-29 13:45:00"], 3: ["07:05:00"], 4: ["0.1"]}]
    assert values(out) == values(written(made))


def test_formulas_over_what_was_replaced() -> None:
    made = book(*[row[:4] for row in ROWS])
    for row in ("Total", 0), ("Copy", 0), ("Far", 0), ("Own", 0):
        (made["Sum"] if "Sum" in made.sheetnames else made.create_sheet("Sum")).append(row)
    content = with_formulas(
        written(made), 2,
        {
            "B1": ("<f>SUM(Data!D2:D3)</f>", "3.5"), "B2": ("<f>Data!C2</f>", "hush-1"),
            "B3": ('<f>INDIRECT("Data!B"&amp;2)</f>', "5550100"), "B4": ("<f>B1*2</f>", "7"),
        },
    )  # fmt: skip
    content = with_formulas(
        content,
        1,
        {
            "D2": ("<f>LEN(C2)</f>", "6"),
            "D3": ("<f>D4+1</f>", "2.5"),
            "A3": ('<f t="shared" ref="A3:A3" si="0">LEN(B3)</f>', "Bob"),
        },
    )
    out = cleaned(content)
    assert values(out, "Sum") == [["Total", 3.5], ["Copy", None], ["Far", None], ["Own", 7]]
    assert values(out, "Sum", shown=False)[0][1] == "=SUM(Data!D2:D3)"
    assert values(out)[1:] == [["[PERSON]", "***", None, 6], ["Bob", "***", None, 2.5]]
    assert values(out, shown=False)[2][3] == "=D4+1"
    assert "LEN" not in sheet_xml(out)
    assert not office_files.canaries(out, ("hush", "5550100"))


def test_a_formula_without_a_result_goes_with_its_column() -> None:
    out = cleaned(written(book(["name", "phone", "n"], ["a", "=5550100+0", "=1+1"])))
    assert values(out, shown=False) == [["name", "phone", "n"], ["a", None, "=1+1"]]


def test_a_copy_of_a_cell_that_was_replaced_is_empty() -> None:
    made = book(["name", "phone", "n", "m"], ["a", 5550100, 0, 0], ["b", 5550101, 0, 0])
    cells = {
        "C2": ('<f t="shared" ref="C2:C3" si="0">B2</f>', "5550100"), "C3": ('<f t="shared" si="0"/>', "5550101"),
        "D2": ("<f>A2</f>", "a"), "D3": ("<f>Data!$B$3</f>", "5550101"),
    }  # fmt: skip
    out = cleaned(with_formulas(written(made), 1, cells))
    assert values(out)[1:] == [["a", "***", None, "a"], ["b", "***", None, None]]


def test_a_sheet_that_mirrors_another_is_cleaned_by_its_own_headings() -> None:
    made = book(["name", "phone"], ["a", 5550100], ["b", 5550101])
    mirror = made.create_sheet("Mirror")
    for row in (["name", "phone"], ["a", 0], ["b", 0]):
        mirror.append(row)
    cells = {f"{at}{row}": (f"<f>Data!{at}{row}</f>", value) for at, row, value in
             (("A", 1, "name"), ("B", 1, "phone"), ("B", 2, "5550100"), ("B", 3, "5550101"))}  # fmt: skip
    out = cleaned(with_formulas(written(made), 2, cells))
    assert values(out, "Mirror") == [["name", "phone"], ["a", "***"], ["b", "***"]]


def test_shared_formulas_beside_each_other_count_together() -> None:
    made = book(["name", "n", "secret", "x", "y"], ["a", 1, "hush", 1, 1])
    made.create_sheet("S").append(["note", 1, 2])
    cells = {"B1": ('<f t="shared" ref="B1:C1" si="0">Data!B2</f>', "1"), "C1": ('<f t="shared" si="0"/>', "hush")}
    out = cleaned(with_formulas(written(made), 2, cells))
    assert values(out, "S") == [["note", None, None]]


def test_rows_that_go_leave_nothing() -> None:
    made = book(["name", "n"], ["x", 1], ["Only Jack", "by-itself"], ["y", 3])
    made.active["A3"].hyperlink = "tel:5550199"
    made.active["A4"].hyperlink = "https://example.com/y"
    used = Job(table=losing_rows)
    out = cleaned(written(made), used)
    assert values(out) == [["name", "n"], ["x", 1], [None, None], ["y", 3]]
    assert used.removed["row of a small group"] == 1
    assert not office_files.canaries(out, ("Only Jack", "by-itself", "5550199"))
    assert office_files.canaries(out, ("https://example.com/y",))


def full_book() -> bytes:
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = made.add_worksheet("Data")
    bold = made.add_format({"bold": True})
    for number, row in enumerate(
        [["name", "phone", "secret", "n"], *[[f"p{i}", 5550100 + i, f"hush-{i}", i] for i in range(5)]]
    ):
        sheet.write_row(number, 0, row)
    sheet.write_rich_string("A3", "Mr ", bold, "Jane")
    sheet.autofilter("A1:D6")
    sheet.filter_column_list("B", [5550100, 5550101])
    sheet.data_validation("B2:B6", {"validate": "list", "source": ["5550100", "5550101"]})
    sheet.data_validation("D2:D6", {"validate": "list", "source": ["1", "2"]})
    sheet.conditional_format("B2:B6", {"type": "cell", "criteria": "==", "value": 5550102, "format": bold})
    sheet.conditional_format("D2:D6", {"type": "cell", "criteria": ">", "value": 3, "format": bold})
    sheet.conditional_format(
        "B2:B6", {"type": "data_bar", "data_bar_2010": True, "min_type": "num", "min_value": 5550103}
    )
    sheet.write_url("C3", "https://example.com/5550104", string="hush-1")
    sheet.write_comment("B2", "5550100")
    sheet.insert_textbox("F2", "hush-0", {"textlink": "=Data!$C$2"})
    made.define_name("Numbers", "=Data!$B$2:$B$6")
    other = made.add_worksheet("Other")
    other.write_formula("A1", "=MAX(Numbers)", None, 5550104)
    other.write_formula("A2", "=MAX(Data!D:D)", None, 4)
    chart = made.add_chart({"type": "column"})
    chart.add_series({
        "categories": "=Data!$B$2:$B$6", "values": "=Data!$D$2:$D$6", "name": "=Data!$C$1",
        "categories_data": [5550100 + i for i in range(5)], "values_data": list(range(5)), "name_formula_data": ["secret"],
    })  # fmt: skip
    sheet.insert_chart("H2", chart)
    made.close()
    return out.getvalue()


def test_what_repeats_cells_beside_them_goes() -> None:
    used = Job(table=table)
    out = cleaned(full_book(), used)
    assert not office_files.canaries(out, ("555010", "hush", "secret", "Jane"))
    assert values(out, "Other") == [[None], [4]]
    text = sheet_xml(out)
    assert "D2:D6" in text
    assert 'dataValidations count="1"' in text
    assert "filterColumn" not in text
    chart = members(out)["xl/charts/chart1.xml"].decode()
    assert chart.count("Cache>") == 2  # the values of the column that stays
    assert {"filter", "rule for cells", "chart values", "formula", "link"} <= used.removed.keys()


def test_a_table_definition_stays_in_step_with_its_headings() -> None:
    def with_table(name: str, start: int = 0) -> bytes:
        out = io.BytesIO()
        made = xlsxwriter.Workbook(out, {"in_memory": True})
        sheet = made.add_worksheet("Data")
        rows = [["a", 5550100, 1], ["b", 5550101, 2]]
        columns = [{"header": header} for header in ("name", "phone", name)]
        sheet.add_table(start, 0, start + 2, 2, {"data": rows, "columns": columns, "name": "Clients"})
        other = made.add_worksheet("Other")
        other.write_formula("A1", "=SUM(Clients[phone])", None, 11100201)
        made.close()
        return out.getvalue()

    stays, goes = cleaned(with_table("n")), cleaned(with_table("secret"))
    assert "xl/tables/table1.xml" in members(stays)
    assert values(stays, "Other") == [[None]]
    assert "xl/tables/table1.xml" not in members(goes)
    assert "secret" not in str(members(goes))


def test_an_array_formula_leaves_its_results() -> None:
    made = book(["name", "phone", "n"], ["a", 5550100, 1], ["b", 5550101, 2])
    made.active["C2"] = ArrayFormula("C2:C3", "=B2:B3*2")
    content = re.sub(
        rb"(</f>)<v ?/?>(</v>)?", rb"\1<v>11100200</v>", members(written(made))["xl/worksheets/sheet1.xml"]
    )
    out = cleaned(packed(members(written(made)) | {"xl/worksheets/sheet1.xml": content}))
    assert "<f" not in sheet_xml(out)


def test_cells_in_one_place_and_beyond_all_are_dropped() -> None:
    content = members(written(book(["name", "phone"], ["a", 5550100])))
    text = content["xl/worksheets/sheet1.xml"].decode()
    text = text.replace(
        "</row></sheetData>", '<c r="B2"><v>5550199</v></c><c r="ZZZ2"><v>5550198</v></c></row></sheetData>'
    )
    out = cleaned(packed(content | {"xl/worksheets/sheet1.xml": text.encode()}))
    assert "55501" not in sheet_xml(out)


@pytest.mark.parametrize(
    "inside",
    [
        't="s"><v>5550199</v>',
        't="b"><v>5550199</v>',
        "><v>1</v><v>5550199</v>",
        't="s"><v>0</v><is><t>5550199</t></is>',
    ],
)
def test_values_that_no_reader_shows(inside: str) -> None:
    made = book(["name", "phone", "n"], ["a", 1, 1])
    made.create_sheet("S").append([7])
    content = members(written(made))
    for number, place in ((1, "B2"), (2, "A1")):
        name = f"xl/worksheets/sheet{number}.xml"
        text = re.sub(rf'<c r="{place}"[^>]*>.*?</c>', f'<c r="{place}" {inside}</c>', content[name].decode())
        content[name] = text.encode()
    out = cleaned(packed(content), Job(table=table, edits=edits_of("5550199")))
    assert not office_files.canaries(out, ("5550199",))


def test_places_may_be_left_out() -> None:
    content = members(written(book(["name", "phone"], ["a", 5550100])))
    text = re.sub(r' r="[A-Z]*\d+"', "", content["xl/worksheets/sheet1.xml"].decode())
    out = cleaned(packed(content | {"xl/worksheets/sheet1.xml": text.encode()}))
    assert values(out) == [["name", "phone"], ["a", "***"]]


def test_dates_since_1904() -> None:
    made = book(["name", "day"], ["a", dt.date(2024, 2, 29)])
    made.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    seen: list[Any] = []

    def looking(first: Any) -> Any:
        seen.append(table(first))
        return seen[-1]

    cleaned(written(made), Job(table=looking))
    assert seen[0].seen == [{0: ["a"], 1: ["2024-02-29"]}]


def test_a_wide_and_empty_sheet_is_not_laid_out() -> None:
    rows = "".join(
        f'<row r="{r + 2}"><c r="{openpyxl.utils.get_column_letter(r * 4 + 1)}{r + 2}"><v>{r}</v></c></row>'
        for r in range(4000)
    )
    content = members(written(book(["name", "phone"])))
    text = content["xl/worksheets/sheet1.xml"].decode().replace("</row></sheetData>", f"</row>{rows}</sheetData>")
    used = Job(table=table)
    cleaned(packed(content | {"xl/worksheets/sheet1.xml": text.encode()}), used)
    assert not used.removed["cell in the place of another"]


def test_what_cannot_be_read_is_refused() -> None:
    content = members(written(book(*ROWS)))
    broken = content["xl/worksheets/sheet1.xml"][:-40]
    with pytest.raises(CannotClean):
        cleaned(packed(content | {"xl/worksheets/sheet1.xml": broken}))


def test_the_same_twice() -> None:
    content = full_book()
    once = cleaned(content)
    assert once == cleaned(content)
    assert values(cleaned(once)) == values(once)


def test_rules_of_openpyxl() -> None:
    made = book(*ROWS)
    rule = DataValidation(type="list", formula1='"hush-1,hush-2"')
    rule.add("C2:C3")
    made.active.add_data_validation(rule)
    chart = BarChart()
    chart.add_data(Reference(made.active, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    made.active.add_chart(chart, "G2")
    out = cleaned(written(made))
    assert "dataValidations" not in sheet_xml(out)
    assert not office_files.canaries(out, ("hush", "555010"))
