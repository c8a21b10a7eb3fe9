"""A Helm template → YAML text of the same length, in which each action is a token, a blank, or decided.

Source: Go text/template, Sprig, Helm "Template Guide". Invariants:

- Every character that stays is where it was.
- A branch that the chart's own values switch off is blank; one that cannot be decided is there, and so is its `else`.
- What an action writes is a node of the values file, so that it is told there; None where it is not simple.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from privet.check.go_expressions import Names, Value, holds, value_of
from privet.check.pattern import regex
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar, Source

_COMMENT: Final = regex(r"\{\{-?\s*/\*")
_CLOSING: Final = regex(r"\*/\s*-?\}\}")
_ACTION: Final = regex(
    r"\{\{-?(?P<said>(?:\"(?:[^\"\\\n]|\\.)*+\"|`[^`]*+`|[^\"`{}]|\}(?!\})|\{(?!\{))*+)\}\}", re.DOTALL
)
_OPENING: Final = regex(r"(if|with|range|define|block)\b\s*(.*)", re.DOTALL)
_DEFINED: Final = regex(r"define\s+\"([^\"]+)\"")
_ELSE: Final = regex(r"else\b\s*(?:(?:if|with)\b\s*(.*))?", re.DOTALL)
_SILENT: Final = regex(r"\$\w+\s*:?=|break\b|continue\b|template\b")
_VARIABLE: Final = regex(r"(\$\w+)\s*(:?=)(?!=)\s*")
_NAME: Final = regex(r"\$\w+")
_INDENT: Final = regex(r"\bn?indent\s+(\d+)")
_TOKEN: Final = regex("\ue000([0-9]+)\ue001*")
_EMPTIED: Final = regex(r"^[ \t]+$", re.MULTILINE)
_LINE: Final = 200
"""How far around an action is looked for what else is in its line."""
_VISIBLE: Final = regex(r"[^\r\n]")


class Hole(NamedTuple):
    """What an action writes, and where it stands."""

    node: Node | None
    start: int
    end: int
    indent: int | None


@dataclass(slots=True)
class _Frame:
    """An open `if`, `with`, `range`, `define` or `block`."""

    is_live: bool
    """Whether what is around it is there."""
    condition: bool | None
    was_true: bool
    scope: Value


@dataclass(slots=True)
class Template:
    """A template's text as YAML, and what its tokens stand for."""

    text: str
    source: Source
    holes: list[Hole]


def opened(path: str, text: str, names: Names, scope: Value = None, span: tuple[int, int] | None = None) -> Template:
    """Return a template as YAML text of the same length; with `span` only what stands there, with `scope` as its dot."""
    source = Source(path, text)
    scanner = _Scanner(source, names, scope)
    first, last = span or (0, len(text))
    scanner.parts.append(_VISIBLE.sub(" ", text[:first]))
    at = first
    for said, start, end in _actions(text, first, last):
        scanner.write(text[at:start])
        scanner.act(said, start, end)
        at = end
    scanner.write(text[at:last])
    template = Template("".join(scanner.parts), source, scanner.holes)
    lines = template.text.split("\n")
    template.text = "\n".join(_placed(line, template.holes) if "\ue000" in line else line for line in lines)
    # Spaces before a block's first line would be its indentation: an emptied line becomes as many empty lines.
    template.text = _EMPTIED.sub(lambda line: "\n" * len(line[0]), template.text)
    return template


@lru_cache(maxsize=4)  # every template of a chart asks for the same file
def helpers(text: str) -> dict[str, str]:
    """Return what those named templates of a text say that are nothing but one action."""
    found: dict[str, str] = {}
    open_: list[tuple[str, int]] = []
    said_last = ""
    count = 0
    for said, start, end in _actions(text):
        named = _DEFINED.fullmatch(said)
        if named:
            open_, count = [(named[1], end)], 0
        elif said == "end" and open_:
            name, begin = open_.pop()
            if count == 1 and not _ACTION.sub("", text[begin:start]).strip():
                found[name] = said_last
        elif said:
            # An action that opens a block makes two: with its end there is more than one.
            count += 2 if _OPENING.match(said) else 1
            said_last = said
    return found


