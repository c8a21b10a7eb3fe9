"""Where the last frame of a FLAC stream ends, found by reading it without decoding a sample.

Invariants:

- A place is the start of the last frame only if its header's checksum is right and, where the stream says how long it is, the frame
  ends with it; it is a whole frame only if the checksum over all of it is right.
- At most the last mebibytes of a file are looked at, and time is linear in them.

Source: RFC 9639, section 9.
"""

from __future__ import annotations

from typing import BinaryIO, Final, NamedTuple

from privet.metadata.job import MIB, CannotClean

_SEARCHED: Final = 2 * MIB
_MAX_TRIES: Final = 16
_BLOCKS: Final = {1: 192, 2: 576, 3: 1152, 4: 2304, 5: 4608, **{code: 256 << code - 8 for code in range(8, 16)}}
_DEPTHS: Final = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}


def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value << bits - 8
        for _ in range(8):
            crc = (crc << 1 ^ (polynomial if crc >> bits - 1 else 0)) & (1 << bits) - 1
        table.append(crc)
    return tuple(table)


_CRC8: Final = _table(0x07, 8)
_CRC16: Final = _table(0x8005, 16)


class _Broken(Exception):
    """These bits are no frame."""


class _Bits:
    def __init__(self, content: bytes, at: int) -> None:
        self.content, self.place, self.end = content, at * 8, len(content) * 8

    def take(self, count: int) -> int:
        start = self.place
        self.place = start + count
        if self.place > self.end:
            raise _Broken
        piece = int.from_bytes(self.content[start >> 3 : self.place + 7 >> 3])
        return piece >> (-self.place & 7) & (1 << count) - 1

    def noughts(self) -> int:
        """Return how many noughts stand before the next one, and step over both."""
        start = at = self.place >> 3
        if at >= len(self.content):
            raise _Broken
        piece = self.content[at] & 0xFF >> (self.place & 7)
        while not piece:
            at += 1
            if at >= len(self.content) or at - start > MIB:
                raise _Broken
            piece = self.content[at]
        one = at * 8 + 8 - piece.bit_length()
        count, self.place = one - self.place, one + 1
        return count


class Usual(NamedTuple):
    """What a stream says of itself: its length in samples, the bits of a sample, the samples of a frame; nought if it is not said."""

    samples: int
    depth: int
    block: int


def last_end(source: BinaryIO, start: int, end: int, usual: Usual) -> int:
    """Return where the last frame between two places ends.

    Raises:
        CannotClean: the last frame is not there or is damaged.

    """
    if start == end and not usual.samples:
        return end
    base = max(start, end - _SEARCHED)
    source.seek(base)
    content = source.read(end - base)
    at, tries = len(content), 0
    while tries < _MAX_TRIES and (at := content.rfind(b"\xff", 0, at)) >= 0:
        head = _header(content, at)
        if head is None or (usual.samples and not _is_last(head, usual)):
            continue
        tries += 1
        try:
            stop = _end(content, at, head, usual.depth)
        except _Broken:
            continue
        if not _crc16(content[at:stop]):
            return base + stop
    raise CannotClean("truncated: the last frame is missing or damaged")


class _Header:
    __slots__ = ("block", "channels", "depth", "number", "size", "variable")

    def __init__(self, number: int, *, variable: bool) -> None:
        self.number, self.variable = number, variable
        self.block = self.channels = self.depth = self.size = 0


def _header(content: bytes, at: int) -> _Header | None:
    """Read the header of a frame; None where there is none."""
    if at + 6 > len(content) or content[at + 1] & 0xFE != 0xF8:
        return None
    block, rate, channels, depth = (
        content[at + 2] >> 4,
        content[at + 2] & 15,
        content[at + 3] >> 4,
        content[at + 3] >> 1 & 7,
    )
    if not block or rate == 15 or channels > 10 or depth == 3 or content[at + 3] & 1:
        return None
    lead = content[at + 4]
    more = 0 if lead < 0x80 else 8 - (lead ^ 0xFF).bit_length() - 1
    number = lead if not more else lead & 0x3F >> more
    place = at + 5
    for byte in content[place : place + more]:
        number = number << 6 | byte & 0x3F
    place += more
    head = _Header(number, variable=bool(content[at + 1] & 1))
    head.channels, head.depth = channels, depth
    if block in {6, 7}:
        head.block = int.from_bytes(content[place : place + block - 5]) + 1
        place += block - 5
    else:
        head.block = _BLOCKS[block]
    place += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    head.size = place + 1 - at
    crc = 0
    for byte in content[at:place]:
        crc = _CRC8[crc ^ byte]
    return head if place < len(content) and content[place] == crc else None


def _is_last(head: _Header, usual: Usual) -> bool:
    """Say whether the stream can end with this frame."""
    samples = usual.samples
    if head.variable:
        return head.number + head.block == samples
    if usual.block:
        return head.number * usual.block + head.block == samples
    # All frames but the last have one length, which is not less than the last one's: number times length, and this one.
    before = samples - head.block
    return (
        before == 0
        if head.number == 0
        else before > 0 and before % head.number == 0 and before // head.number >= head.block
    )


def _end(content: bytes, at: int, head: _Header, depth: int) -> int:
    bits = _Bits(content, at + head.size)
    count = head.channels + 1 if head.channels < 8 else 2
    depth = _DEPTHS.get(head.depth, depth)
    for channel in range(count):
        # The side channel, which one depends on the code, has one bit more.
        side = (head.channels, channel) in {(8, 1), (9, 0), (10, 1)}
        _skip_channel(bits, head.block, depth + side)
    return (bits.place + 7 >> 3) + 2


def _skip_channel(bits: _Bits, block: int, depth: int) -> None:
    if bits.take(1):
        raise _Broken
    kind = bits.take(6)
    if bits.take(1):
        depth -= bits.noughts() + 1
    if depth <= 0:
        raise _Broken
    if kind == 0:
        bits.place += depth
    elif kind == 1:
        bits.place += depth * block
    elif 8 <= kind <= 12:
        bits.place += depth * (kind - 8)
        _skip_rest(bits, block, kind - 8)
    elif kind >= 32:
        order = kind - 31
        bits.place += depth * order
        precision = bits.take(4) + 1
        bits.place += 5 + precision * order
        _skip_rest(bits, block, order)
    else:
        raise _Broken
    if bits.place > bits.end:
        raise _Broken


def _skip_rest(bits: _Bits, block: int, order: int) -> None:
    """Step over what prediction left: numbers in parts, each in unary and so many bits."""
    width = {0: 4, 1: 5}.get(bits.take(2))
    parts = 1 << bits.take(4)
    if width is None or block % parts or block // parts < order:
        raise _Broken
    for part in range(parts):
        count = block // parts - (0 if part else order)
        low = bits.take(width)
        if low == (1 << width) - 1:
            bits.place += bits.take(5) * count
            continue
        for _ in range(count):
            bits.noughts()
            bits.place += low


def _crc16(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc = crc << 8 & 0xFFFF ^ _CRC16[crc >> 8 ^ byte]
    return crc
