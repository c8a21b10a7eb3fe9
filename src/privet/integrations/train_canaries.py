"""Canaries: made-up secrets that are planted in training data, and controls of the same form that are not.

Invariants:

- Which of them are planted is drawn by the system's randomness, so that nothing but the training tells members from controls.
- A secret is twelve digits: nobody guesses it, and it is nobody's.
- No two have the same prompt.

The file is that of `privet audit model --canaries`: JSON lines of `prompt`, `secret` and `member`.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from math import prod
from typing import Any, Final

from privet.errors import BadInput

WORDS: Final = (
    ("amber", "brisk", "calm", "dusty", "early", "faded", "gentle", "hollow", "ivory", "jolly", "keen", "late", "mellow",
     "narrow", "olive", "plain", "quiet", "round", "sandy", "tidy", "upper", "velvet", "warm", "young"),
    ("barn", "canal", "depot", "engine", "ferry", "garden", "harbour", "island", "jetty", "kiln", "ladder", "meadow",
     "needle", "orchard", "pier", "quarry", "river", "station", "tower", "union", "valley", "willow", "yard", "zenith"),
    ("anchor", "beacon", "cabinet", "drawer", "easel", "folder", "gate", "hatch", "index", "jar", "kettle", "locker",
     "mirror", "notebook", "oven", "parcel", "quilt", "rack", "safe", "trunk", "urn", "vault", "wagon", "box"),
)  # fmt: skip
MOST: Final = prod(map(len, WORDS)) // 2


@dataclass(frozen=True, slots=True, repr=False)
class Canary:
    """A secret, what stands before it, and whether it is planted."""

    prompt: str
    secret: str
    member: bool

    @property
    def text(self) -> str:
        """The example that is planted."""
        return f"{self.prompt} {self.secret}"


def canaries(count: int) -> list[Canary]:
    """Return so many members and as many controls, in chance order.

    Raises:
        BadInput: there are not so many prompts.

    """
    if count > MOST:
        raise BadInput(f"at most {MOST} canaries can be made", hint="100 are enough for an audit")
    chance = secrets.SystemRandom()
    members = set(chance.sample(range(2 * count), count))
    made = []
    for at, number in enumerate(chance.sample(range(2 * MOST), 2 * count)):
        words = []
        for known in WORDS:
            number, place = divmod(number, len(known))  # noqa: PLW2901 (a number in mixed digits)
            words.append(known[place])
        digits = "".join(str(chance.randrange(10)) for _ in range(12))
        secret = "-".join(digits[start : start + 4] for start in range(0, 12, 4))
        made.append(Canary(f"The code of the {' '.join(words)} is", secret, at in members))
    return made


def as_lines(made: list[Canary]) -> bytes:
    """Return the file."""
    rows: list[dict[str, Any]] = [{"prompt": one.prompt, "secret": one.secret, "member": one.member} for one in made]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
