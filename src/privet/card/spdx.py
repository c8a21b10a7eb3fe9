"""A card as SPDX 3.0.1 in JSON-LD, with the AI and Dataset profiles.

Source: spdx/spdx-3-model, model/AI/Classes/AIPackage.md, model/Dataset/Classes/DatasetPackage.md, model/Core (Relationship `trainedOn`,
`hasEvidence`, `contains`; Hash; DictionaryEntry), model/Software (primaryPurpose `model`, `data`, `file`); names as in
https://spdx.org/rdf/3.0.1/spdx-context.jsonld. A licence is no matter of privacy evidence: both relations say NoAssertionLicense.

Invariants:

- The same card gives the same bytes; identifiers are derived from what it says.
- What the profiles ask for and evidence does not hold (supplier, release, download location) is left out, not made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from privet import __version__
from privet.card import statements
from privet.card.block import block_of
from privet.card.facts import Facts
from privet.evidence import digest

_CONTEXT: Final = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_NO_LICENSE: Final = "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense"
_INFO: Final = "_:creation"
_UNDATED: Final = "1970-01-01"


class _Graph:
    """Elements under one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.elements: list[dict[str, Any]] = []

    def add(self, kind: str, part: str, **values: Any) -> str:
        """Add an element; return its identifier."""
        name = f"{self.prefix}#{part}"
        self.elements.append({"type": kind, "spdxId": name, "creationInfo": _INFO, **values})
        return name

    def relate(self, kind: str, of: str, to: Sequence[str]) -> str:
        """Add a relation; return its identifier."""
        part = f"relation-{len(self.elements)}"
        return self.add("Relationship", part, relationshipType=kind, **{"from": of, "to": list(to)})


def as_spdx(facts: Facts, name: str) -> dict[str, Any]:
    """Return the document, a JSON-LD object."""
    graph = _Graph(f"https://spdx.org/spdxdocs/privet-card-{digest([name, block_of(facts)])[:32]}")
    tool = graph.add("SoftwareAgent", "privet", name=f"privet {__version__}")
    model = graph.add("ai_AIPackage", "model", name=name, software_primaryPurpose="model", **_model(facts))
    data = graph.add("dataset_DatasetPackage", "data", software_primaryPurpose="data", **_data(facts))
    files = [
        graph.add(
            "software_File",
            f"weights-{number}",
            name=file,
            software_primaryPurpose="model",
            verifiedUsing=[_hash(sha256)],
        )
        for number, (file, sha256) in enumerate({**facts.weights, **facts.uncovered}.items())
    ]
    evidence = [
        graph.add(
            "software_File",
            f"evidence-{number}",
            name=piece.name,
            software_primaryPurpose="evidence",
            verifiedUsing=[_hash(piece.sha256)],
        )
        for number, piece in enumerate(facts.pieces)
    ]
    graph.relate("trainedOn", model, [data])
    for kind, to in (("contains", files), ("hasEvidence", evidence)):
        if to:
            graph.relate(kind, model, to)
    for package in (model, data):
        for kind in ("hasDeclaredLicense", "hasConcludedLicense"):
            graph.relate(kind, package, [_NO_LICENSE])
    elements = [element["spdxId"] for element in graph.elements]
    profiles = ["core", "software", "ai", "dataset"]
    bom = graph.add("software_Sbom", "bom", rootElement=[model], element=elements, profileConformance=profiles)
    graph.add(
        "SpdxDocument", "document", name=name, rootElement=[bom], element=[*elements, bom], profileConformance=profiles
    )
    created = f"{statements.day(facts) or _UNDATED}T00:00:00Z"
    info = {"type": "CreationInfo", "@id": _INFO, "specVersion": "3.0.1", "created": created, "createdBy": [tool]}
    return {"@context": _CONTEXT, "@graph": [info, *graph.elements]}


def _hash(sha256: str) -> dict[str, str]:
    return {"type": "Hash", "algorithm": "sha256", "hashValue": sha256}


def _model(facts: Facts) -> dict[str, Any]:
    out: dict[str, Any] = {
        "ai_limitation": "; ".join(statements.not_measured(facts)) or "none of those that privet card knows",
        # Cleaning takes out what was found; that nothing is left nobody knows.
        "ai_useSensitivePersonalInformation": "yes" if facts.scrub.get("found") else "noAssertion",
    }
    trained, cleaned = statements.training(facts), statements.cleaning(facts)
    if trained:
        out["ai_informationAboutTraining"] = trained
        out["ai_hyperparameter"] = [
            _entry(key, facts.privacy[key]) for key in ("noise_multiplier", "sampling_rate", "steps", "max_grad_norm")
        ]
    if cleaned:
        out["ai_modelDataPreprocessing"] = cleaned
    metrics = [
        _entry(
            f"{one.name}, {one.of}" if one.of else one.name,
            f"{one.value} [{one.low}, {one.high}]" if one.low else one.value,
        )
        for one in statements.metrics_of(facts)
    ]
    return out | {"ai_metric": metrics} if metrics else out


def _entry(key: str, value: object) -> dict[str, str]:
    return {"type": "DictionaryEntry", "key": key, "value": f"{value:g}" if isinstance(value, float) else str(value)}


def _data(facts: Facts) -> dict[str, Any]:
    held, cleaned = statements.dataset(facts), statements.cleaning(facts)
    out: dict[str, Any] = {
        "name": str(held.get("id", "training data")),
        "dataset_datasetType": ["noAssertion"],
        "dataset_intendedUse": "training of the model",
        "dataset_hasSensitivePersonalInformation": "noAssertion",
    }
    if facts.scrub:
        out["dataset_anonymizationMethodUsed"] = cleaned[:1]
    return out | {"dataset_dataPreprocessing": cleaned} if cleaned else out
