"""Two sides of a change → what it made weaker, by what takes effect on both sides and not by the lines touched.

Invariants:

- A change that moves, renames, re-orders or re-quotes is no weakening: units are matched by what they are, then by where they stand.
- A setting is weaker when its level is higher than before, or its rank within the level; a new unit brings what it says itself.
- A protection that is gone is a weakening while anything is left that it protected, and is told under the path that lost it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from privet.check import config_ratchet, hook_scope, sleeping, unread_names
from privet.check.code_ratchet import CodeRatchet
from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.guards import Guards
from privet.check.judge import State, components_of, link, states, weakness_of
from privet.check.matching import STARTS, match
from privet.check.moved import Moved, is_open
from privet.check.rule import Absence, Rule
from privet.check.rules import BY_ID
from privet.check.stand_ins import implies
from privet.check.weakness import Weakness

_LOOSE: Final = frozenset((UnitKind.ENVIRONMENT, UnitKind.CALL, UnitKind.CONFIG, UnitKind.JOB))
"""Kinds whose settings may move elsewhere in the repository and do the same there."""
_GENERAL: Final = frozenset(
    (
        "any",
        "system",
        "python",
        "kubernetes",
        "compose",
        "docker",
        "dockerfile",
        "actions",
        "github-actions",
        "privet",
        "shell",
    )
)
"""Components that every repository has."""
_OF_FUNCTIONS: Final = frozenset(("python-columns-all-but", "python-digest-plain"))
"""Rules about what each function does."""
_States = Mapping[tuple[str, str], State]


def weaker(
    base: Sequence[Unit],
    head: Sequence[Unit],
    paths: Collection[str] = (),
    is_used: Callable[[str], bool] = lambda _: False,
) -> list[Weakness]:
    """Return what is weaker in `head`.

    Args:
        base: the units before.
        head: the units after.
        paths: all files of that side.
        is_used: tells whether a component is at work in files that were not read, because they did not change.

    """
    code = CodeRatchet(base, head, is_used)
    base, head = ([unit for unit in side if unit.kind is not UnitKind.CODE] for side in (base, head))
    head, fallen = sleeping.awake(base, head, is_used)
    pairs = match(base, head)
    base_facts, head_facts = link(base), link(head)
    # What a service was known to run, it still runs when the line that told us is the one removed.
    known_before = {number: components_of(unit, base_facts[number]) for number, unit in enumerate(base)}
    known_after = {number: components_of(unit, head_facts[number]) for number, unit in enumerate(head)}
    before = states(base, base_facts)
    after = states(head, head_facts, {new: known_before[old] for new, old in pairs.items()})
    known = frozenset().union(*known_after.values()) if known_after else frozenset()

    def remains(component: str) -> bool:
        return component in known or component in _GENERAL or is_used(component)

    moved = Moved(before, after, base, head)
    still_there = {(fact.path, fact.name) for unit in head for fact in unit.facts}
    found: list[Weakness] = []
    new_ones: list[State] = []
    better: list[State] = []
    for number in range(len(head)):
        old = pairs.get(number)
        if old is None:
            new_ones.extend(state for state in after[number].values() if _is_told(state))
        elif head[number].kind in {UnitKind.CALL, UnitKind.DEFAULT}:
            # Calls are numbered: one more before it makes another of the same call, so what got better pays for what is new.
            better.extend(_better(before[old], after[number]))
            new_ones.extend(_worse_calls(before[old], after[number]))
            found.extend(_compared(before[old], after[number], head[number], moved, remains, told=False))
        else:
            found.extend(_compared(before[old], after[number], head[number], moved, remains))
            found.extend(config_ratchet.weaker(base[old], head[number]))
    found.extend(unread_names.weaker(base, head, pairs, is_used))
    found.extend(hook_scope.narrower(base, head, pairs, paths))
    matched = set(pairs.values())
    gone = [number for number in range(len(base)) if number not in matched]
    found.extend(_unmoved(new_ones, [*better, *(state for number in gone for state in before[number].values())]))
    judged: frozenset[int] = frozenset()
    if any(unit.guard.startswith("k8s-") for unit in base):  # only clusters have policies that cover pods
        from privet.check import coverage

        judged, opened = coverage.compared(base, head, pairs)
        found.extend([*opened, *coverage.wider(base, head)])
    provided = {parent for unit in base if unit.kind in STARTS for parent in unit.parents}
    starters = {(unit.path, unit.name.rpartition(":")[0]) for unit in base if unit.kind is UnitKind.PROCESS}
    guards = Guards(base, head, pairs, fallen, judged)
    folders = {path.rpartition("/")[0] for path in paths}
    for number in gone:
        unit = base[number]
        if unit.path not in paths and "/" in unit.path and unit.path.rpartition("/")[0] not in folders:
            continue  # the whole folder is gone: nothing is left there that could be less protected
        if unit.kind is UnitKind.GUARD and guards.is_kept(number, code.is_kept):
            continue
        if unit.kind is UnitKind.ENVIRONMENT and (
            (unit.path, unit.name) in starters or not provided.isdisjoint(unit.provides)
        ):
            continue  # whoever took it from there is compared itself
        found.extend(_lost(unit, before[number], moved, remains))
    return code.weaker(_placed(weakness, still_there, head) for weakness in _once(found, paths, head))


def _once(found: Sequence[Weakness], paths: Collection[str], head: Sequence[Unit]) -> list[Weakness]:
    """Return each weakness once; of a switch that a rule knows, only what that rule says, and nothing of one that went with its file."""
    known = {(item.path, item.start, item.is_lost) for item in found if item.rule.values.test != "switched"}
    again = _told_again(found, head)
    return [
        item
        for item in dict.fromkeys(found)
        if item not in again
        and (
            item.rule.values.test != "switched"
            or ((item.path, item.start, item.is_lost) not in known and (not item.is_lost or item.path in paths))
        )
    ]


def _told_again(found: Iterable[Weakness], head: Sequence[Unit]) -> set[Weakness]:
    """Return what else went with a line that several had: it is told of the programs that surely read it, or else of one."""
    components = {(unit.path, unit.name): unit.components for unit in head}
    gone: dict[tuple[str, tuple[str, int]], list[Weakness]] = defaultdict(list)
    for item in found:
        if item.was is not None:
            gone[item.rule.id, item.was].append(item)
    again: set[Weakness] = set()
    for items in gone.values():
        placed = [item for item in items if item.end]
        sure = [item for item in placed if item.rule.component in components.get((item.path, item.unit), ())]
        again.update(set(items).difference(sure or placed[:1] or items))
    return again


def _placed(weakness: Weakness, still_there: set[tuple[str, str]], head: Sequence[Unit]) -> Weakness:
    """Return a lost setting under the unit that does not get it any more, where the file that sets it still does."""
    if not weakness.is_lost or (weakness.path, weakness.setting) not in still_there:
        return weakness
    named = [unit for unit in head if unit.name == weakness.unit]
    variants = [unit for unit in named if unit.over[0] and all(fact.name != weakness.setting for fact in unit.facts)]
    unit = next(iter(variants or named), None)
    return weakness if unit is None else weakness._replace(path=unit.path, start=unit.start, end=unit.end)


def _better(before: _States, after: _States) -> list[State]:
    return [
        state for key, state in before.items() if _is_told(state) and (key not in after or not _is_told(after[key]))
    ]


def _worse_calls(before: _States, after: _States) -> list[State]:
    return [
        state for key, state in after.items() if _is_told(state) and (key not in before or not _is_told(before[key]))
    ]


def _is_told(state: State) -> bool:
    test = state.rule.values.test
    return state.level == 2 or (test == "added" and state.fact is not None) or (test == "switched" and state.rank > 0)


def _compared(
    before: _States, after: _States, now: Unit, moved: Moved, remains: Callable[[str], bool], *, told: bool = True
) -> Iterable[Weakness]:
    """Yield what is weaker in one unit than in the same unit before; with `told` false, only what differs by degree or is lost."""
    by_rule = _worst_of(before)
    for state in _worst_of(after).values():
        if state.fact is None and state.rule.space is Space.ARGUMENT and moved.has_variable(state.rule):
            continue
        old = by_rule.get(state.rule.id)
        if old is not None and old.fact is None and not old.level:
            old = None  # it was known only at run time
        if state.unit.kind is UnitKind.PROCESS and state.fact is None and not remains(state.rule.component):
            continue  # a script that no longer sets anything of a program that is gone
        if _is_opened_elsewhere(state, old) or (
            state.fact is None
            and old is not None
            and (implies(after, state.rule.id) or moved.others.has_for(old) or moved.is_handed(old, now))
        ):
            continue
        level, rank = (old.level, old.rank) if old else (0, None)
        if state.level > level and not (state.fact is None and old is None and state.level == 1):
            if told or state.level < 2:
                yield _weakness(state, old)
        elif state.level == level and rank is not None and _is_further(state, old):
            if state.rule.id in _OF_FUNCTIONS and moved.is_elsewhere(state.rule.id):
                continue  # another function does now what this one did
            yield _weakness(state, old)
    known = {state.rule.id for state in after.values()} | {rule for rule in by_rule if implies(after, rule)}
    yield from _gone_rules(by_rule, known, now, moved, remains)


def _gone_rules(
    before: Mapping[str, State], after: Collection[str], now: Unit, moved: Moved, remains: Callable[[str], bool]
) -> Iterable[Weakness]:
    """Yield the protections of which a unit says nothing any more."""
    for old in before.values():
        unit = old.unit
        if unit.kind is UnitKind.DEFAULT:
            continue  # what has no default any more is set elsewhere, or is not there
        if old.rule.id in after or old.fact is None or is_open(old) or old.rule.absence is Absence.SAFE:
            continue
        if (
            (unit.kind in _LOOSE and moved.is_elsewhere(old.rule.id))
            or moved.others.has_for(old)
            or moved.is_handed(old, now)
        ):
            continue
        if remains(old.rule.component):
            yield _gone(old.rule, old.fact, unit)


def _is_opened_elsewhere(state: State, old: State | None) -> bool:
    """Tell whether a server listens as before, and only its container's port is published now: the port is told."""
    if old is None or old.fact is None or state.fact is None or state.rule.values.test != "open-host":
        return False
    return state.fact.value == old.fact.value


