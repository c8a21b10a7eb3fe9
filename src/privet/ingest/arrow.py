"""Tables in columns: Parquet, Arrow files and streams, Feather, ORC.

Invariants:

- What is written holds the rows and the types, and nothing else: no statistics, page index, bloom filter or metadata of schema,
  field or file; no dictionary value that no row has. (ORC always has statistics: they are those of the cleaned rows.)
- A part is an Arrow stream of plain types; the types of the source come back when the parts are joined.
- The cleaned file has row groups of one size, which the source decides, not the units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from privet.ingest.arrow_arrays import (
    as_bytes,
    bytes_of,
    compact,
    holds_byte_lists,
    is_opaque,
    row_bytes,
    values_of,
    with_values,
)
from privet.ingest.arrow_files import Shape, batches, shape_of, units_of
from privet.ingest.arrow_types import is_vector, plain_type, renamed
from privet.ingest.record_file import Kept, Records, Unit, distinct, is_changed, new_names
from privet.metadata.job import CannotClean

_COLUMN: Final = b"column"
"""Key of the metadata in a part that says which column of the source this is. It is not in the cleaned file."""


def units(source: Path, unit_bytes: int) -> list[Unit]:
    """Return ranges of row groups, record batches or stripes."""
    return units_of(source, unit_bytes)


def clean_unit(source: Path, unit: Unit, records: Records, part: BinaryIO) -> None:
    """Write the cleaned rows of a unit as an Arrow stream.

    Raises:
        CannotClean: encrypted or damaged, or of a type that cannot be looked into.

    """
    shape = shape_of(source)
    table = _Table(shape.schema, records)
    with pa.ipc.new_stream(part, table.schema) as writer:
        for batch in batches(source, shape, unit, records.limits):
            writer.write_batch(table.clean(batch))


class _Table:
    """Cleans batches of one table. `schema` is that of the cleaned rows."""

    def __init__(self, schema: pa.Schema, records: Records) -> None:
        self._records = records
        self._keys = distinct(schema.names)
        self._names = new_names(records, self._keys)
        self._types: dict[str, pa.DataType] = {}
        fields: list[pa.Field] = []
        for at, (key, field) in enumerate(zip(self._keys, schema, strict=True)):
            if key not in self._names:
                continue
            kind = renamed(plain_type(field.type), partial(_cleaned, records, key))
            self._types[key] = kind
            name = field.name if self._names[key] == key else self._names[key]
            fields.append(pa.field(name, kind, metadata={_COLUMN: str(at)}))
        self.schema = pa.schema(fields)

    def clean(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows, cleaned; they are noted."""
        arrays = {
            key: compact(array, self._types.get(key) or plain_type(array.type))
            for key, array in zip(self._keys, batch.columns, strict=True)
        }
        values = {key: held for key, array in arrays.items() if (held := _seen(array)) is not None}
        new = self._records.clean(values)
        seen = {key: self._names[key] for key in values if key in self._names}
        if list(new) != list(seen.values()):
            raise CannotClean("columns cannot be told apart")
        noted: dict[str, list[Any]] = {}
        out: list[pa.Array] = []
        for key, name in self._names.items():
            array = arrays[key]
            if key in seen:
                changed = is_changed(new[name], values[key])
                array = with_values(array, changed, [new[name][at] for at in changed])
            noted[name] = row_bytes(array) if is_vector(array.type) else new[name]
            out.append(array)
        self._records.add(noted)
        return pa.RecordBatch.from_arrays(out, schema=self.schema)


def _seen(array: pa.Array) -> list[Any] | None:
    """Return the values of a column that are to be looked at, or None where there are none."""
    if is_opaque(array):
        return bytes_of(array)
    values = values_of(array)
    return [as_bytes(value, array.type) for value in values] if holds_byte_lists(array.type) else values


def _cleaned(records: Records, key: str, value: Any) -> Any:
    """Return one value of a column, cleaned."""
    return next(iter(records.clean({key: [value]}).values()))[0]


def assemble(source: Path, parts: Sequence[BinaryIO], kept: Sequence[Kept], target: BinaryIO) -> None:
    """Join the parts, without the rows whose flag is False."""
    shape = shape_of(source)
    with pa.ipc.open_stream(_rewound(parts[0])) as reader:
        plain = reader.schema
    schema = pa.schema([_final_field(field, shape) for field in plain])
    dictionaries = {
        at: _dictionary(parts, kept, at) for at, field in enumerate(schema) if types.is_dictionary(field.type)
    }
    first = next(_kept_rows(parts, kept), pa.RecordBatch.from_pylist([], plain))
    with _writer(target, shape, schema, first) as write:
        for rows in _groups(_kept_rows(parts, kept), shape.rows_of_group):
            arrays = [
                _final(column, schema.field(at).type, dictionaries.get(at)) for at, column in enumerate(rows.columns)
            ]
            write(pa.Table.from_arrays(arrays, schema=schema))


