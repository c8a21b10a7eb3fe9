"""The words after a program's name → the flags that it is given.

Invariant: a flag points at its value, or at itself where it has none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from privet.check.facts import Fact, Space
from privet.check.pattern import regex
from privet.check.words import Word

_NAME: Final = regex(r"[A-Za-z_]\w*\Z", re.ASCII)


def flags_of(words: Sequence[Word], path: str) -> tuple[Fact, ...]:
    """Return the flags of a program's arguments.

    `--name=value` and `--name value` give the value; a flag that another one or nothing follows has "present". A single dash before
    several letters is one flag (`-lv`, `-tls`), as Go programs and llama.cpp have it. Plain words are facts named by themselves: `serve`.
    """
    found = []
    index = 0
    while index < len(words):
        word = words[index]
        text = _written(word)
        index += 1
        if not text.startswith("-") or text in {"-", "--"}:
            if text and _NAME.match(text):
                found.append(Fact(Space.FLAG, text, "present", path, word.start, word.end))
            continue
        name, equals, value = text.partition("=")
        if equals:
            said = value if word.value is not None else _known(word._replace(partly=word.partly.partition("=")[2]))
            found.append(Fact(Space.FLAG, name, said, path, word.start, word.end))
        elif word.value is None:
            continue  # its name is known only at run time
        elif index < len(words) and not (words[index].value or "").startswith("--") and not _is_flag(words[index]):
            found.append(Fact(Space.FLAG, name, _known(words[index]), path, words[index].start, words[index].end))
            index += 1
        else:
            found.append(Fact(Space.FLAG, name, "present", path, word.start, word.end))
    return tuple(found)


def _written(word: Word) -> str:
    """Return a word; of one that is known only at run time what is written before that: `--api-key=`."""
    return word.partly.partition("\0")[0] if word.value is None else word.value


def _known(word: Word) -> str | None:
    """Return a value; of pairs with commas between (`org=$ORG,public=True`), of which some are known only when it runs, the others."""
    pairs = word.partly.split(",")
    if word.value is not None or len(pairs) < 2 or not all("=" in pair for pair in pairs):
        return word.value
    return ",".join(pair for pair in pairs if "\0" not in pair) or None


def _is_flag(word: Word) -> bool:
    text = _written(word)
    return text.startswith("-") and len(text) > 1 and not text[1].isdigit()
