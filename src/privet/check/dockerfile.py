"""Dockerfiles → one unit a stage: its variables, its user, what is copied in, and the program it starts.

The grammar is that of the Dockerfile reference: continued lines (also with the escape directive), comments between them, the JSON and the
shell form of CMD and ENTRYPOINT, here-documents of RUN.

Invariants: a stage inherits the environment of the stage it is built from; the last stage answers to the file's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from privet.check import entrypoints
from privet.check.components import of_command, of_image
from privet.check.exports import in_force
from privet.check.facts import PRESENT, Fact, Reading, Space, Unit, UnitKind
from privet.check.flags import flags_of
from privet.check.kubernetes_signs import SECRET_NAME
from privet.check.pattern import regex
from privet.check.programs import environment_facts, process_units
from privet.check.readers import Sibling
from privet.check.words import Command, Word, split

_INSTRUCTION: Final = regex(
    r"^[ \t]*(?P<word>[A-Za-z]+)[ \t]+(?P<rest>(?:[^\n\\`]|[\\`](?!\r?\n)|[\\`]\r?\n(?:[ \t]*#[^\n]*\n)*)*)",
    re.MULTILINE,
)
_HEREDOC: Final = regex(r"<<-?[\"']?(?P<mark>\w+)[\"']?")
_PAIR: Final = regex(r"""(?P<name>[A-Za-z_]\w*)=(?P<value>(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])*)""", re.DOTALL)
_SPACED: Final = regex(r"(?P<name>[A-Za-z_]\w*)[ \t]+(?P<value>[^\n]*\S)")
_ITEM: Final = regex(r'"(?:[^"\\]|\\.)*"')


class _Line(NamedTuple):
    word: str
    rest: str
    start: int


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return the stages of a Dockerfile."""
    stages: list[Unit] = []
    arguments: list[Fact] = []
    unit: Unit | None = None
    for line in _lines(text):
        if line.word == "FROM":
            if unit is not None:
                stages.append(unit)
            unit = _stage(path, line, stages, arguments)
        elif unit is None:
            arguments.extend(_pairs(line, path))
        else:
            unit = _with(unit, line, path)
    if unit is None:
        return Reading()
    last = replace(unit, provides=(*unit.provides, f"image:{path}"))
    processes = tuple(item for line in _lines(text) if line.word == "RUN" for item in _run(line, path))
    starts = _starts(path, text)
    variables = _variables(last, {stage.name: stage for stage in stages}) if starts else frozenset()
    return Reading((*stages, last, *processes, *entrypoints.dropped(last, variables, starts, sibling)))


def _starts(path: str, text: str) -> list[entrypoints.Start]:
    """Return what the last stage starts: its last ENTRYPOINT, and its last CMD."""
    found: dict[str, entrypoints.Start] = {}
    for line in _lines(text):
        if line.word == "FROM":
            found.clear()
        elif line.word in {"CMD", "ENTRYPOINT"}:
            words, set_before = _command(line)
            if words:
                found[line.word] = entrypoints.Start(Command(words, set_before), path, text)
    return list(found.values())


def _variables(unit: Unit, stages: dict[str, Unit]) -> frozenset[str]:
    """Return the names of what a stage sets, or one that it is built from."""
    names: set[str] = set()
    one: Unit | None = unit
    for _ in range(len(stages) + 1):
        if one is None:
            break
        names.update(fact.name for fact in one.facts if fact.space is Space.ENV)
        above = one.parents[0].rpartition(":")[2] if one.parents else ""
        one = stages.get(above)
    return frozenset(names)


def _lines(text: str) -> list[_Line]:
    found = []
    at = 0
    while line := _INSTRUCTION.search(text, at):
        at = line.end()
        word, rest = line["word"].upper(), line["rest"]
        if word in {"RUN", "COPY"}:
            for mark in _HEREDOC.findall(rest):
                closing = re.compile(rf"^{re.escape(mark)}[ \t]*$", re.MULTILINE).search(text, at)
                at = closing.end() if closing else len(text)
            rest = text[line.start("rest") : at] if word == "RUN" else rest
        found.append(_Line(word, rest, line.start("rest")))
    return found


def _stage(path: str, line: _Line, earlier: list[Unit], arguments: list[Fact]) -> Unit:
    words = [word for word in re.finditer(r"\S+", line.rest) if not word[0].startswith("--")]
    image = words[0] if words else re.match(r"", line.rest)
    assert image is not None  # noqa: S101 - the empty pattern always matches
    named = words[2][0] if len(words) > 2 and words[1][0].lower() == "as" else ""
    text = _filled(image[0], arguments)
    known = {unit.name for unit in earlier}
    parents = (f"stage:{path}:{text}",) if text in known else ()
    own = frozenset().union(*(unit.components for unit in earlier if unit.name == text)) if parents else of_image(text)
    start, end = line.start + image.start(), line.start + image.end()
    name = named or "final"
    provides = (f"stage:{path}:{name}",)
    fact = Fact(Space.KEY, "docker.from", text, path, start, end)
    return Unit(UnitKind.IMAGE, name, path, start, end, own, (fact,), parents, provides)


