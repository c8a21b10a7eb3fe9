"""All nodes of a module, met once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from privet.check import python, python_flow, ratchet
from privet.check.python_nodes import Parsed, parsed

CODE = """
import os

@decorated(1)
async def outer(a, b=call(2), *, c=None):
    global seen
    \"\"\"Not a text.\"\"\"
    with open(f"{a!r:>{b}}.txt") as f:
        return [x.y for x in f if x] if a else {"k": lambda z=3: z[1:2]}

class Of(Base, metaclass=Meta):
    field: int = 1

    def inner(self):
        match self:
            case {"a": [1, *rest]} | str(x) if x:
                del rest[0]
        try:
            pass
        except* ValueError as e:
            raise e from None
"""
LEFT_OUT = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.FormattedValue, ast.Module)
SOURCES = [CODE, *(Path(module.__file__ or "").read_text() for module in (python, python_flow, ratchet))]


@pytest.mark.parametrize("text", SOURCES)
def test_every_node_that_says_something_is_met_once(text: str) -> None:
    code = Parsed(text)
    every = list(ast.walk(code.tree))
    passed_by = {
        id(node.value) for node in every if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in every:
        if isinstance(node, ast.FormattedValue) and node.format_spec:
            passed_by |= {id(inner) for inner in ast.walk(node.format_spec)}
        elif isinstance(node, ast.JoinedStr):
            passed_by |= {id(part) for part in node.values}
    expected = {id(node): node for node in every if not isinstance(node, LEFT_OUT) and id(node) not in passed_by}
    met = [node for kind in {type(node) for node in expected.values()} for node in code.nodes.of(kind)]
    assert expected.keys() <= {id(node) for node in met}
    assert len(met) == len({id(node) for node in met})


def test_what_is_below_a_statement_is_what_a_walk_finds() -> None:
    code = Parsed(SOURCES[1])
    for function in code.nodes.functions:
        names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        assert {node.id for node in code.nodes.below(function) if isinstance(node, ast.Name)} == names


def test_calls_know_the_functions_around_them() -> None:
    code = Parsed("def a():\n    def b():\n        c()\n    d()\ne()\n")
    around = {ast.unparse(call): [getattr(scope, "name", "") for scope in scopes] for call, scopes in code.nodes.calls}
    assert around == {"c()": ["a", "b"], "d()": ["a"], "e()": []}


def test_documentation_and_parts_of_texts_are_no_texts() -> None:
    code = Parsed('"""doc"""\na = "one"\nb = f"two {c}"\n')
    assert [ast.unparse(node) for node in code.nodes.texts] == ["'one'", "f'two {c}'"]


def test_a_long_chain_needs_no_recursion() -> None:
    text = "a = " + " + ".join(["x()"] * 900) + "\n"
    assert len(Parsed(text).nodes.calls) == 900


def test_a_module_is_parsed_once_however_many_ask() -> None:
    assert parsed("a = 1  # once\n") is parsed("a = 1  # once\n")
