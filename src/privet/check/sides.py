"""One side of a comparison: every file read once, by as many processes as help, and what has not changed not at all.

Invariants: the order of files decides nothing; what a process finds is what one alone would find. A file of a format from which no
other file takes anything is judged at once, so that only rule ids and places of it travel or are kept.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from privet.check import content, exceptions
from privet.check.exceptions import Allowance
from privet.check.facts import Note, Reading, Unit
from privet.check.interest import found_in, marks_of, matters
from privet.check.judge import weaknesses_of
from privet.check.readers import SHARED, format_of, read
from privet.check.tree import MAX_TEXT_BYTES, Tree, decode
from privet.check.weakness import Weakness

if TYPE_CHECKING:
    from privet.check.cache import Cache

_HEAD_BYTES: Final = 8192
_NO_TEXT: Final = "is not UTF-8 text, so it was not read"
_MANY: Final = 600
"""From so many files on further processes are started, and files without any word of interest are not parsed."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one tree says: units that are to be judged, and what has been judged already."""

    units: tuple[Unit, ...]
    notes: tuple[Note, ...]
    allowances: tuple[Allowance, ...] = ()
    """Those on lines."""
    weaknesses: tuple[Weakness, ...] = ()


class Examined(NamedTuple):
    """What one file says."""

    units: tuple[Unit, ...] = ()
    notes: tuple[Note, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    weaknesses: tuple[Weakness, ...] = ()


def read_tree(
    tree: Tree, today: date, *, compared: bool = False, paths: Collection[str] | None = None, cache: Cache | None = None
) -> Side:
    """Return what the files of a tree say, or those named.

    With `compared`, nothing is judged yet, and steps that only a change can take away are units, too.
    """
    names = sorted(tree.entries if paths is None else paths)
    known: list[Examined] = []
    if cache is not None and not compared:
        known, names = _known(tree, names, cache)
    workers = min(os.cpu_count() or 1, 4) if len(names) >= _MANY else 1
    if workers == 1:
        examined = _examine(tree, names, today, compared, cache)
    else:
        examined = _in_processes(tree, names, today, compared, cache, workers)
    return _side(examined + known)


def read_both(
    base: Tree, head: Tree, today: date, paths: tuple[Collection[str], Collection[str]], changed: Collection[str]
) -> tuple[Side, Side]:
    """Return what the named files of both sides say, for comparing them.

    A file that has not changed, nor any that was asked for while it was read, says the same on both and is read once.
    """
    if max(map(len, paths)) >= _MANY:
        old, new = (
            read_tree(tree, today, compared=True, paths=of) for tree, of in zip((base, head), paths, strict=True)
        )
        return old, new
    same: dict[str, Examined] = {}
    after: list[Examined] = []
    for path in sorted(paths[1]):
        head.asked.clear()
        item = _of_file(head, path, today, compared=True, cache=None)
        after.append(item)
        if path not in changed and head.asked.isdisjoint(changed):
            same[path] = item
    before = [
        same[path] if path in same else _of_file(base, path, today, compared=True, cache=None)
        for path in sorted(paths[0])
    ]
    return _side(before), _side(after)


def _side(examined: Sequence[Examined]) -> Side:
    return Side(
        tuple(unit for item in examined for unit in item.units),
        tuple(sorted(note for item in examined for note in item.notes)),
        tuple(allowance for item in examined for allowance in item.allowances),
        tuple(weakness for item in examined for weakness in item.weaknesses),
    )


def _known(tree: Tree, names: Sequence[str], cache: Cache) -> tuple[list[Examined], list[str]]:
    """Return what is known of files that nobody has touched since, and the names of the others."""
    found: list[Examined] = []
    left: list[str] = []
    for path in names:
        place = None if format_of(path) in SHARED else cache.place(path, tree.entries[path].stamp)
        entry = None if place is None else cache.get(place, path)
        if entry is None:
            left.append(path)
        elif any(entry):
            found.append(Examined((), *entry))
    return found, left


_work: tuple[Tree, Sequence[str], date, bool, Cache | None] | None = None
"""What the processes of a pool inherit: a tree cannot be sent to them."""


def _in_processes(
    tree: Tree,
    names: Sequence[str],
    today: date,
    compared: bool,
    cache: Cache | None,
    workers: int,
) -> list[Examined]:
    import multiprocessing

    global _work  # noqa: PLW0603 - inherited by fork, and only there
    _work = (tree, names, today, compared, cache)
    try:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            parts = pool.map(_part, range(0, len(names), _PART))
    finally:
        _work = None
    if cache is not None:
        for _, new in parts:
            cache.add(new)
    return [item for items, _ in parts for item in items]


_PART: Final = 100


def _part(start: int) -> tuple[list[Examined], dict[bytes, bytes]]:
    assert _work is not None  # noqa: S101 - set before the fork
    tree, names, today, compared, cache = _work
    examined = _examine(tree, names[start : start + _PART], today, compared, cache)
    return examined, cache.taken() if cache is not None else {}


def _examine(
    tree: Tree,
    names: Iterable[str],
    today: date,
    compared: bool,
    cache: Cache | None,
) -> list[Examined]:
    found = (_of_file(tree, path, today, compared=compared, cache=cache) for path in names)
    return [item for item in found if any(item)]


def _of_file(tree: Tree, path: str, today: date, *, compared: bool, cache: Cache | None) -> Examined:
    """Return what one file says, from the cache where it has been read before."""
    kind = format_of(path)
    try:
        raw = tree.read(path, MAX_TEXT_BYTES if kind else content.SAMPLE_BYTES)
    except OSError:
        return Examined(notes=(Note(path, 1, "cannot be read"),))
    key = None if cache is None or compared or kind in SHARED else cache.key(path, raw, today)
    place = None
    if cache is not None and key is not None:
        # What allows something ends on a day, which no stamp tells.
        place = None if b"privet:" in raw else cache.place(path, tree.entries[path].stamp)
        known = cache.get(key, path, place=place)
        if known is not None:
            return Examined((), *known)
    reading, allowances = _read(tree, path, kind, raw, today, compared=compared)
    if compared or kind in SHARED:
        return Examined(reading.units, reading.notes, allowances)
    judged = Examined((), reading.notes, allowances, tuple(weaknesses_of(reading.units)))
    if cache is not None and key is not None:
        cache.put(key, path, judged.notes, judged.allowances, judged.weaknesses, place=place)
    return judged


def _read(
    tree: Tree, path: str, kind: str, raw: bytes, today: date, *, compared: bool
) -> tuple[Reading, tuple[Allowance, ...]]:
    size = tree.entries[path].size
    if content.is_weights(path):
        return content.of_weights(path, raw), ()
    if not kind and b"\0" in raw[:_HEAD_BYTES]:
        return Reading(), ()
    found = found_in(raw) if len(tree.entries) >= _MANY else None
    reading = content.of_text(path, raw, size, marks_of(raw, found, path, compared=compared), compared=compared)
    if kind and size > MAX_TEXT_BYTES:
        return _noted(reading, path, f"is larger than {MAX_TEXT_BYTES >> 20} MiB, so it was not read"), ()
    if kind and (b"privet:" in raw or matters(kind, path, raw, found, compared=compared)):
        return _parsed(tree, path, raw, reading, today, compared=compared)
    return reading, ()


def _noted(reading: Reading, path: str, message: str) -> Reading:
    return Reading(reading.units, (*reading.notes, Note(path, 1, message)))


def _parsed(
    tree: Tree, path: str, raw: bytes, reading: Reading, today: date, *, compared: bool
) -> tuple[Reading, tuple[Allowance, ...]]:
    text = decode(raw)
    if text is None:
        return _noted(reading, path, _NO_TEXT), ()
    more = read(path, text, tree.text, compared=compared)
    allowances = exceptions.of_lines(path, text, today)
    units = (*reading.units, *more.units)
    return Reading(units, (*reading.notes, *more.notes, *allowances.notes)), allowances.items
