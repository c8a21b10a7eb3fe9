"""The server's process and what it has started, from outside: files, sockets, where it listens. Linux alone (`proc(5)`).

Invariants:

- A process is known by its id and when it started: an id that is used again is another process.
- Nothing is changed, signalled or attached to. What may not be read is said, not taken for empty.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_LISTENS: Final = "0A"
_MEMORY: Final = ("/memfd:", "/dev/shm/", "/dev/", "/proc/", "/sys/", "anon_inode:", "/SYSV", "/[aio]")  # noqa: S108 - what is no disk
_WRITES: Final = os.O_WRONLY | os.O_RDWR


@dataclass(slots=True, repr=False)
class Processes:
    """A process and its children, also those that have lost their parent since they were first seen."""

    pid: int
    started: str
    _known: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, pid: int) -> Processes | str:
        """Return the process of an id, or why it cannot be watched: one sentence."""
        if not (_PROC / "self" / "stat").exists():
            return "processes can only be watched on Linux"
        started = _started(pid)
        if started is None:
            return "no process has the id of --server-pid"
        try:
            list((_PROC / str(pid) / "fd").iterdir())
        except OSError:
            return "what the process of --server-pid has open may not be read: audit as its user, or as root"
        return cls(pid, started)

    @property
    def lives(self) -> bool:
        """Whether it is still the same process."""
        return _started(self.pid) == self.started

    def ids(self) -> list[int]:
        """Return the ids of the process and of what it has started, all the way down."""
        self._known = {pid: since for pid, since in self._known.items() if _started(pid) == since}
        waiting = [self.pid, *self._known]
        seen: dict[int, str] = {}
        while waiting:
            pid = waiting.pop()
            since = _started(pid)
            if pid in seen or since is None:
                continue
            seen[pid] = since
            waiting += _children(pid)
        self._known |= seen
        return sorted(seen)

    def open_sockets(self) -> Iterator[tuple[int, int, int]]:
        """Yield the inodes of their sockets, with a process and its descriptor."""
        for pid in self.ids():
            for number, link in _links(pid):
                if link.startswith("socket:["):
                    yield int(link[8:-1]), pid, int(number)

    def listens_at(self, port: int) -> bool:
        """Tell whether one of them listens at a port; in a network of its own (a container) at any, as it may be another inside."""
        inodes = {inode for inode, _, _ in self.open_sockets()}
        other = _namespace(self.pid) != _namespace(os.getpid())
        ports = set()
        for name in ("tcp", "tcp6"):
            with suppress(OSError):
                for line in (_PROC / str(self.pid) / "net" / name).read_text("ascii").splitlines()[1:]:
                    row = line.split()
                    if row[3] == _LISTENS and int(row[9]) in inodes:
                        ports.add(int(row[1].rpartition(":")[2], 16))
        return bool(ports) if other else port in ports

    def files(self) -> Iterator[tuple[str, Path, bool]]:
        """Yield what they, and those that read what they print, may write to disk: its name, where to open it, whether it is deleted."""
        pids = self.ids()
        for pid in dict.fromkeys([*pids, *_readers(pids)]):
            for number, link in _links(pid):
                path = _PROC / str(pid) / "fd" / number
                if link.startswith("/") and not link.startswith(_MEMORY) and _is_written(pid, number, path):
                    yield link, path, link.endswith(" (deleted)")

    def folders(self) -> list[tuple[Path, bool]]:
        """Return the folders that they use, as they see them, and whether the folders in them belong to it.

        They are those that they work in, and that of temporary files; not a root folder, as it is everything.
        """
        temporary = _PROC / str(self.pid) / "root" / "tmp"
        found = {Path("/tmp"): (temporary, False)}  # noqa: S108 - a name in the process's own tree
        for pid in self.ids():
            folder = _PROC / str(pid) / "cwd"
            with suppress(OSError):
                at = folder.readlink()
                if at != Path("/"):
                    found.setdefault(at, (folder, True))
        return list(found.values())


def _started(pid: int) -> str | None:
    try:
        # The name before it may hold anything; what follows the last bracket does not (proc_pid_stat(5), field 22).
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return None if fields[0] == b"Z" else fields[19].decode()
    except (OSError, IndexError):
        return None


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in (_PROC / str(pid) / "task").iterdir():
            with suppress(OSError, ValueError):
                found += [int(child) for child in (task / "children").read_text("ascii").split()]
    return found


def _links(pid: int) -> Iterator[tuple[str, str]]:
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):
        for number in os.listdir(folder):  # noqa: PTH208 - names alone, often
            with suppress(OSError):
                yield number, os.readlink(f"{folder}/{number}")  # noqa: PTH115 - as above


def _is_written(pid: int, number: str, path: Path) -> bool:
    try:
        flags = re.search(r"flags:\s*([0-7]+)", (_PROC / str(pid) / "fdinfo" / number).read_text("ascii"))
        return bool(flags and int(flags[1], 8) & _WRITES) and stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _readers(pids: list[int]) -> list[int]:
    """Return the processes at the other end of what others print to (`server | tee log`, a container's log)."""
    pipes = set()
    for pid in pids:
        for number in (1, 2):
            with suppress(OSError):
                link = os.readlink(f"/proc/{pid}/fd/{number}")  # noqa: PTH115 - as above
                pipes |= {link} if link.startswith("pipe:") else set()
    if not pipes:
        return []
    own = {os.getpid(), *pids}
    others = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal() and int(entry.name) not in own]
    return [pid for pid in others if any(link in pipes for _, link in _links(pid))]


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115 - as above
    except OSError:
        return ""
