"""Files of Arrow tables, read by pieces: Parquet, Arrow files and streams, Feather, ORC.

Invariants:

- Every batch is checked in full before anyone looks at it: offsets inside their buffers, text that is UTF-8.
- A piece (row group, record batch, stripe) is read on its own, and in batches where it is large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa

from privet.ingest.arrow_messages import BATCH, DICTIONARY, messages
from privet.ingest.parquet_footer import large_footer
from privet.ingest.record_file import Unit
from privet.metadata.job import CannotClean, Limits

_BATCH_BYTES: Final = 1 << 20
_MAX_BATCH_ROWS: Final = 4096
_GROUP_BYTES: Final = 1 << 26
"""Row groups of the cleaned file are about this large at most, as one is held in memory."""
_MAX_GROUP_ROWS: Final = 1 << 20
_MAX_GROUPS: Final = 4096
_HELD_BYTES: Final = 1 << 27
_MAX_RATIO: Final = 300
_ARROW: Final = b"ARROW1\x00\x00"


class Shape(NamedTuple):
    """What a file is, and what of it the cleaned file keeps."""

    kind: str
    """"parquet", "file", "stream" or "orc" """
    schema: pa.Schema
    pieces: int
    rows_of_group: int
    codec: str | None


def shape_of(source: Path) -> Shape:
    """Return the shape of a file.

    Raises:
        CannotClean: encrypted, damaged, or of an old kind that no reader knows.

    """
    with source.open("rb") as file:
        head = file.read(8)
    try:
        if head.startswith(b"PAR1"):
            return _parquet_shape(source)
        if head.startswith(b"ORC"):
            return _orc_shape(source)
        if head == _ARROW:
            return _file_shape(source)
        if head.startswith(b"PARE"):
            raise CannotClean("encrypted")
        if head.startswith(b"FEA1"):
            raise CannotClean("a Feather file of version 1: write it as version 2")
        return _stream_shape(source)
    except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as error:
        raise CannotClean(_reason(error)) from error


def _reason(error: Exception) -> str:
    text = str(error).lower()
    return (
        "encrypted" if "encrypt" in text or "decrypt" in text else "damaged or truncated: it cannot be read as a table"
    )


def _parquet(source: Path, metadata: Any = None) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(str(source), metadata=metadata, pre_buffer=False, buffer_size=_BATCH_BYTES)


def _parquet_shape(source: Path) -> Shape:
    footer = large_footer(source)
    if footer is not None and len(footer):
        with _parquet(source, footer.piece(0, 1)) as file:
            return _shape_of_groups(file, footer.rows, footer.total_bytes)
    with _parquet(source) as file:
        groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
        return _shape_of_groups(file, [each.num_rows for each in groups], sum(each.total_byte_size for each in groups))


def _shape_of_groups(file: Any, rows: Sequence[int], size: int) -> Shape:
    """Return the shape of a Parquet file whose row groups have these rows, and this size together."""
    meta = file.metadata
    has_columns = bool(meta.num_row_groups and meta.row_group(0).num_columns)
    codec = meta.row_group(0).column(0).compression.lower() if has_columns else "snappy"
    codec = {"uncompressed": "none", "lz4_raw": "lz4"}.get(codec, codec)
    rows_of_group = _rows_of_group(max(rows, default=0), meta.num_rows, size)
    if meta.num_rows > _MAX_GROUPS * rows_of_group:
        # What is written of each group is held up to the end.
        rows_of_group = max(rows_of_group, _rows_of_group(meta.num_rows // _MAX_GROUPS, meta.num_rows, size))
    return Shape("parquet", file.schema_arrow, len(rows), rows_of_group, codec)


def _rows_of_group(rows: int, all_rows: int, all_bytes: int) -> int:
    """Return how many rows a group of the cleaned file has: as many as in the source, if that is not too large."""
    most = _GROUP_BYTES * max(1, all_rows) // max(1, all_bytes)
    return max(1, min(rows or _MAX_GROUP_ROWS, most, _MAX_GROUP_ROWS))


def _orc_shape(source: Path) -> Shape:
    from pyarrow import orc

    file = orc.ORCFile(str(source))
    codec = {"none": "uncompressed"}.get(file.compression.lower(), file.compression.lower())
    rows = _rows_of_group(0, file.nrows, source.stat().st_size * 4)
    return Shape("orc", file.schema, file.nstripes, rows, codec)


def _file_shape(source: Path) -> Shape:
    with pa.memory_map(str(source)) as mapped, pa.ipc.open_file(mapped) as reader:
        count = reader.num_record_batches
        first = reader.get_batch(0).num_rows if count else 0
        rows = _rows_of_group(first, max(1, first * count), source.stat().st_size)
        codec = next((message.codec for message in messages(source, len(_ARROW)) if message.kind == BATCH), None)
        return Shape("file", reader.schema, count, rows, codec)


def _stream_shape(source: Path) -> Shape:
    found = messages(source)
    batches = [message for message in found if message.kind == BATCH]
    with pa.memory_map(str(source)) as mapped, pa.ipc.open_stream(mapped) as reader:
        first = next((batch.num_rows for batch in reader), 0)
        has_dictionaries = any(message.kind == DICTIONARY for message in found)
        rows = _rows_of_group(first, max(1, first * len(batches)), source.stat().st_size)
        codec = batches[0].codec if batches else None
        return Shape("stream", reader.schema, 1 if has_dictionaries else len(batches), rows, codec)


def units_of(source: Path, unit_bytes: int) -> list[Unit]:
    """Return ranges of row groups, record batches or stripes."""
    shape = shape_of(source)
    size = source.stat().st_size
    step = max(1, unit_bytes * shape.pieces // max(1, size))
    cuts = range(0, max(1, shape.pieces), step)
    return [Unit(start, min(start + step, shape.pieces)) for start in cuts]


def batches(source: Path, shape: Shape, unit: Unit, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a unit, about a megabyte at a time.

    Raises:
        CannotClean: encrypted or damaged, or a row is larger than the limit.

    """
    most = max(limits.max_unpacked_bytes, _MAX_RATIO * source.stat().st_size)
    read = {"parquet": _parquet_batches, "orc": _orc_batches, "file": _file_batches, "stream": _stream_batches}
    try:
        for batch in read[shape.kind](source, unit, limits):
            batch.validate(full=True)
            most -= batch.nbytes
            if most < 0:
                raise CannotClean(f"it unpacks to more than {_MAX_RATIO} times its size")
            yield from _slices(batch)
    except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as error:
        raise CannotClean(_reason(error)) from error


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    rows = _rows_of_batch(batch.nbytes, batch.num_rows)
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _rows_of_batch(size: int, rows: int) -> int:
    return max(1, min(_MAX_BATCH_ROWS, _BATCH_BYTES * max(1, rows) // max(1, size)))


def _parquet_batches(source: Path, unit: Unit, limits: Limits) -> Iterator[pa.RecordBatch]:
    footer = large_footer(source)
    piece = footer.piece(unit.start, unit.stop) if footer is not None and len(footer) else None
    first = 0 if piece is None else unit.start
    with _parquet(source, piece) as file:
        for group in range(unit.start - first, unit.stop - first):
            meta = file.metadata.row_group(group)
            if meta.total_byte_size > limits.max_record_bytes * max(1, meta.num_rows):
                raise CannotClean(f"rows are longer than {limits.max_record_bytes} bytes")
            rows = _rows_of_batch(meta.total_byte_size, meta.num_rows)
            # One long value of a dictionary, repeated, takes a bit a row in the file.
            longest = max((_dictionary_bytes(source, meta.column(at)) for at in range(meta.num_columns)), default=0)
            if longest > limits.max_record_bytes:
                raise CannotClean(f"rows are longer than {limits.max_record_bytes} bytes")
            rows = min(rows, max(1, _HELD_BYTES // max(1, longest)))
            yield from file.iter_batches(batch_size=rows, row_groups=[group], use_threads=False)


def _dictionary_bytes(source: Path, column: Any) -> int:
    """Return how much the dictionary of a column chunk unpacks to.

    Source: parquet.thrift, PageHeader: its first field is the type, the second the size, both numbers in Thrift's compact protocol.
    """
    if column.dictionary_page_offset is None:
        return 0
    with source.open("rb") as file:
        file.seek(column.dictionary_page_offset)
        head = file.read(16)
    numbers: list[int] = []
    at = 0
    for _ in range(2):
        if head[at : at + 1] != b"\x15":
            raise CannotClean("damaged: a page without a header")
        at, value, shift = at + 1, 0, 0
        while at < len(head):
            value |= (head[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if head[at - 1] < 0x80:
                break
        numbers.append(value >> 1)
    return numbers[1]


def _orc_batches(source: Path, unit: Unit, _limits: Limits) -> Iterator[pa.RecordBatch]:
    from pyarrow import orc

    file = orc.ORCFile(str(source))
    for stripe in range(unit.start, unit.stop):
        yield file.read_stripe(stripe)


def _file_batches(source: Path, unit: Unit, _limits: Limits) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(str(source)) as mapped, pa.ipc.open_file(mapped) as reader:
        for at in range(unit.start, unit.stop):
            yield reader.get_batch(at)


def _stream_batches(source: Path, unit: Unit, _limits: Limits) -> Iterator[pa.RecordBatch]:
    found = messages(source)
    with pa.memory_map(str(source)) as mapped:
        if any(message.kind == DICTIONARY for message in found):
            with pa.ipc.open_stream(mapped) as reader:
                yield from reader
            return
        schema = pa.ipc.read_schema(mapped)
        for message in [message for message in found if message.kind == BATCH][unit.start : unit.stop]:
            mapped.seek(message.start)
            yield pa.ipc.read_record_batch(
                pa.ipc.read_message(mapped.read_buffer(message.stop - message.start)), schema
            )
