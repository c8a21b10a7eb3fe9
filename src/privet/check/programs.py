"""Command lines → units: which program a command starts, with which flags and variables. Shared by every reader that meets a shell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from privet.check.components import of_command
from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.words import Command, Word, flags_of

_QUIET: Final = frozenset(
    ("echo", "printf", "cd", "set", "test", "[", "true", "false", "exit", "return", "shift", "unset", "source", ".")
)
_GATE: Final = "gate-step-removed"


def environment_facts(pairs: Iterable[tuple[str, Word]], path: str) -> tuple[Fact, ...]:
    """Return assignments as facts."""
    return tuple(Fact(Space.ENV, name, word.value, path, word.start, word.end) for name, word in pairs)


def process_units(
    commands: Sequence[Command], path: str, *, owner: str = "", parents: tuple[str, ...] = (), guards: bool = False
) -> tuple[Unit, ...]:
    """Return a unit for every command that starts a known program; `owner` names what runs them and becomes part of the unit's name.

    With `guards`, a command that runs the gate and whose failure counts is one.
    """
    found: list[Unit] = []
    counts: Counter[str] = Counter()
    for command in commands:
        if not command.words or (command.words[0].value or "") in _QUIET:
            continue
        texts = command.texts()
        components, first = of_command(texts)
        if not components:
            continue
        if guards and "privet" in components and "check" in texts and not command.ignored:
            found.append(_guard(command, path))
        program = "+".join(sorted(components))
        counts[program] += 1
        name = f"{owner}:{program}#{counts[program]}" if owner else f"{program}#{counts[program]}"
        start, end = (
            command.words[min(first, len(command.words)) - 1].start,
            command.words[min(first, len(command.words)) - 1].end,
        )
        facts = environment_facts(command.assignments, path) + flags_of(command.words[first:], path)
        facts += docker_environment(command, components, first, path)
        found.append(Unit(UnitKind.PROCESS, name, path, start, end, components, facts, parents))
    return tuple(found)


def docker_environment(command: Command, components: frozenset[str], first: int, path: str) -> tuple[Fact, ...]:
    """Return what `docker run -e NAME=VALUE` sets in the container."""
    if "docker" not in components:
        return ()
    found = []
    words = command.words
    for index in range(first, len(words)):
        text = words[index].value or ""
        word, value = words[index], text
        if text in {"-e", "--env"} and index + 1 < len(words):
            word, value = words[index + 1], words[index + 1].value or ""
        elif text.startswith("--env="):
            value = text.removeprefix("--env=")
        else:
            continue
        name, equals, content = value.partition("=")
        if equals:
            found.append(Fact(Space.ENV, name, content, path, word.start, word.end))
    return tuple(found)


def _guard(command: Command, path: str) -> Unit:
    return Unit(
        UnitKind.GUARD,
        "privet check",
        path,
        command.words[0].start,
        command.words[-1].end,
        frozenset({"privet"}),
        guard=_GATE,
    )