def _filled(image: str, arguments: list[Fact]) -> str:
    for fact in arguments:
        image = image.replace("${" + fact.name + "}", fact.value or "").replace("$" + fact.name, fact.value or "")
    return image


def _with(unit: Unit, line: _Line, path: str) -> Unit:
    end = line.start + len(line.rest)
    facts: tuple[Fact, ...] = ()
    components = unit.components
    if line.word in {"ENV", "ARG"}:
        facts = (*_pairs(line, path), *_secret_arguments(line, path))
    elif line.word == "USER":
        facts = (Fact(Space.KEY, "docker.user", line.rest.strip(), path, line.start, end),)
    elif line.word in {"COPY", "ADD"}:
        facts = tuple(_sources(line, path))
    elif line.word == "RUN":
        facts = (Fact(Space.KEY, "docker.run[]", line.rest.strip(), path, line.start, end),)
    elif line.word == "EXPOSE":
        facts = (Fact(Space.KEY, "docker.expose[]", line.rest.strip(), path, line.start, end),)
    elif line.word == "HEALTHCHECK":
        facts = (Fact(Space.KEY, "docker.healthcheck", line.rest.strip(), path, line.start, end),)
    elif line.word in {"CMD", "ENTRYPOINT"}:
        words, set_before = _command(line)
        found, first = of_command([word.value or "" for word in words])
        components = components | found
        arguments = words[first:] if found else words
        # CMD after an ENTRYPOINT is its arguments; CMD alone starts the program.
        facts = flags_of(arguments, path) + environment_facts(set_before, path)
        facts = facts or (Fact(Space.FLAG, line.word.lower(), PRESENT, path, line.start, end),)
    return replace(unit, facts=unit.facts + facts, components=components)


def _command(line: _Line) -> tuple[tuple[Word, ...], tuple[tuple[str, Word], ...]]:
    """Return the words of CMD or ENTRYPOINT and the variables that the command itself sets."""
    if line.rest.lstrip().startswith("["):
        words = []
        for item in _ITEM.finditer(line.rest):
            try:
                value = str(json.loads(item[0]))
            except ValueError:
                continue
            words.append(Word(value, line.start + item.start(), line.start + item.end()))
        if len(words) == 3 and words[1].value in {"-c", "-lc", "-ec"}:
            inner = split(words[2].value or "", words[2].start + 1)
            return _last_program(inner)
        return tuple(words), ()
    return _last_program(split(line.rest, line.start))


def _last_program(commands: list) -> tuple[tuple[Word, ...], tuple[tuple[str, Word], ...]]:  # type: ignore[type-arg]
    commands = in_force(commands)
    known = [command for command in commands if of_command(command.texts())[0]] or commands[-1:]
    return (known[-1].words, known[-1].assignments) if known else ((), ())


def _pairs(line: _Line, path: str) -> list[Fact]:
    pattern = _PAIR if _PAIR.match(line.rest.lstrip()) else _SPACED
    found = []
    for pair in pattern.finditer(line.rest):
        value = re.sub(r"\\\r?\n", "", pair["value"])
        bare = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
        known = None if re.search(r"\$\{?\w", bare) and not value.startswith("'") else re.sub(r"\\(.)", r"\1", bare)
        found.append(
            Fact(Space.ENV, pair["name"], known, path, line.start + pair.start("value"), line.start + pair.end("value"))
        )
    return found


def _secret_arguments(line: _Line, path: str) -> Iterator[Fact]:
    """Yield a fact for each secret that the build is given as an argument: it stays in the image's history."""
    for found in re.finditer(r"(?:^|[ \t])([A-Za-z_]\w*)(?P<value>=\S*)?", line.rest):
        name, value = found[1], (found["value"] or "").strip("=\"'")
        is_given = value in {f"${{{name}}}", f"${name}"} or (line.word == "ARG" and not value)
        if is_given and SECRET_NAME.fullmatch(name.upper()):
            place = line.start + found.start(1), line.start + found.end(1)
            yield Fact(Space.KEY, "code:dockerfile-secret-argument", PRESENT, path, *place)


def _sources(line: _Line, path: str) -> list[Fact]:
    name = "docker.copy[]" if line.word == "COPY" else "docker.add[]"
    if re.search(r"--from=", line.rest):
        return []  # out of another stage, not out of the repository
    words = (
        list(_ITEM.finditer(line.rest)) if line.rest.lstrip().startswith("[") else list(re.finditer(r"\S+", line.rest))
    )
    words = [word for word in words if not word[0].startswith("--") and word[0] != "\\"]
    return [
        Fact(Space.KEY, name, word[0].strip('"'), path, line.start + word.start(), line.start + word.end())
        for word in words[:-1]
    ]


def _run(line: _Line, path: str) -> tuple[Unit, ...]:
    return process_units(split(line.rest, line.start), path, owner="RUN")
