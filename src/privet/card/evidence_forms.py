"""The forms of evidence, as far as the card reads them; what else a document holds is free.

The formats are in docs/formats: training-evidence.md, model-audit.md, endpoint-audit.md, manifest.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec

TRAINING: Final = "training"
MODEL_AUDIT: Final = "model-audit"
ENDPOINT_AUDIT: Final = "endpoint-audit"
MANIFEST: Final = "scrub-manifest"
DATASET_AUDIT: Final = "dataset-audit"
KINDS: Final = {
    "privet-evidence-training/1": TRAINING,
    "privet-audit-model/1": MODEL_AUDIT,
    "privet-audit-endpoint/1": ENDPOINT_AUDIT,
    "privet-manifest/1": MANIFEST,
    "privet-audit-dataset/1": DATASET_AUDIT,
}


@dataclass(frozen=True, slots=True)
class _Privacy:
    epsilon: float
    delta: float
    unit: str
    accountant: str
    noise_multiplier: float
    sampling_rate: float
    steps: int
    max_grad_norm: float


@dataclass(frozen=True, slots=True)
class _Data:
    id: str
    units: int


@dataclass(frozen=True, slots=True)
class _Training:
    privacy: _Privacy
    sampling: str
    method: str
    dataset: _Data
    weights: dict[str, str]
    created: str
    data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Test:
    id: str
    verdict: str
    samples: int
    hits: int
    interval: tuple[float, float]
    says: str
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Audit:
    verdict: str
    seed: int
    tests: list[_Test]


@dataclass(frozen=True, slots=True)
class _ModelAudit(_Audit):
    weights: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    status: str
    found: dict[str, dict[str, int]] | None = None
    rows: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class _Manifest:
    tier: str
    files: list[_Entry]
    merkle_root: str


@dataclass(frozen=True, slots=True)
class _Check:
    id: str
    verdict: str
    says: str


@dataclass(frozen=True, slots=True)
class _Cell:
    kind: str
    planted: int
    found: int
    lower: float


@dataclass(frozen=True, slots=True)
class _Residual:
    worst: _Cell | None = None
    upper_bound: float | None = None


@dataclass(frozen=True, slots=True)
class _DatasetAudit:
    verdict: str
    tier: str
    residual: _Residual
    checks: list[_Check]


_FORMS: Final[Mapping[str, Any]] = {
    TRAINING: _Training,
    MODEL_AUDIT: _ModelAudit,
    ENDPOINT_AUDIT: _Audit,
    MANIFEST: _Manifest,
    DATASET_AUDIT: _DatasetAudit,
}


def malformed(kind: str, document: Mapping[str, Any]) -> str:
    """Return what is wrong with the form of a document, or nothing."""
    try:
        form = msgspec.convert(document, _FORMS[kind])
        created(document)
    except msgspec.ValidationError as error:
        # Its words are of types and places, never of values.
        return f"it is not of its form: {str(error).lower()}"
    except ValueError:
        return "it has no date of the form YYYY-MM-DD"
    if isinstance(form, _Training):
        privacy = form.privacy
        if not (math.isfinite(privacy.epsilon) and privacy.epsilon >= 0 and 0 < privacy.delta < 1):
            return "its epsilon and delta are no guarantee"
        if privacy.unit not in {"example", "subject"}:
            return "its unit is neither example nor subject"
    if isinstance(form, _Audit) and not all(map(_is_sound, form.tests)):
        return "a test counts more hits than samples, or has no interval within 0 and 1"
    return ""


def _is_sound(test: _Test) -> bool:
    return 0 <= test.hits <= test.samples and 0 <= test.interval[0] <= test.interval[1] <= 1


def created(document: Mapping[str, Any]) -> date | None:
    """Return the day a document names: `created`, or the day its run started, which is no part of what is signed."""
    run = document.get("run")
    named = document.get("created") or (run.get("started") if isinstance(run, Mapping) else None)
    return date.fromisoformat(str(named)[:10]) if named else None
