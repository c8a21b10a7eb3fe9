"""Text files of records as streams of UTF-8: plain or packed, UTF-8, UTF-16 or UTF-32; and the way back.

Invariants:

- What is read and what is written is the same form: packing, encoding and byte-order mark stay.
- UTF-16 whose bytes are something personal in ASCII refuses the file: whoever ignores the encoding reads it.
- Nothing is held but a chunk, however much it unpacks to.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from privet.ingest import packed
from privet.ingest.record_file import Unit
from privet.metadata.job import CannotClean, Job, Limits

CHUNK: Final = 1 << 20
BOM: Final = codecs.BOM_UTF8
_PACKINGS: Final = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00"}
_HEAD: Final = 4096
_MIN_ZEROS: Final = 0.3
"""UTF-16 without a mark: at least this share of every other byte is zero, and none of the bytes between."""
_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHER_READING: Final = re.compile(
    rb"[\w.%+-]{1,24}@[\w-]{1,24}\.[A-Za-z]{2}|[A-Z][a-z]{2,24}[ .][A-Z][a-z]{2}|[+(\d][\d() ./-]{6,}\d|[A-Za-z @._+-]{24}"
)
"""An address, a name, a number or words in ASCII. No language has them in UTF-16, but by chances of one in millions of characters."""
_OVERLAP: Final = 64


class Form(NamedTuple):
    """How the text of a file lies on the disk."""

    packing: str = ""
    encoding: str = "utf-8"

    @property
    def is_plain(self) -> bool:
        """Whether the bytes are the text, so that a file can be cut by byte ranges."""
        return self == Form()


def form_of(source: Path) -> Form:
    """Return the form of a file, told from its first bytes."""
    with source.open("rb") as file:
        head = file.read(_HEAD)
    packing = next((name for name, magic in _PACKINGS.items() if head.startswith(magic)), "")
    if packing:
        head = next(_unpacked(source, packing, Limits()), b"")[:_HEAD]
    return Form(packing, _encoding(head))


def _encoding(head: bytes) -> str:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        others = head[::2] if encoding == "utf-16-le" else head[1::2]
        if zeros and zeros.count(0) >= max(2, _MIN_ZEROS * len(zeros)) and not others.count(0):
            return encoding
    return "utf-8"


def one_unit(source: Path, form: Form) -> list[Unit]:
    """Return the one unit of a file that is not plain, once it is known to be no bomb.

    Raises:
        CannotClean: it cannot be unpacked.

    """
    if form.packing:
        for _ in _unpacked(source, form.packing, Limits()):
            pass
    return [Unit(0, source.stat().st_size)]


def chunks(source: Path, form: Form, unit: Unit, limits: Limits) -> Iterator[bytes]:
    """Yield the text of a unit as UTF-8, in pieces of about `CHUNK` bytes. Of what is not plain, a unit is always the whole.

    Raises:
        CannotClean: it cannot be unpacked or decoded.

    """
    pieces = _unpacked(source, form.packing, limits) if form.packing else _plain(source, unit)
    return pieces if form.encoding == "utf-8" else _as_utf8(pieces, form.encoding)


def _plain(source: Path, unit: Unit) -> Iterator[bytes]:
    left = unit.stop - unit.start
    with source.open("rb") as file:
        file.seek(unit.start)
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _unpacked(source: Path, packing: str, limits: Limits) -> Iterator[bytes]:
    # A stream of records is never held, so only what unpacks to far more than its size is a bomb.
    job = Job(limits=limits._replace(max_unpacked_bytes=sys.maxsize))
    with source.open("rb") as file:
        yield from packed.unpacked(file, packing, job)


def _as_utf8(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    before = b""
    try:
        for piece in pieces:
            before = before[-_OVERLAP:] + piece
            if _OTHER_READING.search(before):
                raise CannotClean("it reads as text in two encodings, with something personal in the other one")
            yield decoder.decode(piece).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        raise CannotClean(f"damaged: the text is not {encoding.upper()}") from error


@contextmanager
def writing(target: BinaryIO, form: Form) -> Iterator[Callable[[bytes], object]]:
    """Give a function that takes UTF-8 and writes it in this form."""
    with _packing(target, form.packing) as write:
        yield (
            write
            if form.encoding == "utf-8"
            else partial(_write_encoded, write, codecs.getincrementaldecoder("utf-8")(), form.encoding)
        )


def _write_encoded(
    write: Callable[[bytes], object], decoder: codecs.IncrementalDecoder, encoding: str, piece: bytes
) -> None:
    write(decoder.decode(piece).encode(encoding))


@contextmanager
def _packing(target: BinaryIO, packing: str) -> Iterator[Callable[[bytes], object]]:
    if not packing:
        yield target.write
        return
    packer = packed.Packer(target, packing)
    yield packer.write
    packer.close()


def cut_at_newlines(source: Path, unit_bytes: int) -> list[Unit]:
    """Return the byte ranges of a plain file, of at least `unit_bytes` each, that end with a newline."""
    size = source.stat().st_size
    cuts = [0]
    with source.open("rb") as file:
        while (at := cuts[-1] + max(1, unit_bytes)) < size:
            file.seek(at - 1)
            end = _after_newline(file, at - 1)
            if end is None or end >= size:
                break
            cuts.append(end)
    return [Unit(start, stop) for start, stop in zip(cuts, [*cuts[1:], size], strict=True)]


def _after_newline(file: BinaryIO, at: int) -> int | None:
    while chunk := file.read(CHUNK):
        found = chunk.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(chunk)
    return None


def lines_before(source: Path, unit: Unit) -> int:
    """Return how many lines of a plain file come before a unit."""
    return sum(chunk.count(b"\n") for chunk in _plain(source, Unit(0, unit.start)))
