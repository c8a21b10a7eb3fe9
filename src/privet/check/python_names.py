"""Python syntax trees → what names and expressions stand for, as far as the file itself says it.

Invariants: nothing is run; a value that the file does not settle is None. A name assigned twice in one scope with different values is not
settled. Linear in the size of the tree.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

_UNSETTLED: Final = object()
_MAX_STEPS: Final = 8
Scopes = tuple[ast.AST | None, ...]
_READS: Final = frozenset(
    ("os.environ.get", "os.getenv", "environ.get", "getenv", "decouple.config", "env.str", "env.bool", "env")
)
_DEFAULTS: Final = frozenset(("Field", "field", "Option", "Query", "Argument", "Body"))


class Known(NamedTuple):
    """A value and the node that spells it."""

    value: str
    node: ast.expr


class Names:
    """What a module's names mean: imports, constants of the module, of functions and of classes, defaults of command-line arguments."""

    def __init__(self, tree: ast.Module) -> None:
        self.imports: dict[str, str] = {}
        self.scopes: dict[ast.AST | None, dict[str, object]] = {None: {}}
        self.attributes: dict[str, object] = {}
        """Attributes that classes give a constant, and destinations of `add_argument` with a default: `args.host`, `settings.host`."""
        self._collect(tree.body, None, in_class=False)

    def _collect(self, body: Iterable[ast.stmt], scope: ast.AST | None, *, in_class: bool) -> None:
        """Go through statements, not into expressions: what gives a name its meaning is a statement."""
        for statement in body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.scopes.setdefault(statement, {})
                self._defaults(statement)
                self._collect(statement.body, statement, in_class=False)
            elif isinstance(statement, ast.ClassDef):
                self._collect(statement.body, scope, in_class=True)
            elif isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._import(statement)
            elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
                if statement.value is not None:
                    self._assign(statement, statement.value, scope, in_class=in_class)
            elif isinstance(statement, ast.Expr):
                if isinstance(statement.value, ast.Call):
                    self._argument(statement.value)
            else:
                for block in _blocks(statement):
                    self._collect(block, scope, in_class=in_class)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                self.imports[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}".lstrip(".")
            else:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                self.imports[alias.asname or name] = name

    def _assign(
        self, node: ast.Assign | ast.AnnAssign, value: ast.expr, scope: ast.AST | None, *, in_class: bool
    ) -> None:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                _settle(self.scopes[scope], target.id, value)
                if in_class:
                    _settle(self.attributes, target.id, value)
            elif isinstance(target, ast.Attribute):
                _settle(self.attributes, target.attr, value)

    def _defaults(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        scope = self.scopes[function]
        positional = [*function.args.posonlyargs, *function.args.args]
        for argument, default in zip(reversed(positional), reversed(function.args.defaults), strict=False):
            _default(scope, argument.arg, default)
        for argument, other in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
            if other is not None:
                _default(scope, argument.arg, other)

    def give(self, calls: Iterable[ast.Call]) -> None:
        """Take for a parameter the constant that a call of the module gives in place of its default, if any does."""
        functions = {
            node.name: node for node in self.scopes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }
        for call in calls:
            function = functions.get(call.func.id) if isinstance(call.func, ast.Name) else None
            if function is None:
                continue
            names = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
            given = [(keyword.arg, keyword.value) for keyword in call.keywords]
            if not any(isinstance(item, ast.Starred) for item in call.args):
                given.extend(zip(names, call.args, strict=False))
            scope = self.scopes[function]
            for name, value in given:
                default = scope.get(name or "")
                if (
                    isinstance(value, ast.Constant)
                    and isinstance(default, ast.Constant)
                    and value.value not in {None, default.value}
                ):
                    scope[name or ""] = value

    def _argument(self, call: ast.Call) -> None:
        if not (isinstance(call.func, ast.Attribute) and call.func.attr in {"add_argument", "option"}):
            return
        flags = [item.value for item in call.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        flags = [flag for flag in flags if flag.startswith("--")]
        keywords = {item.arg: item.value for item in call.keywords if item.arg}
        if not flags:
            return
        dest = keywords.get("dest")
        name = dest.value if isinstance(dest, ast.Constant) else flags[0].lstrip("-").replace("-", "_")
        action = keywords.get("action")
        if "default" in keywords:
            _settle(self.attributes, str(name), keywords["default"])
        elif isinstance(action, ast.Constant) and action.value in {"store_true", "store_false"}:
            # Without the flag it is the other one.
            _settle(self.attributes, str(name), ast.copy_location(ast.Constant(action.value == "store_false"), action))

    def dotted(self, node: ast.expr) -> str:
        """Return the dotted name of a callee, resolved through imports: `TA(…)` → `transformers.TrainingArguments`; "" for others."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            parts.append(self.imports.get(node.id, node.id))
        elif isinstance(node, ast.Call):
            inner = self.dotted(node.func)
            parts.append(f"{inner}()" if inner else "()")
        elif isinstance(node, (ast.Subscript, ast.Constant)):
            parts.append("[]")
        else:
            return ""
        return ".".join(reversed(parts))

    def lookup(self, name: str, scopes: Scopes) -> ast.expr | None:
        """Return the expression that a name stands for in the innermost of some scopes."""
        for scope in (*reversed(scopes), None):
            found = self.scopes.get(scope, {}).get(name)
            if isinstance(found, ast.expr):
                return found
            if found is _UNSETTLED:
                return None
        return None

    def value(self, node: ast.expr, scopes: Scopes, depth: int = 0) -> Known | None:
        """Return the value of an expression as text, a list as its items with commas between."""
        if depth > _MAX_STEPS:
            return None
        if isinstance(node, ast.Constant):
            return Known("" if node.value is None else str(node.value), node)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._of_name(node, scopes, depth)
        if isinstance(node, ast.Call):
            return self._of_call(node, scopes, depth)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            return self.value(node.values[-1], scopes, depth + 1)  # os.environ.get("HOST") or "0.0.0.0"
        return self._of_parts(node, scopes, depth)

    def _of_parts(self, node: ast.expr, scopes: Scopes, depth: int) -> Known | None:
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            items = [self.value(item, scopes, depth + 1) for item in node.elts]
            known = [item.value for item in items if item is not None]
            return Known(",".join(known), node) if len(known) == len(items) else None
        if isinstance(node, ast.UnaryOp):
            inner = self.value(node.operand, scopes, depth + 1)
            if inner is not None and isinstance(node.op, ast.USub):
                return Known(f"-{inner.value}", node)
            if inner is not None and isinstance(node.op, ast.Not) and isinstance(inner.node, ast.Constant):
                return Known(str(inner.value in {"False", "0", ""}), node)
        return None

    def _of_name(self, node: ast.Name | ast.Attribute, scopes: Scopes, depth: int) -> Known | None:
        if isinstance(node, ast.Name):
            found = self.lookup(node.id, scopes)
            if found is not None:
                return self.value(found, scopes, depth + 1)
            return Known(self.imports[node.id], node) if node.id in self.imports else None
        known = self.attributes.get(node.attr)
        if isinstance(known, ast.expr):
            return self.value(known, scopes, depth + 1)
        dotted = self.dotted(node)
        return Known(dotted, node) if dotted.partition(".")[0] in self.imports.values() else None

    def _of_call(self, node: ast.Call, scopes: Scopes, depth: int) -> Known | None:
        dotted = self.dotted(node.func)
        keywords = {item.arg: item.value for item in node.keywords if item.arg}
        if dotted in _READS:
            default = node.args[1] if len(node.args) > 1 else keywords.get("default")
            return None if default is None else self.value(default, scopes, depth + 1)
        if dotted.rsplit(".", 1)[-1] in _DEFAULTS:
            default = keywords.get("default") or (node.args[0] if node.args else None)
            return None if default is None else self.value(default, scopes, depth + 1)
        if dotted in {"bool", "str", "int", "float", "list", "pathlib.Path", "Path"} and len(node.args) == 1:
            return self.value(node.args[0], scopes, depth + 1)
        return Known(f"{dotted}()", node) if dotted else None

    def mapping(self, node: ast.expr, scopes: Scopes, depth: int = 0) -> list[tuple[str, ast.expr]]:
        """Return the pairs of a dict literal, of `dict(…)`, or of a name that stands for one."""
        if depth > 4:
            return []
        if isinstance(node, ast.Name):
            found = self.lookup(node.id, scopes)
            return [] if found is None else self.mapping(found, scopes, depth + 1)
        if isinstance(node, ast.Dict):
            pairs: list[tuple[str, ast.expr]] = []
            for key, value in zip(node.keys, node.values, strict=True):
                if key is None:
                    pairs.extend(self.mapping(value, scopes, depth + 1))
                elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                    pairs.append((key.value, value))
            return pairs
        if isinstance(node, ast.Call) and self.dotted(node.func) == "dict":
            return [(item.arg, item.value) for item in node.keywords if item.arg]
        return []


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the blocks of `if`, `for`, `while`, `with`, `try` and `match`."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if block:
            yield block
    for name in ("handlers", "cases"):
        for part in getattr(statement, name, ()):
            yield part.body


def _default(scope: dict[str, object], name: str, value: ast.expr) -> None:
    """Take a parameter's default for what it is when nobody says otherwise; None says nothing."""
    scope[name] = _UNSETTLED if isinstance(value, ast.Constant) and value.value is None else value


def _settle(scope: dict[str, object], name: str, value: ast.expr) -> None:
    known = scope.get(name)
    if known is None:
        scope[name] = value
    elif not (isinstance(known, ast.Constant) and isinstance(value, ast.Constant) and known.value == value.value):
        scope[name] = _UNSETTLED
