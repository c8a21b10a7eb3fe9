"""Sheets of workbooks are cleaned like the same table saved as CSV."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from odf.opendocument import OpenDocumentSpreadsheet
from odf.opendocument import load as load_odf
from odf.table import Table, TableCell, TableRow
from odf.text import P

from privet.ingest.cleaning import Cleaning
from privet.ingest.sheets import header_of
from privet.ingest.texts import Texts
from privet.policy import DEFAULT, Policy, Transform, with_value

KEY = bytes(range(32))
Rows = list[list[Any]]


def policy(columns: Sequence[str] = (), transforms: Sequence[Transform] = (), **other: Any) -> Policy:
    made = with_value(DEFAULT, "scrub.transform", tuple(transforms))
    if columns:
        made = with_value(made, "scrub.columns", frozenset(columns))
    for name, value in other.items():
        made = with_value(made, f"scrub.{name}", value)
    return made


def cleaning(used: Policy) -> Cleaning:
    return Cleaning(used, Texts(used, "patterns", KEY), KEY)


def plain(value: Any) -> str:
    """Return a value as a program writes it into a table of text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d" if (value.hour, value.minute) == (0, 0) else "%Y-%m-%d %H:%M:%S")
    return str(value)


def as_csv(rows: Rows) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([map(plain, row) for row in rows])
    return out.getvalue().encode()


def as_openpyxl(rows: Rows) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append([None if value == "" else value for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_xlsxwriter(rows: Rows) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "d mmm yyyy hh:mm"}) as book:
        sheet = book.add_worksheet("People")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for number, row in enumerate(rows):
            for at, value in enumerate(row):
                is_day = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
                sheet.write(number, at, value, *([day] if is_day else []))
    return out.getvalue()


def as_odf(rows: Rows) -> bytes:
    document = OpenDocumentSpreadsheet()
    table = Table(name="People")
    for row in rows:
        line = TableRow()
        for value in row:
            line.addElement(odf_cell(value))
        table.addElement(line)
    document.spreadsheet.addElement(table)
    out = io.BytesIO()
    document.write(out)
    return out.getvalue()


def odf_cell(value: Any) -> TableCell:
    if value in ("", None):
        return TableCell()
    if isinstance(value, bool):
        cell = TableCell(valuetype="boolean", booleanvalue=str(value).lower())
    elif isinstance(value, (int, float)):
        cell = TableCell(valuetype="float", value=repr(value))
    elif isinstance(value, dt.date):
        cell = TableCell(valuetype="date", datevalue=value.isoformat())
        cell.addElement(P(text=value.strftime("%d.%m.%y")))
        return cell
    else:
        cell = TableCell(valuetype="string")
    for line in plain(value).split("\n"):
        cell.addElement(P(text=line))
    return cell


def from_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def from_xlsx(content: bytes) -> list[list[str]]:
    sheet = openpyxl.load_workbook(io.BytesIO(content), data_only=True).worksheets[0]
    return [[plain(value) for value in row] for row in sheet.iter_rows(values_only=True)]


def from_odf(content: bytes) -> list[list[str]]:
    out = []
    for row in load_odf(io.BytesIO(content)).spreadsheet.getElementsByType(TableRow):
        cells: list[str] = []
        for cell in row.getElementsByType(TableCell):
            value = cell.getAttribute("value") if cell.getAttribute("valuetype") == "float" else None
            text = "\n".join(str(line) for line in cell.getElementsByType(P))
            day = (cell.getAttribute("datevalue") or "").replace("T", " ").removesuffix(" 00:00:00")
            cells += [day or (text if value is None else plain(float(value)))] * int(
                cell.getAttribute("numbercolumnsrepeated") or 1
            )
        out.append(cells)
    return out


FORMATS: dict[str, tuple[Callable[[Rows], bytes], Callable[[bytes], list[list[str]]], str]] = {
    "openpyxl": (as_openpyxl, from_xlsx, "t.xlsx"),
    "xlsxwriter": (as_xlsxwriter, from_xlsx, "t.xlsx"),
    "odfpy": (as_odf, from_odf, "t.ods"),
}


