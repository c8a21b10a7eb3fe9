"""What a Python module gets from the repository's own config files: `cfg["dp"]["noise_multiplier"]`, `TrainingArguments(**cfg["trainer"])`.

Invariants: nothing is run; a file is read only for a module that loads one, once, and only where its path is written in the module; a value
that is not in the file is MISSING, one that nobody can tell is UNKNOWN.
"""

from __future__ import annotations

import ast
import json
import posixpath
from collections.abc import Iterator
from typing import Any, Final

from privet.check.pattern import regex
from privet.check.python_names import Known, Scopes
from privet.check.python_nodes import Parsed
from privet.check.python_syntax import last_of
from privet.check.readers import Sibling

UNKNOWN: Final = object()
MISSING: Final = object()
_FILE: Final = regex(r"[\w./{}-]+\.(?:ya?ml|json|toml)")
_LOADS: Final = frozenset(("safe_load", "full_load", "load", "loads", "unsafe_load"))
_OWN: Final = regex(
    r"_?(?:load|read|get|parse)_?(?:config\w*|cfg|ya?ml|json|toml|settings|params|options)(?:_file)?", 2
)
_LOADERS: Final = regex(r"yaml|json|toml|tomllib|omegaconf|ruamel|hydra|config|cfg")
_MAX_TEXT: Final = 200_000
_MAX_FILES: Final = 6
_DEPTH: Final = 8


