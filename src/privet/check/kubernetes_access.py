"""What a cluster lets whom do: roles that may read every secret or start programs in pods, ports of a mesh that ask for no certificate.

Sources: kubernetes.io/docs/reference/access-authn-authz/rbac, istio.io/latest/docs/reference/config/security/peer_authentication.

Invariant: a grant is a unit by its role and by what it reaches, not by the rule that it stands in: rules that are split, joined or put
in another order are the same grants.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from privet.check.facts import PRESENT, Fact, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.selectors import of_labels
from privet.check.yaml_nodes import Mapping, Scalar

ROLES: Final = frozenset(("Role", "ClusterRole"))
_REACHES: Final = regex(r"secrets|pods/exec|[\"'*]\*|\*[\"'\]]")
"""What stands in a role that reaches something of which a grant is told."""
_KEPT: Final = {"secrets": "secrets", "pods/exec": "pods", "pods/*": "pods", "*": "secrets", "*/*": "secrets"}
_READING: Final = frozenset(("get", "list", "watch"))
_IN_CLEAR: Final = frozenset(("DISABLE", "PERMISSIVE"))


def has_grants(text: str) -> bool:
    """Tell whether roles of a text are worth reading."""
    return bool(_REACHES.search(text))


def grants(item: Mapping, name: str, path: str) -> Iterator[Unit]:
    """Yield a unit for each thing of the cluster that a role reaches: every secret, a secret by its name, what runs in pods."""
    for rule in item.items("rules"):
        groups = _texts(rule, "apiGroups") if isinstance(rule, Mapping) else []
        if not isinstance(rule, Mapping) or (groups and not {"", "*"} & {one.text for one in groups}):
            continue
        verbs = {one.text for one in _texts(rule, "verbs")}
        named = _texts(rule, "resourceNames")
        for place in _texts(rule, "resources"):
            kept = _KEPT.get(place.text)
            if kept is not None:
                yield from _grant(f"{name} on", kept, place, verbs, named, path)


def _grant(name: str, kept: str, place: Scalar, verbs: set[str], named: list[Scalar], path: str) -> Iterator[Unit]:
    level = "write" if verbs - _READING else "read"
    if not verbs or (kept == "pods" and verbs.isdisjoint({"create", "get", "*"})):
        return
    for one in named:
        fact = Fact(Space.KEY, "k8s.rbac.verbs", level, path, place.start, place.end)
        yield Unit(UnitKind.RESOURCE, f"{name} {kept} {one.text}", path, place.start, place.end, facts=(fact,))
    if not named:
        said = (("code:k8s-rbac-every", PRESENT), ("k8s.rbac.verbs", level))
        facts = tuple(Fact(Space.KEY, *one, path, place.start, place.end) for one in said)
        yield Unit(UnitKind.RESOURCE, f"{name} every one of {kept}", path, place.start, place.end, facts=facts)


def _texts(rule: Mapping, name: str) -> list[Scalar]:
    return [one for one in rule.items(name) if isinstance(one, Scalar) and one.value is not None]


def open_ports(item: Mapping, path: str) -> Iterator[Unit]:
    """Yield each port for which a mesh asks less than for the others: what is said of a port goes before what is said of all."""
    chosen = ", ".join(of_labels(item.get("spec", "selector"))) or item.text("metadata", "namespace") or "all pods"
    for port, (_, said) in item.mapping("spec", "portLevelMtls").pairs.items():
        mode = said.get("mode") if isinstance(said, Mapping) else None
        if isinstance(mode, Scalar) and mode.text.upper() in _IN_CLEAR:
            fact = Fact(Space.KEY, "k8s.peerauthentication.spec.portLevelMtls", mode.text, path, mode.start, mode.end)
            title = f"port {port} of {chosen} in the mesh"
            yield Unit(UnitKind.RESOURCE, title, path, mode.start, mode.end, facts=(fact,))
