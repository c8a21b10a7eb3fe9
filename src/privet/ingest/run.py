"""A whole run: plan, clean, drop what is double, join, put into place, say what was done.

Invariants:

- A run that is cut off, however, goes on where it was with the same command; nothing half-written is seen in the output.
- Files come into place at the end, one rename each; the manifest last. Before that the output holds nothing but `.privet-work`.
- The bytes of the output depend on input, policy, tier, key and version, not on engine, cores, cuts or order of work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from privet import __version__
from privet.detect.engine import TierName
from privet.errors import BadInput
from privet.evidence import Signer, digest
from privet.ingest.cleaned import Cleaned, Engine, Watch
from privet.ingest.columns import declared_columns
from privet.ingest.file_names import clean_path, printable
from privet.ingest.inner_tables import refusal
from privet.ingest.local import Failed, Task
from privet.ingest.manifest import entry, manifest, names_digest, table_entry
from privet.ingest.memory import give_back
from privet.ingest.pixels import installed
from privet.ingest.placing import complete, outputs, put_in_place, strangers
from privet.ingest.plan import Item, planned
from privet.ingest.repeats import Kept, kept_rows
from privet.ingest.texts import Texts
from privet.ingest.work import Work
from privet.ingest.worker import Done, Setup
from privet.keys import derive
from privet.metadata.job import MEMBER
from privet.policy import Policy
from privet.policy_plain import plain_policy

__all__ = ["Engine", "Job", "Outcome", "Watch", "scrub"]

_UNIT_BYTES: Final = {"patterns": 8 * 1024 * 1024, "names": 1024 * 1024, "deep": 256 * 1024}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. `is_new` is False where there was nothing left to do."""

    manifest: dict[str, Any]
    is_new: bool

    @property
    def set_aside(self) -> int:
        """The number of files and of members of files that were not cleaned."""
        files = self.manifest["files"]
        return sum(entry["removed"].get(MEMBER, 0) + (entry["status"] != "cleaned") for entry in files)

    @property
    def is_clean(self) -> bool:
        """Whether everything was cleaned, and as the policy says."""
        return not self.set_aside and not self.manifest.get("unused_columns")


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be scrubbed, where to, and how."""

    inputs: Sequence[Path]
    out: Path
    policy: Policy
    signer: Signer
    tier: TierName = "names"
    key: bytes | None = None

    @property
    def unit_bytes(self) -> int:
        """How large the pieces are in which a file of rows is cleaned."""
        return _UNIT_BYTES[self.tier]

    @property
    def digest_key(self) -> bytes:
        """The key of digests of raw files."""
        return self.signer.key("raw digests")

    def plan(self) -> dict[str, str]:
        """Return what must be the same for a run to go on where another was cut off."""
        return {
            "privet": __version__,
            "policy_sha256": digest(plain_policy(self.policy)),
            "tier": self.tier,
            "key": derive(self.key, "plan").hex() if self.key else "",
            "pixels": installed(),
        }

    def setup(self) -> Setup:
        """Return what every process needs to know."""
        return Setup(self.policy, self.tier, self.key, self.digest_key, str(self.out), self.unit_bytes)


def scrub(job: Job, engine: Callable[[Setup], Engine], watch: Watch) -> Outcome:
    """Scrub the inputs into the output, going on where an earlier run was cut off.

    Raises:
        BadInput: the inputs or the output cannot be used.

    """
    items = planned(job.inputs, job.out)
    _refuse_strangers(job)
    if (known := complete(items, job.out, job.plan(), job.signer, job.digest_key)) is not None:
        return Outcome(known, is_new=False)
    work = Work(job.out)
    work.open(job.plan())
    document: dict[str, Any] | None = None
    try:
        with engine(job.setup()) as tasks:
            document = _Run(job, items, work, tasks, watch).document()
    except OSError as error:
        raise BadInput(
            f"the output could not be written ({error.strerror})",
            hint="free some space or check permissions, and run the same command again: it goes on where it was",
        ) from error
    finally:
        work.close(complete=document is not None)
    return Outcome(document, is_new=True)


def _refuse_strangers(job: Job) -> None:
    """Do nothing where all in the output of an earlier run is of such a run: what is not would stand among what is clean."""
    found = strangers(job.out)
    if found:
        name = clean_path(printable(found[0]), Texts(job.policy, job.tier, job.key))
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise BadInput(
            f"in the output folder there is what no run of privet scrub put there: {name}{more}",
            hint="move it elsewhere, or choose a new folder",
        )


class _Run:
    """One run: what is known of each file, and the steps one after the other."""

    def __init__(self, job: Job, items: Sequence[Item], work: Work, engine: Engine, watch: Watch) -> None:
        self._job = job
        self._items = items
        self._work = work
        self._engine = engine
        self._cleaned = Cleaned(items, work, engine, watch, job.digest_key)
        self._files = self._cleaned.files
        self._units = self._cleaned.units

    def document(self) -> dict[str, Any]:
        """Do all steps; return the manifest."""
        self._cleaned.run()
        tables = [item for item in self._items if self._files[item.key].units]
        while True:
            kept = self._kept(tables)
            self._join([item for item in tables if not self._refused(item, kept[item.key])], kept)
            joined = [item for item in tables if self._files[item.key].status == "cleaned"]
            if len(joined) == len(tables):
                return self._put_in_place(kept)
            # What is set aside only now has no rows that another file's could be doubles of.
            tables = joined

    def _kept(self, tables: Sequence[Item]) -> dict[str, list[Kept]]:
        """Return which rows of which unit stay, for each table."""
        parts = [
            (
                self._work.parts / f"{item.key}.{index}.marks",
                PurePosixPath(self._files[item.key].name).parent.as_posix(),
            )
            for item in tables
            for index in range(len(self._files[item.key].units))
        ]
        found = iter(kept_rows(parts, self._job.policy.scrub, self._work.parts))
        give_back()
        return {item.key: [next(found) for _ in self._files[item.key].units] for item in tables}

    def _refused(self, item: Item, kept: list[Kept]) -> bool:
        """Set a file aside that has rows in groups that are too small and of which no row is taken out."""
        done = self._files[item.key]
        reason = refusal(done.form, sum(self._units[item.key, index].rows for index in range(len(kept))))
        if not reason:
            return False
        if any(part.suppressed for part in kept):
            done.status, done.reason = "set-aside", reason
            return True
        kept[:] = [Kept(None)] * len(kept)
        return False

    def _join(self, tables: Sequence[Item], kept: dict[str, list[Kept]]) -> None:
        tasks = []
        for item in tables:
            flags = [part.packed for part in kept[item.key]]
            done = self._files[item.key]
            done.kept = _digest_of(flags)
            known = self._work.read(f"{item.key}.joined", Done)
            if known is not None and known.kept == done.kept and self._cleaned.still_holds(item, known):
                self._files[item.key] = known
                continue
            tasks.append(Task("joined", (item, done, flags), item.size))
        for task, result in self._engine.done(iter(tasks)):
            item, done, _ = task.arguments
            if isinstance(result, Failed):
                done.status, done.reason = "set-aside", result.reason
            else:
                self._files[item.key] = result

    def _unused(self) -> list[str]:
        """Return the columns that the policy names and no table has; none where there is no table."""
        seen = {name for unit in self._units.values() for name in unit.seen}
        seen |= {name for done in self._files.values() for name in done.seen}
        has_tables = bool(self._units) or any(done.tables for done in self._files.values())
        return sorted(declared_columns(self._job.policy) - seen) if has_tables else []

    def _put_in_place(self, kept: dict[str, list[Kept]]) -> dict[str, Any]:
        entries = []
        placed = outputs(self._items, self._files)
        for item in self._items:
            done = self._files[item.key]
            output = placed.get(item.key)
            if item.key in kept:
                units = [self._units[item.key, index] for index in range(len(kept[item.key]))]
                entries.append(table_entry(done, output, units, kept[item.key]))
            else:
                entries.append(entry(done, output))
        names_known = names_digest(self._items, self._job.signer)
        document = manifest(entries, self._job.plan(), self._job.signer, names_known, self._unused())
        put_in_place(self._work, placed, document)
        return document


def _digest_of(flags: Iterable[bytes | None]) -> str:
    found = hashlib.sha256()
    for packed in flags:
        # The length goes in too, and none has that of None.
        found.update((0 if packed is None else len(packed) + 1).to_bytes(8, "big"))
        found.update(packed or b"")
    return found.hexdigest()
