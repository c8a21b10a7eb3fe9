"""What is allowed to stay: `[[exception]]` with a path in privet.toml, and `# privet: allow RULE reason="…" expires=DATE` on a line.

Invariants:

- One that has expired, has no reason, names no rule or no path is ignored with a note; the finding stays.
- Those of a change under review count as the base side has them: a change cannot approve itself. A line's allowance that was copied or
  moved to another setting is another one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from privet.check.facts import Note
from privet.check.findings import Finding
from privet.check.pattern import regex
from privet.check.rules import BY_ID

FILE: Final = "privet.toml"
EVERY: Final = "*"
"""The rule of an exception for a folder that is weak on purpose: fixtures, examples of what not to do."""
_FOLDER: Final = regex(r"[^*?/]+/")
_REFUSED: Final = ("this [[exception]] does not count: ", "this allowance does not count: ")
"""How the notes begin about what does not count, in privet.toml and on a line."""
_COMMENT: Final = regex(
    r"(?:#|//|--|;|<!--|/\*|\{#)\s*privet:\s*allow\s+(?P<rule>(?!RULE\b|\*/)[\w.,*-]+)(?P<rest>(?:[^\S\n]+\w+\s*=\s*(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"']+))*)"
)
_KEY: Final = regex(r"(\w+)\s*=\s*(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\s\"']+))")


_ALONE: Final = regex(r"\s*(?:#|//|--|;|<!--|/\*|\{#)\s*privet:\s*allow\b")
_NAME: Final = regex(r"[\s\-]*[\"']?([A-Za-z_][\w.\-]*)[\"']?\s*[:=(]")
"""What a line sets: never its value."""


class Allowance(NamedTuple):
    """A permission: for a rule in files that a pattern names (`deploy/*.yaml`, or exactly), or on one line."""

    rule: str
    path: str
    line: int = 0
    """0 for the whole file."""
    text: str = ""
    """The comment, the name of the setting it is for, and how many such there are: by which it is found again on the other side."""


class Allowances(NamedTuple):
    """What counts, and what was ignored and why."""

    items: tuple[Allowance, ...] = ()
    notes: tuple[Note, ...] = ()


def of_policy(text: str | None, today: date, files: Collection[str] | None = None) -> Allowances:
    """Return the exceptions of a privet.toml that name a path. Those for settings and for egress are the policy's own matter.

    One that names none of the `files` is told, where these are given: it is for a file that was moved, or misspelt.
    """
    if text is None:
        return Allowances()
    import tomllib

    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        return Allowances(notes=(Note(FILE, 1, "is not valid TOML: its exceptions do not count"),))
    blocks = document.get("exception", [])
    if not blocks:
        return Allowances()
    from privet.policy_tables import line_of

    items: list[Allowance] = []
    notes: list[Note] = []
    for index, block in enumerate(blocks if isinstance(blocks, list) else []):
        if not isinstance(block, dict) or ("path" not in block and block.get("rule") not in (EVERY, *BY_ID)):
            continue
        line = line_of(text, "exception", nth=index)
        why_not = _why_not(block, today)
        if why_not:
            notes.append(Note(FILE, line, f"{_REFUSED[0]}{why_not}"))
        else:
            item = Allowance(str(block["rule"]), str(block["path"]).removeprefix("./"))
            items.append(item)
            if files is not None and not any(_names(item.path, file) for file in files):
                why_not = "no file has its path, which begins at the top of the repository"
                notes.append(Note(FILE, line, f"{_REFUSED[0]}{why_not}"))
    return Allowances(tuple(items), tuple(notes))


def is_refused(note: Note) -> bool:
    """Tell whether a note is about an exception that does not count, and not about something that was not read."""
    return note.message.startswith(_REFUSED)


def _why_not(block: dict[str, object], today: date) -> str:
    for key in ("rule", "path", "reason", "owner", "expires"):
        if not str(block.get(key, "")).strip():
            return f"it has no {key}"
    if block["rule"] == EVERY:
        if not _FOLDER.match(str(block["path"])):
            return 'rule "*" takes a path that begins with a folder, as tests/fixtures/'
    elif str(block["rule"]) not in BY_ID:
        return "its rule is not the id of a rule; docs/rules lists them"
    expires = block["expires"]
    if isinstance(expires, datetime):
        expires = expires.date()
    if isinstance(expires, str):
        try:
            expires = date.fromisoformat(expires)
        except ValueError:
            return "expires is not a date such as 2027-01-31"
    if not isinstance(expires, date):
        return "expires is not a date such as 2027-01-31"
    return f"it expired on {expires.isoformat()}" if expires < today else ""


def _of_one_rule(written: str) -> str:
    """Return why what stands in the place of a line's rule is none, "" where it may be one."""
    if "*" in written:
        return 'a line names its rule; rule "*" is for a folder, in privet.toml'
    return "it is for one rule; write one for each, on lines of their own" if "," in written else ""


def of_lines(path: str, text: str, today: date) -> Allowances:
    """Return the allowances in a file's comments; one on a line of its own is for the next line."""
    if "privet:" not in text:
        return Allowances()
    lines = text.split("\n")
    items: list[Allowance] = []
    notes: list[Note] = []
    for found in _COMMENT.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        keys = {key: one or two or three for key, one, two, three in _KEY.findall(found["rest"])}
        block: dict[str, object] = {"owner": "line", "path": path, **keys, "rule": found["rule"]}
        why_not = _of_one_rule(found["rule"]) or _why_not(block, today)
        if why_not:
            notes.append(Note(path, line, f"{_REFUSED[1]}{why_not}"))
            continue
        while line < len(lines) and _ALONE.match(lines[line - 1]):
            line += 1  # above what it is for, maybe with others
        name = _NAME.match(lines[line - 1])
        items.append(Allowance(found["rule"], path, line, f"{' '.join(found[0].split())} {name[1] if name else ''}"))
    numbers = Counter(item.text for item in items)
    return Allowances(tuple(item._replace(text=f"{item.text} {numbers[item.text]}") for item in items), tuple(notes))


def apply(findings: Iterable[Finding], allowances: Sequence[Allowance]) -> list[Finding]:
    """Return the findings that nothing allows."""
    return [finding for finding in findings if not any(_covers(item, finding) for item in allowances)]


def _covers(item: Allowance, finding: Finding) -> bool:
    if item.rule not in (EVERY, finding.rule) or (item.line and item.line != finding.line):
        return False
    return item.path == finding.path or (not item.line and _names(item.path, finding.path))


def _names(pattern: str, path: str) -> bool:
    """Tell whether a pattern names a path: `*` stays within a folder, `**` does not, `deploy/` names all below it."""
    return (
        path == pattern or path.startswith(pattern)
        if pattern.endswith("/")
        else bool(_compiled(pattern).fullmatch(path))
    )


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*+|\?)", pattern)
    return re.compile("".join(_WILD.get(part, re.escape(part)) for part in parts), re.DOTALL)


_WILD: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def known_to(base: Sequence[Allowance]) -> Callable[[Allowance], bool]:
    """Return a test for whether a line's allowance was there on the base side, in the same file and words."""
    texts = {(item.path, item.text) for item in base}
    return lambda item: (item.path, item.text) in texts
