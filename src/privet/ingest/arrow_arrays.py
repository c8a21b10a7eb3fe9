"""Arrow arrays as values and back: what is not referred to is gone, and only rows that changed are made anew.

Invariants:

- A compact array holds no byte that its values do not: nothing under a null, outside of a slice, in an unused dictionary entry.
- A row that did not change keeps its value exactly, whatever Python can hold of it: nanoseconds, NaN payloads, half floats.
- A new value that does not fit the type of its column is null.

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

from privet.metadata.job import CannotClean

_SIX_DIGITS: Final = 100_000
"""Whole numbers from here on may be identifiers; below it, lists of them are passed as they are."""


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is a list of any length."""
    return types.is_list(kind) or types.is_large_list(kind)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that an array has once it is compact.

    Raises:
        CannotClean: there is no way to look into it: unions.

    """
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if types.is_string_view(kind):
        return pa.string()
    if types.is_binary_view(kind):
        return pa.binary()
    if types.is_struct(kind):
        return pa.struct([_plain_field(field) for field in kind])
    if types.is_map(kind):
        return pa.map_(plain_type(kind.key_type), _plain_field(kind.item_field), keys_sorted=kind.keys_sorted)
    if types.is_fixed_size_list(kind):
        return pa.list_(_plain_field(kind.value_field), kind.list_size)
    if types.is_list(kind) or types.is_list_view(kind):
        return pa.list_(_plain_field(kind.value_field))
    if types.is_large_list(kind) or types.is_large_list_view(kind):
        return pa.large_list(_plain_field(kind.value_field))
    if types.is_nested(kind):
        raise CannotClean("a column of a type that cannot be looked into: union")
    return kind


def _plain_field(field: pa.Field) -> pa.Field:
    return pa.field(field.name, plain_type(field.type), nullable=True)


def compact(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the values of an array in a plain type whose fields may have other names."""
    old = array.type
    if isinstance(old, pa.BaseExtensionType):
        return compact(array.storage, kind)
    if types.is_dictionary(old):
        return compact(array.dictionary_decode(), kind)
    if types.is_run_end_encoded(old):
        return compact(pc.run_end_decode(array), kind)
    if types.is_string_view(old) or types.is_binary_view(old):
        return compact(array.cast(kind), kind)
    if types.is_list_view(old) or types.is_large_list_view(old):
        field = old.value_field
        return compact(array.cast(pa.large_list(field) if types.is_large_list_view(old) else pa.list_(field)), kind)
    if types.is_struct(old):
        if not old.num_fields:
            return array
        children = [compact(child, kind.field(at).type) for at, child in enumerate(array.flatten())]
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())
    if is_list(old):
        return _list_of(array, compact(array.flatten(), kind.value_type), kind)
    array = array.take(pa.array(np.arange(len(array))))
    if types.is_map(old):
        keys, items = compact(array.keys, kind.key_type), compact(array.items, kind.item_type)
        return pa.MapArray.from_arrays(_offsets(array, np.int32), keys, items, kind, mask=array.is_null())
    if types.is_fixed_size_list(old):
        inner = compact(array.values, kind.value_type)
        return pa.FixedSizeListArray.from_arrays(inner, type=kind, mask=array.is_null())
    return array


def _list_of(array: pa.Array, inner: pa.Array, kind: pa.DataType) -> pa.Array:
    made: type[pa.ListArray | pa.LargeListArray] = pa.LargeListArray if types.is_large_list(kind) else pa.ListArray
    offsets = _offsets(array, np.int64 if types.is_large_list(kind) else np.int32)
    return made.from_arrays(offsets, inner, type=kind, mask=array.is_null())


def _offsets(array: pa.Array, number: type[np.signedinteger[Any]]) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return pa.array(np.concatenate(([0], np.cumsum(lengths))).astype(number))


def is_opaque(array: pa.Array) -> bool:
    """Whether a compact array is passed as it is: vectors, and lists of small whole numbers, in which nothing can be an identifier."""
    kind = array.type
    if types.is_interval(kind):
        return True
    if not (is_list(kind) or types.is_fixed_size_list(kind)):
        return False
    while is_list(array.type) or types.is_fixed_size_list(array.type):
        array = array.flatten()
    inner = array.type
    if types.is_floating(inner) or types.is_boolean(inner):
        return True
    if not types.is_integer(inner):
        return False
    if inner.bit_width <= 16 or not len(array) - array.null_count:
        return True
    most = pc.min_max(array).as_py()
    return -_SIX_DIGITS < most["min"] and most["max"] < _SIX_DIGITS


def is_vector(kind: pa.DataType) -> bool:
    """Whether rows of a type are compared by their bytes: lists of numbers."""
    while is_list(kind) or types.is_fixed_size_list(kind):
        kind = kind.value_type
        if types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind):
            return True
    return types.is_interval(kind)


