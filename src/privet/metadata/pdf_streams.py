"""The bytes of a PDF's streams, decoded within bounds.

Invariants: decoding stops at `limit` bytes with `CannotClean`; a damaged stream gives what comes before the damage, as viewers do; a
picture's samples are repacked at most, never changed.
"""

from __future__ import annotations

import base64
import contextlib
import re
import zlib
from collections.abc import Iterator
from typing import Final

from pikepdf import Array, Dictionary, Name, Object

from privet.metadata.job import MIB, CannotClean
from privet.metadata.pdf_values import integer, spelled

CONTENT_LIMIT: Final = 128 * MIB
"""bytes a stream that is read as text may unpack to"""

_FEED: Final = 4096
_SPACE: Final = re.compile(rb"[\0\t\n\f\r ]+")
_NO_85: Final = re.compile(rb"[^!-uz]")
_GROUP: Final = re.compile(rb"z|[!-u]{5}")
_SINGLE: Final = frozenset({"/FlateDecode", "/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode"})
_SHORT_NAMES: Final = {
    "/Fl": "/FlateDecode",
    "/A85": "/ASCII85Decode",
    "/AHx": "/ASCIIHexDecode",
    "/LZW": "/LZWDecode",
    "/RL": "/RunLengthDecode",
    "/DCT": "/DCTDecode",
}


class BadSamples(CannotClean):
    """Bytes that are not packed in the way they are said to be, so that nothing can show them."""


def filters(stream: Object) -> list[str]:
    """Return the names of the filters of a stream, outermost first."""
    found = stream.get("/Filter")
    names = list(found) if isinstance(found, Array) else [] if found is None else [found]
    return [_SHORT_NAMES.get(spelled(name), spelled(name)) for name in names if isinstance(name, Name)]


def _layers(stream: Object) -> list[tuple[str, Dictionary | None]]:
    found = stream.get("/DecodeParms", stream.get("/DP"))
    given = list(found) if isinstance(found, Array) else [found]
    names = filters(stream)
    given += [None] * len(names)
    return [(name, one if isinstance(one, Dictionary) else None) for name, one in zip(names, given, strict=False)]


def decoded(stream: Object, limit: int = CONTENT_LIMIT) -> bytes:
    """Return what a stream of text (content, character map, font) unpacks to.

    Raises:
        CannotClean: it unpacks to more than `limit`.

    """
    return decoded_whole(stream, limit)[0]


def decoded_whole(stream: Object, limit: int) -> tuple[bytes, bool]:
    """Return what a stream of text unpacks to, and whether its packed bytes hold that and nothing else.

    What is packed as no text ever is, or in a way nobody knows, no reader shows: it is empty.
    """
    data = stream.read_raw_bytes()
    layers = _layers(stream)
    whole = not layers
    for name, parameters in layers:
        if name == "/FlateDecode":
            data, whole = inflate(data, limit)
            whole = whole and len(layers) == 1
        else:
            whole = False
            try:
                data = _unpack(data, name, parameters, limit)
            except BadSamples:
                return b"", False
        if len(data) > limit:
            raise CannotClean("a stream unpacks to more than is allowed")
        data = _predicted(data, parameters)
    return data, whole


def unwrapped(stream: Object, limit: int) -> tuple[bytes, str, Dictionary | None]:
    """Return the samples of a picture in one packing only, its name and parameters: text and run length codes are undone."""
    data = stream.read_raw_bytes()
    layers = _layers(stream)
    while layers and (len(layers) > 1 or layers[0][0] not in _SINGLE):
        name, parameters = layers.pop(0)
        data = inflate(data, limit)[0] if name == "/FlateDecode" else _unpack(data, name, parameters, limit)
        if len(data) > limit:
            raise CannotClean("a stream unpacks to more than is allowed")
        if parameters is not None and integer(parameters.get("/Predictor", 1)) > 1:
            # A predictor works on what Flate unpacks to as it does on LZW.
            return (zlib.compress(data), "/FlateDecode", parameters) if not layers else _not_known()
    if not layers:
        return zlib.compress(data), "/FlateDecode", None
    return (data, *layers[0])


def _not_known() -> tuple[bytes, str, None]:
    raise BadSamples("a stream is packed in a way that is not known")


def _unpack(data: bytes, name: str, parameters: Object | None, limit: int) -> bytes:
    if name == "/Crypt":
        return data
    if name == "/ASCIIHexDecode":
        return _hex(data)
    if name == "/ASCII85Decode":
        return _ascii85(data)
    if name == "/RunLengthDecode":
        return b"".join(_run_lengths(data, limit))
    if name == "/LZWDecode":
        early = integer(parameters.get("/EarlyChange", 1)) if parameters is not None else 1
        return b"".join(_lzw(data, early, limit))
    return _not_known()[0]


