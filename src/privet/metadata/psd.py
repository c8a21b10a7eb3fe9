"""PSD and PSB: the picture, and the pixels and places of its layers.

Invariants:

- channel data is copied byte for byte; of the picture's own data nothing stays behind its last row
- of the resources only dots per inch, how the picture's palette is meant and a profile that is not sRGB's come back
- of a layer its place, its blending and its grouping stay; its name, its text as text, its effects and every other block do not

Source: Adobe Photoshop File Formats Specification.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from privet.metadata import icc
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import BLOCK, size_of

_INDEXED, _GREY, _RGB, _CMYK = 2, 1, 3, 4
_SPACES: Final[dict[int, icc.Space]] = {_GREY: "GRAY", 8: "GRAY", _INDEXED: "RGB ", _RGB: "RGB ", _CMYK: "CMYK"}
_RESOLUTION, _ICC, _COLOURS, _TRANSPARENT = 1005, 1039, 1046, 1047
_RESOURCES: Final = {_RESOLUTION: 16, _COLOURS: 2, _TRANSPARENT: 2}
_NAMES: Final = {
    1028: "iptc", 1033: "thumbnail", 1036: "thumbnail", 1058: "exif", 1059: "exif", 1060: "xmp", _ICC: "icc", 1008: "description",
    1035: "address", 1034: "copyright", 1050: "slices", 1065: "layer comps",
}  # fmt: skip
# Tagged blocks with a length of eight bytes in a PSB.
_LONG: Final = frozenset(
    (
        b"LMsk",
        b"Lr16",
        b"Lr32",
        b"Layr",
        b"Mt16",
        b"Mt32",
        b"Mtrn",
        b"Alph",
        b"FMsk",
        b"lnk2",
        b"FEid",
        b"FXid",
        b"PxSD",
    )
)
_DEEP: Final = {16: b"Lr16", 32: b"Lr32"}
_MAX_LAYERS: Final = 32_767
_MAX_RECORD: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Header:
    raw: bytes
    big: bool
    channels: int
    height: int
    width: int
    depth: int
    mode: int

    @property
    def wide(self) -> int:
        """Bytes of the lengths that are longer in a PSB."""
        return 8 if self.big else 4


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture and its layers' pixels without metadata.

    Raises:
        CannotClean: no PSD, damaged, or cut off.

    """
    reader = _Reader(source)
    header = _header(reader.take(26), job)
    target.write(header.raw)
    colours = reader.take(reader.number(4))
    # Of a duotone's colour data, which names its inks, readers that do not know it make a grey picture.
    kept = colours[:768] if header.mode == _INDEXED else b""
    target.write(struct.pack(">I", len(kept)) + kept)
    resources = _resources(reader, reader.number(4), header, job)
    target.write(struct.pack(">I", len(resources)) + resources)
    length = reader.number(header.wide)
    end = reader.at + length
    if end > reader.size:
        raise CannotClean("truncated: the layers end behind the file")
    begin = target.tell()
    try:
        _layers(reader, target, header, end, job)
    except CannotClean:
        # The picture as a whole is shown without them.
        job.dropped("damaged layers")
        target.seek(begin)
        target.truncate()
        target.write(bytes(header.wide))
    reader.seek(end)
    _picture(reader, target, header, job)


class _Reader:
    """A file with its length checked on every step."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.size = size_of(source)

    @property
    def at(self) -> int:
        """The place of the next byte."""
        return self._source.tell()

    def seek(self, place: int) -> None:
        """Go to a place."""
        if place > self.size:
            raise CannotClean("truncated: a part ends behind the file")
        self._source.seek(place)

    def take(self, length: int) -> bytes:
        """Return the next bytes of a small part."""
        if length > _MAX_RECORD or self.at + length > self.size:
            raise CannotClean("truncated: a part ends behind the file")
        return self._source.read(length)

    def number(self, width: int) -> int:
        """Return the next number without sign."""
        return int.from_bytes(self.take(width))

    def copy(self, length: int, target: BinaryIO) -> None:
        """Copy bulk data."""
        if self.at + length > self.size:
            raise CannotClean("truncated: a part ends behind the file")
        target.writelines(self._source.read(min(BLOCK, length - done)) for done in range(0, length, BLOCK))


def _header(raw: bytes, job: Job) -> _Header:
    signature, version, _, channels, height, width, depth, mode = struct.unpack(">4sH6sHIIHH", raw)
    if signature != b"8BPS" or version not in (1, 2):
        raise CannotClean("not a psd")
    if not (1 <= channels <= 56 and depth in (1, 8, 16, 32) and 0 < height * width <= job.limits.max_pixels):
        raise CannotClean("damaged: the header")
    return _Header(raw[:6] + bytes(6) + raw[12:], version == 2, channels, height, width, depth, mode)


def _resources(reader: _Reader, length: int, header: _Header, job: Job) -> bytes:
    """Return the resources that decide how the picture looks."""
    end = reader.at + length
    if end > reader.size:
        raise CannotClean("truncated: the resources end behind the file")
    out = b""
    while reader.at + 12 <= end:
        signature, number, name = struct.unpack(">4sHB", reader.take(7))
        reader.seek(min(reader.at + name + (name + 1) % 2, end - 4))
        size = reader.number(4)
        following = reader.at + size + size % 2
        if not signature.isalnum() or following > end + 1:
            job.dropped("damaged resource")
            break
        kept: bytes | None = None
        if _RESOURCES.get(number) == size:
            kept = reader.take(size)
        elif number == _ICC and size <= icc.MAX_BYTES and header.mode in _SPACES:
            kept = icc.neutral(reader.take(size), _SPACES[header.mode])
        if kept:
            out += struct.pack(">4sHHI", b"8BIM", number, 0, len(kept)) + kept + bytes(len(kept) % 2)
        if number not in _RESOURCES:
            job.dropped(_NAMES.get(number, "resource"))
        reader.seek(min(following, end))
    reader.seek(end)
    return out


def _layers(reader: _Reader, target: BinaryIO, header: _Header, end: int, job: Job) -> None:
    """Write the section of the layers: their records and pixels, and nothing else of it."""
    begin = target.tell()
    target.write(bytes(header.wide))
    if reader.at + header.wide <= end:
        length = reader.number(header.wide)
        following = reader.at + length
        if following > end:
            raise CannotClean("damaged: the length of the layers")
        target.write(bytes(header.wide))
        if length:
            _layer_info(reader, target, header, following, job)
            _patch(target, begin + header.wide, header.wide, even=True)
        reader.seek(following)
        target.write(bytes(4))
        if reader.at + 4 <= end:
            mask = reader.number(4)
            reader.seek(min(reader.at + mask, end))
            _deep_layers(reader, target, header, end, job)
    _patch(target, begin, header.wide, even=True)


def _patch(target: BinaryIO, place: int, width: int, *, even: bool = False) -> None:
    """Write into a part's length, which stands in front of it, how long it has become."""
    if even and (target.tell() - place - width) % 2:
        target.write(b"\0")
    end = target.tell()
    target.seek(place)
    target.write((end - place - width).to_bytes(width))
    target.seek(end)


