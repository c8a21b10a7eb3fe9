"""Building blocks of an allow-list: each checks one field of a request body and returns what may go on.

Invariants: a field is known or refused; null counts as absent; a value is checked before it is passed on; no message holds a value.
A check is called with the value, the request's context and the field's path, and returns the cleaned value or `DROP`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from privet.policy import Policy
from privet.serve.masking import Masker
from privet.serve.refusals import Refusal

DROP: Final = object()
"""What a check returns for a field that is accepted and not passed on."""


@dataclass(slots=True)
class Context:
    """What the checks of one request share. `images` counts what the caller sent as data: addresses."""

    policy: Policy
    masker: Masker


Check = Callable[[Any, Context, str], Any]
Table = Mapping[str, Check]

_SAFE_ID: Final = re.compile(r"[A-Za-z0-9_.:\-]{1,256}\Z")
_FUNCTION_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,128}\Z")


def clean(body: object, table: Table, context: Context, path: str = "") -> dict[str, Any]:
    """Return the fields of an object that may go on.

    Raises:
        Refusal: the body is not an object, or a field is unknown, refused or malformed.

    """
    if not isinstance(body, dict):
        raise Refusal("invalid-value", path.rstrip(".") or None)
    result = {}
    for name, value in body.items():
        check = table.get(name)
        if check is None:
            raise Refusal("unknown-field", path + name)
        if value is not None:
            cleaned = check(value, context, path + name)
            if cleaned is not DROP:
                result[name] = cleaned
    return result


def require(body: Mapping[str, Any], *names: str) -> None:
    """Raise a refusal for the first of the fields that is absent or null."""
    for name in names:
        if body.get(name) is None:
            raise Refusal("missing-field", name)


def strip(_value: object, _context: Context, _path: str) -> object:
    """Accept a field that clients send by habit, and do not pass it on."""
    return DROP


def refuse(rule: str) -> Check:
    """Refuse a field, unless its value says that it is off: false, zero, or empty."""

    def check(value: object, _context: Context, path: str) -> object:
        if value:
            raise Refusal(rule, path)
        return DROP

    return check


def boolean(value: object, _context: Context, path: str) -> bool:
    """Accept true or false."""
    if not isinstance(value, bool):
        raise Refusal("invalid-value", path)
    return value


def integer(low: int, high: int) -> Check:
    """Accept a whole number in a closed range."""

    def check(value: object, _context: Context, path: str) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Refusal("invalid-value", path)
        return value

    return check


def number(low: float, high: float) -> Check:
    """Accept a finite number in a closed range."""

    def check(value: object, _context: Context, path: str) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not low <= value <= high
            or math.isnan(value)
        ):
            raise Refusal("invalid-value", path)
        return value

    return check


def one_of(*names: str) -> Check:
    """Accept one of a few words."""

    def check(value: object, _context: Context, path: str) -> str:
        if not isinstance(value, str) or value not in names:
            raise Refusal("invalid-value", path)
        return value

    return check


def choices(value: object, context: Context, path: str) -> int:
    """Accept as many answers as the policy allows."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Refusal("invalid-value", path)
    if value > context.policy.serve.max_choices:
        raise Refusal("too-many-choices", path)
    return value


def text(value: object, context: Context, path: str) -> str:
    """Accept a text, with its identifiers masked."""
    if not isinstance(value, str):
        raise Refusal("invalid-value", path)
    return context.masker.mask(value, path)


def description(value: object, context: Context, path: str) -> str:
    """Accept a text that a programmer wrote about a tool: its addresses and keys are masked, its names are products and services."""
    if not isinstance(value, str):
        raise Refusal("invalid-value", path)
    return context.masker.mask(value, path, plain=True)


def arguments(value: object, context: Context, path: str) -> str:
    """Accept the arguments of a call, a text that holds JSON: its keys are a schema's, its strings may be about anybody."""
    if not isinstance(value, str):
        raise Refusal("invalid-value", path)
    return context.masker.mask_json(value, path, plain_keys=True)


def json_text(value: object, context: Context, path: str) -> str:
    """Accept a text that holds JSON, with the identifiers inside masked."""
    if not isinstance(value, str):
        raise Refusal("invalid-value", path)
    return context.masker.mask_json(value, path)


def json_schema(value: object, context: Context, path: str) -> object:
    """Accept a schema: a name in it is a property or a choice that a program knows, so only the patterns look at it."""
    return context.masker.mask_tree(value, path, plain=True)


def opaque_id(value: object, context: Context, path: str) -> str:
    """Accept a short machine-made id; one that looks personal is replaced, the same one by the same."""
    if not isinstance(value, str) or not _SAFE_ID.match(value):
        raise Refusal("invalid-value", path)
    return context.masker.token("ID", value).strip("[]") if context.masker.holds_identifier(_spaced(value)) else value


def function_name(value: object, context: Context, path: str) -> str:
    """Accept the name of a function; one that holds an identifier is refused, since a replaced one could not be called."""
    if not isinstance(value, str) or not _FUNCTION_NAME.match(value):
        raise Refusal("invalid-value", path)
    if context.masker.holds_identifier(_spaced(value)):
        raise Refusal("personal-name", path)
    return value


def _spaced(name: str) -> str:
    """Return a name as words: the underscore is a letter to every pattern, and would hide what stands beside it."""
    return name.replace("_", " ")


def person_name(value: object, context: Context, path: str) -> str:
    """Replace the name of a participant by a token that engines accept as a name."""
    if not isinstance(value, str):
        raise Refusal("invalid-value", path)
    return context.masker.token("PERSON", value).strip("[]")


def nested(table: Table, *required: str) -> Check:
    """Accept an object with fields of its own."""

    def check(value: object, context: Context, path: str) -> dict[str, Any]:
        result = clean(value, table, context, path + ".")
        for name in required:
            if name not in result:
                raise Refusal("missing-field", f"{path}.{name}")
        return result

    return check


def each(check_item: Check, *, most: int, fewest: int = 0) -> Check:
    """Accept a list, item by item; dropped items leave the list."""

    def check(value: object, context: Context, path: str) -> list[Any]:
        if not isinstance(value, list) or not fewest <= len(value) <= most:
            raise Refusal("invalid-value", path)
        items = [check_item(item, context, f"{path}[{index}]") for index, item in enumerate(value)]
        return [item for item in items if item is not DROP]

    return check


def by_type(tables: Mapping[str, Check], otherwise: Mapping[str, str], default_rule: str) -> Check:
    """Accept an object whose `type` decides what else it may hold; `otherwise` names the rules for refused types."""

    def check(value: object, context: Context, path: str) -> object:
        if not isinstance(value, dict):
            raise Refusal("invalid-value", path)
        kind = value.get("type")
        chosen = tables.get(kind) if isinstance(kind, str) else None
        if chosen is None:
            rule = otherwise.get(kind, default_rule) if isinstance(kind, str) else "invalid-value"
            raise Refusal(rule, f"{path}.{_culprit(value)}")
        return chosen(value, context, path)

    return check


def _culprit(value: Mapping[str, Any]) -> str:
    """Return the field that makes an object refused: the one named like its type, a reference in it, or the type itself."""
    kind = value.get("type")
    if isinstance(kind, str) and kind in value:
        return kind
    return next((name for name in value if name.endswith(("_id", "_url", "_data"))), "type")
