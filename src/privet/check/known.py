"""What the rule tables look for, by name: variables that are settings wherever they stand."""

from __future__ import annotations

from typing import Final

from privet.check.facts import Space
from privet.check.rules import RULES

VARIABLES: Final = frozenset(
    name.removeprefix("env:")
    for rule in RULES
    for name in rule.names
    if rule.space is Space.ENV or name.startswith("env:")
)

CALLEES: Final = frozenset(
    name.partition("(")[0].rsplit(".", 1)[-1] for rule in RULES for name in rule.names if rule.space is Space.ARGUMENT
)
"""Last parts of the callees that rules speak of: other calls are no units."""
