"""Values made coarser: numbers to bands, codes to their first characters, times to periods.

Invariants:

- What comes out never tells more than the band, the prefix or the period; what cannot be read gives nothing (None).
- A number stays a number and a date a date where the column has a type: the lower end of the band, the first day of the period.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from privet.dates import day_of
from privet.policy import Transform

_MONTHS_OF_QUARTER: Final = 3


def generalised(value: Any, how: Transform) -> Any:
    """Return a coarser value, or None where it cannot be read.

    >>> generalised("34", Transform("generalise", column="age", step=10))
    '30-39'
    >>> generalised("10115", Transform("generalise", column="zip", keep_chars=2))
    '10***'
    >>> generalised("2024-02-29", Transform("generalise", column="seen", to="quarter"))
    '2024-Q1'
    """
    if how.step:
        return _band(value, how.step)
    if how.keep_chars:
        text = str(value).strip()
        return text[: how.keep_chars] + "*" * (len(text) - how.keep_chars) if len(text) > how.keep_chars else None
    if isinstance(value, (date, datetime)):
        first = _first_day(value.date() if isinstance(value, datetime) else value, how.to)
        return (
            datetime(first.year, first.month, first.day, tzinfo=value.tzinfo) if isinstance(value, datetime) else first
        )
    day = day_of(str(value))
    return None if day is None else _period(day, how.to)


def _band(value: Any, step: float) -> Any:
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    width = Decimal(str(step))
    low = (number / width).to_integral_value("ROUND_FLOOR") * width
    if isinstance(value, (int, float, Decimal)):
        return type(value)(low) if not isinstance(value, int) else math.floor(low)
    is_whole = number == number.to_integral_value() and width == width.to_integral_value()
    high = low + width - (1 if is_whole else 0)
    return f"{_shown(low)}-{_shown(high)}"


def _shown(number: Decimal) -> str:
    return f"{number.normalize():f}" if number else "0"


def _first_day(day: date, period: str) -> date:
    if period == "week":
        return day - timedelta(days=min(day.weekday(), day.toordinal() - 1))
    if period == "month":
        return day.replace(day=1)
    if period == "quarter":
        return day.replace(month=(day.month - 1) // _MONTHS_OF_QUARTER * _MONTHS_OF_QUARTER + 1, day=1)
    return day.replace(year=max(1, day.year // 10 * 10) if period == "decade" else day.year, month=1, day=1)


def _period(day: date, period: str) -> str:
    """Return the period as ISO 8601 writes it where it does: 2024-W09, 2024-02, 2024; else 2024-Q1, 2020s."""
    if period == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    if period == "month":
        return f"{day.year:04}-{day.month:02}"
    if period == "quarter":
        return f"{day.year:04}-Q{(day.month - 1) // _MONTHS_OF_QUARTER + 1}"
    return f"{day.year // 10 * 10}s" if period == "decade" else f"{day.year:04}"
