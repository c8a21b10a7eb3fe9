"""What is noted of cleaned rows."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from privet.ingest.marks import Marks, count, load, pieces
from privet.ingest.record_file import MISSING
from privet.ingest.repeats import kept_rows
from privet.policy import DEFAULT, ScrubPolicy

PLAIN = replace(DEFAULT.scrub, near_duplicates="keep")
GROUPED = replace(PLAIN, quasi_identifiers=frozenset({"age", "zip"}), min_group_rows=2)


def saved(path: Path, scrub: ScrubPolicy, *batches: dict[str, list[Any]]) -> dict[str, Any]:
    marks = Marks(scrub)
    for batch in batches:
        marks.add(batch, None)
    with path.open("wb") as file:
        marks.save(file)
    assert marks.rows == 0
    return load(path)


def digests(tmp_path: Path, *values: Any) -> list[bytes]:
    return [bytes(row) for row in saved(tmp_path / "m", PLAIN, {"x": list(values)})["digests"]]


def test_rows_are_the_same_where_all_their_values_are(tmp_path: Path) -> None:
    values = ["a", "b", "1", 1, None, MISSING, True, [1], {"a": 1}, b"a", Decimal("1.50"), date(2020, 1, 1), ""]
    found = digests(tmp_path, *values)
    assert len(set(found)) == len(values)
    assert digests(tmp_path, *values) == found


def test_any_value_has_a_digest(tmp_path: Path) -> None:
    values = [
        math.nan, math.inf, datetime(2020, 1, 1, tzinfo=UTC), time(1), timedelta(1), 2**64 - 1, 1j, {1: {2: [None]}}, object(),
    ]  # fmt: skip
    assert len(digests(tmp_path, *values)) == len(values)


@pytest.mark.parametrize("value", [2**70, -(2**70), "\ud800", {"\udfff": 1}])
def test_numbers_and_texts_that_json_cannot_say_have_a_digest(tmp_path: Path, value: Any) -> None:
    one, two, other = digests(tmp_path, value, value, "x")
    assert one == two != other


def test_columns_have_an_order_and_names(tmp_path: Path) -> None:
    one = saved(tmp_path / "1", PLAIN, {"a": [1], "b": [2]})["digests"]
    assert not np.array_equal(one, saved(tmp_path / "2", PLAIN, {"a": [2], "b": [1]})["digests"])
    assert not np.array_equal(one, saved(tmp_path / "3", PLAIN, {"a": [1], "c": [2]})["digests"])


def test_cut_into_batches_the_marks_are_the_same(tmp_path: Path) -> None:
    scrub = replace(GROUPED, near_duplicates="drop", sensitive=frozenset({"ill"}))
    rows: dict[str, list[Any]] = {"age": [1, 2, 3, 4], "zip": ["a", "b", MISSING, "d"]}
    rows |= {"ill": [1, None, MISSING, "x"], "text": list("abcd")}
    whole = saved(tmp_path / "1", scrub, rows)
    parts = saved(
        tmp_path / "2", scrub, *({name: values[at : at + 2] for name, values in rows.items()} for at in (0, 2))
    )
    assert whole.keys() == parts.keys()
    for name, array in whole.items():
        assert np.array_equal(array, parts[name]), name


@pytest.mark.parametrize("most_held", [1, 3, 100])
def test_held_in_files_the_marks_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_held: int) -> None:
    monkeypatch.setattr("privet.ingest.marks._MOST_HELD", most_held)
    scrub = replace(GROUPED, near_duplicates="drop", sensitive=frozenset({"ill"}))
    for number, the_scrub in enumerate((scrub, PLAIN)):
        made = []
        for in_files in (False, True):
            marks = Marks(the_scrub)
            path = tmp_path / f"{number}{in_files}"
            with marks.in_folder(tmp_path) if in_files else nullcontext(), path.open("wb") as file:
                for at in range(7):
                    text = [f"eight words or more make a signature {at} {row}" for row in range(2)]
                    marks.add({"age": [at, at], "zip": ["a", "b"], "ill": ["x", at], "text": text}, None)
                assert marks.rows == 14
                marks.save(file)
            assert count(path) == 14
            found = list(pieces(path, "digests", 5))
            assert [len(piece) for piece in found] == [5, 5, 4]
            made.append(load(path))
            assert np.array_equal(np.concatenate(found), made[-1]["digests"])
        whole, written = made
        assert whole.keys() == written.keys()
        for name, array in whole.items():
            assert np.array_equal(array, written[name]), name
            assert array.dtype == written[name].dtype
            assert array.shape == written[name].shape
    assert len(list(tmp_path.iterdir())) == 4


def kept(tmp_path: Path, scrub: ScrubPolicy, *units: list[dict[str, list[Any]]]) -> list[list[bool]]:
    for number, batches in enumerate(units):
        saved(tmp_path / f"file.{number}.marks", scrub, *batches)
    paths = [(tmp_path / f"file.{number}.marks", ".") for number in range(len(units))]
    found = kept_rows(paths, scrub, tmp_path)
    lengths = [sum(len(next(iter(batch.values()))) for batch in batches) for batches in units]
    return [
        [True] * length if one.rows is None else one.rows.tolist() for one, length in zip(found, lengths, strict=True)
    ]


def joined(units: list[list[bool]]) -> list[bool]:
    return [flag for unit in units for flag in unit]


ALIKE: dict[str, list[Any]] = {"age": [30, 30], "zip": ["10", "10"], "n": [1, 2]}
LACKING: dict[str, list[Any]] = {"age": [7], "n": [3]}
WITHOUT: dict[str, list[Any]] = {"n": [4, 5, 6]}
ALONE: dict[str, list[Any]] = {"age": [31], "zip": ["99"], "n": [7]}


def test_a_batch_without_a_column_moves_no_flag_to_another_row(tmp_path: Path) -> None:
    # A row without any quasi-identifier cannot be told by them; one that lacks some of them can.
    expected = [True, True, False, True, True, True, False]
    assert kept(tmp_path, GROUPED, [ALIKE, LACKING, WITHOUT, ALONE]) == [expected]
    assert joined(kept(tmp_path, GROUPED, [ALIKE], [LACKING, WITHOUT], [ALONE])) == expected
    assert joined(kept(tmp_path, GROUPED, [ALIKE], [LACKING], [WITHOUT], [ALONE])) == expected


def test_a_list_of_postcodes_is_no_table_of_people(tmp_path: Path) -> None:
    assert kept(tmp_path, GROUPED, [{"zip": ["10", "20"], "city": ["x", "y"]}]) == [[True, True]]


def test_marks_hold_nothing_to_read(tmp_path: Path) -> None:
    saved(
        tmp_path / "m",
        replace(GROUPED, near_duplicates="drop"),
        {"age": ["canary"], "zip": ["canary"], "t": ["canary " * 9]},
    )
    assert b"canary" not in (tmp_path / "m").read_bytes()


def test_rows_of_which_no_column_is_left_are_rows(tmp_path: Path) -> None:
    marks = Marks(PLAIN)
    marks.add({}, [b"{}", b"{}"])
    assert marks.rows == 2
    with (tmp_path / "m").open("wb") as file:
        marks.save(file)
    (kept,) = kept_rows([(tmp_path / "m", "")], PLAIN, tmp_path)
    assert kept.duplicates == 1


def test_a_document_that_is_a_record_is_nobodys_copy(tmp_path: Path) -> None:
    rows: list[dict[str, list[Any]]] = [
        {"age": [3], "zip": ["1"], "text": ["just a few words"]},
        {"text": ["just a few words"]},
    ]
    for at, row in enumerate(rows):
        parts = []
        for number in range(2):
            marks = Marks(GROUPED)
            marks.add(row, None)
            marks.as_document()
            path = tmp_path / f"{at}{number}.marks"
            with path.open("wb") as file:
                marks.save(file)
            parts.append((path, ""))
        copies = [kept.duplicates for kept in kept_rows(parts, GROUPED, tmp_path)]
        assert copies == ([0, 0] if at == 0 else [0, 1])
