"""The seccomp filter of a locked program: what the namespaces miss is refused, and who opens or offers a connection is asked about.

Invariants:

- System calls of another architecture (32-bit, x32) are refused: their numbers would be read wrongly.
- Families of sockets are allowed by name: unix, inet, inet6 and netlink, which the network namespace holds. All others are refused,
  vsock and packet among them.
- io_uring is refused as a whole: what it does passes no filter.
- `connect`, `listen`, `sendto` with an address, `sendmsg` and `sendmmsg` wait for an answer (seccomp_unotify(2)).

Sources: seccomp(2), seccomp_unotify(2), Linux uapi headers seccomp.h, filter.h, audit.h; bubblewrap's CVE-2017-5226 for TIOCSTI.
"""

from __future__ import annotations

import errno
import fcntl
import struct
from typing import Final, NamedTuple

from privet.egress.kernel import machine

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_NUMBER: Final = 0
_ARCH: Final = 4
_ARGUMENTS: Final = 16

_ALLOW: Final = 0x7FFF0000
_ASK: Final = 0x7FC00000
_REFUSE: Final = 0x00050000
_X32: Final = 0x40000000

TIOCSTI: Final = 0x5412
TIOCLINUX: Final = 0x541C
"""Both put characters into the terminal's input, which the shell outside reads once the program has ended."""

_FAMILIES: Final = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_IO_URING: Final = (425, 426, 427)


class Calls(NamedTuple):
    """The numbers of system calls on one architecture."""

    arch: int
    socket: int
    connect: int
    sendto: int
    listen: int
    ioctl: int
    sendmsg: int
    sendmmsg: int


CALLS: Final = {
    "x86_64": Calls(0xC000003E, 41, 42, 44, 50, 16, 46, 307),
    "aarch64": Calls(0xC00000B7, 198, 203, 206, 201, 29, 211, 269),
}


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _refused(number: int) -> bytes:
    return _instruction(_RETURN, _REFUSE | number)


_ALLOWED: Final = _instruction(_RETURN, _ALLOW)
_ASKED: Final = _instruction(_RETURN, _ASK)


def _argument(place: int, *, high: bool = False) -> bytes:
    # Both architectures are little-endian.
    return _instruction(_LOAD, _ARGUMENTS + 8 * place + (4 if high else 0))


def _where(number: int, then: bytes) -> bytes:
    """Return instructions that do `then`, which ends with a return, for one system call; its number is loaded."""
    return _instruction(_EQUAL, number, 0, len(then) // 8) + then


def program(name: str = "") -> bytes:
    """Return the filter for an architecture, that of this machine by default: instructions of eight bytes."""
    calls = CALLS[name or machine()]
    families = b"".join(_instruction(_EQUAL, family, len(_FAMILIES) - at, 0) for at, family in enumerate(_FAMILIES))
    socket = _argument(0) + families + _refused(errno.EAFNOSUPPORT) + _ALLOWED
    # A pointer to an address in either half of the argument.
    sendto = (
        _argument(4) + _instruction(_EQUAL, 0, 1, 0) + _ASKED
        + _argument(4, high=True) + _instruction(_EQUAL, 0, 1, 0) + _ASKED + _ALLOWED
    )  # fmt: skip
    ioctl = (
        _argument(1) + _instruction(_EQUAL, TIOCSTI, 2, 0) + _instruction(_EQUAL, TIOCLINUX, 1, 0) + _ALLOWED
        + _refused(errno.EPERM)
    )  # fmt: skip
    parts = [
        _instruction(_LOAD, _ARCH) + _instruction(_EQUAL, calls.arch, 1, 0) + _refused(errno.ENOSYS),
        _instruction(_LOAD, _NUMBER) + _instruction(_AT_LEAST, _X32, 0, 1) + _refused(errno.ENOSYS),
        _where(calls.socket, socket),
        _where(calls.connect, _ASKED),
        _where(calls.listen, _ASKED),
        _where(calls.sendmsg, _ASKED),
        _where(calls.sendmmsg, _ASKED),
        _where(calls.sendto, sendto),
        _where(calls.ioctl, ioctl),
        *(_where(number, _refused(errno.ENOSYS)) for number in _IO_URING),
        _ALLOWED,
    ]
    return b"".join(parts)


_NOTIFICATION: Final = struct.Struct("=QIIiIQ6Q")
_ANSWER: Final = struct.Struct("=QqiI")
_RECEIVE: Final = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV
_SEND: Final = 0xC0182101  # SECCOMP_IOCTL_NOTIF_SEND
_ID_VALID: Final = 0x40082102  # SECCOMP_IOCTL_NOTIF_ID_VALID
_GO_ON: Final = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE


class Question(NamedTuple):
    """A system call that waits: of which thread, which one, its arguments."""

    id: int
    thread: int
    number: int
    arguments: tuple[int, ...]


def received(listener: int) -> Question:
    """Return the next system call that waits.

    Raises:
        OSError: ENOENT where the caller was killed meanwhile.

    """
    held = bytearray(_NOTIFICATION.size)
    fcntl.ioctl(listener, _RECEIVE, held)
    number, thread, _, call, _, _, *arguments = _NOTIFICATION.unpack(held)
    return Question(number, thread, call, tuple(arguments))


def is_waiting(listener: int, question: Question) -> bool:
    """Tell whether the caller still waits, so that what was read of its memory and descriptors was its own."""
    try:
        fcntl.ioctl(listener, _ID_VALID, struct.pack("=Q", question.id))
    except OSError:
        return False
    return True


def answer(listener: int, question: Question, *, result: int = 0, error: int = 0, go_on: bool = False) -> None:
    """Let a system call return, or fail with an error number, or go on as if nobody had asked. One whose caller has gone is no error."""
    try:
        fcntl.ioctl(listener, _SEND, bytearray(_ANSWER.pack(question.id, result, -error, _GO_ON if go_on else 0)))
    except OSError as failed:
        if failed.errno != errno.ENOENT:
            raise
