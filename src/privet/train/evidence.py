"""What a training run says of itself beside its weights: `evidence/training.json`, signed.

Invariants:

- It names no machine, path, person or time of day, and how many units there were only to two digits.
- It holds the digests of the weights it is about.

The layout is in docs/formats/training-evidence.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from privet.evidence import Signer, json_bytes
from privet.keys import write_private
from privet.train.plan import Privacy

FORMAT: Final = "privet-evidence-training/1"
FOLDER: Final = "evidence"
NAME: Final = "training.json"


def about(units: int) -> int:
    """Return a number rounded down to two significant digits.

    >>> about(1987), about(57), about(100)
    (1900, 57, 100)
    """
    scale = 10 ** max(0, len(str(units)) - 2)
    return units // scale * scale


def statement(
    privacy: Privacy,
    *,
    method: Literal["lora", "full"],
    dataset: str,
    units: int,
    policy: str,
    data: Mapping[str, Any],
    weights: Mapping[str, str],
) -> dict[str, Any]:
    """Return the unsigned statement. `policy`: SHA-256 of the plain policy; `data`: what was done to the data before."""
    return {
        "format": FORMAT,
        "privacy": asdict(privacy),
        "sampling": "poisson",
        "method": method,
        "dataset": {"id": dataset, "units": about(units)},
        "policy": policy,
        "data": dict(data),
        "weights": dict(weights),
        "created": datetime.now(UTC).date().isoformat(),
    }


def write(folder: Path, document: Mapping[str, Any], signer: Signer) -> None:
    """Sign the statement and put it into the folder of a model."""
    place = folder / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    place.chmod(0o700)
    write_private(place / NAME, json_bytes(signer.signed(document)))
