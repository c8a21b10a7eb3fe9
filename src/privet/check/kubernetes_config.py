"""ConfigMaps, Secrets and what asks who is calling → environments, secrets in clear, and guards.

Invariant: no fact holds the value of a Secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privet.check import readers
from privet.check.facts import PRESENT, Fact, Space, Unit, UnitKind
from privet.check.kubernetes_signs import STAND_IN
from privet.check.network_policies import policies
from privet.check.networks import are_everywhere, is_outside
from privet.check.pattern import regex
from privet.check.readers import format_of
from privet.check.selectors import of_labels
from privet.check.yaml_facts import fact, keys
from privet.check.yaml_nodes import Mapping, Node, Scalar
from privet.check.yaml_places import located

_NAME: Final = regex(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
LOGIN_GUARD: Final = "k8s-ingress-auth-removed"
_LOGIN: Final = regex(
    r"(?:nginx\.ingress\.kubernetes\.io|nginx\.org|haproxy(?:-ingress\.github)?\.(?:io|org))/(?:auth-(?:url|type|secret|tls-secret|tls-verify-client)|basic-auth-secret|jwt-key|oauth)$"
    r"|alb\.ingress\.kubernetes\.io/auth-type$"
)
_SOURCES: Final = regex(
    r"/(?:whitelist|allowlist|denylist)-source-range$|haproxy(?:-ingress\.github)?\.(?:io|org)/(?:allow-list|whitelist)$"
    r"|alb\.ingress\.kubernetes\.io/inbound-cidrs$"
)
_CHAIN: Final = regex(r"router\.middlewares$|konghq\.com/plugins$")
_AUTH: Final = regex(r"auth|oidc|oauth|jwt|login|sso", re.IGNORECASE)


def configuration(item: Mapping, name: str, path: str, place: Node) -> Iterator[Unit]:
    """Yield the environment that a ConfigMap is for those who take all of it, and what the files say that it holds."""
    if item.text("kind") != "ConfigMap":
        return
    facts = []
    for key, (_, value) in item.mapping("data").pairs.items():
        if isinstance(value, Scalar) and _NAME.fullmatch(key):
            facts.append(fact(Space.ENV, key, value))
        elif isinstance(value, Scalar) and value.value and format_of(key):
            yield from located(readers.read(key, value.value, _nothing), value).units
    reference = f"configmap:{name.partition('/')[2]}"
    yield Unit(UnitKind.ENVIRONMENT, name, path, place.start, place.end, facts=tuple(facts), provides=(reference,))


def _nothing(_: str) -> None:
    """Stand for the other files of a volume, which are not looked for."""


def secret(item: Mapping, name: str, path: str, place: Node) -> Iterator[Unit]:
    """Yield a Secret; it has a fact when a value is committed in clear, base64 counting as clear."""
    if item.text("kind") != "Secret":
        return
    facts = [
        Fact(Space.KEY, f"k8s.secret.{field}", PRESENT, value.source.path, value.start, value.end)
        for field in (() if "sops" in item.pairs else ("stringData", "data"))
        for value in _scalars(item.mapping(field))
        if value.value is not None and not STAND_IN.fullmatch(value.value)
    ]
    facts.extend(keys(item.mapping("metadata"), "k8s.secret.metadata"))
    yield Unit(UnitKind.RESOURCE, name, path, place.start, place.end, facts=tuple(facts))


def _scalars(mapping: Mapping) -> Iterator[Scalar]:
    for _, value in mapping.pairs.values():
        if isinstance(value, Scalar):
            yield value


def guards(item: Mapping, path: str, place: Node) -> Iterator[Unit]:
    """Yield a guard for each thing that an object keeps: pods that get out or are called only as listed, a gateway that asks who calls."""
    kind = item.text("kind")
    if kind in {"Ingress", "IngressRoute", "HTTPProxy"}:
        yield from _login(item, path, place)
        yield from _sources(item, path, place)
    if kind in {"AuthorizationPolicy", "RequestAuthentication"} and not _lets_all_by(item):
        yield Unit(UnitKind.GUARD, f"caller of {_chosen(item)}", path, place.start, place.end, guard=LOGIN_GUARD)
    if kind == "ServiceEntry":
        yield from _exits(item, path)
    yield from policies(item, path, place)


def _exits(item: Mapping, path: str) -> Iterator[Unit]:
    """Yield a unit for each host outside that a mesh lets its pods reach."""
    for host in item.items("spec", "hosts"):
        if isinstance(host, Scalar) and is_outside(host.text) and item.text("spec", "location") != "MESH_INTERNAL":
            fact = Fact(Space.KEY, "code:k8s-egress-outside", PRESENT, path, host.start, host.end)
            yield Unit(UnitKind.RESOURCE, f"exit to {host.text}", path, host.start, host.end, facts=(fact,))


def _lets_all_by(item: Mapping) -> bool:
    """Tell whether a policy of the mesh asks nobody: it allows, by a rule that names nothing."""
    rules = item.items("spec", "rules")
    is_allowing = item.text("spec", "action") in {"", "ALLOW"}
    return is_allowing and any(isinstance(rule, Mapping) and not rule.pairs for rule in rules)


def _chosen(item: Mapping) -> str:
    return ", ".join(of_labels(item.get("spec", "selector"))) or item.text("metadata", "namespace") or "all pods"


def _sources(item: Mapping, path: str, place: Node) -> Iterator[Unit]:
    """Yield a guard when an Ingress lets only some addresses in."""
    for name, (_, value) in item.mapping("metadata", "annotations").pairs.items():
        listed = value.text.split(",") if isinstance(value, Scalar) and _SOURCES.search(name) else []
        if any(listed) and not are_everywhere(one.strip() for one in listed):
            title = f"addresses let in by {name_of_host(item)}"
            yield Unit(UnitKind.GUARD, title, path, place.start, place.end, guard=LOGIN_GUARD)


def _login(item: Mapping, path: str, place: Node) -> Iterator[Unit]:
    """Yield a guard when an Ingress has its controller ask who is calling."""
    if asks_by_annotation(item):
        yield Unit(UnitKind.GUARD, f"login of {name_of_host(item)}", path, place.start, place.end, guard=LOGIN_GUARD)
        return
    for route in item.items("spec", "routes"):
        if isinstance(route, Mapping) and asks_by_middleware(route):
            title = f"login of {route.text('match') or name_of_host(item)}"
            yield Unit(UnitKind.GUARD, title, path, place.start, place.end, guard=LOGIN_GUARD)


def asks_by_annotation(item: Mapping) -> bool:
    """Tell whether an Ingress has its controller ask who is calling."""
    return any(
        (_LOGIN.search(name) and said not in {"", "none", "off"}) or (_CHAIN.search(name) and _AUTH.search(said))
        for name, (_, value) in item.mapping("metadata", "annotations").pairs.items()
        if isinstance(value, Scalar) and (said := value.text) is not None
    )


def asks_by_middleware(route: Mapping) -> bool:
    """Tell whether a route of Traefik's goes through something that asks who is calling."""
    return any(isinstance(one, Mapping) and _AUTH.search(one.text("name")) for one in route.items("middlewares"))


def name_of_host(item: Mapping) -> str:
    """Return the first host of an Ingress, else its name."""
    rules = [rule for rule in item.items("spec", "rules") if isinstance(rule, Mapping)]
    return next((rule.text("host") for rule in rules if rule.text("host")), item.text("metadata", "name"))
