"""Elements of EBML, which Matroska and WebM are made of: read and written.

Invariants: an element longer than what holds it is refused; a length that is not known is said as such, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple

from privet.metadata.job import CannotClean

VOID, CHECKSUM = 0xEC, 0xBF
_HEAD_BYTES: Final = 12


class Element(NamedTuple):
    """An element in a file: its id, where it and its content start, and where it ends, or less than nought if that is not known."""

    id: int
    start: int
    body: int
    end: int


def head(content: bytes | memoryview, at: int = 0) -> tuple[int, int, int]:
    """Return the id, the length and the size of the header at a place. The length is less than nought if it is not known."""
    first = content[at] if at < len(content) else 0
    width = 9 - first.bit_length()
    if not 1 <= width <= 4 or at + width >= len(content):
        raise CannotClean("damaged: an element has no id")
    name = int.from_bytes(content[at : at + width])
    size_at = at + width
    size_width = 9 - content[size_at].bit_length()
    if size_width > 8 or size_at + size_width > len(content):
        raise CannotClean("damaged: an element has no length")
    size = int.from_bytes(content[size_at : size_at + size_width]) & (1 << 7 * size_width) - 1
    if size == (1 << 7 * size_width) - 1:
        size = -1
    return name, size, width + size_width


def in_file(source: BinaryIO, start: int, end: int) -> Iterator[Element]:
    """Yield the elements between two places; after one whose length is not known, none."""
    at = start
    while end - at >= 2:
        source.seek(at)
        name, size, used = head(source.read(_HEAD_BYTES))
        if size < 0:
            yield Element(name, at, at + used, -1)
            return
        yield Element(name, at, at + used, at + used + size)
        at += used + size


def in_memory(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the id and the content of the elements that stand side by side."""
    at = 0
    while at < len(content):
        name, size, used = head(content, at)
        at += used
        if size < 0 or at + size > len(content):
            raise CannotClean("damaged: an element is longer than what holds it")
        yield name, content[at : at + size]
        at += size


def name_bytes(name: int) -> bytes:
    """Return an id as it stands in a file."""
    return name.to_bytes((name.bit_length() + 7) // 8)


def element(name: int, *pieces: bytes) -> bytes:
    """Return an element."""
    size = sum(len(piece) for piece in pieces)
    width = max(1, -(-(size + 1).bit_length() // 7))
    return b"".join((name_bytes(name), (size | 1 << 7 * width).to_bytes(width), *pieces))


def long_head(name: int, size: int) -> bytes:
    """Return the header of an element, with its length in eight bytes."""
    return name_bytes(name) + (size | 1 << 56).to_bytes(8)


def number(name: int, value: int) -> bytes:
    """Return an element that holds a whole number."""
    return element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


Keep = Callable[[bytes], "bytes | None"]
"""Content of an element → the content to write, or None where it is left out."""


def as_is(content: bytes) -> bytes:
    """Keep numbers as they are: they are eight bytes at most."""
    if len(content) > 8:
        raise CannotClean("damaged: a number of more than eight bytes")
    return content


def any_bytes(content: bytes) -> bytes:
    """Keep content as it is."""
    return content


def kept(content: bytes, table: Mapping[int, Keep], left_out: Callable[[int], None] = lambda _name: None) -> bytes:
    """Return the elements of a table, each as its rule says."""
    out = []
    for name, body in in_memory(content):
        rule = table.get(name)
        new = rule(body) if rule is not None else None
        if new is not None:
            out.append(element(name, new))
        elif name not in {VOID, CHECKSUM}:
            left_out(name)
    return b"".join(out)


def master(table: Mapping[int, Keep]) -> Keep:
    """Return the rule for an element that holds others."""
    return lambda content: kept(content, table)


def numbers(*names: int) -> dict[int, Keep]:
    """Return a table of elements that are numbers."""
    return dict.fromkeys(names, as_is)
