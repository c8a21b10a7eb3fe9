"""A frame: what one write put into a segment. Made of and read as a directory, a hot area and a cold area, all in sealed chunks.

    4 + 8 bytes      sizes of the sealed directory and of all that follows it
    directory        generation, dimensions, record numbers, deleted numbers, sizes, runs
    hot chunks       of each run: its vectors (float32, little-endian), then its ids and the sizes of its cold entries
    cold chunks      of each run: one entry a record, document and metadata; then zeros

Invariants:

- A run holds records of one subject, sealed once more under a key of that subject: without it they are noise.
- The directory's associated data has the tag of the directory before it, so no frame can be left out, put back or moved.
- Nothing is read that was not authenticated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

import msgspec

from privet.errors import Damaged
from privet.keys import derive
from privet.sealed import NONCE_BYTES, TAG_BYTES, Cipher
from privet.vault.layout import (
    COLD,
    COLD_CHUNK,
    DIRECTORY,
    HOT,
    HOT_CHUNK,
    SEGMENT_MAGIC,
    Scope,
    head,
    nonce,
    padding_of,
)

PREFIX: Final = 12
MAX_DIRECTORY: Final = 1 << 30
_INNER_NONCE: Final = bytes(NONCE_BYTES)
"""Each inner key is used once."""


class Run(msgspec.Struct, array_like=True, frozen=True):
    """Records of one subject (None: of nobody) in a frame, and the sizes of what is stored of them."""

    subject: int | None
    count: int
    hot: int
    cold: int


class Directory(msgspec.Struct, array_like=True, frozen=True):
    """What a frame says of itself. `numbers` are ranges (first, count) of record numbers, `deleted` 8 bytes each."""

    generation: int
    dimensions: int
    numbers: list[tuple[int, int]]
    deleted: bytes
    runs: list[Run]
    padding: int
    canary: bytes

    @property
    def hot(self) -> int:
        """Bytes of the hot area before it is sealed."""
        return sum(run.hot for run in self.runs)

    @property
    def cold(self) -> int:
        """Bytes of the cold area before it is sealed, zeros included."""
        return sum(run.cold for run in self.runs) + self.padding


class Entries(msgspec.Struct, array_like=True, frozen=True):
    """The ids of a run, and how long each record's cold entry is."""

    ids: list[str]
    sizes: list[int]


class Cold(msgspec.Struct, array_like=True, frozen=True):
    """A record's document and metadata."""

    document: str | None
    metadata: dict[str, object] | None


class Part(NamedTuple):
    """A run to be written: whose it is, the key of that subject, ids, vectors as bytes, cold entries."""

    subject: int | None
    key: bytes | None
    ids: list[str]
    vectors: bytes | memoryview
    cold: list[bytes]


class Batch(NamedTuple):
    """One write: parts with records that get the numbers `numbers`, and records that go (8 bytes for each number)."""

    parts: Sequence[Part]
    numbers: list[tuple[int, int]]
    deleted: bytes = b""
    dimensions: int = 0
    """0 where there are no records."""


class Segment(NamedTuple):
    """What seals the chunks of one segment."""

    scope: Scope
    id: bytes
    cipher: Cipher

    @classmethod
    def of(cls, scope: Scope, segment: bytes, data_key: bytes) -> Segment:
        """Return the segment of an id."""
        return cls(scope, segment, Cipher(derive(data_key, "vault-segment", segment.hex())))

    def context(self, *parts: bytes) -> bytes:
        """Return associated data bound to this segment."""
        return self.scope.context(head(SEGMENT_MAGIC), self.id, *parts)

    def inner(self, key: bytes, frame: int, area: int) -> Cipher:
        """Return the cipher of a subject's run in an area of a frame: one subject has one run in a frame."""
        return Cipher(derive(key, "vault-run", self.id.hex(), str(frame), str(area)))


class Placed(NamedTuple):
    """A frame in a file: its number there, where it begins, its directory, tag and size."""

    frame: int
    start: int
    directory: Directory
    directory_size: int
    tag: bytes
    size: int

    @property
    def hot_start(self) -> int:
        """Where its hot chunks begin in the file."""
        return self.start + PREFIX + self.directory_size

    @property
    def cold_start(self) -> int:
        """Where its cold chunks begin in the file."""
        return self.hot_start + sealed_size(self.directory.hot, HOT_CHUNK)


