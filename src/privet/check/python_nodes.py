"""A Python module, parsed once however many ask, and its nodes, met on one walk: every reader takes from here those that it reads.

Invariants: nodes are in the order of the lines; contexts and operators, which say nothing by themselves, are left out; statements nest no
deeper than Python's own parser allows, and expressions are gone through without recursion.
"""

from __future__ import annotations

import ast
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from typing import Any, Final, TypeVar

from privet.check.python_names import Names, Scopes
from privet.check.python_places import Places

_PLAIN: Final = frozenset(
    ("ctx", "op", "ops", "id", "attr", "arg", "name", "module", "level", "type_comment", "type_ignores", "conversion", "is_async",
     "simple", "kind")
)  # fmt: skip
"""Fields that never hold a node of interest."""
_OF_HANDLER: Final = ("type", "body")
_Node = TypeVar("_Node", bound=ast.AST)
KEPT: Final = 64
"""Modules that stay parsed: those of one change, on both sides."""


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each kind of node that may hold others."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        found = () if kind is ast.Constant else tuple(name for name in kind._fields if name not in _PLAIN)
        self[kind] = found
        return found


_FIELDS: Final = _Fields()


class Nodes:
    """The nodes of a tree by their kind, and those below a statement or an expression that is part of one."""

    def __init__(self, tree: ast.Module) -> None:
        self.calls: list[tuple[ast.Call, Scopes]] = []
        """With the functions around each."""
        self.functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
        self.branches: list[tuple[ast.If | ast.IfExp, Scopes]] = []
        self.texts: list[ast.Constant | ast.JoinedStr] = []
        """Strings that are no documentation and no part of another."""
        self._all: list[ast.AST] = []
        self._by_kind: dict[type[ast.AST], list[Any]] = defaultdict(list)
        self._spans: dict[int, tuple[int, int]] = {}
        for statement in tree.body:
            self._statement(statement, ())

    def of(self, kind: type[_Node]) -> list[_Node]:
        """Return all nodes of a kind."""
        return self._by_kind.get(kind, [])

    def below(self, node: ast.stmt | ast.expr) -> Iterable[ast.AST]:
        """Return a node with all that is in it, as `ast.walk` does."""
        span = self._spans.get(id(node))
        return ast.walk(node) if span is None else self._all[span[0] : span[1]]

    def _statement(self, node: ast.AST, scopes: Scopes) -> None:
        start = len(self._all)
        self._all.append(node)
        self._by_kind[type(node)].append(node)
        inside = scopes
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = (*scopes, node)
            self.functions.append(node)
        elif isinstance(node, ast.If):
            self.branches.append((node, scopes))
        for name in _FIELDS[type(node)]:
            value = getattr(node, name, None)
            for child in value if isinstance(value, list) else () if value is None else (value,):
                if isinstance(child, ast.expr):
                    if not (isinstance(node, ast.Expr) and isinstance(child, ast.Constant)):
                        self._expression(child, inside)
                elif isinstance(child, ast.AST):
                    self._statement(child, inside)
        self._spans[id(node)] = (start, len(self._all))

    def _expression(self, root: ast.expr, scopes: Scopes) -> None:
        start = len(self._all)
        left: list[Any] = [root]
        while left:
            node = left.pop()
            kind = type(node)
            self._all.append(node)
            self._by_kind[kind].append(node)
            if kind is ast.Call:
                self.calls.append((node, scopes))
            elif kind is ast.Constant:
                if type(node.value) is str:
                    self.texts.append(node)
                continue
            elif kind is ast.JoinedStr:
                self.texts.append(node)
                self._parts(node, left)
                continue
            elif kind is ast.IfExp:
                self.branches.append((node, scopes))
            for name in reversed(_FIELDS[kind]):
                value = getattr(node, name, None)
                if type(value) is list:
                    left.extend(item for item in reversed(value) if item is not None)
                elif value is not None:
                    left.append(value)
        self._spans[id(root)] = (start, len(self._all))

    def _parts(self, node: ast.JoinedStr, left: list[Any]) -> None:
        """Take the words of an f-string as parts of it, and go on into what is put between them."""
        for part in reversed(node.values):
            if isinstance(part, ast.FormattedValue):
                left.append(part.value)
            else:
                self._all.append(part)


class Parsed:
    """One module's text, and what is asked of it."""

    def __init__(self, text: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in somebody's string is none of ours
            self.tree = ast.parse(text)
        self.names = Names(self.tree)
        self.places = Places(text)

    @cached_property
    def nodes(self) -> Nodes:
        """The nodes of the module."""
        return Nodes(self.tree)


parsed: Callable[[str], Parsed] = lru_cache(maxsize=KEPT)(Parsed)
"""Parses a module; raises what `ast.parse` does."""
