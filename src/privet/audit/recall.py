"""How many planted canaries the detector finds, of each kind and language found in the data.

Invariants:

- A canary is found when a span that counts (`counting.py`) touches it, which is what makes its record count as flagged.
- What the policy does not look for is not planted: nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from privet.audit.bound import RECALL_ERROR, lower_limit
from privet.audit.canaries import KINDS, is_asked, plant
from privet.audit.counting import Counting
from privet.audit.languages import LANGUAGES
from privet.audit.record import Record
from privet.detect.engine import Detector

DEFAULT_CANARIES: Final = 3600
_MOST: Final = 200
_FEWEST: Final = 60
_HOST_CHARS: Final = 1500


@dataclass(frozen=True, slots=True)
class Cell:
    """What was planted and found of one kind in records of one language; `lower` holds for all cells at once."""

    kind: str
    language: str
    planted: int
    found: int
    lower: float

    @property
    def measured(self) -> float:
        """The share that was found."""
        return self.found / self.planted


class _Plan(NamedTuple):
    kind: str
    language: str
    of: tuple[str, ...]
    """languages of the canaries"""


def _asked(kind: str, language: str, kinds: frozenset[str]) -> tuple[str, ...]:
    """Return the languages of canaries for records of one language: where that cannot be told, all of them."""
    known = (language,) if language in LANGUAGES else LANGUAGES
    return tuple(each for each in known if is_asked(kind, each, kinds))


def measure(
    hosts: Mapping[str, Sequence[Record]],
    detector: Detector,
    counting: Counting,
    seed: int,
    canaries: int,
    kinds: frozenset[str],
) -> tuple[Cell, ...]:
    """Plant canaries in the records of each language, about so many in all, and return what was found.

    They are of every kind that a policy which looks for `kinds` asks for; of none where that is none.
    """
    plans = [
        _Plan(kind, language, asked)
        for language in sorted(hosts)
        for kind in KINDS
        if (asked := _asked(kind, language, kinds))
    ]
    each = min(_MOST, max(_FEWEST, canaries // max(1, len(plans))))
    return tuple(_cell(plan, hosts[plan.language], detector, counting, seed, each, len(plans)) for plan in plans)


def _cell(
    plan: _Plan, hosts: Sequence[Record], detector: Detector, counting: Counting, seed: int, count: int, cells: int
) -> Cell:
    chance = Random(f"{seed} {plan.kind} {plan.language}")  # noqa: S311 (a sample, no secret)
    planted = []
    for _ in range(count):
        host = _short(chance.choice(hosts))
        language = plan.of[0] if len(plan.of) == 1 else chance.choice(plan.of)
        planted.append(plant(host.text, host.columns, language, plan.kind, chance))
    found = 0
    for canary, spans in zip(planted, detector.find_all(one.text for one in planted), strict=True):
        found += any(
            hit.span.start < canary.end and hit.span.end > canary.start for hit in counting.hits(canary.text, spans)
        )
    return Cell(plan.kind, plan.language, count, found, lower_limit(found, count, RECALL_ERROR / cells))


def _short(host: Record) -> Record:
    """Return the beginning of a long record: canaries need their neighbourhood and no more."""
    if len(host.text) <= _HOST_CHARS:
        return host
    end = host.text.rfind(" ", _HOST_CHARS // 2, _HOST_CHARS)
    end = end if end > 0 else _HOST_CHARS
    kept = tuple((start, name) for start, name in host.columns if start + len(name) + 2 < end)
    return Record(host.line, host.text[:end], kept)
