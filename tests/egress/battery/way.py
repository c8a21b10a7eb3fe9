# ruff: noqa: T201 -- its output is what it is for
"""A way: a named small function that tries to deliver a word to a place outside; shared by the files `by_*.py`.

Each file is a program too: `by_socket.py NAME WORD TARGETS` runs one way. What it prints or returns decides nothing: the sinks do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

Targets = dict[str, Any]
Act = Callable[[bytes, Targets], None]


class Way:
    """What the table says of a way, and the function that tries it."""

    def __init__(self, file: str, protocol: str, how: str, act: Act, *, network: bool) -> None:
        self.file = file
        self.protocol = protocol
        self.how = how
        self.act = act
        self.network = network


WAYS: Final[dict[str, Way]] = {}


def way(name: str, protocol: str, how: str, *, network: bool = True, file: str = "") -> Callable[[Act], Act]:
    """Enter a function into the table; `network=False` marks what is shown but not judged (files and the like)."""
    file = file or Path(sys._getframe(1).f_code.co_filename).name

    def enter(act: Act) -> Act:
        WAYS[name] = Way(file, protocol, how, act, network=network)
        return act

    return enter


def main() -> None:
    """Run the way that the command line names."""
    name, word, targets = sys.argv[1:4]
    try:
        WAYS[name].act(word.encode(), json.loads(targets))
    except BaseException as error:  # whatever stops a way is its last line, for the unlocked proof's reason
        print(f"{type(error).__name__}: {error}")
        sys.exit(1)
