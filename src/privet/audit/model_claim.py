"""What a training states of its privacy: `evidence/training.json` beside the weights (docs/formats/evidence-training.md).

Invariant: a statement counts only where it is signed and is about these weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from privet.errors import BadInput
from privet.evidence import is_signed, read_json

FORMAT: Final = "privet-evidence-training/1"
_PLACE: Final = ("evidence", "training.json")
_MAX_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Claim:
    """Epsilon and delta as stated, or nothing; `notes`: why a statement does not count."""

    epsilon: float | None = None
    delta: float | None = None
    notes: tuple[str, ...] = ()


def claim_of(path: Path, weights: Mapping[str, str]) -> Claim:
    """Return what is stated of the weights in a folder; `weights`: their digests by name."""
    file = (path if path.is_dir() else path.parent).joinpath(*_PLACE)
    if not file.is_file():
        return Claim()
    try:
        with file.open("rb") as stream:
            document = read_json(stream.read(_MAX_BYTES))
    except (OSError, BadInput):
        return Claim(notes=("evidence/training.json cannot be read, so nothing is stated",))
    if not isinstance(document, Mapping) or document.get("format") != FORMAT or not is_signed(document):
        return Claim(notes=("evidence/training.json is not signed, or was edited, so what it states does not count",))
    if document.get("weights") != dict(weights):
        return Claim(notes=("evidence/training.json is about other weights, so what it states does not count",))
    privacy = document.get("privacy")
    epsilon, delta = (_number(privacy, name) for name in ("epsilon", "delta"))
    if epsilon is None or delta is None:
        return Claim(notes=("evidence/training.json states no epsilon and delta",))
    return Claim(epsilon, delta)


def _number(privacy: Any, name: str) -> float | None:
    value = privacy.get(name) if isinstance(privacy, Mapping) else None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None
