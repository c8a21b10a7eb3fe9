"""What was found in files before, so that an unchanged repository is checked in no time.

Invariants: an entry is found again by a keyed digest of path and content, or of path and stamp, which spares reading the file; it holds
rule ids, places and words written for rules, never a value and never a path. Another version of the rules is another cache. Losing it costs
time only, so whatever is wrong with it is no error.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from privet.check.exceptions import Allowance
from privet.check.facts import Note
from privet.check.rules import BY_ID
from privet.check.weakness import Weakness

_MOST: Final = 100_000
_RACE_NS: Final = 2_000_000_000
"""A file that changed so shortly before may change again with the same times: git's racy files (Documentation/technical/racy-git.txt)."""
_KEY_BYTES: Final = 32


class _File(msgspec.Struct, array_like=True):
    key: bytes
    entries: dict[bytes, bytes]


class _Entry(msgspec.Struct, array_like=True):
    notes: list[tuple[int, str]]
    allowances: list[tuple[str, int]]
    weaknesses: list[tuple[str, int, int, str, bool, str]]


class Known(NamedTuple):
    """What an entry says of a file."""

    notes: tuple[Note, ...]
    allowances: tuple[Allowance, ...]
    weaknesses: tuple[Weakness, ...]


class Cache:
    """Entries by key; `load` and `save` are the only calls that touch the disk."""

    def __init__(self, secret: bytes, entries: Mapping[bytes, bytes]) -> None:
        self._secret = secret
        self._entries = entries
        self._used: dict[bytes, bytes] = {}
        self._new: dict[bytes, bytes] = {}
        self._settled_ns = time.time_ns() - _RACE_NS

    def place(self, path: str, stamp: tuple[int, ...]) -> bytes | None:
        """Return what an entry is found by without reading the file; None where its stamp does not tell it from what comes next.

        A stamp ends with the times of content and of inode in nanoseconds.
        """
        if not stamp or max(stamp[-2:]) >= self._settled_ns:
            return None
        return hashlib.blake2b(
            f"{path}\0{stamp}".encode(errors="surrogateescape"), digest_size=16, key=self._secret
        ).digest()

    def key(self, path: str, raw: bytes, today: date) -> bytes:
        """Return what an entry is found by. Allowances expire, so a file that has one is another file tomorrow."""
        day = today.isoformat() if b"privet:" in raw else ""
        digest = hashlib.blake2b(raw, digest_size=16, key=self._secret)
        digest.update(f"\0{path}\0{day}".encode(errors="surrogateescape"))
        return digest.digest()

    def get(self, key: bytes, path: str, *, place: bytes | None = None) -> Known | None:
        """Return what is known of a file, None for nothing; keep it for its place, too."""
        raw = self._entries.get(key)
        if raw is None:
            return None
        self._used[key] = raw
        if place is not None:
            self._new[place] = raw
        if not raw:
            return Known((), (), ())
        entry = msgspec.msgpack.decode(raw, type=_Entry)
        return Known(
            tuple(Note(path, line, message) for line, message in entry.notes),
            tuple(Allowance(rule, path, line) for rule, line in entry.allowances),
            tuple(
                Weakness(BY_ID[rule], path, start, end, _named(unit, path), is_missing=is_missing, setting=setting)
                for rule, start, end, unit, is_missing, setting in entry.weaknesses
            ),
        )

    def put(
        self,
        key: bytes,
        path: str,
        notes: Iterable[Note],
        allowances: Iterable[Allowance],
        weaknesses: Iterable[Weakness],
        *,
        place: bytes | None = None,
    ) -> None:
        """Keep what was found in a file, by what it holds and by its place."""
        entry = _Entry(
            [(note.line, note.message) for note in notes],
            [(item.rule, item.line) for item in allowances],
            [
                (item.rule.id, item.start, item.end, _nameless(item.unit, path), item.is_missing, item.setting)
                for item in weaknesses
            ],
        )
        is_empty = not (entry.notes or entry.allowances or entry.weaknesses)
        raw = b"" if is_empty else msgspec.msgpack.encode(entry)
        self._new.update({name: raw for name in (key, place) if name is not None})

    def taken(self) -> dict[bytes, bytes]:
        """Return what was used or added since the last call: a process hands it to the one that saves."""
        found = {**self._used, **self._new}
        self._used, self._new = {}, {}
        return found

    def add(self, entries: Mapping[bytes, bytes]) -> None:
        """Take what another process used or added."""
        self._new.update(entries)

    def save(self, folder: Path) -> None:
        """Write what was used or added in this run, and of the rest as much as there is room for."""
        now = self.taken()
        if now.keys() <= self._entries.keys():
            return
        rest = (item for item in self._entries.items() if item[0] not in now)
        kept = dict(now)
        for key, value in rest:
            if len(kept) >= _MOST:
                break
            kept[key] = value
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = folder / f".{os.getpid()}.tmp"
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.msgpack.encode(_File(self._secret, kept)))
            name = _name()
            beside.replace(folder / name)
            for other in folder.glob("check-*"):
                if other.name != name:
                    other.unlink()


_OWN_NAME: Final = "\0"
"""Stands where a unit is called by its file: the name of a file may be somebody's."""


def _nameless(unit: str, path: str) -> str:
    return unit.replace(path.rpartition("/")[2], _OWN_NAME)


def _named(unit: str, path: str) -> str:
    return unit.replace(_OWN_NAME, path.rpartition("/")[2])


def load(folder: Path) -> Cache:
    """Return the cache of a folder, an empty one where it cannot be read."""
    try:
        file = msgspec.msgpack.decode((folder / _name()).read_bytes(), type=_File)
        return Cache(file.key, file.entries)
    except (OSError, msgspec.MsgspecError):
        return Cache(os.urandom(_KEY_BYTES), {})


def folder_of(environment: Mapping[str, str]) -> Path | None:
    """Return where caches belong by the XDG base directory specification, None where there is no home."""
    named = environment.get("XDG_CACHE_HOME") or (f"{environment['HOME']}/.cache" if environment.get("HOME") else "")
    return Path(named) / "privet" if named.startswith("/") else None


def _name() -> str:
    """Return the file's name: the rules and readers as they are now, by the sizes and times of their files."""
    here = Path(__file__).parent
    stats = [
        (path.name, path.stat())
        for folder in (here, here / "rules", here.parent / "detect")
        for path in sorted(folder.glob("*.py"))
    ]
    told = "".join(f"{name} {stat.st_size} {stat.st_mtime_ns}\n" for name, stat in stats)
    return f"check-{hashlib.blake2b(told.encode(), digest_size=8).hexdigest()}"
