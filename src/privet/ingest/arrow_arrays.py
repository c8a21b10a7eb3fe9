"""Arrow arrays as values and back: what is not referred to is gone, and only rows that changed are made anew.

Invariants:

- A compact array holds no byte that its values do not: nothing under a null, outside of a slice, in an unused dictionary entry.
- A row that did not change keeps its value exactly, whatever Python can hold of it: nanoseconds, NaN payloads, half floats.
- A new value that does not fit the type of its column is null.
- A list of bytes that is text or a file is given as that, so that somebody looks into it: `bytes_of`.

Arrays are compact in a plain type: views, dictionaries, run ends and extensions are decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from privet.ingest.arrow_types import is_any_list, is_list, is_text, readable_type
from privet.metadata.byte_texts import is_file, text_in

_SIX_DIGITS: Final = 100_000
"""Whole numbers from here on may be identifiers; below it, lists of them are passed as they are."""


def compact(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the values of an array in a plain type whose fields may have other names."""
    array = _decoded(array, kind)
    old = array.type
    if types.is_struct(old):
        if not old.num_fields:
            return array
        children = [compact(child, kind.field(at).type) for at, child in enumerate(array.flatten())]
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())
    if is_list(old):
        inner = compact(array.flatten(), kind.value_type)
        made = pa.LargeListArray if types.is_large_list(kind) else pa.ListArray
        return made.from_arrays(_offsets(array), inner, type=kind, mask=array.is_null())
    array = array.take(pa.array(np.arange(len(array))))
    if types.is_map(old):
        keys, items = compact(array.keys, kind.key_type), compact(array.items, kind.item_type)
        return pa.MapArray.from_arrays(array.offsets, keys, items, kind, mask=array.is_null())
    if types.is_fixed_size_list(old):
        inner = compact(array.values, kind.value_type)
        return pa.FixedSizeListArray.from_arrays(inner, type=kind, mask=array.is_null())
    return array


