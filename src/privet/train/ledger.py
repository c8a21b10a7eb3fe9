"""What each dataset has spent: a signed file that is consulted before a run and written before its first step.

Invariants:

- A run is entered with all the steps it plans before it takes one; what it did not take is given back when it ends. A run that was killed
  has spent all that it planned, until it goes on.
- The epsilon of a dataset is that of all steps of all its runs together, at its delta.
- A ledger that was edited, signed by another key, put back to an older state or removed is refused: the state folder holds the digest of
  the last one.
- One process writes at a time.

The layout is in docs/formats/ledger.md.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from privet.errors import BadInput, Damaged, RolledBack, Unprotected
from privet.evidence import SIGNATURE, Signer, canonical, is_signed, json_bytes, read_json
from privet.keys import write_private
from privet.train.accountant import Steps, epsilon_of

FORMAT: Final = "privet-ledger/1"
_NAME: Final = "ledger"


@dataclass(frozen=True, slots=True)
class Entry:
    """One run on a dataset. `unit`: example or subject; `steps`: planned while it runs, taken when it has ended."""

    run: str
    unit: str
    delta: float
    noise_multiplier: float
    sampling_rate: float
    steps: int
    ended: bool

    @property
    def spent(self) -> Steps:
        """What it costs."""
        return Steps(self.noise_multiplier, self.sampling_rate, self.steps)


class Ledger:
    """The ledger in a file; it is made with its first entry. `state` is Privet's state folder."""

    def __init__(self, path: Path, state: Path) -> None:
        self._path = path
        self._signer = Signer.load(state)
        name = sha256(os.fsencode(path.resolve())).hexdigest()[:32]
        self._anchor = state / f"{_NAME}-{name}.digest"

    def epsilon(self, dataset: str, unit: str, delta: float) -> float:
        """Return what a dataset has spent at a delta.

        Raises:
            Damaged: the ledger is not what was written.
            Unprotected: it was trained on by another unit, so nothing can be said for this one.

        """
        return epsilon_of(tuple(each.spent for each in _alike(self._read(), dataset, unit)), delta)

    def entry(self, dataset: str, run: str) -> Entry | None:
        """Return what is entered of a run, or None."""
        return next((each for each in self._read().get(dataset, ()) if each.run == run), None)

    def reserve(self, dataset: str, entry: Entry, budget: float) -> float:
        """Enter a run, or its new plan where it is entered already; return what the dataset will have spent.

        Raises:
            BadInput: that is more than the budget; nothing was entered.
            Damaged: the ledger is not what was written.

        """
        with self._locked():
            held = self._read()
            others = [each for each in _alike(held, dataset, entry.unit) if each.run != entry.run]
            delta = min([entry.delta, *(each.delta for each in others)])
            total = epsilon_of((*(each.spent for each in others), entry.spent), delta)
            if total > budget * (1 + 1e-6):
                before = epsilon_of(tuple(each.spent for each in others), delta)
                raise BadInput(
                    f"the dataset has spent epsilon {before:.2f} of {budget:.2f}; with this run it would be {total:.2f}",
                    hint="plan fewer steps or a smaller epsilon, or train on other data: what is spent does not come back",
                )
            held[dataset] = [each for each in held.get(dataset, ()) if each.run != entry.run] + [entry]
            self._write(held)
            return total

    def end(self, dataset: str, run: str, steps: int) -> None:
        """Enter how many steps a run took in the end, at most what it had planned."""
        with self._locked():
            held = self._read()
            held[dataset] = [
                Entry(**{**asdict(each), "steps": min(steps, each.steps), "ended": True}) if each.run == run else each
                for each in held.get(dataset, ())
            ]
            self._write(held)

    def _read(self) -> dict[str, list[Entry]]:
        name = self._path.name
        try:
            content = self._path.read_bytes()
        except FileNotFoundError as error:
            if self._anchor.exists():
                raise RolledBack(
                    f"the ledger {name} is gone, and it had entries", hint="put it back from a copy of its last state"
                ) from error
            return {}
        except OSError as error:
            raise BadInput(f"the ledger {name} cannot be read", hint="check its permissions") from error
        document = read_json(content)
        if not isinstance(document, dict) or document.get("format") != FORMAT or not is_signed(document):
            raise Damaged(f"the ledger {name} was edited", hint="put back the file as it was last written")
        if document[SIGNATURE]["public_key"] != self._signer.public_key:
            raise Damaged(
                f"the ledger {name} is signed by another key", hint="train where it was begun, or move signing.key"
            )
        if self._anchor.exists() and _digest(document) not in self._anchor.read_text().split():
            raise RolledBack(f"the ledger {name} is not the one written last", hint="put the last one back")
        return {dataset: [Entry(**each) for each in entries] for dataset, entries in document["datasets"].items()}

    def _write(self, held: Mapping[str, list[Entry]]) -> None:
        body = {
            "format": FORMAT,
            "datasets": {dataset: [asdict(each) for each in entries] for dataset, entries in held.items()},
        }
        document = self._signer.signed(body)
        digest = _digest(document)
        known = self._anchor.read_text().split()[-1:] if self._anchor.exists() else []
        try:
            # Both are right until the new one is in its place: a crash in between leaves a ledger that is believed.
            write_private(self._anchor, " ".join([*known, digest]).encode())
            write_private(self._path, json_bytes(document))
            write_private(self._anchor, digest.encode())
        except OSError as error:
            raise Unprotected("the ledger cannot be written", hint="check its folder and its space") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(
            self._path.with_name(f".{self._path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _alike(held: Mapping[str, list[Entry]], dataset: str, unit: str) -> list[Entry]:
    entries = held.get(dataset, [])
    if any(each.unit != unit for each in entries):
        raise BadInput(
            "the dataset was trained on by another unit of privacy before",
            hint="keep to one: name the subject column in every run, or in none",
        )
    return entries


def _digest(document: Mapping[str, Any]) -> str:
    return sha256(canonical(document)).hexdigest()
