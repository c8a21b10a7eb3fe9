"""The footer of a Parquet file, by pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privet.ingest import arrow, arrow_files, parquet_footer
from privet.ingest.parquet_footer import Footer, large_footer
from privet.ingest.record_file import Unit
from privet.metadata.job import CannotClean, Limits

TABLE = pa.table({
    "id": [f"doc-{n}" for n in range(500)],
    "text": [f"the old tree {n} stands near the wall" for n in range(500)],
    "score": [n / 3 for n in range(500)],
    "tags": [["a", str(n)] for n in range(500)],
    "who": [{"name": f"x{n}", "at": n} for n in range(500)],
})  # fmt: skip


@pytest.fixture(params=["1.0", "2.6"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "a.parquet"
    table = TABLE.replace_schema_metadata({"note": "kept in the footer"})
    pq.write_table(table, path, row_group_size=7, version=request.param, write_page_index=True)
    return path


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    parquet_footer._footer.cache_clear()
    monkeypatch.setattr(parquet_footer, "LARGE_BYTES", 1)


def footer_of(path: Path) -> Footer:
    found = large_footer(path)
    assert found is not None
    return found


@pytest.mark.usefixtures("always")
def test_a_piece_says_of_its_groups_what_the_whole_says(file: Path) -> None:
    footer, whole = footer_of(file), pq.read_metadata(file)
    assert len(footer) == whole.num_row_groups == 72
    assert list(footer.rows) == [whole.row_group(at).num_rows for at in range(72)]
    assert footer.total_bytes == sum(whole.row_group(at).total_byte_size for at in range(72))
    for start, stop in ((0, 1), (3, 17), (3, 18), (70, 72), (0, 72)):
        piece = footer.piece(start, stop)
        assert piece.num_row_groups == stop - start
        assert piece.schema.equals(whole.schema)
        assert piece.metadata == whole.metadata
        assert all(piece.row_group(at).equals(whole.row_group(start + at)) for at in range(stop - start))


def read(path: Path) -> list[dict[str, Any]]:
    shape = arrow_files.shape_of(path)
    limits = Limits()
    return [
        row
        for unit in (Unit(0, 30), Unit(30, 72))
        for batch in arrow_files.batches(path, shape, unit, limits)
        for row in batch.to_pylist()
    ]


@pytest.mark.usefixtures("always")
def test_rows_and_shape_are_those_of_the_whole(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(file) == TABLE.to_pylist()
    shape = arrow_files.shape_of(file)
    monkeypatch.setattr(parquet_footer, "LARGE_BYTES", 1 << 30)
    other = arrow_files.shape_of(file)
    assert shape == other
    assert shape.schema.equals(other.schema, check_metadata=True)


def test_a_small_footer_is_read_whole_and_another_file_has_none(file: Path, tmp_path: Path) -> None:
    assert large_footer(file) is None
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    assert large_footer(tmp_path / "b.parquet") is None


@pytest.mark.usefixtures("always")
def test_a_file_that_changed_is_read_anew(file: Path) -> None:
    assert len(footer_of(file)) == 72
    pq.write_table(TABLE, file, row_group_size=9)
    assert len(footer_of(file)) == 56


@pytest.mark.usefixtures("always")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_footer_is_refused_and_nothing_else_happens(file: Path, data: st.DataObject) -> None:
    content = bytearray(file.read_bytes())
    size = int.from_bytes(content[-8:-4], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(len(content) - 8 - size, len(content) - 9))] = data.draw(st.integers(0, 255))
    other = file.with_name("damaged.parquet")
    other.write_bytes(content)
    parquet_footer._footer.cache_clear()
    try:
        list(arrow_files.batches(other, arrow_files.shape_of(other), Unit(0, 3), Limits()))
    except CannotClean:
        return


def test_very_many_groups_come_out_as_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_files, "_MAX_GROUPS", 10)
    pq.write_table(TABLE, tmp_path / "many.parquet", row_group_size=7)
    pq.write_table(TABLE, tmp_path / "few.parquet", row_group_size=100)
    assert arrow_files.shape_of(tmp_path / "many.parquet").rows_of_group == 50
    assert arrow_files.shape_of(tmp_path / "few.parquet").rows_of_group == 100
    assert arrow.units(tmp_path / "many.parquet", 1 << 30) == [Unit(0, 72)]