def columns_of(rows: list[list[str]]) -> dict[str, list[str]]:
    """Return the columns that have a heading."""
    width = max(map(len, rows), default=0)
    full = [row + [""] * (width - len(row)) for row in rows] or [[]]
    return {name: [row[at] for row in full[1:]] for at, name in enumerate(full[0]) if name}


PEOPLE: Rows = [
    ["customer_id", "phone", "email", "date of birth", "zip", "salary", "note", "visit", "ok"],
    *[
        [
            881200 + i, 5550100 + i, f"jane{i}@example.com", dt.date(1980, 1 + i, 5), 10115 + i % 2, 50000.5 + i,
            f"call {i} of 202-555-0143", dt.datetime(2024, 2, 1 + i, 13, 45), i % 2 == 0,  # noqa: DTZ001 (sheets know no zones)
        ]
        for i in range(9)
    ],
]  # fmt: skip
TRANSFORMS = {
    "pseudonym": Transform("pseudonym", column="customer_id"),
    "mask": Transform("mask", column="phone"),
    "remove": Transform("remove", column="email"),
    "decade": Transform("generalise", column="date of birth", to="decade"),
    "month": Transform("generalise", column="visit", to="month"),
    "chars": Transform("generalise", column="zip", keep_chars=2),
    "step": Transform("generalise", column="salary", step=5000),
    "shift": Transform("shift", column="date of birth", subject="customer_id"),
    "token": Transform("token", column="note"),
    "realistic": Transform("realistic", column="phone"),
    "drop": Transform("drop", column="salary"),
    "label": Transform("label", column="ok"),
    "of a kind": Transform("pseudonym", kind="EMAIL_ADDRESS", subject="customer_id"),
}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_sheet_comes_out_like_the_same_csv(format_: str, transform: str) -> None:
    write, read, name = FORMATS[format_]
    used = cleaning(policy(transforms=[TRANSFORMS[transform]]))
    expected = columns_of(from_csv(used.whole(as_csv(PEOPLE), "t.csv")))
    assert columns_of(read(used.whole(write(PEOPLE), name))) == expected
    assert expected["phone"][0] != "5550100"


@pytest.mark.parametrize("format_", FORMATS)
def test_columns_that_are_not_declared_leave_nothing_behind(format_: str) -> None:
    write, read, name = FORMATS[format_]
    used = cleaning(policy(["zip", "note"]))
    used.begin()
    out = used.whole(write(PEOPLE), name)
    expected = columns_of(from_csv(used.whole(as_csv(PEOPLE), "t.csv")))
    assert columns_of(read(out)) == expected
    assert list(expected) == ["zip", "note"]
    assert used.dropped_columns == dict.fromkeys(
        ("customer_id", "date of birth", "email", "ok", "phone", "salary", "visit"), 9
    )
    assert used.seen_columns == {"zip", "note"}
    with zipfile.ZipFile(io.BytesIO(out)) as package:
        content = b"".join(map(package.read, package.namelist()))
    assert not [
        word for word in (b"5550100", b"8812", b"jane", b"salary", b"50000.5", b"29221", b"1980") if word in content
    ]


NAMES = ("customer_id", "phone", "email", "birth_date", "zip", "amount", "note", "city", "ssn", "created_at")
CELLS = st.one_of(
    st.just(""),
    st.integers(0, 10**9),
    st.integers(-50, 50),
    st.floats(-1e6, 1e6).map(lambda number: round(number, 2)),
    st.dates(dt.date(1901, 1, 1), dt.date(2099, 1, 1)),
    st.booleans(),
    st.sampled_from(
        [
            "jane@example.com",
            "x",
            "called on Monday",
            "202-555-0143",
            "078-05-1120",
            "n/a",
            "a\nb",
            ' "q" ',
            "4111 1111 1111 1111",
        ]
    ),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Rows, Policy]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    rows = draw(st.lists(st.tuples(*[CELLS] * len(names)).map(list), min_size=3, max_size=8))
    kept = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
    how = draw(st.sampled_from(["mask", "pseudonym", "remove", "drop", "shift", "label"]))
    transforms = [Transform(how, column=names[0], subject=names[1] if how == "shift" else "")]
    # A row of nothing is an empty line in one and a row in the other.
    rows = [[*row[:-1], row[-1] if any(value != "" for value in row) else "x"] for row in rows]
    return [list(names), *rows], policy(kept, transforms)


