"""A card as a CycloneDX 1.7 ML-BOM.

Source: CycloneDX/specification, schema/bom-1.7.schema.json: `component` (type `machine-learning-model`), `modelCard`, `performanceMetric`,
`componentData`, `risk`; each field below is named as there.

Invariants:

- The same card gives the same bytes: the serial number is derived from what the bill says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from privet import __version__
from privet.card import statements
from privet.card.block import block_of
from privet.card.facts import Facts
from privet.evidence import digest

_SCHEMA: Final = "http://cyclonedx.org/schema/bom-1.7.schema.json"
_MODEL: Final = "model"


def as_bom(facts: Facts, name: str) -> dict[str, Any]:
    """Return the bill, a JSON object."""
    serial = uuid5(NAMESPACE_URL, f"privet-card:{digest([name, block_of(facts)])}")
    day = statements.day(facts)
    metadata: dict[str, Any] = {"timestamp": f"{day}T00:00:00Z"} if day else {}
    # metadata.tools.components: the form since 1.5; the list of tools is deprecated.
    metadata["tools"] = {"components": [{"type": "application", "name": "privet", "version": __version__}]}
    metadata["component"] = {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": name,
        "components": [
            {
                "type": "file",
                "bom-ref": f"weights:{file}",
                "name": file,
                "hashes": [{"alg": "SHA-256", "content": sha256}],
            }
            for file, sha256 in {**facts.weights, **facts.uncovered}.items()
        ],
        "modelCard": _model_card(facts),
    }
    return {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": metadata,
    }


def _model_card(facts: Facts) -> dict[str, Any]:
    card: dict[str, Any] = {"bom-ref": "privacy"}
    data = _dataset(facts)
    if data:
        card["modelParameters"] = {"datasets": [data]}
    metrics = [_metric(one) for one in statements.metrics_of(facts)]
    if metrics:
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    considerations: dict[str, Any] = {"technicalLimitations": statements.not_measured(facts)}
    risks = list(_risks(facts))
    if risks:
        considerations["ethicalConsiderations"] = risks
    card["considerations"] = considerations
    card["properties"] = [{"name": f"privet:{name}", "value": value} for name, value in _properties(facts)]
    return card


def _dataset(facts: Facts) -> dict[str, Any]:
    held = statements.dataset(facts)
    if not held:
        return {}
    out = {
        "type": "dataset",
        "name": str(held["id"]),
        "description": f"training data, at least {held['units']} {facts.privacy['unit']}s"
        + "".join(f"; {one}" for one in statements.cleaning(facts)),
    }
    kinds = list(facts.scrub.get("found", ()))
    return out | {"sensitiveData": [f"{kind}: found and replaced before training" for kind in kinds]} if kinds else out


def _metric(metric: statements.Metric) -> dict[str, Any]:
    out: dict[str, Any] = {"type": metric.name, "value": metric.value}
    if metric.of:
        out["slice"] = metric.of
    return out | {"confidenceInterval": {"lowerBound": metric.low, "upperBound": metric.high}} if metric.low else out


def _risks(facts: Facts) -> Iterator[dict[str, str]]:
    trained = statements.training(facts)
    if trained:
        yield {"name": "the weights tell of a person in the training data", "mitigationStrategy": trained}
    cleaned = statements.cleaning(facts)
    if cleaned:
        yield {"name": "identifiers in the training data", "mitigationStrategy": "; ".join(cleaned)}
    for test in facts.tests:
        if test.verdict == "fail":
            yield {"name": f"{test.id}: {test.says}", "mitigationStrategy": "none: this test fails"}


def _properties(facts: Facts) -> Iterator[tuple[str, str]]:
    for name, value in {
        **facts.privacy,
        **{key: facts.training[key] for key in ("sampling", "method") if facts.training},
    }.items():
        yield name, f"{value:g}" if isinstance(value, float) else str(value)
    if facts.valid_until:
        yield "valid_until", facts.valid_until.isoformat()
    for piece in facts.pieces:
        yield f"evidence:{piece.name}", f"sha256:{piece.sha256}"