@lru_cache(maxsize=16)
def bodies(text: str) -> dict[str, tuple[int, int]]:
    """Return where the named templates of a text stand, by name."""
    found: dict[str, tuple[int, int]] = {}
    open_: list[tuple[str, int]] = []
    for said, start, end in _actions(text):
        named = _DEFINED.fullmatch(said)
        if named or _OPENING.match(said):
            open_.append((named[1] if named else "", end))
        elif said == "end" and open_:
            name, begin = open_.pop()
            if name:
                found[name] = (begin, start)
    return found


def _actions(text: str, start: int = 0, stop: int | None = None) -> Iterator[tuple[str, int, int]]:
    """Yield what each action says, nothing for a comment, and its place."""
    at = start
    while (at := text.find("{{", at, stop)) >= 0:
        comment = _COMMENT.match(text, at)
        found = _CLOSING.search(text, comment.end()) if comment else _ACTION.match(text, at)
        if found:
            said = "" if comment else found["said"].strip().removesuffix("-").strip()
            yield said, at, found.end()
            at = found.end()
        elif comment:
            return  # the rest is a comment without an end
        else:
            at += 2


class _Scanner:
    def __init__(self, source: Source, names: Names, scope: Value = None) -> None:
        self.parts: list[str] = []
        self.holes: list[Hole] = []
        self._source = source
        self._variables: dict[str, Value] = {}
        self._names = names._replace(variables=self._variables)
        self._frames: list[_Frame] = []
        self._dot = scope

    def _is_live(self) -> bool:
        return not self._frames or (self._frames[-1].is_live and self._frames[-1].condition is not False)

    def _scope(self) -> Value:
        return self._frames[-1].scope if self._frames else self._dot

    def write(self, text: str) -> None:
        self.parts.append(text if self._is_live() else _VISIBLE.sub(" ", text))

    def act(self, said: str, start: int, end: int) -> None:
        text = self._source.text[start:end]
        blank = _VISIBLE.sub(" ", text)
        opening, other = _OPENING.match(said), _ELSE.match(said)
        if opening:
            self._open(opening[1], opening[2])
        elif other and self._frames:
            self._else(other[1])
        elif said == "end" and self._frames:
            self._frames.pop()
        elif self._is_live() and said and not _SILENT.match(said):
            self.parts.append(self._hole(said, start, end))
            return
        if not opening and not other and self._is_live() and _VARIABLE.match(said):
            self._assigned(said, self._scope())
        if opening and self._is_live() and self._frames[-1].condition is None and self._is_inline(start, end):
            self.parts.append(self._hole("", start, end))
        else:
            self.parts.append(blank)

    def _is_inline(self, start: int, end: int) -> bool:
        text = self._source.text
        before, after = text[max(0, start - _LINE) : start], text[end : end + _LINE]
        line = before.rpartition("\n")[2] + after.partition("\n")[0]
        return bool(_ACTION.sub("", line).strip(" \t\r-"))

    def _open(self, kind: str, said: str) -> None:
        is_live, scope = self._is_live(), self._scope()
        condition: bool | None = None
        if kind in {"if", "with"}:
            condition = holds(_VARIABLE.sub("", said, count=1), scope, self._names)
        if kind == "with" and is_live:
            scope = self._assigned(said, scope)
        elif kind == "range":
            scope = self._ranged(said, scope)
        elif kind != "if":
            scope = None
        self._frames.append(_Frame(is_live, condition, condition is True, scope))

    def _assigned(self, said: str, scope: Value) -> Value:
        """Return what an expression is, and give it to the variable before it if there is one."""
        variable = _VARIABLE.match(said)
        expression = said[variable.end() :] if variable else said
        found = value_of(expression, scope, self._names, self._source, (0, 0))
        if variable:
            # What is assigned anew may be under a condition.
            self._variables[variable[1]] = found if variable[2] == ":=" else None
        return found

    def _ranged(self, said: str, scope: Value) -> Value:
        """Return the first item of a list, for which the loop is read once."""
        head, _, expression = said.rpartition(":=")
        found = value_of(expression, scope, self._names, self._source, (0, 0))
        item = found.items[0] if isinstance(found, Items) and found.items else None
        names = _NAME.findall(head)
        for name in names:
            self._variables[name] = item if name == names[-1] else None
        return item

    def _else(self, said: str | None) -> None:
        frame = self._frames[-1]
        if frame.was_true:
            frame.condition = False
        elif said:
            frame.condition = holds(said, frame.scope, self._names)
            frame.was_true = frame.condition is True
        else:
            frame.condition = None

    def _hole(self, said: str, start: int, end: int) -> str:
        indent = _INDENT.search(said)
        node = value_of(said, self._scope(), self._names, self._source, (start, end)) if said else None
        self.holes.append(Hole(node, start, end, int(indent[1]) if indent else None))
        token = f"\ue000{len(self.holes) - 1}"
        rest = self._source.text[start + len(token) : end]
        if "\n" in rest or end - start < len(token):
            return _VISIBLE.sub(" ", self._source.text[start:end])
        return token + "\ue001" * len(rest)


