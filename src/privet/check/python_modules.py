"""Lists and constants of a Python module, and of modules of the same repository that it imports them from.

Invariants: another module is read only for a name that is asked for, and once; what is not found is not known.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable
from typing import Final

from privet.check.python_names import Names, Scopes

_MAX_DEPTH: Final = 6
_MAX_MODULES: Final = 12
_WRAPS: Final = frozenset(("list", "tuple", "set", "frozenset", "sorted", "field", "Field"))


class Modules:
    """What a module at a path can import from its repository."""

    def __init__(self, path: str, sibling: Callable[[str], str | None]) -> None:
        self._folder = path.rpartition("/")[0]
        self._sibling = sibling
        self._known: dict[str, Names | None] = {}

    def items(self, node: ast.expr, names: Names, scopes: Scopes, depth: int = 0) -> list[str] | None:
        """Return the texts of a list, tuple, set or dict's keys, through constants, sums and other modules; None where one is not known."""
        if depth > _MAX_DEPTH:
            return None
        found: list[str] | None = None
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            found = self._joined(list(node.elts), names, scopes, depth)
        elif isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
            found = keys if len(keys) == len(node.keys) else None
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.BitOr)):
            found = self._joined([ast.Starred(node.left), ast.Starred(node.right)], names, scopes, depth)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            found = self._of_name(node, names, scopes, depth)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _WRAPS:
            given = [*node.args, *(item.value for item in node.keywords if item.arg in {"default", "default_factory"})]
            inner = given[0].body if given and isinstance(given[0], ast.Lambda) else given[0] if given else None
            found = None if inner is None else self.items(inner, names, scopes, depth + 1)
        return found

    def assigned(self, module: str, name: str, about: Callable[[str], bool]) -> ast.expr | None:
        """Return what a module of the repository that says something assigns to a name."""
        if module.partition(".")[0] in sys.stdlib_module_names or not about(self._text(module) or ""):
            return None
        other = self._module(module)
        return None if other is None else other.lookup(name, ())

    def _joined(self, nodes: list[ast.expr], names: Names, scopes: Scopes, depth: int) -> list[str] | None:
        found: list[str] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                more = self.items(node.value, names, scopes, depth + 1)
                if more is None:
                    return None
                found.extend(more)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.Call):  # re.compile(…): a list of patterns
                found.append(ast.unparse(node))
            else:
                known = names.value(node, scopes)
                found.append(ast.unparse(node) if known is None else known.value)
        return found

    def _of_name(self, node: ast.Name | ast.Attribute, names: Names, scopes: Scopes, depth: int) -> list[str] | None:
        if isinstance(node, ast.Name):
            found = names.lookup(node.id, scopes)
            if found is not None:
                return self.items(found, names, scopes, depth + 1)
            origin = names.imports.get(node.id, "")
            return (
                self._imported(origin.rpartition(".")[0], origin.rpartition(".")[2], depth) if "." in origin else None
            )
        known = names.attributes.get(node.attr)
        if isinstance(known, ast.expr):
            return self.items(known, names, scopes, depth + 1)
        owner = names.dotted(node.value)
        return self._imported(owner, node.attr, depth) if owner else None

    def _imported(self, module: str, name: str, depth: int) -> list[str] | None:
        other = self._module(module)
        found = None if other is None else other.lookup(name, ())
        return None if other is None or found is None else self.items(found, other, (), depth + 1)

    def _module(self, module: str) -> Names | None:
        if module not in self._known:
            self._known[module] = self._read(module) if len(self._known) < _MAX_MODULES else None
        return self._known[module]

    def _text(self, module: str) -> str | None:
        place = module.replace(".", "/")
        folders = [
            self._folder,
            *(self._folder.rsplit("/", count)[0] for count in (1, 2) if self._folder.count("/") >= count),
            "",
            "src",
        ]
        for folder in dict.fromkeys(folders):
            base = f"{folder}/{place}" if folder else place
            text = self._sibling(f"{base}.py")
            if text is None:
                text = self._sibling(f"{base}/__init__.py")
            if text is not None:
                return text
        return None

    def _read(self, module: str) -> Names | None:
        text = self._text(module)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return None if text is None else Names(ast.parse(text))
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return None
