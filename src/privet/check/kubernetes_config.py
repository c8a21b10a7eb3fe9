"""ConfigMaps, Secrets and NetworkPolicies → environments, secrets in clear, and guards.

Invariants: no fact holds the value of a Secret; a policy is a guard by what it selects, not by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privet.check import readers
from privet.check.facts import PRESENT, Fact, Space, Unit, UnitKind
from privet.check.kubernetes_signs import STAND_IN
from privet.check.readers import format_of
from privet.check.yaml_facts import fact, keys
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar
from privet.check.yaml_places import located

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
EGRESS_GUARD: Final = "k8s-networkpolicy-removed"
INGRESS_GUARD: Final = "k8s-ingress-policy-removed"
LOGIN_GUARD: Final = "k8s-ingress-auth-removed"
_LOGIN: Final = re.compile(
    r"(?:nginx\.ingress\.kubernetes\.io|nginx\.org|haproxy(?:-ingress\.github)?\.(?:io|org))/(?:auth-(?:url|type|secret|tls-secret|tls-verify-client)|basic-auth-secret|jwt-key|oauth)$"
    r"|alb\.ingress\.kubernetes\.io/auth-type$"
)
_CHAIN: Final = re.compile(r"router\.middlewares$|konghq\.com/plugins$")
_AUTH: Final = re.compile(r"auth|oidc|oauth|jwt|login|sso", re.IGNORECASE)


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
    if kind == "Ingress":
        yield from _login(item, path, place)
    if kind not in {"NetworkPolicy", "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"}:
        return
    spec = item.mapping("spec")
    types = [node.text for node in spec.items("policyTypes") if isinstance(node, Scalar)]
    chosen = spec.mapping("podSelector") if "podSelector" in spec.pairs else spec.mapping("endpointSelector")
    labels = sorted(f"{one.name.removeprefix('.')}={one.value}" for one in keys(chosen, "") if one.value != "{}")
    pods = ", ".join(labels) or "all pods"
    # Types that are written are the only ones: rules of another kind beside them do nothing.
    if ("Egress" in types or ("egress" in spec.pairs and not types)) and not any(
        is_open(rule) for rule in spec.items("egress")
    ):
        yield Unit(UnitKind.GUARD, f"egress policy of {pods}", path, place.start, place.end, guard=EGRESS_GUARD)
    # Without `policyTypes` a policy is one of ingress as well.
    incoming = "Ingress" in types or (not types and (kind == "NetworkPolicy" or "ingress" in spec.pairs))
    if incoming and not any(_lets_all_in(rule) for rule in spec.items("ingress")):
        yield Unit(UnitKind.GUARD, f"ingress policy of {pods}", path, place.start, place.end, guard=INGRESS_GUARD)


def _lets_all_in(rule: Node) -> bool:
    """Tell whether an ingress rule lets everybody in: no source, or every address."""
    if not isinstance(rule, Mapping):
        return False
    if "fromEntities" in rule.pairs:
        return any(isinstance(node, Scalar) and node.text in {"world", "all"} for node in rule.items("fromEntities"))
    if rule.pairs.keys() - {"ports", "from", "toPorts"}:
        return any(node.text in _EVERYWHERE for node in rule.items("fromCIDR") if isinstance(node, Scalar))
    if isinstance(rule.get("from"), Scalar):
        return False  # what a template writes is not known, and is not nothing
    sources = [node for node in rule.items("from") if isinstance(node, Mapping)]
    return not sources or any(node.text("ipBlock", "cidr") in _EVERYWHERE for node in sources)


def _login(item: Mapping, path: str, place: Node) -> Iterator[Unit]:
    """Yield a guard when an Ingress has its controller ask who is calling."""
    for name, (_, value) in item.mapping("metadata", "annotations").pairs.items():
        said = value.text if isinstance(value, Scalar) else ""
        if (_LOGIN.search(name) and said not in {"", "none", "off"}) or (_CHAIN.search(name) and _AUTH.search(said)):
            yield Unit(
                UnitKind.GUARD, f"login of {name_of_host(item)}", path, place.start, place.end, guard=LOGIN_GUARD
            )
            return


def name_of_host(item: Mapping) -> str:
    """Return the first host of an Ingress, else its name."""
    rules = [rule for rule in item.items("spec", "rules") if isinstance(rule, Mapping)]
    return next((rule.text("host") for rule in rules if rule.text("host")), item.text("metadata", "name"))


def anywhere(item: Mapping) -> Iterator[Fact]:
    """Yield an empty rule for each egress rule that names no destination, as an empty one does not."""
    if item.text("kind") == "NetworkPolicy":
        for rule in item.mapping("spec").items("egress"):
            if isinstance(rule, Mapping) and rule.pairs and not rule.items("to") and is_open(rule):
                yield Fact(Space.KEY, "k8s.networkpolicy.spec.egress[]", "{}", rule.source.path, rule.start, rule.end)


def is_open(rule: Node) -> bool:
    """Tell whether an egress rule lets everything out: no destination, or every address. DNS to anywhere is not everything."""
    if not isinstance(rule, Mapping):
        return False
    places = rule.get("to")
    if "toEntities" in rule.pairs:
        return any(isinstance(node, Scalar) and node.text in {"world", "all"} for node in rule.items("toEntities"))
    if rule.pairs.keys() - {"ports", "to"}:
        return any(node.text in _EVERYWHERE for node in rule.items("toCIDR") if isinstance(node, Scalar))
    if not isinstance(places, Items) or not places.items:
        ports = [port.text("port") for port in rule.items("ports") if isinstance(port, Mapping)]
        return not ports or any(port not in {"53", "dns", "dns-tcp"} for port in ports)
    return any(isinstance(node, Mapping) and node.text("ipBlock", "cidr") in _EVERYWHERE for node in places.items)


_EVERYWHERE: Final = frozenset(("0.0.0.0/0", "::/0"))
