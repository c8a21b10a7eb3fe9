"""The files of segments, and the runs in them: vectors, ids and documents of records, read from where a frame says they are.

Invariant: a run is opened with its subject's key, so that nothing of one who was forgotten is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from privet.errors import Unprotected
from privet.vault.frames import Placed, Run, Segment
from privet.vault.layout import HEAD_BYTES, HOT_CHUNK, SEGMENT_MAGIC, damaged, head, missing, refuse_later
from privet.vault.manifest import Listed
from privet.vault.opening import Opened
from privet.vault.reading import bytes_at, cold_part, cold_run, hot_chunk, hot_run


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


class Segments:
    """The segments of a tenant that are open. Not for several threads at once: the vault has a lock."""

    def __init__(self, opened: Opened) -> None:
        self._folder = opened.folder
        self._scope = opened.scope
        self._keys = opened.keys
        self._files: list[File] = []
        self._kept: tuple[tuple[bytes, int, int], bytes] | None = None

    def _open(self, listed: Listed) -> File:
        try:
            file = (self._folder / listed.name).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise missing(listed.name) from error
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

    def close(self) -> None:
        """Close all files."""
        self._kept = None
        for item in self._files:
            item.file.close()
