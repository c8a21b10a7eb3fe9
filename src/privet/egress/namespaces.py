"""A network of its own for one program, with nothing in it but loopback, and processes, mounts and messages of its own.

Invariants:

- What was outside before is not reachable by address: the network namespace has one interface, `lo` (network_namespaces(7)).
- The program's processes are alone in their process namespace, and all end with the first of them (pid_namespaces(7)).
- Its users are those outside: an ordinary user stays that user and no other, root keeps all users. Privileges that could undo the rest are
  given up for good.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from privet.egress import kernel
from privet.egress.bare import Ignoring, read_text, socket, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1

# capabilities(7). What root keeps is about files, users and processes of its own; what is dropped is about the machine.
_KEPT: Final = frozenset((0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 18, 27, 31))
"""chown, dac_override, dac_read_search, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, sys_chroot, mknod, setfcap"""
_LAST_CAPABILITY: Final = "/proc/sys/kernel/cap_last_cap"


def enter(line: socket.socket) -> None:
    """Move this process into new user, network, mount, message and host name namespaces.

    `line` leads to a process outside that maps the users, see `mapped`.

    Raises:
        OSError: the kernel or its configuration does not allow one of them.

    """
    kernel.unshare(
        kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET | kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
    )
    line.send(f"map {os.getpid()}".encode())
    said = line.recv(64).decode()
    if said != "mapped":
        number = int(said)
        raise OSError(number, os.strerror(number))
    # What is mounted here later, over sockets, is seen by the processes inside too.
    kernel.mount("", "/", "", kernel.MS_REC | kernel.MS_SHARED)


def mapped(process: int) -> bytes:
    """Map the users of a process in a new user namespace; return what `enter` waits for."""
    try:
        _map_users(process)
    except OSError as error:
        return str(error.errno).encode()
    return b"mapped"


def _map_users(process: int) -> None:
    """Give a process in a new user namespace its users: root keeps all, another user itself."""
    folder = f"/proc/{process}"
    try:
        lines = {name: _same(read_text(f"/proc/self/{name}")) for name in ("uid_map", "gid_map")}
        if os.geteuid() != 0:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        for name, text in lines.items():
            write_text(f"{folder}/{name}", text)
    except PermissionError:
        write_text(f"{folder}/setgroups", "deny")
        write_text(f"{folder}/uid_map", f"{os.geteuid()} {os.geteuid()} 1")
        write_text(f"{folder}/gid_map", f"{os.getegid()} {os.getegid()} 1")


def _same(text: str) -> str:
    """Return a map of users onto themselves, for all that are known here."""
    return "".join(f"{first} {first} {count}\n" for first, _, count in map(str.split, text.splitlines()))


def loopback_up() -> None:
    """Switch the loopback interface on."""
    handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        request = bytearray(struct.pack("16sH22x", b"lo", 0))
        fcntl.ioctl(handle, _SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("H", request, 16)
        fcntl.ioctl(handle, _SIOCSIFFLAGS, bytearray(struct.pack("16sH22x", b"lo", flags | _IFF_UP)))
    finally:
        handle.close()


def protect_settings() -> None:
    """Make the kernel's settings read-only: to those of /proc root is root even in a user namespace, and some name programs to be started.

    Raises:
        OSError: they can be written all the same.

    """
    for path in ("/proc/sys", "/proc/sysrq-trigger"):
        if os.path.lexists(path):
            kernel.mount(path, path, "", kernel.MS_BIND)
            kernel.read_only(path)
    with Ignoring(FileNotFoundError):
        kernel.read_only("/sys")


def hide_devices() -> None:
    """Hide what would let a virtual machine's network be played by a program that may open it."""
    for path in ("/dev/vhost-net", "/dev/vhost-vsock"):
        with Ignoring(OSError):
            kernel.mount("/dev/null", path, "", kernel.MS_BIND)


def own_processes() -> bool:
    """Show this process namespace in /proc, so that other people's processes are not to be seen; return whether that was allowed."""
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("", "/", "", kernel.MS_REC | kernel.MS_SLAVE)
    try:
        kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    except OSError:
        # Where a container hides parts of /proc, the kernel allows no other view of it.
        return False
    return True


def give_up_privileges() -> None:
    """Drop from this process and all it starts what could undo the namespaces, where it has it, and gaining any by starting a program."""
    for number in range(int(read_text(_LAST_CAPABILITY)) + 1):
        if number not in _KEPT:
            kernel.prctl(kernel.PR_CAPBSET_DROP, number)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
