"""MPEG transport streams (.ts, .m2ts, .mts): the programs, and the packets of their sound, pictures and subtitles.

Invariants:

- packets of sound, pictures and subtitles come out bit for bit, but for private data in front of their content
- the tables of programs are written anew, with descriptions that decoding takes; names of channels and makers, times of day, guides,
  private sections and metadata streams are left out
- notes that cameras write between the coded pictures (place, date, device) are overwritten; no coded picture is touched

Source: ISO/IEC 13818-1 section 2.4; ETSI EN 300 468 for the identifiers.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.window import Window, size_of

PACKET: Final = 188
_SYNC: Final = 0x47
_NOTHING: Final = 0x1FFF
# Video, sound, private packets (subtitles, Dolby), and Blu-ray's own.
_STREAMS: Final = frozenset(bytes.fromhex("01020304060F10111B1C2021243342808182838485868790A1A2D1D2EA"))
_DESCRIPTIONS: Final = frozenset(bytes.fromhex("0203050A0E10282A3852596A7A7B7C7F81"))
_FORMATS: Final = frozenset(
    (b"AC-3", b"EAC3", b"HDMV", b"HEVC", b"DTS1", b"DTS2", b"DTS3", b"Opus", b"VC-1", b"BSSD", b"AV01")
)
_NOTES: Final = b"MDPM"
_MAX_PROGRAMS: Final = 512


@dataclass(slots=True)
class _Programs:
    maps: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    network: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Notes:
    """Where a stream stands: within a camera's note, and behind which bytes."""

    inside: bool = False
    tail: bytes = b""


def layout(head: bytes) -> tuple[int, int]:
    """Return the distance of packets and where the first one starts, or nought where it is no such stream."""
    for step, before in ((PACKET, 0), (192, 4), (204, 0)):
        marks = head[before::step][:8]
        if len(marks) >= 2 and set(marks) == {_SYNC}:
            return step, before
    return 0, 0


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the programs.

    Raises:
        CannotClean: no such stream, damaged, or scrambled.

    """
    size_of(source)
    head = source.read(204 * 16)
    step, before = layout(head)
    if not step:
        raise CannotClean("not a transport stream")
    programs = _programs(source, step, before)
    if not programs.kept:
        raise CannotClean("no sound and no pictures")
    source.seek(0)
    window = Window(source)
    notes: dict[int, _Notes] = {}
    while window.has(step):
        raw = window.take(step)
        packet = raw[before : before + PACKET]
        if packet[0] != _SYNC:
            raise CannotClean("damaged: a packet without its mark")
        pid = int.from_bytes(packet[1:3]) & 0x1FFF
        if pid == 0 or pid in programs.maps:
            packet = _table(packet, pid, programs)
        elif pid in programs.kept:
            if packet[3] & 0xC0:
                raise CannotClean("encrypted")
            packet = _without_notes(_without_private(packet, job), notes.setdefault(pid, _Notes()), job)
        else:
            job.dropped("padding" if pid == _NOTHING else "private stream")
            continue
        # What stands behind a packet of 204 bytes corrects errors of a transmission that is over.
        target.write(raw[:before] + packet + (b"\xff" * (step - PACKET) if not before else b""))
    if window.has(1):
        job.dropped("trailing bytes")


def _section(packet: bytes) -> bytes:
    """Return the section that begins in a packet, or nothing where none does."""
    if not packet[1] & 0x40 or packet[3] & 0xC0:
        return b""
    at = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    if at >= PACKET or not packet[3] & 0x10:
        return b""
    at += 1 + packet[at]
    section = packet[at:]
    size = 3 + (int.from_bytes(section[1:3]) & 0xFFF)
    if len(section) < 12 or size < 12:
        return b""
    if size > len(section):
        raise CannotClean("a table over several packets is not supported")
    return section[:size]


def _programs(source: BinaryIO, step: int, before: int) -> _Programs:
    """Return the streams of all programs, which may change in the middle of the file."""
    found = _Programs()
    source.seek(0)
    window = Window(source)
    while window.has(step):
        packet = window.take(step)[before : before + PACKET]
        pid = int.from_bytes(packet[1:3]) & 0x1FFF
        if packet[0] != _SYNC or (pid and pid not in found.maps):
            continue
        section = _section(packet)
        if not section:
            continue
        if pid == 0:
            for at in range(8, len(section) - 7, 4):
                number, place = int.from_bytes(section[at : at + 2]), int.from_bytes(section[at + 2 : at + 4]) & 0x1FFF
                (found.maps if number else found.network).add(place)
            if len(found.maps) > _MAX_PROGRAMS:
                raise CannotClean("damaged: too many programs")
        else:
            _, streams = _map(section)
            found.kept |= {place for kind, place, _ in streams if kind in _STREAMS}
            found.kept.add(int.from_bytes(section[8:10]) & 0x1FFF)
    found.kept -= {0, _NOTHING, *found.maps}
    return found


def _map(section: bytes) -> tuple[bytes, list[tuple[int, int, bytes]]]:
    """Return the descriptions of a program and its streams: kind, place, descriptions."""
    if section[0] != 2:
        return b"", []
    end = len(section) - 4
    at = 12 + (int.from_bytes(section[10:12]) & 0xFFF)
    own = section[12:at]
    streams: list[tuple[int, int, bytes]] = []
    while at + 5 <= end:
        kind, place = section[at], int.from_bytes(section[at + 1 : at + 3]) & 0x1FFF
        size = int.from_bytes(section[at + 3 : at + 5]) & 0xFFF
        streams.append((kind, place, section[at + 5 : min(at + 5 + size, end)]))
        at += 5 + size
    return own, streams


def _descriptions(raw: bytes) -> bytes:
    kept = b""
    at = 0
    while at + 2 <= len(raw):
        end = at + 2 + raw[at + 1]
        if raw[at] in _DESCRIPTIONS and end <= len(raw) and (raw[at] != 5 or raw[at + 2 : at + 6] in _FORMATS):
            kept += raw[at:end] if raw[at] != 5 else b"\5\4" + raw[at + 2 : at + 6]
        at = end
    return kept


def _table(packet: bytes, pid: int, programs: _Programs) -> bytes:
    """Return a packet with its table written anew, or with none where none begins in it."""
    section = _section(packet)
    body = b""
    if section and pid == 0:
        rows = (section[at : at + 4] for at in range(8, len(section) - 7, 4))
        body = section[:8] + b"".join(row for row in rows if int.from_bytes(row[:2]))
    elif section and section[0] == 2:
        own, streams = _map(section)
        own = _descriptions(own)
        body = section[:10] + (0xF000 | len(own)).to_bytes(2) + own
        for kind, place, raw in streams:
            if kind in _STREAMS and place in programs.kept:
                kept = _descriptions(raw)
                body += bytes((kind,)) + (0xE000 | place).to_bytes(2) + (0xF000 | len(kept)).to_bytes(2) + kept
    if body:
        body = body[:1] + (0xB000 | len(body) + 1).to_bytes(2) + body[3:]
        body += _checksum(body).to_bytes(4)
    head = packet[:3] + bytes((packet[3] & 0x0F | 0x10,))
    return (head + b"\0" + body if body else bytes((packet[0], packet[1] & 0xBF)) + head[2:]).ljust(PACKET, b"\xff")


_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _checksum(body: bytes) -> int:
    """Return the CRC-32 of MPEG: zlib's polynomial, bits the other way round, not inverted at the end."""
    mirrored = zlib.crc32(body.translate(_REVERSED)) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED))


