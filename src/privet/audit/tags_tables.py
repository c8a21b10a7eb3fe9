"""Metadata of tables: Parquet, Arrow, ORC, SQLite.

Invariant: rows are not looked at here, only what stands beside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from privet.audit.tag import Tag

_PLAIN_KEYS: Final = frozenset(
    (b"pandas", b"huggingface", b"ARROW:schema", b"PARQUET:field_id", b"org.apache.spark.version")
)
PATH: Final = re.compile(r"(?:/home/|/Users/|/root/|[A-Za-z]:\\Users\\|/mnt/|/tmp/|file://)")
_MAX_STATISTICS: Final = 2000


def parquet(stream: BinaryIO) -> Iterator[Tag]:
    """Yield key-value metadata, `df.attrs`, and the least and greatest values that statistics keep."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(stream) as file:
        yield from _schema(file.schema_arrow)
        yield from _pairs(file.metadata.metadata or {})
        told = 0
        for group in range(file.metadata.num_row_groups):
            for column in range(file.metadata.num_columns):
                statistics = file.metadata.row_group(group).column(column).statistics
                if statistics is None or not statistics.has_min_max or told > _MAX_STATISTICS:
                    continue
                for value in (statistics.min, statistics.max):
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                    if isinstance(text, str):
                        told += 1
                        yield Tag("metadata-parquet-statistics", personal=False, text=text)


def arrow(stream: BinaryIO) -> Iterator[Tag]:
    """Yield schema metadata, and dictionary values that no row uses any more."""
    import pyarrow as pa
    import pyarrow.compute as pc

    start = stream.read(6)
    stream.seek(0)
    opened = pa.ipc.open_file(stream) if start == b"ARROW1" else pa.ipc.open_stream(stream)
    with opened as reader:
        yield from _schema(reader.schema)
        columns = [at for at, field in enumerate(reader.schema) if pa.types.is_dictionary(field.type)]
        if not columns:
            return
        table = reader.read_all()
        for at in columns:
            column = table.column(at).unify_dictionaries()
            used = pc.count_distinct(column.cast(column.type.value_type)).as_py()
            if column.num_chunks and used < len(column.chunk(0).dictionary):
                yield Tag("metadata-unused-dictionary-values")


def orc(stream: BinaryIO) -> Iterator[Tag]:
    """Yield schema metadata and what the file says of itself."""
    import pyarrow.orc

    file = pyarrow.orc.ORCFile(stream)
    yield from _schema(file.schema)
    yield from _pairs(file.metadata.to_dict() if hasattr(file.metadata, "to_dict") else dict(file.metadata or {}))


def _schema(schema: Any) -> Iterator[Tag]:
    yield from _pairs(schema.metadata or {})
    for field in schema:
        if field.metadata:
            yield from _pairs({key: value for key, value in field.metadata.items() if key not in _PLAIN_KEYS})


def _pairs(pairs: Mapping[bytes, bytes]) -> Iterator[Tag]:
    for key, value in pairs.items():
        text = value.decode("utf-8", "replace")
        if key == b"pandas":
            yield from _pandas(text)
        elif key == b"huggingface":
            yield Tag("metadata-huggingface", personal=bool(PATH.search(text)), text=text)
        elif key not in _PLAIN_KEYS:
            yield Tag("metadata-schema-key")


def _pandas(text: str) -> Iterator[Tag]:
    try:
        known = json.loads(text)
    except ValueError:
        yield Tag("metadata-schema-key")
        return
    if isinstance(known, dict) and known.get("attributes"):
        yield Tag("metadata-pandas-attrs")
    yield Tag("metadata-pandas", personal=bool(PATH.search(text)))


def sqlite(stream: BinaryIO) -> Iterator[Tag]:
    """Yield free pages, which keep rows that were deleted."""
    head = stream.read(100)
    if int.from_bytes(head[36:40], "big"):
        yield Tag("metadata-sqlite-free-pages")
