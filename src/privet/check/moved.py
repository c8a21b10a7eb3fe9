"""Where a protection of one unit is on the new side: as often as before somewhere, in another spelling, or outside of the repository.

Invariant: one place counts once, however many units take it from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from privet.check.facts import Space, Unit
from privet.check.judge import State
from privet.check.rule import Rule
from privet.check.stand_ins import StandIns

_HANDED: Final = ("secret:", "configmap:", "file:")
"""Beginnings of references to variables that may lie outside of the repository."""
_States = Mapping[tuple[str, str], State]


class Moved:
    """Which explicit protections are as many on the new side as before, wherever they stand."""

    def __init__(
        self, before: Mapping[int, _States], after: Mapping[int, _States], base: Sequence[Unit], head: Sequence[Unit]
    ) -> None:
        """Take the states and the units of both sides."""
        self.others = StandIns(before.values(), after.values(), base, head)
        self._provided = {name for unit in head for name in unit.provides}
        self._before = self._count(before)
        self._after = self._count(after)
        self._variables = {
            (state.rule.component, state.rule.group)
            for of_unit in after.values()
            for state in of_unit.values()
            if state.fact is not None and state.fact.space is Space.ENV and not state.level
        }

    @staticmethod
    def _count(side: Mapping[int, _States]) -> Counter[str]:
        # One place counts once, however many services inherit it.
        return Counter(
            state.rule.id
            for state in {
                (state.rule.id, state.fact.path, state.fact.start): state
                for of_unit in side.values()
                for state in of_unit.values()
                if state.fact is not None and not is_open(state)
            }.values()
        )

    def is_handed(self, old: State, unit: Unit) -> bool:
        """Tell whether a unit takes variables now from what the repository does not hold, as a key's Secret: it may be there."""
        return old.rule.values.asks_presence and any(
            parent.startswith(_HANDED) and parent not in old.unit.parents and parent not in self._provided
            for parent in unit.parents
        )

    def has_variable(self, rule: Rule) -> bool:
        """Tell whether an environment of the new side says for a whole program what a keyword said for one call."""
        return (rule.component, rule.group) in self._variables

    def is_elsewhere(self, rule_id: str) -> bool:
        """Tell whether as many places as before say safely what a rule asks for."""
        return self._after[rule_id] >= self._before[rule_id]


def is_open(state: State) -> bool:
    """Tell whether something protects nothing: it is unsafe, or stands the wrong way already."""
    return state.level > 0 or (state.rule.values.test in {"switched", "better"} and state.rank > 0)
