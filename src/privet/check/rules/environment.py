"""Rules for the variables that `privet run` and `privet env` set, where no other table has them: one catalogue serves both.

Invariant: what the catalogue calls safe is what the rule calls safe, to the letter.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from privet import environment_setting as catalogue
from privet.check.rule import Absence, Rule
from privet.check.rules.row import CONTENT, DISK, FETCH, LOGS, SAFE, TELEMETRY, WEAKER, Stake, env, read_by
from privet.check.values import Values, empty, filled, only
from privet.environment import CATALOGUE
from privet.environment_setting import ANY, Setting

_STAKES: Final = {
    catalogue.TELEMETRY: TELEMETRY,
    catalogue.OFFLINE: FETCH,
    catalogue.CONTENT: CONTENT,
    catalogue.HISTORY: DISK.noted,
    catalogue.UPDATE: FETCH.noted,
    catalogue.CRASH: LOGS,
}


def rules_of(known: Collection[str]) -> tuple[Rule, ...]:
    """Return a rule for each setting of the catalogue whose variable is not known to another rule."""
    return tuple(rule for setting in CATALOGUE if setting.name not in known for rule in _rules(setting))


def _rules(setting: Setting) -> tuple[Rule, ...]:
    stake: Stake = _STAKES[setting.kind]
    absence: Absence = SAFE if setting.value is None else WEAKER
    rule_id = setting.name.lower().replace("__", "-").replace("_", "-")
    why = f"{setting.programs[0]}, unless told not to: {setting.stops}"
    line = env(
        rule_id, setting.name, _values(setting), stake, absence, setting.value or "", why, fix=bool(setting.value)
    )
    component = setting.programs[0].lower().replace(" ", "-")
    return read_by(component, setting.source, line)


def _values(setting: Setting) -> Values:
    if setting.as_safe is ANY:
        return empty()
    if setting.value is None:
        return only("", *setting.as_safe) if setting.as_safe else filled()
    return only(setting.value, *setting.as_safe)
