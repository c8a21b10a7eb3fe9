"""Streams of frames that each start with a mark and say how long they are: MPEG audio and AAC.

Invariants:

- Only frames are given out; what stands between them, before and after is not.
- A last frame that the end of the stream cuts short is given out as far as it goes: players play it.
- After a gap, bytes are a frame only if two more of the same kind follow, or the stream ends with it.
- Time is linear in the bytes, and one window of them is in memory. What looks like a frame and is none is looked at 200,000 times,
  which are 50 MB of noise, and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from privet.metadata.audio_tags import leading, stream
from privet.metadata.byte_ranges import copy
from privet.metadata.job import MIB, CannotClean, Job

_WINDOW: Final = MIB
_CHAIN: Final = 3
_MAX_TRIES: Final = 200_000
HEAD_BYTES: Final = 8
_TAG_BYTES: Final = 32

Measure = Callable[[bytes, int], "tuple[int, int]"]
"""(bytes, place) → the length of the frame there and a number for its kind; a length of nought where there is no frame."""


@dataclass(slots=True)
class _Window:
    source: BinaryIO
    end: int
    start: int = 0
    content: bytes = b""

    def load(self, place: int, size: int) -> int:
        """Make `size` bytes from `place` on be there, as far as the stream goes; return where in `content` they are."""
        at = place - self.start
        if not (at >= 0 and at + size <= len(self.content)):
            self.source.seek(place)
            self.start, self.content = place, self.source.read(min(_WINDOW, self.end - place))
            at = 0
        return at


def runs(source: BinaryIO, start: int, end: int, measure: Measure) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each run of frames without a gap."""
    window = _Window(source, end)
    at, kind, opened, gaps = start, -1, start, 0
    while at < end:
        place = window.load(at, HEAD_BYTES)
        size, found = measure(window.content, place)
        if size and at + size <= end and (found == kind or _starts_chain(window, at, measure)):
            if kind < 0:
                opened = at
            at, kind = at + size, found
            continue
        if kind >= 0 and found == kind and at + size > end:
            at = end
            break
        if kind >= 0:
            yield opened, at
            kind = -1
        at = _next(window, at)
        gaps += 1
        if gaps > _MAX_TRIES:
            raise CannotClean("damaged: more that looks like a frame than frames")
    if kind >= 0:
        yield opened, at


def write_frames(
    source: BinaryIO,
    target: BinaryIO,
    job: Job,
    measure: Measure,
    begin: Callable[[int, int], int] = lambda _start, _end: 0,
) -> None:
    """Write the frames of sound; `begin` may write the first of a run from its start on, and says how many bytes of it that were.

    Raises:
        CannotClean: there are none.

    """
    start, end = stream(source, job)
    expected = start
    for first, last in runs(source, start, end, measure):
        if first != expected:
            job.dropped("bytes between frames")
        expected = last
        told = 0 if target.tell() else begin(first, last)
        copy(source, target, first + told, last - first - told)
    if target.tell() == 0:
        raise CannotClean("no frames of sound")
    if expected != end:
        job.dropped("trailing bytes")


def _starts_chain(window: _Window, at: int, measure: Measure) -> bool:
    kinds = set()
    for _ in range(_CHAIN):
        size, kind = measure(window.content, window.load(at, HEAD_BYTES))
        kinds.add(kind)
        at += size
        if not size or len(kinds) > 1 or at > window.end:
            return False
        if at == window.end:
            return True
    return True


def _next(window: _Window, at: int) -> int:
    """Return the next place where a frame could start: behind the tag that is here, or at the next mark."""
    place = window.load(at, _TAG_BYTES)
    size, _ = leading(window.content[place : place + _TAG_BYTES])
    if size:
        return min(at + size, window.end)
    mark = window.content.find(b"\xff", place + 1)
    tag = window.content.find(b"ID3", place + 1, mark if mark >= 0 else None)
    nearest = tag if tag >= 0 else mark
    if nearest < 0:
        # A tag's mark may lie across the edge of the window.
        return window.start + max(place + 1, len(window.content) - 2)
    return window.start + nearest
