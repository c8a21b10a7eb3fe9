"""Filters over metadata: which records a search may find.

    {"lang": "en"}                              equal
    {"year": {"$gte": 2020, "$lt": 2024}}       also $eq $ne $gt $lte $in $nin $exists
    {"$or": [{"lang": "en"}, {"lang": "de"}]}   also $and, $not

Invariants:

- A record without the field is in no comparison, neither equal nor unequal; `$exists` asks for the field itself.
- Values of unlike kinds are neither greater nor smaller; 1 and True are not equal.
- An unknown operator is an error, never a filter that lets everything pass.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from privet.errors import BadInput

Where = Mapping[str, Any]

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le,
}  # fmt: skip
_MISSING: Final = 0
_MAX_DEPTH: Final = 32


class Columns:
    """The metadata of all records by field: for each record the number of its value, 0 for none."""

    def __init__(self) -> None:
        self.count = 0
        self._values: dict[str, list[Any]] = {}
        self._numbers: dict[str, dict[object, int]] = {}
        self._codes: dict[str, NDArray[np.int32]] = {}

    def __repr__(self) -> str:
        return f"Columns({self.count} records)"

    def add(self, records: Iterable[Mapping[str, Any] | None]) -> None:
        """Add the metadata of records, in their order."""
        found: dict[str, list[tuple[int, int]]] = {}
        row = self.count
        for metadata in records:
            for field, value in (metadata or {}).items():
                if value is not None:
                    found.setdefault(field, []).append((row, self._number(field, value)))
            row += 1
        self.count = row
        for field, pairs in found.items():
            codes = self._codes.get(field, np.zeros(0, np.int32))
            if len(codes) < row:
                codes = np.concatenate((codes, np.zeros(max(row, 2 * len(codes)) - len(codes), np.int32)))
            places, numbers = zip(*pairs, strict=True)
            codes[list(places)] = numbers
            self._codes[field] = codes

    def _number(self, field: str, value: Any) -> int:
        numbers = self._numbers.setdefault(field, {})
        values = self._values.setdefault(field, [None])
        key = _key(value)
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(values)
            values.append(value)
        return number

    def mask(self, where: Where) -> NDArray[np.bool_]:
        """Return which records a filter lets pass.

        Raises:
            BadInput: it is not a filter.

        """
        return self._mask(where, 0)

    def _mask(self, where: Where, depth: int) -> NDArray[np.bool_]:
        if not isinstance(where, Mapping) or depth > _MAX_DEPTH:
            raise BadInput("expected a filter such as {'field': value}", hint="see docs/vault.md")
        mask = np.ones(self.count, np.bool_)
        for field, wanted in where.items():
            if not isinstance(field, str):
                raise BadInput("expected names of fields as texts (str) in a filter", hint="see docs/vault.md")
            if field in {"$and", "$or"}:
                if not isinstance(wanted, (list, tuple)) or not wanted:
                    raise BadInput(f"expected a list of filters behind {field}", hint="see docs/vault.md")
                inner = [self._mask(each, depth + 1) for each in wanted]
                mask &= np.logical_and.reduce(inner) if field == "$and" else np.logical_or.reduce(inner)
            elif field == "$not":
                mask &= ~self._mask(wanted, depth + 1)
            elif field.startswith("$"):
                raise BadInput(
                    "the filter has an unknown operator", hint="known are $and, $or and $not; see docs/vault.md"
                )
            else:
                mask &= self._field(field, wanted)
        return mask

    def _field(self, field: str, wanted: Any) -> NDArray[np.bool_]:
        tests = wanted if _is_operators(wanted) else {"$eq": wanted}
        codes = self._codes.get(field)
        padded = np.zeros(self.count, np.int32)
        if codes is not None:
            filled = min(self.count, len(codes))
            padded[:filled] = codes[:filled]
        values = self._values.get(field, [None])
        passes = np.ones(len(values), np.bool_)
        for name, value in tests.items():
            if name == "$exists":
                here = np.full(len(values), bool(value))
                here[_MISSING] = not value
            else:
                test = _test(name, value)
                here = np.fromiter((test(each) for each in values), np.bool_, len(values))
                here[_MISSING] = False
            passes &= here
        return passes[padded]


def _is_operators(wanted: Any) -> bool:
    return isinstance(wanted, Mapping) and any(str(name).startswith("$") for name in wanted)


def _test(name: str, wanted: Any) -> Callable[[Any], bool]:
    if name in _ORDER:
        compare = _ORDER[name]
        return lambda value: _are_ordered(value, wanted) and compare(value, wanted)
    if name in {"$in", "$nin"}:
        if not isinstance(wanted, (list, tuple, set, frozenset)):
            raise BadInput(f"expected a list behind {name}", hint="see docs/vault.md")
        try:
            keys = {_key(each) for each in wanted}
        except TypeError:
            raise BadInput(f"expected values that metadata can have behind {name}", hint="see docs/vault.md") from None
        return (lambda value: _key(value) in keys) if name == "$in" else (lambda value: _key(value) not in keys)
    if name in {"$eq", "$ne"}:
        key = _key(wanted)
        return (lambda value: _key(value) == key) if name == "$eq" else (lambda value: _key(value) != key)
    raise BadInput("the filter has an unknown operator", hint="see docs/vault.md for those there are")


def _are_ordered(one: Any, two: Any) -> bool:
    if isinstance(one, bool) or isinstance(two, bool):
        return False
    if isinstance(one, (int, float)):
        return isinstance(two, (int, float))
    return isinstance(one, str) and isinstance(two, str)


def _key(value: Any) -> object:
    """Return what tells values apart: 1 and 1.0 are equal, 1 and True are not."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, (list, tuple)):
        return ("list", *map(_key, value))
    if isinstance(value, Mapping):
        return ("map", *sorted((str(name), _key(each)) for name, each in value.items()))
    return value
