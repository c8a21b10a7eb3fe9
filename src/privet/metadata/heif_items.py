"""The items of a HEIF file: what pictures there are, where their bytes lie, what they look like and how they belong together.

Invariants:

- Only properties that change how pixels are decoded or shown are read on; the rest have no place in what is written.
- No list is longer than the box it stands in.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from privet.metadata.isobmff import Box, box, boxes, first, version
from privet.metadata.job import CannotClean, Job
from privet.metadata.mp4_entries import colour_profile, hevc_setup

_PROPERTIES: Final = frozenset(
    b"ispe pixi hvcC av1C avcC vvcC evcC lhvC jpgC j2kH colr pasp clap irot imir auxC clli mdcv cclv amve lsel a1lx a1op rloc"
    b" oinf tols uncC cmpd cpat splz snuc cloc ndwt iscl".split()
)
_TOLD: Final = {
    b"udes": "description",
    b"crtt": "date",
    b"mdft": "date",
    b"altt": "description",
    b"cmin": "camera",
    b"cmex": "camera",
}
_REFERENCES: Final = frozenset(b"dimg auxl base prem tbas exbl".split())
_GROUPS: Final = frozenset(b"altr ster".split())
_MAX_ITEMS: Final = 100_000


class Reference(NamedTuple):
    """Item `start` points at items `ends`."""

    kind: bytes
    start: int
    ends: list[int]


@dataclass(slots=True)
class Item:
    """A picture or another item. `extents` are places in the file, or in `Items.data` with method 1."""

    number: int
    kind: bytes
    hidden: bool
    method: int = 0
    extents: list[tuple[int, int]] = field(default_factory=list)
    properties: list[tuple[int, bool]] = field(default_factory=list)
    unknown: bool = False
    piece: int = -1
    size: int = 0


@dataclass(slots=True)
class Items:
    """All items of a file."""

    primary: int
    by_number: dict[int, Item]
    references: list[Reference]
    properties: list[Box]
    groups: list[Box]
    data: memoryview

    def is_auxiliary(self, index: int) -> bool:
        """Say whether a property tells what an auxiliary picture is for."""
        return self.properties[index].kind == b"auxC"


class _Reader:
    """Numbers of a box, one after the other."""

    def __init__(self, body: memoryview, at: int) -> None:
        self.body, self.at = body, at

    def number(self, size: int) -> int:
        self.at += size
        if self.at > len(self.body):
            raise CannotClean("damaged: a list of items is cut short")
        return int.from_bytes(self.body[self.at - size : self.at])


def read(meta: memoryview, job: Job) -> Items:
    """Read a `meta` box."""
    found: dict[bytes, memoryview] = {}
    for part in boxes(meta[4:]):
        if part.kind in found:
            raise CannotClean("damaged: a box that must be alone is there twice")
        found[part.kind] = part.body
        if part.kind not in {b"hdlr", b"pitm", b"iinf", b"iloc", b"iref", b"iprp", b"idat", b"grpl", b"dinf", b"free"}:
            job.dropped("item box")
    if (
        not {b"pitm", b"iinf", b"iloc", b"iprp"} <= found.keys()
        or bytes(found.get(b"hdlr", memoryview(b""))[8:12]) != b"pict"
    ):
        raise CannotClean("damaged: no list of pictures")
    pitm = found[b"pitm"]
    by_number = _infos(found[b"iinf"], job)
    _locations(found[b"iloc"], by_number)
    properties = [_coloured(part, job) for part in boxes(_inner(found[b"iprp"], b"ipco"), _MAX_ITEMS)]
    _associations(found[b"iprp"], by_number, properties, job)
    references = _references(found[b"iref"]) if b"iref" in found else []
    groups = [group for group in boxes(found.get(b"grpl", memoryview(b""))) if group.kind in _GROUPS]
    primary = _Reader(pitm, 4).number(4 if version(pitm) else 2)
    return Items(primary, by_number, references, properties, groups, found.get(b"idat", memoryview(b"")))


def _coloured(part: Box, job: Job) -> Box:
    """Return a property, with the words of a colour profile out of it; a profile that changes nothing becomes a hole."""
    kind = bytes(part.body[:4])
    if part.kind != b"colr" or kind == b"nclx":
        return part
    profile = colour_profile(part.body) if kind in {b"prof", b"rICC"} else None
    if profile is None:
        job.dropped("colour profile")
        return Box(b"free", memoryview(b""))
    return Box(b"colr", memoryview(kind + profile))


def _inner(body: memoryview, kind: bytes) -> memoryview:
    inner = first(body, kind)
    if inner is None:
        raise CannotClean("damaged: pictures without properties")
    return inner


def _infos(iinf: memoryview, job: Job) -> dict[int, Item]:
    items: dict[int, Item] = {}
    for entry in boxes(iinf[8 if version(iinf) else 6 :], _MAX_ITEMS):
        if entry.kind != b"infe":
            continue
        form = version(entry.body)
        if form not in {2, 3}:
            job.dropped("item")
            continue
        reader = _Reader(entry.body, 4)
        number, protected = reader.number(4 if form == 3 else 2), reader.number(2)
        kind = reader.number(4).to_bytes(4)
        if protected:
            raise CannotClean("encrypted")
        if number in items or len(items) >= _MAX_ITEMS:
            raise CannotClean("damaged: two items of one number, or too many")
        if bytes(entry.body[reader.at :]).strip(b"\0"):
            job.dropped("item name")
        items[number] = Item(number, kind, hidden=bool(entry.body[3] & 1))
    return items


def _locations(iloc: memoryview, items: dict[int, Item]) -> None:
    form, reader = version(iloc), _Reader(iloc, 4)
    widths = reader.number(2)
    offset, length, base_size, index = widths >> 12, widths >> 8 & 15, widths >> 4 & 15, widths & 15
    if form > 2 or not {offset, length, base_size, index if form else 0} <= {0, 4, 8}:
        raise CannotClean("damaged: the places of pictures are in an unknown form")
    room = _MAX_ITEMS
    for _ in range(reader.number(4 if form == 2 else 2)):
        number = reader.number(4 if form == 2 else 2)
        method = reader.number(2) & 15 if form else 0
        elsewhere, base = reader.number(2), reader.number(base_size)
        extents, count = [], reader.number(2)
        room -= count
        if room < 0:
            raise CannotClean("damaged: too many pieces of pictures")
        for _ in range(count):
            reader.number(index if form else 0)
            extents.append((base + reader.number(offset), reader.number(length)))
        item = items.get(number)
        if item is not None and not item.extents:
            item.method, item.extents = (method, extents) if not elsewhere else (3, extents)


def _associations(iprp: memoryview, items: dict[int, Item], properties: list[Box], job: Job) -> None:
    for part in properties:
        if part.kind not in _PROPERTIES and part.kind not in {b"free", b"skip"}:
            job.dropped(_TOLD.get(part.kind, "item property"))
    for part in boxes(iprp):
        if part.kind != b"ipma":
            continue
        wide, reader = bool(part.body[3:4] and part.body[3] & 1), _Reader(part.body, 4)
        for _ in range(reader.number(4)):
            item = items.get(reader.number(4 if version(part.body) else 2))
            values = [reader.number(2 if wide else 1) for _ in range(reader.number(1))]
            top = 15 if wide else 7
            if item is not None:
                _associate(item, [(value & ~(1 << top), bool(value >> top)) for value in values if value], properties)


def _associate(item: Item, marks: list[tuple[int, bool]], properties: list[Box]) -> None:
    for number, essential in marks:
        if not 1 <= number <= len(properties):
            raise CannotClean("damaged: a picture has a property that is not there")
        if properties[number - 1].kind in _PROPERTIES:
            item.properties.append((number - 1, essential))
        elif essential and properties[number - 1].kind != b"free":
            item.unknown = True


def _references(iref: memoryview) -> list[Reference]:
    width = 4 if version(iref) else 2
    found = []
    for part in boxes(iref[4:], _MAX_ITEMS):
        reader = _Reader(part.body, 0)
        start = reader.number(width)
        found.append(Reference(part.kind, start, [reader.number(width) for _ in range(reader.number(2))]))
    return found


def written(items: Items, kept: Sequence[Item], places: Sequence[Sequence[tuple[int, int]]]) -> bytes:
    """Return the `meta` box for these items, whose bytes lie at `places`."""
    numbers = {item.number for item in kept}
    handler = box(b"hdlr", bytes(8), b"pict", bytes(13))
    primary = box(b"pitm", b"\1\0\0\0", struct.pack(">I", items.primary))
    parts = (
        handler,
        primary,
        _iloc(kept, places),
        _iinf(kept),
        _iref(items, numbers),
        _iprp(items, kept),
        _grpl(items, numbers),
    )
    return box(b"meta", bytes(4), *parts)


def _iinf(kept: Sequence[Item]) -> bytes:
    entries = [
        box(
            b"infe", b"\3\0\0" + (b"\1" if item.hidden else b"\0"), struct.pack(">IH", item.number, 0), item.kind, b"\0"
        )
        for item in kept
    ]
    return box(b"iinf", b"\1\0\0\0", struct.pack(">I", len(entries)), *entries)


def _iloc(kept: Sequence[Item], places: Sequence[Sequence[tuple[int, int]]]) -> bytes:
    entries = []
    for item, extents in zip(kept, places, strict=True):
        entries.append(struct.pack(">IHHH", item.number, 0, 0, len(extents)))
        entries += [struct.pack(">II", start, size) for start, size in extents]
    return box(b"iloc", b"\2\0\0\0\x44\0", struct.pack(">I", len(kept)), *entries)


def _iref(items: Items, numbers: set[int]) -> bytes:
    out = []
    for kind, start, ends in items.references:
        some = [end for end in ends if end in numbers]
        if kind in _REFERENCES and start in numbers and some:
            out.append(box(kind, struct.pack(f">IH{len(some)}I", start, len(some), *some)))
    return box(b"iref", b"\1\0\0\0", *out) if out else b""


def _iprp(items: Items, kept: Sequence[Item]) -> bytes:
    used = sorted({index for item in kept for index, _ in item.properties})
    order = {index: at + 1 for at, index in enumerate(used)}
    container = box(b"ipco", *(_property(items.properties[index]) for index in used))
    entries = []
    for item in kept:
        marks = [struct.pack(">H", essential << 15 | order[index]) for index, essential in item.properties]
        entries.append(struct.pack(">IB", item.number, len(marks)) + b"".join(marks))
    return box(b"iprp", container, box(b"ipma", b"\1\0\0\1", struct.pack(">I", len(entries)), *entries))


def _property(part: Box) -> bytes:
    body = part.body
    if part.kind == b"auxC":
        # The name of what it is for; what may follow can be anything.
        name = bytes(body[4:260]).split(b"\0")[0]
        return box(b"auxC", body[:4], name, b"\0")
    if part.kind == b"hvcC":
        return box(b"hvcC", hevc_setup(body))
    size = _SIZES.get(part.kind)
    return box(part.kind, body if size is None else body[:size])


_SIZES: Final = {
    b"ispe": 12,
    b"irot": 1,
    b"imir": 1,
    b"pasp": 8,
    b"clap": 32,
    b"clli": 4,
    b"mdcv": 24,
    b"lsel": 2,
    b"rloc": 12,
    b"a1op": 1,
}


def _grpl(items: Items, numbers: set[int]) -> bytes:
    out = []
    for group in items.groups:
        reader = _Reader(group.body, 8)
        members = [reader.number(4) for _ in range(reader.number(4))]
        if members and set(members) <= numbers:
            out.append(
                box(group.kind, bytes(4), group.body[4:8], struct.pack(f">I{len(members)}I", len(members), *members))
            )
    return box(b"grpl", *out) if out else b""
