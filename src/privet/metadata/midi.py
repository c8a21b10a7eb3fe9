"""MIDI files: notes and how they are played, and lyrics without identifiers.

Invariants:

- every event of a channel stays, at its time; of the others the tempo, the measure, the key, the channel, the port and the ends stay
- titles, names, copyright, markers, makers' data and messages to one device are left out; lyrics are texts a person reads
- chunks that are no tracks, and what stands behind the last one, are left out

Source: Standard MIDI Files 1.0; RIFF MIDI (.rmi).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Final

from privet.edits import across
from privet.metadata import sevens
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.window import size_of

_MAX_BYTES: Final = 64 * MIB
_MAX_TRACKS: Final = 65536
_META, _SYSEX, _MORE = 0xFF, 0xF0, 0xF7
_LYRICS, _END = 0x05, 0x2F
# How many bytes each kind has: sequence number, channel, port, end, tempo, time code, measure, key.
_KEPT: Final = {0x00: 2, 0x20: 1, 0x21: 1, _END: 0, 0x51: 3, 0x54: 5, 0x58: 4, 0x59: 2}
_NAMES: Final = {
    0x01: "comment",
    0x02: "copyright",
    0x03: "title",
    0x04: "instrument",
    0x06: "markers",
    0x07: "markers",
}
_DATA_BYTES: Final = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
# Messages to all devices: sound on, off, General MIDI.
_UNIVERSAL: Final = (0x7E, 0x7F)
_MAX_UNIVERSAL: Final = 12


@dataclass(slots=True)
class _Track:
    """Events as (time since the start, bytes), with the text of a lyric to be put in."""

    events: list[tuple[int, bytes]] = field(default_factory=list)
    lyrics: list[int] = field(default_factory=list)


_number: Final = partial(sevens.number_at, most_bytes=4, where="a number in a track")


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the music.

    Raises:
        CannotClean: no MIDI file, damaged, or cut off.

    """
    if size_of(source) > min(_MAX_BYTES, job.limits.max_file_bytes):
        raise CannotClean("too large: more than 64 MiB of notes")
    data = source.read()
    if data[:4] == b"RIFF" and data[8:16] == b"RMIDdata":
        data = data[20 : 20 + int.from_bytes(data[16:20], "little")]
        job.dropped("wrapper")
    if data[:4] != b"MThd" or len(data) < 14:
        raise CannotClean("not a midi file")
    tracks = _tracks(data, job)
    _rewrite(tracks, job)
    target.write(b"MThd" + (6).to_bytes(4) + data[8:10] + len(tracks).to_bytes(2) + data[12:14])
    for track in tracks:
        body = _written(track)
        target.write(b"MTrk" + len(body).to_bytes(4) + body)


def _tracks(data: bytes, job: Job) -> list[_Track]:
    at = 8 + int.from_bytes(data[4:8])
    tracks: list[_Track] = []
    while at + 8 <= len(data) and len(tracks) < _MAX_TRACKS:
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8])
        at += 8
        if name == b"MTrk":
            if at + size > len(data):
                raise CannotClean("truncated: a track ends behind the file")
            tracks.append(_read(data[at : at + size], job))
        elif name.isalnum():
            job.dropped("chunk")
        else:
            break
        at += size
    if not tracks:
        raise CannotClean("no track")
    if at < len(data):
        job.dropped("trailing bytes")
    return tracks


def _read(data: bytes, job: Job) -> _Track:
    track = _Track()
    at = time = status = 0
    while at < len(data):
        delta, at = _number(data, at)
        time += delta
        if at >= len(data):
            break
        if data[at] >= 0x80:
            status = data[at]
            at += 1
        if status in (_META, _SYSEX, _MORE):
            at = _message(data, at, status, time, track, job)
            if status == _META and track.events and track.events[-1][1][:2] == bytes((_META, _END)):
                break
            status = 0
            continue
        size = _DATA_BYTES.get(status >> 4)
        if size is None or at + size > len(data) or any(byte > 127 for byte in data[at : at + size]):
            raise CannotClean("damaged: an event")
        track.events.append((time, bytes((status,)) + data[at : at + size]))
        at += size
    if not track.events or track.events[-1][1][:2] != bytes((_META, _END)):
        track.events.append((time, bytes((_META, _END, 0))))
    return track


def _message(data: bytes, at: int, status: int, time: int, track: _Track, job: Job) -> int:
    """Take a message that is no channel's event; return where it ends."""
    kind = data[at] if status == _META and at < len(data) else -1
    size, at = _number(data, at + (status == _META))
    body = data[at : at + size]
    if len(body) < size:
        raise CannotClean("truncated: an event")
    if status == _SYSEX:
        if body[:1] and body[0] in _UNIVERSAL and size <= _MAX_UNIVERSAL and body[-1] == _MORE:
            # 7F is all devices; another number is one.
            track.events.append((time, bytes((_SYSEX, size, body[0], 0x7F)) + body[2:]))
        else:
            job.dropped("private message")
    elif status == _MORE:
        job.dropped("private message")
    elif kind == _LYRICS:
        track.lyrics.append(len(track.events))
        track.events.append((time, body))
    elif kind in _KEPT and size == _KEPT[kind]:
        track.events.append((time, bytes((_META, kind, size)) + body))
    else:
        job.dropped(_NAMES.get(kind, "private event"))
    return at + size


def _rewrite(tracks: list[_Track], job: Job) -> None:
    """Take identifiers out of the lyrics, which are syllables of one text: a run that gives way stands in its first syllable."""
    for track in tracks:
        texts = [track.events[index][1] for index in track.lyrics]
        if not texts:
            continue
        encoding = "utf-8" if _is_utf8(b"".join(texts)) else "latin-1"
        words = [text.decode(encoding, "replace") for text in texts]
        words = across(words, job.edits(["".join(words)], "lyrics")[0])
        for index, word in zip(track.lyrics, words, strict=True):
            body = word.encode(encoding, "replace")
            track.events[index] = (track.events[index][0], bytes((_META, _LYRICS)) + sevens.written(len(body)) + body)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _written(track: _Track) -> bytes:
    out = bytearray()
    before = 0
    for time, event in track.events:
        out += sevens.written(min(time - before, 2**28 - 1)) + event
        before = time
    return bytes(out)
