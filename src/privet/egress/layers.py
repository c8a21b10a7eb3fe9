"""Which layers this kernel gives, and what each covers: tried, not guessed.

Invariants: a layer holds where a process of its own could put it up just now.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable
from typing import Final, NamedTuple

from privet.egress import kernel, namespaces, program, seccomp, unix_sockets


class Layer(NamedTuple):
    """A layer: whether it holds here, what it covers, why not and how to get it, whether `privet run` needs it."""

    name: str
    holds: bool
    covers: str
    remedy: str
    is_required: bool


_NAMESPACE_REMEDY: Final = (
    "allow user namespaces: sysctl user.max_user_namespaces=15000; on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0 or a "
    "profile for privet; in a container the runtime's seccomp profile forbids them: run the container itself with --network none"
)


def layers() -> list[Layer]:
    """Return all layers, outermost first."""
    if kernel.machine() not in seccomp.CALLS:
        where = "this is no x86_64 or aarch64: run it in a container, docker run --network none …"
        return [Layer(name, False, covers, where, is_required=True) for name, covers in _COVERS.items()]
    abi = kernel.landlock_abi()
    return [
        _layer("namespace", _tried(_namespace), _NAMESPACE_REMEDY),
        _layer("process view", _tried(_own_view), "mount /proc without parts hidden", is_required=False),
        _layer("seccomp", _tried(_filter), "a kernel 5.9 or later with CONFIG_SECCOMP_FILTER, and no other filter with a listener"),
        _layer("unix sockets", _tried(lambda _line: unix_sockets.check()), "a kernel with CONFIG_UNIX_DIAG: modprobe unix_diag"),
        _layer(
            "Landlock", _tried(_domain),
            "a kernel with Landlock, 6.12 or later for all of it: add landlock to the lsm= boot parameter",
            is_required=False, more=f" (ABI {abi})" if abi else "",
        ),
    ]  # fmt: skip


_COVERS: Final = {
    "namespace": "a network of its own with loopback alone: TCP, UDP, ICMP, raw and packet sockets, abstract unix sockets, IPv4 and IPv6",
    "process view": "other people's processes are not to be seen in /proc",
    "seccomp": "vsock and other families, io_uring, 32-bit and x32 system calls, typing into the terminal; connections to unix sockets",
    "unix sockets": "sockets made outside (Docker, D-Bus, an agent) are told from those made inside",
    "Landlock": "processes outside are not signalled or traced, and their environment is not read",
}


def _layer(name: str, failed: str, remedy: str, *, is_required: bool = True, more: str = "") -> Layer:
    return Layer(name, not failed, _COVERS[name] + more, f"{failed}: {remedy}" if failed else "", is_required)


def _namespace(line: socket.socket) -> None:
    namespaces.enter(line)
    namespaces.loopback_up()
    kernel.unshare(kernel.CLONE_NEWPID)


def _own_view(line: socket.socket) -> None:
    _namespace(line)
    first = os.fork()
    if first == 0:
        os._exit(not namespaces.own_processes())
    if os.waitpid(first, 0)[1]:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def _domain(_line: socket.socket) -> None:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if not kernel.landlock_abi():
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    program.restrict()


def _filter(_line: socket.socket) -> None:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    os.close(kernel.install_filter(seccomp.program()))


def _tried(put_up: Callable[[socket.socket], None]) -> str:
    """Try something in a process of its own; return why it failed, or nothing."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        mine.close()
        code = 1
        try:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
            put_up(theirs)
            code = 0
        except OSError as error:
            theirs.send(f"failed {error.strerror}".encode())
        finally:
            os._exit(code)
    theirs.close()
    failed = ""
    with mine:
        while data := mine.recv(256).decode():
            verb, _, rest = data.partition(" ")
            if verb == "map":
                mine.send(namespaces.mapped(int(rest)))
            else:
                failed = rest.lower()
    _, status = os.waitpid(child, 0)
    return failed or ("it failed" if status else "")
