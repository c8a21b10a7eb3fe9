"""Lock a process that needs no connection of its own: it keeps the sockets that it has, and is handed those that it may use (`dialer`).

Invariants: irreversible; the filter of system calls holds for all threads and all that they start, or `close` raises. It lets nothing
connect and makes no sockets but unix ones, which only listen.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path
from typing import Final

from privet.egress import kernel, seccomp
from privet.errors import Unprotected

_ABI_WITH_SCOPES: Final = 6
_ABI_WITH_PORTS: Final = 4
_ABI_FOR_ALL_THREADS: Final = 8
_SCOPES: Final = 3  # LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL
_TCP: Final = 3  # LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP
_CONTAINER: Final = "run it in a container whose seccomp profile allows seccomp(2), as Docker's own does"


def close() -> tuple[str, ...]:
    """Lock this process, for good; return the names of the layers that hold.

    Raises:
        Unprotected: this system cannot hold it; the process is as it was.

    """
    if sys.platform != "linux" or kernel.machine() not in seccomp.CALLS:
        raise Unprotected("this system cannot lock a process in: it is no Linux on x86_64 or aarch64", hint=_CONTAINER)
    layers = ["seccomp"]
    try:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        if _domain():
            layers.append("Landlock")
        kernel.install_silent_filter(seccomp.closed_lock())
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise Unprotected(
            f"no filter of system calls can be put up for all threads: {why}",
            hint=f"use Linux 5.7 or later with CONFIG_SECCOMP_FILTER, or {_CONTAINER}",
        ) from error
    return tuple(layers)


def is_closed() -> bool:
    """Try to get a socket that could lead away; tell whether the kernel refuses it, and whatever connects."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    except PermissionError:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            # Nobody listens there: an abstract name, so that no file is looked for.
            return probe.connect_ex("\0privet-nobody") == errno.EACCES
    return False


def _domain() -> bool:
    """Put a Landlock domain around all threads, as far as the kernel has it; tell whether it is there."""
    abi = kernel.landlock_abi()
    alone = len(list(Path("/proc/self/task").iterdir())) == 1
    if abi < _ABI_WITH_PORTS or (not alone and abi < _ABI_FOR_ALL_THREADS):
        return False
    rules = kernel.Ruleset(network=_TCP, scoped=_SCOPES if abi >= _ABI_WITH_SCOPES else 0)
    kernel.landlock(rules, every_thread=not alone)
    return True
