"""Where each output goes: the place of its input, as far as a file system and the other outputs allow.

Invariants:

- No two outputs have one place, none is below another, and none stands where the manifest does; names that differ in case or in how
  an accent is written count as the same, as some systems take them for it.
- Nothing in the output begins with `.privet`, whatever its input was called.
- A name that grew too long while it was cleaned is cut, its ending stays; of a path that did, the folders give way to a digest.
- The same names in the same order get the same places.
"""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import PurePosixPath
from typing import Final

from privet.ingest.plan import MANIFEST, PREFIX

_MAX_NAME_BYTES: Final = 255
_MAX_ENDING_BYTES: Final = 40
_MAX_PLACE_BYTES: Final = 3000
"""Linux takes paths of 4,096: the rest is for that of the output itself."""


class Places:
    """Gives each output its place.

    >>> places = Places()
    >>> [places.free(name) for name in ("a/b.txt", "a/B.txt", "a/b.txt/c", ".privet-notes")]
    ['a/b.txt', 'a/B-2.txt', 'a/b-3.txt/c', '_.privet-notes']
    """

    def __init__(self) -> None:
        self._files = {_same(MANIFEST)}
        self._folders: set[str] = set()
        self._chosen: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def free(self, name: str, suffix: str = "") -> str:
        """Return a place for a file; `suffix` stands instead of its own where it is of another kind now."""
        *folders, last = PurePosixPath(name.lstrip("/")).parts or ("_",)
        if suffix:
            last = str(PurePosixPath(last).with_suffix(suffix))
        if len(name.encode()) > _MAX_PLACE_BYTES:
            folders = [f"deep-{hashlib.blake2b('/'.join(folders).encode(), digest_size=12).hexdigest()}"]
        place = ""
        for folder in folders:
            place = self._folder(place + _fitting(folder)) + "/"
        free = self._unused(place + _fitting(last), is_folder=False)
        self._files.add(_same(free))
        return free

    def _folder(self, wanted: str) -> str:
        known = self._chosen.get(wanted)
        if known is None:
            known = self._chosen[wanted] = self._unused(wanted, is_folder=True)
            self._folders.add(_same(known))
        return known

    def _unused(self, wanted: str, *, is_folder: bool) -> str:
        """Return a place at which no file is, nor a folder where a file is to be: with a number where it has to be."""
        path = PurePosixPath(wanted)
        free, number = wanted, self._numbers.get(_same(wanted), 2)
        while _same(free) in self._files or (not is_folder and _same(free) in self._folders):
            free, number = str(path.with_name(_cut(path.name, f"-{number}"))), number + 1
        # What comes later with the same name goes on counting here: a hundred thousand of them take no hundred thousand squared looks.
        self._numbers[_same(wanted)] = number
        return free


def _same(place: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", place).casefold())


def _fitting(name: str) -> str:
    """Return a component of a path that file systems take and that is not one of ours."""
    if name.casefold().startswith(PREFIX):
        name = f"_{name}"
    return _cut(name, "")


def _cut(name: str, number: str) -> str:
    """Return a name with a number before its ending, no longer than a name may be."""
    ending = PurePosixPath(name).suffix
    if len(ending.encode()) > _MAX_ENDING_BYTES:
        ending = ""
    stem = name.removesuffix(ending) if ending else name
    room = _MAX_NAME_BYTES - len(number) - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore") + number + ending
