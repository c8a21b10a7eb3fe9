"""Guards that need a setting to do anything: on the new side they count as gone where they did their work before unasked.

Invariant: a setting that stands anywhere in the repository, even in a file that was not read, is one that somebody may have switched on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from privet.check.contexts import unread
from privet.check.facts import NEEDS, NEVER, Space, Unit, UnitKind


def awake(
    base: Sequence[Unit], head: Sequence[Unit], is_used: Callable[[str], bool]
) -> tuple[list[Unit], frozenset[tuple[str, str]]]:
    """Return the units of the new side without the guards that have fallen asleep, and which those are."""
    head = _read(base, head)
    before = {(unit.guard, unit.name) for unit in base if unit.kind is UnitKind.GUARD and not _needs(unit)}
    if not any(_needs(unit) and (unit.guard, unit.name) in before for unit in head):
        return list(head), frozenset()
    said = {
        part
        for unit in head
        for fact in unit.facts
        if fact.space in {Space.KEY, Space.ENV} and fact.name != NEEDS
        for part in fact.name.split(".")
    }
    found = []
    fallen: set[tuple[str, str]] = set()
    for unit in head:
        needs = _needs(unit)
        is_set = needs in said or (needs != NEVER and any(map(is_used, (f"{needs}:", f'"{needs}"', f"{needs}="))))
        if needs and (unit.guard, unit.name) in before and not is_set:
            fallen.add((unit.guard, unit.name))
        else:
            found.append(unit)
    return found, frozenset(fallen - {(unit.guard, unit.name) for unit in found})


def _read(base: Sequence[Unit], head: Sequence[Unit]) -> Sequence[Unit]:
    """Return the new side without the lines of a `.dockerignore` that no build reads any more."""
    now = unread(head)
    if not now:
        return head
    was = unread(base)
    before = {(unit.guard, unit.name) for number, unit in enumerate(base) if unit.guard and number not in was}
    return [unit for number, unit in enumerate(head) if number not in now or (unit.guard, unit.name) not in before]


def _needs(unit: Unit) -> str:
    return next((fact.value or "" for fact in unit.facts if fact.name == NEEDS), "") if unit.guard else ""
