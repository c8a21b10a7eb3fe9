"""Outcomes of an audit that was broken off, for when it goes on.

Invariants:

- Only tests that ended for their own reasons are kept, and none with text of answers: such a test is asked again.
- An outcome is taken over only by an audit of the same identity (target, keys, options, seed, policy), within an hour. The identity is in
  no file: a file is named by its HMAC under a secret of this machine.
- A file has mode 0600 and is written beside and renamed: a crash leaves the old one or the new one. One that cannot be read, or is not of
  this form, is no journal; it is written over. Where none can be written, an audit runs as ever and does not go on later.

Layout: one JSON object, `{"format": "privet-audit-journal/1", "begun": SECONDS, "outcomes": [OUTCOME]}`, the fields of an outcome those of
`Outcome` without `revealed`; `begun` is seconds since 1970.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from privet.audit.endpoint.outcome import Outcome
from privet.errors import PrivetError
from privet.evidence import canonical
from privet.keys import derive, write_private

FORMAT: Final = "privet-audit-journal/1"
MAX_AGE_SECONDS: Final = 3600
"""Whoever mends a server and audits it again later wants to hear of what it is now."""
_FOLDER: Final = "audits"
_SECRET: Final = "audits.key"  # noqa: S105 - the name of a file
_SECRET_BYTES: Final = 32
_MAX_BYTES: Final = 16 * 1024 * 1024
_KEPT: Final = ("pass", "fail", "underpowered")


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    verdict: Literal["pass", "fail", "underpowered"]
    samples: int
    hits: int
    says: str
    fix: str
    seen: dict[str, int]
    notes: tuple[str, ...]
    figures: dict[str, Any]
    timings: dict[str, Any]


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    begun: float
    outcomes: list[_Kept]


@dataclass(slots=True, repr=False)
class Journal:
    """What one audit has found so far.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     journal = Journal.of(Path(folder), {"target": "http://127.0.0.1:8000/v1", "seed": 0})
    ...     journal.keep(Outcome("egress", "pass", 9, 0, "none of 9 leaked", "", {}, (), {}, {}, ()))
    ...     list(Journal.of(Path(folder), {"target": "http://127.0.0.1:8000/v1", "seed": 0}).done())
    ['egress']
    """

    _path: Path | None
    _begun: float
    _outcomes: dict[str, Outcome] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, identity: Mapping[str, Any]) -> Journal:
        """Return the journal of an audit, in the state folder: what is there of it, if that is young enough.

        `identity` is all that must be the same for an outcome to hold (JSON values; keys may be in it); journals that are too old are
        removed.
        """
        now = time.time()
        place = folder / _FOLDER
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            place.chmod(0o700)
            _remove_old(place, now)
            name = derive(_secret(folder), FORMAT, canonical(identity).decode()).hex()
        except (OSError, PrivetError):
            return cls(None, now)
        path = place / f"{name}.json"
        known = _read(path, now)
        if known is None:
            return cls(path, now)
        return cls(path, known.begun, {kept.id: _outcome(kept) for kept in known.outcomes})

    def done(self) -> dict[str, Outcome]:
        """Return the outcomes that are taken over, by the ids of their tests."""
        return dict(self._outcomes)

    def keep(self, outcome: Outcome) -> None:
        """Keep an outcome. Call it for tests that ended for their own reasons: not those cut short by the budget or the target."""
        if outcome.verdict not in _KEPT or outcome.revealed:
            return
        self._outcomes[outcome.id] = outcome
        if self._path is None:
            return
        rows = [_row(each) for each in self._outcomes.values()]
        document = {"format": FORMAT, "begun": self._begun, "outcomes": rows}
        with suppress(PrivetError, OSError, TypeError, ValueError):
            write_private(self._path, msgspec.json.encode(document, enc_hook=_plain))

    def end(self) -> None:
        """Remove the journal: the audit is complete."""
        self._outcomes.clear()
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


def _row(outcome: Outcome) -> dict[str, Any]:
    names = _Kept.__struct_fields__
    row = {name: getattr(outcome, name) for name in names}
    return row | {"seen": dict(outcome.seen), "figures": dict(outcome.figures), "timings": dict(outcome.timings)}


def _plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError


def _outcome(kept: _Kept) -> Outcome:
    return Outcome(**{name: getattr(kept, name) for name in _Kept.__struct_fields__}, revealed=())


def _read(path: Path, now: float) -> _Document | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            info = os.fstat(descriptor)
            if info.st_uid != os.geteuid() or info.st_mode & 0o077:
                return None
            document = msgspec.json.decode(file.read(_MAX_BYTES), type=_Document)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return document if document.format == FORMAT and 0 <= now - document.begun < MAX_AGE_SECONDS else None


def _remove_old(place: Path, now: float) -> None:
    for path in place.glob("*.json"):
        with suppress(OSError):
            if now - path.lstat().st_mtime >= MAX_AGE_SECONDS:
                path.unlink(missing_ok=True)


def _secret(folder: Path) -> bytes:
    """Return what this machine names journals with, made where there is none."""
    path = folder / _SECRET
    with suppress(OSError):
        known = path.read_bytes()
        if len(known) == _SECRET_BYTES and path.stat().st_mode & 0o077 == 0:
            return known
    made = secrets.token_bytes(_SECRET_BYTES)
    write_private(path, made)
    return made
