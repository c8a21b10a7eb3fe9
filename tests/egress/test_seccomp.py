"""The filter, run by a reading of its instructions for both architectures."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator

import pytest

from privet.egress import seccomp
from privet.egress.seccomp import CALLS, program

ALLOW, ASK = 0x7FFF0000, 0x7FC00000
ARCHITECTURES = sorted(CALLS)


def verdict(filter_program: bytes, arch: int, number: int, *arguments: int) -> int:
    """Run classic BPF as the kernel does (struct seccomp_data; Documentation/networking/filter.rst)."""
    data = struct.pack("=iIQ6Q", number, arch, 0, *arguments, *[0] * (6 - len(arguments)))
    instructions = list(struct.iter_unpack("=HBBI", filter_program))
    place, held = 0, 0
    while True:
        code, if_true, if_false, value = instructions[place]
        place += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", data, value)
        elif code == 0x15:
            place += if_true if held == value else if_false
        elif code == 0x35:
            place += if_true if held >= value else if_false
        elif code == 0x06:
            return value
        else:
            pytest.fail("an instruction that no filter has")


def refused(number: int) -> int:
    return 0x00050000 | number


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_sockets_by_family(name: str) -> None:
    calls = CALLS[name]
    for family in range(48):
        expected = ALLOW if family in {1, 2, 10, 16} else refused(errno.EAFNOSUPPORT)
        assert verdict(program(name), calls.arch, calls.socket, family, 1, 0) == expected, family


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_is_asked_about(name: str) -> None:
    calls = CALLS[name]
    held = program(name)
    assert verdict(held, calls.arch, calls.connect, 3, 0x7F0000, 16) == ASK
    assert verdict(held, calls.arch, calls.listen, 3, 5) == ASK
    assert verdict(held, calls.arch, calls.sendmsg, 3, 0x7F0000, 0) == ASK
    assert verdict(held, calls.arch, calls.sendmmsg, 3, 0x7F0000, 2, 0) == ASK
    assert verdict(held, calls.arch, calls.sendto, 3, 1, 2, 0, 0, 0) == ALLOW
    assert verdict(held, calls.arch, calls.sendto, 3, 1, 2, 0, 1 << 32, 16) == ASK
    assert verdict(held, calls.arch, calls.sendto, 3, 1, 2, 0, 4096, 16) == ASK


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_typing_into_the_terminal(name: str) -> None:
    calls = CALLS[name]
    for request in (seccomp.TIOCSTI, seccomp.TIOCLINUX, seccomp.TIOCSTI | 1 << 32):
        assert verdict(program(name), calls.arch, calls.ioctl, 0, request) == refused(errno.EPERM)
    assert verdict(program(name), calls.arch, calls.ioctl, 0, 0x5401) == ALLOW


def other_architectures() -> Iterator[tuple[str, int, int]]:
    for name in ARCHITECTURES:
        yield name, 0x40000003, 41  # i386
        yield name, 0x40000028, 281  # arm
    yield "x86_64", CALLS["x86_64"].arch, 0x40000000 + 41  # x32


@pytest.mark.parametrize(("name", "arch", "number"), list(other_architectures()))
def test_calls_of_other_architectures(name: str, arch: int, number: int) -> None:
    assert verdict(program(name), arch, number, 2, 1, 0) == refused(errno.ENOSYS)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_else_passes(name: str) -> None:
    calls = CALLS[name]
    asked = {calls.socket, calls.connect, calls.listen, calls.sendto, calls.sendmsg, calls.sendmmsg, calls.ioctl}
    for number in range(500):
        if number in {425, 426, 427}:
            assert verdict(program(name), calls.arch, number) == refused(errno.ENOSYS)
        elif number not in asked:
            assert verdict(program(name), calls.arch, number) == ALLOW, number
