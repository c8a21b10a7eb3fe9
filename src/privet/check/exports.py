"""Which variables each command of a script gets: those that are exported before it, in the order of the lines.

Source: POSIX XCU 2.9.1, 2.15 (export, set -a, unset). Invariant: a variable that is only assigned is the script's own, and no program's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from privet.check.words import Command, Word


def in_force(commands: Sequence[Command], given: Iterable[tuple[str, Word]] = ()) -> list[Command]:
    """Return commands with the variables that each gets before its own assignments; the script itself is `given` some."""
    held = dict(given)
    visible = dict.fromkeys(held)
    exports_all = False
    found = []
    for command in commands:
        texts = command.texts()
        if not texts:
            held.update(command.assignments)
            visible |= dict.fromkeys(command.exports)
            if exports_all:
                visible |= dict.fromkeys(name for name, _ in command.assignments)
        elif texts[0] == "unset":
            for name in texts[1:]:
                held.pop(name, None)
        elif texts[0] == "set" and len(texts) > 1 and (texts[1][1:2] == "a" or texts[2:3] == ["allexport"]):
            exports_all = texts[1].startswith("-")
        gets = tuple((name, held[name]) for name in visible if name in held)
        found.append(command._replace(assignments=gets + command.assignments) if texts else command)
    return found
