"""Answers to questions for names, as a resolver of another author reads them."""

from __future__ import annotations

import ipaddress
import struct

from hypothesis import given
from hypothesis import strategies as st

from privet.egress.addresses import Destination, plain
from privet.egress.resolver import A, LookUps, Query, StandIns, address_of, is_near, no_such_name, query

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


AAAA, HTTPS, MX = 28, 65, 15


@given(st.integers(1, 5), st.permutations([A, AAAA, HTTPS] * 5), st.sets(st.sampled_from([AAAA, HTTPS])))
def test_a_look_up_of_several_kinds_counts_once(times: int, order: list[int], others: set[int]) -> None:
    # In any order: one after the other, or all at once.
    kinds = [kind for kind in order if kind == A or kind in others]
    asked_for = [Query("a.example", kind, 0) for kind in (A, *others) for _ in range(times)]
    asked_for.sort(key=lambda one: kinds.index(one.kind))
    held = LookUps()
    assert sum(held.is_new("curl", one) for one in asked_for) == times


def test_look_ups_by_others_of_others_and_of_other_kinds_count() -> None:
    held = LookUps()
    for program, name, kind in (("curl", "a.example", A), ("curl", "b.example", A), ("wget", "a.example", AAAA)):
        assert held.is_new(program, Query(name, kind, 0))
    assert held.is_new("curl", Query("a.example", MX, 0))
    assert not held.is_new("curl", Query("a.example", HTTPS, 0))


def test_memory_of_look_ups_has_an_end() -> None:
    held = LookUps()
    for number in range(40_000):
        assert held.is_new("curl", Query(f"{number}.example", A, 0))
    assert len(held._asked) < 20_000


@given(st.ip_addresses())
def test_names_of_addresses_are_near_where_the_address_is(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert is_near(address.reverse_pointer) == Destination(plain(address)).is_inside


def test_names_that_ask_for_nothing_outside() -> None:
    for text in ("127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"):
        assert is_near(ipaddress.ip_address(text).reverse_pointer)
    assert is_near("localhost")
    assert is_near("a.localhost")
    for name in (
        "1.0.ip6.arpa",
        "x.0.0.127.in-addr.arpa",
        "127.in-addr.arpa",
        "localhost.example.com",
        "notlocalhost",
        "",
    ):
        assert not is_near(name)
