"""OpenTelemetry Collector files → how many processors of each pipeline take something out of what it sends on.

Source: opentelemetry.io/docs/collector/configuration and the processors of opentelemetry-collector-contrib. Invariants: a pipeline that
hands on to another one through a connector is judged there; what counts for a signal is the pipeline that takes out the least.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar

_REMOVES: Final = frozenset(("delete", "hash"))
_STATEMENT: Final = regex(
    r"\b(?:delete_key|delete_matching_keys|keep_keys|keep_matching_keys|replace_pattern|replace_all_patterns|replace_match|SHA256|truncate_all)\b"
)
_NAMED: Final = regex(r"redact\w*|\w*(?:pii|sensitive|mask|scrub|anonymi[sz])\w*")
_LOCAL: Final = frozenset(("debug", "nop", "logging"))
"""Exporters that send nothing on."""
_MAX_DEPTH: Final = 8


def units_of(document: Node, path: str) -> Iterator[Unit]:
    """Yield a unit for each signal of a collector's file."""
    pipelines = document.mapping("service", "pipelines") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or pipelines is None:
        return
    processors = {
        name: node for name, (_, node) in document.mapping("processors").pairs.items() if takes_out(name, node)
    }
    connectors = document.mapping("connectors").pairs.keys()
    least: dict[str, tuple[int, Node]] = {}
    for name, (key, node) in pipelines.pairs.items():
        if not isinstance(node, Mapping):
            continue
        exporters = [item.text for item in node.items("exporters") if isinstance(item, Scalar)]
        if exporters and connectors | _LOCAL >= set(exporters):
            continue
        used = {item.text for item in node.items("processors") if isinstance(item, Scalar)} & processors.keys()
        signal = name.partition("/")[0]
        if signal not in least or len(used) < least[signal][0]:
            least[signal] = len(used), node.get("processors") or key
    for signal, (count, place) in least.items():
        fact = Fact(Space.KEY, "otel.redaction", str(count), path, place.start, place.end)
        name = f"{path.rsplit('/', 1)[-1]} {signal}"
        yield Unit(UnitKind.CONFIG, name, path, place.start, place.end, frozenset({"otel-collector"}), (fact,))


def takes_out(name: str, node: Node) -> bool:
    """Tell whether a processor takes something out: redaction, attributes that are deleted or hashed, statements that do."""
    kind = name.partition("/")[0]
    if _NAMED.fullmatch(kind):
        return True
    if kind in {"attributes", "resource", "span"} and isinstance(node, Mapping):
        return any(isinstance(item, Mapping) and item.text("action") in _REMOVES for item in node.items("actions"))
    return kind == "transform" and any(_STATEMENT.search(text) for text in _texts(node, _MAX_DEPTH))


def _texts(node: Node, depth: int) -> Iterator[str]:
    if isinstance(node, Scalar):
        yield node.text
    elif isinstance(node, Items) and depth:
        for item in node.items:
            yield from _texts(item, depth - 1)
    elif isinstance(node, Mapping) and depth:
        for _, value in node.pairs.values():
            yield from _texts(value, depth - 1)
