"""Tables in columns: types and rows stay, everything beside them goes, and nothing stays under a null."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import orc

from privet.ingest import arrow
from privet.metadata.job import CannotClean, Limits

Scrub = Callable[..., bytes]
EMAIL, CARD = "jane@example.com", 4111111111111111

_PEOPLE = pa.table(
    {
        "text": pa.array(["a", f"to {EMAIL}", None, "b"], pa.large_string()),
        "card": pa.array([1, CARD, None, 4], pa.int64()),
        "kind": pa.array(["x", EMAIL, None, "x"]).dictionary_encode(),
        "at": pa.array([1_700_000_000_123_456_789, None, 1, 2], pa.timestamp("ns", "Europe/Berlin")),
        "far": pa.array([2**62, 0, 1, None], pa.timestamp("us")),
        "took": pa.array([dt.timedelta(1), None, None, dt.timedelta(2)], pa.duration("ms")),
        "price": pa.array([Decimal("1.20"), None, Decimal("3.40"), None], pa.decimal128(9, 2)),
        "vector": pa.array([[1.5, float("nan")], None, [], [2.0]], pa.list_(pa.float32())),
        "tokens": pa.array([[1, 2], [3], None, [4]], pa.list_(pa.int32())),
        "phones": pa.array([[CARD], [1], [], None], pa.list_(pa.int64())),
        "image": pa.array([{"bytes": b"x", "path": f"/home/{EMAIL}"}, None, {"bytes": None, "path": "p"}, None]),
        "chat": pa.array([[{"role": "user", "content": EMAIL}], [], None, [{"role": "a", "content": "c"}]]),
        "tags": pa.array([[("k", EMAIL)], None, [], [(EMAIL, "v")]], pa.map_(pa.string(), pa.string())),
        "half": pa.array(np.array([1.5, 2, 3, 4], np.float16)),
        "flag": pa.array([True, None, False, True]),
        "none": pa.nulls(4),
        "view": pa.array(["y", EMAIL, "z" * 30, None], pa.string_view()),
    }
)


def _write(path: Path, table: pa.Table, rows: int = 2) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=rows, write_page_index=True, compression="zstd")
    elif path.suffix == ".orc":
        orc.write_table(table, path)
    else:
        new = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
        with new(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=rows)
    return path


def _read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path)
    if path.suffix == ".orc":
        return orc.read_table(path)
    with (pa.ipc.open_file if path.suffix == ".arrow" else pa.ipc.open_stream)(path.read_bytes()) as reader:
        return reader.read_all()


def _cleaned(scrubbed: Scrub, path: Path, *more: Any, **options: Any) -> tuple[bytes, pa.Table]:
    out = scrubbed(arrow, path, *more, **options)
    made = path.with_stem("cleaned")
    made.write_bytes(out)
    return out, _read(made)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows"])
@pytest.mark.parametrize("unit_bytes", [1, 1 << 30])
def test_rows_and_types_stay_when_nothing_is_found(
    suffix: str, unit_bytes: int, scrubbed: Scrub, cleaner: Any, tmp_path: Path
) -> None:
    table = _PEOPLE.unify_dictionaries()
    source = _write(tmp_path / f"a{suffix}", table)
    out, found = _cleaned(scrubbed, source, lambda: cleaner(is_idle=True), unit_bytes=unit_bytes)
    read = _read(source)
    plain = read.drop_columns(["vector"])
    assert found.drop_columns(["vector"]).cast(plain.schema).equals(plain)
    assert repr(found["vector"].to_pylist()) == repr(read["vector"].to_pylist())
    assert [str(field.type) for field in found.schema] == [str(field.type) for field in read.schema]
    assert out == scrubbed(arrow, source, lambda: cleaner(is_idle=True))


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows"])
def test_identifiers_are_gone_from_every_type_and_no_other_value_changes(
    suffix: str, scrubbed: Scrub, tmp_path: Path
) -> None:
    out, found = _cleaned(scrubbed, _write(tmp_path / f"a{suffix}", _PEOPLE.unify_dictionaries()))
    rows, old = found.drop_columns(["at", "far"]).to_pylist(), _PEOPLE.drop_columns(["at", "far"]).to_pylist()
    assert EMAIL.encode() not in out
    assert CARD.to_bytes(8, "little") not in out
    assert found["text"].to_pylist() == ["a", "to [EMAIL]", None, "b"] if suffix else None
    assert found["card"].to_pylist() == [1, None, None, 4]
    assert found["kind"].to_pylist() == ["x", "[EMAIL]", None, "x"]
    assert found["phones"].to_pylist() == [[None], [1], [], None]
    assert rows[0]["image"] == {"bytes": b"x", "path": "/home/[EMAIL]"} if suffix else None
    assert rows[0]["chat"] == [{"role": "user", "content": "[EMAIL]"}]
    assert rows[0]["tags"] == [("k", "[EMAIL]")]
    assert rows[3]["tags"] == [("[EMAIL]", "v")]
    assert [row["tokens"] for row in rows] == [row["tokens"] for row in old]
    assert found["at"].cast(pa.int64()).to_pylist() == [1_700_000_000_123_456_789, None, 1, 2]
    assert found["far"].cast(pa.int64())[0].as_py() == 2**62


def test_parquet_keeps_nothing_beside_the_rows(scrubbed: Scrub, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"a": ["x", EMAIL], "n": [1.5, 2.5], "i": [7, 8]}, index=pd.Index(["SECRET1", "SECRET2"], name="id")
    )
    frame.attrs["owner"] = "SECRET3"
    frame.to_parquet(tmp_path / "a.parquet")
    out, found = _cleaned(scrubbed, tmp_path / "a.parquet")
    meta = pq.read_metadata(tmp_path / "cleaned.parquet")
    assert b"SECRET3" not in out
    assert b"pandas" not in out
    assert not (meta.metadata or {}).keys() - {b"ARROW:schema"}
    assert not found.schema.metadata
    for at in range(meta.num_columns):
        column = meta.row_group(0).column(at)
        assert column.statistics is None
        assert not column.has_offset_index
        assert not column.has_column_index
    plain = pa.table({"t": ["a"], "n": pa.array([1], pa.int32())}, metadata={"huggingface": "SECRET4"})
    pq.write_table(plain, tmp_path / "b.parquet", compression="gzip")
    out = scrubbed(arrow, tmp_path / "b.parquet")
    (tmp_path / "c.parquet").write_bytes(out)
    assert pq.read_metadata(tmp_path / "c.parquet").metadata is None
    assert pq.read_metadata(tmp_path / "c.parquet").row_group(0).column(0).compression == "GZIP"
    assert b"SECRET4" not in out


def test_only_texts_that_repeat_have_a_dictionary_in_the_file(scrubbed: Scrub, tmp_path: Path) -> None:
    table = pa.table({"text": [f"word {at}" for at in range(50)], "source": ["web", "book"] * 25, "n": [*range(50)]})
    content, new = _cleaned(scrubbed, _write(tmp_path / "in.parquet", table, 50))
    group = pq.ParquetFile(pa.BufferReader(content)).metadata.row_group(0)
    assert ["RLE_DICTIONARY" in group.column(at).encodings for at in range(3)] == [False, True, True]
    assert new == table


def test_nothing_stays_under_nulls_outside_slices_and_in_dictionaries(scrubbed: Scrub, tmp_path: Path) -> None:
    mask = pa.py_buffer(bytes([0b101]))
    text = pa.array(["a", "SECRET-TEXT", "b"])
    number = pa.array([1, int.from_bytes(b"SECRET-8", "little"), 3], pa.int64())
    offsets = pa.array([0, 1, 2, 3], pa.int32()).buffers()[1]
    table = pa.table(
        {
            "text": pa.Array.from_buffers(pa.string(), 3, [mask, *text.buffers()[1:]]),
            "number": pa.Array.from_buffers(pa.int64(), 3, [mask, number.buffers()[1]]),
            "inside": pa.StructArray.from_arrays([text], names=["t"], mask=pa.array([False, True, False])),
            "list": pa.Array.from_buffers(pa.list_(pa.string()), 3, [mask, offsets], children=[text]),
            "fixed": pa.Array.from_buffers(pa.list_(pa.string(), 1), 3, [mask], children=[text]),
            "lists": pa.Array.from_buffers(pa.list_(pa.int64()), 3, [mask, offsets], children=[number]),
            "deleted": pa.DictionaryArray.from_arrays(pa.array([0, 0, 2]), text),
            "inner": pa.StructArray.from_arrays(
                [pa.DictionaryArray.from_arrays(pa.array([0, 0, 2]), text)], names=["d"]
            ),
        }
    )
    views = pa.table({"view": pa.array(["a" * 20, "SECRET-TEXT" * 3, "b" * 20], pa.string_view())})
    for content, rows in ((table, table.to_pylist()), (views.slice(2), views.slice(2).to_pylist())):
        source = _write(tmp_path / "a.arrow", content, rows=9)
        assert b"SECRET" in source.read_bytes() or content is not table
        out, found = _cleaned(scrubbed, source)
        assert b"SECRET" not in out
        assert found.to_pylist() == rows


def test_names_of_columns_and_fields_are_cleaned_and_columns_left_out(
    scrubbed: Scrub, cleaner: Any, tmp_path: Path
) -> None:
    table = pa.table({EMAIL: ["a"], "s": [{"x": 1, EMAIL: [{"k": EMAIL}]}], "gone": ["secret"], "v": [[1.0]]})
    out, found = _cleaned(scrubbed, _write(tmp_path / "a.parquet", table), lambda: cleaner(left_out=("gone", "v")))
    assert found.to_pylist() == [{"[EMAIL]": "a", "s": {"x": 1, "[EMAIL]": [{"k": "[EMAIL]"}]}}]
    assert b"secret" not in out
    assert b"gone" not in out
    assert EMAIL.encode() not in out


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows"])
def test_rows_that_are_not_kept_take_their_dictionary_values_along(
    suffix: str, scrubbed: Scrub, tmp_path: Path
) -> None:
    table = pa.table({"k": pa.array([f"value{at}" for at in range(50)]).dictionary_encode(), "n": list(range(50))})
    source = _write(tmp_path / f"a{suffix}", table, rows=7)
    out, found = _cleaned(scrubbed, source, unit_bytes=300, kept=lambda row: row % 3 == 0)
    assert found["n"].to_pylist() == list(range(0, 50, 3))
    assert found["k"].type == table["k"].type
    assert b"value4" not in out.replace(b"value42", b"").replace(b"value45", b"").replace(b"value48", b"")
    assert out == scrubbed(arrow, source, kept=lambda row: row % 3 == 0)


def test_rows_are_noted_with_their_vectors_and_numbers(cleaner: Any, tmp_path: Path) -> None:
    table = pa.table(
        {"t": ["a", "a"], "v": pa.array([[1.0], [2.0]]), "n": pa.array([3, 3], pa.int8()), "b": [[1], [2]]}
    )
    source = _write(tmp_path / "a.parquet", table)
    records = cleaner()
    with (tmp_path / "part").open("w+b") as part:
        arrow.clean_unit(source, arrow.units(source, 1 << 30)[0], records, part)
    assert [list(row) for row in records.rows] == [["t", "v", "n", "b"]] * 2
    assert records.rows[0]["v"] != records.rows[1]["v"]
    assert records.rows[0]["b"] != records.rows[1]["b"]
    assert records.rows[0]["n"] == 3


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "t": st.none() | st.text(max_size=9) | st.just(EMAIL),
                "n": st.none() | st.integers(-(2**63), 2**63 - 1) | st.just(CARD),
                "l": st.none() | st.lists(st.none() | st.text(max_size=3), max_size=3),
                "s": st.none()
                | st.fixed_dictionaries({"a": st.none() | st.binary(max_size=3), "b": st.floats(width=32)}),
            }
        ),
        max_size=30,
    ),
    group=st.integers(1, 9),
    unit_bytes=st.integers(1, 3000),
    suffix=st.sampled_from((".parquet", ".arrow", ".arrows")),
)
def test_units_give_what_one_unit_gives(
    rows: list[Any],
    group: int,
    unit_bytes: int,
    suffix: str,
    scrubbed: Scrub,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    kind = pa.schema(
        {
            "t": pa.string(),
            "n": pa.int64(),
            "l": pa.list_(pa.string()),
            "s": pa.struct({"a": pa.binary(), "b": pa.float32()}),
        }
    )
    source = _write(tmp_path_factory.getbasetemp() / f"units{suffix}", pa.Table.from_pylist(rows, kind), group)
    out = scrubbed(arrow, source)
    assert out == scrubbed(arrow, source, unit_bytes=unit_bytes)
    source.write_bytes(out)
    found = _read(source).to_pylist()
    assert [row["n"] for row in found] == [None if row["n"] == CARD else row["n"] for row in rows]
    assert [row["t"] for row in found] == [row["t"] and row["t"].replace(EMAIL, "[EMAIL]") for row in rows]


_SAID = f"write to {EMAIL} now".encode()
_BYTES = pa.uint8(), pa.int8()


@pytest.mark.parametrize("byte", _BYTES)
@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_text_in_lists_of_bytes_is_cleaned(scrubbed: Scrub, tmp_path: Path, byte: pa.DataType, suffix: str) -> None:
    mask = [0, 1, 1, 0, 3] * 5
    one = pa.list_(byte)
    table = pa.table(
        {
            "one": pa.array([list(_SAID), mask, None, [100] * 40], one),
            "deep": pa.array([[mask, list(_SAID)], [mask], [], None], pa.list_(one)),
            "inside": pa.array([{"raw": list(_SAID)}, {"raw": mask}, {"raw": None}, None], pa.struct({"raw": one})),
            "named": pa.array([[("a", list(_SAID))], [("b", mask)], [], None], pa.map_(pa.string(), one)),
            "fixed": pa.array([list(_SAID), [7] * len(_SAID), None, [50] * len(_SAID)], pa.list_(byte, len(_SAID))),
        }
    )
    _, clean = _cleaned(scrubbed, _write(tmp_path / f"a{suffix}", table))
    assert clean.schema.equals(table.schema)
    said = list(_SAID.replace(EMAIL.encode(), b"[EMAIL]"))
    assert clean["one"].to_pylist() == [said, mask, None, [100] * 40]
    assert clean["deep"].to_pylist() == [[mask, said], [mask], [], None]
    assert clean["inside"].to_pylist() == [{"raw": said}, {"raw": mask}, {"raw": None}, None]
    assert clean["named"].to_pylist() == [[("a", said)], [("b", mask)], [], None]
    # What does not fit a fixed length is null.
    assert clean["fixed"].to_pylist() == [None, *table["fixed"].to_pylist()[1:]]


def test_a_picture_in_a_list_of_bytes_is_given_as_bytes_and_pixels_are_not(cleaner: Any, tmp_path: Path) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + EMAIL.encode()
    pixels = np.random.default_rng(1).integers(0, 256, (500, 784), np.uint8)
    grey = np.clip(np.cumsum(np.random.default_rng(2).integers(-3, 4, (500, 28)), axis=1) + 90, 33, 122)
    for values, wanted in (([list(picture)], [picture]), (pixels.tolist(), []), (grey.tolist(), [])):
        records = cleaner()
        with (tmp_path / "part").open("w+b") as part:
            source = _write(tmp_path / "a.parquet", pa.table({"raw": pa.array(values, pa.list_(pa.uint8()))}), 500)
            arrow.clean_unit(source, arrow.units(source, 1 << 24)[0], records, part)
        assert [value for value in records.given if value is not None] == wanted


def test_arrow_files_keep_their_codec_and_orc_is_cleaned(scrubbed: Scrub, tmp_path: Path) -> None:
    table = pa.table({"t": [f"{EMAIL} " * 50] * 100})
    sizes = {}
    for codec in ("lz4", "zstd", None):
        with pa.ipc.new_file(
            tmp_path / "a.arrow", table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)
        ) as file:
            file.write_table(table)
        sizes[codec] = len(scrubbed(arrow, tmp_path / "a.arrow"))
    assert sizes["lz4"] < sizes[None] / 5
    assert sizes["zstd"] < sizes["lz4"]
    out, found = _cleaned(scrubbed, _write(tmp_path / "a.orc", table))
    assert EMAIL.encode() not in out
    assert found["t"][0].as_py() == "[EMAIL] " * 50


def test_a_value_that_is_repeated_without_end_is_no_way_to_fill_the_memory(
    scrubbed: Scrub, cleaner: Any, tmp_path: Path
) -> None:
    text = pa.array(["x" * 3_000_000])
    table = pa.table({"t": pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, np.int32)), text)})
    source = tmp_path / "a.parquet"
    pq.write_table(table, source, store_schema=False, compression="zstd", write_statistics=False)
    assert source.stat().st_size < 20_000
    with pytest.raises(CannotClean, match="unpacks to more than"):
        scrubbed(arrow, source, lambda: cleaner(is_idle=True, limits=Limits(max_unpacked_bytes=10**8)))
    with pytest.raises(CannotClean, match="rows are longer"):
        scrubbed(arrow, source, lambda: cleaner(is_idle=True, limits=Limits(max_record_bytes=10**6)))


def test_encrypted_damaged_and_strange_files_are_refused(scrubbed: Scrub, tmp_path: Path) -> None:
    source = _write(tmp_path / "a.parquet", _PEOPLE)
    whole = source.read_bytes()
    for content, reason in (
        (whole[:-20], "damaged"),
        (whole[:200] + b"\xff" * 300 + whole[500:], "damaged"),
        (b"PARE" + whole[4:], "encrypted"),
        (b"FEA1" + whole, "version 1"),
        (b"nothing of the kind" * 9, "damaged"),
    ):
        source.write_bytes(content)
        with pytest.raises(CannotClean, match=reason):
            scrubbed(arrow, source)
    for suffix in (".arrow", ".arrows"):
        source = _write(tmp_path / f"b{suffix}", _PEOPLE.unify_dictionaries())
        source.write_bytes(source.read_bytes()[:-1500])
        with pytest.raises(CannotClean):
            scrubbed(arrow, source)
    # An offset that points outside of its buffer, as no writer makes it.
    text = pa.array(["a", "b"])
    bad = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.array([0, 9999, 2], pa.int32()).buffers()[1], text.buffers()[2]]
    )
    source = _write(tmp_path / "c.arrow", pa.table({"t": bad}))
    with pytest.raises(CannotClean, match="damaged"):
        scrubbed(arrow, source)
    union = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", EMAIL])])
    with pytest.raises(CannotClean, match="union"):
        scrubbed(arrow, _write(tmp_path / "d.arrow", pa.table({"u": union})))
