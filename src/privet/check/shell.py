"""Shell scripts, Makefiles, Procfiles and .env files → variables and the programs that are started.

Invariants: the variables of a script or a .env file are one environment for whoever reads the file; a program that a script starts gets
what is exported before it, and what is set for that command. Nothing is run or expanded.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from privet.check.exports import in_force
from privet.check.facts import Fact, Note, Reading, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.programs import environment_facts, process_units
from privet.check.readers import Sibling, format_of
from privet.check.words import Command, split

_LINE: Final = regex(r"^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.-]*)[ \t]*=[ \t]*(?P<rest>[^\n]*)", re.MULTILINE)
_REST: Final = regex(
    r"'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|(?P<plain>[^\r\n]*?)(?=[ \t]+#|[ \t]*\r?$)",
    re.DOTALL | re.MULTILINE,
)
_REFERENCE: Final = regex(r"\$\{?\w")
_RECIPE: Final = regex(r"^\t(?P<how>[@+-]*)(?P<line>(?:[^\n\\]|\\.|\\\n)*)", re.MULTILINE | re.DOTALL)
_PROC: Final = regex(r"^(?P<name>[\w-]+):[ \t]*(?P<line>[^\n]+)", re.MULTILINE)
_DOCUMENT: Final = regex(
    r"^[^\n]*\.env\b[^\n]*<<-?[ \t]*[\"']?(?P<mark>\w+)[\"']?[^\n]*\n(?P<body>.*?)^[ \t]*(?P=mark)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_MAKE_VARIABLE: Final = regex(
    r"^(?:export[ \t]+)(?P<name>[A-Za-z_]\w*)[ \t]*(?:[:?+]?=)[ \t]*(?P<value>[^\n#]*)", re.MULTILINE
)


def read(path: str, text: str, _: Sibling) -> Reading:
    """Return the units of a script or an environment file."""
    if format_of(path) == "dotenv":
        return dotenv(path, text)
    owner = path.rsplit("/", 1)[-1]
    name = owner.lower()
    reference = f"file:{path}"
    if name in {"makefile", "justfile"} or name.startswith("procfile"):
        pattern = _PROC if name.startswith("procfile") else _RECIPE
        commands = [
            command._replace(ignored=command.ignored or command.piped or "-" in (line.groupdict().get("how") or ""))
            for line in pattern.finditer(text)
            for command in split(line["line"], line.start("line"))
        ]
        facts = tuple(
            Fact(Space.ENV, item["name"], item["value"].strip(), path, item.start("value"), item.end("value"))
            for item in _MAKE_VARIABLE.finditer(text)
        )
        units = process_units(commands, path, owner=owner, parents=(reference,), guards=True)
    else:
        commands = split(text)
        written = _written(path, text)
        facts = _assigned(commands, path) + written
        started = process_units(in_force(commands), path, owner=owner, guards=True)
        units = tuple(unit if unit.guard else replace(unit, facts=written + unit.facts) for unit in started)
    own = Unit(UnitKind.ENVIRONMENT, owner, path, 0, 0, frozenset(), facts, (), (reference,))
    return Reading((*((own,) if facts else ()), *units))


def _written(path: str, text: str) -> tuple[Fact, ...]:
    """Return the variables of environment files that a script writes: `cat > /etc/llm.env <<END`."""
    found: list[Fact] = []
    for document in _DOCUMENT.finditer(text):
        for unit in dotenv(path, document["body"]).units:
            shift = document.start("body")
            found.extend(fact._replace(start=fact.start + shift, end=fact.end + shift) for fact in unit.facts)
    return tuple(found)


def _assigned(commands: list[Command], path: str) -> tuple[Fact, ...]:
    """Return the variables that commands of their own set: `export A=b`, `A=b`."""
    return tuple(
        fact for command in commands if not command.words for fact in environment_facts(command.assignments, path)
    )


def dotenv(path: str, text: str) -> Reading:
    """Return the variables of a .env file, as python-dotenv and docker compose read it."""
    facts: list[Fact] = []
    notes: list[Note] = []
    at = 0
    while line := _LINE.search(text, at):
        start = line.start("rest")
        rest = _REST.match(text, start)
        at = max(line.end(), rest.end() if rest else 0)
        if rest is None:
            continue
        if rest["plain"] is not None and line["rest"][:1] in {"'", '"'}:
            notes.append(Note(path, text.count("\n", 0, start) + 1, "a quote is not closed"))
        value = rest["single"] if rest["single"] is not None else rest["double"]
        value = rest["plain"].strip() if value is None else value
        is_filled_in = rest["single"] is None and _REFERENCE.search(value) is not None
        facts.append(Fact(Space.ENV, line["name"], None if is_filled_in else value, path, start, rest.end()))
    name = path.rsplit("/", 1)[-1]
    unit = Unit(UnitKind.ENVIRONMENT, name, path, 0, 0, frozenset(), tuple(facts), (), (f"file:{path}",))
    return Reading((unit,) if facts else (), tuple(notes))
