"""FITS: images of astronomy with the keywords that say how they are stored and where on the sky they are.

Invariants:

- pixels come out bit for bit; of the headers only keywords of the standard for storage, scale and sky coordinates are kept, without
  remarks: no observer, object, telescope, author, dates, place on earth, history and comments
- tables are refused, but for those that hold compressed images; bytes behind the last unit are left out

Source: FITS Standard 4.0, sections 3, 4, 8 and 10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from privet.metadata.byte_ranges import copy
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of

_BLOCK: Final = 2880
_CARD: Final = 80
_MAX_CARDS: Final = 100_000
_MAX_UNITS: Final = 10_000
_KEPT: Final = re.compile(
    rb"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|GROUPS|BSCALE|BZERO|BLANK|BUNIT|TFIELDS|TFORM1|TTYPE1|THEAP|DATASUM"
    rb"|P(?:TYPE|SCAL|ZERO)\d+|Z(?:IMAGE|CMPTYPE|BITPIX|NAXIS\d*|TILE\d+|NAME\d+|VAL\d+|SCALE|ZERO|BLANK|QUANTIZ|DITHER0|SIMPLE|EXTEND|PCOUNT|GCOUNT)"
    rb"|WCSAXES[A-Z]?|CTYPE\d+[A-Z]?|CUNIT\d+[A-Z]?|CRVAL\d+[A-Z]?|CDELT\d+[A-Z]?|CRPIX\d+[A-Z]?|CROTA\d+|(?:PC|CD|PV)\d+_\d+[A-Z]?"
    rb"|L(?:ON|AT)POLE[A-Z]?|RADESYS[A-Z]?|EQUINOX[A-Z]?"
)
_VALUE: Final = re.compile(rb" *('(?:[^']|'')*'|[TF]|[-+.\dEeDd]+)(?: *(?:/.*)?)")
_WORD: Final = re.compile(rb"'[A-Za-z0-9_+\-*/^(). ]{0,20}'")


@dataclass(slots=True)
class _Header:
    cards: list[bytes] = field(default_factory=list)
    values: dict[bytes, bytes] = field(default_factory=dict)
    left_out: int = 0

    def number(self, name: bytes, default: int = 0) -> int:
        raw = self.values.get(name, b"").strip()
        if not raw:
            return default
        if not re.fullmatch(rb"-?\d{1,15}", raw):
            raise CannotClean("damaged: a keyword")
        return int(raw)


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the images.

    Raises:
        CannotClean: no FITS, a table, damaged, or cut off.

    """
    size = size_of(source)
    at = 0
    for _ in range(_MAX_UNITS):
        source.seek(at)
        start = source.read(8)
        if at and start != b"XTENSION":
            break
        if not at and start != b"SIMPLE  ":
            raise CannotClean("not a fits file")
        header, begin = _read(source, at, size)
        length = _length(header)
        _check(header)
        if begin + length > size:
            raise CannotClean("truncated: the pixels end early")
        raw = b"".join(card.ljust(_CARD) for card in [*header.cards, b"END"])
        target.write(raw.ljust(-(-len(raw) // _BLOCK) * _BLOCK))
        copy(source, target, begin, length)
        target.write(bytes(-length % _BLOCK))
        job.dropped("keyword", header.left_out)
        at = begin + -(-length // _BLOCK) * _BLOCK
        if at >= size:
            return
    job.dropped("trailing bytes")


def _read(source: BinaryIO, at: int, size: int) -> tuple[_Header, int]:
    """Return a header and where it ends."""
    header = _Header()
    source.seek(at)
    for _ in range(_MAX_CARDS * _CARD // _BLOCK):
        block = source.read(_BLOCK)
        at += _BLOCK
        if len(block) < _BLOCK:
            break
        for place in range(0, _BLOCK, _CARD):
            card = block[place : place + _CARD]
            name = card[:8].rstrip()
            if name == b"END":
                return header, min(at, size)
            _take(card, name, header)
    raise CannotClean("truncated: a header without its end")


def _take(card: bytes, name: bytes, header: _Header) -> None:
    value = _VALUE.match(card[10:]) if card[8:10] == b"= " else None
    if value is None or not _KEPT.fullmatch(name) or name in header.values:
        header.left_out += bool(name)
        return
    raw = value[1]
    if raw.startswith(b"'") and not _WORD.fullmatch(raw):
        header.left_out += 1
        return
    header.values[name] = raw.strip(b"'") if raw.startswith(b"'") else raw
    # Numbers stand to the right of the fixed format, words to the left of it.
    header.cards.append(name.ljust(8) + b"= " + (raw if raw.startswith(b"'") else raw.rjust(20)))


def _length(header: _Header) -> int:
    axes = header.number(b"NAXIS")
    if not 0 <= axes <= 999:
        raise CannotClean("damaged: a keyword")
    sizes = [header.number(b"NAXIS%d" % (axis + 1)) for axis in range(axes)]
    if header.values.get(b"GROUPS", b"") == b"T" and sizes[:1] == [0]:
        sizes = sizes[1:]
    elif not sizes:
        return 0
    count = 1
    for each in sizes:
        count *= max(each, 0)
    bits = abs(header.number(b"BITPIX"))
    if bits not in (8, 16, 32, 64):
        raise CannotClean("damaged: a keyword")
    return bits // 8 * max(header.number(b"GCOUNT", 1), 0) * (max(header.number(b"PCOUNT"), 0) + count)


def _check(header: _Header) -> None:
    kind = header.values.get(b"XTENSION", b"IMAGE").strip()
    if kind == b"IMAGE":
        return
    if kind == b"BINTABLE" and header.values.get(b"ZIMAGE") == b"T" and header.number(b"TFIELDS") == 1:
        return
    raise CannotClean("tables in fits are not supported")
