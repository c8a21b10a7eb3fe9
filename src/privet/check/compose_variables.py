"""What `${NAME:-default}` in a compose file stands for: the `.env` beside it, else the default.

Source: compose specification, "Interpolation". Invariants: `$$` is a dollar; what only the caller's environment knows is None; a value that
is nothing but one variable of the `.env` stands in the `.env`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from typing import Final

from privet.check.facts import Fact
from privet.check.pattern import regex
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar, Source

_REFERENCE: Final = regex(
    r"\$(?:(?P<dollar>\$)|(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?:(?P<how>:?[-+?])(?P<word>(?:[^{}$]|\$\$|\$\{[^{}]*\})*))?\})",
    re.ASCII,
)
_LINE: Final = regex(
    r"^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.-]*)[ \t]*=[ \t]*"
    r"(?P<value>'[^'\n]*'|\"(?:[^\"\\]|\\.)*\"|[^\n]*)",
    re.MULTILINE | re.ASCII,
)
_COMMENT: Final = regex(r"(?:^|[ \t])#")
_NEST: Final = 5
"""How deep a default may hold a variable with a default."""


def assigned(path: str, text: str) -> dict[str, Scalar]:
    """Return the variables of an env file with the places of their values; what depends on another variable is None."""
    source = Source(path, text)
    found = {}
    for line in _LINE.finditer(text):
        raw = line["value"]
        quoted = len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "\"'"
        if not quoted:
            raw = _COMMENT.split(raw, maxsplit=1)[0].rstrip()
        value: str | None = raw[1:-1] if quoted else raw
        if "$" in raw and not raw.startswith("'"):
            value = None
        found[line["name"]] = Scalar(value, line.start("value"), line.start("value") + len(raw), source)
    return found


def filled(node: Node, known: Map[str, Scalar]) -> Node:
    """Return a node with every variable replaced."""
    if isinstance(node, Scalar):
        return _filled(node, known) if node.value and "$" in node.value else node
    if isinstance(node, Items):
        return Items(
            tuple(filled(item, known) for item in node.items), node.start, node.end, node.source, node.tag, node.size
        )
    pairs = {name: (key, filled(value, known)) for name, (key, value) in node.pairs.items()}
    return Mapping(pairs, node.start, node.end, node.source, node.tag, node.size)


def _filled(node: Scalar, known: Map[str, Scalar]) -> Scalar:
    whole = _REFERENCE.fullmatch(node.text)
    if whole:
        found = known.get(whole["name"] or whole["braced"] or "")
        if found is not None and found.value and whole["how"] not in {":+", "+"}:
            return found
    return Scalar(_text(node.text, known, _NEST), node.start, node.end, node.source, "$", node.tag)


def _text(text: str, known: Map[str, Scalar], depth: int) -> str | None:
    parts: list[str] = []
    at = 0
    for found in _REFERENCE.finditer(text):
        value = "$" if found["dollar"] else _value(found, known, depth)
        if value is None:
            return None
        parts += (text[at : found.start()], value)
        at = found.end()
    return "".join((*parts, text[at:]))


def _value(found: re.Match[str], known: Map[str, Scalar], depth: int) -> str | None:
    scalar = known.get(found["name"] or found["braced"])
    how = found["how"] or ""
    is_set = scalar is not None and (bool(scalar.value) or not how.startswith(":"))
    if how.endswith("+"):
        return _text(found["word"], known, depth - 1) if is_set and depth else None
    if scalar is not None and is_set:
        return scalar.value
    return _text(found["word"], known, depth - 1) if how.endswith("-") and depth else None


def replaced(fact: Fact, known: Map[str, Scalar], path: str, text: str) -> Fact:
    """Return a fact whose value was not known with what its variables stand for."""
    if fact.value is not None or fact.path != path:
        return fact
    value = _text(text[fact.start : fact.end].strip("\"'"), known, _NEST)
    return fact._replace(value=value.partition("=")[2] if value and value.startswith(fact.name + "=") else value)
