from __future__ import annotations

import ast

import pytest

from privet.check.python_modules import Modules
from privet.check.python_names import Names

FILES = {"app/kinds.py": "BASE = ['a']\nALL = (*BASE, 'b')\n", "lists/__init__.py": "KEYS = {'x': 1, 'y': 2}\n"}


def items(module: str, name: str, path: str = "app/find.py") -> list[str] | None:
    names = Names(ast.parse(module))
    return Modules(path, FILES.get).items(ast.parse(name, mode="eval").body, names, ())


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("A = ['a', 'b']\n", "A", ["a", "b"]),
        ("A = ('a',)\nB = A + ('b',)\n", "B", ["a", "b"]),
        ("A = frozenset({'a'}) | {'b'}\n", "A", ["a", "b"]),
        ("A = {'a': 1}\n", "A", ["a"]),
        ("from app.kinds import ALL\n", "ALL", ["a", "b"]),
        ("from kinds import ALL\n", "ALL", ["a", "b"]),
        ("from .kinds import ALL as KINDS\n", "KINDS", ["a", "b"]),
        ("import lists\n", "lists.KEYS", ["x", "y"]),
        ("from elsewhere import ALL\n", "ALL", None),
        ("A = load()\n", "A", None),
        ("A = [*A]\n", "A", None),
    ],
)
def test_a_list_is_followed_to_where_it_is_written(module: str, name: str, expected: list[str] | None) -> None:
    assert items(module, name) == expected
