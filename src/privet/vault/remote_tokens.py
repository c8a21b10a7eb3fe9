"""Keyed tokens: the database can compare a field for equality without seeing it.

Invariants:

- Only fields that were named get tokens. What they tell the database: which rows have the same value of a field, and how many; a field
  with few values can be guessed from their frequencies.
- A field has a key of its own, so that equal values of two fields have unlike tokens.
- A filter that tokens cannot answer exactly is not answered by them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final

from privet.errors import BadInput
from privet.keys import derive
from privet.vault.remote_table import TOKEN, Groups

_KEPT: Final = 1 << 16


class Tokens:
    """The tokens of some fields."""

    def __init__(self, data_key: bytes, fields: Iterable[str]) -> None:
        self._keys = {field: derive(data_key, "vault-token", field) for field in sorted(set(fields))}
        self._known: dict[tuple[str, bytes], bytes] = {}

    def __repr__(self) -> str:
        return f"Tokens({len(self._keys)} fields)"

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that have tokens."""
        return tuple(self._keys)

    def of(self, field: str, value: Any) -> bytes:
        """Return the token of a value.

        Raises:
            BadInput: the field has none, or the value is no text, number or truth value.

        """
        text = _text(value)
        if field not in self._keys or text is None:
            raise BadInput("this field or value has no token", hint="name the field in filter_fields= when making it")
        token = self._known.get((field, text))
        if token is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            token = self._known[field, text] = hmac.digest(self._keys[field], text, "sha256")[:TOKEN]
        return token

    def of_record(self, metadata: Mapping[str, Any] | None) -> list[bytes]:
        """Return the tokens of a record, in an order that says nothing."""
        if not metadata or not self._keys:
            return []
        held = ((field, metadata.get(field)) for field in self._keys)
        return sorted(self.of(field, value) for field, value in held if _text(value) is not None)

    def groups(self, where: object) -> Groups | None:
        """Return a filter as groups of tokens, None where tokens cannot answer it."""
        groups: Groups = []
        if not isinstance(where, Mapping):
            return None
        for field, wanted in where.items():
            if field == "$and" and isinstance(wanted, (list, tuple)):
                inner = [self.groups(each) for each in wanted]
                if not inner or None in inner:
                    return None
                groups += [group for found in inner for group in found or ()]
                continue
            values = _values(wanted)
            if field not in self._keys or values is None or any(_text(each) is None for each in values):
                return None
            groups.append([self.of(field, each) for each in values])
        return groups


def _values(wanted: Any) -> list[Any] | None:
    """Return the values of which a field must have one, None where it is another question."""
    if not isinstance(wanted, Mapping):
        return [wanted]
    if len(wanted) != 1:
        return None
    ((name, value),) = wanted.items()
    if name == "$eq":
        return [value]
    return list(value) if name == "$in" and isinstance(value, (list, tuple, set, frozenset)) else None


def _text(value: Any) -> bytes | None:
    """Return a value as bytes, equal where `privet.vault.where` calls values equal: 1 and 1.0 are, 1 and True are not."""
    if isinstance(value, bool):
        return b"b1" if value else b"b0"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (int, float)):
        return b"n" + repr(value).encode()
    return b"s" + value.encode("utf-8", "surrogatepass") if isinstance(value, str) else None
