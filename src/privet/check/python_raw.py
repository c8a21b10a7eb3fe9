"""Python modules → values that a record keeps as they are beside what a step made of them: `Row(text=scrub(raw), excerpt=raw)`.

Invariants: told only where two sides are compared; a record that can give back what was taken out (a vault, a diff) and a question to a
model are none; a part that only measures the value (`len(raw)`, a digest) does not keep it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from privet.check.facts import PRESENT, Fact, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.python_nodes import Nodes, Parsed
from privet.check.python_scrubs import ENCRYPTED, Scrubs, is_scrub_name, scrubs_of
from privet.check.python_syntax import last_of, root_of

CODE: Final = "code:python-raw-kept"
_NO_RECORD: Final = regex(
    r"\w*(?:vault|restor|mapping|diff|compar|assert|expect|evaluat|score|leak|check|verif|test|case|revers|unmask"
    r"|complet|generat|invoke|predict|embed|classif)\w*|create|chat|ask|answer|run",
    2,
)
"""Callees that are asked about a value, or keep both on purpose."""
_RECORD: Final = regex(
    r"(?:\w+_)?(?:meta(?:data)?|extras?|record|row|doc(?:ument)?|entry|properties|attributes|point)s?"
)
"""Names of what is kept, where a value is put in before or after."""
_BEFORE: Final = frozenset(("before", "expected", "old", "pattern", "string"))
_SAME: Final = frozenset(("strip", "lstrip", "rstrip", "lower", "upper", "title"))
_LEAF: Final = (ast.Name, ast.Attribute, ast.Subscript)
_Functions = (ast.FunctionDef, ast.AsyncFunctionDef)
_Kept = tuple[str, str, ast.expr]
"""A value as it is: its core, the key under which it stands, and where."""


def units_of(path: str, code: Parsed) -> Iterator[Unit]:
    """Yield a unit for each value that is kept so."""
    imported = any(is_scrub_name(name.rpartition(".")[2]) for name in code.names.imports.values())
    if not imported and not any(map(_may_take, code.nodes.of(ast.Call))):
        return
    scrubs = scrubs_of(code)
    for label, body in _blocks(code):
        reader = _Reader(scrubs, body, code.nodes)
        for number, (_, key, node) in enumerate(reader.found(), 1):
            start, end = code.places.of(node)
            fact = Fact(Space.KEY, CODE, PRESENT, path, start, end)
            yield Unit(UnitKind.CALL, f"{label}:raw {key}#{number}", path, start, end, facts=(fact,))


def _may_take(call: ast.Call) -> bool:
    """Tell whether a call may take something out, by its own name or by a mark that it puts in; most modules have none."""
    name = last_of(call.func)
    return is_scrub_name(name) or name.startswith("mask") or name in {"sub", "subn"}


def _blocks(code: Parsed) -> Iterator[tuple[str, list[ast.stmt]]]:
    yield "", [node for node in code.tree.body if not isinstance(node, (*_Functions, ast.ClassDef))]
    for node in code.nodes.functions:
        yield node.name, node.body


class _Reader:
    """The statements of one function."""

    def __init__(self, scrubs: Scrubs, body: list[ast.stmt], among: Nodes) -> None:
        self._scrubs = scrubs
        nodes = [node for statement in body for node in among.below(statement)]
        self._roots = list(_expressions(body))
        self._cleaned: dict[str, str] = {}
        self._cores: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Call):
                self._cores |= {core for core in (self._core_of(node),) if core}
        self._records: dict[int, str] = {}
        for node in nodes if self._cores else ():
            if isinstance(node, ast.Assign):
                self._assigned(node, self._core_of(node.value) if isinstance(node.value, ast.Call) else "")
                if _RECORD.fullmatch(root_of(node.targets[0])):
                    self._records[id(node.value)] = _key_of(node.targets[0])

    def _assigned(self, node: ast.Assign, core: str) -> None:
        for target in node.targets if core else ():
            if _dump(target) == core:
                self._cores.discard(core)  # text = scrub(text): what it was is gone
            elif isinstance(target, ast.Name):
                self._cleaned[target.id] = core

    def _core_of(self, call: ast.Call) -> str:
        """Return what a call takes something out of."""
        step = self._scrubs.operand(call)
        if step is None or step[0] in {ENCRYPTED, "digest"} or not isinstance(step[1], _LEAF):
            return ""
        return _dump(step[1])

    def found(self) -> Iterator[_Kept]:
        """Yield what is kept as it is in a record that has what a step made of it."""
        self._found: list[_Kept] = []
        made: set[str] = set()
        beside: list[_Kept] = []
        for root in self._roots if self._cores else ():
            key = self._records.get(id(root))
            cleaned, kept = self._look(root, key or "")
            made |= {core for core, keys in cleaned.items() if keys != {""}}
            beside.extend(kept if key is not None else ())
        yield from self._found
        yield from (one for one in beside if one[0] in made)

    def _look(self, node: ast.AST, key: str) -> tuple[dict[str, set[str]], list[_Kept]]:
        """Return below which keys the cleaned values stand, and the values that stand there as they are."""
        made: dict[str, set[str]] = defaultdict(set)
        raw: list[_Kept] = []
        core = self._core_of(node) if isinstance(node, ast.Call) else ""
        core = core or (self._cleaned.get(node.id, "") if isinstance(node, ast.Name) else "")
        if core:
            made[core].add(key)
        elif isinstance(node, _LEAF):
            raw.extend(self._kept(node, key))
        else:
            for child, below in _parts(node, key):
                cleaned, kept = self._look(child, below)
                raw.extend(kept)
                for one, keys in cleaned.items():
                    made[one] |= keys
        if isinstance(node, (ast.Call, ast.Dict)):
            both = [one for one in raw if one[0] in made and one[1] not in made[one[0]]]
            if not (isinstance(node, ast.Call) and _NO_RECORD.fullmatch(last_of(node.func))):
                self._found.extend(both)
            raw = [one for one in raw if one not in both]
        return made, raw

    def _kept(self, node: ast.expr, key: str) -> Iterator[_Kept]:
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            yield from self._kept(node.value, key)
        elif (
            key
            and key not in _BEFORE
            and isinstance(getattr(node, "ctx", None), ast.Load)
            and _dump(node) in self._cores
        ):
            yield _dump(node), key, node


def _expressions(body: list[ast.stmt]) -> Iterator[ast.expr]:
    """Yield the outermost expressions of statements, those of functions inside left to those."""
    for statement in body:
        if isinstance(statement, (*_Functions, ast.ClassDef)):
            continue
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.expr):
                yield child
            elif isinstance(child, ast.stmt):
                yield from _expressions([child])
            elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
                yield from _expressions(child.body)


def _key_of(target: ast.expr) -> str:
    """Return the key that an assignment sets: `raw` of `metadata["raw"] = text`."""
    part = target.slice if isinstance(target, ast.Subscript) else None
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else ""


def _parts(node: ast.AST, key: str) -> Iterator[tuple[ast.AST, str]]:
    """Yield the parts of an expression with the key below which each goes on."""
    if isinstance(node, ast.Dict):
        for name, value in zip(node.keys, node.values, strict=True):
            yield value, str(name.value) if isinstance(name, ast.Constant) else key
    elif isinstance(node, ast.Call):
        is_same = isinstance(node.func, ast.Attribute) and node.func.attr in _SAME
        if is_same and isinstance(node.func, ast.Attribute):
            yield node.func.value, key
        is_text = isinstance(node.func, ast.Name) and node.func.id == "str"
        yield from ((argument, key if is_text else "") for argument in node.args)
        yield from ((item.value, item.arg or key) for item in node.keywords)
    elif isinstance(node, ast.IfExp):
        yield from ((node.body, key), (node.orelse, key))
    elif not isinstance(node, (ast.Compare, ast.Constant)):
        yield from ((child, key) for child in ast.iter_child_nodes(node))


def _dump(node: ast.expr) -> str:
    return ast.unparse(node)
