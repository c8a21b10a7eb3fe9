"""What a reader sees of a source, and edits of it made in the source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.edits import Edit
from privet.metadata.job import Job
from privet.metadata.passage import (
    ENTITY,
    PERCENT,
    SCRIPT,
    SPACE,
    STYLE,
    TERMINAL,
    Coding,
    Piece,
    pieces,
    plain,
    reading,
    rewritten,
    written,
)


@pytest.mark.parametrize(
    ("source", "codings", "shown"),
    [
        ("a&amp;b&#64;&#x40;c", (ENTITY,), "a&b@@c"),
        ("&commat;&nbsp&nbsp;&copy=1&bogus;", (ENTITY,), "@\xa0\xa0&copy=1&bogus;"),
        ("a%40b%C3%A9%F0%9F%98%80%zz%ff", (PERCENT,), "a@bé😀%zz%ff"),
        ("%ED%A0%80", (PERCENT,), "%ED%A0%80"),
        ("&#x25;40 &amp;%40 %&#52;0", (ENTITY, PERCENT), "@ &@ @"),
        (r"\x40\u0040\u{40}\n\ud800\u{110000}", (SCRIPT,), r"@@@\n\ud800\u{110000}"),
        (r"\40 a\000040b\0", (STYLE,), "@a@b\\0"),
        ("a\n   b  c\td", (SPACE,), "a b c d"),
        ("\x1b[1;31mred\x1b[0m\x1b]0;title\x07!", (TERMINAL,), "red!"),
        ("plain", (ENTITY, PERCENT), "plain"),
    ],
)
def test_readings(source: str, codings: tuple[Coding, ...], shown: str) -> None:
    assert reading(source, codings) == shown
    assert "".join(part.shown for part in pieces(source, *codings)) == shown
    assert "".join(part.source for part in pieces(source, *codings)) == source


ALPHABET = "&#;x64amp%40C3\\u{}\n \x1b[m<>\"'é"


@given(
    st.text(ALPHABET, max_size=40),
    st.sampled_from([(ENTITY,), (ENTITY, PERCENT), (SCRIPT,), (STYLE, PERCENT), (SPACE, ENTITY), (TERMINAL,)]),
)
def test_pieces_are_the_source_and_the_reading(source: str, codings: tuple[Coding, ...]) -> None:
    parts = pieces(source, *codings)
    assert "".join(part.source for part in parts) == source
    assert "".join(part.shown for part in parts) == reading(source, codings)


@given(st.text(ALPHABET, max_size=40), st.data())
def test_edits_of_the_reading_are_made_in_the_source(source: str, data: st.DataObject) -> None:
    shown = reading(source, (SPACE, ENTITY))
    ends = sorted(data.draw(st.lists(st.integers(0, len(shown)), max_size=6, unique=True)))
    edits = [Edit(start, end, "Z") for start, end in zip(ends[::2], ends[1::2], strict=False)]
    new = "".join(written(pieces(source, SPACE, ENTITY), edits, ENTITY.escape))
    expected = []
    last = 0
    for start, end, text in edits:
        expected += [shown[last:start], text]
        last = end
    assert reading(new, (SPACE, ENTITY)).count("Z") == len(edits)
    if "&" not in source and not any(character.isspace() for character in source):
        assert new == "".join([*expected, shown[last:]])


def test_a_gap_has_no_source() -> None:
    parts = [Piece("Ja", "Ja"), Piece("", "\n"), Piece("ne", "ne"), Piece("&#33;", "!")]
    assert written(parts, [Edit(0, 5, "X")], plain) == ["X", "", "", "&#33;"]
    assert written(parts, [Edit(2, 4, "X")], plain) == ["Ja", "", "Xe", "&#33;"]
    assert written(parts, [Edit(2, 3, "X")], plain) == ["Ja", "", "ne", "&#33;"]
    assert written(parts, [Edit(5, 6, "<")], ENTITY.escape) == ["Ja", "", "ne", "&lt;"]


def test_what_is_new_is_written_in_the_coding_of_its_place() -> None:
    def edits(_texts: object, _place: str) -> list[list[Edit]]:
        return [[Edit(0, 1, "a b&\"'<%")]]

    how = Job(edits=edits)
    assert rewritten(["xy"], how, "p", ENTITY) == ["a b&amp;&quot;&#39;&lt;%y"]
    assert rewritten(["xy"], how, "p", ENTITY, PERCENT) == ["a%20b&amp;%22%27%3C%25y"]
    assert rewritten(["xy"], how, "p", SCRIPT) == ["a b&\\u0022\\u0027\\u003c%y"]
    assert rewritten(["xy"], how, "p", STYLE) == ["a b&\\000022\\000027\\00003c%y"]
    assert rewritten(["xy"], how, "p") == ["a b&\"'<%y"]
