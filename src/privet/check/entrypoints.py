"""What a container starts through → whether the variables of its image reach the program: a login shell begins with none of them.

Sources: su(1), runuser(1) and setpriv(1) of util-linux, sudo(8) (`env_reset` is its default), env(1) of GNU coreutils.

Invariant: only the last command of a script counts, which becomes the container's program; what is handed on by name is no loss.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from privet.check.facts import PRESENT, Fact, Space, Unit, UnitKind
from privet.check.known import VARIABLES
from privet.check.pattern import regex
from privet.check.readers import Sibling
from privet.check.words import Command, split

_LOGIN: Final = frozenset(("-", "-l", "--login"))
_CLEARS: Final = regex(r"\benv[ \t]+(?:-i|-|--ignore-environment)[ \t][^\n;&|]*\Z")
_FIRST: Final = frozenset(("sh", "bash", "dash", "ash", "tini", "dumb-init", "exec"))
"""What may stand before the name of a script."""
_ENDINGS: Final = (".sh", ".bash", "entrypoint")


class Start(NamedTuple):
    """A command that a container starts, and the text in which it stands."""

    command: Command
    path: str
    text: str


def dropped(unit: Unit, variables: Collection[str], starts: Sequence[Start], sibling: Sibling) -> Iterator[Unit]:
    """Yield a unit when what an image starts does not get the settings that the image has for it.

    Args:
        unit: the last stage of a Dockerfile.
        variables: what it and those that it is built from set.
        starts: its ENTRYPOINT and its CMD.
        sibling: gives the text of another file.

    """
    kept = VARIABLES.intersection(variables)
    for start in starts if kept else ():
        for one in (start, *_scripts(start, unit, sibling)):
            if _is_dropping(one, kept):
                words = one.command.words
                span = words[0].start, words[-1].end
                fact = Fact(Space.KEY, "code:image-environment-dropped", PRESENT, one.path, *span)
                yield Unit(UnitKind.RESOURCE, f"environment of {unit.name}", one.path, *span, facts=(fact,))
                return


def _scripts(start: Start, unit: Unit, sibling: Sibling) -> Iterator[Start]:
    """Yield the last command of the script that a container starts, where the repository has it."""
    words = [text for text in start.command.texts() if posixpath.basename(text) not in _FIRST and text[:1] != "-"]
    if not words or not words[0].endswith(_ENDINGS):
        return
    name = posixpath.basename(words[0])
    copied = [fact.value or "" for fact in unit.facts if fact.name in {"docker.copy[]", "docker.add[]"}]
    places = [*(one for one in copied if posixpath.basename(one) == name), name, words[0].strip("/").partition("/")[2]]
    folder = posixpath.dirname(start.path)
    for place in filter(None, places):
        for path in (posixpath.normpath(posixpath.join(folder, place)), posixpath.normpath(place)):
            text = None if path.startswith(("..", "/")) else sibling(path)
            commands = [command for command in split(text) if command.words] if text else []
            if text and commands:
                yield Start(commands[-1], path, text)
                return


def _is_dropping(start: Start, kept: Collection[str]) -> bool:
    """Tell whether a command begins anew with an environment that lacks some of what the image sets."""
    command, texts = start.command, start.command.texts()
    program, rest = posixpath.basename(texts[0]) if texts else "", texts[1:]
    handed = {name for name, _ in command.assignments} | {text.partition("=")[0] for text in rest if "=" in text}
    for before, text in zip(["", *rest], rest, strict=False):
        if before in {"-w", "--whitelist-environment"} or text.startswith(
            ("--whitelist-environment=", "--preserve-env=")
        ):
            handed.update(text.rpartition("=")[2].split(","))
    if handed.issuperset(kept) or not texts:
        return False
    if program in {"su", "runuser"}:
        own = rest[: rest.index("--")] if "--" in rest else rest
        return not _LOGIN.isdisjoint(own)
    if program == "sudo":
        return not {"-E", "--preserve-env"} & set(rest) or not {"-i", "--login"}.isdisjoint(rest)
    if program == "env":
        return not {"-i", "-", "--ignore-environment"}.isdisjoint(rest)
    if program == "setpriv" and "--reset-env" in rest:
        return True
    return bool(_CLEARS.search(start.text[: command.words[0].start][-500:]))
