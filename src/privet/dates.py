"""Dates moved by a number of days, in the form in which they were written.

Invariants:

- The days between two dates of one subject stay the same.
- A moved date is marked: four invisible signs behind it, a check of the date under the key. A date that carries the right mark is
  not moved again. Without a mark this cannot be had: moving every date by the same days makes every date a moved one.
- A mark that is lost, or made for another subject or key, costs a second move, never a date that is shown.

Which number is the day in 5/3/2019: a part above 12 is the day; else with strokes the month stands first, as in the United States, and
with points or hyphens the day. A year of two digits lies in 1930 to 2029.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from privet.keys import derive

MAX_SHIFT_DAYS: Final = 365

_MONTHS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    language: (tuple(full.split()), tuple(short.split()))
    for language, full, short in (
        ("en", "january february march april may june july august september october november december",
         "jan feb mar apr may jun jul aug sep oct nov dec"),
        ("de", "januar februar märz april mai juni juli august september oktober november dezember",
         "jan feb mrz apr mai jun jul aug sep okt nov dez"),
        ("es", "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
         "ene feb mar abr may jun jul ago sep oct nov dic"),
        ("pt", "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
         "jan fev mar abr mai jun jul ago set out nov dez"),
        ("fr", "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
         "janv févr mars avr mai juin juil août sept oct nov déc"),
        ("it", "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
         "gen feb mar apr mag giu lug ago set ott nov dic"),
        ("nl", "januari februari maart april mei juni juli augustus september oktober november december",
         "jan feb mrt apr mei jun jul aug sep okt nov dec"),
        ("pl", "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
         "sty lut mar kwi maj cze lip sie wrz paź lis gru"),
    )
}  # fmt: skip
_NAMES: Final = "|".join(
    sorted(
        {name for forms in _MONTHS.values() for names in forms for name in names}, key=lambda name: (-len(name), name)
    )
)
_TIME: Final = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_FORMS: Final = (
    r"(?P<iy>\d{4})(?P<is>[-/.])(?P<im>\d{1,2})(?P=is)(?P<id>\d{1,2})(?!\d)",
    r"(?P<na>\d{1,2})(?P<ns>[-/.])(?P<nb>\d{1,2})(?P=ns)(?P<ny>\d{4}|\d{2})(?!\d)",
    (
        rf"(?P<wd>\d{{1,2}})(?P<wo>st|nd|rd|th|er|\.|º)?(?P<wg> (?:de |of |den |d')?)"
        rf"(?P<wm>{_NAMES})(?P<wt>\.?,? (?:de |del )?)(?P<wy>\d{{4}})(?!\d)"
    ),
    rf"(?P<mm>{_NAMES})(?P<mg>\.? )(?P<md>\d{{1,2}})(?P<mo>st|nd|rd|th)?(?P<mt>,? )(?P<my>\d{{4}})(?!\d)",
)
_DATE: Final = re.compile(rf"(?<![0-9])(?<![0-9][./-])(?:{'|'.join(_FORMS)}){_TIME}", re.IGNORECASE)
# Invisible operators: unlike joiners they change no letter beside them (Unicode 16, section 23.2).
_SIGNS: Final = "\u2061\u2062\u2063\u2064"
_MARK_SIGNS: Final = 4
_MARK: Final = re.compile(f"[{_SIGNS}]{{{_MARK_SIGNS}}}")


class Found(NamedTuple):
    """Where a date stands, its mark included where it has the right one."""

    start: int
    end: int
    is_moved: bool


class DateShift:
    """Moves the dates of one subject."""

    def __init__(self, key: bytes, subject: str) -> None:
        self._key = derive(key, "date shift", subject)
        # 2 * 365 values, none of them 0; 2**64 is so much larger that no value is seen more often than others.
        turn = int.from_bytes(derive(self._key, "days")[:8], "big") % (2 * MAX_SHIFT_DAYS) - MAX_SHIFT_DAYS
        self._shift = timedelta(days=turn if turn < 0 else turn + 1)

    def find(self, text: str) -> Iterator[Found]:
        """Yield the dates of a text."""
        for match in _DATE.finditer(text):
            mark = _MARK.match(text, match.end())
            if mark and mark[0] == self._mark(match[0]):
                yield Found(match.start(), mark.end(), is_moved=True)
            else:
                yield Found(match.start(), match.end(), is_moved=False)

    def is_moved(self, text: str, start: int, end: int) -> bool:
        """Tell whether what stands between two places has been moved: it carries the right mark."""
        value = text[start:end].rstrip(_SIGNS)
        mark = _MARK.match(text, start + len(value))
        return mark is not None and mark[0] == self._mark(value)

    def day_moved(self, day: date) -> date | None:
        """Return a day moved, or None where it leaves the calendar; a day and time keeps its time."""
        try:
            return day + self._shift
        except OverflowError:
            return None

    def moved(self, value: str) -> str:
        """Return a date moved and marked, or an empty string where it is none that can be read."""
        written = self.plainly_moved(value)
        return written + self._mark(written) if written else ""

    def plainly_moved(self, value: str) -> str:
        """Return a date moved without a mark, for a column of dates that a program reads; a second time moves it again."""
        match = _DATE.fullmatch(value.rstrip(_SIGNS))
        if match is None:
            return ""
        try:
            return _written(match, self._shift)
        except (ValueError, OverflowError):
            return ""

    def _mark(self, written: str) -> str:
        check = derive(self._key, "mark", written.casefold())[0]
        return "".join(_SIGNS[check >> 2 * at & 3] for at in range(_MARK_SIGNS))


def day_of(value: str) -> date | None:
    """Return the day that a text writes, or None where it is no date that can be read.

    >>> day_of("5 March 2019"), day_of("2019-03-05T10:00:00Z"), day_of("soon")
    (datetime.date(2019, 3, 5), datetime.date(2019, 3, 5), None)
    """
    match = _DATE.fullmatch(value.strip().rstrip(_SIGNS))
    if match is None:
        return None
    part = match.groupdict()
    try:
        if part["iy"]:
            return date(int(part["iy"]), int(part["im"]), int(part["id"]))
        if part["ny"]:
            return _numeric_day(part)[0]
        if part["wy"]:
            return _named(part["wy"], part["wm"], part["wd"], part["wg"] + part["wt"], timedelta(0))[0]
        return _named(part["my"], part["mm"], part["md"], "", timedelta(0))[0]
    except (ValueError, OverflowError):
        return None


def _written(match: re.Match[str], shift: timedelta) -> str:
    part = match.groupdict()
    rest = match[0][max(match.end(name) for name in ("iy", "id", "ny", "wy", "my")) - match.start() :]
    if part["iy"]:
        new = date(int(part["iy"]), int(part["im"]), int(part["id"])) + shift
        month, day = _like(new.month, part["im"], part["id"]), _like(new.day, part["id"], part["im"])
        return f"{new.year:04}{part['is']}{month}{part['is']}{day}{rest}"
    if part["ny"]:
        return _numeric(part, shift) + rest
    if part["wy"]:
        new, name = _named(part["wy"], part["wm"], part["wd"], part["wg"] + part["wt"], shift)
        return f"{_like(new.day, part['wd'])}{_ordinal(part['wo'], new.day)}{part['wg']}{name}{part['wt']}{new.year:04}{rest}"
    new, name = _named(part["my"], part["mm"], part["md"], "", shift)
    return (
        f"{name}{part['mg']}{_like(new.day, part['md'])}{_ordinal(part['mo'], new.day)}{part['mt']}{new.year:04}{rest}"
    )


def _numeric_day(part: dict[str, str]) -> tuple[date, bool]:
    """Return the day, and whether the month stands first."""
    first, second, year = int(part["na"]), int(part["nb"]), int(part["ny"])
    if len(part["ny"]) == 2:
        year += 2000 if year < 30 else 1900
    is_month_first = second > 12 or (first <= 12 and part["ns"] == "/")
    return date(year, *((first, second) if is_month_first else (second, first))), is_month_first


def _numeric(part: dict[str, str], shift: timedelta) -> str:
    day, is_month_first = _numeric_day(part)
    new = day + shift
    if len(part["ny"]) == 2 and not 1930 <= new.year <= 2029:
        raise ValueError("no year of two digits")
    one, two = (new.month, new.day) if is_month_first else (new.day, new.month)
    shown = f"{new.year:04}" if len(part["ny"]) == 4 else f"{new.year % 100:02}"
    return part["ns"].join((_like(one, part["na"], part["nb"]), _like(two, part["nb"], part["na"]), shown))


def _like(number: int, *written: str) -> str:
    """Return a number with a leading zero where the text writes one, or could not have shown that it does not."""
    is_padded = any(part[0] == "0" for part in written) or (
        len(written) > 1 and all(len(part) == 2 for part in written)
    )
    return f"{number:02}" if is_padded else str(number)


def _ordinal(written: str | None, day: int) -> str:
    if written is None:
        return ""
    if written.lower() in {"st", "nd", "rd", "th"}:
        return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return "er" if written == "er" and day == 1 else "" if written == "er" else written


def _named(year: str, month: str, day: str, around: str, shift: timedelta) -> tuple[date, str]:
    """Return the moved date and its month, in the language and the case of the month given."""
    low = month.lower()
    order = ("es", "pt") if " de" in around else ("en", "fr") if month.islower() else ("en", "de")
    for language in (*order, *_MONTHS):
        for names in _MONTHS[language]:
            if low in names:
                new = date(int(year), names.index(low) + 1, int(day)) + shift
                name = names[new.month - 1]
                return new, name.upper() if month.isupper() else name if month.islower() else name.capitalize()
    raise ValueError("no month")
