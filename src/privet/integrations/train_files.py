"""Rows of JSON lines, Parquet and delimited files, one after another, each with its place.

Invariant: what cannot be read is refused with its line; no line is shown.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from privet.errors import BadInput
from privet.train_config import TrainConfig

_TABS: Final = {".csv": ",", ".tsv": "\t"}
_LINES: Final = (".jsonl", ".ndjson")
_PARQUET: Final = (".parquet", ".pq")
_BATCH_ROWS: Final = 256
_MOST_FIELD: Final = 1 << 27


def rows_of(config: TrainConfig) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each row, and how errors call its place.

    Raises:
        BadInput: the file cannot be read, or a line of it is none.

    """
    try:
        yield from _of_form(config)
    except UnicodeDecodeError as error:
        raise BadInput(f"{config.data.name} is not UTF-8", hint="save it as UTF-8") from error
    except OSError as error:
        raise BadInput(f"{config.data.name} cannot be read", hint="check its permissions") from error


def _of_form(config: TrainConfig) -> Iterator[tuple[str, Mapping[str, Any]]]:
    suffix = config.data.suffix.lower()
    if suffix in _LINES:
        return _json_lines(config.data)
    if suffix in _PARQUET:
        return _parquet(config.data)
    if suffix in _TABS:
        return _delimited(config.data, _TABS[suffix])
    raise BadInput(
        f"{config.where('data.path')}: the data {config.data.name} is of an unknown form",
        hint=f"name a file that ends with {', '.join((*_LINES, *_PARQUET, *_TABS))}",
    )


def _json_lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if not text:
                continue
            place = f"{path.name}:{number}"
            try:
                row = msgspec.json.decode(text)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise BadInput(f"{place}: not a line of JSON", hint="write one object a line") from error
            if not isinstance(row, dict):
                raise BadInput(f"{place}: no JSON object", hint='write one object a line, such as {{"text": …}}')
            yield place, row


def _delimited(path: Path, delimiter: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    before = csv.field_size_limit(_MOST_FIELD)
    number = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            names = next(reader, [])
            number = reader.line_num + 1
            for cells in reader:
                if cells and len(cells) != len(names):
                    raise BadInput(
                        f"{path.name}:{number}: {len(cells)} cells, and the first line names {len(names)} columns",
                        hint="put cells that hold a delimiter in quotes",
                    )
                if cells:
                    yield f"{path.name}:{number}", dict(zip(names, cells, strict=True))
                number = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{path.name}:{number}: not to be read as a table", hint="close its quotes") from error
    finally:
        csv.field_size_limit(before)


def _parquet(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(_BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path.name}, row {number}", row
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name} cannot be read as Parquet", hint="write the file anew") from error
