"""What the tests of cleaners of texts share: canaries, a job that finds them as a detector would, and a look for what is left."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

# The search for canaries in every encoding is shared with the promises.
sys.path.append(str(Path(__file__).parents[1] / "promises"))

sys.path.append(str(Path(__file__).parent))

import jobs
import leaks

from privet.metadata.job import Edits, Job, Limits, Member

ADDRESS = leaks.address("address")
NAME = leaks.Canary("name", "Quarnelius Zwetschgenbaum", "Zwetschgenbaum")
WORD = leaks.word("metadata")
"""A word that no detector takes for an identifier: where it stands, all has to go."""
CANARIES = (ADDRESS, NAME, WORD)
FIRST, LAST = NAME.value.split()
IDENTIFIERS = re.compile(rf"{re.escape(ADDRESS.value)}|{FIRST}\W+{LAST}|{FIRST}|{LAST}")


found = jobs.edits_of(IDENTIFIERS.pattern)


def nested(name: str, content: bytes) -> Member:
    """Clean a file inside: its bytes are its text."""
    for canary in CANARIES:
        content = content.replace(canary.value.encode(), b"[X]")
    return Member(IDENTIFIERS.sub("x", name).replace(WORD.value, "x"), content)


def job(edits: Edits = found, limits: Limits | None = None) -> Job:
    return Job(edits=edits, nested=nested, limits=limits or Limits())


def cleaned(clean: Callable[[BinaryIO, BinaryIO, Job], None], raw: bytes, how: Job | None = None) -> bytes:
    return jobs.cleaned(clean, raw, how or job())


def unedited(clean: Callable[[BinaryIO, BinaryIO, Job], None], raw: bytes) -> bytes:
    return cleaned(clean, raw, Job(nested=Member))


def left(raw: bytes) -> list[leaks.Leak]:
    return leaks.find(CANARIES, {"output": raw})


def check(clean: Callable[[BinaryIO, BinaryIO, Job], None], raw: bytes) -> bytes:
    """Return the cleaned file: no canary is left in it, and cleaning it again changes nothing."""
    once = cleaned(clean, raw)
    assert left(once) == []
    assert cleaned(clean, once) == once
    return once
