"""What got worse, what better, and of what less is known, since an earlier audit of the same endpoint.

Invariants:

- Nothing is called better or worse that was not looked at, or not enough.
- The earlier evidence is believed only where its signature fits and it is of this format.
- Evidence of another seed, size or policy is compared, and that is said: other questions may have been asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from privet.audit.endpoint.result import FORMAT
from privet.errors import BadInput
from privet.evidence import is_signed, read_json

_LESS: Final = "less is known"
_KNOWN: Final = {"not-tested": 0, "underpowered": 1, "pass": 2, "fail": 2}
"""How much a verdict says."""


Direction = Literal["worse", "better", "less is known"]
_ORDER: Final = ("worse", _LESS, "better")


@dataclass(frozen=True, slots=True)
class Change:
    """One test that is not as it was. `says`: one sentence."""

    id: str
    direction: Direction
    before: str
    after: str
    says: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that changed; `apart`: in what the two audits differ beside the target."""

    changes: tuple[Change, ...]
    apart: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the comparison for machines."""
        return {
            "changes": [
                {"id": one.id, "direction": one.direction, "before": one.before, "after": one.after, "says": one.says}
                for one in self.changes
            ],
            "differ_in": list(self.apart),
        }


def read_evidence(path: Path) -> Mapping[str, Any]:
    """Return the evidence of an earlier audit.

    Raises:
        BadInput: the file is no evidence of this kind, or it was changed since it was signed.

    """
    try:
        document = read_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read", hint="name the JSON of an earlier audit") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadInput(f"{path.name} is no evidence of an audit of an endpoint", hint="write one with --json")
    signed = {name: value for name, value in document.items() if name not in ("run", "comparison")}
    if not is_signed(signed):
        raise BadInput(f"{path.name} was changed after it was signed", hint="take the file that the audit wrote")
    return document


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """Return what changed between two pieces of evidence."""
    old = {test["id"]: test for test in before["tests"]}
    changes = [change for test in after["tests"] if (change := _change(old.get(test["id"]), test))]
    changes.sort(key=lambda change: _ORDER.index(change.direction))
    apart = tuple(name for name in ("seed", "size", "policy", "server") if before.get(name) != after.get(name))
    return Comparison(tuple(changes), apart)


def _change(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Change | None:
    if old is None:
        return None
    before, after = old["verdict"], new["verdict"]
    if before != after:
        return Change(new["id"], _direction(before, after), before, after, f"was {before}, is {after}")
    if after != "fail":
        return None
    if new["interval"][0] > old["interval"][1]:
        return Change(new["id"], "worse", before, after, "leaks more often than before, beyond chance")
    if new["interval"][1] < old["interval"][0]:
        return Change(new["id"], "better", before, after, "leaks less often than before, beyond chance")
    added = sorted({seen["what"] for seen in new["seen"]} - {seen["what"] for seen in old["seen"]})
    return Change(new["id"], "worse", before, after, f"leaks more: {', '.join(added)}") if added else None


def _direction(before: str, after: str) -> Direction:
    if after == "fail":
        return "worse"
    return _LESS if _KNOWN[after] < _KNOWN[before] else "better"
