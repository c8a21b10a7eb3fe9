"""What an audit has to say: checks with verdicts, findings without text, figures.

Invariants:

- Nothing here holds text of the dataset: a finding says where and what. Names of files and columns are masked before they come here.
- `as_json` depends on nothing but the result: no clock, no host, no path beyond the dataset's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

Verdict = Literal["pass", "fail", "underpowered", "not-applicable"]
MAX_FINDINGS: Final = 100
_MAX_LINES: Final = 5


class Finding(NamedTuple):
    """Something that was found: the rule, the file, the line (0: the file as a whole), the column, the kind."""

    rule: str
    file: str
    line: int
    column: str = ""
    kind: str = ""


@dataclass(slots=True)
class Findings:
    """Findings counted by rule, file and column, with the first lines of each."""

    counts: Counter[Finding] = field(default_factory=Counter)
    lines: dict[Finding, list[int]] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        key = finding._replace(line=0)
        self.counts[key] += 1
        lines = self.lines.setdefault(key, [])
        if finding.line and len(lines) < _MAX_LINES and finding.line not in lines:
            lines.append(finding.line)

    def listed(self) -> list[dict[str, Any]]:
        """Return the findings for machines, the most frequent first."""
        ranked = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return [
            {
                "rule": key.rule,
                "file": key.file,
                "column": key.column,
                "kind": key.kind,
                "count": count,
                "lines": sorted(self.lines[key]),
            }
            for key, count in ranked[:MAX_FINDINGS]
        ]


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its verdict, one sentence, and its figures."""

    id: str
    verdict: Verdict
    says: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """A whole audit."""

    verdict: Verdict
    digest: str
    seed: int
    tier: str
    policy: str
    residual: Mapping[str, Any]
    checks: Sequence[Check]
    findings: Sequence[Mapping[str, Any]]
    findings_total: int
    files: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the result for machines."""
        return {
            "format": "privet-audit-dataset/1",
            "verdict": self.verdict,
            "digest": self.digest,
            "seed": self.seed,
            "tier": self.tier,
            "policy": self.policy,
            "residual": rounded(self.residual),
            "checks": [
                {"id": check.id, "verdict": check.verdict, "says": check.says, **rounded(check.figures)}
                for check in self.checks
            ],
            "findings": list(self.findings),
            "findings_total": self.findings_total,
            "files": dict(self.files),
        }


def counted(number: int, noun: str) -> str:
    """Return a number of things in words.

    >>> counted(1, "file"), counted(2, "file")
    ('1 file', '2 files')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def overall(checks: Sequence[Check]) -> Verdict:
    """Return the verdict of an audit: fail if any check fails, else underpowered if any is, else pass.

    >>> overall([Check("raw", "not-applicable", ""), Check("residual", "pass", "")])
    'pass'
    """
    verdicts = {check.verdict for check in checks}
    return "fail" if "fail" in verdicts else "underpowered" if "underpowered" in verdicts else "pass"


def rounded(value: Any) -> Any:
    """Round numbers to nine digits: the last bits may differ between builds of a library."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, Mapping):
        return {str(key): rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(inner) for inner in value]
    return value
