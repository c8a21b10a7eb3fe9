"""The audit of an endpoint as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

from privet.audit.endpoint.broken_off import NEXT

_COLOURS: Final = {
    "pass": "32", "fail": "31", "underpowered": "33", "not-tested": "2", "worse": "31", "better": "32", "less is known": "33",
}  # fmt: skip
_WIDTH: Final = 110
_INDENT: Final = " " * 33


def as_text(document: Mapping[str, Any], *, colour: bool = False) -> str:
    """Return the verdict, a line for each test with what to do about it, what changed, and what to do next."""

    def painted(word: str, text: str) -> str:
        return f"\x1b[{_COLOURS[word]}m{text}\x1b[0m" if colour else text

    run = document["run"]
    lines = [f"{painted(document['verdict'], document['verdict'])}  {run['target']} ({document['server']})", ""]
    for test in document["tests"]:
        verdict = test["verdict"]
        lines += _folded(f"{painted(verdict, f'{verdict:<13}')} {test['id']:<18} ", test["says"])
        if test["fix"]:
            lines += _folded(f"{'':<13} {'':<18} ", f"fix: {test['fix']}")
        for note in test["notes"]:
            lines += _folded(f"{'':<13} {'':<18} ", f"note: {note}")
        lines += [f"{_INDENT}shown: {text}" for text in run.get("revealed", {}).get(test["id"], ())]
    lines += _comparison(document.get("comparison"), painted)
    lines += ["", _cost(run)]
    if run["broken_off"]:
        lines.append(f"the audit was broken off: {run['broken_off']}")
    lines += [f"next: {_next(document['tests'], run['broken_off'])}", ""]
    lines += [
        f"digest {document['digest']}",
        f"seed {document['seed']}, {document['size']}, policy {document['policy'][:16]}",
        "",
    ]
    return "".join(f"{line}\n" for line in lines)


def _folded(head: str, text: str) -> list[str]:
    parts = wrap(text, _WIDTH - len(_INDENT), break_long_words=False, break_on_hyphens=False) or [""]
    return [(head + parts[0]).rstrip(), *(_INDENT + part for part in parts[1:])]


def _comparison(found: Mapping[str, Any] | None, painted: Any) -> list[str]:
    if found is None:
        return []
    lines = [
        "",
        "since the earlier audit" + (f" (other {', '.join(found['differ_in'])})" if found["differ_in"] else ""),
    ]
    for change in found["changes"]:
        word = change["direction"]
        lines += _folded(f"{painted(word, f'{word:<13}')} {change['id']:<18} ", change["says"])
    return lines if found["changes"] else [*lines, "  nothing changed"]


def _cost(run: Mapping[str, Any]) -> str:
    limited = f", told to wait {run['limited']} times" if run["limited"] else ""
    taken = (
        f", {len(run['taken_over'])} tests taken over from an audit that was broken off"
        if run.get("taken_over")
        else ""
    )
    return f"{run['requests']} requests, {run['tokens']} tokens, {run['seconds']} s{limited}{taken}"


def _next(tests: Sequence[Mapping[str, Any]], broken_off: str) -> str:
    verdicts = [test["verdict"] for test in tests]
    if "fail" in verdicts:
        return "apply the fixes above, audit again with --compare"
    if broken_off:
        return NEXT[broken_off]
    if "underpowered" in verdicts:
        return "--full asks more, and gives what is underpowered its power"
    if "pass" not in verdicts:
        return "give what the tests above ask for: nothing was tested"
    if "not-tested" in verdicts:
        return "give what the tests above ask for, or leave it: what was tested is clean"
    return "keep the JSON as evidence; --compare tells later what got worse"
