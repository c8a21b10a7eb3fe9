"""The endpoint that the user named, and the addresses it may be reached at.

Invariants:

- A name is resolved once. Nothing is ever connected to but the addresses that it had then (no rebinding between the check and the use).
- An address of the public internet is refused unless the user says that they are authorized to test it, also where it is written as an
  IPv6 address of an IPv4 one (RFC 4291 section 2.5.5, RFC 6052).
- Keys have no repr.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from privet.errors import BadInput

_PORTS: Final = {"http": 80, "https": 443}
_ROUTES: Final = ("/chat/completions", "/completions", "/embeddings", "/models", "/responses")
_NOT_IN_URLS: Final = re.compile(r"[\x00-\x20\x7f\\]")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what servers print that listen on every address


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """Where to ask, and what else of the server may be looked at.

    `path` is the base of the API, without a slash at the end: `/v1`. `tenants` are keys of other callers of the same endpoint.
    """

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]
    key: str | None = None
    tenants: tuple[str, ...] = ()
    server_pid: int | None = None
    watch: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        return "Target(...)"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.authority}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine is asked."""
        return all(ipaddress.ip_address(address).is_loopback for address in self.addresses)


def target_of(url: str, *, authorized: bool = False) -> Target:
    """Return the target that a URL names.

    Raises:
        BadInput: it is no HTTP address, carries a name or a query, cannot be resolved, or is public and nobody said they may test it.

    """
    wrong = BadInput("expected an address such as http://127.0.0.1:8000/v1", hint="name scheme, host and port")
    if _NOT_IN_URLS.search(url):
        raise wrong
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").replace("%25", "%")
        port = _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
        host.encode("idna")
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in _PORTS or not host or not port:
        raise wrong
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadInput("the URL carries a name, a password, a query or a fragment", hint="give the key with --key-file")
    addresses = _addresses(host, port)
    if any(_is_public(address) for address in addresses) and not authorized:
        raise BadInput(
            "the endpoint has an address of the public internet",
            hint="add --i-am-authorized if its owner has agreed to this audit",
        )
    return Target(parts.scheme, host, port, _base(parts.path), addresses)


def _base(path: str) -> str:
    """Return where the API begins: people copy the address of one of its routes."""
    path = path.rstrip("/")
    return next((path.removesuffix(route) for route in _ROUTES if path.endswith(route)), path).rstrip("/")


def _is_public(address: str) -> bool:
    known = ipaddress.ip_address(address)
    if isinstance(known, ipaddress.IPv6Address):
        inner = (
            known.ipv4_mapped
            or known.sixtofour
            or (ipaddress.IPv4Address(known.packed[-4:]) if known in _NAT64 else None)
        )
        return (inner or known).is_global
    return known.is_global


def _addresses(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise BadInput("the name of the endpoint cannot be resolved", hint="check its spelling") from error
    # A scope behind a link-local address (fe80::1%eth0) is part of it.
    known = dict.fromkeys(str(item[4][0]) for item in found)
    return tuple(dict.fromkeys(_ANYWHERE.get(address, address) for address in known))
