"""Network policies of Kubernetes, Cilium and Calico → guards of what they select, and the destinations that they let pods reach.

Sources: Kubernetes API reference, "NetworkPolicy"; docs.cilium.io, "Layer 3 Policies", "Policy Enforcement Modes"; docs.tigera.io,
"Network policy".

Invariants: a policy is a guard by what it selects, never by its name; one whose rules let everything by is none; what a template
writes is not known, and is not nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from privet.check import network_peers
from privet.check.facts import PRESENT, Fact, Space, Unit, UnitKind
from privet.check.networks import is_everywhere, is_outside
from privet.check.selectors import SELECTS, UNKNOWN, of_calico, of_labels
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar

EGRESS_GUARD: Final = "k8s-networkpolicy-removed"
INGRESS_GUARD: Final = "k8s-ingress-policy-removed"
INSTALLED: Final = ", installed"
"""What the name of a guard ends in that a kustomization takes as it is."""
_CILIUM: Final = frozenset(("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"))
_KINDS: Final = frozenset(("NetworkPolicy", "GlobalNetworkPolicy", *_CILIUM))
_WORLD: Final = frozenset(("world", "world-ipv4", "world-ipv6", "all"))
_NAME_PORTS: Final = frozenset(("53", "dns", "dns-tcp", "dns-udp", "5353"))
_ALL_PORTS: Final = 65535
_FEW: Final = 1000
"""A range of so many ports is no list of services any more."""


def policies(item: Mapping, path: str, place: Node) -> Iterator[Unit]:
    """Yield the guards of a policy, and each destination that it names."""
    for policy in _policies(item, path, place):
        yield from policy.units()


def anywhere(item: Mapping) -> Iterator[Fact]:
    """Yield an empty rule for each egress rule that lets everything out, as an empty one does. A network is told as it is written."""
    for policy in _policies(item, item.source.path, item):
        for rule in policy.rules("egress"):
            if policy.is_open(rule) and rule.pairs and not any(_get(one, "ipBlock") for one in rule.items("to")):
                yield Fact(Space.KEY, "k8s.networkpolicy.spec.egress[]", "{}", rule.source.path, rule.start, rule.end)


def _policies(item: Mapping, path: str, place: Node) -> Iterator[_Policy]:
    if item.text("kind") in _KINDS:
        specs = [item.mapping("spec"), *(one for one in item.items("specs") if isinstance(one, Mapping))]
        yield from (_Policy(item, spec, path, place) for spec in specs if spec.pairs)


class _Policy:
    """One rule set of one policy."""

    def __init__(self, item: Mapping, spec: Mapping, path: str, place: Node) -> None:
        self._spec = spec
        self._path = path
        self._place = place
        self._is_cilium = item.text("kind") in _CILIUM
        self._is_calico = "calico" in item.text("apiVersion")
        self._dialect = f"{'calico ' if self._is_calico else ''}{item.text('kind')}"
        chosen = spec.get("selector") if self._is_calico else spec.get("endpointSelector") or spec.get("podSelector")
        selects = of_calico(chosen) if self._is_calico else of_labels(chosen)
        if {"nodeSelector", "namespaceSelector", "serviceAccountSelector"} & spec.pairs.keys():
            selects = (*selects, UNKNOWN)
        self._pods = ", ".join(selects) or "all pods"
        namespace = item.text("metadata", "namespace")
        self._facts = tuple(
            Fact(Space.KEY, SELECTS, value, path, place.start, place.end)
            for value in (*selects, *((f"namespace = {namespace}",) if namespace else ()))
        )

    def units(self) -> Iterator[Unit]:
        if self._restricts("egress") and not any(self.is_open(rule) for rule in self.rules("egress")):
            yield self._guard(f"egress policy of {self._pods}", EGRESS_GUARD, "egress")
        if self._restricts("ingress") and not any(self._lets_all_in(rule) for rule in self.rules("ingress")):
            yield self._guard(f"ingress policy of {self._pods}", INGRESS_GUARD, "ingress")
        for rule in self.rules("egress"):
            yield from self._destinations(rule)

    def _guard(self, name: str, rule: str, direction: str) -> Unit:
        place = self._place
        way = "from" if direction == "ingress" else "to"
        peers = [
            fact
            for one in self.rules(direction)
            for fact in network_peers.facts(
                one, way, [port.text("port") for port in _port_items(one)], self._dialect, self._path
            )
        ]
        return Unit(UnitKind.GUARD, name, self._path, place.start, place.end, facts=(*self._facts, *peers), guard=rule)

    def rules(self, direction: str) -> Iterator[Mapping]:
        """Yield what is let by; rules that deny let nothing by."""
        for rule in self._spec.items(direction):
            if isinstance(rule, Mapping) and rule.text("action") in {"", "Allow", "allow"}:
                yield rule

    def _restricts(self, direction: str) -> bool:
        """Tell whether what a policy does not name is kept out."""
        spec = self._spec
        if self._is_cilium:
            default = spec.text("enableDefaultDeny", direction).lower()
            return default != "false" and (bool(spec.items(direction)) or f"{direction}Deny" in spec.pairs)
        listed = spec.get("types" if self._is_calico else "policyTypes")
        # Types that are written are the only ones: rules of another kind beside them do nothing.
        types = [node.text for node in listed.items if isinstance(node, Scalar)] if isinstance(listed, Items) else []
        if types:
            return direction.capitalize() in types
        # Without types a policy of Kubernetes is one of ingress as well.
        return direction in spec.pairs or (
            direction == "ingress" and (not self._is_calico or "egress" not in spec.pairs)
        )

    def is_open(self, rule: Mapping) -> bool:
        """Tell whether an egress rule lets everything out: no destination, or every address. DNS to anywhere is not everything."""
        if self._is_cilium:
            places = [name for name in rule.pairs if name.startswith("to") and name != "toPorts"]
            if not places:
                return "toPorts" in rule.pairs and not _is_dns(rule)
            return any(is_everywhere(text) for text in self._addresses(rule)) or any(
                isinstance(node, Scalar) and node.text in _WORLD for node in rule.items("toEntities")
            )
        if self._is_calico:
            to = rule.mapping("destination")
            if not to.pairs.keys() - {"ports", "notPorts"}:
                return not _is_dns(rule)
        elif not isinstance(rule.get("to"), Items) or not rule.items("to"):
            return not isinstance(rule.get("to"), Scalar) and not _is_dns(rule)
        return any(is_everywhere(text) for text in self._addresses(rule))

    def _lets_all_in(self, rule: Mapping) -> bool:
        """Tell whether an ingress rule lets everybody in: no source, or every address."""
        if self._is_cilium:
            places = [name for name in rule.pairs if name.startswith("from")]
            if not places:
                return "toPorts" in rule.pairs
            return any(is_everywhere(text) for text in self._addresses(rule, "from")) or any(
                isinstance(node, Scalar) and node.text in _WORLD for node in rule.items("fromEntities")
            )
        if self._is_calico:
            if not rule.mapping("source").pairs:
                return True
        elif isinstance(rule.get("from"), Scalar):
            return False  # what a template writes is not known, and is not nothing
        elif not any(isinstance(node, Mapping) for node in rule.items("from")):
            return True
        return any(is_everywhere(text) for text in self._addresses(rule, "from"))

    def _addresses(self, rule: Mapping, way: str = "to") -> Iterator[str]:
        """Yield the addresses and names of hosts that a rule has."""
        if self._is_calico:
            side = rule.mapping("destination" if way == "to" else "source")
            nodes: list[Node | None] = [*side.items("nets"), side.get("net"), *side.items("domains")]
        elif self._is_cilium:
            nodes = [*rule.items(f"{way}CIDR"), *(_get(one, "cidr") for one in rule.items(f"{way}CIDRSet"))]
            for one in rule.items("toFQDNs") if way == "to" else ():
                nodes += [_get(one, "matchName"), _get(one, "matchPattern")]
        else:
            nodes = [_get(one, "ipBlock", "cidr") for one in rule.items(way)]
        yield from (node.value for node in nodes if isinstance(node, Scalar) and node.value)

    def _destinations(self, rule: Mapping) -> Iterator[Unit]:
        """Yield a unit for each destination outside; how many ports of it are open is compared."""
        facts = (_ports(rule),)
        for text in self._addresses(rule):
            if is_outside(text):
                place = Fact(Space.KEY, "code:k8s-egress-outside", PRESENT, self._path, rule.start, rule.end)
                name = f"egress of {self._pods} to {text}"
                yield Unit(UnitKind.RESOURCE, name, self._path, rule.start, rule.end, facts=(place, *facts))
        if not _is_dns(rule) and any(_is_every_pod(one) for one in rule.items("to")):
            place = Fact(Space.KEY, "code:k8s-egress-cluster", PRESENT, self._path, rule.start, rule.end)
            name = f"egress of {self._pods} to every pod"
            yield Unit(UnitKind.RESOURCE, name, self._path, rule.start, rule.end, facts=(place,))
        peers = _peers(rule)
        if peers:
            name = f"egress of {self._pods} to {peers}"
            yield Unit(UnitKind.RESOURCE, name, self._path, rule.start, rule.end, facts=facts)


def _get(node: Node, *names: str) -> Node | None:
    return node.get(*names) if isinstance(node, Mapping) else None


def _is_every_pod(peer: Node) -> bool:
    namespaces = _get(peer, "namespaceSelector")
    return isinstance(namespaces, Mapping) and not namespaces.pairs and not of_labels(_get(peer, "podSelector"))


def _peers(rule: Mapping) -> str:
    """Return the peers inside that a rule names, in one spelling."""
    found = []
    for one in (*rule.items("to"), *rule.items("toEndpoints")):
        network = _get(one, "ipBlock", "cidr")
        if isinstance(network, Scalar):
            found.append(network.text)
        for name in ("namespaceSelector", "podSelector", "matchLabels"):
            chosen = _get(one, name)
            if chosen is not None:
                found.append(f"{name} {', '.join(of_labels(one if name == 'matchLabels' else chosen))}")
    return "; ".join(sorted(found))


def _port_items(rule: Mapping) -> list[Mapping]:
    listed = [*rule.items("ports"), *rule.items("destination", "ports")]
    for one in rule.items("toPorts"):
        listed += one.items("ports") if isinstance(one, Mapping) else ()
    found = [one for one in listed if isinstance(one, Mapping)]
    return found + [
        Mapping({"port": (one, one)}, one.start, one.end, one.source) for one in listed if isinstance(one, Scalar)
    ]


def _is_dns(rule: Mapping) -> bool:
    ports = _port_items(rule)
    return bool(ports) and all(port.text("port").lower() in _NAME_PORTS for port in ports)


def _ports(rule: Mapping) -> Fact:
    """Return how wide a rule's ports are: none for single ones, else the size of the largest range."""
    ports = _port_items(rule)
    width = 0 if ports else _ALL_PORTS
    for port in ports:
        first, last = port.text("port"), port.text("endPort")
        if ":" in first:
            first, _, last = first.partition(":")
        if port.text("port") == "0" or not port.pairs.keys() - {"protocol"}:
            width = _ALL_PORTS
        elif first.isdecimal() and last.isdecimal():
            width = max(width, int(last) - int(first))
    return Fact(
        Space.KEY, "k8s.egress.ports", str(width if width >= _FEW else 0), rule.source.path, rule.start, rule.end
    )
