"""Texts in files of programs: NumPy arrays, pickles, event logs, drawings, music.

Invariant: nothing is unpickled: the texts of a pickle are those that its opcodes name.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO, Final

from privet.audit.printable import texts_in
from privet.audit.record import Record, blocks, row, text_blocks
from privet.audit.tags_sound import LYRICS, midi_texts

_MOST: Final = 256 * 1024 * 1024


def array(stream: BinaryIO) -> Iterator[Record]:
    """Yield a record for each element of an array that is or holds text; numbers are none, but for bytes that read as text."""
    import numpy as np

    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = read(stream)
    if dtype.hasobject:
        yield from pickled(stream)
        return
    kinds = {each.base.kind for each, *_ in (dtype.fields or {"": (dtype,)}).values()}
    if kinds & set("SUV"):
        stream.seek(0)
        values = np.lib.format.read_array(stream, allow_pickle=False, max_header_size=1 << 16)
        for number, value in enumerate(values.ravel().tolist(), start=1):
            yield from row(number, dict(zip(dtype.names, value, strict=True)) if dtype.names else value)
    elif dtype.itemsize == 1:
        yield from strings(stream)


def pickled(stream: BinaryIO) -> Iterator[Record]:
    """Yield the texts of one pickle, or of several behind each other, in blocks."""
    yield from blocks(f"{text}\n" for text in _texts(BytesIO(stream.read(_MOST))))


def _texts(stream: BinaryIO) -> Iterator[str]:
    import pickletools

    while stream.read(1):
        stream.seek(-1, 1)
        for _, value, _ in pickletools.genops(stream):
            if isinstance(value, str):
                yield value
            elif isinstance(value, (bytes, bytearray)):
                try:
                    yield bytes(value).decode("utf-8")
                except UnicodeDecodeError:
                    continue


def strings(stream: BinaryIO) -> Iterator[Record]:
    """Yield the printable runs of a file, in blocks."""
    for text in texts_in(stream):
        yield from text_blocks(text)


def lyrics(stream: BinaryIO) -> Iterator[Record]:
    """Yield the words that are sung in a MIDI file."""
    sung: list[Any] = [body.decode("utf-8", "replace") for kind, body in midi_texts(stream) if kind == LYRICS]
    yield from text_blocks("".join(sung).replace("\r", "\n"))


def events(stream: BinaryIO) -> Iterator[Record]:
    """Yield the texts of the events of a log of training (TFRecord: a length, its check, the event, its check)."""
    number = 0
    while len(head := stream.read(12)) == 12:
        event = stream.read(int.from_bytes(head[:8], "little"))
        stream.read(4)
        number += 1
        for text in texts_in(BytesIO(event)):
            yield Record(number, text)
