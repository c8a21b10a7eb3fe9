"""Numbers as Excel shows them, and back."""

from __future__ import annotations

import datetime as dt

import pytest
from lxml import etree
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, from_excel

from privet.metadata.ooxml_formats import Formats
from privet.metadata.ooxml_parts import X


def formats(*codes: str, from_1904: bool = False) -> Formats:
    own = "".join(f'<numFmt numFmtId="{200 + at}"/>' for at, _ in enumerate(codes))
    styles = "".join(f'<xf numFmtId="{200 + at}"/>' for at, _ in enumerate(codes))
    root = etree.fromstring(f'<styleSheet xmlns="{X}"><numFmts>{own}</numFmts><cellXfs>{styles}</cellXfs></styleSheet>')
    for entry, code in zip(root.iter(f"{{{X}}}numFmt"), codes, strict=True):
        entry.set("formatCode", code)
    made = Formats(from_1904=from_1904)
    made.learn(root)
    return made


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        ("34", "General", "34"),
        ("34.0", "0.00", "34"),
        ("0.1", "0%", "0.1"),
        ("-0.0", "0", "0"),
        ("1234", "00000", "01234"),
        ("78051120", "000-00-0000", "078-05-1120"),
        ("5550100", r"[<=9999999]###\-####;\(###\)\ ###\-####", "5550100"),
        ("-5", "00", "-5"),
        ("123456789012345678", "0", "123456789012345678"),
        ("1E+20", "0", "1e+20"),
        ("45351", "yyyy-mm-dd", "2024-02-29"),
        ("45351", '"d"0', "d45351"),
        ("45351.572916667", "d mmm yyyy h:mm", "2024-02-29 13:45:00"),
        ("45351.572916667", "mmm yy", "2024-02-29"),
        ("45351.572916667", "hh:mm", "2024-02-29 13:45:00"),
        ("0.572916667", "h:mm AM/PM", "13:45:00"),
        ("1.25", "[h]:mm", "30:00:00"),
        ("1", "d.m.yyyy", "1900-01-01"),
        ("59", "d.m.yyyy", "1900-02-28"),
        ("61", "d.m.yyyy", "1900-03-01"),
        ("2958465", "d.m.yyyy", "9999-12-31"),
        ("2958466", "d.m.yyyy", "2958466"),
        ("-3", "d.m.yyyy", "-3"),
        ("45351", "[Red]General", "45351"),
        ("no number", "0", "no number"),
        ("", "0", ""),
        ("nan", "0", "nan"),
        ("inf", "d.m.yyyy", "inf"),
    ],
)
def test_text(value: str, code: str, expected: str) -> None:
    assert formats(code).text(value, "0") == expected


def test_a_style_that_is_not_there_shows_plain_numbers() -> None:
    assert [formats().text("45351", style) for style in (None, "0", "7", "x", "²")] == ["45351"] * 5


@pytest.mark.parametrize("number", sorted(BUILTIN_FORMATS))
def test_built_in_formats_are_told_as_openpyxl_does(number: int) -> None:
    made = Formats()
    made.learn(etree.fromstring(f'<styleSheet xmlns="{X}"><cellXfs><xf numFmtId="{number}"/></cellXfs></styleSheet>'))
    assert made.is_moment("0") == is_date_format(BUILTIN_FORMATS[number])


@pytest.mark.parametrize("from_1904", [False, True])
@pytest.mark.parametrize("value", [1, 58, 61, 366, 20000, 45351, 60000])
def test_days_are_those_of_openpyxl(value: int, *, from_1904: bool) -> None:
    made = formats("yyyy-mm-dd", from_1904=from_1904)
    expected = from_excel(value, CALENDAR_MAC_1904) if from_1904 else from_excel(value)
    assert made.text(str(value), "0") == expected.date().isoformat()
    if from_1904 or value > 60:
        assert made.number(expected.date().isoformat(), "0") == str(value)


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("2024-02-29", "yyyy-mm-dd", "45351"),
        ("2024-02-29 12:00:00", "yyyy-mm-dd hh:mm", "45351.5"),
        ("2024-02-29 12:00:00", "yyyy-mm-dd", None),
        ("2024", "yyyy", None),
        ("2024-02", "yyyy-mm-dd", None),
        ("2024-02-30", "yyyy-mm-dd", None),
        ("34", "0", "34"),
        ("-3.5", "0.0", "-3.5"),
        ("034", "0", None),
        ("01234", "00000", None),
        ("30-39", "0", None),
        ("1" * 16, "0", None),
    ],
)
def test_number(text: str, code: str, expected: str | None) -> None:
    assert formats(code).number(text, "0") == expected


def test_what_is_shown_is_nothing_where_it_is_no_identifier() -> None:
    made = formats("General", "d.m.yy")
    assert [made.shown(value, "0") for value in ("5550100", "34", "1234567.5", "x")] == ["5550100", "", "", "x"]
    assert [made.shown(value, "1") for value in ("45351", "0.5")] == ["2024-02-29", ""]
    assert dt.date.fromisoformat(made.shown("45351.9", "1"))
