"""PNG and APNG: the chunks that decide the pixels, with the compressed pixels as they are.

Invariants:

- image data is copied byte for byte and inflated beside it; only where the stream hides more than the picture's rows, or lacks its
  check sum, are the rows compressed anew
- every other chunk that is kept has the one length that its kind and the colour type allow, and a right check sum
- a colour of the palette that no pixel has is black, and opaque
- what follows IEND is not read

Source: W3C PNG specification, third edition.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import BinaryIO, Final, NamedTuple

from isal import isal_zlib

from privet.metadata import icc, orientation, pixels
from privet.metadata.job import CannotClean, Job
from privet.metadata.png_rows import Copy, Frame, write_chunk
from privet.metadata.window import size_of

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS: Final = 1_000_000
_MAX_LOOKS: Final = 16
_MAX_SMALL: Final = 4 * 1024 * 1024
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PASSES: Final = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
_LENGTHS: Final = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"pHYs": 9, b"acTL": 8}
_BY_COLOUR: Final = {
    b"sBIT": {0: 1, 2: 3, 3: 3, 4: 2, 6: 4},
    b"bKGD": {0: 2, 2: 6, 3: 1, 4: 2, 6: 6},
    b"tRNS": {0: 2, 2: 6},
}
# libpng's order; a profile takes the place of the first three.
_COLOURS: Final = (b"gAMA", b"cHRM", b"sRGB")
_BEFORE_PALETTE: Final = (b"cICP", *_COLOURS, b"iCCP", b"sBIT")
_TEXTS: Final = (b"tEXt", b"zTXt", b"iTXt")
_READ: Final = frozenset({*_LENGTHS, *_BY_COLOUR, *_TEXTS, b"PLTE", b"iCCP", b"eXIf"})
_NAMES: Final = {b"eXIf": "exif", b"tIME": "date", b"iCCP": "icc", b"caBX": "provenance"} | dict.fromkeys(
    _TEXTS, "text"
)


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    def rows_bytes(self, width: int, height: int) -> int:
        """Return how many bytes the rows of a picture of this kind have, each with its filter's byte."""
        bits = _CHANNELS[self.colour] * self.depth
        passes = _PASSES if self.interlaced else ((0, 1, 0, 1),)
        total = 0
        for left, step_x, top, step_y in passes:
            columns, rows = -(-(width - left) // step_x), -(-(height - top) // step_y)
            if columns > 0 and rows > 0:
                total += rows * (1 + (columns * bits + 7) // 8)
        return total


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without metadata.

    Raises:
        CannotClean: no PNG, a damaged header or palette, or image data that is cut off.

    """
    contents = _Contents(source, job)
    contents.read()
    header = contents.header
    target.write(SIGNATURE)
    write_chunk(target, b"IHDR", struct.pack(">IIBBBBB", *header[:4], 0, 0, header.interlaced))
    for name, body in contents.kept():
        write_chunk(target, name, body)
    sequence = 0
    for frame in contents.frames:
        if frame.control is not None:
            write_chunk(target, b"fcTL", sequence.to_bytes(4) + frame.control[4:])
            sequence += 1
        copy = Copy(source, target, header.rows_bytes(frame.width, frame.height))
        sequence = copy.run(frame, None if frame is contents.still else sequence, job) or sequence
    write_chunk(target, b"IEND", b"")


class _Contents:
    """Where the pictures of a file lie, and the small chunks that matter."""

    header: _Header
    still: Frame

    def __init__(self, source: BinaryIO, job: Job) -> None:
        self.frames: list[Frame] = []
        self._source = source
        self._job = job
        self._size = size_of(source)
        self._small: dict[bytes, bytes] = {}
        self._current: Frame | None = None
        self._has_still = False
        self._still_ended = False
        self._broken = False
        self._turn: int | None = None
        self._xmp_turn: int | None = None
        self._looks = 0

    def read(self) -> None:
        """Read everything but image data."""
        source, size = self._source, self._size
        if source.read(8) != SIGNATURE:
            raise CannotClean("not a png")
        name, start, length = self._next(8)
        if name != b"IHDR":
            raise CannotClean("damaged: the header is missing")
        self.header = _header(self._body(name, length))
        for _ in range(_MAX_CHUNKS):
            name, start, length = self._next(start + length + 4)
            if name == b"IEND":
                if start + length + 4 < size:
                    self._job.dropped("trailing data")
                break
            if not name:
                # Viewers show a picture whose end mark is missing; whether its data is complete is seen when it is copied.
                break
            self._chunk(name, start, length)
        else:
            raise CannotClean("too many chunks")
        self._check()

    def _next(self, at: int) -> tuple[bytes, int, int]:
        self._source.seek(at)
        head = self._source.read(8)
        name = head[4:]
        if len(name) < 4 or not (name.isalpha() and name.isascii()):
            if head:
                self._job.dropped("stray data")
            return b"", at, 0
        return name, at + 8, int.from_bytes(head[:4])

    def _body(self, name: bytes, length: int) -> bytes:
        """Return the body of the small chunk that is next; nothing where it is damaged or needless."""
        if length > _MAX_SMALL:
            return b""
        body = self._source.read(length + 4)
        if len(body) == length + 4 and isal_zlib.crc32(body[:-4], isal_zlib.crc32(name)) == int.from_bytes(body[-4:]):
            return body[:-4]
        if name in (b"IHDR", b"PLTE"):
            raise CannotClean("damaged: the check sum of the header or palette is wrong")
        return b""

    def _chunk(self, name: bytes, start: int, length: int) -> None:
        current = self._current
        if name == b"IDAT":
            if not self._has_still:
                if current is None:
                    current = Frame(None, self.header.width, self.header.height)
                    self.frames.append(current)
                self.still, self._current, self._has_still = current, current, True
            self._piece(None if self._still_ended else self.still, start, length)
            return
        self._still_ended = self._has_still
        if name == b"fcTL" and b"acTL" in self._small:
            self._control(self._body(name, length))
        elif name == b"fdAT" and current is not None and not (self._has_still and current is self.still):
            self._piece(current, start + 4, length - 4)
        else:
            self._small_chunk(name, self._body(name, length) if name in _READ else b"")

    def _piece(self, frame: Frame | None, start: int, length: int) -> None:
        if frame is None:
            self._job.dropped("stray data")
        elif length > 0 and start < self._size:
            frame.pieces.append((start, min(length, self._size - start)))

    def _control(self, body: bytes) -> None:
        """Begin a frame of an animation."""
        header = self.header
        self._current = None
        if len(body) != 26:
            self._broken = True
            return
        _sequence, width, height, left, top, _, _, dispose, blend = struct.unpack(">5I2H2B", body)
        inside = 0 < width <= header.width - left and 0 < height <= header.height - top
        whole = self._has_still or (width, height) == (header.width, header.height)
        if not (inside and whole and dispose <= 2 and blend <= 1) or (self.frames and not self._has_still):
            self._broken = True
            return
        self._current = Frame(body, width, height)
        self.frames.append(self._current)

    def _small_chunk(self, name: bytes, body: bytes) -> None:
        colour = self.header.colour
        kept = len(body) == (_LENGTHS.get(name) or _BY_COLOUR.get(name, {}).get(colour))
        if name == b"PLTE":
            kept = colour == 3 and 0 < len(body) <= 768 and len(body) % 3 == 0
        elif name == b"tRNS" and colour == 3:
            kept = 0 < len(body) <= 256
        elif name == b"iCCP":
            kept = not self._has_still
        elif name == b"eXIf" and self._turn is None:
            self._turn = orientation.of_exif(body)
        elif name in _TEXTS:
            self._text(name, body)
        if kept and name not in self._small and not self._has_still:
            self._small[name] = body
        if not kept or name == b"iCCP":
            self._job.dropped(_NAMES.get(name, "chunk"))

    def _text(self, name: bytes, body: bytes) -> None:
        """Look in a text for which way up the picture is: XMP, and EXIF as ImageMagick writes it."""
        self._looks += body.startswith((b"XML:com.adobe.xmp\0", b"Raw profile type "))
        if self._looks > _MAX_LOOKS:
            return
        if name == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0") and self._xmp_turn is None:
            self._xmp_turn = orientation.of_xmp(_inflated(body[22:]) if body[18:19] == b"\1" else body)
        elif body.startswith((b"Raw profile type exif\0", b"Raw profile type APP1\0")) and self._turn is None:
            text = _inflated(body[23:]) if name == b"zTXt" else body[22:]
            digits = b"".join(text.split(b"\n")[3:])
            try:
                self._turn = orientation.of_exif(bytes.fromhex(digits.decode("ascii")))
            except ValueError:
                return

    def _check(self) -> None:
        if not self._has_still or not self.still.pieces:
            raise CannotClean("no picture: no image data")
        header, limits = self.header, self._job.limits
        inflated = sum(header.rows_bytes(frame.width, frame.height) for frame in self.frames)
        if header.width * header.height > limits.max_pixels or inflated > limits.max_unpacked_bytes:
            raise CannotClean("too large: more pixels than the limit")
        if header.colour == 3 and b"PLTE" not in self._small:
            raise CannotClean("damaged: the palette is missing")
        animated = [frame for frame in self.frames if frame.control is not None]
        if self._broken or not animated or not all(frame.pieces for frame in animated):
            # A viewer shows the still picture where the animation is damaged.
            if animated:
                self._job.dropped("damaged animation")
            self._small.pop(b"acTL", None)
            self.still.control = None
            self.frames = [self.still]
        else:
            self._small[b"acTL"] = len(animated).to_bytes(4) + self._small[b"acTL"][4:]

    def kept(self) -> list[tuple[bytes, bytes]]:
        """Return the small chunks to write, in their order."""
        small = self._small
        profile = self._profile()
        if profile is not None:
            for name in _COLOURS:
                small.pop(name, None)
        small.pop(b"iCCP", None)
        if profile:
            # It must have a name; nought says nothing, and no tool takes it for one.
            small[b"iCCP"] = b"0\0\0" + zlib.compress(profile, 9)
        if self.header.colour == 3:
            self._blank_palette()
        turn = self._turn if self._turn is not None else self._xmp_turn
        if turn is not None and turn != orientation.UPRIGHT:
            small[b"eXIf"] = orientation.exif_block(turn)
        order = (*_BEFORE_PALETTE, b"PLTE", b"tRNS", b"bKGD", b"pHYs", b"acTL", b"eXIf")
        return [(name, small[name]) for name in order if name in small]

    def _profile(self) -> bytes | None:
        """Return the profile to write; empty where it says nothing new; None where there was none that counts."""
        body = self._small.get(b"iCCP", b"")
        name, _, rest = body.partition(b"\0")
        if not name or rest[:1] != b"\0":
            return None
        whole = _inflated(rest[1:])
        if whole[36:40] != b"acsp":
            return None
        return icc.neutral(whole, "GRAY" if self.header.colour in (0, 4) else "RGB ") or b""

    def _blank_palette(self) -> None:
        used = self._used_colours()
        small = self._small
        if b"bKGD" in small:
            used.add(small[b"bKGD"][0])
        palette = small[b"PLTE"]
        last = max((index for index in used if 3 * index < len(palette)), default=0)
        levels = [palette[3 * index : 3 * index + 3] if index in used else b"\0\0\0" for index in range(last + 1)]
        small[b"PLTE"] = b"".join(levels)
        if b"tRNS" in small:
            alphas = small[b"tRNS"][: last + 1]
            small[b"tRNS"] = bytes(level if index in used else 255 for index, level in enumerate(alphas))

    def _used_colours(self) -> set[int]:
        """Return the indexes that the pixels of any frame have.

        The data of a picture with a palette is that of a grey one as well, which is the quick way to its indexes.
        """
        used: set[int] = set()
        header = self.header
        scale = 255 // (2**header.depth - 1)
        for frame in self.frames:
            grey = io.BytesIO()
            grey.write(SIGNATURE)
            write_chunk(
                grey,
                b"IHDR",
                struct.pack(">IIBBBBB", frame.width, frame.height, header.depth, 0, 0, 0, header.interlaced),
            )
            for start, length in frame.pieces:
                self._source.seek(start)
                write_chunk(grey, b"IDAT", self._source.read(length))
            write_chunk(grey, b"IEND", b"")
            levels = pixels.histogram(grey, ("PNG",), self._job)
            if levels is None:
                raise CannotClean("truncated: the image data does not decode")
            used.update(index for index in range(2**header.depth) if levels[index * scale])
        return used


def _header(body: bytes) -> _Header:
    if len(body) != 13:
        raise CannotClean("damaged: the header")
    width, height, depth, colour, compression, filters, interlace = struct.unpack(">IIBBBBB", body)
    if not (0 < width < 2**31 and 0 < height < 2**31 and depth in _DEPTHS.get(colour, ())):
        raise CannotClean("damaged: the header")
    if compression or filters or interlace > 1:
        raise CannotClean("damaged: the header")
    return _Header(width, height, depth, colour, bool(interlace))


def _inflated(compressed: bytes) -> bytes:
    """Return a small compressed text, as far as it goes."""
    try:
        return zlib.decompressobj().decompress(compressed, icc.MAX_BYTES)
    except zlib.error:
        return b""
