"""The files of a vault as they are read: all frames when it is opened, documents when they are asked for.

Invariants:

- Frames beyond the anchor were not acknowledged. To who may write they count if every chunk of them is whole, and are as if never written
  otherwise; a reader does not look at them, since a writer may be at them.
- What was acknowledged and is not there, or not as it was written, is an error that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from privet.errors import Damaged, Unprotected
from privet.vault.frames import Placed, Run, Segment
from privet.vault.layout import (
    HEAD_BYTES,
    HOT_CHUNK,
    LOCK_FILE,
    MANIFEST_FILE,
    SEGMENT_MAGIC,
    damaged,
    head,
    is_leftover,
    refuse_later,
)
from privet.vault.manifest import Listed, read_manifest
from privet.vault.opening import Opened, older
from privet.vault.reading import (
    bytes_at,
    check_cold,
    cold_part,
    cold_run,
    hot_area,
    hot_chunk,
    hot_run,
    is_torn,
    placed,
)


class Stored(NamedTuple):
    """A run as it is found again, and where it is in the two areas of its frame."""

    segment: int
    place: Placed
    run: Run
    hot: int
    cold: int


def stored_runs(segment: int, place: Placed) -> Iterator[Stored]:
    """Yield the runs of a frame."""
    hot = cold = 0
    for run in place.directory.runs:
        yield Stored(segment, place, run, hot, cold)
        hot, cold = hot + run.hot, cold + run.cold


class File(NamedTuple):
    """A segment's file, open for reading."""

    listed: Listed
    segment: Segment
    file: BinaryIO


