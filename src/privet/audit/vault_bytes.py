"""The bytes of a store of embeddings, as a stranger finds them who knows the published formats and has no key.

Invariants:

- Files are looked at where they lie: nothing is written, and memory does not grow with them.
- What a format leaves open (magic, sizes) is told apart from what it calls sealed only by what docs/formats/vault.md says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from privet.audit.files import files_of, name_of
from privet.errors import BadInput

Bytes = NDArray[np.uint8]

_HEAD: Final = 16
_PREFIX: Final = 12
_TAG: Final = 16
_HOT_CHUNK: Final = 1 << 20
_OWN: Final = b"PVT"
_SEGMENT: Final = b"PVTSEGMT"
_SAMPLE: Final = 1 << 22
_PIECES: Final = 4


class Stored(NamedTuple):
    """A file: its name in the store, its bytes, and where it calls itself sealed (first, end)."""

    name: str
    data: Bytes
    sealed: list[tuple[int, int]]

    def __repr__(self) -> str:
        return f"Stored({len(self.data)} bytes)"

    def sample(self) -> Bytes:
        """Return some of what should look like chance: all of it, or pieces from all over the file."""
        whole = [self.data[start:end] for start, end in self.sealed if end > start]
        size = sum(map(len, whole))
        if size <= _SAMPLE:
            return np.concatenate(whole) if whole else self.data[:0]
        pieces = []
        for number in range(_PIECES):
            skip = (size - _SAMPLE // _PIECES) * number // (_PIECES - 1)
            pieces += _cut(whole, skip, _SAMPLE // _PIECES)
        return np.concatenate(pieces)


def stored_files(root: Path) -> list[Stored]:
    """Return the files of a store, the largest first; those that are empty left out.

    Raises:
        BadInput: there are none, or one cannot be read.

    """
    if not root.exists():
        raise BadInput("there is no such store", hint="name a file or a folder")
    found = []
    for path in files_of(root):
        try:
            if not path.stat().st_size:
                continue
            data = np.memmap(path, dtype=np.uint8, mode="r")
        except OSError as error:
            raise BadInput("a file of the store cannot be read", hint="check its permissions") from error
        found.append(Stored(name_of(root, path), data, _sealed(data)))
    if not found:
        raise BadInput("the store holds nothing", hint="name the folder or file that the embeddings are in")
    return sorted(found, key=lambda each: (-len(each.data), each.name))


def vector_areas(stored: Stored) -> list[Bytes]:
    """Return where vectors may begin: the file, what is sealed of it, and the vectors' part of a segment without tags."""
    areas = [stored.data]
    if stored.data[: len(_SEGMENT)].tobytes() == _SEGMENT and len(stored.sealed) > 1:
        bodies = [stored.data[start:end] for start, end in stored.sealed[1::2]]
        areas.append(np.concatenate([_without_tags(body) for body in bodies]))
    return areas


def _without_tags(body: Bytes) -> Bytes:
    step = _HOT_CHUNK + _TAG
    return np.concatenate([body[start : start + step][:_HOT_CHUNK] for start in range(0, len(body), step)] or [body])


def _sealed(data: Bytes) -> list[tuple[int, int]]:
    """Return directories and bodies of the frames of a segment in turn, all but the head of another file of a vault, or all."""
    if data[: len(_OWN)].tobytes() != _OWN:
        return [(0, len(data))]
    found: list[tuple[int, int]] = []
    start = _HEAD
    if data[: len(_SEGMENT)].tobytes() == _SEGMENT:
        while start + _PREFIX <= len(data):
            prefix = data[start : start + _PREFIX].tobytes()
            directory, rest = int.from_bytes(prefix[:4], "big"), int.from_bytes(prefix[4:], "big")
            body = start + _PREFIX + directory
            if not directory or body + rest > len(data):
                break
            found += [(start + _PREFIX, body), (body, body + rest)]
            start = body + rest
    # Behind the last frame that is whole may be what a crash has left.
    return [*found, (start, len(data))] if start < len(data) else found


def _cut(pieces: list[Bytes], skip: int, size: int) -> list[Bytes]:
    out = []
    for piece in pieces:
        if skip < len(piece) and size > 0:
            out.append(piece[skip : skip + size])
            size -= len(out[-1])
        skip = max(0, skip - len(piece))
    return out
