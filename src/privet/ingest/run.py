"""A whole run: plan, clean, drop what is double, join, put into place, say what was done.

Invariants:

- A run that is cut off, however, goes on where it was with the same command; nothing half-written is seen in the output.
- Files come into place at the end, one rename each; the manifest last. Before that the output holds nothing but `.privet-work`.
- The bytes of the output depend on input, policy, tier, key and version, not on engine, cores, cuts or order of work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol

import numpy as np

from privet import __version__
from privet.detect.engine import TierName
from privet.errors import BadInput
from privet.evidence import Signer, digest, file_digest, is_signed, json_bytes, keyed_file_digest, read_json
from privet.ingest.columns import declared_columns
from privet.ingest.inner_tables import refusal
from privet.ingest.local import Failed, Task
from privet.ingest.manifest import entry, manifest, names_digest, plain_policy, table_entry
from privet.ingest.pixels import installed
from privet.ingest.places import Places
from privet.ingest.plan import MANIFEST, Item, opened, planned
from privet.ingest.repeats import Kept, kept_rows
from privet.ingest.work import FOLDER, Work, sync, write_beside
from privet.ingest.worker import BATCH, Batch, Done, Setup, UnitDone
from privet.keys import derive
from privet.metadata.job import CannotClean
from privet.policy import Policy

_BATCH_FILES: Final = 32
_BATCH_BYTES: Final = 2 * 1024 * 1024
_UNIT_BYTES: Final = {"patterns": 8 * 1024 * 1024, "names": 1024 * 1024, "deep": 256 * 1024}
_DIGESTS: Final = "raw digests"


MEMBER: Final = "member set aside"
"""What archives call a member that could not be cleaned."""


class Engine(AbstractContextManager["Engine"], Protocol):
    """What runs the tasks of a run, as a context manager."""

    def done(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Any]]:
        """Yield each task with its result or `local.Failed`, in any order."""
        ...


class Watch(Protocol):
    """What is told how far a run has come."""

    def begin(self, total_bytes: int) -> None:
        """Take the number of bytes of input."""
        ...

    def step(self, done_bytes: int) -> None:
        """Take the number of bytes of input that are done."""
        ...


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
        return Setup(self.policy, self.tier, self.key, self.signer.key(_DIGESTS), str(self.out), self.unit_bytes)


def scrub(job: Job, engine: Callable[[Setup], Engine], watch: Watch) -> Outcome:
    """Scrub the inputs into the output, going on where an earlier run was cut off.

    Raises:
        BadInput: the inputs or the output cannot be used.

    """
    items = planned(job.inputs, job.out)
    if (known := _complete(job, items)) is not None:
        return Outcome(known, is_new=False)
    work = Work(job.out)
    work.open(job.plan())
    document: dict[str, Any] | None = None
    try:
        with engine(job.setup()) as tasks:
            document = Run(job, items, work, tasks, watch).document()
    except OSError as error:
        raise BadInput(
            f"the output could not be written ({error.strerror})",
            hint="free some space or check permissions, and run the same command again: it goes on where it was",
        ) from error
    finally:
        work.close(complete=document is not None)
    return Outcome(document, is_new=True)


class Run:
    """One run: what is known of each file, and the steps one after the other."""

    def __init__(self, job: Job, items: Sequence[Item], work: Work, engine: Engine, watch: Watch) -> None:
        self._job = job
        self._items = items
        self._work = work
        self._engine = engine
        self._watch = watch
        self._files: dict[str, Done] = {}
        self._units: dict[tuple[str, int], UnitDone] = {}
        self._bytes = 0

    def document(self) -> dict[str, Any]:
        """Do all steps; return the manifest."""
        self._watch.begin(sum(item.size for item in self._items))
        self._clean_files()
        self._clean_units()
        tables = [item for item in self._items if self._files[item.key].units]
        while True:
            kept = self._kept(tables)
            self._join([item for item in tables if not self._refused(item, kept[item.key])], kept)
            joined = [item for item in tables if self._files[item.key].status == "cleaned"]
            if len(joined) == len(tables):
                return self._put_in_place(kept)
            # What is set aside only now has no rows that another file's could be doubles of.
            tables = joined

    def _read(self, amount: int) -> None:
        self._bytes += amount
        self._watch.step(self._bytes)

    def _clean_files(self) -> None:
        left: list[Item] = []
        records: dict[str, list[Done]] = {}
        for batch_done in self._work.read_all(BATCH, Batch):
            for each in batch_done.files:
                records.setdefault(each.key, []).append(each)
        for item in self._items:
            known = next((each for each in records.get(item.key, ()) if self._still_holds(item, each)), None)
            if known is not None:
                self._files[item.key] = known
                self._read(0 if known.units else item.size)
            else:
                left.append(item)
        alone: list[Item] = []
        tasks = (Task("files", (batch,), sum(item.size for item in batch)) for batch in _batches(left))
        for task, result in self._engine.done(tasks):
            (batch,) = task.arguments
            if not isinstance(result, Failed):
                self._take(batch, result)
            elif len(batch) > 1:
                alone += batch
            else:
                self._fail(batch[0], result.reason)
        # A file that takes its process down is found by having each file of its batch for itself.
        for task, result in self._engine.done(Task("files", ([item],), item.size) for item in alone):
            (batch,) = task.arguments
            if isinstance(result, Failed):
                self._fail(batch[0], result.reason)
            else:
                self._take(batch, result)

    def _take(self, batch: Sequence[Item], results: Sequence[Done]) -> None:
        for item, result in zip(batch, results, strict=True):
            self._files[item.key] = result
            self._read(0 if result.units else item.size)

    def _fail(self, item: Item, reason: str) -> None:
        # Its name was to be cleaned by the process that is gone, so it is not shown.
        digest_now = ""
        # Where it is gone or another file by now, the next run looks at it again.
        with suppress(OSError, CannotClean), opened(item) as file:
            digest_now = keyed_file_digest(file, self._job.signer.key(_DIGESTS))
        name = f"file-{item.key}"
        done = Done(item.key, item.size, item.modified_ns, name, reason=reason, input_hmac=digest_now)
        self._work.write(f"{BATCH}{item.key}", Batch([done]))
        self._files[item.key] = done
        self._read(item.size)

    def _still_holds(self, item: Item, known: Done) -> bool:
        if (item.size, item.modified_ns) != (known.size, known.modified_ns):
            return False
        return known.status != "cleaned" or self._work.holds(known.key, known.sha256)

    def _clean_units(self) -> None:
        left: list[Task] = []
        for item in self._items:
            done = self._files[item.key]
            for index, unit in enumerate(done.units):
                name = f"{item.key}.{index}"
                known = self._work.read(name, UnitDone)
                if known is not None and (known.reason or self._unit_holds(name, known)):
                    self._units[item.key, index] = known
                    self._read(item.size // len(done.units))
                else:
                    left.append(Task("unit", (item, done.form, index, unit), item.size // len(done.units)))
        for task, result in self._engine.done(iter(left)):
            item, _, index, _ = task.arguments
            unit_done = UnitDone(reason=result.reason) if isinstance(result, Failed) else result
            self._units[item.key, index] = unit_done
            self._read(item.size // len(self._files[item.key].units))
        for item in self._items:
            done = self._files[item.key]
            reasons = [self._units[item.key, index].reason for index in range(len(done.units))]
            if any(reasons):
                done.status, done.reason, done.units = "set-aside", next(filter(None, reasons)), []

    def _unit_holds(self, name: str, known: UnitDone) -> bool:
        return self._work.holds(name, known.sha256) and self._work.holds(f"{name}.marks", known.marks_sha256)

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
            flags = [None if part.rows is None else np.packbits(part.rows).tobytes() for part in kept[item.key]]
            done = self._files[item.key]
            done.kept = digest([None if packed is None else packed.hex() for packed in flags])
            known = self._work.read(f"{item.key}.joined", Done)
            if known is not None and known.kept == done.kept and self._still_holds(item, known):
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

    def _outputs(self) -> dict[str, str]:
        """Tell the inputs' names apart, and return the place of each output, by the keys of their files."""
        outputs: dict[str, str] = {}
        places = Places()
        names: dict[str, int] = {}
        for item in sorted(self._items, key=lambda item: _gives_way(item, self._files[item.key])):
            done = self._files[item.key]
            done.name = _told_apart(done.name, names)
            if done.status == "cleaned":
                outputs[item.key] = places.free(done.name, done.suffix)
        return outputs

    def _put_in_place(self, kept: dict[str, list[Kept]]) -> dict[str, Any]:
        entries = []
        outputs = self._outputs()
        for item in self._items:
            done = self._files[item.key]
            output = outputs.get(item.key)
            if item.key in kept:
                units = [self._units[item.key, index] for index in range(len(kept[item.key]))]
                entries.append(table_entry(done, output, units, kept[item.key]))
            else:
                entries.append(entry(done, output))
        names_known = names_digest(self._items, self._job.signer)
        document = manifest(entries, self._job.plan(), self._job.signer, names_known, self._unused())
        before = _earlier(self._job.out) | self._work.meant()
        self._work.mean(before | set(outputs.values()))
        sync(self._job.out)
        # What is gone goes first: a file may stand where a folder is to be.
        for output in before - set(outputs.values()):
            _remove(self._job.out, output)
        for key, output in outputs.items():
            target = self._job.out / output
            target.parent.mkdir(parents=True, exist_ok=True)
            (self._work.parts / key).replace(target)
        write_beside(self._job.out / MANIFEST, json_bytes(document))
        sync(self._job.out)
        return document


