"""The audit of a model as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

_COLOURS: Final = {"pass": "32", "fail": "31", "underpowered": "33", "not-tested": "2"}
_WIDTH: Final = 110
_INDENT: Final = " " * 34


def as_text(document: Mapping[str, Any], *, colour: bool = False) -> str:
    """Return the verdict, a line for each test with its numbers and what to do about it, and what to do next."""

    def painted(word: str, text: str) -> str:
        return f"\x1b[{_COLOURS[word]}m{text}\x1b[0m" if colour else text

    run = document["run"]
    lines = [f"{painted(document['verdict'], document['verdict'])}  {run['target']}", ""]
    for test in document["tests"]:
        verdict = test["verdict"]
        lines += _folded(f"{painted(verdict, f'{verdict:<13}')} {test['id']:<19} ", test["says"])
        if numbers := _numbers(test["id"], test["figures"]):
            lines += _folded(_INDENT, numbers)
        if test["fix"]:
            lines += _folded(_INDENT, f"fix: {test['fix']}")
        for note in test["notes"]:
            lines += _folded(_INDENT, f"note: {note}")
    lines += ["", f"{run['seconds']} s", f"next: {_next(document['tests'])}", ""]
    lines += [f"digest {document['digest']}", f"seed {document['seed']}, policy {document['policy'][:16]}", ""]
    return "".join(f"{line}\n" for line in lines)


def _folded(head: str, text: str) -> list[str]:
    parts = wrap(text, _WIDTH - len(_INDENT), break_long_words=False, break_on_hyphens=False) or [""]
    return [(head + parts[0]).rstrip(), *(_INDENT + part for part in parts[1:])]


def _numbers(test: str, figures: Mapping[str, Any]) -> str:
    """Return the figures that a reader asks for first."""
    if test == "extraction" and "controls_extracted" in figures:
        out = f"{figures['extracted']} of {figures['members']} members, "
        return out + f"{figures['controls_extracted']} of {figures['controls']} controls"
    if test == "exposure":
        ways = [(way, each) for way, each in figures.items() if isinstance(each, Mapping) and "most_bits" in each]
        return "; ".join(
            f"{way}: members {each['members_bits']:.1f} bits, controls {each['controls_bits']:.1f}, of {each['most_bits']:.1f}"
            for way, each in ways
        )
    if test == "membership" and figures.get("scores"):
        name, best = max(figures["scores"].items(), key=lambda item: item[1]["auc"])
        low, high = best["auc_interval"]
        told = best["tpr_at_1_percent_fpr"]
        return f"AUC at most {best['auc']:.2f} ({low:.2f} to {high:.2f}, {name}); {told:.0%} told at 1 % false alarms"
    if test == "epsilon-lower-bound" and "right" in figures:
        return f"{figures['right']} of {figures['guesses']} guesses right: epsilon >= {figures['epsilon_lower']:.2f}"
    return ""


def _next(tests: Sequence[Mapping[str, Any]]) -> str:
    verdicts = [test["verdict"] for test in tests]
    if "fail" in verdicts:
        return "apply the fixes above, and audit again"
    if "underpowered" in verdicts:
        return "give more canaries and controls, drawn by a fair coin for each"
    if "not-tested" in verdicts:
        return "give what the tests above ask for, or leave it: what was tested is clean"
    return "keep the JSON as evidence; --evidence writes it beside the weights for privet card"
