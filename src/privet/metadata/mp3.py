"""MP3 (and MPEG audio layers 1 and 2): frames of sound, and no tags.

Invariants:

- Frames come out bit for bit; ID3, APE and Lyrics3 tags and all else between and around the frames do not.
- The frame that says how long the sound is and how much silence to cut is written anew from its numbers, without the encoder's
  name and version. Players cut the silence only behind a name they know, so the four letters of one stand there whoever the encoder was.
- Known limit: what an encoder wrote into the padding of frames (LAME does, its version) is part of the frames and stays.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.job import Job
from privet.metadata.sound_frames import write_frames

# Kilobits a second, by version (MPEG 1, or 2 and 2.5) and layer. Source: ISO/IEC 11172-3 and 13818-3, table of bit rates.
_RATES: Final = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HERTZ: Final = (44100, 48000, 32000)
_TRIMMED_BY: Final = (b"LAME", b"Lavf", b"Lavc")
_EXTENSION_BYTES: Final = 36


def _sizes() -> dict[int, int]:
    """Return the length of a frame by the second and third byte of its header, for all that are valid."""
    table: dict[int, int] = {}
    for second in range(0xE0, 0x100):
        version, layer = (2.5, 0, 2, 1)[second >> 3 & 3], 4 - (second >> 1 & 3)
        if not version or layer == 4:
            continue
        for third in range(256):
            rate_at, hertz_at, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
            if rate_at in {0, 15} or hertz_at == 3:
                continue
            rate = _RATES[1 if version == 1 else 2, layer][rate_at] * 1000
            hertz = _HERTZ[hertz_at] // (1 if version == 1 else 2 if version == 2 else 4)
            if layer == 1:
                table[second << 8 | third] = (12 * rate // hertz + padding) * 4
            else:
                table[second << 8 | third] = (72 if layer == 3 and version != 1 else 144) * rate // hertz + padding
    return table


_SIZES: Final = _sizes()


def measure(content: bytes, at: int) -> tuple[int, int]:
    """Return the length of the MPEG frame at a place, and a number for its version, layer and rate."""
    if at + 4 > len(content) or content[at] != 0xFF:
        return 0, 0
    head = content[at + 1] << 8 | content[at + 2]
    return _SIZES.get(head, 0), head & 0x1E0C


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the frames of sound.

    Raises:
        CannotClean: there are none.

    """
    write_frames(source, target, job, measure, lambda start, end: _length_frame(source, target, start, end, job))


def _length_frame(source: BinaryIO, target: BinaryIO, start: int, end: int, job: Job) -> int:
    """Write the frame that tells the length, if it is the first; return how many bytes it took."""
    source.seek(start)
    frame = source.read(min(4096, end - start))
    size, _ = measure(frame, 0)
    frame = frame[:size]
    at = 4 + _side_bytes(frame)
    if frame[at : at + 4] in {b"Xing", b"Info"}:
        written = _xing(frame, at, job)
    elif frame[36:40] == b"VBRI" and len(frame) >= 62:
        count, width = struct.unpack_from(">H2xH", frame, 36 + 18)
        written = frame[:4] + bytes(32) + frame[36 : min(36 + 26 + count * width, size)]
    else:
        return 0
    target.write(written.ljust(size, b"\0"))
    return size


def _side_bytes(frame: bytes) -> int:
    """Return the length of what stands between the header and the sound."""
    mono = frame[3] >> 6 == 3
    if frame[1] >> 3 & 3 == 3:
        return 17 if mono else 32
    return 9 if mono else 17


def _xing(frame: bytes, at: int, job: Job) -> bytes:
    flags = int.from_bytes(frame[at + 4 : at + 8]) & 15
    # Frames, bytes, a hundred places, quality.
    end = at + 8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
    out = frame[:4] + bytes(at - 4) + frame[at : at + 4] + struct.pack(">I", flags) + frame[at + 8 : end]
    more = frame[end : end + _EXTENSION_BYTES]
    if len(more) < _EXTENSION_BYTES or not any(more):
        return out
    job.dropped("encoder name")
    if more[:4] not in _TRIMMED_BY:
        return out
    # Method of rate control; then the silence at both ends; then the length and checksum of the sound.
    told = _TRIMMED_BY[-1] + bytes(5) + more[9:10] + bytes(11) + more[21:24] + bytes(4) + more[28:34]
    out += told
    return out + struct.pack(">H", _checksum(out)) if len(out) == 190 else out + bytes(2)


def _checksum(content: bytes) -> int:
    """Return the CRC-16 with which LAME seals its frame."""
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
