"""Haystack's filters as filters of a vault. Imports nothing of Haystack, so that its telemetry is switched off before it is loaded.

Invariants:

- A comparison means what it means in Haystack: `!=` and `not in` let documents pass that lack the field, and None stands for a field that
  is not there. Only true is equal to true: 1 is not.
- Texts are ordered letter by letter, which is the order of dates in ISO 8601 of one form and one zone; other texts are refused, as
  Haystack refuses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from privet.errors import BadInput

_ORDER: Final = {">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}
_NOTHING: Final[dict[str, list[Any]]] = {"$in": []}


def where_of(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a filter of the vault.

    Raises:
        BadInput: it is not one of Haystack's filters, or asks for something but metadata.

    >>> where_of({"field": "meta.lang", "operator": "!=", "value": "en"})
    {'$not': {'lang': {'$eq': 'en'}}}
    """
    if "field" in filters:
        return _comparison(filters)
    operator, conditions = _value(filters, "operator"), _value(filters, "conditions")
    if not isinstance(conditions, list):
        raise BadInput("expected a list of conditions in a filter")
    inner = [where_of(each) for each in conditions]
    if operator not in {"AND", "OR", "NOT"}:
        raise BadInput("a filter has an unknown operator", hint="known are AND, OR and NOT")
    if not inner:
        # As Python has it: all of nothing is true, and any of nothing is not.
        return {} if operator == "AND" else {"$not": {}}
    if operator == "OR":
        return {"$or": inner}
    return {"$and": inner} if operator == "AND" else {"$not": {"$and": inner}}


def _comparison(filters: Mapping[str, Any]) -> dict[str, Any]:
    operator, value = _value(filters, "operator"), _value(filters, "value")
    field = _field(filters["field"])
    if operator in _ORDER:
        return {field: _NOTHING if value is None else {_ORDER[operator]: _orderable(value)}}
    if operator in {"in", "not in"}:
        if not isinstance(value, list):
            raise BadInput(f"expected a list behind {operator} in a filter")
        among: dict[str, Any] = {field: {"$in": value}}
        if None in value:
            among = {"$or": [among, _missing(field)]}
        return among if operator == "in" else {"$not": among}
    if operator not in {"==", "!="}:
        raise BadInput("a filter has an unknown operator", hint="known are ==, !=, >, >=, <, <=, in and not in")
    same = _missing(field) if value is None else {field: {"$eq": value}}
    return same if operator == "==" else {"$not": same}


def _missing(field: str) -> dict[str, Any]:
    return {"$not": {field: {"$exists": True}}}


def _field(name: Any) -> str:
    # What has no prefix is metadata too, as Haystack before its version 2 wrote it, but for the document's own fields.
    found = name.removeprefix("meta.") if isinstance(name, str) else ""
    if (
        not found
        or found.startswith("$")
        or (found == name and found in {"id", "content", "blob", "score", "embedding"})
    ):
        raise BadInput("expected a filter over metadata", hint='name the field as "meta.…"')
    return found


def _orderable(value: Any) -> Any:
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise BadInput("expected a number or a date behind an order in a filter, found another text") from error
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadInput("expected a number or a date in ISO 8601 behind an order in a filter")
    return value


def _value(filters: Mapping[str, Any], name: str) -> Any:
    try:
        return filters[name]
    except (KeyError, TypeError) as error:
        raise BadInput(f"a filter lacks its {name}", hint="see Haystack's metadata filtering") from error