def _decoded(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return an array that is no extension, dictionary, run or view; what is inside of it may still be one."""
    old = array.type
    if isinstance(old, pa.BaseExtensionType):
        return _decoded(array.storage, kind)
    if types.is_dictionary(old):
        return _decoded(array.dictionary_decode(), kind)
    if types.is_run_end_encoded(old):
        return _decoded(pc.run_end_decode(array), kind)
    if types.is_string_view(old) or types.is_binary_view(old):
        return array.cast(kind)
    if types.is_large_list_view(old):
        return array.cast(pa.large_list(old.value_field))
    return array.cast(pa.list_(old.value_field)) if types.is_list_view(old) else array


def _lengths(array: pa.Array) -> Any:
    if types.is_fixed_size_list(array.type):
        return np.where(array.is_valid().to_numpy(zero_copy_only=False), array.type.list_size, 0)
    return pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)


def _offsets(array: pa.Array) -> pa.Array:
    number = np.int64 if types.is_large_list(array.type) else np.int32
    return pa.array(np.concatenate(([0], np.cumsum(_lengths(array)))).astype(number))


def is_opaque(array: pa.Array) -> bool:
    """Whether a compact array is passed as it is: vectors, and lists of small whole numbers, in which nothing can be an identifier."""
    kind = array.type
    if types.is_interval(kind):
        return True
    if not (is_any_list(kind)):
        return False
    while is_any_list(array.type):
        array = array.flatten()
    inner = array.type
    if types.is_floating(inner) or types.is_boolean(inner):
        return True
    if not types.is_integer(inner):
        return False
    if inner.bit_width <= 16 or not len(array) - array.null_count:
        return True
    most = pc.min_max(array).as_py()
    return bool(max(-most["min"], most["max"]) < _SIX_DIGITS)


def is_byte_list(kind: pa.DataType) -> bool:
    """Whether values of a type are lists of numbers of eight bits."""
    return is_any_list(kind) and bool(types.is_uint8(kind.value_type) or types.is_int8(kind.value_type))


def holds_byte_lists(kind: pa.DataType) -> bool:
    """Whether there are lists of bytes in a type or anywhere inside it."""
    return is_byte_list(kind) or any(holds_byte_lists(kind.field(at).type) for at in range(kind.num_fields))


def as_bytes(value: Any, kind: pa.DataType) -> Any:
    """Return a value in which lists of bytes that are text or a file are a text or bytes.

    >>> as_bytes({"a": list(b"jane@example.com"), "b": [0, 1, 1]}, pa.struct({"a": pa.list_(pa.uint8()), "b": pa.list_(pa.uint8())}))
    {'a': 'jane@example.com', 'b': [0, 1, 1]}
    """
    if value is None or not holds_byte_lists(kind):
        return value
    if is_byte_list(kind):
        return value if None in value else _read_bytes(bytes(byte & 0xFF for byte in value), value)
    if types.is_struct(kind):
        return {field.name: as_bytes(value[field.name], field.type) for field in kind}
    if types.is_map(kind):
        return [(as_bytes(key, kind.key_type), as_bytes(item, kind.item_type)) for key, item in value]
    return [as_bytes(item, kind.value_type) for item in value]


def _read_bytes(raw: bytes, other: Any) -> Any:
    """Return bytes as the text or the file they are, or `other` where they are neither."""
    if is_file(raw):
        return raw
    text = text_in(raw)
    return other if text is None else text


def bytes_of(array: pa.Array) -> list[Any] | None:
    """Return the texts and files that stand in lists of bytes, None for rows that are numbers; or None where all are."""
    kind = array.type
    if is_any_list(kind) and is_any_list(kind.value_type) and holds_byte_lists(kind):
        is_said = bytes_of(array.flatten()) is not None
        return [as_bytes(value, kind) for value in array.to_pylist()] if is_said else None
    if not is_byte_list(kind):
        return None
    flat = array.flatten()
    if flat.null_count:
        return [as_bytes(value, array.type) if value and None not in value else None for value in array.to_pylist()]
    raw = flat.to_numpy().tobytes()
    ends = np.cumsum(_lengths(array)).tolist()
    found = [
        _read_bytes(raw[start:end], None) if is_valid else None
        for start, end, is_valid in zip([0, *ends][:-1], ends, array.is_valid().to_pylist(), strict=True)
    ]
    return found if any(value is not None for value in found) else None


def row_bytes(array: pa.Array) -> list[bytes | None]:
    """Return bytes for each row of vectors that are equal where the rows are."""
    flat = None if types.is_interval(array.type) else array.flatten()
    if flat is None or flat.null_count or types.is_boolean(flat.type) or not types.is_primitive(flat.type):
        return [None if value is None else repr(value).encode() for value in array.to_pylist()]
    raw = flat.to_numpy().tobytes()
    ends = (np.cumsum(_lengths(array)) * (flat.type.bit_width // 8)).tolist()
    rows = zip([0, *ends][:-1], ends, array.is_valid().to_pylist(), strict=True)
    return [raw[start:end] if is_valid else None for start, end, is_valid in rows]


def values_of(array: pa.Array) -> list[Any]:
    """Return the values of a compact array. Dates that Python does not know are given as the numbers they are."""
    kind = array.type
    if is_text(kind) or ((types.is_integer(kind) or types.is_floating(kind)) and not array.null_count):
        found: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
        return found
    readable = readable_type(kind)
    if readable != kind:
        array = array.cast(readable, safe=False)
    try:
        listed: list[Any] = array.to_pylist()
    except (ValueError, OverflowError, KeyError, pa.ArrowException):
        return [_value(item) for item in array]
    return listed


def _value(item: pa.Scalar) -> Any:
    try:
        return item.as_py()
    except (ValueError, OverflowError, KeyError, pa.ArrowException):
        return item.value if hasattr(item, "value") and isinstance(item.value, int) else str(item)


def with_values(array: pa.Array, at: Sequence[int], values: Sequence[Any]) -> pa.Array:
    """Return a compact array with other values in some rows; null where one does not fit its type."""
    if not at:
        return array
    kind = array.type
    fitting = [_fitting(value, kind) for value in values]
    try:
        new = pa.array(fitting, kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        new = pa.concat_arrays([_one(value, kind) for value in fitting])
    if len(at) == len(array):
        return new
    places = np.arange(len(array))
    places[list(at)] = len(array) + np.arange(len(at))
    return pa.concat_arrays([array, new]).take(pa.array(places))


def _one(value: Any, kind: pa.DataType) -> pa.Array:
    try:
        return pa.array([value], kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return pa.nulls(1, kind)


_FITS: Final[tuple[tuple[Callable[[pa.DataType], bool], tuple[type, ...]], ...]] = (
    (types.is_boolean, (bool,)),
    (types.is_integer, (int,)),
    (types.is_floating, (float, int)),
    (types.is_decimal, (Decimal, int)),
    (types.is_timestamp, (datetime,)),
    (types.is_date, (date,)),
    (types.is_time, (time,)),
    (types.is_duration, (timedelta,)),
    (types.is_binary, (bytes,)),
    (types.is_large_binary, (bytes,)),
    (types.is_fixed_size_binary, (bytes,)),
)


def _fitting(value: Any, kind: pa.DataType) -> Any:  # noqa: PLR0911 - one way out for each sort of type
    """Return a value as the type takes it, or None."""
    if value is None:
        return None
    if types.is_struct(kind):
        return {f.name: _fitting(value.get(f.name), f.type) for f in kind} if isinstance(value, dict) else None
    if types.is_map(kind):
        return _fitting_map(value, kind)
    if is_byte_list(kind) and isinstance(value, (str, bytes)):
        return _as_numbers(value, kind)
    if is_any_list(kind):
        return [_fitting(item, kind.value_type) for item in value] if isinstance(value, (list, tuple)) else None
    if types.is_string(kind) or types.is_large_string(kind):
        return str(value)
    if isinstance(value, str) and (is_text(kind) or types.is_fixed_size_binary(kind)):
        return value.encode()
    return value if _is_fitting(value, kind) else None


def _as_numbers(value: str | bytes, kind: pa.DataType) -> list[int] | None:
    raw = np.frombuffer(value.encode() if isinstance(value, str) else value, np.uint8)
    if types.is_fixed_size_list(kind) and len(raw) != kind.list_size:
        return None
    numbers: list[int] = raw.view(np.uint8 if types.is_uint8(kind.value_type) else np.int8).tolist()
    return numbers


def _is_fitting(value: Any, kind: pa.DataType) -> bool:
    classes = next((classes for is_kind, classes in _FITS if is_kind(kind)), ())
    return isinstance(value, classes) and isinstance(value, bool) == types.is_boolean(kind)


def _fitting_map(value: Any, kind: pa.DataType) -> list[tuple[Any, Any]] | None:
    """Return the entries of a map. One without a key is no entry."""
    if not isinstance(value, (list, tuple, dict)):
        return None
    pairs = value.items() if isinstance(value, dict) else value
    entries = [(_fitting(key, kind.key_type), _fitting(item, kind.item_type)) for key, item in pairs]
    return [entry for entry in entries if entry[0] is not None]