class Configs:
    """The config files of one module."""

    def __init__(self, path: str, code: Parsed, sibling: Sibling) -> None:
        self._folder = path.rpartition("/")[0]
        self._names = code.names
        self._sibling = sibling
        self._code = code
        self._files: dict[str, Any] = {}
        self._opened: dict[str, ast.expr] | None = None
        self._paths: list[str] | None = None

    def known(self, node: ast.expr, scopes: Scopes) -> Known | None:
        """Return the value of an expression that a file settles, at the place of the expression."""
        if not isinstance(node, (ast.Subscript, ast.Attribute, ast.Call, ast.Name)):
            return None
        value = self.value(node, scopes)
        return None if value is UNKNOWN or value is MISSING or isinstance(value, dict) else Known(_text(value), node)

    def spread(self, node: ast.expr, scopes: Scopes, depth: int = 0) -> list[tuple[str, str | None]] | None:
        """Return the keywords that `**node` gives to a call, None for a value not known; None where the keywords are not known."""
        if depth > _DEPTH:
            return None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            left, right = (self.spread(side, scopes, depth + 1) for side in (node.left, node.right))
            return None if left is None or right is None else [*left, *right]
        if isinstance(node, ast.Name) and (given := self._given(node.id, scopes)) is not None:
            return given
        pairs = self._names.mapping(node, scopes)
        if pairs:
            values = ((key, self._names.value(value, scopes)) for key, value in pairs)
            return [(key, known.value if known else None) for key, known in values]
        value = self.value(node, scopes)
        return [(str(key), _text(item)) for key, item in value.items()] if isinstance(value, dict) else None

    def _given(self, name: str, scopes: Scopes) -> list[tuple[str, str | None]] | None:
        """Return the keywords with which a private function is called in its module, where `name` takes them: `def _ask(text, **more)`."""
        function = scopes[-1] if scopes else None
        if (
            not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            or function.args.kwarg is None
            or function.args.kwarg.arg != name
            or not function.name.startswith("_")
        ):
            return None
        own = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
        calls = [node for node in self._code.nodes.of(ast.Call) if last_of(node.func) == function.name]
        keywords = [item for call in calls for item in call.keywords]
        if not calls or any(item.arg is None for item in keywords):
            return None
        return [(item.arg, None) for item in keywords if item.arg and item.arg not in own]

    def value(self, node: ast.expr, scopes: Scopes, depth: int = 0) -> Any:
        """Return what an expression is by a config file, or UNKNOWN."""
        if depth > _DEPTH:
            return UNKNOWN
        if isinstance(node, ast.Name):
            found = self._names.lookup(node.id, scopes)
            return UNKNOWN if found is None else self.value(found, scopes, depth + 1)
        if isinstance(node, ast.Subscript):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            return self._below(node.value, key, scopes, depth) if isinstance(key, str) else UNKNOWN
        if isinstance(node, ast.Attribute):
            return self._below(node.value, node.attr, scopes, depth)
        return self._called(node, scopes, depth) if isinstance(node, ast.Call) else UNKNOWN

    def _below(self, owner: ast.expr, key: str, scopes: Scopes, depth: int) -> Any:
        base = self.value(owner, scopes, depth + 1)
        return base.get(key, MISSING) if isinstance(base, dict) else UNKNOWN

    def _called(self, node: ast.Call, scopes: Scopes, depth: int) -> Any:
        last = last_of(node.func)
        if last == "get" and isinstance(node.func, ast.Attribute) and node.args:
            key = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            found = self._below(node.func.value, key, scopes, depth) if isinstance(key, str) else UNKNOWN
            if found is not MISSING:
                return found
            default = node.args[1] if len(node.args) > 1 else ast.Constant(None)
            return default.value if isinstance(default, ast.Constant) else UNKNOWN
        if last in {"to_container", "DictConfig", "create", "Box", "dict"} and node.args:
            return self.value(node.args[0], scopes, depth + 1)
        dotted = self._names.dotted(node.func)
        if (last in _LOADS and _LOADERS.search(dotted.lower())) or _OWN.fullmatch(last):
            return self._loaded(node, scopes)
        return UNKNOWN

    def _loaded(self, node: ast.Call, scopes: Scopes) -> Any:
        if self._paths is None:
            nodes = self._code.nodes
            blocks: tuple[ast.With | ast.AsyncWith, ...] = (*nodes.of(ast.With), *nodes.of(ast.AsyncWith))
            self._opened = {
                item.optional_vars.id: item.context_expr
                for inner in blocks
                for item in inner.items
                if isinstance(item.optional_vars, ast.Name)
            }
            self._paths = [
                inner.value
                for inner in nodes.of(ast.Constant)
                if isinstance(inner.value, str) and _FILE.fullmatch(inner.value)
            ]
        paths = list(dict.fromkeys(path for item in node.args for path in self._paths_in(item, scopes, 0)))
        paths = paths or list(dict.fromkeys(self._paths))
        return self._read(paths[0]) if len(paths) == 1 else UNKNOWN

    def _paths_in(self, node: ast.expr, scopes: Scopes, depth: int) -> Iterator[str]:
        """Yield the files that an expression names: `open("a.yaml")`, `Path(x).read_text()`, a name that was opened as such."""
        for inner in ast.walk(node) if depth < _DEPTH else ():
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and _FILE.fullmatch(inner.value):
                yield inner.value
            elif isinstance(inner, (ast.Name, ast.Attribute)):
                opened = (self._opened or {}).get(last_of(inner))
                if opened is not None:
                    yield from self._paths_in(opened, scopes, depth + 1)
                else:
                    known = self._names.value(inner, scopes)
                    if known is not None and _FILE.fullmatch(known.value):
                        yield known.value

    def _read(self, path: str) -> Any:
        for place in dict.fromkeys((posixpath.normpath(path), posixpath.normpath(posixpath.join(self._folder, path)))):
            if place not in self._files and len(self._files) < _MAX_FILES:
                text = None if place.startswith(("/", "..")) else self._sibling(place)
                self._files[place] = UNKNOWN if text is None or len(text) > _MAX_TEXT else _parsed(place, text)
            if self._files.get(place, UNKNOWN) is not UNKNOWN:
                return self._files[place]
        return UNKNOWN


def _parsed(path: str, text: str) -> Any:
    try:
        if path.endswith(".json"):
            return json.loads(text)
        if path.endswith(".toml"):
            import tomllib

            return tomllib.loads(text)
        import yaml

        return yaml.load(text, yaml.CSafeLoader)
    except Exception:
        return UNKNOWN


def _text(value: Any) -> str:
    """Return a value as an argument's text."""
    if value is None:
        return ""
    return ",".join(map(_text, value)) if isinstance(value, (list, tuple)) else str(value)
