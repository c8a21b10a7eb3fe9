"""A compose service in one form, whatever form it is written in, and how one file's service lies over another's.

Source: compose specification, "Services top-level elements" and "Merge". Invariants:

- Nodes keep the file in which they stand, so that a merged service points into both.
- Short and long forms are equal afterwards: environment, labels and build arguments are mappings; ports, volumes and networks are lists of
  scalars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Map
from typing import Final

from privet.check.compose_variables import filled
from privet.check.yaml_facts import variables
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar

_MAPPINGS: Final = frozenset(("environment", "labels", "annotations", "sysctls", "args"))
_LISTS: Final = frozenset(
    ("tmpfs", "env_file", "dns", "dns_search", "dns_opt", "cap_add", "cap_drop", "security_opt", "devices", "profiles")
)
_REPLACED: Final = frozenset(("command", "entrypoint", "test"))
"""Lists that an overriding file replaces; others it extends."""
_WORDS: Final = frozenset(("command", "entrypoint"))
_MODES: Final = {"true": ":ro"}


def normal(service: Mapping, known: Map[str, Scalar]) -> Mapping:
    """Return a service with every setting in its one form, and `known` variables replaced."""
    return _with(service, {name: (key, _normal(name, key, node, known)) for name, (key, node) in service.pairs.items()})


def _with(mapping: Mapping, pairs: dict[str, tuple[Scalar, Node]]) -> Mapping:
    return Mapping(pairs, mapping.start, mapping.end, mapping.source, mapping.tag, mapping.size)


def _normal(name: str, key: Scalar, node: Node, known: Map[str, Scalar]) -> Node:
    if name in _MAPPINGS and isinstance(node, Items | Mapping):
        return filled(_of(node, dict(variables(node))), known)
    if name == "build":
        return normal(node, known) if isinstance(node, Mapping) else _of(node, {"context": (key, filled(node, known))})
    if name in _WORDS and isinstance(node, Scalar):
        return node  # its words are taken apart first, so that each keeps its place
    return _listed(name, filled(node, known))


def _listed(name: str, node: Node) -> Node:
    if name in _LISTS and isinstance(node, Scalar):
        return _items(node, (node,) if node.value != "" else ())
    if name in _LONG:
        return _items(node, [_LONG[name](item) for item in _each(name, node)])
    if name == "ulimits" and isinstance(node, Mapping):
        return _with(node, {limit: (mark, _hard(value)) for limit, (mark, value) in node.pairs.items()})
    return node


def _of(node: Node, pairs: dict[str, tuple[Scalar, Node]]) -> Mapping:
    return Mapping(pairs, node.start, node.end, node.source, node.tag)


def _items(node: Node, items: Iterable[Node]) -> Items:
    return Items(tuple(items), node.start, node.end, node.source, node.tag)


def _each(name: str, node: Node) -> Iterable[Node]:
    if isinstance(node, Items):
        return node.items
    if isinstance(node, Mapping):
        if name == "networks":
            return [key for key, _ in node.pairs.values()]
        return [_joined(value, f"{host}:{_text(value)}") for host, (_, value) in node.pairs.items()]
    return (node,)


def _joined(node: Node, text: str) -> Scalar:
    return Scalar(text, node.start, node.end, node.source, "$")


def _text(node: Node) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _port(item: Node) -> Node:
    if not isinstance(item, Mapping):
        return item
    parts = [item.text("host_ip"), item.text("published"), item.text("target")]
    if ":" in parts[0]:
        parts[0] = f"[{parts[0]}]"
    host = item.get("host_ip")
    if isinstance(host, Scalar) and host.value is None:
        return host
    if parts[0] and not parts[1]:
        return _joined(item, ":".join(parts))
    return _joined(item, ":".join(value for value in parts if value))


def _volume(item: Node) -> Node:
    if not isinstance(item, Mapping):
        return item
    parts = [value for value in (item.text("source"), item.text("target")) if value]
    if item.text("type") == "tmpfs":
        parts = ["tmpfs", item.text("target")]
    return _joined(item, ":".join(parts) + _MODES.get(item.text("read_only").lower(), ""))


def _env_file(item: Node) -> Node:
    path = item.get("path") if isinstance(item, Mapping) else item
    return path or item


def _same(item: Node) -> Node:
    return item


_LONG: Final[dict[str, Callable[[Node], Node]]] = {
    "ports": _port,
    "volumes": _volume,
    "env_file": _env_file,
    "networks": _same,
    "extra_hosts": _same,
}


def _hard(limit: Node) -> Node:
    return (limit.get("hard") or limit) if isinstance(limit, Mapping) else limit


def merged(base: Mapping, over: Mapping) -> Mapping:
    """Return what takes effect when `over` lies over `base`: both in their one form."""
    pairs = dict(base.pairs)
    for name, (key, node) in over.pairs.items():
        old = pairs[name][1] if name in pairs else None
        if node.tag == "!reset":
            pairs.pop(name, None)
        elif old is None or node.tag == "!override":
            pairs[name] = (key, node)
        elif isinstance(old, Mapping) and isinstance(node, Mapping):
            pairs[name] = (key, merged(old, node))
        elif isinstance(old, Items) and isinstance(node, Items) and name not in _REPLACED:
            pairs[name] = (key, _items(node, _extended(name, old, node)))
        else:
            pairs[name] = (key, node)
    return _with(over, pairs)


def _extended(name: str, old: Items, new: Items) -> list[Node]:
    """Return both lists; of two items for the same place in the container the new one stays."""
    place = _PLACES.get(name, _text)
    taken = {place(item) for item in new.items if isinstance(item, Scalar) and item.value is not None}
    return [item for item in old.items if not isinstance(item, Scalar) or place(item) not in taken] + list(new.items)


def _target(item: Node) -> str:
    parts = _text(item).split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def _host(item: Node) -> str:
    return _text(item).replace("=", ":").partition(":")[0]


_PLACES: Final[dict[str, Callable[[Node], str]]] = {"volumes": _target, "extra_hosts": _host, "tmpfs": _host}
