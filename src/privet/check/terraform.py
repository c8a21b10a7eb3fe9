"""Terraform and HCL files → attributes with their paths, and the variables that they give to containers and functions.

The grammar is HCL's native syntax as far as it decides where an attribute stands: blocks, objects, lists, strings, here-documents and
comments. Expressions are not worked out: what is no literal has the value None.

Invariants: linear time, no recursion; a text that breaks off gives what came before, with a note.
"""

from __future__ import annotations

import re
from typing import Final

from privet.check.components import of_image
from privet.check.facts import Fact, Note, Reading, Space, Unit, UnitKind
from privet.check.known import VARIABLES
from privet.check.readers import Sibling

_TOKEN: Final = re.compile(
    r"(?P<blank>[\s,]+|#[^\n]*|//[^\n]*|/\*.*?\*/)"
    r"|(?P<heredoc><<-?(?P<mark>\w+)[^\n]*\n.*?^[ \t]*(?P=mark)[ \t]*$)"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<open>[\[{(])|(?P<close>[\]})])"
    r"|(?P<equals>=>?|:)"
    r"|(?P<word>[A-Za-z_][\w.-]*|-?\d+(?:\.\d+)?)"
    r"|(?P<other>.)",
    re.DOTALL | re.MULTILINE,
)
_LITERAL: Final = re.compile(r"true|false|null|-?\d+(?:\.\d+)?")
_MAX_DEPTH: Final = 100
_CLOSING: Final = {"[": "]", "{": "}", "(": ")"}


def read(path: str, text: str, _: Sibling) -> Reading:
    """Return the attributes of a file as one unit."""
    facts, broken = _attributes(path, text)
    components: frozenset[str] = frozenset()
    for fact in facts:
        if fact.name.rsplit(".", 1)[-1] == "image" and fact.value:
            components |= of_image(fact.value)
    notes = (Note(path, text.count("\n", 0, broken) + 1, "is not valid HCL from here on"),) if broken >= 0 else ()
    variables = tuple(_variables(facts))
    name = path.rsplit("/", 1)[-1]
    unit = Unit(UnitKind.CONFIG, name, path, 0, 0, components, (*facts, *variables))
    return Reading((unit,) if facts else (), notes)


def _attributes(path: str, text: str) -> tuple[list[Fact], int]:
    """Return every attribute in order, and where the text is broken, or -1."""
    walk = _Walk(path)
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or not walk.take(token):
            return walk.facts, at
        at = token.end()
    return walk.facts, at if walk.stack else -1


class _Walk:
    """Where one pass over the tokens is."""

    def __init__(self, path: str) -> None:
        self.facts: list[Fact] = []
        self.stack: list[tuple[str, str]] = []
        """The closing bracket that is awaited, and the path of what it encloses."""
        self._path = path
        self._words: list[str] = []
        self._key = ""

    def take(self, token: re.Match[str]) -> bool:
        """Go on by one token; return whether the text is still whole."""
        if token["blank"]:
            if "\n" in token["blank"]:
                self._words, self._key = [], ""
        elif token["open"]:
            return self._open(token["open"])
        elif token["close"]:
            self._words, self._key = [], ""
            return bool(self.stack) and self.stack.pop()[0] == token["close"]
        elif token["equals"]:
            self._key, self._words = (self._words[-1] if self._words else ""), []
        else:
            self._plain(token)
        return True

    def _open(self, bracket: str) -> bool:
        # The labels of a block are no part of its path: `env {` is `….env`, `resource "a" "b" {` is `resource`.
        here = self.stack[-1][1] if self.stack else ""
        name = self._key or (self._words[0] if self._words else "")
        inner = ".".join(part for part in (here, name) if part)
        self.stack.append((_CLOSING[bracket], inner + ("[]" if bracket == "[" else "")))
        self._words, self._key = [], ""
        return len(self.stack) <= _MAX_DEPTH

    def _plain(self, token: re.Match[str]) -> None:
        here = self.stack[-1][1] if self.stack else ""
        if self._key or here.endswith("[]"):
            full = f"{here}.{self._key}" if here and self._key else here or self._key
            self.facts.append(Fact(Space.KEY, full, _value(token), self._path, token.start(), token.end()))
            self._key = ""
        elif token["string"] or token["word"]:
            self._words.append((token["string"] or token["word"]).strip('"'))


def _value(token: re.Match[str]) -> str | None:
    if token["string"] is not None:
        return None if "${" in token["string"] else token["string"][1:-1].replace('\\"', '"')
    return token["word"] if token["word"] and _LITERAL.fullmatch(token["word"]) else None


def _variables(facts: list[Fact]) -> list[Fact]:
    """Return variables: an attribute with the name of one, and `name` and `value` side by side."""
    found = []
    for fact, following in zip(facts, [*facts[1:], None], strict=False):
        owner, _, last = fact.name.rpartition(".")
        if last in VARIABLES:
            found.append(fact._replace(space=Space.ENV, name=last))
        elif last == "name" and fact.value and following is not None and following.name == f"{owner}.value":
            found.append(following._replace(space=Space.ENV, name=fact.value))
    return found