@settings(deadline=None, max_examples=60)
@given(tables(), st.sampled_from(sorted(FORMATS)))
def test_any_table_comes_out_like_the_same_csv(drawn: tuple[Rows, Policy], format_: str) -> None:
    rows, declared = drawn
    write, read, name = FORMATS[format_]
    used = cleaning(declared)
    expected = columns_of(from_csv(used.whole(as_csv(rows), "t.csv")))
    got = columns_of(read(used.whole(write(rows), name)))
    assert {column: values + [""] * (len(rows) - 1 - len(values)) for column, values in got.items()} == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["name", "phone"], ["Ada", "5550100"], ["Bob", "5550101"]], 0),
        ([["Clients of 2024"], ["made by Ada"], ["name", "phone"], ["Ada", "5550100"], ["Bob", "5550101"], ["Cy", "5550102"]], 2),
        ([["Kunde", "Ort", "Rufnummer"], ["Meier", "Ulm", "5550100"]], 0),
        ([["Name", "Date\nof birth"], ["Ada", "1815-12-10"]], 0),
        ([["", "name", "phone"], ["0", "Ada", "5550100"]], 0),
        ([["phone"], ["5550100"]], 0),
        ([["phone", "note"], ["5550100", ""], ["5550101", ""], ["5550102", ""]], 0),
        ([["Name", "Ada Lovelace"], ["Phone", "5550100"], ["E-Mail", "ada@example.com"]], -1),
        ([["Name:", "Ada Lovelace"], ["Telefon:", "5550100"]], -1),
        ([["Client"], ["Name", "Ada Lovelace"], ["Phone", "5550100"]], -1),
        ([["Channel", "Count"], ["Email", "5"], ["Phone", "7"]], 0),
        ([["Person", "", "Address"], ["name", "phone", "street", "zip"], ["Ada", "5550100", "x", "1"], ["Bob", "5550101", "y", "2"]], 1),
        ([["Person", "", "Home", "Address"], ["name", "phone", "street", "zip"], ["Ada", "5550100", "x", "1"]], 1),
        ([["Ada Lovelace", "London"], ["Alan Turing", "London"]], -1),
        ([["Notes about Ada Lovelace"], ["She called on Monday."]], -1),
        ([["name", "phone"]], -1),
        ([], -1),
    ],
)  # fmt: skip
def test_a_heading_is_told_from_titles_forms_and_rows(rows: list[list[str]], expected: int) -> None:
    assert header_of(rows) == expected


def test_a_declared_column_is_a_heading_whatever_it_is_called() -> None:
    assert header_of([["2019", "Größe in cm²"], ["1", "2"]], frozenset(["2019"])) == 0
    assert header_of([["2019", "Größe in cm²"]], frozenset(["2019"])) == 0
    assert header_of([["2019"], ["2019", "x y"], ["1", "2019"]], frozenset(["2019"])) == 1


GROUPED: Rows = [
    ["zip", "age", "diagnosis", "text"],
    *[[10115, 34, ("flu", "cold")[i % 2], f"first group {i}"] for i in range(6)],
    *[[20999, 51, "flu", f"second group {i}"] for i in range(6)],
    *[[30999, 62, ("flu", "cold")[i % 2], f"third group {i}"] for i in range(3)],
]


@pytest.mark.parametrize("format_", FORMATS)
def test_rows_of_small_groups_go(format_: str) -> None:
    write, read, name = FORMATS[format_]
    used = cleaning(policy(quasi_identifiers=frozenset(("zip", "age")), sensitive=frozenset(("diagnosis",))))
    out = used.whole(write(GROUPED), name)
    assert [row[3] for row in read(out) if any(row)] == ["text", *(f"first group {i}" for i in range(6))]
    with zipfile.ZipFile(io.BytesIO(out)) as package:
        content = b"".join(map(package.read, package.namelist()))
    assert b"first group" in content
    assert not [word for word in (b"second group", b"third group", b"20999", b"30999") if word in content]


