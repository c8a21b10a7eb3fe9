"""Socket addresses as the kernel writes them, and which addresses are nobody's outside.

Sources: ip(7), ipv6(7), unix(7) for struct sockaddr; RFC 6890 and the IANA special-purpose registries for the ranges.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Final, NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_INET: Final = struct.Struct("!2xH4s")
_INET6: Final = struct.Struct("!2xH4x16s")
_INET_BYTES: Final = 8
_INET6_BYTES: Final = 24
_LOOPBACK_BYTE: Final = 127

_LOCAL: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4",
        "240.0.0.0/4", "::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
_EMBEDDING: Final = ((ipaddress.ip_network("64:ff9b::/96"), 0), (ipaddress.ip_network("2002::/16"), 80))
"""Networks whose addresses hold one of IPv4, and by how many bits it is shifted: NAT64 (RFC 6052), 6to4 (RFC 3056)."""


class Destination(NamedTuple):
    """Where a connection goes: an address and port, or the path of a unix socket; `path` is None for those without one."""

    address: Address | None = None
    port: int = 0
    path: bytes | None = None

    def __str__(self) -> str:
        if self.address is None:
            return f"unix:{printable((self.path or b'').decode('utf-8', 'replace'))}"
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"

    @property
    def is_inside(self) -> bool:
        """Whether the address is this machine's loopback; the unspecified one reaches it too."""
        return self.address is not None and (self.address.is_loopback or self.address.is_unspecified)


def printable(text: str) -> str:
    """Return a text as a line that a terminal shows as it is."""
    return "".join(char if char.isprintable() else "?" for char in text)


def plain(address: Address) -> Address:
    """Return the IPv4 address that one of IPv6 stands for (::ffff:192.0.2.1), or the address itself."""
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def destination(raw: bytes) -> Destination:
    """Read a struct sockaddr. What is too short, or of another family, has no address."""
    family = int.from_bytes(raw[:2], "little") if len(raw) > 1 else 0
    if family == socket.AF_INET and len(raw) >= _INET_BYTES:
        port, packed = _INET.unpack_from(raw)
        return Destination(ipaddress.IPv4Address(packed), port)
    if family == socket.AF_INET6 and len(raw) >= _INET6_BYTES:
        port, packed = _INET6.unpack_from(raw)
        return Destination(plain(ipaddress.IPv6Address(packed)), port)
    if family == socket.AF_UNIX and len(raw) > 2 and raw[2]:
        return Destination(path=raw[2:].partition(b"\0")[0])
    return Destination()


def loopback_port(raw: bytes) -> int | None:
    """Return the port of an IPv4 loopback address, as nearly all are; None for all others, which `destination` reads."""
    if len(raw) < _INET_BYTES or raw[4] != _LOOPBACK_BYTE or int.from_bytes(raw[:2], "little") != socket.AF_INET:
        return None
    return int.from_bytes(raw[2:4], "big")


def is_local(address: Address) -> bool:
    """Tell whether an address is that of a machine or network nearby, to which no name on the internet should lead.

    These are loopback, private, link-local (metadata services) and multicast addresses, and what only embeds one of them.
    """
    address = plain(address)
    for network, shift in _EMBEDDING:
        if address.version == network.version and address in network:
            return is_local(ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF))
    return any(address.version == network.version and address in network for network in _LOCAL)
