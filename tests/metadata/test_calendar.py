"""Calendars: what happens and when is kept and rewritten, who is invited goes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata import calendar
from privet.metadata.job import CannotClean

sys.path.append(str(Path(__file__).parent))

from text_canaries import ADDRESS, FIRST, LAST, NAME, WORD, check, cleaned, job, unedited

A, N, W = ADDRESS.value, NAME.value, WORD.value
EVENT = "\r\n".join([
    "BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//{W}//EN", "METHOD:REQUEST", f"X-WR-CALNAME:{W}", f"NAME:{W}",
    "BEGIN:VTIMEZONE", "TZID:Europe/Vienna", "BEGIN:STANDARD", "DTSTART:19701025T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "END:STANDARD",
    "END:VTIMEZONE", "BEGIN:VEVENT", f"UID:{W}@{W}", "DTSTAMP:20240102T030405Z", "CREATED:20240102T030405Z", "LAST-MODIFIED:20240102T030405Z",
    f"DTSTART;TZID=Europe/Vienna;X-A={W}:20240201T100000", "RRULE:FREQ=WEEKLY;COUNT=3", f'ORGANIZER;CN="{N}":mailto:{A}',
    f'ATTENDEE;CN="{N}";ROLE=REQ-PARTICIPANT;DIR="ldap://{W}":mailto:', f"  {A}", f"SUMMARY;LANGUAGE=de:Tea with {FIRST}", f"  {LAST}\\, and cake",
    f'DESCRIPTION;ALTREP="cid:{W}":Call {A}\\nor not;\\;', f"LOCATION:{N}", f"URL:https://example.org/{A}", f"CONTACT:{W}", f"GEO:48.1;{W}",
    f"ATTACH;ENCODING=BASE64;VALUE=BINARY:{W}", f"X-ALT-DESC;FMTTYPE=text/html:<b>{W}</b>", "BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M",
    "END:VALARM", "END:VEVENT", f"BEGIN:X-{FIRST}", f"SUMMARY:{W}", f"END:X-{FIRST}", "BEGIN:VEVENT", f"UID:{W}@{W}", "RECURRENCE-ID:20240208T100000Z",
    "END:VEVENT", "END:VCALENDAR", "",
])  # fmt: skip


def test_no_canary_is_left_and_the_event_is_the_same() -> None:
    assert check(calendar.clean, EVENT.encode()).decode().split("\r\n") == [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//-//-//EN", "METHOD:REQUEST", "BEGIN:VTIMEZONE", "TZID:Europe/Vienna", "BEGIN:STANDARD",
        "DTSTART:19701025T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "END:STANDARD", "END:VTIMEZONE", "BEGIN:VEVENT", "UID:event-1",
        "DTSTAMP:19700101T000000Z", "DTSTART;TZID=Europe/Vienna:20240201T100000", "RRULE:FREQ=WEEKLY;COUNT=3", "SUMMARY;LANGUAGE=de:Tea with [X]\\, and cake",
        "DESCRIPTION:Call [X]\\nor not;\\;", "LOCATION:[X]", "URL:https://example.org/[X]", "BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "END:VALARM",
        "END:VEVENT", "BEGIN:VEVENT", "UID:event-1", "RECURRENCE-ID:20240208T100000Z", "END:VEVENT", "END:VCALENDAR", "",
    ]  # fmt: skip


def test_what_is_not_edited_stays_folded_as_it_was() -> None:
    raw = b"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTODO\nSUMMARY:one\n  two\n\tthree\nDUE:20240201\nEND:VTODO\nEND:VCALENDAR\n"
    assert unedited(calendar.clean, raw) == raw


def test_long_lines_are_folded_between_characters() -> None:
    raw = f"BEGIN:VCALENDAR\nSUMMARY:{'é' * 100} {A}\nEND:VCALENDAR\n"
    out = check(calendar.clean, raw.encode())
    assert max(map(len, out.splitlines())) <= 75
    assert out.decode().replace("\n ", "") == raw.replace(A, "[X]")


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"BEGIN:VCARD\nEND:VCARD\n", b"\xff\xfe\0", "BEGIN:VCALENDAR é ".encode() + b"\xff\xfe"]
)
def test_what_is_no_calendar_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        cleaned(calendar.clean, raw)


TOKENS = st.sampled_from(
    [
        "BEGIN:VEVENT\n",
        "END:VEVENT\n",
        f"SUMMARY:{FIRST}",
        "\n",
        "\n ",
        "UID:x",
        f"ATTENDEE;CN={A}",
        "\\n",
        "\\,",
        ";",
        "=",
        ":",
        '"',
        "BEGIN:X\n",
        "END:X\n",
        A,
    ]
)


@given(st.lists(TOKENS, max_size=30).map("".join))
def test_broken_calendars_hide_nothing_and_cleaning_twice_is_cleaning_once(content: str) -> None:
    once = cleaned(calendar.clean, f"BEGIN:VCALENDAR\n{content}".encode())
    assert A.encode() not in once
    assert cleaned(calendar.clean, once) == once


@pytest.mark.parametrize("pattern", ["\n", "\n ", ";A=b", ';A="', "\\", "BEGIN:X\n", "A:b\n"])
def test_hostile_calendars_take_linear_time(pattern: str) -> None:
    raw = ("BEGIN:VCALENDAR\nSUMMARY" + pattern * (100_000 // len(pattern))).encode()
    start = time.process_time()
    unedited(calendar.clean, raw)
    assert time.process_time() - start < 3


def test_what_goes_is_told() -> None:
    how = job()
    cleaned(calendar.clean, EVENT.encode(), how)
    assert how.removed == {"property": 10, "component": 1}
