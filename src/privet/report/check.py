"""The findings of `privet check` as text, JSON, SARIF 2.1.0, GitHub annotations and JUnit; pure functions.

Invariants: rules, places and words written for rules; no text of a file, and no path of the machine. No file name ends a line, moves the
cursor of a terminal, or is taken for a command by a CI runner.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol
from urllib.parse import quote

from privet.check.findings import Finding, grade_of
from privet.check.fix import can_fix
from privet.check.rule import Severity
from privet.check.rules import BY_ID
from privet.check.scan import Result

PAGES: Final = "https://github.com/privet-ai/privet/blob/main/docs/rules"
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


class Style(Protocol):
    """Colours, or none."""

    def bold(self, text: str) -> str:
        """Return bold text."""

    def green(self, text: str) -> str:
        """Return green text."""

    def yellow(self, text: str) -> str:
        """Return yellow text."""

    def dim(self, text: str) -> str:
        """Return faint text."""


def page_of(rule_id: str) -> str:
    """Return the address of a rule's page."""
    return f"{PAGES}/{file_of(BY_ID[rule_id].component)}#{rule_id}"


def file_of(component: str) -> str:
    """Return the name of a component's page."""
    return f"{component.strip('.').replace('.', '-')}.md"


def plain(text: str) -> str:
    """Return a text for one line of a terminal or a log: no control characters, and nothing that a CI runner takes for a command."""
    shown = "".join(char if char.isprintable() else _escaped(char) for char in text).replace("##[", "##\\[")
    return f"./{shown}" if shown.startswith("::") else shown


def _escaped(char: str) -> str:
    byte = ord(char) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else char.encode("unicode_escape").decode()


def as_text(result: Result, style: Style, *, base: str = "", fixed: int = 0, width: int = 0) -> str:
    """Return what a person reads: each finding with what to write instead, what was not read, the grade, and what to do next.

    Lines are broken at a `width` of columns, 0 for not at all.
    """
    colours = {Severity.ERROR: lambda text: style.bold(style.yellow(text)), Severity.WARNING: style.yellow}
    lines: list[str] = []
    for finding in result.findings:
        place = plain(f"{finding.path}:{finding.line}:{finding.column}")
        severity = colours.get(finding.severity, style.dim)(finding.severity.value)
        lines += [
            f"{style.bold(place)}  {severity}  {finding.rule}",
            *_wrapped(plain(finding.message), width),
            *(style.green(line) for line in _wrapped(f"instead: {plain(finding.fix)}", width)),
            f"  {style.dim(page_of(finding.rule))}",
            "",
        ]
    if result.notes:
        lines += [
            "not checked, or only in part:",
            *(f"  {plain(f'{note.path}:{note.line}')}  {style.dim(plain(note.message))}" for note in result.notes),
            "",
        ]
    lines += _summary(result, style, base, fixed)
    return "\n".join(lines) + "\n"


def _wrapped(text: str, width: int) -> list[str]:
    if not width or len(text) + 2 <= width:
        return [f"  {text}"]
    import textwrap

    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(result: Result, style: Style, base: str, fixed: int) -> list[str]:
    total = len(result.findings)
    weaker = f"nothing is weaker than {plain(base)}" if base else "nothing weakens privacy"
    severities = Counter(finding.severity for finding in result.findings)
    groups = Counter(BY_ID[finding.rule].group.value for finding in result.findings)
    said = _number(total, "finding") if total else weaker
    head = f"grade {style.bold(grade_of(result.findings))}: {said} in {_number(result.files, 'file')}"
    if result.known and not total:
        # The grade is of what is there, and that was not looked at anew.
        head = f"nothing is new in {_number(result.files, 'file')}"
    if total:
        head += ": " + ", ".join(_number(severities[one], one.value) for one in Severity if severities[one])
    lines = [head]
    lines += [f"  {count:>5}  {name}" for name, count in sorted(groups.items(), key=lambda item: (-item[1], item[0]))]
    rest = (
        f"{fixed} fixed: look at them with `git diff`" if fixed else "",
        f"{result.allowed} allowed by an exception" if result.allowed else "",
        f"{_number(result.known, 'known finding')} let pass by the baseline" if result.known else "",
        f"{_number(len(result.notes), 'note')}: what was not checked is not known to be clean" if result.notes else "",
    )
    lines += [part for part in rest if part]
    return [*lines, *_next(result)]


