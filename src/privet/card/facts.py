"""Evidence → what the card says, as values.

Invariants:

- Nothing is here that is not in evidence or follows from it by counting.
- What is not tested counts as not measured; what is underpowered is measured and shows nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from privet.card.evidence import Piece, of_kind
from privet.card.evidence_forms import DATASET_AUDIT, ENDPOINT_AUDIT, MANIFEST, MODEL_AUDIT, TRAINING

FORMAT: Final = "privet-card/1"
VALID: Final = timedelta(days=365)
NOT_MEASURED: Final = {
    "training-privacy": ("training privacy", "no evidence bounds what the weights may tell of one person: there is no epsilon"),
    "scrub": ("scrub", "no evidence shows that identifiers were taken out of the training data"),
    "dedup": ("dedup", "no evidence shows that copies were taken out of the training data"),
    "detector-recall": ("detector recall", "how much of what is personal the detector finds was not measured on this data"),
    "extraction": ("extraction", "whether training data comes out word by word was not tried"),
    "exposure": ("exposure", "how far planted secrets stand out in the model was not measured"),
    "membership": ("membership", "whether one can tell who was in the training data was not tried"),
    "epsilon-lower-bound": ("epsilon lower bound", "the epsilon was not held against an attack"),
    "weight-files": ("weight files", "what else the weight files hold was not looked at"),
    "endpoint": ("endpoint", "the server that answers with this model was not audited"),
}  # fmt: skip
MODEL_TESTS: Final = ("extraction", "exposure", "membership", "epsilon-lower-bound", "weight-files")
_PRIVACY: Final = (
    "epsilon",
    "delta",
    "unit",
    "accountant",
    "noise_multiplier",
    "sampling_rate",
    "steps",
    "max_grad_norm",
)
_ROWS: Final = ("read", "changed", "suppressed", "kept", "written", "files", "set_aside")
_COPIES: Final = ("duplicates", "near_duplicates")


@dataclass(frozen=True, slots=True)
class Test:
    """One test of an audit."""

    id: str
    verdict: str
    samples: int
    hits: int
    interval: tuple[float, float]
    says: str
    figures: Mapping[str, Any]

    @property
    def numbers(self) -> dict[str, float]:
        """The figures that are numbers, those of a group under `group.name`."""
        return dict(sorted(_numbers(self.figures)))


def _numbers(figures: Mapping[str, Any], of: str = "") -> Iterator[tuple[str, float]]:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{of}{name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{of}{name}", value


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the card says. Each mapping is empty where there is no evidence."""

    privacy: Mapping[str, Any]
    training: Mapping[str, Any]
    """sampling, method, dataset"""
    scrub: Mapping[str, Any]
    """tier, counts of rows, `found` by kind, `evidence`"""
    dedup: Mapping[str, Any]
    recall: Mapping[str, Any]
    dataset_audit: Mapping[str, Any]
    tests: Sequence[Test]
    audit: Mapping[str, Any]
    endpoint_tests: Sequence[Test]
    endpoint: Mapping[str, Any]
    pieces: Sequence[Piece]
    weights: Mapping[str, str]
    uncovered: Mapping[str, str]

    @property
    def not_measured(self) -> list[str]:
        """The ids of `NOT_MEASURED` for which nothing stands."""
        tested = {test.id for test in self.tests if test.verdict != "not-tested"}
        endpoint = any(test.verdict != "not-tested" for test in self.endpoint_tests)
        known = {
            "training-privacy": self.privacy,
            "scrub": self.scrub,
            "dedup": self.dedup,
            "detector-recall": self.recall,
            "endpoint": endpoint,
        }
        return [one for one in NOT_MEASURED if not known.get(one) and one not in tested]

    @property
    def valid_until(self) -> date | None:
        """The last day on which none of the evidence is too old; None where none has a date."""
        days = [piece.created for piece in self.pieces if piece.created]
        return min(days) + VALID if days else None

    @property
    def epsilon_lower(self) -> float | None:
        """What the audit shows that epsilon is at least."""
        for test in self.tests:
            if test.verdict != "not-tested" and "epsilon_lower" in test.numbers:
                return float(test.numbers["epsilon_lower"])
        return None


