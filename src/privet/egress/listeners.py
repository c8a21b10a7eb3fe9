"""Whether something listens at a port of this machine, asked of the kernel for that port alone (sock_diag(7)).

Invariant: nothing is connected, so no service notices.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from typing import Final

_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
_REQUEST: Final = 1
_ERROR: Final = 2
_ANY_STATE: Final = 2**32 - 1
_ANY_COOKIE: Final = 2**64 - 1
_LOOPBACK_DEVICE: Final = 1
"""the number of `lo` in every network namespace"""
_HEADER: Final = struct.Struct("=IHHII")
_ASKED: Final = struct.Struct("=BBBxI")
_SOCKET: Final = struct.Struct("!HH16s16s")
_AT: Final = struct.Struct("=IQ")
_MESSAGE_BYTES: Final = 4096


def is_served(address: str, port: int) -> bool:
    """Tell whether a connection from this machine to a loopback address of it would be accepted.

    Raises:
        OSError: the kernel was built without CONFIG_INET_DIAG.

    """
    packed = ipaddress.ip_address(address).packed.ljust(16, b"\0")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # Who comes has the same address, and a port that nobody has.
    asked = (
        _ASKED.pack(family, socket.IPPROTO_TCP, 0, _ANY_STATE)
        + _SOCKET.pack(port, 0, packed, packed)
        + _AT.pack(_LOOPBACK_DEVICE, _ANY_COOKIE)
    )
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as link:
        link.send(_HEADER.pack(_HEADER.size + len(asked), _BY_FAMILY, _REQUEST, 1, 0) + asked)
        data = link.recv(_MESSAGE_BYTES)
    if _HEADER.unpack_from(data)[1] != _ERROR:
        return True
    (number,) = struct.unpack_from("=i", data, _HEADER.size)
    if number != -errno.ENOENT:
        raise OSError(-number, os.strerror(-number))
    return False
