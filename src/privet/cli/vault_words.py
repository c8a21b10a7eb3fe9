"""Words of `privet vault`'s command line, what stands for them on standard input, `-`, and what stands for them in Python.

Invariant: an error repeats nothing of what was given.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from privet.errors import BadInput

_SPOKEN: Final = {
    "accept_older=True": "--accept-older",
    "open it with read_only=True": "only read it: search, get, verify, info",
    "check its name, or open it once to write": "check --tenant; `privet vault add` begins one",
    "add(..., replace=True)": "add it with --replace",
    "give the new source to rotate(keys=...)": "move to another source in Python, with Vault.rotate(keys=…): see docs/vault.md, Keys",
}


def line(given: str) -> str:
    """Return a word of the command line, or all of standard input where it is `-`, without its last line end."""
    text = _input() if given == "-" else given
    if not text.strip():
        raise BadInput("expected a text, found nothing")
    return text


def words(given: Sequence[str]) -> list[str]:
    """Return ids of the command line, or those on standard input, one a line; each once."""
    found = [line for word in given for line in (_input().splitlines() if word == "-" else [word])]
    return list(dict.fromkeys(filter(None, found)))


def _input() -> str:
    try:
        return sys.stdin.buffer.read().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise BadInput("standard input is not UTF-8") from None


def json_of(text: str, kind: type, name: str, example: str) -> Any:
    """Return a word of the command line that is JSON of a kind."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise BadInput(f"expected {name} as JSON", hint=f"such as {example}")
    return found


def spoken(text: str) -> str:
    """Return what an error says, with the names that things have on the command line.

    >>> spoken("open with accept_older=True")
    'open with --accept-older'
    """
    for python, word in _SPOKEN.items():
        text = text.replace(python, word)
    return text