def inflate(data: bytes, limit: int) -> tuple[bytes, bool]:
    """Return what a zlib stream unpacks to, up to its first damage, and whether it ended as it should with nothing behind."""
    machine = zlib.decompressobj()
    pieces = []
    left = limit + 1
    waiting = data
    try:
        while waiting and left > 0 and not machine.eof:
            piece = machine.decompress(waiting, min(left, MIB))
            pieces.append(piece)
            left -= len(piece)
            waiting = machine.unconsumed_tail
        return b"".join(pieces), machine.eof and not machine.unused_data.strip(b"\r\n")
    except zlib.error:
        return _inflate_slowly(data, limit), False


def _inflate_slowly(data: bytes, limit: int) -> bytes:
    """Unpack up to the damage, without looking at head and checksum, as viewers do."""
    for body in (data[2:], data):
        out = b"".join(_inflated(body, limit))
        if out:
            return out
    return b""


def _inflated(body: bytes, limit: int) -> Iterator[bytes]:
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    size = 0
    for start in range(0, len(body), _FEED):
        before = machine.copy()
        try:
            piece = machine.decompress(body[start : start + _FEED])
        except zlib.error:
            # The damage is in here: what stands before it comes byte by byte.
            yield from _inflated_bytes(before, body[start : start + _FEED])
            return
        size += len(piece)
        yield piece
        if size > limit or machine.eof:
            return


def _inflated_bytes(machine: zlib._Decompress, body: bytes) -> Iterator[bytes]:
    with contextlib.suppress(zlib.error):
        for at in range(len(body)):
            yield machine.decompress(body[at : at + 1])


def _hex(data: bytes) -> bytes:
    digits = re.sub(rb"[^0-9A-Fa-f]", b"", data.partition(b">")[0])
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def _ascii85(data: bytes) -> bytes:
    """Decode up to the first group that is none, as viewers do."""
    body = _SPACE.sub(b"", data).removeprefix(b"<~").partition(b"~")[0]
    try:
        return base64.a85decode(body)
    except ValueError:
        bad = _NO_85.search(body)
        whole = body[: bad.start() if bad else len(body)]
    out = bytearray()
    for group in _GROUP.finditer(whole):
        try:
            out += base64.a85decode(group[0])
        except ValueError:
            break
    return bytes(out)


def _run_lengths(data: bytes, limit: int) -> Iterator[bytes]:
    at = size = 0
    while at < len(data) and data[at] != 128 and size <= limit:
        count = data[at]
        piece = data[at + 1 : at + 2 + count] if count < 128 else data[at + 1 : at + 2] * (257 - count)
        at += 2 + count if count < 128 else 2
        size += len(piece)
        yield piece


def _lzw(data: bytes, early: int, limit: int) -> Iterator[bytes]:
    table: list[bytes] = []
    bits = held = size = 0
    width = 9
    last = b""
    for byte in data:
        held = (held << 8) | byte
        bits += 8
        if bits < width:
            continue
        bits -= width
        code = held >> bits
        held &= (1 << bits) - 1
        if code == 257 or size > limit:
            return
        if code == 256:
            table, width, last = [], 9, b""
            continue
        piece = bytes((code,)) if code < 256 else table[code - 258] if code - 258 < len(table) else last + last[:1]
        if last and len(table) < 4096 - 258:
            table.append(last + piece[:1])
        last = piece
        size += len(piece)
        yield piece
        width = max(9, min(12, (len(table) + 258 + early).bit_length()))


def _predicted(data: bytes, parameters: Object | None) -> bytes:
    predictor = integer(parameters.get("/Predictor", 1)) if parameters is not None else 1
    if parameters is None or predictor <= 1:
        return data
    samples = integer(parameters.get("/Colors", 1)) * integer(parameters.get("/BitsPerComponent", 8))
    row = (integer(parameters.get("/Columns", 1)) * samples + 7) // 8
    if predictor < 10 or not 0 < row < 10**6:
        raise CannotClean("a stream of text is packed in a way that is not known")
    step = max(1, samples // 8)
    out = bytearray()
    above = bytearray(row)
    for start in range(0, len(data), row + 1):
        kind = data[start]
        line = bytearray(data[start + 1 : start + 1 + row])
        for at in range(len(line)):
            left = line[at - step] if at >= step else 0
            up_left = above[at - step] if at >= step else 0
            line[at] = (line[at] + _guess(kind, left, above[at], up_left)) & 255
        out += line
        above = line.ljust(row, b"\0")
    return bytes(out)


def _guess(kind: int, left: int, up: int, up_left: int) -> int:
    """PNG's predictors (RFC 2083, section 6)."""
    if kind == 1:
        return left
    if kind == 2:
        return up
    if kind == 3:
        return (left + up) // 2
    if kind != 4:
        return 0
    guess = left + up - up_left
    return min((left, up, up_left), key=lambda value: abs(guess - value))
