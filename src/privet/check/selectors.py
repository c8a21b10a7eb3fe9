"""Selectors of labels → requirements in one spelling, and whether they fit a set of labels.

Sources: Kubernetes, "Labels and Selectors"; docs.tigera.io, "Selectors". Invariants: a requirement that is not understood, or that a
template writes, is `?`; what cannot be known is None, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from collections.abc import Mapping as Map
from typing import Final

from privet.check.pattern import regex
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar

SELECTS: Final = "code:selects"
"""The name of the facts that hold a guard's requirements."""
LABEL: Final = "k8s.pod.labels."
"""The beginning of the names of the facts that hold a pod's labels; alone, that not all of them are known."""
NAMESPACE: Final = "k8s.pod.namespace"
"""The name of the fact that holds a pod's namespace, "" where it has none of its own; every pod has it."""
UNKNOWN: Final = "?"
_REQUIREMENT: Final = regex(r"(?P<key>\S+) (?P<how>in|notin) \((?P<values>[^)]*)\)|(?P<there>!?)(?P<name>\S+)")
_CALICO: Final = regex(
    r"""\s*(?:(?P<all>all\(\))|(?P<not>!\s*)?has\((?P<has>[^)]+)\)|(?P<key>[\w./-]+)\s*(?:(?P<sign>==|!=)\s*(?P<q>["'])(?P<one>.*?)(?P=q)"""
    r"""|(?P<how>in|not\s+in)\s*\{(?P<many>[^}]*)\}))\s*"""
)


def of_labels(node: Node | None) -> tuple[str, ...]:
    """Return the requirements of a `podSelector`, sorted; none for one that fits everything."""
    if isinstance(node, Scalar):
        return () if node.value == "" and not _is_made(node) else (UNKNOWN,)
    if not isinstance(node, Mapping):
        return ()
    found: list[str] = []
    for name, (key, value) in node.pairs.items():
        if name == "matchLabels" and isinstance(value, Mapping):
            found += (
                f"{label} in ({one.value})" if isinstance(one, Scalar) and one.value is not None else UNKNOWN
                for label, (_, one) in value.pairs.items()
            )
            found += [UNKNOWN] if not value.pairs and _is_made(value) else []
        elif name == "matchExpressions" and isinstance(value, Items):
            found += (_of_expression(one) for one in value.items)
        elif not isinstance(value, Scalar) or value.value or _is_made(key):
            found.append(UNKNOWN)
    return tuple(sorted(found))


def _is_made(node: Node) -> bool:
    """Tell whether a template may write what stands there."""
    return "{{" in node.source.text


def _of_expression(node: Node) -> str:
    if not isinstance(node, Mapping) or not node.text("key"):
        return UNKNOWN
    key, how = node.text("key"), node.text("operator")
    values = ",".join(sorted(one.text for one in node.items("values") if isinstance(one, Scalar)))
    spelled = {
        "In": f"{key} in ({values})",
        "NotIn": f"{key} notin ({values})",
        "Exists": key,
        "DoesNotExist": f"!{key}",
    }
    return spelled.get(how, UNKNOWN)


def of_calico(node: Node | None) -> tuple[str, ...]:
    """Return the requirements of a Calico selector that has no `||`."""
    if node is None or (isinstance(node, Scalar) and node.value == ""):
        return ()
    if not isinstance(node, Scalar) or node.value is None or len(node.value) > 2000:
        return (UNKNOWN,)
    found = []
    for term in node.value.split("&&"):
        said = _CALICO.fullmatch(term)
        if said is None:
            found.append(UNKNOWN)
        elif said["has"]:
            found.append(f"{'!' if said['not'] else ''}{said['has'].strip()}")
        elif said["key"]:
            values = said["one"] if said["sign"] else ",".join(sorted(re.findall(r"[^\s,\"']+", said["many"])))
            found.append(f"{said['key']} {'in' if said['sign'] == '==' or said['how'] == 'in' else 'notin'} ({values})")
    return tuple(sorted(found))


def fits(requirements: Iterable[str], labels: Map[str, str | None], unsure: Collection[str] = ()) -> bool | None:
    """Tell whether labels meet all requirements; None where that is not known.

    Args:
        requirements: as the functions above spell them.
        labels: by name; None for a value that is known only at run time.
        unsure: names of labels that something else may add; `""` when any may be.

    """
    verdict: bool | None = True
    for text in requirements:
        one = _fits(text, labels, unsure)
        if one is False:
            return False
        verdict = None if one is None else verdict
    return verdict


def _fits(text: str, labels: Map[str, str | None], unsure: Collection[str]) -> bool | None:
    said = _REQUIREMENT.fullmatch(text)
    if said is None or text == UNKNOWN:
        return None
    key = (said["key"] or said["name"]).removeprefix("k8s:").removeprefix("any:")
    if key in unsure or (key not in labels and "" in unsure) or (key in labels and labels[key] is None):
        return None
    if said["key"]:
        return (labels.get(key) in said["values"].split(",")) == (said["how"] == "in")
    return (key in labels) != bool(said["there"])