def _is_further(state: State, old: State | None) -> bool:
    return old is not None and old.fact is not None and state.fact is not None and state.rank > old.rank


def _worst_of(found: _States) -> dict[str, State]:
    """Return for each rule its worst state: one of two spellings that is unsafe is not made good by the other."""
    worst: dict[str, State] = {}
    for state in found.values():
        known = worst.get(state.rule.id)
        if known is None or (state.level, state.rank) > (known.level, known.rank):
            worst[state.rule.id] = state
    return worst


def _weakness(state: State, old: State | None) -> Weakness:
    if state.fact is not None or old is None:
        return weakness_of(state)
    if old.fact is not None and old.fact.path != state.unit.path:
        return _gone(state.rule, old.fact, state.unit)
    lost = weakness_of(state)._replace(is_lost=True)
    return lost if old.fact is None else lost._replace(setting=old.fact.name, was=(old.fact.path, old.fact.start))


def _gone(rule: Rule, fact: Fact, unit: Unit) -> Weakness:
    """Return a setting that is not there any more, at the beginning of the file that had it."""
    was = (fact.path, fact.start)
    return Weakness(rule, fact.path, 0, 0, unit.name, is_missing=True, is_lost=True, setting=fact.name, was=was)


def _unmoved(new_ones: Iterable[State], gone: Iterable[State]) -> Iterable[Weakness]:
    """Yield what new units bring, less what units that are gone took with them: a service that became another kind of thing."""
    taken = Counter((state.rule.id, state.explicit) for state in gone if _is_told(state))
    for state in new_ones:
        key = (state.rule.id, state.explicit)
        if taken[key]:
            taken[key] -= 1
        else:
            yield _weakness(state, None)


def _lost(unit: Unit, found: _States, moved: Moved, remains: Callable[[str], bool]) -> Iterable[Weakness]:
    """Yield the protections that went with a unit that is gone."""
    if unit.kind is UnitKind.GUARD:
        yield Weakness(BY_ID[unit.guard], unit.path, 0, 0, unit.name, is_missing=True, is_lost=True)
        return
    if unit.kind not in _LOOSE or unit.kind is UnitKind.CALL:
        return  # what is gone runs no more
    for state in found.values():
        if state.fact is None or state.fact.path != unit.path or is_open(state) or state.rule.absence is Absence.SAFE:
            continue
        if moved.is_elsewhere(state.rule.id) or moved.others.has_for(state):
            continue
        if remains(state.rule.component):
            yield _gone(state.rule, state.fact, unit)
