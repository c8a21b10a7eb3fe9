"""Values made coarser."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.ingest.generalise import generalised
from privet.policy import Transform


def by(**how: Any) -> Transform:
    return Transform("generalise", column="x", **how)


@pytest.mark.parametrize(
    ("value", "how", "expected"),
    [
        ("34", by(step=10), "30-39"),
        (" 40 ", by(step=10), "40-49"),
        ("-3", by(step=10), "-10--1"),
        ("12.5", by(step=10), "10-20"),
        ("1e3", by(step=500), "1000-1499"),
        (34, by(step=10), 30),
        (-3, by(step=10), -10),
        (34.7, by(step=10), 30.0),
        (Decimal("34.7"), by(step=5), Decimal(30)),
        (True, by(step=10), None),
        ("many", by(step=10), None),
        ("nan", by(step=10), None),
        ("inf", by(step=10), None),
        ("10115", by(keep_chars=2), "10***"),
        ("SW1A 1AA", by(keep_chars=3), "SW1*****"),
        ("101", by(keep_chars=3), None),
        (10115, by(keep_chars=3), "101**"),
        ("2024-02-29", by(to="week"), "2024-W09"),
        ("29 February 2024", by(to="month"), "2024-02"),
        ("2024-02-29T10:00:00Z", by(to="quarter"), "2024-Q1"),
        ("2024-02-29", by(to="year"), "2024"),
        ("2024-02-29", by(to="decade"), "2020s"),
        ("2024-02-31", by(to="year"), None),
        ("soon", by(to="year"), None),
        (date(2024, 2, 29), by(to="week"), date(2024, 2, 26)),
        (date(2024, 5, 29), by(to="quarter"), date(2024, 4, 1)),
        (datetime(2024, 5, 29, 10, 3, tzinfo=UTC), by(to="month"), datetime(2024, 5, 1, tzinfo=UTC)),
        (date(2024, 5, 29), by(to="decade"), date(2020, 1, 1)),
        (date(1, 1, 1), by(to="week"), date(1, 1, 1)),
    ],
)
def test_a_value_becomes_its_band_prefix_or_period(value: Any, how: Transform, expected: Any) -> None:
    assert generalised(value, how) == expected
    assert type(generalised(value, how)) is type(expected)


@given(st.integers(-(10**9), 10**9), st.integers(2, 1000))
def test_a_band_holds_its_number_and_nothing_tells_which(number: int, step: int) -> None:
    low = generalised(number, by(step=float(step)))
    assert low <= number < low + step
    assert low % step == 0
    assert generalised(str(low), by(step=float(step))) == generalised(str(number), by(step=float(step)))


@given(st.dates(), st.sampled_from(["week", "month", "quarter", "year", "decade"]))
def test_a_period_is_the_same_for_all_its_days(day: date, to: str) -> None:
    first = generalised(day, by(to=to))
    assert first <= day
    assert generalised(first, by(to=to)) == first
    if day.year > 1000:
        assert generalised(day.isoformat(), by(to=to)) == generalised(first.isoformat(), by(to=to))
