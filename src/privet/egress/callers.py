"""What is told of a thread whose system call waits for an answer: its descriptors, its user, the file at a path as it sees it.

Invariant: nothing here changes the thread. All of it needs the right to trace it; without, it is an OSError.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from privet.egress import kernel
from privet.egress.addresses import printable

_MAX_ADDRESS_BYTES: Final = 128
_MAX_PATH_BYTES: Final = 107
_NAME_CHARS: Final = 64
_OF_A_THREAD: Final = os.O_EXCL
"""PIDFD_THREAD"""
_NO_HANDLE: Final = (errno.EINVAL, errno.ENOENT)
_MOST_HANDLES: Final = 64
_NUMBER: Final = 0xFFFFFFFF


def address_of(thread: int, place: int, size: int) -> bytes:
    """Return the struct sockaddr that an argument points to."""
    return kernel.memory_of(thread, place, min(size & 0xFFFFFFFF, _MAX_ADDRESS_BYTES))


class Handles:
    """Handles of the threads that asked last, as to open one takes longer than to use it.

    A handle stays with its thread: once that has ended it leads to nobody, whoever has the number then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, int] = {}

    def descriptor_of(self, thread: int, number: int) -> int:
        """Return a copy of a descriptor of a thread."""
        number &= _NUMBER
        # Nobody is to close the handle meanwhile: another could be opened by its number.
        with self._lock:
            held = self._open.get(thread)
            if held is not None:
                try:
                    return kernel.descriptor_through(held, number)
                except ProcessLookupError:
                    os.close(self._open.pop(thread))
            held = _handle(thread)
            if held is not None:
                if len(self._open) >= _MOST_HANDLES:
                    self._close_all()
                self._open[thread] = held
                return kernel.descriptor_through(held, number)
        return kernel.descriptor_of(int(_status(thread, "Tgid")[0]), number)

    def _close_all(self) -> None:
        for held in self._open.values():
            os.close(held)
        self._open.clear()


def _handle(thread: int) -> int | None:
    """Return a handle of a thread; None for all but the first of a process where the kernel has none (before Linux 6.9)."""
    for flags in (_OF_A_THREAD, 0):
        try:
            return os.pidfd_open(thread, flags)
        except OSError as error:
            if error.errno not in _NO_HANDLE:
                raise
    return None


def user_of(thread: int) -> int:
    """Return its effective user."""
    return int(_status(thread, "Uid")[1])


def group_of(thread: int) -> int:
    """Return its effective group."""
    return int(_status(thread, "Gid")[1])


def program_of(thread: int) -> str:
    """Return the name of its program; what an interpreter runs calls itself by another name."""
    with suppress(OSError):
        name = Path(f"/proc/{thread}/exe").readlink().name
        called = Path(f"/proc/{thread}/comm").read_text(encoding="utf-8", errors="replace").strip()
        text = called if called and name.startswith(("python", "node", "java", "ruby", "perl")) else name or called
        return printable(text)[:_NAME_CHARS]
    return "?"


def file_at(thread: int, path: bytes) -> int:
    """Return a descriptor of the file at a path as the thread sees it."""
    if len(path) > _MAX_PATH_BYTES:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    if not Path(f"/proc/{thread}/root").samefile("/"):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    folder = os.open(f"/proc/{thread}/cwd", os.O_PATH | os.O_DIRECTORY)
    try:
        return os.open(path, os.O_PATH, dir_fd=folder)
    finally:
        os.close(folder)


def _status(thread: int, field: str) -> list[str]:
    for line in Path(f"/proc/{thread}/status").read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return value.split()
    raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))