def _final_field(field: pa.Field, shape: Shape) -> pa.Field:
    old = shape.schema.field(int(field.metadata[_COLUMN]))
    kind = old.type.storage_type if isinstance(old.type, pa.BaseExtensionType) else old.type
    if types.is_dictionary(kind) and not types.is_nested(field.type):
        return pa.field(field.name, pa.dictionary(kind.index_type, plain_type(kind.value_type), kind.ordered))
    if types.is_string_view(kind) or types.is_binary_view(kind):
        return pa.field(field.name, kind)
    return pa.field(field.name, field.type)


def _final(column: pa.ChunkedArray, kind: pa.DataType, dictionary: pa.Array | None) -> pa.ChunkedArray | pa.Array:
    if dictionary is not None:
        indices = pc.index_in(column, value_set=dictionary).cast(kind.index_type)
        pieces = [pa.DictionaryArray.from_arrays(i, dictionary, ordered=kind.ordered) for i in indices.chunks]
        return pa.chunked_array(pieces, kind)
    return column if column.type == kind else column.cast(kind)


def _dictionary(parts: Sequence[BinaryIO], kept: Sequence[Kept], at: int) -> pa.Array:
    """Return the values that a column has, in the order of their first rows."""
    found: pa.Array | None = None
    for batch in _kept_rows(parts, kept):
        new = batch.column(at).unique().drop_null()
        found = new if found is None else pa.concat_arrays([found, new]).unique()
    if found is not None:
        return found
    with pa.ipc.open_stream(_rewound(parts[0])) as reader:
        return pa.array([], reader.schema.field(at).type)


def _rewound(part: BinaryIO) -> BinaryIO:
    part.seek(0)
    return part


def _kept_rows(parts: Sequence[BinaryIO], kept: Sequence[Kept]) -> Iterator[pa.RecordBatch]:
    for part, flags in zip(parts, kept, strict=True):
        at = 0
        with pa.ipc.open_stream(_rewound(part)) as reader:
            for batch in reader:
                if flags is None:
                    yield batch
                else:
                    yield batch.filter(pa.array(flags[at : at + batch.num_rows]))
                at += batch.num_rows


def _groups(rows: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """Yield the rows in groups of one size."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for whole in rows:
        batch = whole
        while count + batch.num_rows >= size:
            head = size - count
            yield pa.Table.from_batches([*waiting, batch.slice(0, head)]).combine_chunks()
            batch, waiting, count = batch.slice(head), [], 0
        if batch.num_rows:
            waiting.append(batch)
            count += batch.num_rows
    if waiting:
        yield pa.Table.from_batches(waiting).combine_chunks()


def _without_dictionary(first: pa.RecordBatch, schema: pa.Schema) -> set[str]:
    """Return the columns of texts of which the first are nearly all different: a dictionary of them is not worth its room."""
    return {
        field.name
        for column, field in zip(first.columns, schema, strict=True)
        if _is_text(column.type)
        and not types.is_dictionary(field.type)
        and 2 * pc.count_distinct(column).as_py() > len(column)
    }


def _is_text(kind: pa.DataType) -> bool:
    return any(
        is_it(kind) for is_it in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    )


@contextmanager
def _writer(
    target: BinaryIO, shape: Shape, schema: pa.Schema, first: pa.RecordBatch
) -> Iterator[Callable[[pa.Table], None]]:
    if shape.kind == "parquet":
        import pyarrow.parquet as pq

        plain = _written_plainly(schema)
        without = _without_dictionary(first, schema)
        paths = [plain.schema.column(at).path for at in range(len(plain.schema))]
        with pq.ParquetWriter(
            target,
            schema,
            compression=shape.codec or "none",
            use_dictionary=[path for path in paths if path not in without],
            write_statistics=False,
            write_page_index=False,
            # Where Parquet's own types say less than these, they are written beside, without any metadata.
            store_schema=bool(plain.schema_arrow.remove_metadata() != schema),
        ) as writer:
            yield lambda table: writer.write_table(table, row_group_size=max(1, table.num_rows))
    elif shape.kind == "orc":
        from pyarrow import orc

        with orc.ORCWriter(target, compression=shape.codec or "uncompressed") as orc_writer:
            yield orc_writer.write
    else:
        options = pa.ipc.IpcWriteOptions(compression=shape.codec)
        new = pa.ipc.new_file if shape.kind == "file" else pa.ipc.new_stream
        with new(target, schema, options=options) as ipc_writer:
            yield ipc_writer.write_table


def _written_plainly(schema: pa.Schema) -> Any:
    """Return a Parquet file without rows, of Parquet's own types alone."""
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink, store_schema=False)
    return pq.ParquetFile(pa.BufferReader(sink.getvalue()))
