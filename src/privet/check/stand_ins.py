"""Whether what a setting did is done by another one on the new side: a flag for a variable, a config file's key for a keyword.

Invariant: a stand-in is of the same component and about the same thing, is safe, and came with the change.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.judge import State
from privet.check.programs import CODE
from privet.check.rule import Group, Rule
from privet.check.rules.implied import IMPLIED

_SAYS_NOTHING: Final = frozenset(
    ("disable", "disabled", "no", "enable", "enabled", "config", "flag", "file", "variable",
     "env", "argument", "default", "off", "key", "init")
)  # fmt: skip
_ONE_SWITCH: Final = frozenset((Group.TELEMETRY, Group.FETCH))
"""Groups in which each of a program's settings does the same: it sends nothing, or asks nobody."""
_States = Mapping[tuple[str, str], State]


class StandIns:
    """What the new side sets safely that the old one did not."""

    def __init__(
        self, before: Iterable[_States], after: Iterable[_States], base: Sequence[Unit], head: Sequence[Unit]
    ) -> None:
        after = list(after)
        self._in_code: dict[str, list[str]] = defaultdict(list)
        for of_unit in after:
            for state in of_unit.values():
                if state.fact is not None and state.unit.kind is UnitKind.ENVIRONMENT and not state.level:
                    self._in_code[state.rule.id].append(f"/{state.fact.path}")
        was, now = _explicit(before), _explicit(after)
        self._gained: dict[str, list[tuple[Rule, Space]]] = defaultdict(list)
        for (rule, space), count in now.items():
            if count > was[(rule, space)]:
                self._gained[rule.component].append((rule, space))
        known = {(fact.path, fact.name) for fact in _keys(base)}
        self._keys: dict[str, list[Fact]] = defaultdict(list)
        for fact in _keys(head):
            if (fact.path, fact.name) not in known:
                self._keys[fact.name.rsplit(".", 1)[-1].removesuffix("[]")].append(fact)

    def has_for(self, old: State) -> bool:
        """Tell whether something of another kind does now what a setting did."""
        if old.fact is None:
            return False
        for rule, space in self._gained.get(old.rule.component, ()):
            if space is not old.fact.space and (
                _about(rule.id) == _about(old.rule.id) or (rule.group is old.rule.group and rule.group in _ONE_SWITCH)
            ):
                return True
        return self._is_in_code(old) or (old.fact.space is Space.ARGUMENT and self._is_key(old))

    def _is_in_code(self, old: State) -> bool:
        """Tell whether a Python file that a program runs sets for itself what the program was given."""
        runs = [parent.removeprefix(CODE) for parent in old.unit.parents if parent.startswith(CODE)]
        return any(path.endswith(f"/{script}") for path in self._in_code.get(old.rule.id, ()) for script in runs)

    def _is_key(self, old: State) -> bool:
        """Tell whether a keyword's name is a key that came with a config file, with a value that is no worse."""
        keyword = old.fact.name.partition("(")[2].rstrip(")") if old.fact else ""
        values = old.rule.values
        return any(
            not values.unsafe((fact.value,)) and values.rank((fact.value,)) <= old.rank
            for fact in self._keys.get(keyword, ())
        )


def implies(after: _States, rule_id: str) -> bool:
    """Tell whether a unit has a safe variable that a rule's program reads where its own is not set."""
    names = IMPLIED.get(rule_id, frozenset())
    return bool(names) and any(
        state.fact is not None and not state.level and state.fact.name in names for state in after.values()
    )


@cache
def _about(rule_id: str) -> frozenset[str]:
    return frozenset(rule_id.split("-")) - _SAYS_NOTHING


def _explicit(side: Iterable[_States]) -> Counter[tuple[Rule, Space]]:
    return Counter(
        (rule, space)
        for rule, space, _, _ in {
            (state.rule, state.fact.space, state.fact.path, state.fact.start)
            for states in side
            for state in states.values()
            if state.fact is not None and not state.level
        }
    )


def _keys(units: Sequence[Unit]) -> Iterable[Fact]:
    return (fact for unit in units if unit.kind is UnitKind.CONFIG for fact in unit.facts if fact.space is Space.KEY)
