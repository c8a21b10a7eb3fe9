"""Audit a dataset: is raw data left in it, and how sure is that?

Invariants:

- The same files, policy, options and seed give the same result; the clock, the host and the key of the raw comparison are not in it.
- Nothing is written. No text of the dataset is in the result.
- A dataset is read twice: to count, compare and draw, and to look at what was drawn. So is a raw set: to collect, and to see how often
  each name is one.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from privet.audit import checks, manifest_check, near, residual
from privet.audit.counting import Counting
from privet.audit.files import check_is_complete, digest_of
from privet.audit.groups import Groups
from privet.audit.masking import Masking
from privet.audit.metadata_left import MetadataLeft
from privet.audit.near import NearCopies
from privet.audit.printable import texts_in
from privet.audit.raw_match import RawMatching, RawSet
from privet.audit.recall import DEFAULT_CANARIES
from privet.audit.record import Record
from privet.audit.residual import Looking, Residual
from privet.audit.result import Finding, Findings, Result, overall
from privet.audit.sample import Drawn, Sampling
from privet.audit.tags import tags_of
from privet.audit.unpacking import Entry, Unread
from privet.audit.walking import Dataset, named
from privet.detect.engine import Detector, TierName
from privet.errors import BadInput
from privet.policy import DEFAULT, DetectPolicy

DEFAULT_SAMPLE: Final = 5000
"""With a recall of 0.9 and nothing found this bounds the residual share by 0.07 %."""
DEFAULT_MAX_RESIDUAL: Final = 0.01
DEFAULT_K: Final = 5
DEFAULT_L: Final = 2


@dataclass(frozen=True, slots=True)
class Options:
    """How to audit.

    `sample`: records to draw, 0 is all; `canaries`: about how many to plant; `reserved`: values that realistic surrogates are drawn
    from are nobody's; `signer`: the public key that must have signed the manifest; `policy_sha256`: the digest of the whole policy in
    force, with which the manifest's is compared.
    """

    seed: int = 0
    sample: int = DEFAULT_SAMPLE
    canaries: int = DEFAULT_CANARIES
    max_residual: float = DEFAULT_MAX_RESIDUAL
    max_duplicates: float = near.MAX_SHARE
    raw: Path | None = None
    tier: TierName = "names"
    policy: DetectPolicy = DEFAULT.detect
    key: bytes | None = field(default=None, repr=False)
    quasi_identifiers: Sequence[str] = ()
    sensitive: Sequence[str] = ()
    k: int = DEFAULT_K
    l: int = DEFAULT_L  # noqa: E741 (its name everywhere)
    t: float | None = None
    reserved: bool = False
    signer: str | None = None
    policy_sha256: str | None = None


Step = Callable[[int], None]


def audit_dataset(root: Path, options: Options | None = None, step: Step = lambda _done: None) -> Result:
    """Return the audit of a dataset. `step` is told how many characters were read so far.

    Raises:
        BadInput: there is nothing at all, or nothing but a manifest; the run that makes it is not complete; all was read and no row has the
            declared columns; or the signer is no public key.
        Unprotected: the detector cannot be loaded.

    """
    options = options or Options()
    if options.signer is not None and not manifest_check.is_public_key(options.signer):
        raise BadInput(
            "the signer is no public key", hint="give 32 bytes in base64, as public_key in a manifest has them"
        )
    check_is_complete(root)
    return _Audit(root, options, step).run()


class _Audit:
    """The parts of one audit."""

    def __init__(self, root: Path, options: Options, step: Step) -> None:
        self._options = options
        self._dataset = Dataset.at(root)
        self._raw_dataset = Dataset.at(options.raw) if options.raw else None
        self._step = step
        self._done = 0
        self._detector = Detector(options.policy, options.tier)
        self._counting = Counting(reserved=options.reserved)
        self._masking = Masking(self._detector, self._counting)
        self._findings = Findings()
        self._near = NearCopies()
        self._groups: dict[str, Groups] = {}
        self._metadata = MetadataLeft(
            self._detector,
            Detector(options.policy, "patterns"),
            self._counting,
            self._masking,
            self._findings,
        )
        self._raw = RawSet(options.key or secrets.token_bytes(32)) if options.raw else None

    def run(self) -> Result:
        """Run every check."""
        options = self._options
        matching = self._collected()
        drawn = self._surveyed(matching)
        figures = self._looked_at(drawn)
        unread = self._unread_of(self._dataset)
        raw_unread = self._unread_of(self._raw_dataset) if self._raw_dataset else []
        found = [
            checks.residual_check(figures, unread),
            checks.raw_check(self._raw, matching, figures, raw_unread, unread),
            checks.groups_check(
                self._groups.values(), options.quasi_identifiers, unread, k=options.k, l=options.l, t=options.t
            ),
            self._metadata.check(),
            checks.near_check(self._near.copies(), options.max_duplicates, unread),
            manifest_check.checked(
                self._dataset.root, self._dataset.files, options.signer, options.policy_sha256, self._masking.masked
            ),
        ]
        return Result(
            verdict=overall(found),
            digest=digest_of(named(self._dataset.root, self._dataset.files)),
            seed=self._options.seed,
            tier=self._options.tier,
            policy=_policy_digest(self._options.policy),
            residual={key: value for key, value in found[0].figures.items() if key != "unread"},
            checks=found,
            findings=self._findings.listed(),
            findings_total=sum(self._findings.counts.values()),
            files={"count": len(self._dataset.data_files), "unread_count": len(unread), "unread": unread},
        )

    def _unread_of(self, dataset: Dataset) -> list[dict[str, str]]:
        """Return the names, as they may be shown, and the reasons."""
        return [
            {"file": self._masking.masked(name), "reason": reason} for name, reason in sorted(dataset.unread.items())
        ]

    def _advance(self, record: Record) -> None:
        self._done += len(record.text)
        self._step(self._done)

    def _collected(self) -> RawMatching | None:
        """Collect the identifiers of the raw set."""
        if self._raw is None or self._raw_dataset is None:
            return None
        records = _with_tags(self._raw_dataset, self._raw.own)
        for size in self._raw.collect(records, self._detector, self._counting):
            self._done += size
            self._step(self._done)
        self._raw.seal()
        for size in self._raw.recall_names(seen.record for seen in self._raw_dataset.pass_over()):
            self._done += size
            self._step(self._done)
        return RawMatching(self._raw, self._detector, self._counting)

    def _surveyed(self, matching: RawMatching | None) -> Drawn:
        """Count, compare and draw, in one pass over everything."""
        sampling = Sampling(self._options.sample, self._options.seed)

        def each_file(entry: Entry) -> None:
            texts = self._metadata.look(entry)
            if matching is not None and matching.holds_beside(self._beside(entry, texts)):
                self._findings.add(Finding("raw-identifier", self._masking.masked(entry.name), 0, kind="metadata"))
            self._compare_names(matching, entry.name, [entry.name.rsplit("!/", 1)[-1]])

        for seen in self._dataset.pass_over(each_file):
            sampling.saw(seen.stratum, seen.name, seen.at)
            grouped = bool(self._options.quasi_identifiers) and self._table(seen.name).saw(seen.record)
            self._near.saw(seen.record, is_grouped=grouped)
            if matching is not None:
                for match in matching.look(seen.record):
                    column = self._masking.masked(seen.record.column_at(match.start))
                    name = self._masking.masked(seen.name)
                    self._findings.add(Finding("raw-identifier", name, seen.record.line, column, match.kind))
            self._advance(seen.record)
        if names := manifest_check.names_in(self._dataset.root):
            self._metadata.look_at_names(manifest_check.NAME, names)
            self._compare_names(matching, manifest_check.NAME, names)
        return sampling.drawn()

    @staticmethod
    def _beside(entry: Entry, texts: list[str]) -> Iterator[str]:
        """Yield what a file says outside of records: its tags, and the runs of letters of what cannot be read."""
        yield from texts
        if not entry.form.is_known:
            try:
                with entry.open() as stream:
                    yield from texts_in(stream)
            except Exception:  # damaged or closed: the pass says that it is not read
                return

    def _compare_names(self, matching: RawMatching | None, file: str, names: list[str]) -> None:
        """Look for identifiers of the raw set in names of files."""
        if matching is not None and any(matching.holds(name) for name in names):
            self._findings.add(Finding("raw-identifier", self._masking.masked(file), 0, kind="name of a file"))

    def _table(self, name: str) -> Groups:
        """Return the groups of the table to which a file belongs: the files of one folder are one table.

        A compressed file holds one member that has its own name, `a.csv.gz!/a.csv`: it stands where the file does.
        """
        box, mark, inner = name.rpartition("!/")
        is_itself = mark and "/" not in inner and box.rpartition("/")[2].startswith(inner)
        folder = (box if is_itself else name).rpartition("/")[0]
        if folder not in self._groups:
            self._groups[folder] = Groups(self._options.quasi_identifiers, self._options.sensitive)
        return self._groups[folder]

    def _looked_at(self, drawn: Drawn) -> Residual:
        if not drawn.records:
            return residual.nothing(self._options.max_residual)
        looking = Looking(self._detector, self._counting, self._findings, self._masking, self._options.seed)
        looking.look(self._chosen(drawn))
        return residual.judged(
            looking.looked,
            drawn,
            self._detector,
            self._counting,
            kinds=self._options.policy.kinds,
            seed=self._options.seed,
            canaries=self._options.canaries,
            max_residual=self._options.max_residual,
        )

    def _chosen(self, drawn: Drawn) -> Iterator[tuple[str, str, Record]]:
        chosen = drawn.chosen
        for seen in self._dataset.pass_over(only=chosen):
            if chosen is None or seen.at in chosen.get(seen.name, frozenset()):
                yield seen.stratum, seen.name, seen.record
                self._advance(seen.record)


def _with_tags(dataset: Dataset, own: Callable[[str], None]) -> Iterator[Record]:
    """Yield the records of a dataset, and what its files say beside them; `own` is told who made or owns a file."""
    waiting: list[Record] = []

    def each_file(entry: Entry) -> None:
        try:
            for tag in tags_of(entry):
                if tag.owner:
                    own(tag.text)
                if tag.text:
                    waiting.append(Record(0, f"author: {tag.text}" if tag.owner else tag.text))
        except Unread as error:
            if entry.form.is_known:
                dataset.unread.setdefault(entry.name, error.reason)

    for seen in dataset.pass_over(each_file):
        yield from waiting
        waiting.clear()
        yield seen.record
    yield from waiting


def _policy_digest(policy: DetectPolicy) -> str:
    """Return the digest of what decides what is found."""
    import rfc8785

    rules = sorted((asdict(rule) | {"where": ""} for rule in policy.rules), key=lambda rule: str(rule["id"]))
    known = {"kinds": sorted(policy.kinds), "min_score": policy.min_score, "rules": rules}
    return "sha256:" + hashlib.sha256(rfc8785.dumps(_plain(known))).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(inner) for inner in value]
    return value