def _next(result: Result) -> list[str]:
    """Return what to do about the findings."""
    if not result.findings:
        return []
    places = {(item.rule.id, item.path) for item in result.weaknesses if can_fix(item)}
    easy = sum((finding.rule, finding.path) in places for finding in result.findings)
    fix = f"`privet check --fix` rewrites {easy} of them; " if easy else ""
    return [
        f"next: {fix}what has to stay takes a reason and an end, see {PAGES.removesuffix('/rules')}/check.md#exceptions"
    ]


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def as_json(result: Result) -> str:
    """Return one object: findings, notes, grade."""
    document = {
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity.value,
                "class": BY_ID[finding.rule].group.value,
                "path": _text(finding.path),
                "line": finding.line,
                "column": finding.column,
                "message": plain(finding.message),
                "fix": finding.fix,
                "help": page_of(finding.rule),
                "fingerprint": finding.fingerprint,
            }
            for finding in result.findings
        ],
        "notes": [
            {"path": _text(note.path), "line": note.line, "message": plain(note.message)} for note in result.notes
        ],
        "grade": grade_of(result.findings),
        "files": result.files,
        "allowed": result.allowed,
        "known": result.known,
    }
    return json.dumps(document, indent=2) + "\n"


def _text(path: str) -> str:
    """Return a path as text that every reader of JSON takes: bytes that are no UTF-8 are escaped."""
    return os.fsencode(path).decode(errors="backslashreplace")


def as_sarif(result: Result) -> str:
    """Return a SARIF log; what could not be read is a notification of the tool's run."""
    from privet import __version__

    ids = sorted({finding.rule for finding in result.findings})
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "privet check",
                "version": __version__,
                "informationUri": PAGES.removesuffix("/blob/main/docs/rules"),
                "rules": [_sarif_rule(rule_id) for rule_id in ids],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the top of the repository"}}},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {
                        "level": "warning",
                        "message": {"text": plain(note.message)},
                        "locations": [_location(note.path, {"startLine": note.line})],
                    }
                    for note in result.notes
                ],
            }
        ],
        "results": [_sarif_result(finding, ids.index(finding.rule)) for finding in result.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _sarif_rule(rule_id: str) -> dict[str, Any]:
    rule = BY_ID[rule_id]
    return {
        "id": rule_id,
        "shortDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "helpUri": page_of(rule_id),
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"tags": ["privacy", rule.group.value, rule.component]},
    }


def _sarif_result(finding: Finding, index: int) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column, "endColumn": finding.end_column}
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity.value,
        "message": {"text": plain(f"{finding.message}; {finding.fix}")},
        "locations": [_location(finding.path, region)],
        "partialFingerprints": {"privetCheck/v1": finding.fingerprint},
    }


def _location(path: str, region: dict[str, int]) -> dict[str, Any]:
    artifact = {"uri": quote(path.encode(errors="surrogateescape"), safe="/"), "uriBaseId": "SRCROOT"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def as_github(result: Result) -> str:
    """Return workflow commands, which GitHub shows beside the lines of the pull request."""
    levels = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
    lines = [
        f"::{levels[finding.severity]} file={_property(finding.path)},line={finding.line},col={finding.column},"
        f"title={_property(finding.rule)}::{_data(plain(f'{finding.message}; {finding.fix}'))}"
        for finding in result.findings
    ]
    lines += [
        f"::notice file={_property(note.path)},line={note.line},title=not checked::{_data(plain(note.message))}"
        for note in result.notes
    ]
    return "".join(f"{line}\n" for line in lines)


def _data(text: str) -> str:
    return text.replace("%", "%25")


def _property(text: str) -> str:
    lines = _data(_text(text)).replace("\r", "%0D").replace("\n", "%0A")
    return plain(lines).replace(":", "%3A").replace(",", "%2C")


def as_junit(result: Result) -> str:
    """Return a test suite with a failing case for each finding, or one that passes."""
    cases = [
        f"<testcase classname={_quoted(finding.path)} name={_quoted(f'{finding.rule}:{finding.line}')}>"
        f"<failure type={_quoted(finding.severity.value)} message={_quoted(finding.message)}>"
        f"{_xml(f'{finding.path}:{finding.line}:{finding.column} {finding.fix}')}</failure></testcase>"
        for finding in result.findings
    ]
    cases += [
        f'<testcase classname={_quoted(note.path)} name="read"><skipped message={_quoted(note.message)}/></testcase>'
        for note in result.notes
    ]
    cases = cases or ['<testcase classname="privet" name="check"/>']
    failures = len(result.findings)
    head = (
        f'<testsuite name="privet check" tests="{len(cases)}" failures="{failures}" errors="0"'
        f' skipped="{len(result.notes)}">'
    )
    return "\n".join(('<?xml version="1.0" encoding="UTF-8"?>', head, *cases, "</testsuite>", ""))


def _xml(text: str) -> str:
    """Return text for XML; characters that it cannot hold are escaped as a person would."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _quoted(text: str) -> str:
    return f'"{_xml(text)}"'


MACHINES: Final[dict[str, Callable[[Result], str]]] = {
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
    "junit": as_junit,
}
