"""Make links, addresses and routes by rtnetlink, so that the battery needs no `ip` command.

Only what a small world needs: a veth pair into another process's network namespace, addresses, default routes, links up.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from typing import Final

_REQUEST: Final = 0x1 | 0x4  # NLM_F_REQUEST, NLM_F_ACK
_CREATE: Final = 0x400 | 0x200  # NLM_F_CREATE, NLM_F_EXCL
_NEWLINK: Final = 16
_SETLINK: Final = 19
_NEWADDR: Final = 20
_NEWROUTE: Final = 24
_NEWNEIGH: Final = 28
_ERROR: Final = 2
_UP: Final = 1


def _attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + b"\0" * (-size % 4)


def _talk(kind: int, flags: int, body: bytes) -> None:
    message = struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | flags, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as wire:
        wire.bind((0, 0))
        wire.send(message)
        answer = wire.recv(65536)
    code = struct.unpack_from("=i", answer, 16)[0] if struct.unpack_from("=H", answer, 4)[0] == _ERROR else 0
    if code:
        raise OSError(-code, os.strerror(-code))


def make_pair(name: str, peer: str, peer_pid: int) -> None:
    """Make a veth pair; the end `peer` stands in the network namespace of the process `peer_pid`."""
    header = struct.pack("=BxHiII", 0, 0, 0, 0, 0)
    other = header + _attribute(3, peer.encode() + b"\0") + _attribute(19, struct.pack("=I", peer_pid))
    info = _attribute(1, b"veth\0") + _attribute(2 | 0x8000, _attribute(1, other))
    _talk(_NEWLINK, _CREATE, header + _attribute(3, name.encode() + b"\0") + _attribute(18 | 0x8000, info))


def raise_link(name: str) -> None:
    """Bring a link up."""
    _talk(_SETLINK, 0, struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(name), _UP, _UP))


def add_address(link: str, address: str) -> None:
    """Add an address with its prefix length; IPv6 addresses are usable at once (no duplicate detection)."""
    interface = ipaddress.ip_interface(address)
    family = socket.AF_INET if interface.version == 4 else socket.AF_INET6
    header = struct.pack("=BBBBI", family, interface.network.prefixlen, 0x02, 0, socket.if_nametoindex(link))
    packed = interface.ip.packed
    _talk(_NEWADDR, _CREATE, header + _attribute(2, packed) + _attribute(1, packed))


def add_default_route(link: str, gateway: str) -> None:
    """Send everything that has no other route to a gateway on the link."""
    address = ipaddress.ip_address(gateway)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    header = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 254, 4, 0, 1, 0)
    index = struct.pack("=I", socket.if_nametoindex(link))
    _talk(_NEWROUTE, _CREATE, header + _attribute(5, address.packed) + _attribute(4, index))