@pytest.mark.parametrize("format_", FORMATS)
def test_a_sheet_without_all_quasi_identifiers_is_no_table_of_people(format_: str) -> None:
    write, read, name = FORMATS[format_]
    used = cleaning(policy(quasi_identifiers=frozenset(("zip", "income"))))
    assert len(read(used.whole(write(GROUPED), name))) == len(GROUPED)


def test_a_sheet_in_an_archive_is_a_table_too() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("t.xlsx", as_openpyxl(PEOPLE))
    used = cleaning(policy(["zip"]))
    with zipfile.ZipFile(io.BytesIO(used.whole(file.getvalue(), "a.zip"))) as archive:
        assert list(columns_of(from_xlsx(archive.read("t.xlsx")))) == ["zip"]
    assert used.tables == 1
    used.begin()
    assert (used.tables, used.dropped_columns, used.seen_columns) == (0, {}, set())


def test_a_heading_that_may_be_a_row_is_looked_at_for_people() -> None:
    rows = [["Jane Doe", "born"], ["x", 1815], ["y", 1816]]
    used = Cleaning(policy(), Texts(policy(), "names", KEY), KEY)
    assert from_xlsx(used.whole(as_openpyxl(rows), "t.xlsx"))[0] == ["[PERSON]", "born"]


def test_what_is_counted_stands_by_column() -> None:
    texts = Texts(DEFAULT, "patterns", KEY)
    Cleaning(DEFAULT, texts, KEY).whole(as_openpyxl([["phone", "note"], [5550100, "mail a@example.com"]]), "t.xlsx")
    assert texts.taken() == {"note": {"EMAIL_ADDRESS": 1}, "phone": {"PHONE_NUMBER": 1}}


@pytest.mark.parametrize("format_", FORMATS)
def test_what_stands_beside_the_name_of_a_field_is_judged_by_it(format_: str) -> None:
    write, read, name = FORMATS[format_]
    form: Rows = [
        ["Client"],
        ["Telefon:", 5550100, "ok"],
        ["Customer ID", "", 881200],
        ["Rooms", 5550],
        ["Mail", "a@example.com"],
    ]
    out = cleaning(policy()).whole(write(form), name)
    rows = [[cell for cell in row if cell] for row in read(out)]
    assert rows == [
        ["Client"],
        ["Telefon:", "[PHONE_NUMBER]", "ok"],
        ["Customer ID", "[ID_NUMBER]"],
        ["Rooms", "5550"],
        ["Mail", "[EMAIL_ADDRESS]"],
    ]
    with zipfile.ZipFile(io.BytesIO(out)) as package:
        assert not [
            member
            for member in package.namelist()
            if b"5550100" in package.read(member) or b"a@example" in package.read(member)
        ]


def test_strings_of_a_text_sheet_beside_a_table_leave_nothing() -> None:
    book = openpyxl.Workbook()
    for row in PEOPLE:
        book.active.append(row)
    book.create_sheet("Notes").append(["write to x@example.com", "or not"])
    file = io.BytesIO()
    book.save(file)
    out = cleaning(policy()).whole(file.getvalue(), "t.xlsx")
    with zipfile.ZipFile(io.BytesIO(out)) as package:
        assert not [member for member in package.namelist() if b"@example" in package.read(member)]
    assert [cell.value for cell in openpyxl.load_workbook(io.BytesIO(out))["Notes"][1]] == [
        "write to [EMAIL_ADDRESS]",
        "or not",
    ]


def test_headings_of_two_lines_and_twice_the_same_stay_as_they_are() -> None:
    rows: Rows = [["phone", "date of\nbirth", "note", "note"], [5550100, dt.date(1980, 1, 2), "x", "y"]]
    assert from_xlsx(cleaning(policy()).whole(as_openpyxl(rows), "t.xlsx")) == [
        ["phone", "date of\nbirth", "note", "note"],
        ["[PHONE_NUMBER]", "[DATE_OF_BIRTH]", "x", "y"],
    ]