def row_bytes(array: pa.Array) -> list[bytes | None]:
    """Return bytes for each row that are equal where the rows are."""
    if types.is_interval(array.type) or not types.is_primitive(array.type.value_type):
        return [None if value is None else repr(value).encode() for value in array.to_pylist()]
    flat = array.flatten()
    if flat.null_count or types.is_boolean(flat.type):
        return [None if value is None else repr(value).encode() for value in array.to_pylist()]
    raw = memoryview(np.ascontiguousarray(flat.to_numpy())).cast("B")
    width = flat.type.bit_width // 8
    if types.is_fixed_size_list(array.type):
        lengths = np.where(array.is_valid().to_numpy(zero_copy_only=False), array.type.list_size, 0)
    else:
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    ends = (np.cumsum(lengths) * width).tolist()
    starts = [0, *ends[:-1]]
    valid = array.is_valid().to_pylist()
    return [bytes(raw[start:end]) if is_valid else None for start, end, is_valid in zip(starts, ends, valid, strict=True)]


def values_of(array: pa.Array) -> list[Any]:
    """Return the values of a compact array. Dates that Python does not know are given as the numbers they are."""
    kind = array.type
    if _is_text(kind) or ((types.is_integer(kind) or types.is_floating(kind)) and not array.null_count):
        found: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
        return found
    readable = _readable(kind)
    if readable != kind:
        array = array.cast(readable, safe=False)
    try:
        return array.to_pylist()
    except (ValueError, OverflowError, KeyError, pa.ArrowException):
        return [_value(item) for item in array]


def _value(item: pa.Scalar) -> Any:
    try:
        return item.as_py()
    except (ValueError, OverflowError, KeyError, pa.ArrowException):
        return item.value if hasattr(item, "value") and isinstance(item.value, int) else str(item)


def _is_text(kind: pa.DataType) -> bool:
    return (
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    )


def _readable(kind: pa.DataType) -> pa.DataType:
    """Return the type with microseconds for nanoseconds, which Python has none of."""
    if types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if types.is_time64(kind) and kind.unit == "ns":
        return pa.time64("us")
    if types.is_struct(kind):
        return pa.struct([field.with_type(_readable(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(_readable(kind.key_type), _readable(kind.item_type))
    if types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_readable(kind.value_type)), kind.list_size)
    if is_list(kind):
        made: Callable[[pa.Field], pa.DataType] = pa.large_list if types.is_large_list(kind) else pa.list_
        return made(kind.value_field.with_type(_readable(kind.value_type)))
    return kind


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
)


def _fitting(value: Any, kind: pa.DataType) -> Any:
    """Return a value as the type takes it, or None."""
    if value is None:
        return None
    if types.is_string(kind) or types.is_large_string(kind):
        return value if isinstance(value, str) else str(value)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else None
    if types.is_struct(kind):
        return {f.name: _fitting(value.get(f.name), f.type) for f in kind} if isinstance(value, dict) else None
    if types.is_map(kind):
        return _fitting_map(value, kind)
    if is_list(kind) or types.is_fixed_size_list(kind):
        return [_fitting(item, kind.value_type) for item in value] if isinstance(value, (list, tuple)) else None
    for is_kind, classes in _FITS:
        if is_kind(kind):
            return value if isinstance(value, classes) and isinstance(value, bool) == types.is_boolean(kind) else None
    return None


def _fitting_map(value: Any, kind: pa.DataType) -> list[tuple[Any, Any]] | None:
    """Return the entries of a map. One without a key is no entry."""
    if not isinstance(value, (list, tuple, dict)):
        return None
    pairs = value.items() if isinstance(value, dict) else value
    entries = [(_fitting(key, kind.key_type), _fitting(item, kind.item_type)) for key, item in pairs]
    return [entry for entry in entries if entry[0] is not None]


def sample(kind: pa.DataType) -> Any:
    """Return a value of a type that holds all names of its fields and nothing else."""
    if types.is_struct(kind):
        return {field.name: sample(field.type) for field in kind}
    if types.is_map(kind):
        return [("", sample(kind.item_type))]
    if is_list(kind) or types.is_fixed_size_list(kind):
        return [sample(kind.value_type)]
    return None


def renamed(kind: pa.DataType, cleaned: Any) -> pa.DataType:
    """Return a type whose fields have the names that they have in the cleaned sample."""
    if types.is_struct(kind) and isinstance(cleaned, dict) and len(cleaned) == kind.num_fields:
        pairs = zip(kind, cleaned.items(), strict=True)
        return pa.struct([pa.field(name, renamed(field.type, inner)) for field, (name, inner) in pairs])
    if types.is_map(kind):
        return kind
    if is_list(kind) and isinstance(cleaned, (list, tuple)) and len(cleaned) == 1:
        made: Callable[[pa.Field], pa.DataType] = pa.large_list if types.is_large_list(kind) else pa.list_
        return made(kind.value_field.with_type(renamed(kind.value_type, cleaned[0])))
    return kind
