"""BMP: header, palette and rows, without what lies between, behind and beside them.

Invariants: rows are copied with their padding zeroed; a run-length coded picture ends where its end mark stands; a colour of the palette
that no pixel has is black; of a profile only one that is not sRGB's stays, and never the path of one.

Source: Microsoft, "Bitmap Header Types" and "Bitmap Compression".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np

from privet.metadata import icc
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of

_RGB, _RLE8, _RLE4, _FIELDS, _ALPHA_FIELDS = 0, 1, 2, 3, 6
_CORE, _INFO, _V4, _V5 = 12, 40, 108, 124
_HEADERS: Final = (_CORE, _INFO, 52, 56, 64, _V4, _V5)
_EMBEDDED: Final = b"DEBM"
_LINKED: Final = b"KNIL"
_SRGB: Final = b"BGRs"
_ROWS_AT_ONCE: Final = 4 * 1024 * 1024


@dataclass(slots=True)
class Bitmap:
    """A device-independent bitmap: what stands behind the file's header, and in icons."""

    header: bytearray
    width: int
    height: int
    bits: int
    compression: int
    masks: bytes
    palette: bytes
    entry: int
    """bytes of one colour of the palette"""

    @property
    def row(self) -> int:
        """Bytes of one row, with its padding."""
        return (self.width * self.bits + 31) // 32 * 4


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without metadata.

    Raises:
        CannotClean: no BMP, an embedded JPEG or PNG, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(14)
    if len(head) < 14 or head[:2] != b"BM":
        raise CannotClean("not a bmp")
    bitmap = read_header(source, job)
    pixels_at = int.from_bytes(head[10:14], "little")
    palette_at = source.tell() - len(bitmap.palette)
    if pixels_at == 14 + len(bitmap.header) and bitmap.palette:
        # Some writers forget the palette when they say where the pixels begin.
        pixels_at = source.tell()
    if not palette_at <= pixels_at < size:
        raise CannotClean("damaged: where the pixels begin")
    colours = (pixels_at - palette_at) // bitmap.entry
    if bitmap.palette and colours < len(bitmap.palette) // bitmap.entry:
        bitmap.palette = bitmap.palette[: colours * bitmap.entry]
        if len(bitmap.header) > _CORE:
            bitmap.header[32:36] = colours.to_bytes(4, "little")
    profile = _profile(source, bitmap)
    target.write(b"BM" + bytes(12))
    start, end = write_bitmap(source, target, bitmap, pixels_at, job)
    if pixels_at + end[1] < size:
        job.dropped("trailing data")
    if profile:
        place = target.tell()
        target.write(profile)
        bitmap.header[56:60] = _EMBEDDED
        bitmap.header[112:120] = struct.pack("<II", place - 14, len(profile))
        target.seek(14)
        target.write(bitmap.header)
    length = target.seek(0, 2)
    target.seek(2)
    target.write(struct.pack("<IHHI", length, 0, 0, start))
    target.seek(length)


