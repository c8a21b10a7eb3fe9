"""The audit of a model as a whole, for machines: the shape of the audit of an endpoint.

Invariants:

- What stands outside `run` depends on the weights, what was given, the policy and the seed alone: the same bytes each time.
- No text of the training data, of the model or of its files is in it.

The format is in docs/formats/audit-model.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from privet.audit.endpoint.outcome import Verdict, interval
from privet.audit.model_scene import ModelTally
from privet.audit.result import rounded
from privet.evidence import digest

FORMAT: Final = "privet-audit-model/1"


@dataclass(frozen=True, slots=True, repr=False)
class ModelOutcome:
    """One test, ended."""

    id: str
    verdict: Verdict
    says: str
    tally: ModelTally

    def entry(self) -> dict[str, Any]:
        """Return its entry in the report."""
        tally = self.tally
        entry = {
            "id": self.id,
            "verdict": self.verdict,
            "samples": tally.samples,
            "hits": tally.hits,
            "interval": interval(tally.hits, tally.samples),
            "fix": " ".join(tally.fixes) if self.verdict == "fail" else "",
            "says": self.says,
            "seen": [{"what": what, "count": count} for what, count in sorted(tally.seen.items())],
            "notes": list(tally.notes),
            "figures": tally.figures,
        }
        rounding: dict[str, Any] = rounded(entry | tally.entry)
        return rounding


@dataclass(frozen=True, slots=True, repr=False)
class ModelResult:
    """What was found. `weights`: SHA-256 by name of file; `given`: of the canaries and texts."""

    seed: int
    policy: str
    max_leak_rate: float
    weights: Mapping[str, str]
    given: str
    outcomes: Sequence[ModelOutcome]
    run: Mapping[str, Any]

    @property
    def verdict(self) -> Verdict:
        """Fail if any test fails, else underpowered if any is, else pass if any does."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        return next(verdict for verdict in ("fail", "underpowered", "pass", "not-tested") if verdict in verdicts)

    def evidence(self) -> dict[str, Any]:
        """Return what is signed: all but the run."""
        body = {
            "format": FORMAT,
            "verdict": self.verdict,
            "seed": self.seed,
            "policy": self.policy,
            "max_leak_rate": self.max_leak_rate,
            "given": self.given,
            "tests": [outcome.entry() for outcome in self.outcomes],
            "weights": dict(sorted(self.weights.items())),
        }
        return body | {"digest": digest(body)}