def sealed_size(size: int, chunk: int) -> int:
    """Return how many bytes an area takes when it is sealed in chunks."""
    return size + TAG_BYTES * -(-size // chunk)


def encoded(
    segment: Segment,
    frame: int,
    generation: int,
    before: bytes,
    batch: Batch,
    canary: bytes = b"",
) -> tuple[list[bytes], bytes]:
    """Return the bytes of a frame in pieces, and the tag of its directory. `before` is the tag of the directory before it."""
    hot: list[bytes | memoryview] = []
    cold: list[bytes] = []
    runs: list[Run] = []
    for part in batch.parts:
        names = msgspec.msgpack.encode(Entries(part.ids, [len(entry) for entry in part.cold]))
        stored: list[bytes | memoryview] = [part.vectors, names]
        entries = part.cold
        if part.key is not None:
            context = segment.context(frame.to_bytes(4, "big"))
            stored = [segment.inner(part.key, frame, HOT).seal(_INNER_NONCE, b"".join(stored), context)]
            entries = [segment.inner(part.key, frame, COLD).seal(_INNER_NONCE, b"".join(entries), context)]
        runs.append(Run(part.subject, len(part.ids), sum(map(len, stored)), sum(map(len, entries))))
        hot += stored
        cold += entries
    plain = Directory(generation, batch.dimensions, batch.numbers, batch.deleted, runs, 0, canary)
    padding = _padding(plain)
    full = Directory(generation, batch.dimensions, batch.numbers, batch.deleted, runs, padding, canary)
    body = [
        *_chunks(segment, frame, generation, HOT, HOT_CHUNK, b"".join(hot)),
        *_chunks(segment, frame, generation, COLD, COLD_CHUNK, b"".join((*cold, bytes(padding)))),
    ]
    raw = msgspec.msgpack.encode(full)
    prefix = (len(raw) + TAG_BYTES).to_bytes(4, "big") + sum(map(len, body)).to_bytes(8, "big")
    sealed = segment.cipher.seal(
        nonce(frame, DIRECTORY, 0), raw, _directory_context(segment, generation, before, prefix)
    )
    return [prefix, sealed, *body], sealed[-TAG_BYTES:]


def _padding(plain: Directory) -> int:
    """Return how many zeros make the size of a frame a whole number of blocks."""
    directory = len(msgspec.msgpack.encode(plain)) + TAG_BYTES
    fixed = PREFIX + directory + sealed_size(plain.hot, HOT_CHUNK)
    size = fixed + sealed_size(plain.cold, COLD_CHUNK)
    while True:
        size += padding_of(size)
        for extra in (0, 1, 2, 4):
            padding = _opened_size(size - fixed - extra) - plain.cold
            if padding >= 0 and _number_size(padding) == extra:
                sealed = sealed_size(plain.cold + padding, COLD_CHUNK)
                if fixed + extra + sealed == size:
                    return padding
        # No number of zeros gives just this size, since more zeros may take one more tag.
        size += 1


def _opened_size(sealed: int) -> int:
    """Return how many bytes of a cold area, at most, give a sealed one of this size."""
    chunks, rest = divmod(sealed, COLD_CHUNK + TAG_BYTES)
    return chunks * COLD_CHUNK + max(0, rest - TAG_BYTES)


def _number_size(number: int) -> int:
    """Return how many bytes MessagePack needs for a number beyond those for 0."""
    return 0 if number < 128 else 1 if number < 256 else 2 if number < 65536 else 4


def _directory_context(segment: Segment, generation: int, before: bytes, prefix: bytes) -> bytes:
    return segment.context(generation.to_bytes(8, "big"), before, prefix)


def _chunks(segment: Segment, frame: int, generation: int, area: int, chunk: int, data: bytes) -> Iterator[bytes]:
    context = segment.context(generation.to_bytes(8, "big"))
    view = memoryview(data)
    for number, start in enumerate(range(0, len(view), chunk)):
        yield segment.cipher.seal(nonce(frame, area, number), view[start : start + chunk], context)


def placed(segment: Segment, file: BinaryIO, start: int, frame: int, generation: int, before: bytes) -> Placed | None:
    """Return the frame that begins at a place of a file, None where none is whole there by its sizes and directory."""
    file.seek(start)
    prefix = file.read(PREFIX)
    if len(prefix) < PREFIX:
        return None
    size, rest = int.from_bytes(prefix[:4], "big"), int.from_bytes(prefix[4:], "big")
    if not TAG_BYTES <= size <= MAX_DIRECTORY:
        return None
    sealed = file.read(size)
    if len(sealed) < size:
        return None
    context = _directory_context(segment, generation, before, prefix)
    raw = segment.cipher.unseal(nonce(frame, DIRECTORY, 0), sealed, context)
    if raw is None:
        return None
    directory = msgspec.msgpack.decode(raw, type=Directory)
    end = file.seek(0, 2)
    whole = PREFIX + size + rest
    return Placed(frame, start, directory, size, sealed[-TAG_BYTES:], whole) if start + whole <= end else None


def hot_area(segment: Segment, file: BinaryIO, place: Placed, name: str) -> memoryview:
    """Return the hot area of a frame.

    Raises:
        Damaged: a chunk is not what was written.

    """
    area = bytearray(place.directory.hot)
    view = memoryview(area)
    context = segment.context(place.directory.generation.to_bytes(8, "big"))
    file.seek(place.hot_start)
    for number, start in enumerate(range(0, len(area), HOT_CHUNK)):
        piece = view[start : start + HOT_CHUNK]
        sealed = file.read(len(piece) + TAG_BYTES)
        if not segment.cipher.unseal_into(nonce(place.frame, HOT, number), sealed, context, piece):
            raise damaged(name)
    return view


def cold_part(segment: Segment, file: BinaryIO, place: Placed, start: int, end: int, name: str) -> bytes:
    """Return bytes of the cold area of a frame.

    Raises:
        Damaged: a chunk is not what was written.

    """
    context = segment.context(place.directory.generation.to_bytes(8, "big"))
    size = place.directory.cold
    out = []
    for number in range(start // COLD_CHUNK, -(-end // COLD_CHUNK)):
        file.seek(place.cold_start + number * (COLD_CHUNK + TAG_BYTES))
        length = min(COLD_CHUNK, size - number * COLD_CHUNK)
        chunk = segment.cipher.unseal(nonce(place.frame, COLD, number), file.read(length + TAG_BYTES), context)
        if chunk is None:
            raise damaged(name)
        out.append(chunk)
    first = start - start // COLD_CHUNK * COLD_CHUNK
    return b"".join(out)[first : first + end - start]


def hot_runs(
    segment: Segment, place: Placed, area: memoryview, key_of: Callable[[int], bytes | None], name: str
) -> Iterator[tuple[Run, memoryview, Entries] | None]:
    """Yield of each run its vectors as bytes and its entries; None for one whose subject was forgotten.

    Raises:
        Damaged: a subject's key does not open its run.

    """
    position = 0
    context = segment.context(place.frame.to_bytes(4, "big"))
    for run in place.directory.runs:
        part = area[position : position + run.hot]
        position += run.hot
        if run.subject is not None:
            key = key_of(run.subject)
            if key is None:
                yield None
                continue
            opened = segment.inner(key, place.frame, HOT).unseal(_INNER_NONCE, part, context)
            if opened is None:
                raise damaged(name)
            part = memoryview(opened)
        size = run.count * place.directory.dimensions * 4
        yield run, part[:size], msgspec.msgpack.decode(part[size:], type=Entries)


def cold_run(segment: Segment, place: Placed, run: Run, sealed: bytes, key: bytes | None, name: str) -> bytes:
    """Return the cold entries of a run, opened with its subject's key.

    Raises:
        Damaged: the key does not open it.

    """
    if run.subject is None:
        return sealed
    context = segment.context(place.frame.to_bytes(4, "big"))
    opened = None if key is None else segment.inner(key, place.frame, COLD).unseal(_INNER_NONCE, sealed, context)
    if opened is None:
        raise damaged(name)
    return opened


def damaged(name: str) -> Damaged:
    """Return the error for a file that is not what was written."""
    return Damaged(
        f"the file {name} of the vault is damaged", hint="restore the data folder from a backup; nothing was changed"
    )
