"""What evidence says of the training data, as Croissant RAI fields.

Source: mlcommons/croissant, docs/croissant-rai-spec.md ("RAI property information") for each `rai:` name and its cardinality, and
docs/croissant-spec.md for the context and what a dataset has to have. Fields of which evidence says nothing (how data were collected, who
annotated them, their biases) are left out: their author knows.
"""

from __future__ import annotations

from typing import Any, Final

from privet.card import statements
from privet.card.facts import Facts

_CONTEXT: Final = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
}
_CONFORMS: Final = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]


def as_croissant(facts: Facts) -> dict[str, Any]:
    """Return the dataset, a JSON-LD object."""
    held = statements.dataset(facts)
    out: dict[str, Any] = {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": list(_CONFORMS),
        "name": str(held.get("id", "training data")),
        "description": "The privacy of training data, from signed evidence; the data themselves are not published with it.",
    }
    cleaned = statements.cleaning(facts)
    # rai:personalSensitiveInformation, MANY: what is personal in the data.
    out["rai:personalSensitiveInformation"] = _personal(facts)
    if cleaned:
        # rai:dataPreprocessingProtocol, MANY: the steps before the data are processed by a model.
        out["rai:dataPreprocessingProtocol"] = cleaned
    missing = statements.not_measured(facts, statements.OF_DATA)
    if missing:
        # rai:dataLimitations, MANY
        out["rai:dataLimitations"] = missing
    trained = statements.training(facts)
    # rai:dataUseCases, MANY
    out["rai:dataUseCases"] = [
        f"fine-tuning: {trained}" if trained else "training of a model; no bound on what its weights tell was measured"
    ]
    return out


def _personal(facts: Facts) -> list[str]:
    out = [f"{kind}: {count} found and replaced" for kind, count in facts.scrub.get("found", {}).items()]
    bound = facts.dataset_audit.get("upper_bound")
    if bound is not None:
        out.append(f"at most {bound:.2%} of records still hold an identifier (audit of the dataset, unsigned)")
    if facts.recall:
        out.append(f"the detector found {facts.recall['value']:.1%} of planted identifiers")
    return out or ["not measured: what is personal in the data was not looked for"]
