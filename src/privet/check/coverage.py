"""Which pods a repository's network policies keep closed, on both sides of a change: what matters is the pod, not the policy's text.

Invariants: a pod whose labels, or a policy whose selector, is not known is not said to be open; a policy that fits no pod of the
repository says nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from privet.check.facts import Unit, UnitKind
from privet.check.network_peers import PEER, is_wider
from privet.check.network_policies import EGRESS_GUARD, INGRESS_GUARD, INSTALLED
from privet.check.rules import BY_ID
from privet.check.selectors import LABEL, NAMESPACE, SELECTS, fits
from privet.check.weakness import Weakness

GUARDS: Final = frozenset((EGRESS_GUARD, INGRESS_GUARD))
_TRANSFORMED: Final = ("k8s.kustomization.commonLabels.", "k8s.kustomization.labels[].pairs.")


class _Pod(NamedTuple):
    labels: dict[str, str | None]
    namespace: str
    is_whole: bool
    """Whether all its labels are known."""


class _Side:
    """The pods and policies of one side."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.pods = {number: pod for number, unit in enumerate(units) if (pod := _pod_of(unit)) is not None}
        self.guards = [
            number for number, unit in enumerate(units) if unit.guard in GUARDS and not unit.name.endswith(INSTALLED)
        ]
        said = [fact.name for unit in units if unit.kind is UnitKind.RESOURCE for fact in unit.facts]
        self._added = {name[len(start) :] for name in said for start in _TRANSFORMED if name.startswith(start)}
        self._moves = "k8s.kustomization.namespace" in said
        self._units = units

    def fits(self, guard: int, pod: _Pod) -> bool | None:
        """Tell whether a policy selects a pod."""
        facts = [fact.value or "" for fact in self._units[guard].facts if fact.name == SELECTS]
        namespaces = [value.removeprefix("namespace = ") for value in facts if value.startswith("namespace = ")]
        if namespaces and pod.namespace and namespaces[0] != pod.namespace and not self._moves:
            return False
        unsure = self._added | ({""} if not pod.is_whole else set())
        return fits((value for value in facts if not value.startswith("namespace = ")), pod.labels, unsure)

    def is_closed(self, rule: str, pod: _Pod) -> bool:
        """Tell whether a policy may select a pod."""
        return any(self._units[guard].guard == rule and self.fits(guard, pod) is not False for guard in self.guards)


def _pod_of(unit: Unit) -> _Pod | None:
    namespace = next((fact.value or "" for fact in unit.facts if fact.name == NAMESPACE), None)
    if unit.kind is not UnitKind.RESOURCE or namespace is None:
        return None
    labels = {fact.name.removeprefix(LABEL): fact.value for fact in unit.facts if fact.name.startswith(LABEL)}
    return _Pod({name: value for name, value in labels.items() if name}, namespace, "" not in labels)


def compared(
    base: Sequence[Unit], head: Sequence[Unit], pairs: Mapping[int, int]
) -> tuple[frozenset[int], list[Weakness]]:
    """Return the guards of `base` that are judged here, by number, and what is told of them.

    Args:
        base: the units before.
        head: the units after.
        pairs: the number of the unit in `base` by that in `head`.

    """
    before, after = _Side(base), _Side(head)
    if not before.guards or not before.pods:
        return frozenset(), []
    now = {old: new for new, old in pairs.items() if new in after.pods}
    names = {(unit.guard, unit.name) for unit in head if unit.guard}
    fresh = [pod for number, pod in after.pods.items() if number not in pairs]
    judged: set[int] = set()
    found: list[Weakness] = []
    for guard in before.guards:
        rule = base[guard].guard
        chosen = [number for number, pod in before.pods.items() if before.fits(guard, pod)]
        opened = [now[old] for old in chosen if old in now and not after.is_closed(rule, after.pods[now[old]])]
        if opened and (rule, base[guard].name) in names:
            found += _told(rule, (head[new] for new in opened))
        elif opened:
            found.append(Weakness(BY_ID[rule], base[guard].path, 0, 0, base[guard].name, is_missing=True, is_lost=True))
        if chosen and (opened or all(after.is_closed(rule, pod) for pod in fresh)):
            judged.add(guard)
    return frozenset(judged), found


def wider(base: Sequence[Unit], head: Sequence[Unit]) -> Iterator[Weakness]:
    """Yield each peer of a policy that asks for less than one did before: two selectors of one item that are now two items."""
    before: dict[tuple[str, str], list[str]] = {}
    for unit in base:
        said = [fact.value or "" for fact in unit.facts if fact.name == PEER] if unit.guard in GUARDS else []
        before.setdefault((unit.guard, unit.name), []).extend(said)
    for unit in head:
        known = before.get((unit.guard, unit.name), ()) if unit.guard in GUARDS else ()
        for fact in unit.facts if known else ():
            peer = fact.value or ""
            is_known = peer in known or any(is_wider(peer, one) for one in known)
            if fact.name == PEER and not is_known and any(is_wider(one, peer) for one in known):
                yield Weakness(BY_ID["k8s-peer-wider"], fact.path, fact.start, fact.end, unit.name, setting="peer")


def _told(rule: str, units: Iterable[Unit]) -> list[Weakness]:
    """Return that pods are no longer what their policy selects: it is told where the pod is."""
    return [
        Weakness(BY_ID[rule], unit.path, unit.start, unit.end, unit.name, is_missing=True, is_lost=True)
        for unit in units
    ]
