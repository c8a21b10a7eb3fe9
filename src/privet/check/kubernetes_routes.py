"""Ingresses and Traefik's routes of one file → which part of a host asks who is calling: a longer path goes before a shorter one.

Sources: kubernetes.io/docs/concepts/services-networking/ingress ("Multiple matches"), doc.traefik.io/traefik/routing/routers ("Priority").

Invariant: where nothing asks nothing is said; a new part of a host is judged by what it is cut out of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.kubernetes_config import asks_by_annotation, asks_by_middleware
from privet.check.traefik import is_wider_rule, parts_of
from privet.check.yaml_nodes import Mapping, Node

_MOST: Final = 300
"""So many parts of hosts are compared with one another."""


class _Place(NamedTuple):
    rule: str
    parts: frozenset[str]
    asks: bool
    node: Node


def places(items: Iterable[Mapping], path: str) -> Iterator[Unit]:
    """Yield whether each part of a host is asked for a login, where another one is."""
    found = [place for item in items for place in _of(item) if place.parts]
    if len(found) > _MOST or not any(place.asks for place in found):
        return
    for place in found:
        wider = [other for other in found if is_wider_rule(other.parts, place.parts)]
        over = max(wider, key=lambda other: (len(other.parts), len(other.rule)), default=None)
        fact = Fact(Space.KEY, "proxy.place.asks", str(place.asks).lower(), path, place.node.start, place.node.end)
        yield Unit(
            UnitKind.RESOURCE,
            f"login at {place.rule}",
            path,
            place.node.start,
            place.node.end,
            facts=(fact,),
            over=(path, f"login at {over.rule}") if over else ("", ""),
        )


def _of(item: Mapping) -> Iterator[_Place]:
    if item.text("kind") == "IngressRoute":
        for route in item.items("spec", "routes"):
            match = route.get("match") if isinstance(route, Mapping) else None
            if isinstance(route, Mapping) and match is not None:
                yield _place(route.text("match"), match, asks=asks_by_middleware(route))
    elif item.text("kind") == "Ingress":
        for rule in item.items("spec", "rules"):
            listed = rule.items("http", "paths") if isinstance(rule, Mapping) else ()
            for one in listed:
                if isinstance(rule, Mapping) and isinstance(one, Mapping):
                    said = f"Host(`{rule.text('host')}`) && PathPrefix(`{one.text('path') or '/'}`)"
                    yield _place(said, one.get("path") or one, asks=asks_by_annotation(item))


def _place(rule: str, node: Node, *, asks: bool) -> _Place:
    return _Place(rule, parts_of(rule), asks, node)