def _without_private(packet: bytes, job: Job) -> bytes:
    """Return a packet whose adaptation field has no private data: those bytes are stuffing."""
    size = packet[4] if packet[3] & 0x20 else 0
    if not size or not packet[5] & 3:
        return packet
    if 5 + size > PACKET:
        raise CannotClean("damaged: a packet")
    at = 6 + (6 if packet[5] & 0x10 else 0) + (6 if packet[5] & 8 else 0) + (1 if packet[5] & 4 else 0)
    if at > 5 + size:
        raise CannotClean("damaged: a packet")
    job.dropped("private data")
    return packet[:5] + bytes((packet[5] & 0xFC,)) + packet[6:at] + b"\xff" * (5 + size - at) + packet[5 + size :]


def _without_notes(packet: bytes, state: _Notes, job: Job) -> bytes:
    """Return a packet with a camera's note overwritten, which may go on in the next one (AVCHD: user data of H.264)."""
    start = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    seen = state.tail + packet[start:]
    skip, state.tail = len(state.tail), seen[-3:]
    if not state.inside and _NOTES not in seen:
        return packet
    out = bytearray(seen)
    at = 0
    while True:
        if state.inside:
            end = seen.find(b"\0\0\1", max(at - 2, 0))
            _overwrite(out, max(at, skip), end if end >= 0 else len(out), ended=end >= 0)
            if end < 0:
                break
            state.inside, at = False, end + 3
        at = seen.find(_NOTES, at)
        if at < 0:
            break
        state.inside, at = True, at + len(_NOTES)
        job.dropped("camera's notes")
    return packet[:start] + bytes(out[skip:])


def _overwrite(data: bytearray, start: int, end: int, *, ended: bool) -> None:
    """Overwrite all bytes but those that keep the data apart from a start code, and the mark at its end."""
    if ended:
        while end > start and not data[end - 1]:
            end -= 1
        end -= 1
    for at in range(start, end):
        # Zeros tell little, and a 3 behind two of them is there for the decoder.
        if data[at] and data[max(at - 2, 0) : at + 1] != b"\0\0\3":
            data[at] = 0xFF
