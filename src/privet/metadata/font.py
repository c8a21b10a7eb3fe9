"""TrueType and OpenType fonts, one or a collection in a file: what draws glyphs and what the font is called, nothing else.

Invariants:

- Allow-list: tables that lay out or draw text stay where they are, byte for byte; all others, and what stands between tables or behind
  them, are gone.
- Of the names those stay that programs list a font by, rewritten; who made it, when, under which licence and with what goes.
- Tables that overlap are refused: one of them could hold what was taken out of another.

Source: ISO/IEC 14496-22, sections 4.3 and 5.2.
"""

from __future__ import annotations

import array
import itertools
import struct
import sys
from typing import BinaryIO, Final, NamedTuple

from privet.metadata.job import MIB, CannotClean, Job

_MAX_BYTES: Final = 256 * MIB
_KINDS: Final = frozenset((b"\0\1\0\0", b"OTTO", b"true"))
_COLLECTION: Final = b"ttcf"
_TABLES: Final = frozenset(
    "BASE CBDT CBLC CFF CFF2 COLR CPAL EBDT EBLC EBSC GDEF GPOS GSUB HVAR JSTF LTSH MATH MVAR OS/2 STAT VDMX VORG VVAR acnt ankr avar bsln "  # noqa: SIM905
    "cmap cvar cvt fdsc feat fpgm fvar gasp glyf gvar hdmx head hhea hmtx just kern kerx lcar loca maxp mort morx name opbd post prep prop "
    "sbix trak vhea vmtx".split()
)
_SHOWN_NAMES: Final = frozenset((1, 2, 4, 6, 16, 17, 20, 21, 22, 25))
"""family, style, full and PostScript names, and their kin; names from 256 on are called by other tables"""
_OWN_NAMES: Final = 256
_MAX_FONTS: Final = 256
_MAX_TABLES: Final = 256
_SUM: Final = 0xB1B0AFBA
_EPOCH: Final = bytes(16)
_NOTES: Final = {0: "version", 1: "notice", (12, 0): "copyright"}
"""Operators of CFF's Top DICT whose strings say who made a font (Adobe Technical Note 5176, table 9)."""
_STANDARD_STRINGS: Final = 391