def _placed(line: str, holes: list[Hole]) -> str:
    """Return a line that is nothing but one action as the key or item that stands for what it writes."""
    token = _TOKEN.fullmatch(line.strip())
    if not token:
        return line
    hole = holes[int(token[1])]
    column = hole.indent if hole.indent is not None else len(line) - len(line.lstrip())
    short = f"\ue000{token[1]}"
    if isinstance(hole.node, Mapping):
        made = " " * column + short + ":"
    elif isinstance(hole.node, Items):
        made = " " * column + "- " + short
    else:
        made = ""
    return (made if len(made) <= len(line) else "").ljust(len(line))


def closed(node: Node, template: Template) -> Node:
    """Return a node read from a template's text with its tokens replaced by what they stand for."""
    if isinstance(node, Scalar):
        return _scalar(node, template)
    if isinstance(node, Items):
        items: list[Node] = []
        for item in node.items:
            whole = _whole(item, template)
            items.extend(whole.node.items if whole and isinstance(whole.node, Items) else (closed(item, template),))
        return Items(tuple(items), node.start, node.end, node.source, node.tag, node.size)
    return _mapping(node, template)


def _mapping(node: Mapping, template: Template) -> Node:
    pairs: dict[str, tuple[Scalar, Node]] = {}
    for key, value in node.pairs.values():
        whole = _whole(key, template)
        if whole and isinstance(whole.node, Mapping):
            pairs.update(whole.node.pairs)
            continue
        name = _scalar(key, template)
        if isinstance(name, Scalar) and name.value is not None:
            pairs[name.value] = (key, closed(value, template))
    return Mapping(pairs, node.start, node.end, node.source, node.tag, node.size)


def _whole(node: Node, template: Template) -> Hole | None:
    found = _TOKEN.fullmatch(node.text) if isinstance(node, Scalar) else None
    return template.holes[int(found[1])] if found and int(found[1]) < len(template.holes) else None


def _scalar(node: Scalar, template: Template) -> Node:
    if "\ue000" not in node.text:
        return node
    whole = _whole(node, template)
    if whole is not None and whole.node is not None:
        return whole.node
    if node.style in {"|", ">"}:  # a script: what an action writes is as unknown as a variable
        text = _TOKEN.sub(lambda found: "$" + "_" * (len(found[0]) - 1), node.text)
        return Scalar(text, node.start, node.end, node.source, node.style, node.tag)
    text_of: Callable[[re.Match[str]], str | None] = lambda found: _text(template, int(found[1]))  # noqa: E731
    parts = [text_of(found) for found in _TOKEN.finditer(node.text)]
    value: str | None = None
    if all(part is not None for part in parts):
        value = _TOKEN.sub(lambda found: text_of(found) or "", node.text)
    return Scalar(value, node.start, node.end, template.source, "$", node.tag)


def _text(template: Template, number: int) -> str | None:
    node = template.holes[number].node if number < len(template.holes) else None
    return node.value if isinstance(node, Scalar) else None
