"""Inline pictures in a content stream: what of their header is kept, and where their samples end.

Invariants:

- Where samples end is told by what the picture says of itself, else by what follows: instructions that come after a picture are never
  taken for samples.
- A header holds keys of the format only; what stands between the last sample and EI is gone.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from itertools import islice
from typing import Final

from privet.metadata import pdf_tokens as tokens
from privet.metadata.pdf_embedded import bare_jpeg
from privet.metadata.pdf_reading import Reading

_SPACE: Final = b"\0\t\n\f\r "
_END: Final = re.compile(rb"[\0\t\n\f\r ]EI(?=[\0\t\n\f\r \]]|[/\[(<%]|\Z)")
_NEXT_END: Final = re.compile(rb"[\0\t\n\f\r ]{0,8}EI(?=[\0\t\n\f\r \]]|[/\[(<%]|\Z)")
_LONG: Final = {
    b"/W": b"/Width", b"/H": b"/Height", b"/BPC": b"/BitsPerComponent", b"/CS": b"/ColorSpace", b"/D": b"/Decode", b"/F": b"/Filter",
    b"/DP": b"/DecodeParms", b"/I": b"/Interpolate", b"/IM": b"/ImageMask", b"/L": b"/Length",
}  # fmt: skip
_KEYS: Final = frozenset((*_LONG.values(), b"/Intent"))
_VALUE: Final = re.compile(rb"(?:[\d.+\-\s\[\]]|<<|>>|/\w{1,24}(?!\w)|true|false|null)*+\Z")
_COLOURS: Final = {
    b"/G": 1, b"/DeviceGray": 1, b"/CalGray": 1, b"/I": 1, b"/Indexed": 1,
    b"/RGB": 3, b"/DeviceRGB": 3, b"/CalRGB": 3, b"/CMYK": 4, b"/DeviceCMYK": 4,
}  # fmt: skip
_ANY: Final = (1, 3, 4, 2)
_NAME: Final = re.compile(rb"/[^\0\t\n\f\r ()<>\[\]{}/%]*")
_STEP: Final = 4096
_MAX_UNPACKED: Final = 16 * 1024 * 1024
_MAX_OPERANDS: Final = 8
_MAX_TRIES: Final = 16
_WINDOW: Final = 65536
"""How far an end mark is looked for: a page of pictures without one takes no quadratic time."""


def inline_image(out: Reading, begin: int, end: int, hidden: bool) -> int:
    """Go past the inline picture whose BI stands at `begin`; return where its EI ends, or where BI does if none begins there."""
    data = out.data
    found = _header(data, end)
    if found is None:
        out.patches.append((begin, end, b" "))
        return end
    header, samples, gone = found
    last = _last_sample(data, samples, header)
    closing = _closing(data, samples, last)
    if hidden or closing is None:
        stop = closing.end() if closing else len(data)
        out.patches.append((begin, stop, b" "))
        return stop
    out.patches += gone
    if (
        header.get(b"/Filter", b"").strip(b"[" + _SPACE).startswith(b"/DCT")
        and data[samples : samples + 2] == b"\xff\xd8"
    ):
        out.patches.append((samples, closing.start(), bare_jpeg(data[samples : closing.start()])))
    elif last is not None and last < closing.start():
        out.patches.append((last, closing.start(), b""))
    return closing.end()


def _header(data: bytes, at: int) -> tuple[dict[bytes, bytes], int, list[tuple[int, int, bytes]]] | None:
    """Return what a picture says of itself, where its samples begin, and what of it goes; None where no picture begins like that."""
    header: dict[bytes, bytes] = {}
    gone: list[tuple[int, int, bytes]] = []
    while found := tokens.TOKEN.match(data, at):
        kind = found.lastindex or tokens.OTHER
        if kind == tokens.OPERATOR and found.group(kind) == b"ID":
            return header, found.end() + 1, gone
        if kind == tokens.COMMENT:
            gone.append((found.start(kind), found.end(), b" "))
            at = found.end()
            continue
        if kind != tokens.NAME:
            return None
        at = tokens.operand_end(data, found.end(), len(data))
        key = _LONG.get(found.group(kind), found.group(kind))
        token = data[found.end() : at].strip(_SPACE)
        if key in _KEYS and (_VALUE.match(token) or key == b"/ColorSpace"):
            header[key] = token
        else:
            gone.append((found.start(kind), at, b" "))
    return None


def _closing(data: bytes, samples: int, last: int | None) -> re.Match[bytes] | None:
    """Return the EI of a picture: behind its last sample, else the first that instructions follow, else the first."""
    if last is not None and (found := _NEXT_END.match(data, last)):
        return found
    first = None
    for found in islice(_END.finditer(data, max(samples, (last or 0) - 1)), _MAX_TRIES):
        first = first or found
        if _goes_on(data, found.end()):
            return found
    return first


def _goes_on(data: bytes, at: int) -> bool:
    """Whether a content stream, rather than samples, goes on here."""
    for _operand in range(_MAX_OPERANDS):
        found = tokens.TOKEN.match(data, at)
        if found is None:
            return True
        kind = found.lastindex or tokens.OTHER
        if kind == tokens.OPERATOR:
            return found.group(kind) in tokens.OPERATORS
        if kind == tokens.OTHER and found.group(kind) != b"(":
            return False
        if kind in {tokens.OPEN_DICTIONARY, tokens.OPEN_ARRAY, tokens.OTHER}:
            # What opens here may be long, and is looked at when its turn comes.
            return True
        at = found.end()
    return True


def _last_sample(data: bytes, at: int, header: dict[bytes, bytes]) -> int | None:
    """Return where the samples end that begin here, or None where the picture does not tell."""
    coding = _NAME.search(header.get(b"/Filter", b""))
    if coding is None:
        return _plain_end(data, at, header)
    find = _ENDS.get(coding[0])
    end = find(data, at) if find else None
    return end if end is not None and end <= len(data) else None


def _plain_end(data: bytes, at: int, header: dict[bytes, bytes]) -> int | None:
    is_mask = header.get(b"/ImageMask") == b"true"
    space = _NAME.search(header.get(b"/ColorSpace", b""))
    known = 1 if is_mask else _COLOURS.get(space[0] if space else b"")
    try:
        width, height = int(header[b"/Width"]), int(header[b"/Height"])
        bits = 1 if is_mask else int(header[b"/BitsPerComponent"])
    except (KeyError, ValueError):
        return None
    ends = [at + height * -(-width * samples * bits // 8) for samples in ([known] if known else _ANY)]
    fitting = [end for end in ends if at <= end <= len(data)]
    if known:
        return fitting[0] if fitting else None
    # A space of a name of its own: as many colours as make the end come where one stands.
    return next((end for end in fitting if _NEXT_END.match(data, end)), None)


def _flate_end(data: bytes, at: int) -> int | None:
    inner = zlib.decompressobj()
    size = 0
    try:
        while not inner.eof and size <= _MAX_UNPACKED and (step := data[at : at + _STEP]):
            at += len(step)
            while step and not inner.eof:
                size += len(inner.decompress(step, 1 << 20))
                step = inner.unconsumed_tail
                if size > _MAX_UNPACKED:
                    return None
    except zlib.error:
        return None
    return at - len(inner.unused_data) if inner.eof else None


def _behind(mark: bytes) -> Callable[[bytes, int], int | None]:
    def find(data: bytes, at: int) -> int | None:
        found = data.find(mark, at, at + _WINDOW)
        return None if found < 0 else found + len(mark)

    return find


def _run_end(data: bytes, at: int) -> int | None:
    # ISO 32000-1, 7.4.5: 128 is the end; below it, as many bytes and one follow, above it one that is repeated.
    stop = min(len(data), at + _WINDOW)
    while at < stop:
        length = data[at]
        if length == 128:
            return at + 1
        at += 2 + length if length < 128 else 2
    return None


_ENDS: Final[dict[bytes, Callable[[bytes, int], int | None]]] = {
    b"/Fl": _flate_end,
    b"/FlateDecode": _flate_end,
    b"/AHx": _behind(b">"),
    b"/ASCIIHexDecode": _behind(b">"),
    b"/A85": _behind(b"~>"),
    b"/ASCII85Decode": _behind(b"~>"),
    b"/RL": _run_end,
    b"/RunLengthDecode": _run_end,
}
