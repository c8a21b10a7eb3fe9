"""Small questions about Python's syntax trees: names, texts and parts of expressions, and where blocks end.

Invariant: an expression over many lines has no text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

_MAX_LINES: Final = 12


def last_of(node: ast.expr) -> str:
    """Return the last part of a callee's name."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def names_in(node: ast.AST) -> set[str]:
    """Return the names that an expression or a target has."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def lasting(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a block that can be reached: up to the first that leaves it."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
            return


def parts_of(node: ast.expr, place: str) -> Iterator[tuple[ast.expr, str]]:
    """Yield the parts of an expression that go where it goes, and those of a dict, which go below their keys."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield value, f"[{key.value}]" if isinstance(key, ast.Constant) and isinstance(key.value, str) else place
    elif isinstance(node, ast.Lambda):
        yield node.body, place
    elif isinstance(node, (ast.Yield, ast.YieldFrom)):
        if node.value is not None:
            yield node.value, "return"
    elif isinstance(node, ast.IfExp):
        asked = names_in(node.test)
        for branch in (node.body, node.orelse):
            if not (isinstance(branch, ast.Name) and branch.id in asked):  # redact(x) if x else x
                yield branch, place
    elif not isinstance(node, (ast.Constant, ast.Compare)):
        yield from ((child, place) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))


def leaves(body: Sequence[ast.stmt]) -> bool:
    """Tell whether a block never goes on to what stands behind it."""
    return bool(body) and isinstance(body[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break))


def assigned_in(body: Sequence[ast.stmt]) -> set[str]:
    """Return the names that a block assigns."""
    return {
        name
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Assign)
        for target in node.targets
        for name in names_in(target)
    }


def digest_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    """Return a digest of a body, whatever its name is and its documentation says."""
    from hashlib import blake2b  # with OpenSSL behind it

    body = node.body
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        body = body[1:]
    arguments = "" if isinstance(node, ast.ClassDef) else ast.dump(node.args)
    said = arguments + "".join(map(ast.dump, body))
    return blake2b(said.replace(f"'{node.name}'", "''").encode(errors="surrogatepass"), digest_size=16).hexdigest()


def arguments_of(node: ast.Call) -> str:
    """Return the arguments of a call as they are written."""
    if (node.end_lineno or node.lineno) - node.lineno > _MAX_LINES:
        return "…"
    return ", ".join([*map(text_of, node.args), *(f"{item.arg}={text_of(item.value)}" for item in node.keywords)])


def text_of(node: ast.expr) -> str:
    """Return an expression as Python writes it."""
    if (node.end_lineno or node.lineno) - node.lineno > _MAX_LINES:
        return "…"
    return ast.unparse(node)


def root_of(node: ast.expr) -> str:
    """Return the name of which an expression is a part: `row` of `row["text"]`."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
