"""The destinations that ./privet.toml names, before a program starts.

Invariant: what `privet.policy_file` finds wrong with the file is found wrong here. A file that holds nothing but destinations, and what is
for `privet check`, is read without it: the policy takes longer to load than all that a start needs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import date

from privet.errors import PolicyInvalid
from privet.policy_egress import EGRESS, EgressException, egress_exception


def named(file: str, complain: Callable[[str], None]) -> list[tuple[str, int]]:
    """Return hosts and ports that are open today; what has expired is said.

    Raises:
        PolicyInvalid: the file is not usable.

    """
    found, today = _plain(file), date.today()
    if found is None:
        found = _in_policy(file, today)
    for item in found:
        if item.expires < today:
            complain(f"the exception for {item} expired on {item.expires}: it is closed")
    return [(item.host, item.port) for item in found if item.expires >= today]


def _plain(path: str) -> list[EgressException] | None:
    """Return the destinations; None where there is more in the file, or something that is wrong."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (`pathlib` takes long to load)
            document = tomllib.load(file)
        blocks = document.pop("exception", [])
        if document or any(block.get("rule") != EGRESS and "path" not in block for block in blocks):
            return None
        return [egress_exception(block, path) for block in blocks if block.get("rule") == EGRESS]
    except (OSError, ValueError, AttributeError, TypeError, RecursionError, PolicyInvalid):
        return None


def _in_policy(path: str, today: date) -> list[EgressException]:
    from pathlib import Path

    from privet.policy_file import load_policy

    loaded = load_policy(Path(path), environment={}, today=today)
    return [*loaded.egress, *loaded.expired_egress]