def read_header(source: BinaryIO, job: Job, *, icon: bool = False) -> Bitmap:
    """Read a bitmap's header, masks and palette.

    Raises:
        CannotClean: damaged, too large, or holding a JPEG or PNG.

    """
    length = int.from_bytes(source.read(4), "little")
    header = bytearray(length.to_bytes(4, "little") + source.read(length - 4 if length in _HEADERS else 0))
    if length not in _HEADERS or len(header) != length:
        raise CannotClean("damaged: the header")
    used = 0
    if length == _CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", header, 4)
        compression = _RGB
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", header, 4)
        (used,) = struct.unpack_from("<I", header, 32)
    if width <= 0 or height == 0 or bits not in (1, 2, 4, 8, 16, 24, 32) or abs(height) * width > job.limits.max_pixels:
        raise CannotClean("damaged: the size of the picture")
    if (
        compression not in (_RGB, _RLE8, _RLE4, _FIELDS, _ALPHA_FIELDS)
        or {_RLE8: 8, _RLE4: 4}.get(compression, bits) != bits
    ):
        raise CannotClean("this compression of bmp is not supported")
    masks = b""
    if length == _INFO and compression in (_FIELDS, _ALPHA_FIELDS):
        masks = source.read(12 if compression == _FIELDS else 16)
    entry = 3 if length == _CORE else 4
    colours = min(used or 2**bits, 2**bits) if bits <= 8 else 0
    palette = source.read(colours * entry)
    if icon and len(palette) < colours * entry:
        raise CannotClean("truncated: the palette")
    _plain(header, colours, bits)
    return Bitmap(header, width, abs(height) // 2 if icon else abs(height), bits, compression, masks, palette, entry)


def _plain(header: bytearray, colours: int, bits: int) -> None:
    """Fix the fields of a header that do not decide the pixels."""
    if len(header) == _CORE:
        return
    # Important colours; the colours of the palette, of which a picture without one has none.
    header[32:40] = struct.pack("<II", colours if colours != 2**bits and bits <= 8 else 0, 0)
    if len(header) == 64:
        header[40:64] = bytes(24)
    if len(header) >= _V4 and bytes(header[56:60]) in (_EMBEDDED, _LINKED):
        header[56:60] = _SRGB
    if len(header) >= _V4 and bytes(header[56:60]) == _SRGB:
        # End points and gammas count only in a calibrated picture.
        header[60:108] = bytes(48)
    if len(header) == _V5:
        header[112:124] = bytes(12)
        if header[108] not in (1, 2, 4, 8):
            header[108:112] = bytes(4)


def _profile(source: BinaryIO, bitmap: Bitmap) -> bytes | None:
    """Return the embedded profile to keep, if any."""
    if len(bitmap.header) != _V5:
        return None
    place = source.tell()
    source.seek(14)
    header = source.read(_V5)
    found = None
    if header[56:60] == _EMBEDDED:
        offset, length = struct.unpack_from("<II", header, 112)
        if length <= icc.MAX_BYTES:
            source.seek(14 + offset)
            found = icc.neutral(source.read(length), "RGB ")
    source.seek(place)
    return found


def write_bitmap(
    source: BinaryIO, target: BinaryIO, bitmap: Bitmap, pixels_at: int, job: Job
) -> tuple[int, tuple[int, int]]:
    """Write header, palette and pixels; return where the pixels begin, and how many bytes of pixels were written and read."""
    begin = target.tell()
    colours = len(bitmap.palette) // bitmap.entry
    target.write(bytes(bitmap.header) + bitmap.masks + bitmap.palette[: colours * bitmap.entry])
    start = target.tell()
    source.seek(pixels_at)
    if bitmap.compression in (_RLE8, _RLE4):
        data = source.read(min(2 * bitmap.width * bitmap.height + 4 * bitmap.height + 64, job.limits.max_file_bytes))
        length, used = _run_lengths(data, bitmap)
        target.write(data[:length])
        taken = length
    else:
        length, used = _rows(source, target, bitmap)
        taken = length
    if len(bitmap.header) > _CORE:
        bitmap.header[20:24] = length.to_bytes(4, "little")
    end = target.tell()
    target.seek(begin)
    target.write(bytes(bitmap.header) + bitmap.masks + _blanked(bitmap, used))
    target.seek(end)
    return start, (length, taken)


def _blanked(bitmap: Bitmap, used: set[int]) -> bytes:
    """Return the palette with black for the colours that no pixel has, and its spare bytes zero."""
    entry = bitmap.entry
    colours = [bitmap.palette[at : at + 3] for at in range(0, len(bitmap.palette) - entry + 1, entry)]
    greys = (0, 255) if len(colours) == 2 else range(len(colours))
    if colours != [bytes((grey, grey, grey)) for grey in greys]:
        # Readers know a grey picture by its palette, which then says nothing.
        colours = [colour if index in used else b"\0\0\0" for index, colour in enumerate(colours)]
    return b"".join(colour + bytes(entry - 3) for colour in colours)


def _rows(source: BinaryIO, target: BinaryIO, bitmap: Bitmap) -> tuple[int, set[int]]:
    row, bits = bitmap.row, bitmap.bits
    filled = bitmap.width * bits
    seen = np.zeros(256, np.bool_)
    left = bitmap.height
    while left:
        count = min(left, max(_ROWS_AT_ONCE // row, 1))
        raw = source.read(count * row)
        if len(raw) < count * row:
            # Some writers leave out the last row's padding.
            if left > count or count * row - len(raw) > row - (filled + 7) // 8:
                raise CannotClean("truncated: rows of the picture are missing")
            raw = raw.ljust(count * row, b"\0")
        rows = np.frombuffer(raw, np.uint8).reshape(count, row).copy()
        rows[:, (filled + 7) // 8 :] = 0
        if filled % 8:
            rows[:, filled // 8] &= 0xFF << (8 - filled % 8) & 0xFF
        if bits <= 8:
            seen[np.bincount(rows[:, : (filled + 7) // 8].ravel(), minlength=256) > 0] = True
        target.write(rows.tobytes())
        left -= count
    used = set(np.flatnonzero(seen).tolist())
    if bits < 8:
        # Of a byte with several pixels each counts.
        used = {byte >> shift & (1 << bits) - 1 for byte in used for shift in range(0, 8, bits)}
    return row * bitmap.height, used


def _run_lengths(data: bytes, bitmap: Bitmap) -> tuple[int, set[int]]:
    """Return where a run-length coded picture ends, and the colours in it."""
    used: set[int] = {0}
    nibbles = bitmap.compression == _RLE4
    at, length = 0, len(data) - 1
    while at < length:
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            used.update((value >> 4, value & 15) if nibbles else (value,))
        elif value == 1:
            return at, used
        elif value == 2:
            at += 2
        elif value > 2:
            size = (value + 1) // 2 if nibbles else value
            piece = data[at : at + size]
            used.update([each for byte in piece for each in (byte >> 4, byte & 15)] if nibbles else piece)
            at += size + size % 2
    if at > len(data):
        raise CannotClean("truncated: rows of the picture are missing")
    return min(at, len(data)), used
