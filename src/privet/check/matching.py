"""Units of two sides → which is which: the same thing, wherever it stands now.

Invariants: a thing is known by what it is before it is known by where it stands; no unit is the same as two others, but a new variant of
something, which is compared with what it is laid over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from privet.check.facts import Space, Unit, UnitKind

STARTS: Final = frozenset((UnitKind.SERVICE, UnitKind.CONTAINER, UnitKind.IMAGE, UnitKind.PROCESS))
"""Kinds that run."""


def match(base: Sequence[Unit], head: Sequence[Unit]) -> dict[int, int]:
    """Return the base's unit for each of the head's: same kind, name and path; then another path; then another name in the same file."""
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    by_key: dict[object, list[int]]
    for key in (
        # Commands are numbered: one more before it makes another of the same command.
        _command,
        _script,
        lambda unit: (unit.kind, unit.name, unit.path),
        lambda unit: (unit.kind, unit.name, unit.path.rsplit("/", 1)[-1]),
        lambda unit: (unit.kind, unit.name),
        # A service may be named anew, and a call stand in another function; anything else of another name is another thing.
        lambda unit: (unit.kind, unit.path, unit.components if unit.kind in STARTS else _callee(unit)),
    ):
        by_key = defaultdict(list)
        for number, unit in enumerate(base):
            if number not in taken and (known := key(unit)) is not None:
                by_key[known].append(number)
        for number, unit in enumerate(head):
            if number in pairs:
                continue
            candidates = by_key.get(key(unit))
            if candidates:
                pairs[number] = candidates.pop(0)
                taken.add(pairs[number])
    pairs.update(_moved_objects(base, head, pairs))
    # A new variant of something is judged by what it is laid over, though that is there, too.
    bases = {(unit.kind, unit.path, unit.name): number for number, unit in enumerate(base)}
    for number, unit in enumerate(head):
        old = bases.get((unit.kind, *unit.over)) if number not in pairs and unit.over[0] else None
        if old is not None:
            pairs[number] = old
    return pairs


def _command(unit: Unit) -> object:
    """Return what a command line says, None for what is none."""
    if unit.kind is not UnitKind.PROCESS:
        return None
    return (*_place(unit), tuple((fact.name, fact.value) for fact in unit.facts if fact.space is Space.FLAG))


def _script(unit: Unit) -> object:
    """Return where a command stands that runs a script, and which; None for any other."""
    return _place(unit) if unit.kind is UnitKind.PROCESS and unit.parents else None


def _place(unit: Unit) -> tuple[object, ...]:
    return unit.path, unit.name.partition("#")[0], unit.parents


def _moved_objects(base: Sequence[Unit], head: Sequence[Unit], pairs: dict[int, int]) -> dict[int, int]:
    """Return the objects that are made in another function of another file now: as many of a class as are not made any more."""
    gone: dict[tuple[str, frozenset[str]], list[int]] = defaultdict(list)
    new: dict[tuple[str, frozenset[str]], list[int]] = defaultdict(list)
    taken = set(pairs.values())
    for found, side, known in ((gone, base, taken), (new, head, pairs)):
        for number, unit in enumerate(side):
            if number not in known and unit.kind is UnitKind.CALL and _callee(unit)[:1].isupper():
                found[_callee(unit), unit.components].append(number)
    return {
        number: old
        for key, numbers in new.items()
        if len(numbers) == len(gone.get(key, ()))
        for number, old in zip(numbers, gone[key], strict=True)
    }


def _callee(unit: Unit) -> str:
    return unit.name.rpartition(":")[2].partition("#")[0] if unit.kind is UnitKind.CALL else unit.name
