"""JPEG: the tables, the frame and the entropy-coded data; nothing else, and not a coefficient changed.

Invariants:

- the entropy-coded data is copied byte for byte but for fill bytes; the picture is not decoded
- markers are looked for as libjpeg does it, so a broken length in a segment that is left out costs no picture that a viewer shows
- only tables that the next scan reads are written, each where it is first read; of every other segment only what changes the look of the
  picture comes back, built anew: which way up it is, its colour transform, its dots per inch, a profile that is not sRGB's
- what follows the end of the image is not read: second pictures of an MPO, videos of a motion photo, archives

Source: ITU-T T.81 annex B; libjpeg's jdmarker.c for what decoders tolerate.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from privet.metadata import icc, orientation, pixels
from privet.metadata.job import CannotClean, Job
from privet.metadata.jpeg_tail import TAIL_BYTES, cut_text
from privet.metadata.window import Window

_SOI, _EOI, _SOS, _DQT, _DHT, _DAC, _DRI, _DNL, _COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xCC, 0xDD, 0xDC, 0xFE
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB})
_ARITHMETIC: Final = frozenset({0xC9, 0xCA, 0xCB})
_LOSSLESS: Final = frozenset({0xC3, 0xCB})
_PROGRESSIVE: Final = frozenset({0xC2, 0xCA})
_UNKNOWN: Final = dict.fromkeys(
    (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF, 0xDE, 0xDF), "hierarchical jpeg is not supported"
) | {
    0xF7: "jpeg-ls is not supported",
    0xF8: "jpeg-ls is not supported",
}
# A progressive picture has some ten scans; browsers give up long before these.
_MAX_SCANS: Final = 2000
_MAX_SEGMENTS: Final = 200_000
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})

# In entropy-coded data FF is followed by 00 where it is data; a restart marker belongs to it only where restarts are defined.
_END: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_END_OR_RESTART: Final = re.compile(rb"\xff[\x01-\xfe]")
_FILL: Final = re.compile(rb"\xff{2,}")

_WHAT: Final = (
    (0xE0, b"JFXX\0", "thumbnail"),
    (0xE1, b"Exif\0", "exif"),
    (0xE1, b"http://ns.adobe.com/x", "xmp"),
    (0xE2, b"ICC_PROFILE\0", "icc"),
    (0xE2, b"MPF\0", "second picture"),
    (0xED, b"", "iptc"),
)


@dataclass(slots=True)
class _Tables:
    """Tables as they stand at this point of the file, and as the target's reader knows them."""

    now: dict[tuple[int, int], bytes] = field(default_factory=dict)
    written: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def due(self, marker: int, wanted: set[int]) -> bytes:
        """Return the segments that define the tables `wanted`, as far as the reader does not know them."""
        out = b""
        for key in sorted((marker, table) for table in wanted):
            table = self.now.get(key)
            if table is not None and self.written.get(key) != table:
                self.written[key] = table
                out += segment(marker, table)
        return out


@dataclass(slots=True)
class _Head:
    """What the segments before the first scan say of the look of the picture."""

    jfif: bytes | None = None
    adobe: int | None = None
    turn: int | None = None
    xmp_turn: int | None = None
    profile: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Frame:
    marker: int
    body: bytes
    quantizers: dict[int, int]
    """table by component"""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without metadata.

    Raises:
        CannotClean: no JPEG, without a picture, hierarchical or JPEG-LS, damaged before the picture, or cut off.

    """
    picture = _Picture(Window(source), target, job)
    picture.copy()
    if picture.cut_off:
        if not pixels.loads(source, ("JPEG", "MPO"), job):
            raise CannotClean("truncated: the end of the image is missing")
        target.write(b"\xff\xd9")
        return
    if picture.window.has(1):
        job.dropped("trailing data")
    if cut_text(source, target, picture.tail, job):
        job.dropped("stray data")


def clean_part(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a JPEG stream that stands inside another format, which says itself how its colours are meant.

    Raises:
        CannotClean: as `clean`.

    """
    picture = _Picture(Window(source), target, job)
    picture.copy()
    if picture.cut_off:
        target.write(b"\xff\xd9")


