"""What stands in `evidence/`: each file read, its form and its signature checked.

Invariants:

- A file counts only where its format is known, its form is right and, where its format is a signed one, its signature fits.
- An audit of a dataset is unsigned by its format, and is called so.
- A JSON file that is none of these is a problem: nothing is shipped as evidence that nobody has looked at.

The forms are in evidence_forms.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from privet.card.evidence_forms import DATASET_AUDIT, KINDS, MANIFEST, MODEL_AUDIT, TRAINING, created, malformed
from privet.card.problems import Problem
from privet.errors import BadInput
from privet.evidence import SIGNATURE, is_signed, merkle_root, read_json

FOLDER: Final = "evidence"
CHART: Final = f"{FOLDER}/privacy.svg"
_OUTSIDE: Final = frozenset(("run", "comparison"))
"""members of an audit that are no part of what is signed"""
_MAX_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of evidence. `signed_by`: its public key in base64, or nothing; `created`: the day that it names, if it does."""

    name: str
    kind: str
    sha256: str
    document: Mapping[str, Any]
    signed_by: str
    created: date | None

    @property
    def weights(self) -> Mapping[str, str] | None:
        """The digests of the weights that it is about; None where it is bound to none."""
        return self.document.get("weights") if self.kind in (TRAINING, MODEL_AUDIT) else None


def read(folder: Path) -> tuple[list[Piece], list[Problem]]:
    """Return the evidence of a model that counts, in the order of file names, and what does not hold of the rest."""
    pieces: list[Piece] = []
    problems: list[Problem] = []
    for path in _files(folder / FOLDER):
        name = f"{FOLDER}/{path.name}"
        try:
            found = _piece(path, name)
        except OSError as error:
            raise BadInput(f"{name} cannot be read", hint="check its permissions") from error
        if isinstance(found, Problem):
            problems.append(found)
        elif any(piece.kind == found.kind for piece in pieces):
            problems.append(Problem("evidence-twice", name, 0, f"there is another {found.kind} beside it"))
        else:
            pieces.append(found)
    return pieces, problems


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadInput(f"the folder {FOLDER} cannot be read", hint="check its permissions") from error


def _piece(path: Path, name: str) -> Piece | Problem:
    if path.stat().st_size > _MAX_BYTES:
        return Problem("evidence-malformed", name, 0, "it is larger than evidence is")
    content = path.read_bytes()
    try:
        document = read_json(content)
    except BadInput:
        return Problem("evidence-malformed", name, 0, "it is not JSON")
    kind = KINDS.get(str(document.get("format"))) if isinstance(document, dict) else None
    if kind is None:
        return Problem("evidence-unknown", name, 0, "it is of no format that the card knows")
    wrong = malformed(kind, document)
    if wrong:
        return Problem("evidence-malformed", name, 0, wrong)
    return _edited(kind, document, name) or Piece(
        name,
        kind,
        hashlib.sha256(content).hexdigest(),
        document,
        document[SIGNATURE]["public_key"] if kind != DATASET_AUDIT else "",
        created(document),
    )


def _edited(kind: str, document: Mapping[str, Any], name: str) -> Problem | None:
    """Return what is wrong with the signature of a document, or None."""
    if kind == DATASET_AUDIT:
        return None
    held = {key: value for key, value in document.items() if key not in _OUTSIDE}
    if SIGNATURE not in held:
        return Problem("evidence-unsigned", name, 0, "it carries no signature")
    if not is_signed(held):
        return Problem("evidence-edited", name, 0, "it was changed after it was signed")
    if kind == MANIFEST and merkle_root(document["files"]) != document["merkle_root"]:
        return Problem("evidence-edited", name, 0, "its hash tree does not fit its entries")
    return None


def of_kind(pieces: Sequence[Piece], kind: str) -> Piece | None:
    """Return the evidence of a kind, or None."""
    return next((piece for piece in pieces if piece.kind == kind), None)
