"""A name server that knows no names: it answers at once, so that programs fail quickly and the names that they wanted are known.

Source: RFC 1035, sections 4.1 and 4.1.1 (messages), 3.2.2 (types).
"""

from __future__ import annotations

import ipaddress
import struct
from collections import Counter
from typing import Final, NamedTuple

from privet.egress.addresses import Address, Destination, plain, printable

_HEADER: Final = struct.Struct("!6H")
_QUESTION: Final = struct.Struct("!2H")
_ANSWERED: Final = 0x8180
_NO_SUCH_NAME: Final = 3
_MAX_LABEL: Final = 63
_MAX_NAME: Final = 255
_MOST_ASKED: Final = 1 << 14
A: Final = 1
_ADDRESS_KINDS: Final = (A, 28, 65)  # A, AAAA, HTTPS
_REVERSE_4: Final = ".in-addr.arpa"
_REVERSE_6: Final = ".ip6.arpa"
"""the names of addresses end so (RFC 1035, section 3.5; RFC 3596, section 2.5)"""
_STAND_INS: Final = ipaddress.IPv4Network("198.18.0.0/15")
"""Addresses that are given out where only the names are to be learned (RFC 2544: for tests, routed nowhere)."""


class Query(NamedTuple):
    """A question: the name, its type, and where the question ends in the message."""

    name: str
    kind: int
    end: int


def query(message: bytes) -> Query | None:
    """Read the question of a message; None where it is none."""
    if len(message) < _HEADER.size or _HEADER.unpack_from(message)[2] != 1 or message[2] & 0x80:
        return None
    labels: list[str] = []
    place = _HEADER.size
    while place < len(message) and (size := message[place]):
        if size > _MAX_LABEL or place + 1 + size > len(message) or place > _MAX_NAME + _HEADER.size:
            return None
        labels.append(message[place + 1 : place + 1 + size].decode("ascii", "replace").lower())
        place += 1 + size
    if place + 1 + _QUESTION.size > len(message):
        return None
    kind, _ = _QUESTION.unpack_from(message, place + 1)
    name = printable(".".join(labels)).replace(" ", "?")
    return Query(name, kind, place + 1 + _QUESTION.size)


def is_near(name: str) -> bool:
    """Tell whether a name is one of this machine's loopback, or stands for such an address: it asks for nothing outside (RFC 6761)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return Destination(_address_of_name(name)).is_inside


def _address_of_name(name: str) -> Address | None:
    try:
        if name.endswith(_REVERSE_4):
            return ipaddress.IPv4Address(".".join(name.removesuffix(_REVERSE_4).split(".")[::-1]))
        if name.endswith(_REVERSE_6):
            return plain(ipaddress.IPv6Address(bytes.fromhex(name.removesuffix(_REVERSE_6)[::-1].replace(".", ""))))
    except ValueError:
        # Whoever likes can ask for a name that is none of an address.
        pass
    return None


def no_such_name(message: bytes, asked: Query) -> bytes:
    """Return the answer that there is no such name."""
    return _answer(message, asked, _NO_SUCH_NAME, b"")


def address_of(message: bytes, asked: Query, address: ipaddress.IPv4Address) -> bytes:
    """Return an answer with an address; to other questions than for an IPv4 address one without any."""
    record = struct.pack("!HHHIH4s", 0xC00C, A, 1, 0, 4, address.packed) if asked.kind == A else b""
    return _answer(message, asked, 0, record)


def _answer(message: bytes, asked: Query, code: int, record: bytes) -> bytes:
    (number,) = struct.unpack_from("!H", message)
    header = _HEADER.pack(number, _ANSWERED | code, 1, bool(record), 0, 0)
    return header + message[_HEADER.size : asked.end] + record


class LookUps:
    """Look-ups of names by program: what resolvers ask at once, or one after the other, for one name is one.

    They ask for each kind of address by a message of its own, in any order and from any port, and for each kind once. So a program has
    looked a name up as often as it has asked for the kind that it has asked for most.
    """

    def __init__(self) -> None:
        self._asked: Counter[tuple[str, str, int]] = Counter()
        self._counted: Counter[tuple[str, str]] = Counter()

    def is_new(self, program: str, asked: Query) -> bool:
        """Tell whether a question begins another look-up."""
        if asked.kind not in _ADDRESS_KINDS:
            return True
        if len(self._asked) >= _MOST_ASKED:
            self._asked.clear()
            self._counted.clear()
        self._asked[program, asked.name, asked.kind] += 1
        if self._asked[program, asked.name, asked.kind] <= self._counted[program, asked.name]:
            return False
        self._counted[program, asked.name] += 1
        return True


class StandIns:
    """Addresses that stand for names while it is learned what a program wants."""

    def __init__(self) -> None:
        self._of: dict[str, ipaddress.IPv4Address] = {}
        self._names: dict[str, str] = {}

    def address(self, name: str) -> ipaddress.IPv4Address:
        """Return the address that stands for a name."""
        found = self._of.get(name)
        if found is None:
            # Round again where a program asks for more names than there are addresses.
            found = _STAND_INS[1 + len(self._of) % (_STAND_INS.num_addresses - 2)]
            self._of[name] = found
            self._names[str(found)] = name
        return found

    def name(self, address: str) -> str:
        """Return the name that an address stands for, or the address."""
        return self._names.get(address, address)