def clean_tables(stream: bytes) -> bytes:
    """Return a stream of nothing but tables, as TIFF shares them between its strips, without anything else.

    Raises:
        CannotClean: a table is damaged.

    """
    tables = _Tables()
    out = b"\xff\xd8"
    at = 2
    while at + 4 <= len(stream) and stream[at] == 0xFF and stream[at + 1] != _EOI:
        marker = stream[at + 1]
        length = int.from_bytes(stream[at + 2 : at + 4])
        if marker in (_DQT, _DHT):
            _read_tables(marker, stream[at + 4 : at + 2 + length], tables)
        at += 2 + length
    for marker, table in list(tables.now):
        out += tables.due(marker, {table})
    return out + b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    """Return a marker segment."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


class _Picture:
    """One JPEG stream on its way from `window` to `target`."""

    def __init__(self, window: Window, target: BinaryIO, job: Job) -> None:
        self.window = window
        self.cut_off = False
        self.tail = b""
        self._target = target
        self._job = job
        self._head = _Head()
        self._tables = _Tables()
        self._frame: _Frame | None = None
        self._restart = 0
        self._written_restart = 0
        self._scans = 0
        self._segments = 0

    def copy(self) -> None:
        """Write the stream up to and with its end marker; `cut_off` says that it had none."""
        if not self.window.has(2) or self.window.take(2) != b"\xff\xd8":
            raise CannotClean("not a jpeg")
        while (marker := self._next_marker()) is not None:
            if marker == _EOI:
                break
            if marker in _STANDALONE:
                continue
            self._segments += 1
            if self._segments > _MAX_SEGMENTS or self._scans > _MAX_SCANS:
                raise CannotClean("damaged: too many segments")
            self._segment(marker)
        if not self._scans:
            raise CannotClean("no picture: no scan" if marker == _EOI else "truncated: no scan")
        self.cut_off = marker is None
        if not self.cut_off:
            self._target.write(b"\xff\xd9")

    def _next_marker(self) -> int | None:
        """Return the next marker, passing over what is none, or None at the end of the file."""
        window = self.window
        stray = False
        while window.has(2):
            at = window.buffer.find(b"\xff", window.at)
            stray = stray or at != window.at
            if at < 0:
                window.at = len(window.buffer)
                continue
            window.at = at
            if not window.has(2):
                break
            marker = window.buffer[window.at + 1]
            window.at += 1 if marker == 0xFF else 2
            if marker in (0x00, 0xFF):
                continue
            if stray:
                self._job.dropped("stray data")
            return marker
        return None

    def _segment(self, marker: int) -> None:
        length = int.from_bytes(self.window.take(2))
        # libjpeg takes a length that is too small for none at all, and goes on looking for a marker.
        body_length = max(length - 2, 0)
        if 0xE0 <= marker <= 0xEF or marker == _COM:
            self._left_out(marker, body_length)
            return
        body = self.window.take(body_length)
        if marker in (_DQT, _DHT):
            _read_tables(marker, body, self._tables)
        elif marker == _DAC:
            for at in range(0, len(body) - 1, 2):
                self._tables.now[_DAC, body[at]] = body[at : at + 2]
        elif marker == _DRI and len(body) >= 2:
            self._restart = int.from_bytes(body[:2])
        elif marker in _FRAMES:
            self._read_frame(marker, body)
        elif marker == _SOS:
            self._scan(body)
        elif marker == _DNL:
            self._height(body)
        else:
            raise CannotClean(_UNKNOWN.get(marker, "damaged: an unknown marker"))

    def _height(self, body: bytes) -> None:
        """Copy the height of a frame that has none of its own; elsewhere it says nothing."""
        if len(body) >= 2 and self._scans and self._frame and self._frame.body[1:3] == b"\0\0":
            self._target.write(segment(_DNL, body[:2]))

    def _left_out(self, marker: int, length: int) -> None:
        """Pass over a segment that is no part of the picture, noting what it says of its look."""
        window, head = self.window, self._head
        start = window.take(min(length, 65533)) if window.has(length) else b""
        if length and not start:
            window.skip(length)
        what = "comment" if marker == _COM else "application data"
        for number, mark, name in _WHAT:
            if marker == number and start.startswith(mark):
                what = name
                break
        if marker == 0xE0 and start.startswith(b"JFIF\0") and length >= 14:
            head.jfif = start[7:12]
            what = "thumbnail" if length > 14 else ""
        elif marker == 0xEE and start.startswith(b"Adobe") and length >= 12:
            head.adobe = start[11]
            what = ""
        elif what == "exif" and head.turn is None:
            head.turn = orientation.of_exif(start)
        elif what == "xmp" and head.xmp_turn is None:
            head.xmp_turn = orientation.of_xmp(start)
        elif what == "icc" and length > 14:
            head.profile.setdefault(start[12], start[14:])
        if what:
            self._job.dropped(what)

    def _read_frame(self, marker: int, body: bytes) -> None:
        if self._frame is not None:
            raise CannotClean("damaged: a second frame")
        count = body[5] if len(body) > 5 else 0
        if not 1 <= count <= 4 or len(body) < 6 + 3 * count:
            raise CannotClean("damaged: the frame")
        body = body[: 6 + 3 * count]
        quantizers = {body[at]: body[at + 2] for at in range(6, len(body), 3)}
        self._frame = _Frame(marker, body, quantizers)

    def _scan(self, body: bytes) -> None:
        frame = self._frame
        if frame is None:
            raise CannotClean("damaged: a scan before its frame")
        count = body[0] if body else 0
        body = body[: 4 + 2 * count]
        selectors = {body[at]: body[at + 1] for at in range(1, 1 + 2 * count, 2) if at + 1 < len(body)}
        if not 1 <= count <= 4 or len(body) != 4 + 2 * count or not selectors.keys() <= frame.quantizers.keys():
            raise CannotClean("damaged: a scan's header")
        if not self._scans:
            self._target.write(self._head_bytes(frame))
        self._scans += 1
        self._target.write(self._due(frame, body, selectors) + segment(_SOS, body))
        self._entropy()

    def _head_bytes(self, frame: _Frame) -> bytes:
        head = self._head
        out = b"\xff\xd8"
        if head.jfif is not None:
            # Version 1.01; the dots per inch; no thumbnail.
            out += segment(0xE0, b"JFIF\0\x01\x01" + head.jfif + b"\0\0")
        turn = head.turn if head.turn is not None else head.xmp_turn
        if turn is not None and turn != orientation.UPRIGHT:
            out += segment(0xE1, b"Exif\0\0" + orientation.exif_block(turn))
        out += _profile(head.profile, len(frame.quantizers))
        if head.adobe is not None:
            out += segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, head.adobe))
        if frame.marker not in _LOSSLESS:
            out += self._tables.due(_DQT, set(frame.quantizers.values()))
        return out + segment(frame.marker, frame.body)

    def _due(self, frame: _Frame, body: bytes, selectors: dict[int, int]) -> bytes:
        """Return the tables that a scan reads and the reader does not know yet."""
        out = b""
        if frame.marker not in _LOSSLESS:
            out += self._tables.due(_DQT, {frame.quantizers[component] for component in selectors})
        first, refinement = body[-3], body[-1] >> 4
        both = frame.marker not in _PROGRESSIVE and frame.marker not in _LOSSLESS
        wanted: set[int] = set()
        if both or frame.marker in _LOSSLESS or (first == 0 and not refinement):
            wanted |= {selector >> 4 for selector in selectors.values()}
        if both or (frame.marker in _PROGRESSIVE and first > 0):
            wanted |= {0x10 | selector & 0x0F for selector in selectors.values()}
        out += self._tables.due(_DAC if frame.marker in _ARITHMETIC else _DHT, wanted)
        if self._restart != self._written_restart:
            self._written_restart = self._restart
            out += segment(_DRI, self._restart.to_bytes(2))
        return out

    def _entropy(self) -> None:
        """Copy entropy-coded data; the window then stands at the marker behind it or at the end."""
        window = self.window
        pattern = _END if self._restart else _END_OR_RESTART
        while window.has(1):
            found = pattern.search(window.buffer, window.at)
            end = found.start() if found else len(window.buffer)
            piece = window.buffer[window.at : end]
            window.at = end
            if b"\xff\xff" in piece:
                # Fill bytes: a run of FF says what one says.
                piece = _FILL.sub(b"\xff", piece)
            if found:
                piece = piece.rstrip(b"\xff")
                self._target.write(piece)
                self.tail = piece[-TAIL_BYTES:]
                return
            if piece.endswith(b"\xff") and piece != b"\xff":
                window.at -= 1
                piece = piece[:-1]
            elif piece == b"\xff":
                # What follows decides what it means; where nothing does, it means nothing.
                window.at -= 1
                if not window.has(2):
                    window.at = len(window.buffer)
                    return
                continue
            self._target.write(piece)


def _read_tables(marker: int, body: bytes, tables: _Tables) -> None:
    at = 0
    while at < len(body):
        length = (129 if body[at] >> 4 else 65) if marker == _DQT else 17 + sum(body[at + 1 : at + 17])
        if at + length > len(body):
            # A reader stops here as well; what came before holds.
            raise CannotClean("damaged: a table")
        tables.now[marker, body[at] & (0x0F if marker == _DQT else 0x1F)] = body[at : at + length]
        at += length


def _profile(parts: dict[int, bytes], channels: int) -> bytes:
    """Return the segments of a profile without words, or nothing where the picture means the same without it."""
    if not parts or sorted(parts) != list(range(1, len(parts) + 1)):
        return b""
    whole = b"".join(parts[number] for number in sorted(parts))
    space: icc.Space = "GRAY" if channels == 1 else "CMYK" if channels == 4 else "RGB "
    kept = icc.neutral(whole, space)
    if kept is None:
        return b""
    pieces = [kept[at : at + 65000] for at in range(0, len(kept), 65000)]
    return b"".join(
        segment(0xE2, b"ICC_PROFILE\0" + bytes((number, len(pieces))) + piece) for number, piece in enumerate(pieces, 1)
    )
