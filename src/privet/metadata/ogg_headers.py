"""The header packets of what Ogg carries: which codec a stream is, how many headers it has, and the headers without words.

Invariants:

- The comment of every stream is the same empty one; there is no maker's name, and no picture.
- What a decoder needs is kept bit for bit: numbers, code books, tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from privet.metadata.job import CannotClean

# No vendor, no comments: two little-endian noughts.
_EMPTY: Final = bytes(8)
_STREAM_INFO_BYTES: Final = 34
_SPEEX_BYTES: Final = 80
_MAX_HEADERS: Final = 1000


class Codec(NamedTuple):
    """A codec: the mark of its first packet, whether all headers are there, the first without words, and the others."""

    mark: bytes
    complete: Callable[[Sequence[bytes]], bool]
    first: Callable[[bytes], bytes]
    others: Callable[[Sequence[bytes]], list[bytes]]


def codec(first: bytes) -> Codec | None:
    """Return the codec of a stream by its first packet."""
    return next((known for known in _CODECS if first.startswith(known.mark)), None)


def are_complete(known: Codec, headers: Sequence[bytes]) -> bool:
    """Say whether no further header follows."""
    if len(headers) > _MAX_HEADERS:
        raise CannotClean("damaged: too many headers")
    return known.complete(headers)


def _comment_second(prefix: bytes, suffix: bytes = b"") -> Callable[[Sequence[bytes]], list[bytes]]:
    def others(headers: Sequence[bytes]) -> list[bytes]:
        if not headers[1].startswith(prefix):
            raise CannotClean("damaged: a header is not what it should be")
        return [prefix + _EMPTY + suffix, *headers[2:]]

    return others


def _has(count: int) -> Callable[[Sequence[bytes]], bool]:
    return lambda headers: len(headers) == count


def _cut(size: int) -> Callable[[bytes], bytes]:
    """Return the first bytes of a header: the rest has no meaning."""

    def first(header: bytes) -> bytes:
        if len(header) < size:
            raise CannotClean("damaged: a header is cut short")
        return header[:size]

    return first


def _opus_first(header: bytes) -> bytes:
    # Nineteen bytes, and for more than two channels a table of them.
    more = 2 + header[9] if len(header) > 18 and header[18] else 0
    return _cut(19 + more)(header)


def _speex_complete(headers: Sequence[bytes]) -> bool:
    return len(headers) == 2 + int.from_bytes(headers[0][68:72], "little")


def _speex_first(header: bytes) -> bytes:
    # The library's version stands as words in twenty bytes; headers beyond the two are for nobody knows what.
    header = _cut(_SPEEX_BYTES)(header)
    return header[:8] + bytes(20) + header[28:68] + bytes(4) + header[72:]


def _flac_complete(headers: Sequence[bytes]) -> bool:
    count = int.from_bytes(headers[0][7:9])
    if count:
        return len(headers) == 1 + count
    # Not said how many: the last block of metadata says that it is.
    return len(headers) > 1 and bool(headers[-1][:1] and headers[-1][0] & 0x80)


def _flac_first(header: bytes) -> bytes:
    header = _cut(17 + _STREAM_INFO_BYTES)(header)
    if header[9:13] != b"fLaC" or header[13] & 0x7F:
        raise CannotClean("damaged: a header is not what it should be")
    return header[:7] + b"\0\1" + b"fLaC" + b"\0\0\0\x22" + header[17:]


def _flac_others(_headers: Sequence[bytes]) -> list[bytes]:
    return [b"\x84" + len(_EMPTY).to_bytes(3) + _EMPTY]


_CODECS: Final = (
    Codec(b"\x01vorbis", _has(3), _cut(30), _comment_second(b"\x03vorbis", b"\x01")),
    Codec(b"OpusHead", _has(2), _opus_first, _comment_second(b"OpusTags")),
    Codec(b"Speex   ", _speex_complete, _speex_first, lambda _headers: [_EMPTY]),
    Codec(b"\x7fFLAC", _flac_complete, _flac_first, _flac_others),
    Codec(b"\x80theora", _has(3), _cut(42), _comment_second(b"\x81theora")),
    Codec(b"OVP80\x01", _has(2), _cut(26), _comment_second(b"OVP80\x02 ")),
)
