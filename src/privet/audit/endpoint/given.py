"""What the user knows of the model: canaries that were in its training data, and texts that were and were not.

Invariant: a file that is not of the described form is refused with the line; no line is shown.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from privet.errors import BadInput

_DIGIT_BITS: Final = math.log2(10)
_LETTER_BITS: Final = 1.5
"""Shannon 1951: English has 0.6 to 1.3 bits a letter; names and rare words more."""
_PART: Final = re.compile(r"\d+|[^\W\d_]+")


@dataclass(frozen=True, slots=True, repr=False)
class Canary:
    """A secret of the training data, what stood before it, and whether it was in there: where not, it is a control."""

    prompt: str
    secret: str
    member: bool


@dataclass(frozen=True, slots=True, repr=False)
class Passage:
    """A text, and whether the model was trained on it."""

    text: str
    member: bool


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """What the user gave; empty where they gave nothing."""

    canaries: tuple[Canary, ...] = ()
    passages: tuple[Passage, ...] = ()


def read_canaries(path: Path) -> tuple[Canary, ...]:
    """Return the canaries of a file of JSON lines: `prompt`, `secret`, `member`.

    Raises:
        BadInput: a line is none of these, the file cannot be read, or it is empty.

    """
    return tuple(_read(path, Canary, ("prompt", "secret")))


def read_passages(path: Path) -> tuple[Passage, ...]:
    """Return the texts of a file of JSON lines: `text`, `member`.

    Raises:
        BadInput: a line is none of these, the file cannot be read, or it is empty.

    """
    return tuple(_read(path, Passage, ("text",)))


def _read(path: Path, kind: Any, texts: tuple[str, ...]) -> list[Any]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read", hint="check its path and permissions") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(
                f"{path.name}, line {number}: expected a JSON object", hint="see docs/audit-model.md"
            ) from error
        if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in texts):
            wanted = ", ".join(f'"{name}"' for name in texts)
            raise BadInput(f"{path.name}, line {number}: expected texts in {wanted}", hint="see docs/audit-model.md")
        if not isinstance(row.get("member"), bool):
            raise BadInput(
                f'{path.name}, line {number}: expected true or false in "member"', hint="false marks a control"
            )
        if not row[texts[-1]].strip():
            raise BadInput(f"{path.name}, line {number}: the {texts[-1]} is empty", hint="take the line out")
        rows.append(kind(**{name: row[name] for name in texts}, member=row["member"]))
    if not rows:
        raise BadInput(f"{path.name} holds no line", hint="see docs/audit-model.md for the form")
    return rows


def chosen(canaries: Sequence[Canary], most: int, chance: Random) -> list[Canary]:
    """Return at most so many members and as many controls, none twice, in the order of the file."""
    unique = list(dict.fromkeys(canaries))
    out: set[int] = set()
    for member in (True, False):
        able = [at for at, canary in enumerate(unique) if canary.member is member]
        out.update(chance.sample(able, most) if len(able) > most else able)
    return [unique[at] for at in sorted(out)]


def hardest(out: Sequence[Canary], canaries: Sequence[Canary]) -> float:
    """Return how many bits the hardest to guess of some secrets has, about; `canaries`: what was made like them. 0 for none.

    A word that other secrets hold too was drawn from a list: it is at most one of all the words that the secrets have.

    >>> round(hardest([Canary("", "7391-2846", True)], [])), round(hardest([Canary("", "Paris", True)], []))
    (27, 8)
    >>> drawn = [Canary("", f"{one} {two}", True) for one in ("harbour", "velvet") for two in ("lantern", "copper")]
    >>> round(hardest(drawn[:1], drawn)), round(hardest(drawn[:1], []))
    (4, 21)
    """
    held = Counter(word for secret in {canary.secret for canary in canaries} for word in set(_PART.findall(secret)))
    most = math.log2(max(2, len(held)))

    def bits(word: str) -> float:
        own = len(word) * (_DIGIT_BITS if word.isdigit() else _LETTER_BITS)
        return min(own, most) if held[word] > 1 else own

    return max((sum(map(bits, _PART.findall(canary.secret))) for canary in out), default=0.0)
