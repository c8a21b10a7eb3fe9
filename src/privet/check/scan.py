"""A tree → its units, notes and findings; two trees → what the second is weaker in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from privet.check import exceptions, own_policy
from privet.check.components import words_of
from privet.check.exceptions import Allowance
from privet.check.facts import Note
from privet.check.findings import Finding, findings_of
from privet.check.judge import weaknesses_of
from privet.check.ratchet import weaker
from privet.check.readers import SHARED, format_of
from privet.check.sides import read_both, read_tree
from privet.check.tree import Entry, Tree
from privet.check.weakness import Weakness

if TYPE_CHECKING:
    from privet.check.cache import Cache


@dataclass(frozen=True, slots=True)
class Result:
    """The findings that nothing allows, in order; what could not be read; and how many files were looked at."""

    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]
    files: int
    allowed: int = 0
    weaknesses: tuple[Weakness, ...] = field(default=(), repr=False)
    known: int = 0
    """Findings that the baseline lets pass."""
    only: tuple[str, ...] = ()
    """The rules that were asked, none for all."""
    caused: frozenset[str] = frozenset()
    """The fingerprints of what the named files make weaker in others."""


def scan(tree: Tree, *, today: date | None = None, cache: Cache | None = None) -> Result:
    """Return what is weak in a tree; a `cache` spares reading again what has not changed."""
    day = today or date.today()
    side = read_tree(tree, day, cache=cache)
    policy = exceptions.of_policy(tree.text(exceptions.FILE), day, tree.names)
    found = [*side.weaknesses, *weaknesses_of(side.units)]
    return _result(found, tree, (*policy.items, *side.allowances), (*side.notes, *policy.notes))


def compare(
    base: Tree,
    head: Tree,
    *,
    changed: Collection[str] | None = None,
    today: date | None = None,
    names: Collection[str] = (),
) -> Result:
    """Return what `head` is weaker in. What allows it has to stand in `base`.

    Of files that are not among the `changed` only those are read from which others take something: manifests and environments. Where
    there are `names`, it is also told what these files and folders make weaker in others.
    """
    day = today or date.today()
    differs = {*base.entries, *head.entries} if changed is None else changed
    read_of = _context(base, head, differs)
    before, after = read_both(base, head, day, read_of, differs)
    policy = exceptions.of_policy(base.text(exceptions.FILE), day, {*base.entries, *head.entries})
    was_there = exceptions.known_to(before.allowances)
    lines = tuple(item for item in after.allowances if was_there(item))
    rest = tuple(path for path in head.entries if path not in read_of[1])
    found = [
        *weaker(before.units, after.units, head.entries, lambda component: _is_used(component, head, rest)),
        *own_policy.weaker(base.text(exceptions.FILE), head.text(exceptions.FILE)),
    ]
    result = _result(found, head, (*policy.items, *lines), (*after.notes, *policy.notes))
    elsewhere = {item.fingerprint for item in result.findings if not is_named(item.path, names)} if names else set()
    if not elsewhere:
        return result
    # What is still found when the named files are as they were is not their doing.
    others = {path for path in differs if not is_named(path, names)}
    undone = compare(base, head.as_in(base, lambda path: is_named(path, names)), changed=others, today=day)
    return replace(result, caused=frozenset(elsewhere.difference(item.fingerprint for item in undone.findings)))


def _context(base: Tree, head: Tree, changed: Collection[str]) -> tuple[Collection[str], Collection[str]]:
    """Return of each side what changed, and what is there on both and may say something to it."""
    # Which lines keep files out of an image is said by whoever builds it.
    shared = {path for path in head.entries if format_of(path) in SHARED or path.endswith(".dockerignore")}
    wanted = shared.union(changed)
    return wanted.intersection(base.entries), wanted.intersection(head.entries)


def _is_used(component: str, tree: Tree, paths: Collection[str]) -> bool:
    """Tell whether a file that was not read has one of the words of a component."""
    words = [word.encode() for word in words_of(component)]
    for path in paths:
        if format_of(path) not in {"", "ignores", "card"}:
            try:
                raw = tree.read(path)
            except OSError:
                continue
            if any(word in raw for word in words):
                return True
    return False


def _result(found: Sequence[Weakness], tree: Tree, allowances: Sequence[Allowance], notes: Iterable[Note]) -> Result:
    findings = findings_of(found, tree.text)
    left = exceptions.apply(findings, allowances)
    return Result(tuple(left), tuple(dict.fromkeys(notes)), len(tree.entries), len(findings) - len(left), tuple(found))


def only(result: Result, paths: Collection[str]) -> Result:
    """Return what concerns the named files, those below the named folders, and what they make weaker in others."""
    return replace(
        result,
        findings=tuple(
            item for item in result.findings if is_named(item.path, paths) or item.fingerprint in result.caused
        ),
        notes=tuple(item for item in result.notes if is_named(item.path, paths)),
        weaknesses=tuple(item for item in result.weaknesses if is_named(item.path, paths)),
    )


def of_rules(result: Result, rules: Sequence[str]) -> Result:
    """Return what some rules found."""
    findings = tuple(item for item in result.findings if item.rule in rules)
    weaknesses = tuple(item for item in result.weaknesses if item.rule.id in rules)
    told = {(item.rule.id, item.path, item.start) for item in weaknesses}
    allowed = len(told) - len(findings)
    return replace(result, findings=findings, weaknesses=weaknesses, allowed=allowed, only=tuple(rules))


def is_named(path: str, names: Collection[str]) -> bool:
    """Tell whether a file is one of those named, or lies in a folder that is."""
    return any(path == name or path.startswith(f"{name}/") for name in names)


def scan_texts(files: Mapping[str, str]) -> list[Weakness]:
    """Return what is weak in files given as text; for tests and for tools that have no folder."""
    side = read_tree(tree_of(files), date.today())
    return [*side.weaknesses, *weaknesses_of(side.units)]


def tree_of(files: Mapping[str, str]) -> Tree:
    """Return a tree of files given as text."""
    raw = {path: text.encode(errors="surrogateescape") for path, text in files.items()}
    entries = [Entry(path, len(body)) for path, body in sorted(raw.items())]
    return Tree(entries, lambda entry, limit: raw[entry.path][:limit], "texts")
