"""Who may call, or be called, by each rule of a network policy: what one item asks for together, in one spelling for all dialects.

Source: Kubernetes API reference, "NetworkPolicyPeer": selectors of one item are all asked for, items of one list are each enough.

Invariants: a peer without requirements is everybody in the cluster; a peer of which something is not known is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from privet.check.facts import Fact, Space
from privet.check.selectors import UNKNOWN, of_calico, of_labels
from privet.check.yaml_nodes import Mapping, Node, Scalar

PEER: Final = "code:k8s-peer"
"""The name of a fact whose value is the ports of a rule, and after them what one of its peers has to be, each in a line."""
_OWN: Final = "own namespace"
_NAMESPACE: Final = "io.kubernetes.pod.namespace"


def facts(rule: Mapping, way: str, ports: Sequence[str], kind: str, path: str) -> Iterator[Fact]:
    """Yield a fact for each peer of a rule.

    Args:
        rule: one item of `ingress` or `egress`.
        way: "from" or "to".
        ports: the ports that it is about; none for all.
        kind: the policy's kind, with "calico " before it for Calico's.
        path: the file that the facts are said to be of.

    """
    for node, asked in _peers(rule, way, kind):
        is_told_elsewhere = way == "to" and not asked
        if not any(UNKNOWN in one for one in asked) and not is_told_elsewhere:
            value = "\n".join((",".join(sorted(ports)), *sorted(asked)))
            yield Fact(Space.KEY, PEER, value, path, node.start, node.end)


def is_wider(before: str, after: str) -> bool:
    """Tell whether a peer asks for less than one before it, at one of the same ports."""
    was, now = before.split("\n"), after.split("\n")
    is_same_port = not now[0] or bool(set(now[0].split(",")).intersection(was[0].split(",")))
    return is_same_port and set(now[1:]) < set(was[1:])


def _peers(rule: Mapping, way: str, kind: str) -> Iterator[tuple[Node, set[str]]]:
    if kind.startswith("calico "):
        side = rule.mapping("source" if way == "from" else "destination")
        if side.pairs.keys() & {"selector", "namespaceSelector"} and "nets" not in side.pairs:
            asked = _spelled("pod", of_calico(side.get("selector")))
            is_own = "namespaceSelector" not in side.pairs and kind.endswith(" NetworkPolicy")
            yield side, asked | _spelled("namespace", of_calico(side.get("namespaceSelector"))) | _own(is_own)
    elif kind.startswith("Cilium"):
        for one in rule.items(f"{way}Endpoints"):
            asked = {name.removeprefix("k8s:").removeprefix("any:") for name in of_labels(one)}
            is_own = kind == "CiliumNetworkPolicy" and not any(_NAMESPACE in name for name in asked)
            yield one, asked | _own(is_own)
    else:
        for one in rule.items(way):
            if isinstance(one, Mapping) and one.pairs:
                yield one, _of_item(one)


def _of_item(item: Mapping) -> set[str]:
    network = item.get("ipBlock", "cidr")
    if "ipBlock" in item.pairs:
        return {f"in {network.text}" if isinstance(network, Scalar) else UNKNOWN}
    chosen = _spelled("namespace", of_labels(item.get("namespaceSelector"))) | _own(
        "namespaceSelector" not in item.pairs
    )
    return chosen | _spelled("pod", of_labels(item.get("podSelector")))


def _spelled(what: str, requirements: Sequence[str]) -> set[str]:
    return {f"{what} {one}" for one in requirements}


def _own(is_own: bool) -> set[str]:
    return {_OWN} if is_own else set()