class _Table(NamedTuple):
    tag: str
    start: int
    size: int


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a font without what does not show.

    Raises:
        CannotClean: it is damaged, too large, or its tables overlap.

    """
    data = source.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise CannotClean(f"a font larger than {_MAX_BYTES // MIB} MiB")
    try:
        target.write(_cleaned(data, job))
    except (struct.error, IndexError) as error:
        raise CannotClean("damaged: a table ends too early") from error


def _cleaned(data: bytes, job: Job) -> bytes:
    fonts = _fonts(data)
    directories = {start: _directory(data, start, job) for start in fonts}
    out = bytearray(len(data))
    taken = [(start, start + 12 + 16 * len(tables)) for start, tables in directories.items()]
    if data[:4] == _COLLECTION:
        taken.append((0, 12 + 4 * len(fonts)))
        # Version 1 has no signature.
        out[: taken[-1][1]] = b"ttcf\0\1\0\0" + data[8 : 12 + 4 * len(fonts)]
    tables = {table for found in directories.values() for table in found}
    _check_apart([*taken, *((table.start, table.start + table.size) for table in tables)])
    for table in sorted(tables):
        out[table.start : table.start + table.size] = _content(data, table, job)
    for start, found in directories.items():
        _write_directory(out, data[start : start + 4], start, found)
    _sum_up(out, directories, is_alone=data[:4] != _COLLECTION)
    end = max(stop for _start, stop in [*taken, *((table.start, table.start + table.size) for table in tables)])
    return bytes(out[: min(len(out), end + (-end % 4))])


def _fonts(data: bytes) -> list[int]:
    if data[:4] in _KINDS:
        return [0]
    if data[:4] != _COLLECTION:
        raise CannotClean("damaged: not a font")
    count = struct.unpack_from(">I", data, 8)[0]
    if not 0 < count <= _MAX_FONTS:
        raise CannotClean("damaged: a collection of no or too many fonts")
    return list(dict.fromkeys(struct.unpack_from(f">{count}I", data, 12)))


def _directory(data: bytes, start: int, job: Job) -> list[_Table]:
    """Return the tables of a font that stay."""
    count = struct.unpack_from(">H", data, start + 4)[0]
    if data[start : start + 4] not in _KINDS or not 0 < count <= _MAX_TABLES:
        raise CannotClean("damaged: the list of its tables cannot be read")
    kept: dict[str, _Table] = {}
    for index in range(count):
        tag, _sum, place, size = struct.unpack_from(">4sIII", data, start + 12 + 16 * index)
        name = tag.decode("latin-1").rstrip()
        if place + size > len(data):
            raise CannotClean("truncated: a table is missing")
        if name in _TABLES and size:
            kept.setdefault(name, _Table(name, place, size))
        else:
            job.dropped("font table")
    if "head" not in kept or "cmap" not in kept:
        raise CannotClean("damaged: a table that every font has is missing")
    return [kept[name] for name in sorted(kept)]


def _check_apart(ranges: list[tuple[int, int]]) -> None:
    last = 0
    for start, stop in sorted(set(ranges)):
        if start < last:
            raise CannotClean("damaged: its tables overlap")
        last = stop


def _content(data: bytes, table: _Table, job: Job) -> bytes:
    content = data[table.start : table.start + table.size]
    if table.tag == "name":
        return _names(content, job)
    if table.tag == "head" and len(content) >= 36:
        # The sum over the file is written last; the dates are those of the first of January 1904.
        return content[:8] + bytes(4) + content[12:20] + _EPOCH + content[36:]
    if table.tag == "OS/2" and len(content) >= 62:
        return content[:58] + b"    " + content[62:]
    return _cff(content) if table.tag == "CFF" else content


def _names(content: bytes, job: Job) -> bytes:
    """Return the table of names with those that a font is listed by, as long as it was."""
    count, strings = struct.unpack_from(">HH", content, 2)
    records: list[tuple[tuple[int, ...], str, str]] = []
    for index in range(count):
        platform, encoding, language, number, size, place = struct.unpack_from(">HHHHHH", content, 6 + 12 * index)
        if number not in _SHOWN_NAMES and number < _OWN_NAMES:
            job.dropped("font name")
            continue
        codec = "mac_roman" if platform == 1 else "utf-16-be"
        text = content[strings + place : strings + place + size].decode(codec, "replace")
        records.append(((platform, encoding, language, number), text, codec))
    new = job.rewrite([text for _about, text, _codec in records], "name")
    kept: list[bytes] = []
    pool = b""
    for (about, _text, codec), text in zip(records, new, strict=True):
        raw = text.encode(codec, "replace")
        place = pool.find(raw)
        if place < 0:
            place = len(pool)
            pool += raw
        if 6 + 12 * (len(kept) + 1) + len(pool) <= len(content):
            kept.append(struct.pack(">HHHHHH", *about, len(raw), place))
    # Names of languages (version 1) go: the numbers that call for them mean "not known" then.
    made = struct.pack(">HHH", 0, len(kept), 6 + 12 * len(kept)) + b"".join(kept) + pool
    return made[: len(content)].ljust(len(content), b"\0")


def _cff(content: bytes) -> bytes:
    """Return a CFF table with the strings blanked that say who made it: the places of all others stay."""
    _names_index, at = _index(content, content[2])
    tops, at = _index(content, at)
    strings, _at = _index(content, at)
    out = bytearray(content)
    for start, stop in tops:
        for operator, values in _operators(content[start:stop]):
            number = values[-1] - _STANDARD_STRINGS if values else -1
            if operator in _NOTES and 0 <= number < len(strings):
                begin, end = strings[number]
                out[begin:end] = b" " * (end - begin)
    return bytes(out)


def _index(content: bytes, at: int) -> tuple[list[tuple[int, int]], int]:
    """Return where the items of an INDEX stand, and what follows it (Technical Note 5176, section 5)."""
    count = struct.unpack_from(">H", content, at)[0]
    if not count:
        return [], at + 2
    width = content[at + 2]
    places = at + 3
    base = places + width * (count + 1) - 1
    offsets = [
        int.from_bytes(content[places + width * item : places + width * (item + 1)], "big") for item in range(count + 1)
    ]
    ends = [min(base + offset, len(content)) for offset in offsets]
    if any(end < start for start, end in itertools.pairwise(ends)):
        raise CannotClean("damaged: a list in it goes backwards")
    return list(itertools.pairwise(ends)), ends[-1]


def _operators(data: bytes) -> list[tuple[int | tuple[int, int], list[int]]]:
    """Return the operators of a DICT with the whole numbers before each (Technical Note 5176, section 4)."""
    out: list[tuple[int | tuple[int, int], list[int]]] = []
    values: list[int] = []
    at = 0
    while at < len(data):
        byte = data[at]
        size = 1
        if byte <= 21:
            size = 2 if byte == 12 else 1
            out.append(((12, data[at + 1]) if byte == 12 else byte, values))
            values = []
        elif byte == 28:
            values.append(struct.unpack_from(">h", data, at + 1)[0])
            size = 3
        elif byte == 29:
            values.append(struct.unpack_from(">i", data, at + 1)[0])
            size = 5
        elif byte == 30:
            while data[at + size] & 15 != 15 and data[at + size] >> 4 != 15:
                size += 1
            size += 1
        elif 32 <= byte <= 246:
            values.append(byte - 139)
        elif byte >= 247:
            high = (byte - 247) * 256 + 108 if byte <= 250 else -(byte - 251) * 256 - 108
            values.append(high + (data[at + 1] if byte <= 250 else -data[at + 1]))
            size = 2
        at += size
    return out


def _write_directory(out: bytearray, kind: bytes, start: int, tables: list[_Table]) -> None:
    power = max(0, len(tables).bit_length() - 1)
    out[start : start + 12] = kind + struct.pack(
        ">HHHH", len(tables), 16 << power, power, 16 * len(tables) - (16 << power)
    )
    for index, table in enumerate(tables):
        entry = struct.pack(">4sIII", table.tag.ljust(4).encode("ascii"), _sum_of(out, table), table.start, table.size)
        out[start + 12 + 16 * index : start + 28 + 16 * index] = entry


def _sum_of(out: bytearray, table: _Table) -> int:
    part = bytes(out[table.start : table.start + table.size])
    part += bytes(-len(part) % 4)
    words = array.array("I", part)
    if sys.byteorder == "little":
        words.byteswap()
    return int(sum(words)) & 0xFFFFFFFF


def _sum_up(out: bytearray, directories: dict[int, list[_Table]], *, is_alone: bool) -> None:
    """Write the sum over the whole file where a font has one."""
    if not is_alone:
        return
    total = _sum_of(out, _Table("", 0, len(out)))
    head = next(table for table in directories[0] if table.tag == "head")
    if head.size >= 12:
        out[head.start + 8 : head.start + 12] = struct.pack(">I", (_SUM - total) & 0xFFFFFFFF)
