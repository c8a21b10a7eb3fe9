"""A name server that knows no names: it answers at once, so that programs fail quickly and the names that they wanted are known.

Source: RFC 1035, sections 4.1 and 4.1.1 (messages), 3.2.2 (types).
"""

from __future__ import annotations

import ipaddress
import struct
from typing import Final, NamedTuple

from privet.egress.addresses import printable

_HEADER: Final = struct.Struct("!6H")
_QUESTION: Final = struct.Struct("!2H")
_ANSWERED: Final = 0x8180
_NO_SUCH_NAME: Final = 3
_MAX_LABEL: Final = 63
_MAX_NAME: Final = 255
A: Final = 1
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
