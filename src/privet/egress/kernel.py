"""The system calls that Python has no name for: namespaces, mounts, seccomp, Landlock, descriptors of other processes.

Each returns what the kernel returned or raises OSError. Nothing here decides anything.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from privet.egress.bare import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_SLAVE: Final = 0x80000
MS_SHARED: Final = 0x100000

PR_SET_PDEATHSIG: Final = 1
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_SET_DUMPABLE: Final = 4

_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_PIDFD_GETFD: Final = 438
_SET_MODE_FILTER: Final = 1
_EVERY_THREAD: Final = 1 << 0
_NO_SUCH_THREAD: Final = 1 << 4
"""Since Linux 5.7: where another thread cannot be given the filter, that is the error ESRCH, not the number of a thread."""
_NEW_LISTENER: Final = 1 << 3
_WAIT_KILLABLE: Final = 1 << 5
"""Since Linux 5.19: a call that is being answered is not begun anew for every signal, as Go's scheduler sends them all the time."""

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.sendto.restype = ctypes.c_ssize_t
_libc.process_vm_readv.restype = ctypes.c_ssize_t


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def machine() -> str:
    """Return the name of the processor's architecture, as `uname -m` says it."""
    return os.uname().machine


def unshare(flags: int) -> None:
    """Leave namespaces for new ones (unshare(2))."""
    _checked(_libc.unshare(ctypes.c_int(flags)))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount (mount(2))."""
    _checked(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            options.encode() or None,
        )
    )


def prctl(option: int, value: int = 0) -> int:
    """Set something of this process (prctl(2))."""
    return _checked(
        _libc.prctl(
            ctypes.c_int(option), ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)
        )
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install_filter(program: bytes, *, every_thread: bool = False) -> int:
    """Put a seccomp filter on this thread and all that it starts; return the descriptor on which it is asked (seccomp(2)).

    `program` holds instructions of eight bytes (struct sock_filter). With `every_thread`, all threads of this process get it.
    """
    flags = _NEW_LISTENER | (_EVERY_THREAD | _NO_SUCH_THREAD if every_thread else 0)
    try:
        return _seccomp(program, flags | _WAIT_KILLABLE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return _seccomp(program, flags)


def install_silent_filter(program: bytes) -> None:
    """Put a seccomp filter that asks nobody on all threads of this process and all that they start.

    Raises:
        OSError: ESRCH where another thread has a filter of its own.

    """
    _seccomp(program, _EVERY_THREAD | _NO_SUCH_THREAD)


def _seccomp(program: bytes, flags: int) -> int:
    held = _Program(len(program) // 8, program)
    number = ctypes.c_long(_SECCOMP[machine()])
    return _checked(_libc.syscall(number, ctypes.c_uint(_SET_MODE_FILTER), ctypes.c_uint(flags), ctypes.byref(held)))


def descriptor_of(process: int, number: int) -> int:
    """Return a copy of a descriptor of another process (pidfd_getfd(2))."""
    held = os.pidfd_open(process)
    try:
        return descriptor_through(held, number)
    finally:
        os.close(held)


def descriptor_through(handle: int, number: int) -> int:
    """Return a copy of a descriptor of the process or thread that a handle of pidfd_open(2) stands for."""
    return _checked(_libc.syscall(ctypes.c_long(_PIDFD_GETFD), handle, ctypes.c_int(number), 0))


class Ruleset:
    """What a Landlock ruleset handles: bits of struct landlock_ruleset_attr."""

    def __init__(self, files: int = 0, network: int = 0, scoped: int = 0) -> None:
        self.bits = (files, network, scoped)


_LANDLOCK_CREATE: Final = 444
_LANDLOCK_RESTRICT: Final = 446
_LANDLOCK_VERSION: Final = 1
_LANDLOCK_EVERY_THREAD: Final = 1 << 3


def landlock_abi() -> int:
    """Return the version of Landlock's interface; 0 where the kernel has none or it is off."""
    try:
        return _checked(
            _libc.syscall(ctypes.c_long(_LANDLOCK_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint(_LANDLOCK_VERSION))
        )
    except OSError:
        return 0


def landlock(rules: Ruleset, *, every_thread: bool = False) -> None:
    """Put a Landlock domain around this thread and all that it starts; what is handled is denied, as nothing is allowed.

    `every_thread` takes all threads of this process along, which needs version 8 of the interface.
    """
    held = (ctypes.c_uint64 * len(rules.bits))(*rules.bits)
    flags = _LANDLOCK_EVERY_THREAD if every_thread else 0
    ruleset = _checked(
        _libc.syscall(
            ctypes.c_long(_LANDLOCK_CREATE), ctypes.byref(held), ctypes.c_size_t(ctypes.sizeof(held)), ctypes.c_uint(0)
        )
    )
    try:
        _checked(_libc.syscall(ctypes.c_long(_LANDLOCK_RESTRICT), ctypes.c_int(ruleset), ctypes.c_uint(flags)))
    finally:
        os.close(ruleset)


_SIGNALFD: Final = {"x86_64": 289, "aarch64": 74}
SIGNAL_BYTES: Final = 128
FROM_KERNEL: Final = 0x80
"""si_code of a signal that the kernel sent, as the terminal's for Ctrl-C: all processes of the foreground have it."""


def signalfd(signals: Iterable[int]) -> int:
    """Return a descriptor from which signals, which are to be blocked, are read (signalfd(2)), `SIGNAL_BYTES` each."""
    mask = ctypes.c_uint64(sum(1 << (number - 1) for number in signals))
    return _checked(
        _libc.syscall(
            ctypes.c_long(_SIGNALFD[machine()]),
            ctypes.c_int(-1),
            ctypes.byref(mask),
            ctypes.c_size_t(8),
            ctypes.c_int(os.O_CLOEXEC),
        )
    )


def signal_from(descriptor: int) -> tuple[int, int]:
    """Wait for a signal on a descriptor of `signalfd`; return its number and si_code."""
    number, _, code = struct.unpack_from("=Iii", os.read(descriptor, SIGNAL_BYTES))
    return number, code


_MOUNT_SETATTR: Final = 442
_AT_RECURSIVE: Final = 0x8000
_MOUNT_ATTR_RDONLY: Final = 1


def read_only(target: str) -> None:
    """Make a mount and all below it read-only (mount_setattr(2))."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    _checked(
        _libc.syscall(
            ctypes.c_long(_MOUNT_SETATTR),
            ctypes.c_int(-100),
            os.fsencode(target),
            ctypes.c_uint(_AT_RECURSIVE),
            ctypes.byref(attributes),
            ctypes.c_size_t(ctypes.sizeof(attributes)),
        )
    )


class _Stretch(ctypes.Structure):
    _fields_ = (("place", ctypes.c_void_p), ("size", ctypes.c_size_t))


def memory_of(process: int, place: int, size: int) -> bytes:
    """Read memory of another process (process_vm_readv(2)); may return less than was asked for."""
    held = ctypes.create_string_buffer(size)
    here = _Stretch(ctypes.addressof(held), size)
    there = _Stretch(place, size)
    count = _checked(
        _libc.process_vm_readv(
            ctypes.c_int(process),
            ctypes.byref(here),
            ctypes.c_ulong(1),
            ctypes.byref(there),
            ctypes.c_ulong(1),
            ctypes.c_ulong(0),
        )
    )
    return held.raw[:count]


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("process", ctypes.c_int))


_CAPABILITIES_VERSION: Final = 0x20080522


def give_up_capabilities() -> None:
    """Give up all capabilities of this thread (capset(2))."""
    none = (ctypes.c_uint32 * 6)()
    _checked(_libc.capset(ctypes.byref(_Header(_CAPABILITIES_VERSION, 0)), ctypes.byref(none)))


def unmount(target: str) -> None:
    """Unmount (umount2(2))."""
    _checked(_libc.umount2(os.fsencode(target), ctypes.c_int(0)))


def connect(descriptor: int, address: bytes) -> int:
    """Connect a socket to an address as the kernel writes it (struct sockaddr)."""
    return _checked(_libc.connect(descriptor, address, len(address)))


def sendto(descriptor: int, data: bytes, flags: int, address: bytes) -> int:
    """Send a datagram to an address; return how many bytes went. No signal comes of it."""
    return _checked(
        _libc.sendto(
            ctypes.c_int(descriptor),
            data,
            ctypes.c_size_t(len(data)),
            ctypes.c_int(flags | socket.MSG_NOSIGNAL),
            address,
            ctypes.c_uint(len(address)),
        )
    )


def listen(descriptor: int, backlog: int) -> None:
    """Let a socket listen."""
    _checked(_libc.listen(ctypes.c_int(descriptor), ctypes.c_int(backlog)))


def socket_option(descriptor: int, level: int, option: int, size: int) -> bytes:
    """Return an option of a socket (getsockopt(2))."""
    held, length = ctypes.create_string_buffer(size), ctypes.c_uint(size)
    _checked(_libc.getsockopt(descriptor, level, option, held, ctypes.byref(length)))
    return held.raw


def set_socket_option(descriptor: int, level: int, option: int, value: bytes) -> None:
    """Set an option of a socket (setsockopt(2))."""
    _checked(_libc.setsockopt(descriptor, level, option, value, len(value)))


_SETRESUID: Final = {"x86_64": 117, "aarch64": 147}
_SETRESGID: Final = {"x86_64": 119, "aarch64": 149}


class acting_as:  # noqa: N801 (it is used as a function)
    """Have another effective user and group in this thread alone; the C library would set those of all threads (setresuid(2))."""

    def __init__(self, user: int, group: int) -> None:
        self._user, self._group = user, group
        self._own = os.geteuid(), os.getegid()

    def __enter__(self) -> None:
        _become(_SETRESGID, self._group)
        try:
            _become(_SETRESUID, self._user)
        except OSError:
            _become(_SETRESGID, self._own[1])
            raise

    def __exit__(self, *_: object) -> None:
        try:
            _become(_SETRESUID, self._own[0])
        finally:
            _become(_SETRESGID, self._own[1])


def _become(numbers: dict[str, int], effective: int) -> None:
    unchanged = ctypes.c_int(-1)
    _checked(_libc.syscall(ctypes.c_long(numbers[machine()]), unchanged, ctypes.c_int(effective), unchanged))
