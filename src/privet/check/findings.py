"""Weaknesses → findings: line and column, one sentence, and what to write instead.

Invariants: a finding has no field for what was matched; its fingerprint stays the same when lines move. Findings are sorted by path
and place, and the same setting in one place is told once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from privet.check.pattern import regex
from privet.check.rule import Rule, Severity
from privet.check.weakness import Weakness

_COMMON: Final = regex(
    r"[\"']?(?:true|false|yes|no|on|off|none|all|debug|info|auto|always|host|-?\d{1,3}(?:\.\d{1,2})?|0\.0\.0\.0|::|\*)[\"']?",
    re.IGNORECASE,
)
"""Values that say nothing of anybody and may be shown."""


class Finding(NamedTuple):
    """One weakness as a report shows it. `line` and `column` count from 1; `end_column` is where the offending words end on that line."""

    rule: str
    severity: Severity
    path: str
    line: int
    column: int
    end_column: int
    message: str
    fix: str
    fingerprint: str


def findings_of(weaknesses: Iterable[Weakness], text_of: Callable[[str], str | None]) -> list[Finding]:
    """Return findings in order; `text_of` gives the text of a file of the side that is judged, None where it is gone."""
    texts: dict[str, str | None] = {}
    told: dict[tuple[str, str, int], Weakness] = {}
    for weakness in weaknesses:
        key = (weakness.rule.id, weakness.path, weakness.start)
        known = told.get(key)
        if known is None or (known.is_missing and not weakness.is_missing):
            told[key] = weakness
    counts: Counter[tuple[str, str, str]] = Counter()
    found = []
    for weakness in sorted(told.values(), key=lambda item: (item.path, item.start, item.rule.id)):
        if weakness.path not in texts:
            texts[weakness.path] = text_of(weakness.path)
        place = (weakness.rule.id, weakness.path, weakness.unit)
        counts[place] += 1
        found.append(_finding(weakness, texts[weakness.path] or "", counts[place]))
    return found


def _finding(weakness: Weakness, text: str, number: int) -> Finding:
    from hashlib import blake2b  # with OpenSSL behind it, which a check without findings has no use for

    rule = weakness.rule
    start = min(weakness.start, len(text))
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    end = min(max(weakness.end, start), len(text) if line_end < 0 else line_end)
    said = "\0".join((rule.id, weakness.path, weakness.unit, weakness.setting, str(number)))
    return Finding(
        rule.id,
        rule.severity,
        weakness.path,
        text.count("\n", 0, start) + 1,
        start - line_start + 1,
        max(end - line_start + 1, start - line_start + 2),
        message_of(weakness, text[start:end]),
        rule.remedy,
        blake2b(said.encode(errors="surrogatepass"), digest_size=16).hexdigest(),
    )


def message_of(weakness: Weakness, source: str = "") -> str:
    """Return what is wrong and why it matters, in one line; of the source only words that everybody writes."""
    setting = _shown(weakness.setting or spelling_of(weakness.rule))
    if _COMMON.fullmatch(source) and setting and not weakness.is_missing:
        setting = f"{setting} {source}"
    if weakness.is_lost:
        what = f"{setting} is gone" if setting else "a protection is gone"
    elif weakness.is_missing:
        what = f"{setting} is not set" if setting else "a protection is missing"
    else:
        what = setting
    where = f" ({weakness.unit})" if weakness.is_missing and weakness.unit and not weakness.is_lost else ""
    return f"{what}{where}: {weakness.rule.why}" if what else weakness.rule.why


def _shown(name: str) -> str:
    """Return a setting as a person would write it: without the readers' own words around it."""
    if name.startswith(("code:", "proxy.", "tf.", "k8s.egress.", "systemd.network.")):
        return ""  # the reader's own word for what it found
    bare = name.removesuffix("()").removesuffix("(=)").removesuffix("[]")
    for prefix in ("compose.", "k8s.container.", "k8s.pod.", "k8s.", "docker.", "actions.", "gitlab.", "systemd."):
        if bare.startswith(prefix):
            return bare.removeprefix(prefix)
    return bare


def spelling_of(rule: Rule) -> str:
    """Return the setting as a person would write it; "" for rules that are no setting."""
    return rule.names[0].removeprefix("env:").removeprefix("*.")


def grade_of(findings: Sequence[Finding]) -> str:
    """Return A to F: A without findings, B with notes only, C with warnings, D with one or two errors, F with more."""
    counts = Counter(finding.severity for finding in findings)
    if counts[Severity.ERROR] > 2:
        return "F"
    if counts[Severity.ERROR]:
        return "D"
    if counts[Severity.WARNING]:
        return "C"
    return "B" if counts[Severity.NOTE] else "A"
