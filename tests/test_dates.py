"""Shifted dates: intervals, written forms, marks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.dates import MAX_SHIFT_DAYS, DateShift

KEY = bytes(range(32))
SIGNS = "\u2061\u2062\u2063\u2064"
days = st.dates(date(1935, 1, 1), date(2024, 12, 31))


def shown(shift: DateShift, text: str) -> str:
    return shift.moved(text).rstrip(SIGNS)


@given(days, days, st.text("abc", max_size=4))
def test_the_days_between_two_dates_stay(first: date, second: date, subject: str) -> None:
    shift = DateShift(KEY, subject)
    new = [date.fromisoformat(shown(shift, day.isoformat())) for day in (first, second)]
    assert new[1] - new[0] == second - first
    assert timedelta(0) < abs(new[0] - first) <= timedelta(MAX_SHIFT_DAYS)


FORMS = [
    ("2019-05-03", "2019-05-04"),
    ("2019/5/3", "2019/5/4"),
    ("03.05.2019", "04.05.2019"),
    ("3.5.19", "4.5.19"),
    ("5/3/2019", "5/4/2019"),
    ("31/12/2018", "01/01/2019"),
    ("31-12-2018", "01-01-2019"),
    ("3 May 2019", "4 May 2019"),
    ("May 2nd, 2019", "May 3rd, 2019"),
    ("31 december 2018", "1 january 2019"),
    ("12 de marzo de 1985", "13 de marzo de 1985"),
    ("31 de dezembro de 2018", "1 de janeiro de 2019"),
    ("31. Dezember 2018", "1. Januar 2019"),
    ("31 décembre 2018", "1 janvier 2019"),
    ("31 dicembre 2018", "1 gennaio 2019"),
    ("30 januari 2018", "31 januari 2018"),
    ("31 grudnia 2018", "1 stycznia 2019"),
    ("2019-05-03T10:00:00Z", "2019-05-04T10:00:00Z"),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_the_written_form_stays(text: str, expected: str) -> None:
    shift = DateShift(KEY, "")
    shift._shift = timedelta(days=1)
    assert shown(shift, text) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "May 2019", "31/31/2019", "2019-02-30", "0001-01-01x", "3 May"])
def test_what_is_no_date_is_not_moved(text: str) -> None:
    assert DateShift(KEY, "").moved(text) == ""


@pytest.mark.parametrize("text", [text for text, _ in FORMS])
def test_a_moved_date_is_known_under_its_key_and_subject(text: str) -> None:
    shift = DateShift(KEY, "a")
    moved = shift.moved(text)
    assert [(found.start, found.end, found.is_moved) for found in shift.find(f"x {moved} y")] == [
        (2, 2 + len(moved), True)
    ]
    assert [found.is_moved for found in shift.find(f"x {text} y")] == [False]
    other = text.replace("3", "4") if "3" in text else text.replace("2", "1")
    assert not all(found.is_moved for found in shift.find(other + moved[-4:]) if other + moved[-4:] != moved)
