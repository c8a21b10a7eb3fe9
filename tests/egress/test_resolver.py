"""Answers to questions for names, as a resolver of another author reads them."""

from __future__ import annotations

import ipaddress
import struct

from hypothesis import given
from hypothesis import strategies as st

from privet.egress.resolver import A, StandIns, address_of, no_such_name, query

LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
NAMES = st.lists(LABEL, min_size=1, max_size=5).map(".".join)


def asked(name: str, kind: int = A) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


@given(NAMES, st.sampled_from([A, 28, 65]))
def test_the_name_is_read(name: str, kind: int) -> None:
    found = query(asked(name, kind) + b"more")
    assert found is not None
    assert (found.name, found.kind) == (name, kind)


@given(st.binary(max_size=300))
def test_anything_may_come(message: bytes) -> None:
    found = query(message)
    assert found is None or (found.name.isprintable() and found.end <= len(message))


def test_no_name_is_known() -> None:
    message = asked("models.example.com")
    found = query(message)
    assert found is not None
    reply = no_such_name(message, found)
    number, flags, questions, answers, _, _ = struct.unpack_from("!6H", reply)
    assert (number, flags & 0x800F, questions, answers) == (7, 0x8003, 1, 0)
    assert reply[12:] == message[12:]


def test_an_address_stands_for_a_name_while_names_are_learned() -> None:
    message = asked("models.example.com")
    found = query(message)
    assert found is not None
    reply = address_of(message, found, ipaddress.IPv4Address("198.18.0.1"))
    assert struct.unpack_from("!6H", reply)[3] == 1
    assert reply.endswith(b"\0\x04\xc6\x12\0\x01")
    other = asked("models.example.com", 28)
    of_other = query(other)
    assert of_other is not None
    assert struct.unpack_from("!6H", address_of(other, of_other, ipaddress.IPv4Address("198.18.0.1")))[3] == 0


@given(st.lists(NAMES, unique=True, max_size=50))
def test_each_name_has_an_address_of_its_own(names: list[str]) -> None:
    held = StandIns()
    addresses = [held.address(name) for name in names]
    assert len(set(addresses)) == len(names)
    assert [held.name(str(address)) for address in addresses] == names
    assert held.name("192.0.2.7") == "192.0.2.7"
