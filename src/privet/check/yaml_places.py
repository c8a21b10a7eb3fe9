"""Where each character of a YAML scalar's value stands in the file, and the command lines inside scalars.

Invariant: the characters of a value that are no white space stand in the source in the same order, whatever quotes, escapes, folding and
indentation there are. Where that cannot be seen, every character stands for the whole scalar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from privet.check.components import of_command
from privet.check.facts import Fact, Note, Reading, Space
from privet.check.flags import flags_of
from privet.check.pattern import regex
from privet.check.words import Command, Word, split
from privet.check.yaml_nodes import Items, Node, Scalar, documents

_TOKENS: Final = {
    "": re.compile(r"\S"),
    "|": re.compile(r"\S"),
    ">": re.compile(r"\S"),
    "'": re.compile(r"''|[^\s']"),
    '"': re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|\s*\n\s*|.)|[^\s\\\"]"),
}
_BLANK_ESCAPE: Final = regex(r"\\(?:[ntrvfNLP_ \t]|x20|x09|x0[aA]|u0020|u000[aA]|\s*\n\s*)")
_HEADER: Final = regex(r"[|>][^\n]*\n?")
_Locate = Callable[[int, int], tuple[int, int]]
_FILLED_IN: Final = regex(r"\$|\{\{")
_SHELLS: Final = frozenset(("sh", "bash", "ash", "dash", "zsh"))


def part(scalar: Scalar, start: int, end: int) -> Scalar:
    """Return the piece of a scalar's value between two offsets of the value, with its own place."""
    first, last = _locator(scalar)(start, end)
    return Scalar(scalar.text[start:end], first, last, scalar.source)


def located(reading: Reading, scalar: Scalar) -> Reading:
    """Return what was read from a scalar's value as what its file says: files inside files."""
    locate, path = _locator(scalar), scalar.source.path
    units = []
    for unit in reading.units:
        facts = tuple(_of_file(fact, path, locate) for fact in unit.facts)
        start, end = locate(unit.start, unit.end)
        units.append(replace(unit, path=path, start=start, end=end, facts=facts, parents=(), provides=()))
    first = scalar.source.text.count("\n", 0, scalar.start)
    return Reading(tuple(units), tuple(Note(path, note.line + first, note.message) for note in reading.notes))


def _of_file(fact: Fact, path: str, locate: _Locate) -> Fact:
    start, end = locate(fact.start, fact.end)
    return fact._replace(path=path, start=start, end=end)


def inner(scalar: Scalar) -> list[Node]:
    """Return the documents of YAML text inside a scalar, placed in the scalar's file."""
    locate = _locator(scalar)
    return [_inner(node, scalar, locate) for node in documents(scalar.source.path, scalar.text)[0]]


def _inner(node: Node, scalar: Scalar, locate: _Locate) -> Node:
    start, end = locate(node.start, node.end)
    if isinstance(node, Scalar):
        return node._replace(start=start, end=end, source=scalar.source)
    if isinstance(node, Items):
        items = tuple(_inner(item, scalar, locate) for item in node.items)
        return replace(node, start=start, end=end, source=scalar.source, items=items)
    pairs = {
        name: (_key(key, scalar, locate), _inner(value, scalar, locate)) for name, (key, value) in node.pairs.items()
    }
    return replace(node, start=start, end=end, source=scalar.source, pairs=pairs)


def _key(key: Scalar, scalar: Scalar, locate: _Locate) -> Scalar:
    start, end = locate(key.start, key.end)
    return key._replace(start=start, end=end, source=scalar.source)


def commands(scalar: Scalar, text: str | None = None) -> list[Command]:
    """Return the simple commands of a scalar that holds shell text, with their places in the file.

    `text` is the value with something of the same length in the place of what is no shell.
    """
    if not scalar.value:
        return []
    locate = _locator(scalar)
    return [
        command._replace(
            words=tuple(_moved(word, locate) for word in command.words),
            assignments=tuple((name, _moved(word, locate)) for name, word in command.assignments),
        )
        for command in split(scalar.value if text is None else text)
    ]


def _words(node: Node | None) -> Iterator[Word]:
    """Yield the words of an argument vector: a list of scalars, or one text that is split as a shell does."""
    if isinstance(node, Items):
        yield from (
            Word(item.value, item.start, item.end, _partly(item)) for item in node.items if isinstance(item, Scalar)
        )
    elif isinstance(node, Scalar):
        yield from (word for command in commands(node) for word in command.words)


