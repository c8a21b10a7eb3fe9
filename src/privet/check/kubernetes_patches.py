"""Patches over Kubernetes objects: strategic merge, and the operations of RFC 6902.

Invariant: nodes keep their files, so that a merged object points into the base and into the patch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from privet.check.yaml_nodes import Items, Mapping, Node, Scalar

_KEYS: Final = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port"),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
}
"""By which key the items of a list are the same; other lists are replaced. Source: `patchMergeKey` of the API's types."""


def laid_over(base: Mapping, patch: Mapping) -> Mapping:
    """Return an object with a strategic merge patch applied."""
    pairs = dict(base.pairs)
    for name, (key, node) in patch.pairs.items():
        if name.startswith("$"):
            continue
        old = pairs[name][1] if name in pairs else None
        if isinstance(node, Scalar) and node.value == "" and not node.style:
            pairs.pop(name, None)
        elif isinstance(old, Mapping) and isinstance(node, Mapping) and node.text("$patch") != "replace":
            pairs[name] = (key, laid_over(old, node))
        elif isinstance(old, Items) and isinstance(node, Items) and name in _KEYS:
            pairs[name] = (key, _listed(old, node, _KEYS[name]))
        elif not (isinstance(node, Mapping) and node.text("$patch") == "delete"):
            pairs[name] = (key, node)
        else:
            pairs.pop(name, None)
    return replace(base, pairs=pairs)


def _listed(old: Items, new: Items, keys: tuple[str, ...]) -> Items:
    items = list(old.items)
    for item in new.items:
        if not isinstance(item, Mapping):
            items.append(item)
            continue
        same = next((place for place, one in enumerate(items) if _is_same(one, item, keys)), None)
        if item.text("$patch") == "delete":
            if same is not None:
                del items[same]
        elif same is None:
            items.append(item)
        else:
            found = items[same]
            items[same] = laid_over(found, item) if isinstance(found, Mapping) else item
    return replace(old, items=tuple(items))


def _is_same(one: Node, other: Mapping, keys: tuple[str, ...]) -> bool:
    return isinstance(one, Mapping) and any(one.text(key) and one.text(key) == other.text(key) for key in keys)


def operated(base: Mapping, operations: Iterable[Node]) -> Mapping:
    """Return an object with the operations of a JSON patch done; one that fits nothing does nothing."""
    found: Node = base
    for operation in operations:
        if isinstance(operation, Mapping) and operation.text("op") in {"add", "replace", "remove"}:
            parts = [part.replace("~1", "/").replace("~0", "~") for part in operation.text("path").split("/")[1:]]
            value = operation.get("value") if operation.text("op") != "remove" else None
            key = operation.get("path")
            if parts and isinstance(key, Scalar):
                found = _operated(found, parts, key, value, is_added=operation.text("op") == "add")
    return found if isinstance(found, Mapping) else base


def _operated(node: Node, parts: list[str], key: Scalar, value: Node | None, *, is_added: bool) -> Node:
    name, rest = parts[0], parts[1:]
    if isinstance(node, Mapping):
        pairs = dict(node.pairs)
        if rest and name in pairs:
            pairs[name] = (pairs[name][0], _operated(pairs[name][1], rest, key, value, is_added=is_added))
        elif not rest and value is not None:
            pairs[name] = (pairs[name][0] if name in pairs else key, value)
        elif not rest:
            pairs.pop(name, None)
        return replace(node, pairs=pairs)
    if isinstance(node, Items):
        return replace(node, items=_in_list(node.items, name, rest, key, value, is_added=is_added))
    return node


def _in_list(
    items: tuple[Node, ...], name: str, rest: list[str], key: Scalar, value: Node | None, *, is_added: bool
) -> tuple[Node, ...]:
    place = len(items) if name == "-" else int(name) if re.fullmatch(r"\d{1,6}", name) else -1
    if rest and 0 <= place < len(items):
        inner = _operated(items[place], rest, key, value, is_added=is_added)
        return (*items[:place], inner, *items[place + 1 :])
    if rest or not 0 <= place <= len(items):
        return items
    middle = () if value is None else (value,)
    return (*items[:place], *middle, *items[place + (0 if is_added else 1) :])
