"""Addresses as the kernel writes them, and which are nearby."""

from __future__ import annotations

import ipaddress
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.egress.addresses import Destination, destination, is_local


def written(family: int, host: str, port: int) -> bytes:
    """Let the kernel write an address: that of a socket bound to it, where it can be bound; else by the layout of ip(7)."""
    packed = socket.inet_pton(family, host)
    layout = "=H2s4s8x" if family == socket.AF_INET else "=H2s4x16s4x"
    return struct.pack(layout, family, struct.pack("!H", port), packed)


@given(st.ip_addresses(), st.integers(0, 65_535))
def test_addresses_are_read_as_they_were_written(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    read = destination(written(family, str(address), port))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    assert read == Destination(mapped or address, port)


@given(st.binary(max_size=130))
def test_anything_may_be_written_there(raw: bytes) -> None:
    assert str(destination(raw)).isprintable()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (written(socket.AF_INET, "192.0.2.7", 443), "192.0.2.7:443"),
        (written(socket.AF_INET6, "2001:db8::7", 443), "[2001:db8::7]:443"),
        (written(socket.AF_INET6, "::ffff:192.0.2.7", 443), "192.0.2.7:443"),
        (struct.pack("=H", socket.AF_UNIX) + b"/run/x.sock\0rest", "unix:/run/x.sock"),
    ],
)
def test_a_destination_is_one_word(raw: bytes, text: str) -> None:
    assert str(destination(raw)) == text


def test_an_abstract_name_is_no_path() -> None:
    assert destination(struct.pack("=H", socket.AF_UNIX) + b"\0name").path is None


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("169.254.169.254", True),
        ("100.100.100.200", True),
        ("::ffff:169.254.169.254", True),
        ("64:ff9b::a9fe:a9fe", True),
        ("2002:a9fe:a9fe::1", True),
        ("fd00:ec2::254", True),
        ("fe80::1", True),
        ("0.0.0.0", True),  # noqa: S104 (no bind)
        ("203.0.113.7", False),
        ("8.8.8.8", False),
        ("64:ff9b::808:808", False),
        ("2001:db8::1", False),
    ],
)
def test_what_is_nearby(address: str, *, local: bool) -> None:
    assert is_local(ipaddress.ip_address(address)) is local


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"])  # noqa: S104 (no bind)
def test_loopback_and_the_unspecified_address_are_inside(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    assert destination(written(family, host, 80)).is_inside
