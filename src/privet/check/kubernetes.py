"""Kubernetes manifests → pods, containers, environments and other objects, from any kind of workload.

Source: Kubernetes API reference v1.31. Invariants:

- A pod is found by its shape, a list `containers` of mappings, so that operators' own kinds are read as well.
- What a pod's securityContext sets counts for each container that does not say otherwise.
- A container without an image is a patch: what it says is told, what it leaves out is not missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from privet.check.facts import Note, Reading, Unit, UnitKind
from privet.check.kubernetes_access import ROLES, grants, has_grants, open_ports
from privet.check.kubernetes_config import configuration, guards, secret
from privet.check.kubernetes_pods import Pod, containers, own_paths, pods, resource
from privet.check.kubernetes_routes import places
from privet.check.kubernetes_signs import logged_bodies, of_gateway
from privet.check.network_policies import anywhere
from privet.check.pattern import regex
from privet.check.yaml_facts import keys
from privet.check.yaml_nodes import Mapping, Node, Scalar, documents

_KIND: Final = regex(r"(?:^[ \t-]*|[{,][ \t]*)[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?(\w+)", re.MULTILINE)
_IGNORED: Final = frozenset(
    (
        "CustomResourceDefinition",
        "ClusterRoleBinding",
        "RoleBinding",
        "Kustomization",
        "PriorityClass",
        "Component",
    )
)
"""Kinds that say nothing about content: left out before they are read, because some are very long."""
_SKIPPED: Final = ("kind", "apiVersion", "metadata.managedFields")
_UNNAMED: Final = "unnamed"


def is_manifest(text: str) -> bool:
    """Tell whether a text holds a Kubernetes object worth reading."""
    skipped = _IGNORED if "apiVersion" not in text or has_grants(text) else _IGNORED | ROLES
    return "apiVersion" in text and any(kind not in skipped for kind in _KIND.findall(text))


def read(path: str, text: str) -> Reading:
    """Return the units of a file of manifests."""
    nodes, notes = documents(path, text)
    return units_of(list(objects(nodes)), path, notes)


def objects(nodes: Iterable[Node]) -> Iterator[Mapping]:
    """Yield the objects of documents, and those inside lists of objects."""
    for node in nodes:
        if not isinstance(node, Mapping) or not node.text("kind"):
            continue
        if node.text("kind").endswith("List") and node.get("items") is not None:
            yield from objects(node.items("items"))
        elif node.text("kind") not in _IGNORED:
            yield node


def name_of(item: Mapping) -> str:
    """Return `kind/name` in lower case; a name that a template makes is its expression."""
    name = item.get("metadata", "name") or item.get("metadata", "generateName")
    text = _UNNAMED
    if isinstance(name, Scalar):
        text = name.value or " ".join(name.source.text[name.start : name.end].strip("\"'").split()) or _UNNAMED
    return f"{item.text('kind').lower()}/{text}"


def units_of(items: list[Mapping], path: str, notes: Iterable[Note] = ()) -> Reading:
    """Return the units of objects; `path` is the file that the units are said to be of."""
    maps = {name_of(item): item for item in items if item.text("kind") == "ConfigMap"}
    units: list[Unit] = []
    for item in items:
        units.extend(_units(item, path, maps))
    units.extend(places(items, path))
    return Reading(tuple(units), tuple(notes))


def _units(item: Mapping, path: str, maps: dict[str, Mapping]) -> Iterator[Unit]:
    kind, name = item.text("kind"), name_of(item)
    place = item.get("metadata", "name") or item.get("kind") or item
    if kind in {"ConfigMap", "Secret"}:
        yield from configuration(item, name, path, place)
        yield from secret(item, name, path, place)
        return
    if kind in ROLES:
        yield from grants(item, name, path)
        return
    if kind == "PeerAuthentication":
        yield from open_ports(item, path)
    found: list[Pod] = list(pods(item, name))
    prefix = f"k8s.{kind.lower()}"
    skipped = {f"{prefix}.{one}" for one in (*_SKIPPED, *(one for pod in found for one in own_paths(pod)))}
    facts = (*keys(item, prefix, skipped), *anywhere(item), *logged_bodies(item), *of_gateway(item))
    for number, pod in enumerate(found):
        yield resource(pod, path, () if number else facts)
        yield from containers(pod, path, maps)
    if not found:
        yield Unit(UnitKind.RESOURCE, name, path, place.start, place.end, facts=facts)
    yield from guards(item, path, place)
