"""Unix sockets with a path: which of them were made inside, and hiding those that were not.

A network namespace does not hold them: whoever sees the path can connect. But the socket itself belongs to the namespace that it was
made in, and the kernel lists each namespace's own (sock_diag(7)), with the file that it is bound to.

Invariants: a file counts as inside only where the kernel lists a socket of this process's network namespace that is bound to that very
inode; its path tells nothing, as it may have been moved.
"""

from __future__ import annotations

import os
import stat
import struct
import time

from privet.egress import kernel
from privet.egress.bare import Ignoring, read_text, socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
_REQUEST_DUMP: Final = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_SHOW_VFS: Final = 0x2
_VFS: Final = 1
_DONE: Final = 3
_ERROR: Final = 2
_HEADER: Final = struct.Struct("=IHHII")
_ASKED: Final = struct.Struct("=BBHIIIII")
_FOUND_BYTES: Final = 16
_VFS_VALUE: Final = struct.Struct("=II")
_MINOR_BITS: Final = 20
_PATH_FIELD: Final = 7
_NAMESPACES_SECONDS: Final = 2.0


def _bound() -> Iterator[tuple[int, int]]:
    """Yield device and inode of the file of each unix socket of this network namespace that has one.

    Raises:
        OSError: the kernel was built without CONFIG_UNIX_DIAG.

    """
    asked = _ASKED.pack(socket.AF_UNIX, 0, 0, 2**32 - 1, 0, _SHOW_VFS, 2**32 - 1, 2**32 - 1)
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
    try:
        link.send(_HEADER.pack(_HEADER.size + len(asked), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + asked)
        while True:
            data = link.recv(1 << 17)
            place = 0
            while place + _HEADER.size <= len(data):
                size, kind, _, _, _ = _HEADER.unpack_from(data, place)
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    (number,) = struct.unpack_from("=i", data, place + _HEADER.size)
                    raise OSError(-number, os.strerror(-number))
                yield from _files(data[place + _HEADER.size + _FOUND_BYTES : place + size])
                place += (size + 3) & ~3
    finally:
        link.close()


def _files(attributes: bytes) -> Iterator[tuple[int, int]]:
    place = 0
    while place + 4 <= len(attributes):
        size, kind = struct.unpack_from("=HH", attributes, place)
        if kind == _VFS:
            inode, device = _VFS_VALUE.unpack_from(attributes, place + 4)
            yield device, inode
        place += max(4, (size + 3) & ~3)


def is_inside(file: os.stat_result) -> bool:
    """Tell whether a file is that of a unix socket of this network namespace."""
    return stat.S_ISSOCK(file.st_mode) and _key(file) in set(_bound())


def _key(file: os.stat_result) -> tuple[int, int]:
    # The kernel lists 32 bits of the inode's number.
    return os.major(file.st_dev) << _MINOR_BITS | os.minor(file.st_dev), file.st_ino & 0xFFFFFFFF


def check() -> None:
    """Find out whether inside can be told from outside here.

    Raises:
        OSError: the kernel was built without CONFIG_UNIX_DIAG.

    """
    list(_bound())


def paths(listing: str) -> list[str]:
    """Return the absolute paths of the unix sockets of a network namespace, from its /proc/net/unix."""
    out = []
    for line in read_text(listing).splitlines()[1:]:
        fields = line.split(None, _PATH_FIELD)
        if len(fields) > _PATH_FIELD and fields[_PATH_FIELD].startswith("/"):
            out.append(fields[_PATH_FIELD])
    return out


class Machine:
    """The unix sockets of this machine with a path, in all network namespaces whose processes this one may look at."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._listings: list[str] = []
        self._looked = 0.0
        self._left_out = ""

    def leave_out(self, process: int) -> None:
        """List those of a process's network namespace no more: they are a locked program's own."""
        with Ignoring(OSError):
            self._left_out = os.readlink(f"/proc/{process}/ns/net")  # noqa: PTH115 (see `bare`)

    def new_paths(self, most: int = 1 << 16) -> list[str]:
        """Return the paths that were not there when this was called last, so many at most."""
        now = time.monotonic()
        if not self._listings or now - self._looked > _NAMESPACES_SECONDS:
            self._listings, self._looked = _listings(self._left_out), now
        listed: dict[str, None] = {}
        for listing in self._listings:
            with Ignoring(OSError):
                listed |= dict.fromkeys(paths(listing))
        new = [path for path in listed if path not in self._known][:most]
        self._known.update(new)
        return new


def _listings(left_out: str) -> list[str]:
    """Return where the unix sockets of each network namespace are listed, by one process of each."""
    found: dict[str, str] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 (see `bare`)
        if name.isdigit():
            with Ignoring(OSError):
                found.setdefault(os.readlink(f"/proc/{name}/ns/net"), f"/proc/{name}/net/unix")  # noqa: PTH115
    found.pop(left_out, None)
    return [*found.values()] or ["/proc/net/unix"]


def hide(paths: Iterable[str]) -> None:
    """Put an empty file over each socket for this mount namespace, where there is one and it was not made in this network namespace."""
    inside = set(_bound())
    for path in paths:
        with Ignoring(OSError):
            file = os.stat(path)  # noqa: PTH116
            if stat.S_ISSOCK(file.st_mode) and _key(file) not in inside:
                kernel.mount("/dev/null", path, "", kernel.MS_BIND)
