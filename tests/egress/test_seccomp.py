"""The filter, run by a reading of its instructions for both architectures."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator

import pytest

from privet.egress import seccomp
from privet.egress.seccomp import CALLS, asking_lock, closed_lock, program

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
        elif code == 0x45:
            place += if_true if held & value else if_false
        elif code == 0x54:
            held &= value
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


PAIR, OPTION = {"x86_64": 53, "aarch64": 199}, {"x86_64": 54, "aarch64": 208}
THROUGH_OTHERS = {
    "x86_64": {101, 310, 311, 308, 321, 175, 313, 246, 320, 304, 438},
    "aarch64": {117, 270, 271, 268, 280, 105, 273, 104, 294, 265, 438},
}
STREAM, DATAGRAM, RAW, PACKETS = 1, 2, 3, 5
FLAGS = 0o2000000 | 0o4000  # SOCK_CLOEXEC | SOCK_NONBLOCK
FAST_OPEN = 0x20000000


def locks(name: str) -> Iterator[bytes]:
    yield asking_lock(name, connects=True)
    yield asking_lock(name, connects=False)
    yield closed_lock(name)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_lock_of_ones_own_makes_no_socket_itself_or_unix_ones_only(name: str) -> None:
    calls = CALLS[name]
    for family in range(48):
        asked = ASK if family in {1, 2, 10, 16} else refused(errno.EAFNOSUPPORT)
        assert verdict(asking_lock(name, connects=True), calls.arch, calls.socket, family, STREAM, 0) == asked
        assert verdict(asking_lock(name, connects=False), calls.arch, calls.socket, family, STREAM, 0) == asked
        for kind in (STREAM, DATAGRAM, RAW, PACKETS):
            expected = ALLOW if family == 1 and kind in {STREAM, PACKETS} else refused(errno.EACCES)
            assert verdict(closed_lock(name), calls.arch, calls.socket, family, kind | FLAGS, 0) == expected


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_lock_of_ones_own_and_connections(name: str) -> None:
    calls = CALLS[name]
    assert verdict(asking_lock(name, connects=True), calls.arch, calls.connect, 3, 4096, 16) == ASK
    assert verdict(asking_lock(name, connects=False), calls.arch, calls.connect, 3, 4096, 16) == ALLOW
    assert verdict(closed_lock(name), calls.arch, calls.connect, 3, 4096, 16) == refused(errno.EACCES)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_every_lock_of_ones_own_refuses(name: str) -> None:
    calls = CALLS[name]
    for held in locks(name):
        for kind in (STREAM, DATAGRAM, RAW, PACKETS):
            expected = ALLOW if kind in {STREAM, PACKETS} else refused(errno.EACCES)
            assert verdict(held, calls.arch, PAIR[name], 1, kind | FLAGS, 0) == expected
        for number, place in ((calls.sendto, 3), (calls.sendmsg, 2), (calls.sendmmsg, 3)):
            arguments = [3, 4096, 1, 0]
            assert verdict(held, calls.arch, number, *arguments) == ALLOW
            arguments[place] = FAST_OPEN | 0x4000
            assert verdict(held, calls.arch, number, *arguments) == refused(errno.EOPNOTSUPP)
        for level, option in ((1, 25), (1, 62), (6, 30)):
            assert verdict(held, calls.arch, OPTION[name], 3, level, option) == refused(errno.EPERM)
        for level, option in ((1, 2), (6, 1), (6, 25), (41, 26)):
            assert verdict(held, calls.arch, OPTION[name], 3, level, option) == ALLOW
        for number in THROUGH_OTHERS[name]:
            assert verdict(held, calls.arch, number) == refused(errno.EPERM)
        for number in (425, 426, 427):
            assert verdict(held, calls.arch, number) == refused(errno.ENOSYS)
        assert verdict(held, calls.arch, calls.ioctl, 0, seccomp.TIOCSTI) == refused(errno.EPERM)
        assert verdict(held, 0x40000003, 41) == refused(errno.ENOSYS)
        assert verdict(held, calls.arch, 0x40000000 + 41) == refused(errno.ENOSYS)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_else_passes_a_lock_of_ones_own(name: str) -> None:
    calls = CALLS[name]
    looked_at = {
        calls.socket,
        calls.connect,
        calls.ioctl,
        PAIR[name],
        OPTION[name],
        425,
        426,
        427,
        *THROUGH_OTHERS[name],
    }
    for held in locks(name):
        for number in set(range(500)) - looked_at:
            assert verdict(held, calls.arch, number) == ALLOW, number
