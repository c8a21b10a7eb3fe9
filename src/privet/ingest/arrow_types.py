"""Arrow types: what a type is once it is plain, what Python can read of it, and the names inside of it.

Invariants:

- A plain type has no views, dictionaries, run ends or extensions, and no metadata; its fields may be null.
- A type that cannot be looked into is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from pyarrow import types

from privet.ingest.record_file import distinct
from privet.metadata.job import CannotClean


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is a list of any length."""
    return bool(types.is_list(kind) or types.is_large_list(kind))


def is_any_list(kind: pa.DataType) -> bool:
    """Whether a type is a list, of any length or of one."""
    return is_list(kind) or bool(types.is_fixed_size_list(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether values of a type are text or bytes of any length."""
    kinds = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return any(is_kind(kind) for is_kind in kinds)


def is_vector(kind: pa.DataType) -> bool:
    """Whether rows of a type are compared by their bytes: lists of numbers."""
    while is_any_list(kind):
        kind = kind.value_type
        if types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind):
            return True
    return bool(types.is_interval(kind))


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
    nested = _nested(kind, lambda field: pa.field(field.name, plain_type(field.type)))
    if nested is None and types.is_nested(kind):
        raise CannotClean("a column of a type that cannot be looked into: union")
    return kind if nested is None else nested


def readable_type(kind: pa.DataType) -> pa.DataType:
    """Return a plain type with microseconds for nanoseconds, which Python has none of."""
    nested = _nested(kind, lambda field: field.with_type(readable_type(field.type)))
    if nested is not None:
        return nested
    if types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    return pa.time64("us") if types.is_time64(kind) and kind.unit == "ns" else kind


def _nested(kind: pa.DataType, change: Callable[[pa.Field], pa.Field]) -> pa.DataType | None:
    """Return a type with every field in it changed, or None where there is none."""
    if types.is_struct(kind):
        return pa.struct([change(field) for field in kind])
    if types.is_map(kind):
        return pa.map_(change(kind.key_field).type, change(kind.item_field), keys_sorted=kind.keys_sorted)
    if types.is_fixed_size_list(kind):
        return pa.list_(change(kind.value_field), kind.list_size)
    if types.is_list(kind) or types.is_list_view(kind):
        return pa.list_(change(kind.value_field))
    if types.is_large_list(kind) or types.is_large_list_view(kind):
        return pa.large_list(change(kind.value_field))
    return None


def renamed(kind: pa.DataType, clean: Callable[[Any], Any]) -> pa.DataType:
    """Return a type whose fields have the names that `clean` gives them, in values of that type.

    Each name is asked for alone: which of several came out as which, their order does not tell.
    """
    if types.is_struct(kind):
        names = [_new_name(field.name, clean) for field in kind]
        fields = zip(kind, distinct(names), strict=True)
        return pa.struct([pa.field(name, renamed(field.type, _below(field.name, clean))) for field, name in fields])
    if types.is_map(kind):
        key = renamed(kind.key_type, lambda value: clean([(value, None)])[0][0])
        item = renamed(kind.item_type, lambda value: clean([("", value)])[0][1])
        return pa.map_(key, kind.item_field.with_type(item), keys_sorted=kind.keys_sorted)
    if is_any_list(kind):
        return _nested(kind, lambda field: field.with_type(renamed(field.type, lambda value: clean([value])[0])))
    return kind


def _new_name(name: str, clean: Callable[[Any], Any]) -> str:
    # A field that is left out has no new name; its values are null.
    return next(iter(clean({name: None})), name)


def _below(name: str, clean: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: next(iter(clean({name: value}).values()), value)
