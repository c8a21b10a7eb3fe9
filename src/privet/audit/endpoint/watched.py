"""What has changed on disk since the audit began, and what of the planted marks is in it.

Invariants:

- Nothing but regular files is opened, and nothing is written.
- A file that cannot be read, or was not read to its end, is counted.
- Links to folders are followed once; a folder that is met twice is looked at once.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Final, NamedTuple

from privet.audit.endpoint.processes import Processes
from privet.audit.endpoint.traces import Search, Traces

_MAX_FILES: Final = 200_000
_HEAD_BYTES: Final = 4096
_MAX_DEPTH: Final = 12
_USED_SECONDS: Final = 1.0
_NOT_OWN: Final = frozenset(
    (".git", "node_modules", ".venv", "venv", "site-packages", "__pycache__", ".cache", ".mypy_cache")
)
"""Folders of tools, which are large and where nobody writes what was asked."""
_WHOLE_BYTES: Final = 64 * 1024 * 1024
_SLACK_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.1
_QUIET_SECONDS: Final = 0.4
_DATABASES: Final = (
    b"SQLite format 3\0",
    b"\x37\x7f\x06\x82",
    b"\x37\x7f\x06\x83",
    b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
)
_DATABASE_ENDS: Final = (
    ".db", ".sqlite", ".sqlite3", "-wal", "-journal", "-shm", ".mdb", ".ldb", ".sst", ".duckdb", ".rdb", ".aof", ".lmdb", ".ibd",
)  # fmt: skip
LOG: Final = "a log or text file"
DATABASE: Final = "a database"
PACKED: Final = "a packed file"
OTHER: Final = "another file"
OPEN: Final = "an open file without a name"


class Seen(NamedTuple):
    """What tells whether a file has changed."""

    size: int
    modified_ns: int
    changed_ns: int


class File(NamedTuple):
    """A file: where to open it, what it is called, and what is known of it. `is_unnamed`: it was deleted and is still open."""

    path: Path
    name: str
    is_unnamed: bool
    seen: Seen


Files = dict[tuple[int, int], File]
"""by device and inode"""


@dataclass(slots=True, repr=False)
class Watched:
    """Folders and a process whose files are looked at."""

    folders: tuple[Path, ...]
    processes: Processes | None
    before: Files = field(default_factory=dict)
    began: float = 0.0
    unreadable: int = 0
    """folders and files that could not be opened"""
    unread: int = 0
    """files that were not read to their end"""
    partly: bool = False
    """whether the folder that the process works in was too large to be looked at whole"""
    hashed: set[str] = field(default_factory=set)
    changed: int = 0

    def begin(self) -> None:
        """Note what is there."""
        self.began = time.time()
        self.before = self._all()

    def _all(self, *, everywhere: bool = True) -> Files:
        """Return the files as they are; not `everywhere`: without the folders that the process only happens to use."""
        walk = _Walk()
        for folder in self.folders:
            walk.below(folder)
        self.unreadable = walk.unreadable
        if self.processes is not None:
            for name, path, unnamed in self.processes.files():
                with suppress(OSError):
                    _add(walk.files, path, name, path.stat(), is_unnamed=unnamed)
            for folder, whole in self.processes.folders() if everywhere else ():
                # Much may lie there that is nobody's business here: only what is new is looked at, and not for long.
                used = _Walk(walk.files, walk.visited, self.began - _SLACK_SECONDS, time.monotonic() + _USED_SECONDS)
                used.below(folder, depth=_MAX_DEPTH if whole else 1)
                self.partly = self.partly or (whole and used.cut)
        return walk.files

    async def quiet(self, most_seconds: float) -> None:
        """Wait until nothing changes any more, so long at most."""
        until = time.monotonic() + most_seconds
        state = await asyncio.to_thread(self._all, everywhere=False)
        since = time.monotonic()
        while (now := time.monotonic()) < until and now - since < _QUIET_SECONDS:
            await asyncio.sleep(_POLL_SECONDS)
            begun = time.monotonic()
            newer = await asyncio.to_thread(self._all, everywhere=False)
            if newer != state:
                state, since = newer, time.monotonic()
            # Large folders are not walked all the time.
            await asyncio.sleep(min(2 * (time.monotonic() - begun), max(0.0, until - time.monotonic())))

    async def search(self, traces: Traces, most_bytes: int) -> Mapping[str, set[str]]:
        """Return in what kinds of files the marks are, by name."""
        search = Search(traces, most_bytes)
        found: dict[str, set[str]] = defaultdict(set)
        try:
            await asyncio.to_thread(self._search, search, found)
        finally:
            search.stopped = True
        self.unread, self.hashed = search.unread, search.hashed
        return found

    def _search(self, search: Search, found: dict[str, set[str]]) -> None:
        looked: dict[tuple[int, int], Seen] = {}
        closed: set[tuple[int, int]] = set()
        # Twice: what was written while the first files were read is read then.
        for _ in range(2):
            for key, file in sorted(self._all().items(), key=lambda item: item[1].seen.size):
                old = self.before.get(key)
                if (old is not None and old.seen == file.seen) or looked.get(key) == file.seen:
                    continue
                looked[key] = file.seen
                begin = old.seen.size if old is not None else 0
                try:
                    for kind, names in self._inside(search, file, begin):
                        for name in names:
                            found[name].add(kind)
                except FileNotFoundError:
                    continue
                except OSError:
                    closed.add(key)
        self.changed = len(looked)
        self.unreadable += len(closed)

    def _inside(self, search: Search, file: File, known: int) -> Iterator[tuple[str, set[str]]]:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode):
                return
            head = os.pread(descriptor, _HEAD_BYTES, 0)
            kind = OPEN if file.is_unnamed else _kind(file.name, head)
            # Of a long log only what was added; anything else may have changed anywhere.
            begin = max(0, known - _HEAD_BYTES) if kind == LOG and known > _WHOLE_BYTES and info.st_size >= known else 0
            plain, packed = search.through(lambda at, many: os.pread(descriptor, many, at), begin, info.st_size)
            yield kind, plain
            yield PACKED if kind == OTHER else kind, packed - plain
        finally:
            os.close(descriptor)


@dataclass(slots=True, repr=False)
class _Walk:
    """Folders from the top down. `since`: what was changed before then is left out; `until`: when to stop."""

    files: Files = field(default_factory=dict)
    visited: set[tuple[int, int]] = field(default_factory=set)
    since: float = 0.0
    until: float = inf
    unreadable: int = 0
    cut: bool = False

    def below(self, top: Path, depth: int = 1 << 20) -> None:
        """Note the files of a folder, and of those in it; a file is itself."""
        waiting = deque([(top, depth)])
        while waiting:
            if len(self.files) >= _MAX_FILES or time.monotonic() > self.until:
                self.cut = True
                return
            folder, left = waiting.popleft()
            try:
                info = folder.stat()
                if stat.S_ISREG(info.st_mode):
                    _add(self.files, folder, folder.name, info, is_unnamed=False)
                elif stat.S_ISDIR(info.st_mode) and (info.st_dev, info.st_ino) not in self.visited:
                    self.visited.add((info.st_dev, info.st_ino))
                    waiting.extend((inner, left - 1) for inner in self._inside(folder) if left)
            except FileNotFoundError:
                self.unreadable += folder == top
            except OSError:
                self.unreadable += 1

    def _inside(self, folder: Path) -> list[Path]:
        """Note the files of a folder, and return the folders in it."""
        inner = []
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    info = entry.stat()
                    if stat.S_ISDIR(info.st_mode):
                        if not (self.since and entry.name in _NOT_OWN):
                            inner.append(Path(entry.path))
                    elif stat.S_ISREG(info.st_mode) and max(info.st_mtime, info.st_ctime) >= self.since:
                        _add(self.files, Path(entry.path), entry.name, info, is_unnamed=False)
        return inner


def _add(files: Files, path: Path, name: str, info: os.stat_result, *, is_unnamed: bool) -> None:
    seen = Seen(info.st_size, info.st_mtime_ns, info.st_ctime_ns)
    files.setdefault((info.st_dev, info.st_ino), File(path, name, is_unnamed, seen))


def _kind(name: str, head: bytes) -> str:
    if head.startswith(_DATABASES) or name.lower().endswith(_DATABASE_ENDS):
        return DATABASE
    if name.lower().endswith((".gz", ".zst", ".bz2", ".xz", ".zip", ".tgz", ".7z", ".lz4", ".zstd")):
        return PACKED
    return OTHER if b"\0" in head else LOG if _reads_as_text(head) else OTHER


def _reads_as_text(head: bytes) -> bool:
    strange = sum(byte < 9 or 13 < byte < 32 for byte in head)
    return strange * 50 <= len(head)
