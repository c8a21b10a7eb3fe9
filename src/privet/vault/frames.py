"""A frame: what one write puts into a segment. It is made of a directory, a hot area and a cold area, all in sealed chunks.

    4 + 8 bytes      sizes of the sealed directory and of all that follows it
    directory        generation, dimensions, record numbers, deleted numbers, sizes, runs
    hot chunks       of each run: its vectors (float32, little-endian), then its ids and the sizes of its cold entries
    cold chunks      of each run: one entry a record, document and metadata; then zeros

Invariants:

- A run holds records of one subject, sealed once more under a key of that subject: without it they are noise.
- The directory's associated data has the tag of the directory before it, so no frame can be left out, put back or moved.
- A frame of one number in one segment is encoded once: its nonces do not come again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from privet.errors import BadInput
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
INNER_NONCE: Final = bytes(NONCE_BYTES)
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
    """A frame in a file: its number there, where it begins, its directory, tag and size, and the sizes of its areas when they are open."""

    frame: int
    start: int
    directory: Directory
    directory_size: int
    tag: bytes
    size: int
    hot: int
    cold: int

    @property
    def hot_start(self) -> int:
        """Where its hot chunks begin in the file."""
        return self.start + PREFIX + self.directory_size

    @property
    def cold_start(self) -> int:
        """Where its cold chunks begin in the file."""
        return self.hot_start + sealed_size(self.hot, HOT_CHUNK)


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
            stored = [segment.inner(part.key, frame, HOT).seal(INNER_NONCE, b"".join(stored), context)]
            entries = [masked(segment.inner(part.key, frame, COLD), b"".join(entries))]
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
    if len(raw) + TAG_BYTES > MAX_DIRECTORY:
        raise BadInput("too many records for one write", hint="add them in parts")
    prefix = (len(raw) + TAG_BYTES).to_bytes(4, "big") + sum(map(len, body)).to_bytes(8, "big")
    sealed = segment.cipher.seal(
        nonce(frame, DIRECTORY, 0), raw, directory_context(segment, generation, before, prefix)
    )
    return [prefix, sealed, *body], sealed[-TAG_BYTES:]


def masked(cipher: Cipher, data: bytes) -> bytes:
    """Return data under the key stream of a cipher, or what was so: GCM without its tag is counter mode (NIST SP 800-38D section 6.5).

    That it is whole tells the chunk around it, and that the key is the right one the run in the hot area.
    """
    return cipher.seal(INNER_NONCE, data, b"")[:-TAG_BYTES]


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


def directory_context(segment: Segment, generation: int, before: bytes, prefix: bytes) -> bytes:
    """Return the associated data of a directory."""
    return segment.context(generation.to_bytes(8, "big"), before, prefix)


def _chunks(segment: Segment, frame: int, generation: int, area: int, chunk: int, data: bytes) -> Iterator[bytes]:
    context = segment.context(generation.to_bytes(8, "big"))
    view = memoryview(data)
    for number, start in enumerate(range(0, len(view), chunk)):
        yield segment.cipher.seal(nonce(frame, area, number), view[start : start + chunk], context)
