"""docs/rules: one page a component, generated from the rule tables, and an index with counts; pure functions.

Invariant: a rule's anchor is its id, so that the address in a finding holds for ever.
"""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from typing import Final

from privet.check.facts import Space
from privet.check.rule import Absence, Group, Rule, Severity
from privet.check.rules import RULES
from privet.check.values import FALSE_WORDS, TRUE_WORDS, Values
from privet.report.check import file_of

_MADE: Final = "<!-- Generated from src/privet/check/rules by `make docs`: change it there. -->\n"
_ABSENCE: Final = {
    Absence.SAFE: "safe",
    Absence.UNSAFE: "unsafe, wherever the program runs",
    Absence.WEAKER: "no finding, but a change that takes it away is one",
}
_GROUPS: Final = {
    Group.TELEMETRY: "usage data goes to the makers of a program",
    Group.CONTENT: "prompts, answers or samples are written or sent",
    Group.EXPOSURE: "somebody else reaches a port, a file or an interface",
    Group.FETCH: "models, code or data are fetched from outside while running",
    Group.PERSISTENCE: "content stays, or stays longer",
    Group.TRAINING: "training data, weights or their protection",
    Group.DEPLOY: "a layer of the container, the cluster or the machine",
    Group.CODE: "code comes with data, or is not what was reviewed",
    Group.DATA: "personal data or secrets in the repository itself",
    Group.GATE: "the gate, its policy or its exceptions",
}
_PLAIN: Final = {
    "present": "that it is there",
    "filled": "any value",
    "empty": "no value",
    "open-host": "an address beyond this machine: `0.0.0.0`, `::`, `*`, another name",
    "remote": "a host outside of the machine and the cluster",
    "raised": "none by itself; a higher number than before is weaker",
    "lowered": "none by itself; a lower number than before is weaker",
    "longer": "no end (`-1`); a longer time than before is weaker",
    "switched": "none by itself; turned the wrong way, or brought in so, is weaker",
    "never": "none: only that it is not there",
}
_SPACES: Final = {Space.ENV: "variable", Space.FLAG: "flag", Space.ARGUMENT: "argument", Space.KEY: "key"}


def pages() -> dict[str, str]:
    """Return every page of docs/rules by its file name."""
    by_component: dict[str, list[Rule]] = defaultdict(list)
    for rule in RULES:
        by_component[rule.component].append(rule)
    made = {file_of(component): _page(component, rules) for component, rules in by_component.items()}
    return {"README.md": _index(by_component), **made}


def unsafe_words(values: Values) -> str:
    """Return which values are unsafe, in words."""
    if values.test == "open-host" and values.words:
        return "an address beyond this machine: `0.0.0.0`, `::`, `*`; not a name, which clients call"
    words = ", ".join(_code(word) for word in values.words)
    spelled = {
        "only": f"anything but exactly {words}",
        "only-folded": f"anything but {words}, in any case",
        "any-of": _listed(values.words, words),
        "has": f"{words} among its items",
        "lacks": f"none of {words} among its items",
        "matches": f"what matches {words}",
        "above": f"more than {values.limit:g}, or no limit (`-1`)",
        "below": f"less than {values.limit:g}",
        "added": "none by itself; bringing one in is weaker",
        "written": "what is written out; a word that everybody knows is weaker than a reference",
        "better": f"none by itself; any other than {words} is weaker than that",
    }
    return spelled.get(values.test) or _PLAIN[values.test]


def _listed(values: tuple[str, ...], words: str) -> str:
    if values == TRUE_WORDS:
        return "whatever reads as true: `1`, `true`, `yes`, `on`"
    if values == FALSE_WORDS:
        return "whatever reads as false: `0`, `false`, `no`, `off`, empty"
    return f"{words}, in any case"


def _code(text: str) -> str:
    if not text:
        return "empty"
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{text}{ticks}"


def _page(component: str, rules: list[Rule]) -> str:
    parts = [
        f"# {component}\n\n{_MADE}\n{_count(len(rules), 'rule')} of [`privet check`](../check.md) · [all components](README.md)\n"
    ]
    parts += [_rule(rule) for rule in rules]
    return "\n".join(parts)


def _rule(rule: Rule) -> str:
    names = ", ".join(_code(_shown(name)) for name in rule.names if not name.startswith("code:"))
    marks = [rule.severity.value, rule.group.value, *(["`--fix` writes it"] if rule.one_spelling and rule.safe else [])]
    says = [
        f"### {rule.id}\n",
        f"{rule.why}.\n",
        f"- **Instead:** {rule.remedy}",
        f"- **Unsafe:** {unsafe_words(rule.values)}; not set: {_ABSENCE[rule.absence]}",
        f"- **Since:** {rule.since}" if rule.since else "",
        f"- **Source:** {rule.source}",
        f"\n{' · '.join(marks)}" + (f" · {_SPACES[rule.space]} {names}" if names else ""),
        f"\n````diff\n# {rule.hit.path}\n{_example(rule)}\n````\n",
    ]
    return "\n".join(line for line in says if line)


def _example(rule: Rule) -> str:
    """Return what is found, as a change to what is not: the lines that differ between the examples, and one around them."""
    hit, miss = (example.text.splitlines() for example in (rule.hit, rule.miss))
    lines = list(difflib.unified_diff(hit, miss, lineterm="", n=1))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@"))


def _shown(name: str) -> str:
    return name.removeprefix("env:").removeprefix("*.")


def _index(by_component: dict[str, list[Rule]]) -> str:
    groups = Counter(rule.group for rule in RULES)
    severities = Counter(rule.severity for rule in RULES)
    counted = ", ".join(_count(severities[severity], severity.value) for severity in Severity)
    columns = " | ".join(severity.value for severity in Severity)
    lines = [
        "# Rules\n",
        _MADE,
        f"{len(RULES)} rules for {len(by_component)} programs, libraries and formats: {counted}.\n",
        "A line with a minus is found, one with a plus is not. The refusals of the endpoint are on [a page of their own](serve.md).\n",
        "| class | rules | what is at stake |",
        "|---|---:|---|",
        *(f"| {group.value} | {groups[group]} | {_GROUPS[group]} |" for group in Group),
        "",
        f"| component | rules | {columns} |",
        f"|---|---:|{'---:|' * len(Severity)}",
    ]
    for component, rules in sorted(by_component.items()):
        of_one = Counter(rule.severity for rule in rules)
        counts = " | ".join(str(of_one[severity] or "") for severity in Severity)
        lines.append(f"| [{component}]({file_of(component)}) | {len(rules)} | {counts} |")
    return "\n".join(lines) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
