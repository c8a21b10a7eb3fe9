"""One walk over the statements of a Python module, and over the expressions in them, that knows in which function it is.

Invariant: in the order of the lines; each reader is told the same, and what counts, it says itself.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import final

from privet.check.python_names import Scopes
from privet.check.python_nodes import Nodes


class Reader:
    """What is told of what a walk meets."""

    nodes: Nodes
    """Those of the module."""
    most_keys: int | None = None
    """Dicts of so many keys or more are data, and are passed over."""

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scopes: Scopes, label: str) -> None:
        """Take the head of a function, of which `label` is the function or class around it."""
        raise NotImplementedError

    def named(self, name: str, value: ast.expr, scopes: Scopes, label: str) -> None:
        """Take a value by its name: of a variable, an attribute, or the key of a dict."""
        raise NotImplementedError

    def called(self, node: ast.Call, scopes: Scopes, label: str) -> None:
        """Take a call."""
        raise NotImplementedError

    def picked(self, node: ast.List, scopes: Scopes, label: str) -> None:
        """Take the columns that are picked from a frame: `frame[["a", "b"]]`."""

    @final
    def expressions(self, node: ast.expr, scopes: Scopes, label: str) -> None:
        """Take an expression and all in it."""
        Walk(self.nodes, (self,)).expressions(node, scopes, label)


class Walk:
    """Goes through a module once for several readers."""

    def __init__(self, nodes: Nodes, readers: Sequence[Reader]) -> None:
        self._nodes = nodes
        self._readers = readers

    def block(self, body: Sequence[ast.stmt], scopes: Scopes, label: str) -> None:
        """Go through statements."""
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for reader in self._readers:
                    reader.function(node, scopes, label)
                self.block(node.body, (*scopes, node), node.name)
            elif isinstance(node, ast.ClassDef):
                self.block(node.body, scopes, node.name)
            else:
                self._statement(node, scopes, label)

    def _statement(self, node: ast.stmt, scopes: Scopes, label: str) -> None:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                name = (
                    target.id
                    if isinstance(target, ast.Name)
                    else target.attr
                    if isinstance(target, ast.Attribute)
                    else ""
                )
                for reader in self._readers:
                    reader.named(name, node.value, scopes, label)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expressions(child, scopes, label)
            elif isinstance(child, ast.stmt):
                self.block([child], scopes, label)
            elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
                self.block(child.body, scopes, label)
            elif isinstance(child, ast.withitem):
                self.expressions(child.context_expr, scopes, label)

    def expressions(self, node: ast.expr, scopes: Scopes, label: str) -> None:
        """Go through an expression and all in it."""
        for inner in self._nodes.below(node):
            if isinstance(inner, ast.Call):
                for reader in self._readers:
                    reader.called(inner, scopes, label)
            elif isinstance(inner, ast.Dict):
                self._dict(inner, scopes, label)
            elif isinstance(inner, ast.Subscript) and isinstance(inner.slice, ast.List):
                for reader in self._readers:
                    reader.picked(inner.slice, scopes, label)

    def _dict(self, node: ast.Dict, scopes: Scopes, label: str) -> None:
        for reader in self._readers:
            if reader.most_keys is None or len(node.keys) < reader.most_keys:
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        reader.named(key.value, value, scopes, label)
