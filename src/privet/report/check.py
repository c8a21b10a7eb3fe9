"""The findings of `privet check` for people; pure functions.

Invariants: rules, places and words written for rules; no text of a file, and no path of the machine. No file name ends a line, moves the
cursor of a terminal, or is taken for a command by a CI runner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

from privet.check.exceptions import is_refused
from privet.check.facts import Note
from privet.check.findings import grade_of
from privet.check.fix import can_fix
from privet.check.rule import Severity
from privet.check.rules import BY_ID, RULES
from privet.check.scan import Result

PAGES: Final = "https://github.com/privet-ai/privet/blob/main/docs/rules"


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


def as_text(result: Result, style: Style, *, base: str = "", fixed: int | None = None, width: int = 0) -> str:
    """Return what a person reads: each finding with what to write instead, what was not read, the grade, and what to do next.

    Lines are broken at a `width` of columns, 0 for not at all; `fixed` is None where nothing was to be fixed.
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
    refused = [note for note in result.notes if is_refused(note)]
    lines += _noted("exceptions that do not count, so what they are for is told:", refused, style)
    lines += _noted("not checked, or only in part:", [note for note in result.notes if not is_refused(note)], style)
    lines += _summary(result, style, base, fixed)
    return "\n".join(lines) + "\n"


def _noted(title: str, notes: Sequence[Note], style: Style) -> list[str]:
    if not notes:
        return []
    places = (f"  {plain(f'{note.path}:{note.line}')}  {style.dim(plain(note.message))}" for note in notes)
    return [title, *places, ""]


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


def _summary(result: Result, style: Style, base: str, fixed: int | None) -> list[str]:
    groups = Counter(BY_ID[finding.rule].group.value for finding in result.findings)
    lines = [_head(result, style, base)]
    lines += [f"  {count:>5}  {name}" for name, count in sorted(groups.items(), key=lambda item: (-item[1], item[0]))]
    unread = sum(not is_refused(note) for note in result.notes)
    rest = (
        _of_rules(result),
        f"{fixed} fixed: look at them with `git diff`" if fixed else "",
        _left(result) if fixed is not None else "",
        f"{result.allowed} allowed by an exception" if result.allowed else "",
        f"{_number(result.known, 'known finding')} let pass by the baseline" if result.known else "",
        f"{_number(unread, 'note')}: what was not checked is not known to be clean" if unread else "",
    )
    lines += [part for part in rest if part]
    return [*lines, *_next(result, fixed)]


def _head(result: Result, style: Style, base: str) -> str:
    total = len(result.findings)
    files = _number(result.files, "file")
    if result.known and not total:
        return f"nothing is new in {files}"  # the grade is of what is there, and that was not looked at anew
    said = f"nothing is weaker than {plain(base)}" if base else "nothing weakens privacy"
    if result.only and not total:
        said = "nothing"
    said = f"{_number(total, 'finding') if total else said} in {files}"
    head = said if result.only else f"grade {style.bold(grade_of(result.findings))}: {said}"
    severities = Counter(finding.severity for finding in result.findings)
    parts = [_number(severities[one], one.value) for one in Severity if severities[one]]
    return f"{head}: {', '.join(parts)}" if parts else head


def _of_rules(result: Result) -> str:
    """Return which rules were asked, where it was not all."""
    if not result.only:
        return ""
    return f"only {', '.join(result.only)}: the other {len(RULES) - len(result.only):,} rules were not asked, so there is no grade"


def _left(result: Result) -> str:
    """Return what `--fix` left as it is: what has more than one safe spelling, or none."""
    if not result.findings:
        return "nothing is left to fix"
    counts = Counter(finding.rule for finding in result.findings)
    rules = ", ".join(f"{rule} ({count})" if count > 1 else rule for rule, count in counts.most_common())
    return f"{len(result.findings)} left, which need a decision: {rules}; `instead:` above says what to write for each"


def _next(result: Result, fixed: int | None) -> list[str]:
    """Return what to do about the findings."""
    if not result.findings:
        return []
    places = {(item.rule.id, item.path) for item in result.weaknesses if can_fix(item)}
    easy = sum((finding.rule, finding.path) in places for finding in result.findings)
    fix = f"`privet check --fix` rewrites {easy} of them; " if easy and fixed is None else ""
    return [
        f"next: {fix}what has to stay takes a reason and an end, see {PAGES.removesuffix('/rules')}/check.md#exceptions"
    ]


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
