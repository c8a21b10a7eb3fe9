"""The frames of a vault, in order: all are read when it is opened, and again to verify it.

Invariants:

- Frames beyond the anchor were not acknowledged. To who may write they count if every chunk of them is whole, and are as if never written
  otherwise; a reader does not look at them, since a writer may be at them.
- What was acknowledged and is not there, or not as it was written, is an error that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from privet.errors import Damaged
from privet.vault.frames import Placed, Segment
from privet.vault.layout import HEAD_BYTES, LOCK_FILE, MANIFEST_FILE, damaged, is_leftover
from privet.vault.manifest import read_manifest
from privet.vault.opening import Opened, older
from privet.vault.reading import check_cold, hot_area, is_torn, placed
from privet.vault.segments import Segments


class Files(Segments):
    """Reads frames. Not for several threads at once: the vault has a lock."""

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self._manifest = opened.manifest
        self._state = opened.state
        self._is_newest = opened.is_newest
        self._locks = opened.locks
        self._process = os.getpid()
        self._end = 0
        self._frames = 0
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
        stored = sum(map(_stored, places))
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
        super().close()
        for lock in self._locks:
            os.close(lock)
        self._locks = ()


def _stored(place: Path) -> int:
    try:
        return place.stat().st_size
    except FileNotFoundError:  # told when it is opened; a writer may just have written everything anew
        return 0


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