def _gives_way(item: Item, done: Done) -> bool:
    """Tell whether a file takes another name than it had: what becomes `pic.pdf` leaves that name to the file that was called so."""
    return done.name != item.name or (bool(done.suffix) and PurePosixPath(done.name).suffix != done.suffix)


def _told_apart(name: str, taken: dict[str, int]) -> str:
    """Return the name of an input, with a number where another has the same once both are clean; `taken` holds the next numbers."""
    path, free = PurePosixPath(name), name
    while free in taken:
        # Of a hundred thousand files of one name each looks once.
        free, taken[name] = str(path.with_name(f"{path.stem}-{taken[name]}{path.suffix}")), taken[name] + 1
    taken[free] = 2
    return free


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += item.size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _earlier(out: Path) -> set[str]:
    """Return the outputs of an earlier run here, which this one takes the place of."""
    try:
        document = read_json((out / MANIFEST).read_bytes())
        return {entry["output"] for entry in document["files"] if entry["output"]}
    except (OSError, BadInput, KeyError, TypeError):
        return set()


def _remove(out: Path, output: str) -> None:
    path = out / output
    if PurePosixPath(output).is_absolute() or ".." in PurePosixPath(output).parts or path.is_symlink():
        return
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == out or any(folder.iterdir()):
            break
        folder.rmdir()


