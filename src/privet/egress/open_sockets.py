"""Sockets that a process has open when it locks itself in: those that lead away or could stop it, the others are held on this machine.

Invariant: a descriptor that is a socket is one of three: TCP on the loopback device, unix and in use, netlink of the harmless protocols.
"""

from __future__ import annotations

import _socket
import ipaddress
import os
import socket
from collections import Counter
from pathlib import Path
from typing import Any, Final

from privet.egress.addresses import Destination, plain
from privet.egress.lock_sockets import bind_to_loopback, is_bound
from privet.errors import Unprotected

_INET: Final = (socket.AF_INET, socket.AF_INET6)
_SO_PROTOCOL: Final = 38
_SO_ACCEPTCONN: Final = 30
_HARMLESS_NETLINK: Final = (0, 4)  # NETLINK_ROUTE, NETLINK_SOCK_DIAG


def look_at_open_sockets(*, bind: bool = False, bound: bool = False) -> None:
    """Look for sockets of this process that lead away or could; bind the others to the loopback device, or see that they are.

    Raises:
        Unprotected: there are some.

    """
    found: Counter[str] = Counter()
    for number in sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir()):
        try:
            kind = str(Path(f"/proc/self/fd/{number}").readlink())
            copy = os.dup(number) if kind.startswith("socket:") else -1
        except OSError:
            # Another thread has closed it.
            continue
        if kind == "anon_inode:[io_uring]":
            found["io_uring"] += 1
        if copy >= 0:
            # Not `socket.socket`: what a library has put in its place is none of ours.
            held = _socket.socket(fileno=copy)
            try:
                leads = _leads_away(held)
                if not leads and held.family in _INET:
                    if bind:
                        bind_to_loopback(held)
                    leads = "opened meanwhile" if bound and not is_bound(held) else ""
            finally:
                held.close()
            found.update([leads] if leads else [])
    if found:
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(found.items()))
        raise Unprotected(
            f"this process has open sockets that lead away, or could: {kinds}",
            hint="close them, or lock before they are opened",
        )


def _leads_away(held: _socket.socket) -> str:
    """Return what a socket is that cannot be held on this machine."""
    protocol = held.getsockopt(socket.SOL_SOCKET, _SO_PROTOCOL)
    if held.family in _INET:
        if held.type != socket.SOCK_STREAM or protocol != socket.IPPROTO_TCP:
            return "UDP" if held.type == socket.SOCK_DGRAM else "raw or MPTCP"
        peer = _peer(held)
        return "TCP connection to another machine" if peer is not None and not _is_near(peer[0]) else ""
    if held.family == socket.AF_UNIX:
        is_used = held.getsockopt(socket.SOL_SOCKET, _SO_ACCEPTCONN) or _peer(held) is not None
        return "" if is_used and held.type != socket.SOCK_DGRAM else "unix datagram or unconnected unix"
    is_harmless = held.family == socket.AF_NETLINK and protocol in _HARMLESS_NETLINK
    return "" if is_harmless else f"of family {int(held.family)}"


def _peer(held: _socket.socket) -> Any:
    try:
        return held.getpeername()
    except OSError:
        return None


def _is_near(host: str) -> bool:
    return Destination(plain(ipaddress.ip_address(host.partition("%")[0]))).is_inside
