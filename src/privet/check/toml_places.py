"""TOML → its scalars with their paths and places. `tomllib` decides what is valid and what a value is; this finds where each one stands.

Invariants: linear time; only called for text that `tomllib` has read, so that the grammar need not be checked again (TOML v1.0.0).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

from privet.check.pattern import regex

Place = tuple[str, str, int, int]
"""Dotted path, value as text, start and end of the value."""

_KEY: Final = r"(?:[A-Za-z0-9_-]+|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*')"
_KEYS: Final = regex(rf"[ \t]*({_KEY}(?:[ \t]*\.[ \t]*{_KEY})*)[ \t]*")
_PART: Final = regex(_KEY)
_HEADER: Final = regex(rf"[ \t]*(\[\[?)[ \t]*({_KEY}(?:[ \t]*\.[ \t]*{_KEY})*)[ \t]*\]\]?")
_SPACE: Final = regex(r"(?:[\s,]|#[^\n]*)+")
_STRING: Final = regex(r'"""(?:[^\\]|\\.)*?"""(?!")|\'\'\'.*?\'\'\'(?!\')|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_BARE: Final = regex(r"[^\s,\]}#]+(?: \d{2}:[^\s,\]}#]+)?")


def places(text: str) -> list[Place]:
    """Return every scalar in order; items of a list have a path that ends in `[]`.

    Raises:
        ValueError: the text is not valid TOML.

    """
    tomllib.loads(text)
    return list(_walk(text))


def _walk(text: str) -> Iterator[Place]:
    table = ""
    at = 1 if text.startswith("\ufeff") else 0
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if at >= len(text):
            return
        header = _HEADER.match(text, at)
        if header:
            table = _path("", header[2]) + ("[]" if header[1] == "[[" else "")
            at = header.end()
            continue
        key = _KEYS.match(text, at)
        if key is None or text[key.end() : key.end() + 1] != "=":
            return
        at = yield from _value(text, key.end() + 1, _path(table, key[1]))


def _path(owner: str, keys: str) -> str:
    parts = [part[1:-1] if part[0] in "\"'" else part for part in _PART.findall(keys)]
    return ".".join((*((owner,) if owner else ()), *parts))


def _value(text: str, at: int, path: str) -> Any:  # a generator that returns where the value ends
    stack: list[tuple[str, str]] = []
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if at >= len(text):
            return at
        char = text[at]
        if stack and char == stack[-1][0]:
            stack.pop()
            at += 1
        elif stack and stack[-1][0] == "}":
            key = _KEYS.match(text, at)
            if key is None:
                return len(text)
            path, at = _path(stack[-1][1], key[1]), key.end() + 1
            space = _SPACE.match(text, at)
            at = space.end() if space else at
            char = text[at : at + 1]
            at = yield from _one(text, at, path, char, stack)
        else:
            at = yield from _one(text, at, path if not stack else stack[-1][1], char, stack)
        if not stack:
            return at


def _one(text: str, at: int, path: str, char: str, stack: list[tuple[str, str]]) -> Any:
    if char in {"[", "{"}:
        stack.append(("]", path + "[]") if char == "[" else ("}", path))
        return at + 1
    found = _STRING.match(text, at) or _BARE.match(text, at)
    if found is None:
        return len(text)
    yield path, _scalar(found[0]), at, found.end()
    return found.end()


def _scalar(source: str) -> str:
    if source[0] not in "\"'":
        return source
    try:
        return str(tomllib.loads(f"x = {source}")["x"])
    except ValueError:
        return source
