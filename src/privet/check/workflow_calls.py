"""What a CI step runs by another file's words: a Makefile's target, a script, a hook, an action or a workflow of the same repository.

Invariant: a protection that moved into such a file is still run by the step; one whose step is gone is run by nobody.
"""

from __future__ import annotations

import posixpath
import re
from typing import Final

from privet.check.facts import UnitKind
from privet.check.pattern import regex
from privet.check.readers import Sibling
from privet.check.words import Command

GATE: Final = "gate-step-removed"
_SHELLS: Final = frozenset(("bash", "sh", "zsh", "dash"))
_SCRIPT: Final = regex(r"(?:\./)?[\w./-]+\.(?:sh|bash)")
_MAKERS: Final = {"make": ("Makefile", "makefile", "GNUmakefile"), "just": ("justfile", "Justfile")}
_HOOKS: Final = (".pre-commit-config.yaml", ".pre-commit-config.yml")


def runs_gate(command: Command, sibling: Sibling) -> bool:
    """Tell whether a command starts something of the repository that runs the gate."""
    texts = command.texts()
    program = texts[0].rsplit("/", 1)[-1] if texts else ""
    if program == "pre-commit" and "run" in texts:
        return any(_has_hook(name, sibling) for name in _HOOKS)
    if program in _MAKERS:
        return any(_has_gate(name, sibling, texts[1:]) for name in _MAKERS[program])
    named = texts[1:] if program in _SHELLS else texts[:1]
    scripts = [posixpath.normpath(text) for text in named if _SCRIPT.fullmatch(text)]
    return any(_has_gate(name, sibling) for name in scripts[:1])


def _has_hook(name: str, sibling: Sibling) -> bool:
    from privet.check import hooks

    text = sibling(name)
    return bool(text) and any(unit.guard == hooks.HOOK for unit in hooks.read(name, text or "").units)


def _has_gate(name: str, sibling: Sibling, targets: list[str] | None = None) -> bool:
    from privet.check import shell

    text = sibling(name)
    if not text or "privet" not in text:
        return False
    if targets is not None:
        text = _recipes(text, targets)
    units = shell.read(name, text, sibling).units
    return any(unit.kind is UnitKind.GUARD and unit.guard == GATE for unit in units)


def _recipes(text: str, targets: list[str]) -> str:
    """Return the rules of a Makefile for some targets, the first where none is named, and for those that they need."""
    rules = {
        found[1]: found
        for found in re.finditer(
            r"^([\w.-]+)[^\n:=]*:(?!=)([^\n]*)\n((?:[\t ][^\n]*\n|\n)*)", text + "\n", re.MULTILINE
        )
    }
    named = [target for target in targets if not target.startswith("-") and "=" not in target]
    wanted = [target for target in named or list(rules)[:1] if target in rules]
    for target in wanted:  # grows as it goes
        wanted.extend(name for name in rules[target][2].split() if name in rules and name not in wanted)
    return "".join(rules[target][0] for target in wanted)


def action_file(uses: str, sibling: Sibling) -> tuple[str, str] | None:
    """Return the path and the text of an action of the same repository."""
    if not uses.startswith("./"):
        return None
    for name in ("action.yml", "action.yaml"):
        path = posixpath.normpath(posixpath.join(uses, name))
        text = sibling(path)
        if text:
            return path, text
    return None
