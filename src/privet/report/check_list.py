"""The rules of `privet check` as a list for people and for programs; pure functions.

Invariant: a rule is listed in the order in which it is given, and what is said of it is what its page says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from privet.check.findings import spelling_of
from privet.check.rule import Rule
from privet.report.check import page_of


def as_lines(rules: Iterable[Rule]) -> str:
    """Return a line a rule: id, severity, class, and what happens to whose data."""
    rows = [(rule.id, rule.severity.value, rule.group.value, _title(rule)) for rule in rules]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return "".join(
        f"{'  '.join(part.ljust(width) for part, width in zip(row, widths, strict=False))}  {row[3]}\n" for row in rows
    )


def as_json(rules: Iterable[Rule]) -> str:
    """Return one object with a list of rules."""
    listed = [
        {
            "rule": rule.id,
            "severity": rule.severity.value,
            "class": rule.group.value,
            "program": rule.component,
            "setting": spelling_of(rule),
            "why": rule.why,
            "fix": rule.remedy,
            "rewritten": rule.one_spelling,
            "source": rule.source,
            "help": page_of(rule.id),
        }
        for rule in rules
    ]
    return json.dumps({"rules": listed}, indent=2, ensure_ascii=False) + "\n"


def _title(rule: Rule) -> str:
    setting = spelling_of(rule)
    return rule.why if setting.startswith("code:") else f"{setting}: {rule.why}"