def _partly(item: Scalar) -> str:
    """Return what is written of a value that is known only at run time, before the variable or the template's expression."""
    if item.value is not None:
        return ""
    return _FILLED_IN.split(item.source.text[item.start : item.end].lstrip("\"'"), maxsplit=1)[0] + "\0"


def programs(vector: Sequence[Node | None]) -> list[tuple[frozenset[str], tuple[Fact, ...]]]:
    """Return what an entrypoint and its arguments start: for each program its components and the facts of its command line.

    The text of `sh -c` is read as a script. Arguments without a program have no component, and are flags.
    """
    scripts = _scripts(vector)
    if scripts:
        return [started(command, scalar.source.path) for scalar in scripts for command in commands(scalar)]
    found: list[Word] = []
    paths: dict[tuple[int, int], str] = {}
    for node in vector:
        found.extend(_words(node))
        for item in node.items if isinstance(node, Items) else ():
            paths[(item.start, item.end)] = item.source.path
        if isinstance(node, Scalar):
            paths |= {(word.start, word.end): node.source.path for word in _words(node)}
    if not found:
        return []
    components, facts = started(Command(tuple(found), ()), next(iter(paths.values())))
    # An entrypoint, its arguments, and each item of them may come from different files.
    return [(components, tuple(one._replace(path=paths.get((one.start, one.end), one.path)) for one in facts))]


def started(command: Command, path: str) -> tuple[frozenset[str], tuple[Fact, ...]]:
    """Return the components that a command starts, and its assignments and flags as facts."""
    texts = command.texts()
    components, first = of_command(texts)
    if not components or texts[0].startswith("-"):
        components, first = frozenset(), 0
    facts = tuple(Fact(Space.ENV, name, word.value, path, word.start, word.end) for name, word in command.assignments)
    return components, facts + flags_of(command.words[first:], path)


def _scripts(vector: Sequence[Node | None]) -> list[Scalar]:
    flat = [
        item
        for node in vector
        for item in (node.items if isinstance(node, Items) else (node,))
        if isinstance(item, Scalar)
    ]
    for number, item in enumerate(flat[:-1]):
        if item.text.rsplit("/", 1)[-1] in _SHELLS:
            for option, script in zip(flat[number + 1 :], flat[number + 2 :], strict=False):
                if not option.text.startswith("-"):
                    break
                if re.fullmatch(r"-[a-z]*c[a-z]*", option.text):
                    return [script]
        elif number > 3:
            break
    return []


def _moved(word: Word, locate: _Locate) -> Word:
    start, end = locate(word.start, word.end)
    return word._replace(start=start, end=end)


def _locator(scalar: Scalar) -> _Locate:
    value, source = scalar.text, scalar.source.text
    inner = source[scalar.start : scalar.end]
    quote = 1 if scalar.style in {"'", '"'} else 0
    if inner[quote : len(inner) - quote] == value:
        shift = scalar.start + quote
        return lambda start, end: (shift + start, shift + end)
    places = _places(scalar, inner)
    if places is None:
        return lambda _start, _end: (scalar.start, scalar.end)

    def locate(start: int, end: int) -> tuple[int, int]:
        if start >= end:
            place = places[start][0] if start < len(places) else scalar.end
            return place, place
        return (places[start][0], places[end - 1][1]) if end <= len(places) else (scalar.start, scalar.end)

    return locate


def _places(scalar: Scalar, inner: str) -> list[tuple[int, int]] | None:
    """Return the place of every character of the value; of white space, the gap after what is before it."""
    style = scalar.style
    if style not in _TOKENS:
        return None
    begin = 1 if style in {"'", '"'} else 0
    header = _HEADER.match(inner) if style in {"|", ">"} else None
    begin = header.end() if header else begin
    end = len(inner) - (1 if style in {"'", '"'} else 0)
    tokens = [
        found for found in _TOKENS[style].finditer(inner, begin, end)
        if not (style == '"' and _BLANK_ESCAPE.fullmatch(found[0]))
    ]  # fmt: skip
    if len(tokens) != sum(not character.isspace() for character in scalar.text):
        return None
    places = []
    last = scalar.start + begin
    following = iter(tokens)
    for character in scalar.text:
        if character.isspace():
            places.append((last, last))
        else:
            token = next(following)
            last = scalar.start + token.end()
            places.append((scalar.start + token.start(), last))
    return places
