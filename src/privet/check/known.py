"""What the rule tables look for, by name: variables that are settings wherever they stand."""

from __future__ import annotations

from typing import Final

from privet.check.facts import Space
from privet.check.rule import Group
from privet.check.rules import RULES

VARIABLES: Final = frozenset(
    name.removeprefix("env:")
    for rule in RULES
    for name in rule.names
    if rule.space is Space.ENV or name.startswith("env:")
)

CONFIG_KEYS: Final = frozenset(
    name[2:]
    for rule in RULES
    if rule.space is Space.KEY and rule.group in {Group.TRAINING, Group.CONTENT, Group.DATA, Group.CODE}
    for name in rule.names
    if name.startswith("*.") and "." not in name[2:] and "[" not in name and "_" in name
)
"""Keys that say in any config file what they are for, and so in code as well."""

CALLEES: Final = frozenset(
    name.partition("(")[0].rsplit(".", 1)[-1] for rule in RULES for name in rule.names if rule.space is Space.ARGUMENT
)
"""Last parts of the callees that rules speak of: other calls are no units."""