class Files:
    """Reads frames. Not for several threads at once: the vault has a lock."""

    def __init__(self, opened: Opened) -> None:
        self._folder = opened.folder
        self._scope = opened.scope
        self._keys = opened.keys
        self._manifest = opened.manifest
        self._state = opened.state
        self._is_newest = opened.is_newest
        self._locks = opened.locks
        self._process = os.getpid()
        self._files: list[File] = []
        self._end = 0
        self._frames = 0
        self._kept: tuple[tuple[bytes, int, int], bytes] | None = None
        self.dimensions = opened.manifest.dimensions

    def __repr__(self) -> str:
        return f"{type(self).__name__}(generation {self._state.generation})"

    @property
    def generation(self) -> int:
        """How many writes were acknowledged, ever."""
        return self._state.generation

    @property
    def records(self) -> int:
        """The number that the next record gets."""
        return self._state.records

    @property
    def most_records(self) -> int:
        """How many records there are, at most: by the numbers that were given, and by what fits into the files."""
        if not self.dimensions:
            return 0
        places = (self._folder / item.name for item in self._manifest.segments)
        stored = sum(place.stat().st_size for place in places if place.exists())
        return min(self._state.records, stored // (4 * self.dimensions))

    @property
    def can_write(self) -> bool:
        """Whether this process holds the locks. A child of a fork would write under the same nonces, so it does not."""
        return bool(self._locks) and os.getpid() == self._process

    def frames(self, *, accept_older: bool = False) -> Iterator[tuple[int, Placed, memoryview]]:
        """Yield all frames that count, in order: the number of the segment, the place, the hot area. To be taken to its end, once.

        Raises:
            Damaged: a file is missing, or not what was written.
            RolledBack: the last segment ends before the write that was acknowledged last.

        """
        for listed in self._manifest.segments:
            self._files.append(self._open(listed))
            yield from self._closed(len(self._files) - 1) if not listed.is_open else self._last(accept_older)
        own, wanted = self._manifest, self._state
        if not (own.segments and own.segments[-1].is_open) and (own.generation, own.tail) != wanted[:2]:
            self._refuse_older(MANIFEST_FILE, accept_older)

    def _refuse_older(self, name: str, accept_older: bool) -> None:
        if not accept_older:
            raise older(name)
        self._is_newest = False

    def _open(self, listed: Listed) -> File:
        try:
            file = (self._folder / listed.name).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise Damaged(
                f"the file {listed.name} of the vault is missing",
                hint="copy the data folder whole, or restore it from a backup",
            ) from error
        except OSError as error:
            raise Unprotected(
                f"the file {listed.name} of the vault cannot be read ({os.strerror(error.errno or 0)})",
                hint="check its owner and permissions",
            ) from error
        opened = File(listed, Segment.of(self._scope, listed.id, self._keys.data_key), file)
        try:
            self._check_head(opened)
        except BaseException:
            file.close()
            raise
        return opened

    def _check_head(self, opened: File) -> None:
        first = bytes_at(opened.file, 0, HEAD_BYTES)
        refuse_later(first, SEGMENT_MAGIC, opened.listed.name)
        if first != head(SEGMENT_MAGIC):
            raise damaged(opened.listed.name)

    def _closed(self, number: int) -> Iterator[tuple[int, Placed, memoryview]]:
        listed, segment, file = self._files[number]
        start, before = HEAD_BYTES, listed.before
        for found in self._places(number):
            self._count(found)
            yield number, found, hot_area(segment, file, found, listed.name)
            start, before = start + found.size, found.tag
        if before != listed.tail or not start == listed.size == _size(file):
            raise damaged(listed.name)

    def _last(self, accept_older: bool) -> Iterator[tuple[int, Placed, memoryview]]:
        """Yield the frames of the segment that may still grow."""
        number = len(self._files) - 1
        listed, segment, file = self._files[number]
        start, before, frame = HEAD_BYTES, listed.before, 0
        wanted = self._state
        is_reached = (listed.generation, listed.before) == wanted[:2]
        while True:
            generation = listed.generation + frame + 1
            found = placed(segment, file, start, frame, generation, before)
            if found is None or (generation > wanted.generation and not self._is_whole(segment, file, found)):
                break
            self._count(found)
            yield number, found, hot_area(segment, file, found, listed.name)
            start, before, frame = start + found.size, found.tag, frame + 1
            is_reached = is_reached or (generation, before) == wanted[:2]
        self._end, self._frames = start, frame
        if not is_reached:
            if _size(file) > start and not (accept_older and is_torn(file, start)):
                raise damaged(listed.name)
            self._refuse_older(listed.name, accept_older)
        self._state = self._state._replace(generation=max(listed.generation + frame, wanted.generation), tail=before)

    def _count(self, place: Placed) -> None:
        """See that no number of a record is given twice, whatever the anchor says."""
        records = max((first + count for first, count in place.directory.numbers), default=0)
        if records > self._state.records:
            self._state = self._state._replace(records=records)

    def _is_whole(self, segment: Segment, file: BinaryIO, place: Placed) -> bool:
        if not self.can_write:
            return False
        try:
            hot_area(segment, file, place, "")
            check_cold(segment, file, place, "")
        except Damaged:
            return False
        return True

    def runs(
        self, number: int, place: Placed, area: memoryview
    ) -> Iterator[tuple[Stored, memoryview, list[str], list[int]] | None]:
        """Yield of each run of a frame where it is, its vectors, ids and the sizes of its cold entries; None for a forgotten one."""
        listed, segment, _ = self._files[number]
        for stored in stored_runs(number, place):
            part = area[stored.hot : stored.hot + stored.run.hot]
            found = hot_run(segment, place, stored.run, part, self._keys.key_of, listed.name)
            yield None if found is None else (stored, found[0], found[1].ids, found[1].sizes)

    def cold(self, stored: Stored, start: int, size: int) -> bytes:
        """Return one cold entry of a run.

        Raises:
            Damaged: it is not what was written.

        """
        run, place = stored.run, stored.place
        listed, segment, file = self._files[stored.segment]
        if run.subject is None:
            first = stored.cold + start
            return cold_part(segment, file, place, first, first + size, listed.name)
        sealed = cold_part(segment, file, place, stored.cold, stored.cold + run.cold, listed.name)
        key = self._keys.key_of(run.subject)
        return cold_run(segment, place, run, sealed, key, listed.name)[start : start + size]

    def cold_whole(self, stored: Stored) -> bytes:
        """Return all cold entries of a run, one behind the other."""
        return self.cold(stored, 0, stored.run.cold)

    def hot(self, stored: Stored) -> memoryview:
        """Return the vectors of a run as bytes.

        Raises:
            Damaged: they are not what was written.

        """
        listed, segment, _ = self._files[stored.segment]
        end = stored.hot + stored.run.hot
        chunks = range(stored.hot // HOT_CHUNK, -(-end // HOT_CHUNK))
        area = memoryview(b"".join(self._hot_chunk(stored, chunk) for chunk in chunks))
        part = area[stored.hot - chunks.start * HOT_CHUNK :][: stored.run.hot]
        found = hot_run(segment, stored.place, stored.run, part, self._keys.key_of, listed.name)
        if found is None:
            raise damaged(listed.name)
        return found[0]

    def _hot_chunk(self, stored: Stored, chunk: int) -> bytes:
        """Return a chunk; the last one is kept, since many runs may be in one."""
        listed, segment, file = self._files[stored.segment]
        wanted = (listed.id, stored.place.frame, chunk)
        if self._kept is None or self._kept[0] != wanted:
            self._kept = wanted, hot_chunk(segment, file, stored.place, chunk, listed.name)
        return self._kept[1]

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

    def verify(self) -> None:
        """Read every byte again.

        Raises:
            Damaged: names the file that is not what was written, or does not belong to the vault.

        """
        self._verify_folder()
        for number, opened in enumerate(self._files):
            listed, segment, file = opened
            self._check_head(opened)
            end = HEAD_BYTES
            for found in self._places(number):
                for _ in self.runs(number, found, hot_area(segment, file, found, listed.name)):
                    pass
                check_cold(segment, file, found, listed.name)
                end += found.size
            # Behind the last frame of the last segment a writer may be at work, or may have been refused.
            if (listed.size or end) != end or (end != _size(file) and not listed.is_open):
                raise damaged(listed.name)

    def _verify_folder(self) -> None:
        manifest, _ = read_manifest(self._folder, self._scope, self._keys.data_key)
        if manifest.epoch < self._state.epoch:
            raise older(MANIFEST_FILE)
        known = {MANIFEST_FILE, LOCK_FILE, *(item.listed.name for item in self._files)}
        for place in self._folder.iterdir():
            if place.name not in known and not is_leftover(place.name):
                raise Damaged(
                    f"the file {place.name} in the data folder does not belong to the vault", hint="move it elsewhere"
                )

    def close(self) -> None:
        """Close files and let the next writer in."""
        self._kept = None
        for item in self._files:
            item.file.close()
        for lock in self._locks:
            os.close(lock)
        self._locks = ()


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
