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
import os
import struct

from privet.egress.kernel import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_HAS_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
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


class Calls:
    """The numbers of system calls on one architecture."""

    def __init__(
        self, arch: int, socket: int, connect: int, sendto: int, listen: int, ioctl: int, sendmsg: int, sendmmsg: int
    ) -> None:
        self.arch = arch
        self.socket = socket
        self.connect = connect
        self.sendto = sendto
        self.listen = listen
        self.ioctl = ioctl
        self.sendmsg = sendmsg
        self.sendmmsg = sendmmsg


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
    socket = _argument(0) + _one_of(_FAMILIES) + _refused(errno.EAFNOSUPPORT) + _ALLOWED
    # A pointer to an address in either half of the argument.
    sendto = (
        _argument(4) + _instruction(_EQUAL, 0, 1, 0) + _ASKED
        + _argument(4, high=True) + _instruction(_EQUAL, 0, 1, 0) + _ASKED + _ALLOWED
    )  # fmt: skip
    parts = [
        _own_calls_only(calls),
        # First what is called most: `send` is this call without an address, and the kernel looks at each.
        _where(calls.sendto, sendto),
        _where(calls.socket, socket),
        _where(calls.connect, _ASKED),
        _where(calls.listen, _ASKED),
        _where(calls.sendmsg, _ASKED),
        _where(calls.sendmmsg, _ASKED),
        _where(calls.ioctl, _terminal()),
        *(_where(number, _refused(errno.ENOSYS)) for number in _IO_URING),
        _ALLOWED,
    ]
    return b"".join(parts)


def _own_calls_only(calls: Calls) -> bytes:
    return (
        _instruction(_LOAD, _ARCH) + _instruction(_EQUAL, calls.arch, 1, 0) + _refused(errno.ENOSYS)
        + _instruction(_LOAD, _NUMBER) + _instruction(_AT_LEAST, _X32, 0, 1) + _refused(errno.ENOSYS)
    )  # fmt: skip


def _terminal() -> bytes:
    return (
        _argument(1) + _instruction(_EQUAL, TIOCSTI, 2, 0) + _instruction(_EQUAL, TIOCLINUX, 1, 0) + _ALLOWED
        + _refused(errno.EPERM)
    )  # fmt: skip


class _More:
    """Numbers of further system calls, for processes that lock themselves in and have no namespace around them.

    `refused` are ptrace, process_vm_readv, process_vm_writev, setns, bpf, init_module, finit_module, kexec_load, kexec_file_load,
    open_by_handle_at, pidfd_getfd: they act through another process, another namespace or the kernel itself.
    """

    def __init__(self, socketpair: int, setsockopt: int, refused: tuple[int, ...]) -> None:
        self.socketpair, self.setsockopt, self.refused = socketpair, setsockopt, refused


_MORE: Final = {
    "x86_64": _More(53, 54, (101, 310, 311, 308, 321, 175, 313, 246, 320, 304, 438)),
    "aarch64": _More(199, 208, (117, 270, 271, 268, 280, 105, 273, 104, 294, 265, 438)),
}
_UNIX_TYPES: Final = (1, 5)  # SOCK_STREAM, SOCK_SEQPACKET: the others can be sent to any address at any time
_TYPE_BITS: Final = 0xF
_MSG_FASTOPEN: Final = 0x20000000
_DEVICE_OPTIONS: Final = ((1, 25), (1, 62), (6, 30))
"""SOL_SOCKET with SO_BINDTODEVICE and SO_BINDTOIFINDEX, IPPROTO_TCP with TCP_FASTOPEN_CONNECT"""


def asking_lock(name: str = "", *, connects: bool) -> bytes:
    """Return the filter of a process that locks itself in: whoever answers makes its sockets (see `lock_keeper`).

    `connects` lets `connect` wait for an answer too. Without, it goes on: then no socket may be given out that leads away by its address.
    """
    calls = CALLS[name or machine()]
    socket = _argument(0) + _one_of(_FAMILIES) + _refused(errno.EAFNOSUPPORT) + _ASKED
    return _own_lock(name, socket, _where(calls.connect, _ASKED) if connects else b"")