def _deep_layers(reader: _Reader, target: BinaryIO, header: _Header, end: int, job: Job) -> None:
    """Write the layers of a picture with more than eight bits, which stand in a tagged block."""
    wanted = _DEEP.get(header.depth)
    while reader.at + 12 <= end:
        signature, key = reader.take(4), reader.take(4)
        width = 8 if header.big and key in _LONG else 4
        if signature not in (b"8BIM", b"8B64") or reader.at + width > end:
            break
        length = reader.number(width)
        following = min(reader.at + length + -length % 4, end)
        if key == wanted and length:
            begin = target.tell()
            target.write(b"8BIM" + key + bytes(width))
            _layer_info(reader, target, header, min(reader.at + length, end), job)
            target.write(bytes(-(target.tell() - begin - 8 - width) % 4))
            _patch(target, begin + 8, width)
        else:
            job.dropped("layer data")
        reader.seek(following)


def _layer_info(reader: _Reader, target: BinaryIO, header: _Header, end: int, job: Job) -> None:
    (count,) = struct.unpack(">h", reader.take(2))
    target.write(struct.pack(">h", count))
    lengths: list[int] = []
    for _ in range(abs(count)):
        lengths += _layer(reader, target, header, job)
        if reader.at > end:
            raise CannotClean("damaged: a layer's record")
    total = sum(lengths)
    if reader.at + total > end:
        raise CannotClean("truncated: a layer's pixels")
    reader.copy(total, target)


def _layer(reader: _Reader, target: BinaryIO, header: _Header, job: Job) -> list[int]:
    """Write a layer's record; return the lengths of its channels' data."""
    place, channels = reader.take(16), reader.number(2)
    if channels > 56:
        raise CannotClean("damaged: a layer's record")
    table = reader.take(channels * (2 + header.wide))
    signature, blending, opacity, clipping, flags, _, extra = struct.unpack(">4s4sBBBBI", reader.take(16))
    if signature != b"8BIM":
        raise CannotClean("damaged: a layer's record")
    end = reader.at + extra
    mask = reader.take(reader.number(4))
    ranges = reader.number(4)
    reader.seek(reader.at + ranges)
    name = reader.number(1)
    reader.seek(reader.at + name + -(name + 1) % 4)
    kept = _layer_blocks(reader, header, end, job)
    # Places of a mask and its flags; blending ranges; an empty name.
    body = struct.pack(">I", len(mask)) + mask + struct.pack(">I", 0) + bytes(4) + kept
    target.write(place + struct.pack(">H", channels) + table)
    target.write(struct.pack(">4s4sBBBBI", signature, blending, opacity, clipping, flags & 0x1F, 0, len(body)) + body)
    if name:
        job.dropped("layer name")
    reader.seek(end)
    step = 2 + header.wide
    return [int.from_bytes(table[at + 2 : at + step]) for at in range(0, len(table), step)]


def _layer_blocks(reader: _Reader, header: _Header, end: int, job: Job) -> bytes:
    """Return a layer's block that says where a group begins and ends."""
    kept = b""
    while reader.at + 12 <= end:
        signature, key = reader.take(4), reader.take(4)
        width = 8 if header.big and key in _LONG else 4
        if signature not in (b"8BIM", b"8B64"):
            break
        length = reader.number(width)
        following = reader.at + length + length % 2
        if key in (b"lsct", b"lsdk") and length in (4, 12, 16) and not kept:
            kept = b"8BIM" + key + struct.pack(">I", length) + reader.take(length)
        else:
            job.dropped("layer data")
        reader.seek(min(following, end))
    return kept


def _picture(reader: _Reader, target: BinaryIO, header: _Header, job: Job) -> None:
    """Write the picture as a whole, without what follows it."""
    compression = reader.number(2)
    target.write(struct.pack(">H", compression))
    rows = header.height * header.channels
    if compression == 0:
        length = (header.width * header.depth + 7) // 8 * rows
    elif compression == 1:
        width = header.wide // 2
        table = reader.take(rows * width)
        target.write(table)
        length = sum(struct.unpack(f">{rows}{'I' if header.big else 'H'}", table))
    elif compression in (2, 3):
        length = reader.size - reader.at
    else:
        raise CannotClean("damaged: the picture's compression")
    reader.copy(length, target)
    if reader.at < reader.size:
        job.dropped("trailing data")
