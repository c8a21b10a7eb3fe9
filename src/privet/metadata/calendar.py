"""Calendars (ICS): what happens and when is kept and rewritten; who is invited, by whom, from which program, goes.

Invariants: only known properties and components are kept; the ids that a calendar must have are numbers, and its time stamps are fixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from privet.metadata.content_lines import CLOCK, DATE, ESCAPES, Line, is_plain, lines, rewritten_lines
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.text import encoded, encoding

_MAX_BYTES: Final = 64 * MIB
_COMPONENTS: Final = frozenset("VCALENDAR VEVENT VTODO VJOURNAL VFREEBUSY VTIMEZONE STANDARD DAYLIGHT VALARM".split())  # noqa: SIM905
_TEXTS: Final = frozenset("SUMMARY DESCRIPTION LOCATION COMMENT CATEGORIES URL RESOURCES".split())  # noqa: SIM905
_TIMES: Final = frozenset("DTSTART DTEND DUE COMPLETED RDATE EXDATE RECURRENCE-ID FREEBUSY".split())  # noqa: SIM905
_KEPT: Final = (
    _TEXTS
    | _TIMES
    | frozenset(
        "BEGIN END VERSION CALSCALE METHOD PRODID UID DTSTAMP DURATION RRULE SEQUENCE STATUS TRANSP PRIORITY CLASS "  # noqa: SIM905
        "PERCENT-COMPLETE TRIGGER ACTION REPEAT TZID TZOFFSETFROM TZOFFSETTO TZNAME".split()
    )
)
_READ: Final = _TEXTS | _TIMES | {"UID", "DTSTAMP", "PRODID"}
_HOW: Final = dict.fromkeys(_TEXTS, (ESCAPES,)) | dict.fromkeys(_TIMES, (DATE, CLOCK))
_PARAMETERS: Final = frozenset(("TZID", "VALUE", "LANGUAGE", "RANGE", "RELATED", "FBTYPE", "ENCODING", "CHARSET"))


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a calendar with its identifiers replaced."""
    codec, mark = encoding(source)
    raw = source.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise CannotClean(f"a calendar larger than {_MAX_BYTES // MIB} MiB")
    text = _decoded(raw[len(mark) :], codec)
    if "BEGIN:VCALENDAR" not in text[:4096].upper():
        raise CannotClean("not a calendar")
    target.write(mark + encoded(rewritten_calendar(text, job), codec))


def _decoded(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        raise CannotClean("its text does not decode") from None


def rewritten_calendar(text: str, job: Job) -> str:
    """Return a calendar with its identifiers replaced."""
    numbers: dict[str, str] = {}

    def number(uid: str) -> str:
        return numbers.setdefault(uid, f"event-{len(numbers) + 1}")

    fixed = {"UID": number, "DTSTAMP": lambda _: "19700101T000000Z", "PRODID": lambda _: "-//-//-//EN"}
    return rewritten_lines(_kept(lines(text), job), job, "calendar", texts=_HOW, parameters=_PARAMETERS, fixed=fixed)


def _kept(found: list[Line], job: Job) -> Iterator[Line]:
    skipping = ""
    for line in found:
        component = line.value.strip().upper()
        if skipping:
            if line.name == "END" and component == skipping:
                skipping = ""
        elif line.name == "BEGIN" and component not in _COMPONENTS:
            skipping = component
            job.dropped("component")
        elif line.name in _KEPT and (line.name in _READ or is_plain(line.value)):
            yield line
        elif line.raw.strip():
            job.dropped("property")
