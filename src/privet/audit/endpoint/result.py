"""The audit of an endpoint as a whole, for machines.

Invariants:

- What stands outside `run` depends on what the target did, the policy and the seed alone: the same bytes each time. Times, counts of
  requests and the target's address are in `run`.
- No text of an answer is in it, but for `run.revealed`, made harmless, where the user asked for that.

The format is in docs/formats/endpoint-audit.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from privet.audit.endpoint.outcome import Outcome, Verdict, interval
from privet.audit.result import rounded
from privet.evidence import digest

FORMAT: Final = "privet-audit-endpoint/1"
Overall = Literal["pass", "fail", "underpowered", "not-tested"]


@dataclass(frozen=True, slots=True, repr=False)
class EndpointResult:
    """What was found. `broken_off`: why the audit ended early, or nothing."""

    seed: int
    size: str
    policy: str
    """SHA-256 of the policy"""
    max_leak_rate: float
    server: str
    outcomes: Sequence[Outcome]
    broken_off: str
    run: Mapping[str, Any]

    @property
    def verdict(self) -> Verdict:
        """Fail if any test fails, else underpowered if any is, else pass if any does: underpowered if the audit was broken off."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        if self.broken_off and "fail" not in verdicts and "pass" in verdicts:
            return "underpowered"
        return next(verdict for verdict in ("fail", "underpowered", "pass", "not-tested") if verdict in verdicts)

    def evidence(self) -> dict[str, Any]:
        """Return what is signed: all but the run."""
        body = {
            "format": FORMAT,
            "verdict": self.verdict,
            "seed": self.seed,
            "size": self.size,
            "policy": self.policy,
            "max_leak_rate": self.max_leak_rate,
            "server": self.server or "unknown",
            "tests": [_test(outcome) for outcome in self.outcomes],
        }
        return body | {"digest": digest(body)}

    def run_block(self) -> dict[str, Any]:
        """Return what changes from run to run."""
        timings = {outcome.id: rounded(outcome.timings) for outcome in self.outcomes if outcome.timings}
        revealed = {outcome.id: list(outcome.revealed) for outcome in self.outcomes if outcome.revealed}
        block = dict(self.run) | {"broken_off": self.broken_off, "timings": timings}
        return block | {"revealed": revealed} if revealed else block


def _test(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "verdict": outcome.verdict,
        "samples": outcome.samples,
        "hits": outcome.hits,
        "interval": rounded(interval(outcome.hits, outcome.samples)),
        "fix": outcome.fix,
        "says": outcome.says,
        "seen": [{"what": what, "count": count} for what, count in sorted(outcome.seen.items())],
        "notes": list(outcome.notes),
        "figures": rounded(outcome.figures),
    }
