"""Lines of calendars and cards: folds, parameters, escapes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.edits import Edit
from privet.metadata.content_lines import CLOCK, DATE, ESCAPES, STRUCTURE, folded, lines, rewritten_lines, value
from privet.metadata.job import Job


def test_a_line_is_its_name_parameters_and_value() -> None:
    (line,) = lines('item1.ATTENDEE;CN="a;b:c";X=1:mail\r\n to\r\n\t:x\r\n')
    assert (line.name, line.head, line.value, line.end) == ("ATTENDEE", "item1.ATTENDEE", "mailto:x", "\r\n")
    assert line.parameters == (("CN", '"a;b:c"'), ("X", "1"))
    assert line.raw == 'item1.ATTENDEE;CN="a;b:c";X=1:mail\r\n to\r\n\t:x'


def test_what_is_no_line_has_no_name() -> None:
    assert [line.name for line in lines('hello\nA;B"C:x\n:x\nA:x\n A;"\n')] == ["", "", "", "A"]


def test_quoted_printable_values() -> None:
    (line,) = lines("N;ENCODING=QUOTED-PRINTABLE:=C3=\n=A9\n")
    assert value(line) == "é"
    (line,) = lines("N;QUOTED-PRINTABLE:=E9\n")
    assert value(line) == "é"


@given(
    st.lists(st.sampled_from(["A:b", "B;C=d:e", " fold", "", "no line", "D:é\\,x\\n"]), max_size=12),
    st.sampled_from(["\n", "\r\n"]),
)
def test_lines_that_are_kept_are_the_same(parts: list[str], end: str) -> None:
    text = "".join(part + end for part in parts)
    names = {"A": (ESCAPES,), "B": (), "D": (ESCAPES, STRUCTURE)}
    kept = rewritten_lines(lines(text), Job(), "x", texts=names, parameters=frozenset(("C",)))
    assert kept == text


@given(st.text(max_size=200))
def test_folds_are_undone(text: str) -> None:
    text = "A:" + "".join(character for character in text if character.isprintable())
    out = folded(text, "\r\n")
    assert all(len(line.encode()) <= 75 for line in out.split("\r\n"))
    assert out.replace("\r\n ", "") == text + "\r\n"


@pytest.mark.parametrize(
    ("said", "new", "out"),
    [
        ("2024-02-01", "2024-03-05", "S:20240305T100000Z\n"),
        ("2024-02-01 10:00:00", "2024-03-05", ""),
        ("2024-02-01 10:00:00Z", "[DATE_TIME]", ""),
        ("10:00:00", "[X]", ""),
    ],
)
def test_times_are_read_as_people_write_them_and_stay_times(said: str, new: str, out: str) -> None:
    def edits(texts: Sequence[str], _place: str) -> list[list[Edit]]:
        return [[Edit(text.index(said), text.index(said) + len(said), new)] for text in texts]

    how = Job(edits=edits)
    found = rewritten_lines(lines("S:20240201T100000Z\n"), how, "x", texts={"S": (DATE, CLOCK)}, parameters=frozenset())
    assert found == out
    assert how.removed == ({} if out else {"date": 1})
