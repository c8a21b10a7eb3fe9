"""What names hold after the branches of an `if` and the handlers of a `try`, each of which took a step or did not.

Invariants: a step that one branch takes and another does not is taken in some cases only, unless the branch asks whether there is anything;
what holds nothing needs no step.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence

from privet.check.python_cores import Core
from privet.check.python_syntax import names_in

Known = dict[str, Core]


def reached(node: ast.If, known: Known, settled: bool | None) -> Iterator[tuple[list[ast.stmt], Known]]:
    """Yield the branches that can be reached, with what is known of names in each; `settled` is what the test is known to be."""
    if settled is not False:
        yield node.body, known | {name: Core("") for name in _empty_where(node.test)}
    if settled is not True:
        yield node.orelse, dict(known)


def _empty_where(test: ast.expr) -> set[str]:
    """Return the names that hold nothing, or no text, where a test is true: `not text`, `text is None`, `text == ""`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = test.operand
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "isinstance":
            return names_in(inner.args[0]) if inner.args else set()
        return {inner.id} if isinstance(inner, ast.Name) else set()
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return set().union(*map(_empty_where, test.values))
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and len(test.ops) == 1:
        other = test.comparators[0]
        is_nothing = isinstance(other, ast.Constant) and not other.value
        return {test.left.id} if is_nothing and isinstance(test.ops[0], (ast.Is, ast.Eq)) else set()
    return set()


def together(asked: Collection[str], after: Sequence[Mapping[str, Core]]) -> Known:
    """Return what is known where branches come together; `asked` are the names in the test."""
    joined: Known = {}
    for inside in after:
        for name, core in inside.items():
            others = (other.get(name, Core(name)) for other in after)
            is_sure = core.is_sure and (name in asked or all(other.step for other in others))
            if core.step:
                joined[name] = core._replace(is_sure=is_sure)
            elif core.text:
                joined.setdefault(name, core)
    return joined


def doubted(known: Mapping[str, Core], handled: Mapping[str, Core], assigned: Collection[str]) -> Known:
    """Return the names whose step was passed over where it failed: the handler neither leaves nor gives them another value."""
    return {
        name: core._replace(is_sure=False)
        for name, core in known.items()
        if core.step and name not in assigned and not handled.get(name, Core(name)).step
    }
