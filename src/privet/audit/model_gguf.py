"""The head of a GGUF file: keys with their texts and lists of texts. Tensors are not read.

Source: the GGUF specification, version 2 and 3 (ggml/docs/gguf.md).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from struct import unpack
from typing import BinaryIO, Final

_TEXT: Final = 8
_ARRAY: Final = 9
_SIZES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_MOST_KEYS: Final = 100_000
_MOST_TEXT: Final = 1 << 24
_MOST_TEXTS: Final = 1 << 21


def texts_of(stream: BinaryIO) -> Iterator[tuple[str, list[str]]]:
    """Yield each key with the text, or the list of texts, that it holds; of other values, an empty list.

    Raises:
        ValueError: it is no GGUF, of an unknown version, or damaged.

    """
    try:
        magic, version, _, count = unpack("<4sIQQ", stream.read(24))
        if magic != b"GGUF" or version not in {2, 3} or count > _MOST_KEYS:
            raise ValueError("no GGUF of a known version")
        for _ in range(count):
            key = _text(stream)
            yield key, _value(stream, unpack("<I", stream.read(4))[0])
    except (struct.error, KeyError) as error:
        raise ValueError("the GGUF is damaged") from error


def _text(stream: BinaryIO) -> str:
    (size,) = unpack("<Q", stream.read(8))
    if size > _MOST_TEXT:
        raise ValueError("a text is too long")
    raw = stream.read(size)
    if len(raw) < size:
        raise ValueError("the file ends early")
    return raw.decode("utf-8", "replace")


def _value(stream: BinaryIO, kind: int) -> list[str]:
    if kind == _TEXT:
        return [_text(stream)]
    if kind != _ARRAY:
        stream.seek(_SIZES[kind], 1)
        return []
    inner, count = unpack("<IQ", stream.read(12))
    if inner == _TEXT:
        if count > _MOST_TEXTS:
            raise ValueError("a list is too long")
        return [_text(stream) for _ in range(count)]
    stream.seek(_SIZES[inner] * count, 1)
    return []
