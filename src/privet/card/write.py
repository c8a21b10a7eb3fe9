"""Writes the card: the block and the section into README.md, the chart beside the evidence.

Invariants:

- Where evidence does not hold, nothing is written.
- A file is written beside its place and renamed into it: a crash leaves the old one or the new one. Its mode is kept.
- A second run changes nothing, and does not touch a file.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from privet.card.block import block_of
from privet.card.chart import as_svg, is_charted
from privet.card.evidence import CHART, Piece, read
from privet.card.facts import VALID, Facts, facts_of
from privet.card.page import Page, page_of, written
from privet.card.problems import CARD, Problem
from privet.card.text import as_text
from privet.card.weights import digests
from privet.errors import BadInput, Damaged, Unprotected

_NEW_MODE: Final = 0o644
_CHART_MODE: Final = 0o600
_ZONES: Final = timedelta(days=1)
"""today is not the same day everywhere"""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the files that changed, and what the card says."""

    changed: tuple[str, ...]
    facts: Facts


def write(folder: Path, today: date | None = None) -> Written:
    """Write the card of a model.

    Raises:
        BadInput: the folder is none, its README has no place for the card, or evidence is none, too old or of other weights.
        Damaged: evidence was edited.

    """
    facts, problems = gather(folder, today or date.today())
    for problem in problems:
        edited = problem.rule in ("evidence-edited", "evidence-unsigned", "evidence-contradicts")
        raise (Damaged if edited else BadInput)(f"{problem.file}: {problem.says}", hint=problem.fix)
    path = folder / CARD
    text = read_card(path)
    page = page_of(text or "")
    new = written(page, block_of(facts), as_text(facts, page.newline))
    changed = []
    if is_charted(facts) and _put(folder / CHART, as_svg(facts), _CHART_MODE):
        changed.append(CHART)
    if _put(path, new, _NEW_MODE):
        changed.append(CARD)
    return Written(tuple(changed), facts)


def gather(folder: Path, today: date) -> tuple[Facts, list[Problem]]:
    """Return what evidence says, and what does not hold of it.

    Raises:
        BadInput: the folder is none, or a file in it cannot be read.

    """
    if not folder.is_dir():
        raise BadInput(
            "expected the folder of a model", hint="name the folder with its weights, README.md and evidence/"
        )
    pieces, problems = read(folder)
    weights, uncovered = digests(folder)
    for piece in pieces:
        problems += [*_dated(piece, today), *_bound(piece, weights)]
    facts = facts_of(pieces, weights, uncovered)
    return facts, [*problems, *_contradicted(facts)]


def _dated(piece: Piece, today: date) -> list[Problem]:
    if piece.created and piece.created + VALID < today:
        return [
            Problem("evidence-expired", piece.name, 0, f"it is of {piece.created}, and counts for {VALID.days} days")
        ]
    if piece.created and piece.created > today + _ZONES:
        return [Problem("evidence-malformed", piece.name, 0, f"it is of {piece.created}, which is yet to come")]
    return []


def _bound(piece: Piece, weights: dict[str, str]) -> list[Problem]:
    """Return where the weights of the folder are not those that evidence is of."""
    named = piece.weights
    if named is None:
        return []
    return [
        *(Problem("weights-missing", name, 0, f"{piece.name} is of it, and it is gone") for name in sorted(set(named) - set(weights))),
        *(Problem("weights-added", name, 0, f"{piece.name} is not of it") for name in sorted(set(weights) - set(named))),
        *(
            Problem("weights-changed", name, 0, f"it is not the file that {piece.name} is of")
            for name in sorted(set(weights) & set(named))
            if weights[name] != named[name]
        ),
    ]  # fmt: skip


def _contradicted(facts: Facts) -> list[Problem]:
    lower, claimed = facts.epsilon_lower, facts.privacy.get("epsilon")
    if lower is None or claimed is None or lower <= claimed:
        return []
    name = str(facts.audit["evidence"])
    return [
        Problem(
            "evidence-contradicts", name, 0, f"it shows an epsilon of at least {lower:g}, and training says {claimed:g}"
        )
    ]


def read_card(path: Path) -> str | None:
    """Return the README, or None where there is none.

    Raises:
        BadInput: it is a link, cannot be read, or is not UTF-8.

    """
    if path.is_symlink():
        raise BadInput(f"{CARD} is a link", hint="put the file itself there: what is written replaces it")
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{CARD}:{line}: not UTF-8", hint="save the file as UTF-8") from error
    except OSError as error:
        raise BadInput(f"{CARD} cannot be read", hint="check its permissions") from error


def _put(path: Path, text: str, mode: int) -> bool:
    """Write a file where it is not so already; return whether it was not."""
    content = text.encode()
    name = ""
    try:
        if path.is_file() and not path.is_symlink():
            if path.read_bytes() == content:
                return False
            mode = stat.S_IMODE(path.stat().st_mode)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".card-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise Unprotected(
            f"{path.name} cannot be written", hint="check the folder, its permissions and its space"
        ) from error
    return True


def page_and_text(folder: Path) -> tuple[Page, str]:
    """Return the README that is there, taken apart.

    Raises:
        BadInput: there is none, or its front matter is broken.

    """
    text = read_card(folder / CARD)
    if text is None:
        raise BadInput(f"there is no {CARD} in the folder", hint="write it: privet card DIR")
    return page_of(text), text


def charted(facts: Facts) -> Sequence[str]:
    """Return the files beside the card that it shows."""
    return [CHART] if is_charted(facts) else []
