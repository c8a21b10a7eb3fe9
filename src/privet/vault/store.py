"""The files of a vault: what was written is found again, and what was acknowledged is there after any crash.

Invariants:

- A write is one frame, appended and synced before the anchor moves, and acknowledged after that.
- A place that may hold part of a write is never written again: after an error or a new start, writing goes on in another segment under
  another key. So no nonce comes twice.
- Frames beyond the anchor were not acknowledged: they count if every chunk of them is whole, and are as if never written otherwise.
"""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from privet.errors import BadInput, Damaged, PrivetError, Unprotected
from privet.sealed import TAG_BYTES
from privet.vault.frames import (
    Batch,
    Placed,
    Run,
    Segment,
    cold_part,
    cold_run,
    damaged,
    encoded,
    hot_area,
    hot_runs,
    placed,
)
from privet.vault.key_source import sync_folder
from privet.vault.layout import HEAD_BYTES, ID_BYTES, MANIFEST_FILE, SEGMENT_BYTES, SEGMENT_MAGIC, head
from privet.vault.manifest import Listed, Manifest, write_manifest
from privet.vault.opening import NO_TAG, Opened, older

_CANARY_BYTES: Final = 32


class Stored(NamedTuple):
    """A run as it is found again: where its cold entries are, and its entries."""

    segment: int
    place: Placed
    run: Run
    cold: int
    """Where in the cold area of its frame its entries begin."""


class File(NamedTuple):
    """A segment's file, open for reading."""

    listed: Listed
    segment: Segment
    file: BinaryIO


