"""Weaknesses with one safe spelling → the files with it: the characters of the value are replaced, and nothing else.

Invariants: comments, order, line ends and quoting stay; a value that was quoted stays quoted; what is written has been read again, and is
still a file of its format with less to find. A file that changed since it was read is left alone; files are written beside and
renamed into place, with their mode.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from privet.check.facts import Space
from privet.check.findings import Finding
from privet.check.judge import weaknesses_of
from privet.check.pattern import regex
from privet.check.readers import read
from privet.check.tree import Tree
from privet.check.weakness import Weakness

_LITERAL: Final = regex(r"True|False|None|true|false|-?\d+(?:\.\d+)?|\[\]")
_NAME: Final = regex(r"([A-Za-z_]\w*)\.\w+")
_CODE: Final = frozenset(("py", "pyi", "pyw"))
_TYPED: Final = _CODE | {"toml", "json"}
"""Endings of files in which a text needs quotes."""


class Fixed(NamedTuple):
    """What was rewritten: `rule` at `path`."""

    rule: str
    path: str


class _Edit(NamedTuple):
    start: int
    end: int
    text: str
    rule: str


def can_fix(weakness: Weakness) -> bool:
    """Tell whether a weakness has one safe spelling and a place for it."""
    rule = weakness.rule
    return rule.one_spelling and bool(rule.safe) and not weakness.is_missing and not weakness.path.endswith(".ipynb")


def fix(root: Path, tree: Tree, weaknesses: Iterable[Weakness], findings: Collection[Finding]) -> list[Fixed]:
    """Rewrite what has one safe spelling and was told as one of the findings; return what was rewritten."""
    told = {(finding.rule, finding.path, finding.line, finding.column) for finding in findings}
    by_path: dict[str, list[Weakness]] = defaultdict(list)
    for weakness in weaknesses:
        if can_fix(weakness):
            by_path[weakness.path].append(weakness)
    fixed: list[Fixed] = []
    for path, found in sorted(by_path.items()):
        text = tree.text(path)
        if text is None:
            continue
        edits = _edits(text, path, (item for item in found if (item.rule.id, path, *_place(text, item.start)) in told))
        changed, done = _kept(text, path, edits, tree)
        if changed != text and _write(root / path, text, changed):
            fixed.extend(Fixed(edit.rule, path) for edit in reversed(done))
    return fixed


def _place(text: str, start: int) -> tuple[int, int]:
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)


def _edits(text: str, path: str, weaknesses: Iterable[Weakness]) -> list[_Edit]:
    """Return what to replace, from the end, so that no place moves another."""
    places: dict[tuple[int, int], _Edit] = {}
    for weakness in weaknesses:
        start, end = weakness.start, weakness.end
        is_item = text[start - 1 : start] == "="  # NAME=value, where an empty value has no characters
        replacement = _spelled(weakness, text[start:end], path, is_item=is_item) if end > start or is_item else None
        if replacement is not None:
            places.setdefault((start, end), _Edit(start, end, replacement, weakness.rule.id))
    apart: list[_Edit] = []
    for edit in sorted(places.values(), reverse=True):
        if not apart or edit.end <= apart[-1].start:
            apart.append(edit)
    return apart


def _kept(text: str, path: str, edits: list[_Edit], tree: Tree) -> tuple[str, list[_Edit]]:
    """Return the text with all edits, or where that does not make it better, with each that does."""
    changed = _spliced(text, edits)
    if not edits or _is_better(text, changed, path, edits, tree):
        return changed, edits
    done: list[_Edit] = []
    for edit in edits if len(edits) > 1 else ():
        changed = _spliced(text, [edit])
        if _is_better(text, changed, path, [edit], tree):
            text = changed
            done.append(edit)
    return text, done


def _spliced(text: str, edits: Iterable[_Edit]) -> str:
    for edit in edits:
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _is_better(text: str, changed: str, path: str, edits: Collection[_Edit], tree: Tree) -> bool:
    """Tell whether a text reads as well as before, has so many fewer weaknesses of the edits' rules, and none that is new."""
    before, after = read(path, text, tree.text), read(path, changed, tree.text)
    old, new = (Counter(item.rule.id for item in weaknesses_of(side.units)) for side in (before, after))
    gone = Counter(edit.rule for edit in edits)
    fewer = all(new[rule] <= max(0, old[rule] - count) for rule, count in gone.items())
    return fewer and new <= old and len(after.notes) <= len(before.notes)


def _spelled(weakness: Weakness, source: str, path: str, *, is_item: bool) -> str | None:
    """Return the safe value as it is written in place of `source`; None where that place cannot take it."""
    safe, space = weakness.rule.safe, weakness.rule.space
    ending = path.rpartition(".")[2].lower()
    if "\n" in source:
        return None
    if space is Space.FLAG:
        name, equals, _ = source.partition("=") if source.startswith("-") else ("", "", "")
        return None if safe.startswith("-") or (name and not equals) else f"{name}{equals}{safe}"
    if space is Space.ARGUMENT and ending in _CODE:
        return _in_code(safe, source)
    quote = source[0] if source[:1] in {'"', "'"} and source[-1:] == source[:1] and len(source) > 1 else ""
    name, equals, _ = source.strip(quote or None).partition("=")
    if space is Space.ENV and equals and name.isidentifier():  # NAME=value as one item of a list
        return f"{quote}{name}={safe}{quote}"
    bare = ending not in _TYPED or bool(_LITERAL.fullmatch(safe))
    if space is Space.ENV and ending in _TYPED | {"yaml", "yml"}:
        # A bare 1 or true would be a number or a boolean there, but not inside the text of a list's item.
        bare = is_item and ending in {"yaml", "yml", "json"}
    return f"{quote}{safe}{quote}" if quote else safe if bare else json.dumps(safe)


def _in_code(safe: str, source: str) -> str | None:
    name = _NAME.fullmatch(safe)
    if name:  # logging.INFO: only where that name is there already
        return safe if source.startswith(f"{name[1]}.") else None
    if _LITERAL.fullmatch(safe):
        return safe
    return f"'{safe}'" if source.startswith("'") else json.dumps(safe)


def _write(path: Path, expected: str, text: str) -> bool:
    raw = path.read_bytes()
    if raw.decode("utf-8", errors="replace") != expected:
        return False
    beside = path.with_name(f".privet-{path.name}.tmp")
    beside.write_bytes(text.encode())
    beside.chmod(path.stat().st_mode & 0o7777)
    beside.replace(path)
    return True
