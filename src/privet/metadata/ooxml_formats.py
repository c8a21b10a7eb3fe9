"""Number formats of Excel: what a reader sees of a number, a date or a time.

Invariants:

- A number that is no date is shown to its last digit, whatever its format rounds away.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from privet.metadata.office_xml import Element
from privet.metadata.ooxml_parts import X

_BUILT_IN: Final = {
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 36, *range(50, 59)), "d"),
    **dict.fromkeys((*range(18, 22), *range(32, 36), 45, 47), "h"),
    22: "d h",
    46: "[h]",
}
_NOT_SHOWN: Final = re.compile(r'"[^"]*"|\\.|\[(?!(?:h+|m+|s+)\])[^\]]*\]|_.|\*.', re.IGNORECASE)
_DAY: Final = re.compile(r"[dy]|^[^hs]*m[^hs]*$", re.IGNORECASE)
_TIME: Final = re.compile(r"[hs]", re.IGNORECASE)
_ELAPSED: Final = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_MASK: Final = re.compile(r'(?:[0#?\-() /]|\\.|"[^"]*")+')
_MASK_PART: Final = re.compile(r'[0#?]|\\.|"[^"]*"|.')
_PLACES: Final = ("0", "#", "?")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?")
_LONG: Final = 6
_MAX_EXACT: Final = 10**15
_DAYS: Final = 2_958_466
_SECONDS: Final = 86_400
_BETWEEN_EPOCHS: Final = 1462
_LEAP: Final = 60
"""Excel has a 29 February 1900, day 60, so the days before it count from one day later."""
_MAX_ELAPSED_DAYS: Final = 3000


class Formats:
    """How the cells' numbers are shown, by the styles of the workbook."""

    def __init__(self, *, from_1904: bool = False) -> None:
        self._codes: list[str] = []
        self._later = _BETWEEN_EPOCHS if from_1904 else 0

    def learn(self, root: Element) -> None:
        """Read the number formats from the styles."""
        own = {entry.get("numFmtId") or "": entry.get("formatCode") or "" for entry in root.iter(f"{{{X}}}numFmt")}
        formats = root.find(f"{{{X}}}cellXfs")
        for style in () if formats is None else formats:
            number = style.get("numFmtId") or "0"
            built_in = _BUILT_IN.get(int(number), "") if number.isdecimal() and len(number) < 6 else ""
            self._codes.append(own.get(number, built_in))

    def _code(self, style: str | None) -> str:
        known = style is not None and style.isdecimal() and len(style) < 8 and int(style) < len(self._codes)
        return self._codes[int(style)] if known and style is not None else ""

    def text(self, value: str, style: str | None) -> str:
        """Return a number as a table of text holds it: to its last digit, dates and times by ISO 8601, digits in their mask."""
        try:
            number = float(value)
        except ValueError:
            return value
        code = self._code(style)
        moment = self._moment(number, code)
        if moment:
            return moment
        if not number.is_integer() or abs(number) >= _MAX_EXACT:
            return value if value.strip().isdecimal() else f"{number!r}"
        digits = value if value.isdecimal() else f"{number + 0:.0f}"
        mask = code.rpartition("]")[2].split(";")[-1 if code.startswith("[<") and number > 9_999_999 else 0]
        is_masked = number >= 0 and "0" in mask and _MASK.fullmatch(mask)
        return _masked(digits, mask) if is_masked else digits

    def shown(self, value: str, style: str | None) -> str:
        """Return a number as a reader sees it where that could be an identifier, else nothing."""
        try:
            number = float(value)
        except ValueError:
            return value
        if self.is_moment(style):
            return self._moment(number, self._code(style))[:10] if number >= 1 else ""
        return self.text(value, style) if number.is_integer() and abs(number) >= 10 ** (_LONG - 1) else ""

    def is_moment(self, style: str | None) -> bool:
        """Tell whether a style shows numbers as dates or times."""
        code = self._code(style)
        bare = _NOT_SHOWN.sub("", code)
        return "general" not in code.lower() and bool(_DAY.search(bare) or _TIME.search(bare))

    def _moment(self, number: float, code: str) -> str:
        """Return a date, a time, or both; nothing where a number is neither."""
        bare = _NOT_SHOWN.sub("", code)
        has_time = _TIME.search(bare) is not None
        if "general" in code.lower() or not (has_time or _DAY.search(bare)) or not 0 <= number < _DAYS:
            return ""
        seconds = round(number * _SECONDS)
        if has_time and (seconds < _SECONDS or (_ELAPSED.search(bare) and number < _MAX_ELAPSED_DAYS)):
            return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        days, rest = divmod(seconds, _SECONDS)
        if not self._later and days < _LEAP:
            days += 1
        day = dt.datetime(1899, 12, 30) + dt.timedelta(days=days + self._later, seconds=rest if has_time else 0)  # noqa: DTZ001 (no zone)
        return f"{day:%Y-%m-%d %H:%M:%S}" if has_time and rest else f"{day:%Y-%m-%d}"

    def number(self, text: str, style: str | None) -> str | None:
        """Return the number that is shown as a text in a cell of a style, or None where there is none."""
        if not self.is_moment(style):
            return text if _NUMBER.fullmatch(text) and self.text(text, style) == text else None
        if not _ISO.fullmatch(text):
            return None
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            return None
        since = moment - dt.datetime(1899, 12, 30)  # noqa: DTZ001 (no zone)
        days = since.days - self._later
        number = str(days) if not since.seconds else repr(days + since.seconds / _SECONDS)
        # What this style would show as another day stays a text.
        return number if days > (0 if self._later else _LEAP) and self.text(number, style) == text else None


def _masked(digits: str, mask: str) -> str:
    """Return digits in the places of a mask; those that are too many stand at its first place.

    >>> _masked("78051120", "000-00-0000"), _masked("45351", '"no "0')
    ('078-05-1120', 'no 45351')
    """
    pieces = _MASK_PART.findall(mask)
    first = next(at for at, piece in enumerate(pieces) if piece in _PLACES)
    out: list[str] = []
    left = list(digits)
    for at in range(len(pieces) - 1, -1, -1):
        piece = pieces[at]
        if piece not in _PLACES:
            out.append(piece[1:-1] if piece[0] == '"' else piece[1:] if piece[0] == "\\" else piece)
        elif at == first and left:
            out.append("".join(left))
        else:
            out.append(left.pop() if left else ("0" if piece == "0" else ""))
    return "".join(reversed(out))
