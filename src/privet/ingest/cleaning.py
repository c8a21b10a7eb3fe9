"""One file, whatever it is: recognised by content, cleaned, its members and the members of its members alike.

Invariants:

- What is written was made by the cleaner of its format; nothing is copied because it is not understood.
- Whatever a reader does with hostile bytes, the answer is a clean file or a reason.
- Depth, size and the sum of what members unpack to are bounded over the whole file.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from privet.edits import Edit
from privet.ingest import hf_folder, sheets
from privet.ingest.columns import Columns
from privet.ingest.file_names import clean_component, clean_path
from privet.ingest.formats import DESCRIPTION, KEEP_ALL, RECORDS, cleaner, new_suffix, record_module, seen
from privet.ingest.guarding import guarded, in_memory
from privet.ingest.inner_tables import Inside, Table, Told
from privet.ingest.pixels import NOT_LOOKED_AT, PICTURES, Pixels
from privet.ingest.record_file import Kept
from privet.ingest.texts import Texts
from privet.metadata.job import CannotClean, Job, Limits, Member, SetAside
from privet.policy import Policy

_ALL_BYTES: Final = 1 << 62
_MAX_NAMED: Final = 1000


class Cleaning:
    """Cleans whole files in one process."""

    def __init__(self, policy: Policy, texts: Texts, key: bytes | None, scratch: Path | None = None) -> None:
        """Take what to clean by; `scratch` is a folder for cleaned content that waits, else that for temporary files."""
        scrub = policy.scrub
        self.policy = policy
        self.texts = texts
        self._key = key
        self.limits = Limits(
            max_file_bytes=scrub.max_file_bytes,
            max_unpacked_bytes=scrub.max_unpacked_bytes,
            max_depth=scrub.max_depth,
            max_record_bytes=scrub.max_record_bytes,
        )
        self._pixels = Pixels(scrub)
        self._depth = 0
        self._unpacked = 0
        self._within: list[str] = []
        self.converted: Path | None = None
        """what a program made of this file already, where it is of a format that one has to convert"""
        self.set_aside: list[SetAside] = []
        """files inside this one that were left out, the first of them, by cleaned names below it"""
        self.left_out = 0
        """how many there were"""
        self.pixels = ""
        """whether the pixels of the pictures in this file were all looked at; empty where it has none"""
        self.rows: dict[str, int] = {}
        """how many rows tables inside this file had and have; empty where there is none but sheets"""
        self._scratch = scratch
        self._inside: Inside | None = None
        self._of_sheets: list[Columns] = []
        self._tables = 0
        self._dropped: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._of_labels: Columns | None = None

    def columns(self, form: str = "") -> Columns:
        """Return what cleans rows, those of a file of rows of some form."""
        keeps_all = form in KEEP_ALL
        return Columns(
            self.policy, self.texts, key=self._key, nested=self.nested, limits=self.limits, keeps_all=keeps_all
        )

    def document(self, form: str, name: str, source: BinaryIO, target: BinaryIO) -> Counter[str]:
        """Write a cleaned document, picture, archive or model; return what was left out.

        Raises:
            CannotClean: with the reason.

        """
        if self._depth:
            return self._document(form, name, source, target)
        try:
            with Inside(self.policy.scrub, self._scratch) as inside:
                self._inside = inside
                removed = self._document(form, name, source, target)
                if inside.judge():
                    removed = self._document_again(inside, form, name, source, target)
                if inside.tables:
                    self.rows = inside.counted()
        finally:
            self._inside = None
        return removed

    def _document_again(self, inside: Inside, form: str, name: str, source: BinaryIO, target: BinaryIO) -> Counter[str]:
        """Write it anew, without the rows that go. What was found is counted already."""
        source.seek(0)
        target.seek(0)
        target.truncate()
        inside.begin_again()
        self._unpacked, self.set_aside, self.left_out = 0, [], 0
        found, sheets, pixels = self.texts.found, self._of_sheets, self.pixels
        self.texts.found, self._of_sheets = {}, []
        try:
            return self._document(form, name, source, target)
        finally:
            self.texts.found, self._of_sheets, self.pixels = found, sheets, pixels

    def _document(self, form: str, name: str, source: BinaryIO, target: BinaryIO) -> Counter[str]:
        job = self._job()
        if not self._depth:
            job.converted = self.converted
        with guarded():
            if form == DESCRIPTION:
                target.write(self._description(PurePosixPath(name).name, source.read()))
            else:
                if form in PICTURES:
                    source, looked = self._pixels.covered(source, form, job)
                    self.pixels = NOT_LOOKED_AT if NOT_LOOKED_AT in (self.pixels, looked) else looked
                cleaner(form, name)(source, target, job)
        self._note(job.set_aside)
        return job.removed

    def _note(self, members: Sequence[SetAside]) -> None:
        self.left_out += len(members)
        for name, reason in members[: max(0, _MAX_NAMED - len(self.set_aside))]:
            path = [clean_path(part, self.texts) for part in (*self._within, name) if part]
            self.set_aside.append(SetAside("/".join(path), reason))

    def _description(self, name: str, content: bytes) -> bytes:
        """Return the description of a dataset, with the columns and file names that it has once it is clean."""
        columns = self.columns()

        def text(word: str) -> str:
            return self.texts.rewrite([word], "description")[0]

        return hf_folder.cleaned(
            name, content, column=columns.kept_name, file=lambda part: clean_component(part, self.texts), text=text
        )

    def _job(self) -> Job:
        job = Job(edits=self._edits, limits=self.limits)
        job.table = sheets.tables(sheets.Given(self.policy, self.texts, self._sheet_columns, in_memory))
        job.fields = sheets.fields(self._label_columns)
        job.nested = lambda name, content: self._member(job, name, content)
        return job

    def _edits(self, texts: Sequence[str], place: str) -> list[list[Edit]]:
        """Return what gives way in each text. Of texts that are the same one is looked at, and each counts."""
        counts = Counter(texts)
        if len(counts) == len(texts):
            return self.texts.edits(texts, place)
        known: dict[str, list[Edit]] = {}
        found = self.texts.found
        for times in sorted(set(counts.values())):
            alike = [text for text, count in counts.items() if count == times]
            self.texts.found = {}
            known.update(zip(alike, self.texts.edits(alike, place), strict=True))
            for kind, count in self.texts.found.get(place, {}).items():
                found.setdefault(place, Counter())[kind] += count * times
        self.texts.found = found
        return [known[text] for text in texts]

    def _label_columns(self) -> Columns:
        if self._of_labels is None:
            self._of_labels = self.columns()
        return self._of_labels

    def _sheet_columns(self) -> Columns:
        self._of_sheets.append(self.columns())
        return self._of_sheets[-1]

    @property
    def tables(self) -> int:
        """How many tables and sheets that are tables are in this file."""
        return len(self._of_sheets) + self._tables

    @property
    def dropped_columns(self) -> dict[str, int]:
        """The columns that were dropped from tables in this file, with how many values each held."""
        dropped = Counter(self._dropped)
        for columns in self._of_sheets:
            dropped.update(columns.dropped)
        return dict(sorted(dropped.items()))

    @property
    def seen_columns(self) -> set[str]:
        """Which of the columns that the policy names there were in tables of this file."""
        return self._seen.union(*(columns.seen for columns in self._of_sheets))

    def begin(self) -> None:
        """Count anew what is unpacked, and what becomes of tables, for a new file."""
        self._depth = self._unpacked = 0
        self.pixels = ""
        self._within, self.set_aside, self.left_out = [], [], 0
        self.rows = {}
        self._of_sheets, self._tables = [], 0
        self._dropped, self._seen = Counter(), set()

    def nested(self, name: str, content: bytes) -> Member | None:
        """Return a member of a container or the bytes of a column, cleaned like a file of its own, or None where it has to go."""
        return self._member(Job(), name, content)

    def _member(self, job: Job, name: str, content: bytes) -> Member | None:
        self._unpacked += len(content)
        if self._unpacked > self.limits.max_unpacked_bytes:
            raise CannotClean("its members unpack to more than scrub.max_unpacked_bytes")
        if self._depth >= self.limits.max_depth:
            job.refused = "nested too deep"
            return None
        inside = self._inside
        if self._depth or inside is None:
            return self._made(job, name, content)
        if inside.is_again and (known := inside.next_member()):
            return self._told(job, *known)
        tables, notes, removed = inside.tables, len(self.set_aside), Counter(job.removed)
        member = self._made(job, name, content)
        if inside.is_again:
            return member
        if inside.tables > tables:
            inside.keep_nothing()
        else:
            inside.keep_member(member, job.refused, job.removed - removed, self.set_aside[notes:])
        return member

    def _told(self, job: Job, told: Told, content: bytes) -> Member | None:
        """Return a member as it came out the first time."""
        job.removed += told.removed
        job.refused = told.refused
        self.set_aside += told.set_aside
        self.left_out += len(told.set_aside)
        return Member(told.name, content) if told.is_clean else None

    def _made(self, job: Job, name: str, content: bytes) -> Member | None:
        self._depth += 1
        self._within.append(name)
        try:
            cleaned, suffix = self._cleaned(name, content, job)
        except CannotClean as error:
            # Whoever asked says what became of it.
            job.refused = error.reason
            return None
        finally:
            self._depth -= 1
            self._within.pop()
        new = clean_path(name, self.texts) if name else ""
        return Member(str(PurePosixPath(new).with_suffix(suffix)) if new and suffix else new, cleaned)

    def whole(self, content: bytes, name: str = "") -> bytes:
        """Return a file cleaned; `name` is one that tells what it is, where there is no other.

        Raises:
            CannotClean: with the reason.

        """
        return self._cleaned(name, content, Job())[0]

    def _cleaned(self, name: str, content: bytes, job: Job) -> tuple[bytes, str]:
        """Return a cleaned file, and its suffix where it is of another kind now."""
        source, target = io.BytesIO(content), io.BytesIO()
        form = seen(source, name, len(content))
        if form in RECORDS:
            self._records(form, content, target)
            return target.getvalue(), ""
        with guarded():
            suffix = new_suffix(form, source)
        job.removed += self.document(form, name, source, target)
        return target.getvalue(), suffix

    def _records(self, form: str, content: bytes, target: BinaryIO) -> None:
        """Clean a table inside another file, from memory to memory."""
        with guarded(), in_memory(content) as path:
            if self._inside is not None and not self._inside.is_again:
                parts: Sequence[BinaryIO] = self._table(self._inside, form, len(content), path)
                flags: Sequence[Kept] = [None] * len(parts)
            elif self._inside is not None:
                parts, flags = self._inside.next_table(form, len(content))
            else:
                # A value of another table is judged by itself, and of a stream every row.
                with Inside(self.policy.scrub, self._scratch) as alone:
                    self._table(alone, form, len(content), path)
                    if self._depth:
                        alone.judge()
                    alone.begin_again()
                    parts, flags = alone.next_table(form, len(content))
            record_module(form).assemble(path, parts, flags, target)

    def _table(self, inside: Inside, form: str, size: int, path: Path) -> list[io.BytesIO]:
        """Return the cleaned parts of a table, and keep them until all rows are judged."""
        module, columns = record_module(form), self.columns(form)
        table = Table(form, "/".join(self._within).rpartition("/")[0], size)
        parts: list[io.BytesIO] = []
        # Files in its values are judged by themselves, as they come out with its rows.
        outer, self._inside = self._inside, None
        try:
            with guarded():
                for unit in module.units(path, _ALL_BYTES):
                    parts.append(io.BytesIO())
                    module.clean_unit(path, unit, columns, parts[-1])
                    parts[-1].seek(0)
                    table.rows.append(columns.marks.rows - sum(table.rows))
        except CannotClean as error:
            inside.refuse(table, error.reason)
            raise
        finally:
            self._inside = outer
        inside.keep_table(table, parts, columns.marks)
        if self._depth:
            self._tables += 1
            self._seen |= columns.seen
            self._dropped.update(columns.dropped)
        return parts