def closed_lock(name: str = "") -> bytes:
    """Return the filter of a process that connects to nothing and asks nobody: it has the connections that it was given.

    It may make unix sockets, as its children listen on them.
    """
    calls = CALLS[name or machine()]
    refused = _refused(errno.EACCES)
    unix = _argument(1) + _instruction(_AND, _TYPE_BITS) + _one_of(_UNIX_TYPES) + refused + _ALLOWED
    socket = _argument(0) + _instruction(_EQUAL, _FAMILIES[0], 1, 0) + refused + unix
    return _own_lock(name, socket, _where(calls.connect, refused))


def _own_lock(name: str, socket: bytes, connect: bytes) -> bytes:
    calls, more = CALLS[name or machine()], _MORE[name or machine()]
    pair = _argument(1) + _instruction(_AND, _TYPE_BITS) + _one_of(_UNIX_TYPES) + _refused(errno.EACCES) + _ALLOWED
    return b"".join(
        [
            _own_calls_only(calls),
            _where(calls.socket, socket),
            _where(more.socketpair, pair),
            connect,
            # Fast open connects with what is sent first.
            *(
                _where(
                    number, _argument(place) + _instruction(_HAS_BIT, _MSG_FASTOPEN, 0, 1) + _no_support() + _ALLOWED
                )
                for number, place in ((calls.sendto, 3), (calls.sendmsg, 2), (calls.sendmmsg, 3))
            ),
            _where(more.setsockopt, b"".join(_option(*option) for option in _DEVICE_OPTIONS) + _ALLOWED),
            _where(calls.ioctl, _terminal()),
            *(_where(number, _refused(errno.ENOSYS)) for number in _IO_URING),
            *(_where(number, _refused(errno.EPERM)) for number in more.refused),
            _ALLOWED,
        ]
    )


def _one_of(values: tuple[int, ...]) -> bytes:
    """Return instructions that pass over the next one where one of the values is loaded."""
    return b"".join(_instruction(_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values))


def _no_support() -> bytes:
    return _refused(errno.EOPNOTSUPP)


def _option(level: int, name: int) -> bytes:
    return (
        _argument(1) + _instruction(_EQUAL, level, 0, 3)
        + _argument(2) + _instruction(_EQUAL, name, 0, 1) + _refused(errno.EPERM)
    )  # fmt: skip


_NOTIFICATION: Final = struct.Struct("=QIIiIQ6Q")
_ANSWER: Final = struct.Struct("=QqiI")
_RECEIVE: Final = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV
_ADD_DESCRIPTOR: Final = 0x40182103  # SECCOMP_IOCTL_NOTIF_ADDFD
_ADDED: Final = struct.Struct("=QIIII")
_AND_ANSWER: Final = 2  # SECCOMP_ADDFD_FLAG_SEND
_SEND: Final = 0xC0182101  # SECCOMP_IOCTL_NOTIF_SEND
_ID_VALID: Final = 0x40082102  # SECCOMP_IOCTL_NOTIF_ID_VALID
_GO_ON: Final = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE


class Question:
    """A system call that waits: of which thread, which one, its arguments."""

    def __init__(self, notification: int, thread: int, number: int, arguments: tuple[int, ...]) -> None:
        self.id, self.thread, self.number, self.arguments = notification, thread, number, arguments


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


def answer_descriptor(listener: int, question: Question, descriptor: int, *, inheritable: bool) -> None:
    """Let a system call return a copy of a descriptor, put into the caller's table (Linux 5.14; 5.9 in two steps)."""
    flags = 0 if inheritable else os.O_CLOEXEC

    def add(how: int) -> int:
        number: int = fcntl.ioctl(
            listener, _ADD_DESCRIPTOR, bytearray(_ADDED.pack(question.id, how, descriptor, 0, flags))
        )
        return number

    try:
        add(_AND_ANSWER)
    except OSError as failed:
        if failed.errno == errno.EINVAL:
            answer(listener, question, result=add(0))
        elif failed.errno == errno.EMFILE:
            answer(listener, question, error=errno.EMFILE)
        elif failed.errno != errno.ENOENT:
            raise
