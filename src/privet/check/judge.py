"""Units and rules → states: what each rule says of each unit, with the environment that it inherits.

Invariants:

- A state is of what takes effect: an image's variable that the service sets anew counts as the service sets it.
- Absence is judged only where the component surely is at work; an unknown value is neither safe nor weak.
- No state holds a value, only the fact that has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from privet.check.components import of_variable
from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.rule import Absence, Group, Rule
from privet.check.rule_index import CODE, INDEX, OWN_SCRIPTS, STANDALONE, kind_of
from privet.check.rules import COMMON_NAMES
from privet.check.versions import in_effect
from privet.check.weakness import Weakness

_RUNNING: Final = frozenset((UnitKind.SERVICE, UnitKind.CONTAINER, UnitKind.IMAGE, UnitKind.PROCESS))
"""Kinds of units that start a program: what they do not set is not set."""
_LOOPBACK_PORT: Final = regex(r"(?:127\.|\[?::1\]?:|localhost:)")
_CONTAINED: Final = frozenset((UnitKind.SERVICE, UnitKind.CONTAINER, UnitKind.IMAGE))
"""Inside a container a server has to listen on every interface to be reached at all: what counts is which port is published where.
So there it is no finding, and still weaker than loopback."""
_REPEATED: Final = frozenset(
    ("--trace-config", "-p", "--publish", "-v", "--volume", "--mount", "--cap-add", "--device", "--security-opt", "--network", "--net")
)  # fmt: skip
"""Flags that are given more than once, and count together."""
_RUNS_SCRIPTS: Final = frozenset(("python", "torch", "accelerate"))
"""Programs that start them."""


class State(NamedTuple):
    """What a rule says of a unit. `level` 0 is safe, 1 weaker than a safe setting, 2 unsafe; `rank` orders within a level."""

    rule: Rule
    unit: Unit
    level: int
    rank: float
    fact: Fact | None
    """The fact that decides; None for absence, and for a value that is known only at run time where it counts which one it is."""

    @property
    def explicit(self) -> bool:
        """Tell whether something is written, not merely left out."""
        return self.fact is not None


def link(units: Sequence[Unit]) -> dict[int, tuple[Fact, ...]]:
    """Return what takes effect for each unit, by its index: its own facts, then those of the environment that it inherits.

    The strongest come last, as in `Unit.facts`. A cycle of parents ends where it closes.
    """
    providers: dict[str, list[int]] = defaultdict(list)
    for number, unit in enumerate(units):
        for name in unit.provides:
            providers[name].append(number)
    return {
        number: in_effect(
            unit.facts,
            _inherited(number, units, providers, frozenset()) + unit.facts + _laid_over(number, units, providers),
        )
        for number, unit in enumerate(units)
    }


def _laid_over(number: int, units: Sequence[Unit], providers: Mapping[str, list[int]]) -> tuple[Fact, ...]:
    """Return the facts of drop-ins: units that provide `over:NAME` for a unit of that name."""
    over = f"over:{units[number].name}"
    others = () if over in units[number].provides else providers.get(over, ())
    return tuple(fact for other in others for fact in units[other].facts)


def _inherited(
    number: int, units: Sequence[Unit], providers: Mapping[str, list[int]], seen: frozenset[int]
) -> tuple[Fact, ...]:
    found: tuple[Fact, ...] = ()
    for parent in units[number].parents:
        for other in providers.get(parent, ()):
            if other != number and other not in seen:
                above = _inherited(other, units, providers, seen | {number})
                own = tuple(fact for fact in units[other].facts if fact.space is Space.ENV)
                found = (*above, *own, *found)
    return found


def components_of(unit: Unit, facts: Iterable[Fact]) -> frozenset[str]:
    """Return the components that are evident in a unit: named by it, or by the prefix of a variable that it gets."""
    found = set(unit.components)
    for fact in facts:
        if fact.space is Space.ENV:
            found |= of_variable(fact.name)
    return frozenset(found)


def states(
    units: Sequence[Unit],
    effective: Mapping[int, Sequence[Fact]],
    extra: Mapping[int, frozenset[str]] | None = None,
) -> dict[int, dict[tuple[str, str], State]]:
    """Return the states of every unit by rule id and name.

    Args:
        units: all units of a side.
        effective: what `link` says takes effect for each.
        extra: components known from elsewhere, by unit.

    """
    used = {parent for unit in units for parent in unit.parents}
    closed = _closed(units)
    return {
        number: _states(
            unit,
            effective[number],
            (extra or {}).get(number, frozenset()),
            is_used=not used.isdisjoint(unit.provides),
            is_closed=number in closed,
        )
        for number, unit in enumerate(units)
    }


def _states(
    unit: Unit, facts: Sequence[Fact], extra: frozenset[str], *, is_used: bool, is_closed: bool
) -> dict[tuple[str, str], State]:
    evident = components_of(unit, facts) | extra
    found: dict[tuple[str, str], State] = {}
    said: set[str] = set()
    for rule, group in _grouped(facts, evident):
        said.add(rule.id)
        found[(rule.id, group[-1].name)] = _explicit(rule, unit, group, is_closed=is_closed)
    _agree(found, evident)
    _spare(found)
    for rule in _missing(unit, evident, is_used=is_used):
        if rule.id not in said:
            # What a script does not set, whoever starts it may have set.
            is_told = rule.absence is Absence.UNSAFE and (unit.kind is not UnitKind.PROCESS or _is_service(facts))
            found[(rule.id, "")] = State(rule, unit, 2 if is_told else 1, 0.0, None)
    return found


def _closed(units: Sequence[Unit]) -> frozenset[int]:
    """Return the services whose ports are published on loopback alone, and the images that only such services use."""
    services = {
        number: all(_LOOPBACK_PORT.match(fact.value or "") for fact in unit.facts if fact.name == "compose.ports[]")
        and not any(fact.name == "compose.network_mode" and fact.value == "host" for fact in unit.facts)
        for number, unit in enumerate(units)
        if unit.kind is UnitKind.SERVICE
    }
    found = {number for number, is_closed in services.items() if is_closed}
    for number, unit in enumerate(units):
        if unit.kind is UnitKind.IMAGE:
            users = [
                is_closed
                for other, is_closed in services.items()
                if not set(unit.provides).isdisjoint(units[other].parents)
            ]
            if users and all(users):
                found.add(number)
    return frozenset(found)


def _is_service(facts: Iterable[Fact]) -> bool:
    return any(fact.space is Space.KEY and fact.name.startswith("systemd.") for fact in facts)


def _grouped(facts: Sequence[Fact], evident: frozenset[str]) -> Iterator[tuple[Rule, list[Fact]]]:
    """Yield each rule with the facts that it judges together: a list's items, else of each name the last."""
    by_name: dict[tuple[Space, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        by_name[(fact.space, fact.name)].append(fact)
    for (space, name), same in by_name.items():
        is_list = "[]" in name or (space is Space.FLAG and name in _REPEATED)
        group = same if is_list else same[-1:]
        for rule in INDEX.rules_of(same[-1]):
            if _applies(rule, space, name, evident):
                if is_list and rule.values.test not in {"lacks", "never", "better"}:
                    # Every item is a place of its own: the worst one decides, and the finding points at it.
                    worst = [fact for fact in group if rule.values.unsafe((fact.value,))]
                    yield rule, (worst[:1] if worst else group[-1:])
                else:
                    yield rule, group


def _applies(rule: Rule, space: Space, name: str, evident: frozenset[str]) -> bool:
    if space is Space.FLAG:
        return rule.component in evident or (
            rule.component in OWN_SCRIPTS and name.startswith("--") and not _RUNS_SCRIPTS.isdisjoint(evident)
        )
    if space is Space.ENV and name in COMMON_NAMES:
        return rule.component in evident
    if space is Space.KEY and not name.startswith((*STANDALONE, CODE)):
        return rule.component in evident or any(other.startswith("*.") for other in rule.names)
    return True


def _explicit(rule: Rule, unit: Unit, group: Sequence[Fact], *, is_closed: bool) -> State:
    values = tuple(fact.value for fact in group)
    if all(value is None for value in values):
        # A flag whose value is known only at run time is there all the same.
        is_there = rule.values.test == "present" or (rule.values.test == "filled" and group[-1].space is Space.FLAG)
        if is_there:
            return State(rule, unit, 2, 1.0, group[-1])
        return State(rule, unit, 0, 0.0, group[-1] if rule.values.asks_presence else None)
    level = 2 if rule.values.unsafe(values) else 0
    if level and rule.values.test == "open-host" and group[-1].space is not Space.KEY and unit.kind in _CONTAINED:
        level = 0 if is_closed else 1
    fact = next((fact for fact in reversed(group) if rule.values.unsafe((fact.value,))), group[-1])
    return State(rule, unit, level, rule.values.rank(values), fact)


_OPTS_OUT: Final = frozenset(("only", "only-folded"))


def _agree(found: dict[tuple[str, str], State], evident: frozenset[str]) -> None:
    """Where rules of several programs share a variable, keep those of the program at work; without one, only what all call unsafe."""
    shared: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, state in found.items():
        if state.fact is not None and state.fact.space is Space.ENV:
            shared[state.fact.name].append(key)
    for keys in shared.values():
        if len(keys) < 2:
            continue
        at_work = [key for key in keys if found[key].rule.component in evident]
        if at_work:
            gone = [key for key in keys if key not in at_work]
        elif any(not found[key].level for key in keys):
            gone = [key for key in keys if found[key].level]
        else:
            gone = keys[1:]
        for key in gone:
            del found[key]


def _spare(found: dict[tuple[str, str], State]) -> None:
    """Leave out a way of opting out that does nothing, where another way of the same does: any one of them is enough."""
    ways = [
        key
        for key, state in found.items()
        if state.rule.group is Group.TELEMETRY and state.rule.values.test in _OPTS_OUT
    ]
    enough = {key[0] for key in ways if found[key].fact is not None and not found[key].level}
    for key in ways:
        if key[0] in enough and found[key].level:
            del found[key]


def _missing(unit: Unit, evident: frozenset[str], *, is_used: bool) -> Iterator[Rule]:
    """Yield the rules that should have been spoken of in a unit, of those that have a say about absence."""
    if unit.kind is UnitKind.CALL:
        yield from INDEX.missing_in_call(unit)
    elif unit.kind is UnitKind.CONFIG:
        for component in unit.components:
            yield from INDEX.absent_keys.get(component, ())
    elif unit.kind is not UnitKind.IMAGE or not is_used:  # whoever uses an image is judged
        for kind in {kind_of(fact.name) for fact in unit.facts if fact.space is Space.KEY}:
            yield from INDEX.absent_standing.get(kind, ())
        if unit.kind is UnitKind.IMAGE:
            # Only what the last stage starts or is made from runs; a variable in a stage that builds says nothing.
            evident = unit.components if any(name.startswith("image:") for name in unit.provides) else frozenset()
        if unit.kind in _RUNNING:
            has_flags = any(fact.space is Space.FLAG for fact in unit.facts)
            rules = (rule for component in evident for rule in INDEX.absent_running.get(component, ()))
            yield from (rule for rule in rules if has_flags or rule.space is not Space.FLAG)


def weaknesses_of(units: Sequence[Unit]) -> list[Weakness]:
    """Return what is weak in a set of units by itself."""
    return [
        weakness_of(state)
        for of_unit in states(units, link(units)).values()
        for state in of_unit.values()
        if state.level == 2 and (state.fact is not None or state.rule.absence is Absence.UNSAFE)
    ]


def weakness_of(state: State) -> Weakness:
    """Return a state as the report takes it: the fact that decides, or the unit that lacks one."""
    fact, unit = state.fact, state.unit
    if fact is None:
        return Weakness(state.rule, unit.path, unit.start, unit.end, unit.name, is_missing=True)
    return Weakness(state.rule, fact.path, fact.start, fact.end, unit.name, setting=fact.name)
