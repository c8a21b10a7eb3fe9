"""What the tests of cleaners share: edits for what a pattern finds, a cleaner called on bytes, and files that were damaged."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Sequence
from typing import BinaryIO

from privet.edits import Edit
from privet.metadata.job import Edits, Job

CANARY = "jane.canary@example.com"


def edits_of(pattern: str, new: str = "[X]") -> Edits:
    """Return edits that put `new` for whatever the pattern finds, as a detector would."""
    wanted = re.compile(pattern)

    def edits(texts: Sequence[str], _place: str) -> list[list[Edit]]:
        return [[Edit(found.start(), found.end(), new) for found in wanted.finditer(text)] for text in texts]

    return edits


def cleaned(clean: Callable[[BinaryIO, BinaryIO, Job], None], raw: bytes, job: Job) -> bytes:
    target = io.BytesIO()
    clean(io.BytesIO(raw), target, job)
    return target.getvalue()


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return a file with its end missing now and then, and some bits turned."""
    broken = bytearray(content)
    if chance.random() < 0.3:
        del broken[chance.randrange(len(broken)) :]
    for _flip in range(chance.randrange(1, 20)):
        if broken:
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
    return bytes(broken)
