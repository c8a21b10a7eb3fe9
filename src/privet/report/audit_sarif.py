"""The findings of an audit as SARIF 2.1.0, for code review and scanning tools.

Invariant: a result says rule, place and count; no text of the dataset is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from privet.audit.result import Result

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_SAYS: Final = {
    "residual": "an identifier of kind {kind} is left",
    "raw": "an identifier of the raw set is left ({kind})",
    "metadata": "personal metadata is left: {tag}",
    "name": "the name of the file holds an identifier",
}
_LEVELS: Final = {"fail": "error", "underpowered": "warning", "pass": "none", "not-applicable": "none"}


def as_sarif(result: Result) -> dict[str, Any]:
    """Return a SARIF log: a result for each finding, and one for each check that does not pass."""
    results = [_finding(item) for item in result.findings]
    results += [
        {
            "ruleId": f"check-{check.id}",
            "level": _LEVELS[check.verdict],
            "message": {"text": check.says},
            "properties": {"verdict": check.verdict},
        }
        for check in result.checks
        if check.verdict in ("fail", "underpowered")
    ]
    rules = [{"id": rule} for rule in sorted({item["ruleId"] for item in results})]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "privet audit dataset", "rules": rules}},
                "results": results,
                "properties": {
                    "verdict": result.verdict,
                    "digest": result.digest,
                    "seed": result.seed,
                    "upperBound": result.residual["upper_bound"],
                },
            }
        ],
    }


def _finding(item: Mapping[str, Any]) -> dict[str, Any]:
    group = item["rule"].split("-", 1)[0]
    tag = item["rule"].partition("-")[2].replace("-", " ") + (f" ({item['kind']})" if item["kind"] else "")
    text = _SAYS[group].format(kind=item["kind"], tag=tag) + (f", column {item['column']}" if item["column"] else "")
    # A file in a file is named behind an exclamation mark, as Java has it.
    artifact = {"artifactLocation": {"uri": quote(item["file"], safe="/!")}}
    places = [{"physicalLocation": {**artifact, "region": {"startLine": line}}} for line in item["lines"]]
    return {
        "ruleId": item["rule"],
        "level": "error",
        "message": {"text": text},
        "locations": places[:1] or [{"physicalLocation": artifact}],
        "relatedLocations": places[1:],
        "occurrenceCount": item["count"],
    }
