"""Python expressions → what they are about, whatever is done to a value on the way, and whether something was taken out of it.

Invariants: nothing is run; an expression that is no name, part of one, call or comprehension is about nothing; depth is bounded.
"""

from __future__ import annotations

import ast
from typing import Final, NamedTuple

from privet.check.python_scrubs import Scrubs
from privet.check.python_syntax import arguments_of, last_of, names_in, text_of

SAME: Final = frozenset(
    ("str", "repr", "list", "tuple", "set", "sorted", "dict", "dumps", "cast", "deepcopy", "copy", "strip", "lower", "upper", "rstrip",
     "lstrip", "encode", "decode", "to_dict", "model_dump", "tolist", "items", "format_map", "join", "iter", "next", "reversed", "casefold",
     "title")
)  # fmt: skip
"""Calls after which a value tells what it told before."""
_MAX_DEPTH: Final = 40


class Core(NamedTuple):
    """A value's words without the steps around it, and the last step that took something out of it; "" for none."""

    text: str
    step: str = ""
    is_sure: bool = True
    """Whether the step is taken in every case."""


class Cores:
    """Reads expressions with what is known of the names in them."""

    def __init__(self, scrubs: Scrubs) -> None:
        self._scrubs = scrubs

    def of(self, node: ast.expr, known: dict[str, Core], depth: int = 0) -> Core:
        """Return what a value is about, whatever is done to it on the way."""
        if isinstance(node, ast.Name):
            return known.get(node.id, Core(node.id))
        while isinstance(node, (ast.Await, ast.Starred)):
            node = node.value
        if depth > _MAX_DEPTH:
            return Core("")
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            owner = self.of(node.value, known, depth + 1)
            rest = f".{node.attr}" if isinstance(node, ast.Attribute) else f"[{text_of(node.slice)}]"
            return owner._replace(text=owner.text + rest if owner.text else "")
        if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
            return self._of_comprehension(node, known, depth)
        return self._of_call(node, known, depth) if isinstance(node, ast.Call) else Core("")

    def _of_comprehension(
        self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, known: dict[str, Core], depth: int
    ) -> Core:
        only = node.generators[0]
        over = self.of(only.iter, known, depth + 1)
        inside = {name: core for name, core in known.items() if name not in names_in(only.target)}
        each = self.of(node.elt, inside, depth + 1)
        if isinstance(only.target, ast.Name) and each.text == only.target.id:
            return Core(over.text, each.step or over.step)
        inner = next((step for step in map(self._step_inside, ast.walk(node.elt)) if step), "")
        return Core(f"[{over.text}]", inner or over.step)

    def _step_inside(self, node: ast.AST) -> str:
        step = self._scrubs.operand(node) if isinstance(node, ast.Call) else None
        return step[0] if step else ""

    def _of_call(self, node: ast.Call, known: dict[str, Core], depth: int) -> Core:
        step = self._scrubs.operand(node)
        name = last_of(node.func)
        if step is not None:
            return Core("" if step[1] is None else self.of(step[1], known, depth + 1).text, step[0])
        first = node.args[0] if node.args else None
        if name in SAME:
            if first is None and isinstance(node.func, ast.Attribute):
                return self.of(node.func.value, known, depth + 1)
            if first is not None and (
                isinstance(node.func, ast.Name) or name in {"dumps", "join", "cast", "deepcopy", "copy"}
            ):
                return self.of(node.args[-1] if name == "cast" else first, known, depth + 1)
        if isinstance(node.func, ast.Attribute):
            owner = self.of(node.func.value, known, depth + 1)
            return owner._replace(text=f"{owner.text}.{name}({arguments_of(node)})" if owner.text else "")
        return Core(f"{name}({arguments_of(node)})" if name else "")
