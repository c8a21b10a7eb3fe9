"""A policy as plain JSON values, of which evidence holds a digest.

Invariant: two policies that differ in a setting differ here; where a setting was written plays no part.
"""

from __future__ import annotations

from typing import Any

from privet.policy import SETTINGS, Policy, value_of


def plain_policy(policy: Policy) -> dict[str, Any]:
    """Return every setting of a policy as plain JSON values."""
    return {setting_id: _plain(value_of(policy, setting_id)) for setting_id in SETTINGS}


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted((_plain(item) for item in value), key=str)
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__ if name != "where"}
    if isinstance(value, tuple):
        return list(value)
    return value
