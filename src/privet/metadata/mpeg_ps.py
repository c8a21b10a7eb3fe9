"""MPEG program streams and video streams (.mpg, .mpeg, .vob, .m2v): packets of sound and pictures.

Invariants:

- coded sound and pictures come out bit for bit; notes of encoders and devices between the pictures are zeros in packets, and left out
  of bare video
- packets of padding, private data of players and navigation, and maps with descriptions are left out
- a last packet that the end of the file cuts short is given out as far as it goes: players play it

Source: ISO/IEC 13818-1 section 2.5, 11172-1, and 13818-2 section 6.2.2.2.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.window import BLOCK, Window

_START: Final = b"\0\0\1"
_PACK, _SYSTEM, _PADDING, _SEQUENCE = 0xBA, 0xBB, 0xBE, 0xB3
_LAST: Final = b"\0\0\1\xb9"
_NOTES: Final = re.compile(rb"\0\0\x01\xb2")
_PACKETS: Final = re.compile(rb"\0\0\x01[\xb9-\xff]")
# Private stream 1 holds Dolby sound and subtitles of DVDs.
_KEPT: Final = frozenset((0xBD, 0xFD, *range(0xC0, 0xF0)))
_VIDEO: Final = range(0xE0, 0xF0)
_MAX_GAPS: Final = 10_000


@dataclass(slots=True)
class _Video:
    """Where a stream of pictures stands: within a note, and with which last bytes."""

    inside: bool = False
    tail: bytes = b""


@dataclass(slots=True)
class _Streams:
    video: dict[int, _Video] = field(default_factory=dict)
    packets: int = 0
    gaps: int = 0


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write sound and pictures.

    Raises:
        CannotClean: no such stream, damaged, or scrambled.

    """
    window = Window(source)
    if not window.has(5) or window.buffer[:3] != _START:
        raise CannotClean("not an mpeg stream")
    if window.buffer[3] == _SEQUENCE:
        _bare(window, target, job)
        return
    streams = _Streams()
    while window.has(4) and window.buffer[window.at : window.at + 4] != _LAST:
        window.has(6)
        head = window.buffer[window.at : window.at + 6]
        if head[:3] != _START or head[3] < _PACK:
            _pass_gap(window, streams, job)
        elif head[3] == _PACK:
            target.write(_pack(window))
        else:
            size = 6 + int.from_bytes(head[4:6])
            window.has(size)
            packet = window.buffer[window.at : window.at + size]
            window.at = min(window.at + size, len(window.buffer))
            target.write(_packet(packet, streams, job))
    if window.has(4):
        target.write(window.take(4))
    if not streams.packets:
        raise CannotClean("no sound and no pictures")
    if window.has(1):
        job.dropped("trailing bytes")


def _pass_gap(window: Window, streams: _Streams, job: Job) -> None:
    """Go to the next packet; zeros between packets are allowed."""
    streams.gaps += 1
    if streams.gaps > _MAX_GAPS:
        raise CannotClean("damaged: too much between the packets")
    found = _PACKETS.search(window.buffer, window.at + 1)
    if found is None:
        rest = window.buffer[-3:]
        window.at = len(window.buffer)
        if window.has(1):
            window.buffer = rest + window.buffer[window.at :]
            window.at = 0
        job.dropped("bytes between packets")
        return
    if window.buffer[window.at : found.start()].strip(b"\0"):
        job.dropped("bytes between packets")
    window.at = found.start()


def _pack(window: Window) -> bytes:
    window.has(14)
    first = window.buffer[window.at + 4]
    if first >> 4 == 2:
        return window.take(12)
    head = window.take(14)
    # Bytes of stuffing say nothing.
    window.skip(head[13] & 7)
    return head[:13] + bytes((head[13] & 0xF8,))


def _packet(packet: bytes, streams: _Streams, job: Job) -> bytes:
    """Return what stays of a packet."""
    code = packet[3]
    if code == _SYSTEM:
        return packet
    if code not in _KEPT:
        job.dropped("padding" if code == _PADDING else "private data")
        return b""
    streams.packets += 1
    if code not in _VIDEO:
        return packet
    start = _payload(packet)
    state = streams.video.setdefault(code, _Video())
    return packet[:start] + _without_notes(packet[start:], state, job)


def _payload(packet: bytes) -> int:
    """Return where the content of a packet begins."""
    at = 6
    if len(packet) > 8 and packet[6] >> 6 == 2:
        if packet[6] & 0x30:
            raise CannotClean("encrypted")
        return 9 + packet[8]
    while at < len(packet) and packet[at] == 0xFF:
        at += 1
    if at < len(packet) and packet[at] >> 6 == 1:
        at += 2
    if at < len(packet):
        at += {2: 5, 3: 10}.get(packet[at] >> 4, 1)
    return at


def _without_notes(content: bytes, state: _Video, job: Job) -> bytes:
    """Return the content with zeros in the place of notes; a note may go on in the next packet."""
    seen = state.tail + content
    if not state.inside and b"\0\0\1\xb2" not in seen:
        state.tail = seen[-3:]
        return content
    out = bytearray(seen)
    at = len(state.tail)
    if not state.inside:
        at = 0
    while at < len(out):
        if state.inside:
            end = seen.find(_START, max(at - 2, 0))
            stop = end if end >= 0 else len(out)
            out[at:stop] = bytes(max(stop - at, 0))
            state.inside = end < 0
            at = max(stop, at)
            if not state.inside:
                at += 1
        else:
            found = _NOTES.search(seen, max(at - 1, 0))
            if found is None:
                break
            job.dropped("user data")
            state.inside, at = True, found.end()
    result = bytes(out[len(state.tail) :])
    state.tail = seen[-3:]
    return result


def _bare(window: Window, target: BinaryIO, job: Job) -> None:
    """Write video that is in no packets, without the notes."""
    state = _Video()
    while window.has(1):
        window.has(BLOCK)
        piece = window.buffer[window.at : window.at + BLOCK]
        window.at += len(piece)
        target.write(_without_notes(piece, state, job))
