"""JSON, with comments and trailing commas as editors allow → its scalars with their paths and places (RFC 8259).

Invariants: linear time and no recursion; a text that breaks off gives what came before, and says at which place it broke.
"""

from __future__ import annotations

import json
import re
from typing import Final

from privet.check.pattern import regex

Place = tuple[str, str, int, int]

_TOKEN: Final = regex(
    r'[\s,:\ufeff]+|//[^\n]*|/\*.*?\*/|(?P<string>"(?:[^"\\]|\\.)*")|(?P<open>[\[{])|(?P<close>[\]}])|(?P<bare>[^\s,:\[\]{}"]+)',
    re.DOTALL,
)
_AFTER: Final = regex(r"\s*:")
_MAX_DEPTH: Final = 200


def places(text: str) -> tuple[list[Place], int]:
    """Return every scalar in order, and the offset at which the text is broken, or -1. Items of a list have a path that ends in `[]`."""
    found: list[Place] = []
    stack: list[tuple[str, str]] = []  # the closing bracket, and the path of what it encloses
    key = ""
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return found, at
        at = token.end()
        here = stack[-1][1] if stack and stack[-1][0] == "]" else key
        if token["open"]:
            if len(stack) == _MAX_DEPTH:
                return found, token.start()
            stack.append(("]", f"{here}[]") if token["open"] == "[" else ("}", here))
            key = here
        elif token["close"]:
            if not stack or stack.pop()[0] != token["close"]:
                return found, token.start()
        elif token["string"] is not None:
            value = _string(token["string"])
            if stack and stack[-1][0] == "}" and _AFTER.match(text, at):
                key = f"{stack[-1][1]}.{value}" if stack[-1][1] else value
            else:
                found.append((here, value, token.start(), token.end()))
        elif token["bare"]:
            found.append((here, token["bare"], token.start(), token.end()))
    return found, len(text) if stack else -1


def _string(source: str) -> str:
    try:
        return str(json.loads(source))
    except ValueError:
        return source[1:-1]
