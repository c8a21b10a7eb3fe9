"""Tables of text: any dialect, any width, any bytes; what does not change is written as it was."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from privet.ingest import delimited
from privet.metadata.job import CannotClean, Limits

Scrub = Callable[..., bytes]

_BYTES = st.lists(
    st.sampled_from(
        (b'"', b'""', b",", b";", b"\t", b"\n", b"\r\n", b"\r", b"a", b"1", b"\\", b"'", b"\xc3\xa9", b"\xff")
    )
    | st.binary(max_size=4),
    max_size=60,
).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(content=_BYTES, unit_bytes=st.integers(1, 40))
def test_any_file_at_all_keeps_every_byte_however_it_is_cut(
    content: bytes, unit_bytes: int, scrubbed: Scrub, cleaner: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = tmp_path_factory.getbasetemp() / "idle.csv"
    source.write_bytes(content)
    packed_or_wide = (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ")
    if content.startswith(packed_or_wide) or b"\x00" in content:
        return
    assert scrubbed(delimited, source, lambda: cleaner(is_idle=True), unit_bytes=unit_bytes) == content


_CELLS = st.text(st.sampled_from("ab \n,;\t\"'é1"), max_size=8) | st.just("jane@example.com")


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    rows=st.lists(st.lists(_CELLS, min_size=3, max_size=3), min_size=1, max_size=12),
    style=st.sampled_from(
        (
            {"delimiter": ","},
            {"delimiter": "\t", "lineterminator": "\n"},
            {"delimiter": ";", "quoting": csv.QUOTE_ALL},
            {"delimiter": "|", "lineterminator": "\n"},
        )
    ),
    unit_bytes=st.integers(1, 60),
)
def test_tables_of_the_csv_module_come_back_cell_by_cell(
    rows: list[list[str]],
    style: dict[str, Any],
    unit_bytes: int,
    scrubbed: Scrub,
    cleaner: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    sink = io.StringIO(newline="")
    csv.writer(sink, **style).writerows([["name", "note", "mail"], *[["x", "y", "z"]] * 40, *rows])
    source = tmp_path_factory.getbasetemp() / "cells.csv"
    source.write_bytes(sink.getvalue().encode())
    out = scrubbed(delimited, source)
    expected = [
        [cell.replace("jane@example.com", "[EMAIL]") for cell in row] for row in [["name", "note", "mail"], *rows]
    ]
    found = list(csv.reader(io.StringIO(out.decode(), newline=""), delimiter=style["delimiter"]))
    assert found[:1] + found[41:] == expected
    assert out == scrubbed(delimited, source, unit_bytes=unit_bytes)
    left = scrubbed(delimited, source, lambda: cleaner(left_out=("note",)), unit_bytes=unit_bytes)
    assert [row[:1] + row[2:] for row in found] == list(
        csv.reader(io.StringIO(left.decode(), newline=""), delimiter=style["delimiter"])
    )
    kept = scrubbed(delimited, source, unit_bytes=unit_bytes, kept=lambda row: row < 40)
    assert list(csv.reader(io.StringIO(kept.decode(), newline=""), delimiter=style["delimiter"])) == found[:41]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'a,b\n"x" ,jane@example.com\n', b'a,b\n"x" ,[EMAIL]\n'),
        (b'a,b\n1,"say ""jane@example.com"""\n', b'a,b\n1,"say ""[EMAIL]"""\n'),
        # rows of any width
        (b"a,b\n1\n1,2,jane@example.com\n\n3,4\n", b"a,b\n1\n1,2,[EMAIL]\n\n3,4\n"),
        # a quote that never closes
        (b'a,b\n1,2\n1,"jane@example.com\n3,4\n', b'a,b\n1,2\n1,"[EMAIL]\n3,4\n'),
        # quotes in odd places
        (b'a\tb\n5" pipe\tjane@example.com\n6" pipe\tx\n', b'a\tb\n5" pipe\t[EMAIL]\n6" pipe\tx\n'),
        # escapes as Spark writes them
        (
            b'a,b\n"x \\"y\\", jane@example.com",1\n"z \\"t\\", u",2\n',
            b'a,b\n"x \\"y\\", [EMAIL]",1\n"z \\"t\\", u",2\n',
        ),
        (b"sep=;\na;b\n1,5;jane@example.com\n", b"sep=;\na;b\n1,5;[EMAIL]\n"),
        (b"\xef\xbb\xbfa;b\n1;jane@example.com\n", b"\xef\xbb\xbfa;b\n1;[EMAIL]\n"),
        (b"a,b\nx\x00y,jane@example.com\n", b"a,b\nx\x00y,[EMAIL]\n"),
        (b"name\njane@example.com\n", b"name\n[EMAIL]\n"),
        # Windows-1252, and a single wrong byte in UTF-8
        (b"n,v\nM\xfcller jane@example.com,\x80\n\x81,x\n", b"n,v\nM\xfcller [EMAIL],\x80\n\x81,x\n"),
        ("n,v\né jane@example.com,x\n".encode() + b"\xff,y\n" * 2, "n,v\né [EMAIL],x\n".encode() + b"\xff,y\n" * 2),
    ],
)
def test_only_what_changes_is_written_anew(content: bytes, expected: bytes, scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(content)
    assert scrubbed(delimited, source) == expected


def test_columns_have_the_names_of_the_header_or_numbers(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    made: list[Any] = []

    def records() -> Any:
        made.append(cleaner())
        return made[-1]

    source = tmp_path / "a.csv"
    source.write_bytes(b"name,mail,mail\nAda,jane@example.com,x,more\nBob\n")
    scrubbed(delimited, source, records)
    assert made[-1].rows == [
        {"name": "Ada", "mail": "[EMAIL]", "mail_2": "x", "column_4": "more"},
        {"name": "Bob"},
    ]
    source.write_bytes(b"Ada,jane@example.com,1815\nBob,x@example.com,1901\n")
    scrubbed(delimited, source, records)
    assert [list(row) for row in made[-1].rows] == [["column_1", "column_2", "column_3"]] * 2


def test_columns_beyond_the_header_can_be_left_out(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(b"a,b\n1,2,secret\n\n3,4\n,5\n")
    out = scrubbed(delimited, source, lambda: cleaner(left_out=("b", "column_3")))
    assert out == b'a\n1\n\n3\n""\n'
    assert (
        scrubbed(delimited, source, lambda: cleaner(left_out=("b", "column_3")), kept=lambda row: row > 1)
        == b'a\n\n""\n'
    )
    assert b"secret" not in scrubbed(delimited, source, lambda: cleaner(left_out=("a", "b", "column_3")))


def test_units_end_only_where_no_quote_is_open(scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    row = '"line\n""quoted""\nline, jane@example.com",2\r\n'
    source.write_bytes(("a,b\r\n" + row * 500).encode())
    units = delimited.units(source, 300)
    assert 20 < len(units) < 120
    content = source.read_bytes()
    assert all(content[unit.start - 2 : unit.start] == b"\r\n" for unit in units[1:])
    assert scrubbed(delimited, source, unit_bytes=300) == content.replace(b"jane@example.com", b"[EMAIL]")
    source.write_bytes(content + b'5" pipe,x\r\n')
    assert len(delimited.units(source, 300)) == 1


def test_a_row_longer_than_the_limit_refuses_the_file(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(b'a,b\n1,2\n1,"' + b"x\n" * 1_000_000)
    with pytest.raises(CannotClean, match="the row from line 3 on is longer than 500000 bytes"):
        scrubbed(delimited, source, lambda: cleaner(limits=Limits(max_record_bytes=500_000)))


def test_packed_and_utf_16_tables_come_back_in_their_form(scrubbed: Scrub, tmp_path: Path) -> None:
    text, clean = "a\tb\r\né\tjane@example.com\r\n", "a\tb\r\né\t[EMAIL]\r\n"
    (tmp_path / "a.tsv").write_bytes(text.encode("utf-16"))
    assert scrubbed(delimited, tmp_path / "a.tsv") == clean.encode("utf-16")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert gzip.decompress(scrubbed(delimited, tmp_path / "a.csv.gz")).decode() == clean


def test_an_index_without_a_name_is_no_reason_to_miss_the_header(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    made = cleaner()
    source = tmp_path / "index.csv"
    source.write_bytes(b",Telefon,note\n0,5550100,blue\n1,5550101,red\n")
    scrubbed(delimited, source, lambda: made)
    assert [row["Telefon"] for row in made.rows] == ["5550100", "5550101"]
