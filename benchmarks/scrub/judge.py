"""Judges what a tool wrote: planted words, identifying tags, the content, the reader.

A file counts as clean only where all hold: it was written, no planted word is in it in any encoding, no identifying tag is left, its
content is what it was, and its reader takes it.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import canaries
import identity
import tags
from planting import seen

if TYPE_CHECKING:
    from pathlib import Path

    from planting import Planted
    from tools import Outcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is true of one file that a tool was given."""

    name: str
    form: str
    writer: str
    fate: str
    status: str
    reason: str
    dirty: bool
    """whether the raw file had anything to find"""
    canary_at: str | None = None
    seen_at: str | None = None
    """where the identifier is that a reader of the raw file reads, for tools that look for such"""
    tags_left: tuple[str, ...] = ()
    same: bool | None = None
    opens: bool | None = None

    @property
    def leaks(self) -> bool:
        """Whether anything of a person is left."""
        return self.canary_at is not None or bool(self.tags_left)

    @property
    def clean(self) -> bool:
        """Whether the file is as it should be."""
        return self.status == "emitted" and not self.leaks and self.same is not False and self.opens is not False


def before(raw: Path, planted: list[Planted]) -> dict[str, bool]:
    """Return whether each raw file has a planted word or an identifying tag."""
    read = tags.read([raw / file.name for file in planted if not (raw / file.name).is_symlink()])
    with ProcessPoolExecutor() as pool:
        hold = list(pool.map(partial(_holds, raw), planted, chunksize=8))
    return {
        file.name: held or bool(tags.left(read.get(str(raw / file.name), {}), (raw / file.name).suffix.lower()))
        for file, held in zip(planted, hold, strict=True)
    }


def _holds(raw: Path, file: Planted) -> bool:
    path = raw / file.name
    if path.is_symlink() or not path.is_file():
        return False
    return any(canaries.find(path.read_bytes(), canaries.Word(word)) for word in (file.canary, seen(file.canary)))


def judged(raw: Path, planted: list[Planted], outcomes: dict[str, Outcome], dirty: dict[str, bool]) -> list[Verdict]:
    """Return the verdict on each file that the tool was given."""
    read = tags.read([outcome.out for outcome in outcomes.values() if outcome.out])
    given = [file for file in planted if file.name in outcomes]
    with ProcessPoolExecutor() as pool:
        return list(
            pool.map(
                partial(_verdict, raw),
                given,
                [outcomes[file.name] for file in given],
                [read.get(str(outcomes[file.name].out), {}) for file in given],
                [dirty[file.name] for file in given],
                chunksize=4,
            )
        )


def _verdict(raw: Path, file: Planted, outcome: Outcome, entry: dict[str, object], dirty: bool) -> Verdict:
    common = (file.name, file.form, file.writer, file.fate, outcome.status, outcome.reason, dirty)
    if outcome.out is None:
        return Verdict(*common)
    path = raw / file.name
    content = outcome.out.read_bytes()
    left = tags.left(entry, outcome.out.suffix.lower())
    comparable = outcome.out.suffix.lower() == path.suffix.lower() and not path.is_symlink()
    return Verdict(
        *common,
        canaries.find(content, canaries.Word(file.canary)),
        canaries.find(content, canaries.Word(seen(file.canary))),
        tuple(f"{name}={value}" for name, value in left.items()),
        identity.same(path, outcome.out) if comparable else None,
        identity.opens(path, outcome.out) if comparable else None,
    )
