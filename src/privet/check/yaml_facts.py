"""YAML nodes → facts: dotted keys, environment variables in their several shapes, and what a container is started with.

Invariant: an empty mapping or list is a fact too, `{}` or `[]`, because it may be the setting: `permissions: {}`, `emptyDir: {}`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from typing import Final

from privet.check.components import is_quiet_vllm
from privet.check.facts import PRESENT, Fact, Space
from privet.check.pattern import regex
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar
from privet.check.yaml_places import part

_VARIABLE: Final = regex(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{3,}", re.ASCII)
"""What looks like the name of an environment variable."""
_ENV_KEYS: Final = frozenset(
    (
        "env",
        "envs",
        "environment",
        "variables",
        "vars",
        "envvars",
        "env_vars",
        "environment_variables",
        "environmentvariables",
        "extraenv",
        "extraenvs",
        "extraenvvars",
        "extraenvironment",
        "additionalenv",
        "commonenv",
        "podenv",
        "remoteenv",
    )
)
"""Keys, in lower case, below which a mapping's keys are environment variables."""


def is_variable(name: str) -> bool:
    """Tell whether a name is written as environment variables are."""
    return bool(_VARIABLE.fullmatch(name))


def fact(space: Space, name: str, scalar: Scalar) -> Fact:
    """Return the fact that a scalar sets a name."""
    return Fact(space, name, scalar.value, scalar.source.path, scalar.start, scalar.end)


def keys(node: Node, prefix: str, skipped: Container[str] = ()) -> Iterator[Fact]:
    """Yield a fact for every scalar below a node, named by its dotted path; `skipped` are full names that are not entered."""
    if isinstance(node, Scalar):
        yield fact(Space.KEY, prefix, node)
    elif isinstance(node, Items):
        if not node.items:
            yield Fact(Space.KEY, prefix, "[]", node.source.path, node.start, node.end)
        for item in node.items:
            yield from keys(item, prefix + "[]", skipped)
    else:
        if not node.pairs:
            yield Fact(Space.KEY, prefix, "{}", node.source.path, node.start, node.end)
        for key, (_, value) in node.pairs.items():
            name = f"{prefix}.{key}" if prefix else key
            if name not in skipped:
                yield from keys(value, name, skipped)


def by_version(image: Node | None, facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """Return the flags that a program's version makes needless, where its command line is known: they stand at the image's name."""
    if (
        not isinstance(image, Scalar)
        or not is_quiet_vllm(image.text)
        or all(one.space is not Space.FLAG for one in facts)
    ):
        return ()
    return (Fact(Space.FLAG, "--no-enable-log-requests", PRESENT, image.source.path, image.start, image.end),)


def variables(node: Node | None) -> dict[str, tuple[Scalar, Scalar]]:
    """Return the variables of an `environment` or `env` in any of its shapes, as name and value; a value that comes from elsewhere is None.

    Shapes: a mapping, a list of `NAME=value`, and a list of `{name: …, value: …}`. Of one name the last counts.
    """
    found: dict[str, tuple[Scalar, Scalar]] = {}
    if isinstance(node, Mapping):
        for name, (key, value) in node.pairs.items():
            scalar = value if isinstance(value, Scalar) else _inner(key, value)
            # A key without a value takes what the caller's environment has.
            unset = scalar.value == "" and not scalar.style
            found[name] = (key, _unknown(key) if unset else scalar)
    elif isinstance(node, Items):
        for item in node.items:
            pair = _of_item(item)
            if pair is not None:
                found.pop(pair[0].text, None)
                found[pair[0].text] = pair
    return found


def _of_item(item: Node) -> tuple[Scalar, Scalar] | None:
    if isinstance(item, Scalar) and item.value:
        name, equals, _ = item.value.partition("=")
        key = part(item, 0, len(name))
        return key, part(item, len(name) + 1, len(item.value)) if equals else _unknown(key)
    if isinstance(item, Mapping):
        key_node = item.get("name") or item.get("key")
        if isinstance(key_node, Scalar) and key_node.value:
            value = item.get("value")
            if isinstance(value, Scalar):
                return key_node, value
            outer = "valueFrom" in item.pairs or value is not None
            return key_node, _unknown(key_node) if outer else _empty(key_node)
    return None


def _inner(key: Scalar, value: Node) -> Scalar:
    """Return what `NAME: {value: x, description: y}` sets."""
    inner = value.get("value") if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Scalar) else _unknown(key)


def _unknown(key: Scalar) -> Scalar:
    return Scalar(None, key.start, key.end, key.source)


def _empty(key: Scalar) -> Scalar:
    return Scalar("", key.start, key.end, key.source)


def environment(node: Node | None) -> tuple[Fact, ...]:
    """Return the variables of a node as facts."""
    return tuple(fact(Space.ENV, name, value) for name, (_, value) in variables(node).items())


def scattered(node: Node, known: Container[str]) -> Iterator[Fact]:
    """Yield the environment variables that stand anywhere below a node.

    They are keys that are known names, all keys below a key such as `env`, and pairs of `name` and `value`.
    """
    if isinstance(node, Items):
        yield from _listed(node, known)
    elif isinstance(node, Mapping):
        values = variables(node)
        for name, (_, value) in node.pairs.items():
            if name in known:
                yield fact(Space.ENV, name, values[name][1])
            elif not isinstance(value, Scalar):
                yield from _below(name, value, known)


def _listed(node: Items, known: Container[str]) -> Iterator[Fact]:
    if any(_is_pair(item) for item in node.items):
        for name, (_, scalar) in variables(node).items():
            if is_variable(name) or name in known:
                yield fact(Space.ENV, name, scalar)
    for item in node.items:
        if not isinstance(item, Scalar) and not _is_pair(item):
            yield from scattered(item, known)


def _below(name: str, value: Node, known: Container[str]) -> Iterator[Fact]:
    if name.replace("-", "_").lower() not in _ENV_KEYS:
        yield from scattered(value, known)
        return
    found = variables(value)
    for variable, (_, scalar) in found.items():
        if is_variable(variable) or variable in known:
            yield fact(Space.ENV, variable, scalar)
    if isinstance(value, Mapping):
        for variable, (_, inner) in value.pairs.items():
            if not isinstance(inner, Scalar) and not is_variable(variable):
                yield from scattered(inner, known)


def _is_pair(item: Node) -> bool:
    return isinstance(item, Mapping) and "name" in item.pairs and ("value" in item.pairs or "valueFrom" in item.pairs)
