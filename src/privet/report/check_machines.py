"""The findings of `privet check` for programs: JSON, SARIF 2.1.0, GitHub annotations, JUnit, a line each for editors; pure functions.

Invariants: those of `check.py`; where only some rules were asked, no format gives a grade.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from privet.check.findings import Finding, grade_of
from privet.check.rule import Severity
from privet.check.rules import BY_ID
from privet.check.scan import Result
from privet.report.check import PAGES, page_of, plain

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


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
        "grade": None if result.only else grade_of(result.findings),
        "files": result.files,
        "allowed": result.allowed,
        "known": result.known,
        **({"only": list(result.only)} if result.only else {}),
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


def as_compact(result: Result) -> str:
    """Return a line a finding, as compilers write them and editors read them."""
    lines = [
        f"{plain(f'{finding.path}:{finding.line}:{finding.column}')}: {finding.severity.value} {finding.rule}:"
        f" {plain(finding.message)}; instead: {plain(finding.fix)}"
        for finding in result.findings
    ]
    lines += [f"{plain(f'{note.path}:{note.line}')}:1: note: {plain(note.message)}" for note in result.notes]
    return "".join(f"{line}\n" for line in lines)


def _xml(text: str) -> str:
    """Return text for XML; characters that it cannot hold are escaped as a person would."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _quoted(text: str) -> str:
    return f'"{_xml(text)}"'


MACHINES: Final[dict[str, Callable[[Result], str]]] = {
    "compact": as_compact,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
    "junit": as_junit,
}