class Store:
    """Writes and reads frames. Not for several threads at once: the vault has a lock."""

    def __init__(self, opened: Opened) -> None:
        self._folder = opened.folder
        self._scope = opened.scope
        self._keys = opened.keys
        self._anchor = opened.anchor
        self._manifest = opened.manifest
        self._state = opened.state
        self._lock = opened.lock
        self._files: list[File] = []
        self._tail: BinaryIO | None = None
        self._end = 0
        self._frames = 0
        self._is_checked = False
        self.dimensions = opened.manifest.dimensions

    def __repr__(self) -> str:
        return f"Store(generation {self._state.generation})"

    @property
    def generation(self) -> int:
        """How many writes were acknowledged, ever."""
        return self._state.generation

    @property
    def records(self) -> int:
        """The number that the next record gets."""
        return self._state.records

    @property
    def can_write(self) -> bool:
        """Whether this process holds the lock."""
        return self._lock is not None

    def frames(self, *, accept_older: bool = False) -> Iterator[tuple[int, Placed, memoryview]]:
        """Yield all frames that count, in order: the number of the segment, the place, the hot area. To be taken to its end, once.

        Raises:
            Damaged: a file is missing, or not what was written.
            RolledBack: the last segment ends before the write that was acknowledged last.

        """
        for listed in self._manifest.segments:
            self._files.append(self._open(listed))
            yield from self._closed(len(self._files) - 1) if not listed.is_open else self._last(accept_older)
        if not self._manifest.segments or not self._manifest.segments[-1].is_open:
            self._reached(self._manifest.generation, self._manifest.tail, "manifest", accept_older)

    def _open(self, listed: Listed) -> File:
        try:
            file = (self._folder / listed.name).open("rb")
        except OSError as error:
            raise Damaged(
                f"the file {listed.name} of the vault is missing",
                hint="copy the data folder whole, or restore it from a backup",
            ) from error
        if file.read(HEAD_BYTES) != head(SEGMENT_MAGIC):
            raise damaged(listed.name)
        return File(listed, Segment.of(self._scope, listed.id, self._keys.data_key), file)

    def _closed(self, number: int) -> Iterator[tuple[int, Placed, memoryview]]:
        listed, segment, file = self._files[number]
        start, before = HEAD_BYTES, listed.before
        for frame in range(listed.frames):
            found = placed(segment, file, start, frame, listed.generation + frame + 1, before)
            if found is None:
                raise damaged(listed.name)
            self._count(found)
            yield number, found, hot_area(segment, file, found, listed.name)
            start, before = start + found.size, found.tag
        if start != listed.size or before != listed.tail:
            raise damaged(listed.name)

    def _last(self, accept_older: bool) -> Iterator[tuple[int, Placed, memoryview]]:
        """Yield the frames of the segment that may still grow."""
        number = len(self._files) - 1
        listed, segment, file = self._files[number]
        start, before, frame = HEAD_BYTES, listed.before, 0
        wanted = self._state
        is_reached = (listed.generation, listed.before) == (wanted.generation, wanted.tail)
        while True:
            generation = listed.generation + frame + 1
            is_late = generation > wanted.generation
            found = placed(segment, file, start, frame, generation, before)
            if found is None or (is_late and not (self.can_write and self._is_whole(segment, file, found))):
                break
            self._count(found)
            yield number, found, hot_area(segment, file, found, listed.name)
            start, before, frame = start + found.size, found.tag, frame + 1
            is_reached = is_reached or (generation, before) == (wanted.generation, wanted.tail)
        self._end, self._frames = start, frame
        if not is_reached and not accept_older:
            raise damaged(listed.name) if os.fstat(file.fileno()).st_size > start else older(listed.name)
        if (listed.generation + frame, before) != (wanted.generation, wanted.tail):
            self._state = self._state._replace(
                generation=max(listed.generation + frame, wanted.generation), tail=before
            )

    def _count(self, place: Placed) -> None:
        """See that no number of a record is given twice, whatever the anchor says."""
        records = max((first + count for first, count in place.directory.numbers), default=0)
        if records > self._state.records:
            self._state = self._state._replace(records=records)

    def _is_whole(self, segment: Segment, file: BinaryIO, place: Placed) -> bool:
        try:
            hot_area(segment, file, place, "")
            cold_part(segment, file, place, 0, place.directory.cold, "")
        except Damaged:
            return False
        return True

    def _reached(self, generation: int, tail: bytes, name: str, accept_older: bool) -> None:
        if (generation, tail) != (self._state.generation, self._state.tail) and not accept_older:
            raise older(name)

    def runs(
        self, number: int, place: Placed, area: memoryview
    ) -> Iterator[tuple[Stored, memoryview, list[str], list[int]] | None]:
        """Yield of each run of a frame where it is, its vectors, ids and the sizes of its cold entries; None for a forgotten one."""
        name = self._files[number].listed.name
        cold = 0
        runs = iter(place.directory.runs)
        for found in hot_runs(self._files[number].segment, place, area, self._keys.key_of, name):
            run = next(runs)
            yield None if found is None else (Stored(number, place, run, cold), found[1], found[2].ids, found[2].sizes)
            cold += run.cold

    def cold(self, stored: Stored, start: int, size: int) -> bytes:
        """Return one cold entry of a run.

        Raises:
            Damaged: it is not what was written.

        """
        run, place = stored.run, stored.place
        _, segment, file = self._files[stored.segment]
        name = self._files[stored.segment].listed.name
        if run.subject is None:
            first = stored.cold + start
            return cold_part(segment, file, place, first, first + size, name)
        sealed = cold_part(segment, file, place, stored.cold, stored.cold + run.cold, name)
        return cold_run(segment, place, run, sealed, self._keys.key_of(run.subject), name)[start : start + size]

    def cold_whole(self, stored: Stored) -> bytes:
        """Return all cold entries of a run, one behind the other."""
        run = stored.run
        return self.cold(stored, 0, run.cold if run.subject is None else run.cold - TAG_BYTES)

    def hot(self, stored: Stored) -> memoryview:
        """Return the vectors of a run as bytes.

        Raises:
            Damaged: they are not what was written.

        """
        _, segment, file = self._files[stored.segment]
        area = hot_area(segment, file, stored.place, self._files[stored.segment].listed.name)
        runs = zip(stored.place.directory.runs, self.runs(stored.segment, stored.place, area), strict=True)
        found = next((found for run, found in runs if run is stored.run), None)
        if found is None:
            raise damaged(self._files[stored.segment].listed.name)
        return found[1]

    def verify(self) -> None:
        """Read every byte again.

        Raises:
            Damaged: names the file that is not what was written.

        """
        for number, (listed, segment, file) in enumerate(self._files):
            file.seek(0)
            if file.read(HEAD_BYTES) != head(SEGMENT_MAGIC):
                raise damaged(listed.name)
            for found in self._places(number):
                for _ in self.runs(number, found, hot_area(segment, file, found, listed.name)):
                    pass
                self._verify_cold(number, found)

    def _verify_cold(self, number: int, place: Placed) -> None:
        listed, segment, file = self._files[number]
        cold_part(segment, file, place, 0, place.directory.cold, listed.name)
        start = 0
        for run in place.directory.runs:
            key = None if run.subject is None else self._keys.key_of(run.subject)
            if key is not None:
                sealed = cold_part(segment, file, place, start, start + run.cold, listed.name)
                cold_run(segment, place, run, sealed, key, listed.name)
            start += run.cold

    def write(self, batches: Iterable[Batch], dimensions: int) -> list[list[Stored]]:
        """Write frames and acknowledge them together; return where the runs of each are.

        Raises:
            BadInput: this process only reads.
            Unprotected: the disk refused, or what was written is not sealed. Nothing counts of it.

        """
        if not self.can_write:
            raise BadInput("this vault was opened with read_only=True", hint="open it without")
        try:
            return self._written(batches, dimensions)
        except OSError as error:
            self._tail = self._done_with(self._tail)
            raise Unprotected(
                f"the vault could not be written ({os.strerror(error.errno or 0)})",
                hint="check space and permissions; nothing was lost",
            ) from error
        except PrivetError:
            self._tail = self._done_with(self._tail)
            raise

    def _written(self, batches: Iterable[Batch], dimensions: int) -> list[list[Stored]]:
        if self._tail is None or self._end > SEGMENT_BYTES or dimensions != self._manifest.dimensions:
            self._begin(dimensions)
        assert self._tail is not None  # noqa: S101 - begun above
        listed, segment, _ = self._files[-1]
        end, frames, state = self._end, self._frames, self._state
        found: list[list[Stored]] = []
        canary = b"" if self._is_checked else secrets.token_bytes(_CANARY_BYTES)
        for batch in batches:
            given = batch._replace(dimensions=dimensions)
            pieces, tag = encoded(segment, frames, state.generation + 1, state.tail, given, canary)
            for piece in pieces:
                self._tail.write(piece)
            self._tail.flush()
            place = placed(segment, self._files[-1].file, end, frames, state.generation + 1, state.tail)
            if place is None:
                raise damaged(listed.name)
            found.append(_stored(len(self._files) - 1, place))
            records = max((first + count for first, count in batch.numbers), default=0)
            state = state._replace(generation=state.generation + 1, tail=tag, records=max(state.records, records))
            end, frames, canary = end + place.size, frames + 1, b""
        os.fdatasync(self._tail.fileno())
        if not self._is_checked:
            self._check(listed.name)
        self._anchor.write(state)
        self._end, self._frames, self._state = end, frames, state
        return found

    def _check(self, name: str) -> None:
        """Look for the vault's own canary in what was written: a cipher that silently does nothing must not pass."""
        listed, segment, written = self._files[-1]
        place = placed(segment, written, HEAD_BYTES, 0, listed.generation + 1, listed.before)
        with (self._folder / name).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            if place is None or not place.directory.canary or view.find(place.directory.canary) >= 0:
                raise Unprotected(
                    "what was written is not sealed", hint="reinstall the library cryptography; nothing was kept"
                )
        self._is_checked = True

    def _begin(self, dimensions: int) -> None:
        """Close the last segment where it ends, and begin another one."""
        self._tail = self._done_with(self._tail)
        segments = list(self._manifest.segments)
        if segments and segments[-1].is_open:
            segments[-1] = self._ended(segments[-1])
        made = Listed(secrets.token_bytes(ID_BYTES), self._state.generation, self._state.tail)
        place = self._folder / made.name
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._tail = os.fdopen(descriptor, "wb")
        self._tail.write(head(SEGMENT_MAGIC))
        self._tail.flush()
        os.fsync(descriptor)
        sync_folder(self._folder)
        self._replace([*segments, made], dimensions)
        self._files.append(self._open(made))
        self._end, self._frames = HEAD_BYTES, 0
        self._is_checked = False

    def _ended(self, listed: Listed) -> Listed:
        """Return the last segment closed at its last frame that counts."""
        os.truncate(self._folder / listed.name, self._end)
        closed = Listed(listed.id, listed.generation, listed.before, self._frames, self._end, self._tail_of(listed))
        self._files[-1] = self._files[-1]._replace(listed=closed)
        return closed

    def _tail_of(self, listed: Listed) -> bytes:
        return self._state.tail if self._frames else listed.before

    def _replace(self, segments: list[Listed], dimensions: int) -> None:
        """Write the next manifest, then the anchor that knows it."""
        state = self._state
        manifest = Manifest(
            self._manifest.epoch + 1, state.manifest, dimensions, state.generation, state.tail, segments
        )
        tag = write_manifest(self._folder, self._scope, self._keys.data_key, manifest)
        self._state = state._replace(epoch=manifest.epoch, manifest=tag)
        self._manifest = manifest
        self.dimensions = dimensions
        self._anchor.write(self._state)

    def settle(self, *, accept_older: bool) -> None:
        """Move the anchor to what was found, after a crash or where older data was accepted; remove what a crash has left."""
        if not self.can_write:
            return
        self._anchor.write(self._state)
        if not accept_older:
            listed = {item.name for item in self._manifest.segments}
            for place in self._folder.iterdir():
                if place.name not in listed and place.name not in {MANIFEST_FILE, "lock"}:
                    place.unlink()

    def rewrite(self, batches: Iterable[Batch]) -> None:
        """Put other frames in the place of all, and remove the files that held them.

        Raises:
            Unprotected: the disk refused; everything is as it was.

        """
        made = Listed(secrets.token_bytes(ID_BYTES), 0, NO_TAG)
        place = self._folder / made.name
        try:
            made = self._rewritten(made, place, batches)
            old, self._tail = self._files, self._done_with(self._tail)
            self._replace([made], self.dimensions)
        except OSError as error:
            place.unlink(missing_ok=True)
            raise Unprotected(
                f"the vault could not be written ({os.strerror(error.errno or 0)})",
                hint="check space and permissions; nothing was lost",
            ) from error
        self._files = [self._open(made)]
        for item in old:
            item.file.close()
            (self._folder / item.listed.name).unlink(missing_ok=True)

    def _rewritten(self, made: Listed, place: Path, batches: Iterable[Batch]) -> Listed:
        segment = Segment.of(self._scope, made.id, self._keys.data_key)
        before, frames = made.before, 0
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(head(SEGMENT_MAGIC))
            for batch in batches:
                given = batch._replace(dimensions=self.dimensions)
                pieces, before = encoded(segment, frames, frames + 1, before, given)
                for piece in pieces:
                    file.write(piece)
                frames += 1
            file.flush()
            os.fsync(descriptor)
            size = file.tell()
        sync_folder(self._folder)
        return Listed(made.id, made.generation, made.before, frames, size, before)

    def again(self) -> Iterator[tuple[int, Placed, memoryview]]:
        """Yield all frames once more."""
        for number, (listed, segment, file) in enumerate(self._files):
            for found in self._places(number):
                yield number, found, hot_area(segment, file, found, listed.name)

    def _places(self, number: int) -> Iterator[Placed]:
        listed, segment, file = self._files[number]
        start, before = HEAD_BYTES, listed.before
        for frame in range(self._frames if listed.is_open else listed.frames):
            found = placed(segment, file, start, frame, listed.generation + frame + 1, before)
            if found is None:
                raise damaged(listed.name)
            yield found
            start, before = start + found.size, found.tag

    def close(self) -> None:
        """Close files and let the next writer in."""
        self._tail = self._done_with(self._tail)
        for item in self._files:
            item.file.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @staticmethod
    def _done_with(file: BinaryIO | None) -> None:
        if file is not None:
            with suppress(OSError):  # what could not be written does not count
                file.close()


def _stored(segment: int, place: Placed) -> list[Stored]:
    found, cold = [], 0
    for run in place.directory.runs:
        found.append(Stored(segment, place, run, cold))
        cold += run.cold
    return found
