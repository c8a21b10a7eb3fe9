"""Addresses, networks and names of hosts → whether they lie outside, and whether they are as good as every address.

Invariant: nothing is resolved. What reads addresses is loaded when there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Final

from privet.check.pattern import regex

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

_INSIDE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7",
    "fe80::/10", "::1/128", "224.0.0.0/4", "ff00::/8")  # fmt: skip
"""Addresses that no packet can have on the internet."""
_HALF: Final = {4: 8, 6: 16}
"""A network with a shorter prefix than this, by version, is as good as everywhere."""
_INNER_NAME: Final = regex(r".*\.(?:local|internal|svc|lan|test|localhost)\.?$|[^.*]+", re.IGNORECASE)


@cache
def _inside() -> tuple[IPv4Network | IPv6Network, ...]:
    from ipaddress import ip_network

    return tuple(map(ip_network, _INSIDE))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    from ipaddress import ip_network

    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def is_outside(text: str) -> bool:
    """Tell whether an address, a network or a name of a host is one outside."""
    network = _network(text)
    if network is None:
        return bool(re.search(r"[a-z*]", text, re.IGNORECASE)) and not _INNER_NAME.fullmatch(text)
    return not any(network.version == other.version and network.subnet_of(other) for other in _inside())  # type: ignore[arg-type]


def are_everywhere(texts: Iterable[str]) -> bool:
    """Tell whether networks are together as good as every address: two halves, or one of them."""
    from ipaddress import collapse_addresses

    known = [network for text in texts if (network := _network(text)) is not None]
    for version in (4, 6):
        some = [network for network in known if network.version == version]
        if any(is_everywhere(str(one)) for one in collapse_addresses(some)):  # type: ignore[type-var]
            return True
    return False


def is_everywhere(text: str) -> bool:
    """Tell whether a network or a pattern of names is as good as every address."""
    network = _network(text)
    if network is None:
        return text in {"*", "**", "**.*"}
    return network.prefixlen < _HALF[network.version] and is_outside(text)