def _complete(job: Job, items: Sequence[Item]) -> dict[str, Any] | None:
    """Return the manifest of a run of the same plan over the same files whose outputs are all there, else None."""
    if (job.out / FOLDER).exists():
        return None
    try:
        document = read_json((job.out / MANIFEST).read_bytes())
        files = document["files"]
        names = names_digest(items, job.signer)
        if (
            not is_signed(document)
            or document["plan_sha256"] != digest(job.plan())
            or document["names_hmac_sha256"] != names
            or len(files) != len(items)
        ):
            return None
        key = job.signer.key(_DIGESTS)
        for item, known in zip(items, files, strict=True):
            if not _is_same(item, known, job.out, key):
                return None
    except (OSError, BadInput, CannotClean, KeyError, TypeError):
        return None
    return dict(document)


def _is_same(item: Item, known: dict[str, Any], out: Path, key: bytes) -> bool:
    if known["input_bytes"] != item.size or bool(item.problem) != (known["input_hmac_sha256"] is None):
        return False
    if not item.problem:
        with opened(item) as file:
            if keyed_file_digest(file, key) != known["input_hmac_sha256"]:
                return False
    if known["output"] is None:
        return True
    with (out / known["output"]).open("rb") as file:
        return bool(file_digest(file) == known["output_sha256"])
