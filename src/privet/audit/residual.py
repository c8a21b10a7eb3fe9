"""The share of records that still hold an identifier: an exact upper bound, given the detector's measured recall.

Invariants:

- The bound is above zero, whatever was found.
- False alarms of the detector make it larger, never smaller.
- The order of files, the clock and the machine have no part in it: it depends on the data, the policy and the seed.

The formula and what it assumes are in docs/audit.md.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import tee
from random import Random
from typing import Final

from privet.audit.bound import SHARE_ERROR, lower_limit, needed_records, residual_limit
from privet.audit.canaries import KINDS
from privet.audit.counting import Counting
from privet.audit.languages import OTHER, UNMEASURED, language_of
from privet.audit.masking import Masking
from privet.audit.recall import Cell, measure
from privet.audit.record import Record
from privet.audit.result import Finding, Findings, Verdict
from privet.audit.sample import Drawn
from privet.detect.engine import Detector

_HOSTS: Final = 150
_MIN_SHARE: Final = 0.02
"""A language of fewer records gets no canaries of its own: short texts are taken for another language that often."""


@dataclass(slots=True)
class Looked:
    """What the sample showed."""

    flagged: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    placeholders: Counter[str] = field(default_factory=Counter)
    lone: int = 0
    hosts: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list), repr=False)
    spare: list[Record] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class Residual:
    """The figures; shares are of records."""

    records: int
    drawn: int
    flagged: int
    flagged_share: float
    lower_bound: float
    upper_bound: float | None
    estimate: float | None
    worst: Cell | None
    cells: tuple[Cell, ...]
    not_covered: tuple[str, ...]
    kinds: Mapping[str, int]
    languages: Mapping[str, int]
    unmeasured_share: float
    lone_names: int
    placeholders: Mapping[str, int]
    missed_if_cleaned_alike: float | None
    needed_records: int | None
    full: bool
    max_residual: float
    verdict: Verdict
    says: str


class Looking:
    """Looks at the drawn records, one pass."""

    def __init__(self, detector: Detector, counting: Counting, findings: Findings, masking: Masking, seed: int) -> None:
        self._masking = masking
        self._detector = detector
        self._counting = counting
        self._findings = findings
        self._chance = Random(f"{seed} hosts")  # noqa: S311 (a sample, no secret)
        self.looked = Looked()

    def look(self, drawn: Iterable[tuple[str, str, Record]]) -> None:
        """Look at records, each with its stratum and the name of its file."""
        records, texts = tee(drawn)
        found = self._detector.find_all(record.text for _, _, record in texts)
        for (stratum, name, record), spans in zip(records, found, strict=True):
            hits = tuple(self._counting.hits(record.text, spans))
            language = language_of(record.content)
            self.looked.languages[language] += 1
            for match in self._detector.placeholder.finditer(record.text) if "[" in record.text else ():
                self.looked.placeholders[_placeholder_kind(match[0])] += 1
            if hits:
                self.looked.flagged[stratum] += 1
                self.looked.kinds.update({hit.kind for hit in hits})
            elif any(span.kind == "PERSON" for span in spans):
                self.looked.lone += 1
            for hit in hits:
                rule = "residual-" + hit.kind.lower().replace("_", "-")
                column = self._masking.masked(record.column_at(hit.span.start))
                self._findings.add(Finding(rule, self._masking.masked(name), record.line, column, hit.kind))
            self._host(language, record, flagged=bool(hits))

    def _host(self, language: str, record: Record, *, flagged: bool) -> None:
        """Keep some records for canaries, evenly over the sample, those without a hit before others."""
        kept = self.looked.spare if flagged else self.looked.hosts[language]
        seen = self.looked.languages[language]
        if len(kept) < _HOSTS:
            kept.append(record)
        elif (place := self._chance.randrange(seen)) < _HOSTS:
            kept[place] = record


def _placeholder_kind(text: str) -> str:
    kind = text.strip("[]").partition(":")[0]
    head, _, tail = kind.rpartition("_")
    return head if head and not tail.isupper() else kind


def judged(
    looked: Looked,
    drawn: Drawn,
    detector: Detector,
    counting: Counting,
    *,
    kinds: frozenset[str],
    seed: int,
    canaries: int,
    max_residual: float,
) -> Residual:
    """Return the figures and the verdict; `kinds` is what the policy looks for."""
    languages = {name: count for name, count in looked.languages.items() if name != UNMEASURED}
    enough = _MIN_SHARE * sum(looked.languages.values())
    hosts = {name: looked.hosts[name] or looked.spare for name, count in languages.items() if count >= enough}
    hosts = {name: records for name, records in hosts.items() if records} or {OTHER: looked.spare or _NOWHERE}
    cells = measure(hosts, detector, counting, seed, canaries, kinds)
    worst = min(cells, key=lambda cell: (cell.lower, cell.kind, cell.language), default=None)
    planted = {cell.kind for cell in cells}
    not_covered = tuple(kind for kind in KINDS if kind not in planted)
    flagged = sum(looked.flagged.values())
    share = drawn.share(looked.flagged)
    least = None if drawn.single or drawn.full else drawn.least
    recall = worst.lower if worst else 0.0
    upper = (
        max(1, residual_limit(flagged, drawn.total, drawn.records, recall, SHARE_ERROR, least=least)) / drawn.records
    )
    lower = share if drawn.full else lower_limit(int(share * drawn.total), drawn.total, 0.05)
    unmeasured = looked.languages[UNMEASURED] / max(1, sum(looked.languages.values()))
    needed = None if drawn.full else needed_records(share, recall, max_residual)
    verdict, says = _verdict(upper, lower, unmeasured, needed, drawn, max_residual)
    if verdict == "underpowered" and drawn.full and upper > max_residual:
        says += f": {_least_records(flagged, recall, max_residual)}"
    if worst is None and verdict != "fail":
        verdict, says = "underpowered", "there are no canaries of any kind that the policy looks for"
    if not_covered:
        says += f"; not covered under this policy: {', '.join(not_covered)}"
    return Residual(
        records=drawn.records,
        drawn=drawn.total,
        flagged=flagged,
        flagged_share=share,
        lower_bound=lower,
        upper_bound=upper if worst else None,
        estimate=min(1.0, share / _mean_recall(cells, looked.kinds)) if worst else None,
        worst=worst,
        cells=cells,
        not_covered=not_covered,
        kinds=dict(sorted(looked.kinds.items())),
        languages=dict(sorted(looked.languages.items())),
        unmeasured_share=unmeasured,
        lone_names=looked.lone,
        placeholders=dict(sorted(looked.placeholders.items())),
        missed_if_cleaned_alike=_missed(looked.placeholders, cells, drawn.total),
        needed_records=needed,
        full=drawn.full,
        max_residual=max_residual,
        verdict=verdict,
        says=says,
    )


_ANY_NUMBER: Final = 1 << 24
_NOWHERE: Final = [Record(1, "")]


def nothing(max_residual: float) -> Residual:
    """Return the figures of a dataset that has no records."""
    return Residual(
        0, 0, 0, 0.0, 0.0, None, None, None, (), (), {}, {}, 0.0, 0, {}, None, None, True, max_residual, "not-applicable",
        "no file holds records",
    )  # fmt: skip


def _verdict(
    upper: float, lower: float, unmeasured: float, needed: int | None, drawn: Drawn, limit: float
) -> tuple[Verdict, str]:
    if lower > limit:
        return "fail", f"at least {lower:.4%} of the records are flagged, more than {limit:.4%}"
    if upper <= limit and unmeasured <= limit:
        return "pass", f"at most {upper:.4%} of the records hold an identifier, given the measured recall"
    if upper <= limit:
        return "underpowered", f"{unmeasured:.2%} of the records are in languages for which there are no canaries"
    if drawn.full:
        return (
            "underpowered",
            f"every record was looked at, and the bound is {upper:.4%}",
        )
    if needed is None:
        return (
            "underpowered",
            f"the bound is {upper:.4%}, and no sample makes it smaller than {limit:.4%} at this share",
        )
    return "underpowered", f"the bound is {upper:.4%}; draw {needed} records or more to come under {limit:.4%}"


def _least_records(flagged: int, recall: float, limit: float) -> str:
    """Say how many records it takes, all of them looked at and no more flagged, for the bound to come under a limit."""
    if recall <= 0 or limit <= 0:
        return "recall is too low"
    holding = max(1, residual_limit(flagged, _ANY_NUMBER, _ANY_NUMBER, recall, SHARE_ERROR))
    return f"it takes {math.ceil(holding / limit):,} records or more, and no more of them flagged, to come under {limit:.4%}"


def _mean_recall(cells: Iterable[Cell], kinds: Counter[str]) -> float:
    """Return the recall of the kinds that were found, as often as they were; of all of them where none was."""
    cells = tuple(cells)
    known = _by_kind(cells)
    weighed = [(known.get(kind, min(known.values())), count) for kind, count in kinds.items()]
    total = sum(count for _, count in weighed)
    if not total:
        return 1.0
    # Harmonic: each flagged record stands for 1 / recall of its kind.
    return total / sum(count / max(recall, 1e-9) for recall, count in weighed)


def _by_kind(cells: tuple[Cell, ...]) -> dict[str, float]:
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for cell in cells:
        planted[cell.kind] += cell.planted
        found[cell.kind] += cell.found
    return {kind: found[kind] / planted[kind] for kind in planted}


def _missed(placeholders: Counter[str], cells: tuple[Cell, ...], drawn: int) -> float | None:
    """Return how many identifiers a record a cleaner of this recall has missed, where its placeholders stand; None: there are none."""
    known = _by_kind(cells)
    counted = {kind: count for kind, count in placeholders.items() if kind in known}
    if not counted:
        return None
    return sum(count * (1 - known[kind]) / max(known[kind], 1e-9) for kind, count in counted.items()) / drawn