def facts_of(pieces: Sequence[Piece], weights: Mapping[str, str], uncovered: Mapping[str, str]) -> Facts:
    """Return what evidence says."""
    training = of_kind(pieces, TRAINING)
    audit, endpoint = of_kind(pieces, MODEL_AUDIT), of_kind(pieces, ENDPOINT_AUDIT)
    manifest, dataset = of_kind(pieces, MANIFEST), of_kind(pieces, DATASET_AUDIT)
    scrub, dedup = _data(training) if training else ({}, {})
    if manifest and not scrub:
        scrub, rows = _manifest(manifest)
        dedup = dedup or rows
    return Facts(
        privacy={name: training.document["privacy"][name] for name in _PRIVACY} if training else {},
        training={
            "sampling": training.document["sampling"],
            "method": training.document["method"],
            "dataset": {name: training.document["dataset"][name] for name in ("id", "units")},
        }
        if training
        else {},
        scrub=scrub,
        dedup=dedup,
        recall=_recall(training, dataset),
        dataset_audit=_dataset(dataset) if dataset else {},
        tests=_tests(audit),
        audit=_audit(audit),
        endpoint_tests=_tests(endpoint),
        endpoint=_audit(endpoint),
        pieces=pieces,
        weights=weights,
        uncovered=uncovered,
    )


def _tests(piece: Piece | None) -> tuple[Test, ...]:
    if piece is None:
        return ()
    return tuple(
        Test(
            str(one["id"]),
            str(one["verdict"]),
            int(one["samples"]),
            int(one["hits"]),
            (float(one["interval"][0]), float(one["interval"][1])),
            str(one["says"]),
            one["figures"] | {name: one[name] for name in ("epsilon_lower",) if name in one},
        )
        for one in piece.document["tests"]
    )


def _audit(piece: Piece | None) -> dict[str, Any]:
    if piece is None:
        return {}
    return {"verdict": piece.document["verdict"], "seed": piece.document["seed"], "evidence": piece.name}


def _data(piece: Piece) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what was done to the training data before: identifiers taken out, copies taken out."""
    data = piece.document.get("data") or {}
    scrub, dedup = (data[name] if isinstance(data.get(name), Mapping) else data for name in ("scrub", "dedup"))
    copies = {name: dedup[name] for name in _COPIES if _is_count(dedup.get(name))}
    found = scrub.get("found")
    if not isinstance(found, Mapping):
        return {}, copies | {"evidence": piece.name} if copies else {}
    out: dict[str, Any] = {"tier": str(scrub["tier"])} if scrub.get("tier") else {}
    out |= {name: scrub[name] for name in _ROWS if _is_count(scrub.get(name))}
    kinds = {str(kind): count for kind, count in sorted(found.items()) if _is_count(count)}
    out |= {"found": kinds, "evidence": piece.name}
    return out, copies | {"evidence": piece.name} if copies else {}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _manifest(piece: Piece) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the same of a scrubbed folder: sums over its files."""
    entries = piece.document["files"]
    found, rows = Counter[str](), Counter[str]()
    for entry in entries:
        for kinds in (entry.get("found") or {}).values():
            found.update(kinds)
        rows.update(entry.get("rows") or {})
    scrub = {
        "tier": piece.document["tier"],
        **{name: rows[name] for name in ("read", "suppressed", "written") if name in rows},
        "files": len(entries),
        "set_aside": sum(entry["status"] != "cleaned" for entry in entries),
        "found": dict(sorted(found.items())),
        "evidence": piece.name,
    }
    copies = {name: rows[name] for name in _COPIES if name in rows}
    if "read" in rows and not copies:
        # A table of which no row is a copy has no such count.
        copies = dict.fromkeys(_COPIES, 0)
    return scrub, copies | {"evidence": piece.name} if copies else {}


def _recall(training: Piece | None, dataset: Piece | None) -> dict[str, Any]:
    """Return what of planted identifiers was found: of all, or of the kind of which least was."""
    if training is not None:
        data = training.document.get("data") or {}
        for held in (data, data.get("scrub"), data.get("detector")):
            value = held.get("recall") if isinstance(held, Mapping) else None
            if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
                return {"value": float(value), "evidence": training.name}
    worst = dataset.document["residual"].get("worst") if dataset else None
    if dataset and isinstance(worst, Mapping) and worst.get("planted"):
        planted, found = int(worst["planted"]), int(worst["found"])
        return {
            "value": found / planted,
            "planted": planted,
            "found": found,
            "lower": float(worst["lower"]),
            "kind": str(worst["kind"]),
            "evidence": dataset.name,
        }
    return {}


def _dataset(piece: Piece) -> dict[str, Any]:
    residual = piece.document["residual"]
    return {
        "verdict": piece.document["verdict"],
        **{name: residual[name] for name in ("records", "drawn", "flagged", "upper_bound") if name in residual},
        "evidence": piece.name,
        "signed": False,
    }
