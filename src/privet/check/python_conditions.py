"""Python modules → what of them does not run unless somebody says so: below `if cfg.get("dp")`, `if args.redact`, `if False`.

Invariants: a condition that cannot be told is one that may hold; the opposite of a condition on an unknown setting holds when nobody says
anything, so only what asks for the setting is asleep.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from privet.check.facts import NEVER
from privet.check.python_configs import MISSING, UNKNOWN, Configs
from privet.check.python_names import Scopes
from privet.check.python_nodes import Parsed
from privet.check.python_syntax import last_of

_DEPTH: Final = 6


class _Truth(NamedTuple):
    """Whether a condition holds, None where that is not known; or the setting that it asks for."""

    holds: bool | None = None
    needs: str = ""


class Conditions(NamedTuple):
    """What the conditions of a module come to."""

    asleep: dict[int, str]
    """The nodes that run only with a setting, by their ids, and the setting's name; NEVER for those that do not run."""
    settled: dict[int, bool]
    """The lines of `if` whose test is known."""


def conditions_of(code: Parsed, configs: Configs) -> Conditions:
    """Return what the conditions of a module come to."""
    reader = _Reader(code, configs, dict(_switches(code)))
    for node, scopes in code.nodes.branches:
        reader.branches(node, scopes)
    return Conditions(reader.found, reader.settled)


def _switches(code: Parsed) -> Iterator[tuple[str, bool]]:
    """Yield what options on a command line are when they are not given."""
    for node in code.nodes.of(ast.Call):
        if last_of(node.func) == "add_argument":
            flags = [item.value for item in node.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
            said = {item.arg: item.value for item in node.keywords if item.arg}
            action, dest, default = said.get("action"), said.get("dest"), said.get("default")
            name = dest.value if isinstance(dest, ast.Constant) else (flags or [""])[-1].lstrip("-").replace("-", "_")
            if isinstance(default, ast.Constant):
                yield str(name), bool(default.value)
            elif isinstance(action, ast.Constant) and action.value in {"store_true", "store_false"}:
                yield str(name), action.value == "store_false"


class _Reader:
    """Judges the conditions of one module."""

    def __init__(self, code: Parsed, configs: Configs, switches: dict[str, bool]) -> None:
        self.found: dict[int, str] = {}
        self.settled: dict[int, bool] = {}
        self._code = code
        self._names = code.names
        self._configs = configs
        self._switches = switches

    def branches(self, node: ast.If | ast.IfExp, scopes: Scopes) -> None:
        truth = self._truth(node.test, scopes, 0)
        if isinstance(node, ast.If) and truth.holds is not None:
            self.settled[node.lineno] = truth.holds
        body: list[Any] = node.body if isinstance(node, ast.If) else [node.body]
        other: list[Any] = node.orelse if isinstance(node, ast.If) else [node.orelse]
        if truth.needs or truth.holds is False:
            self._mark(body, truth.needs or NEVER)
        elif truth.holds:
            self._mark(other, NEVER)

    def _mark(self, nodes: list[Any], needs: str) -> None:
        for node in nodes:
            for inner in self._code.nodes.below(node):
                if self.found.get(id(inner)) != NEVER:
                    self.found[id(inner)] = needs

    def _truth(self, node: ast.expr, scopes: Scopes, depth: int) -> _Truth:
        if depth > _DEPTH:
            return _Truth()
        if isinstance(node, ast.Constant):
            return _Truth(bool(node.value))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self._truth(node.operand, scopes, depth + 1)
            return _Truth() if inner.needs or inner.holds is None else _Truth(not inner.holds)
        if isinstance(node, ast.BoolOp):
            return self._together(node, scopes, depth)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._compared(node, scopes, depth)
        return self._setting(node, scopes, depth)

    def _together(self, node: ast.BoolOp, scopes: Scopes, depth: int) -> _Truth:
        parts = [self._truth(value, scopes, depth + 1) for value in node.values]
        if isinstance(node.op, ast.And):
            if any(part.holds is False for part in parts):
                return _Truth(False)
            return next((part for part in parts if part.needs), _Truth())
        return _Truth(True) if any(part.holds for part in parts) else _Truth()

    def _compared(self, node: ast.Compare, scopes: Scopes, depth: int) -> _Truth:
        """Read `x is not None`, and `x == "1"` of a setting that is not known."""
        other = node.comparators[0]
        inner = self._truth(node.left, scopes, depth + 1)
        if isinstance(node.ops[0], (ast.IsNot, ast.NotEq)) and isinstance(other, ast.Constant) and other.value is None:
            return inner
        is_asked = isinstance(node.ops[0], (ast.Eq, ast.Is, ast.In)) and not (
            isinstance(other, ast.Constant) and other.value in {None, False, "", "0", "false"}
        )
        return inner if is_asked and inner.needs else _Truth()

    def _setting(self, node: ast.expr, scopes: Scopes, depth: int) -> _Truth:
        value = self._configs.value(node, scopes)
        if value is not UNKNOWN:
            return _Truth(value is not MISSING and bool(value))
        if isinstance(node, ast.Name):
            return self._of_name(node.id, scopes, depth)
        if isinstance(node, ast.Attribute):
            return self._of_attribute(node.attr)
        return self._asked(node, scopes, depth) if isinstance(node, ast.Call) else _Truth()

    def _of_attribute(self, name: str) -> _Truth:
        if name in self._switches:
            return _Truth(self._switches[name])
        known = self._names.attributes.get(name)
        return _Truth(bool(known.value)) if isinstance(known, ast.Constant) else _Truth()

    def _asked(self, node: ast.Call, scopes: Scopes, depth: int) -> _Truth:
        """Read `cfg.get("dp")`, `os.environ.get("DP", "0")`, and what is made of such a value."""
        if last_of(node.func) in {"get", "getenv"} and node.args:
            key, *rest = node.args
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                default = rest[0] if rest else ast.Constant(None)
                is_off = isinstance(default, ast.Constant) and default.value in {None, False, "", "0", "false", "False"}
                return _Truth(needs=key.value) if is_off else _Truth()
        if node.args and last_of(node.func) in {"bool", "int", "str2bool", "strtobool", "lower"}:
            return self._truth(node.args[0], scopes, depth + 1)
        return _Truth()

    def _of_name(self, name: str, scopes: Scopes, depth: int) -> _Truth:
        found = self._names.lookup(name, scopes)
        if found is not None:
            return self._truth(found, scopes, depth + 1)
        return _Truth()
