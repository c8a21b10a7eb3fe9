# ruff: noqa: T201 -- it speaks from a forked child
"""Build a small world out of namespaces: a machine, its user, and an outside that the machine has a route to.

Everything happens in user, network, mount, process, IPC and host-name namespaces of its own, so it runs with and without root, sends no
packet anywhere, and leaves nothing behind: when the first process of the world ends, the kernel ends all others.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

import netlink

NEWNS: Final = 0x00020000
NEWUTS: Final = 0x04000000
NEWIPC: Final = 0x08000000
NEWUSER: Final = 0x10000000
NEWPID: Final = 0x20000000
NEWNET: Final = 0x40000000
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 0x40000
_PDEATHSIG: Final = 1
_DUMPABLE: Final = 4

MACHINE_LINK: Final = "priv0"
OUTSIDE_LINK: Final = "priv1"
MACHINE: Final = ("198.51.100.2", "2001:db8:1::2")
GATEWAY: Final = ("198.51.100.1", "2001:db8:1::1")
# What stands on the outside's loopback; 192.31.196.7 is of a range that counts as globally reachable (RFC 7535).
OUTSIDE: Final = ("203.0.113.7", "2001:db8::7", "169.254.169.254", "203.0.113.53", "192.31.196.7")
RESOLVER: Final = "203.0.113.53"

_libc: Final = ctypes.CDLL(None, use_errno=True)


class NoWorld(Exception):
    """Namespaces cannot be had here; the message says which step failed."""


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise NoWorld(f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None, flags: int = 0) -> None:
    done = _libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags), None)
    _check(done, f"mount on {target}")


def unshare(flags: int, what: str) -> None:
    """Leave the given namespaces for new ones."""
    _check(_libc.unshare(flags), what)


def _map_ids(inside_uid: int, uid: int, inside_gid: int, gid: int) -> None:
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{inside_uid} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{inside_gid} {gid} 1", encoding="ascii")


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends."""
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def enter(folder: Path, body: Callable[[], int], *, real_root: bool = False) -> int:
    """Run `body` as the first process of a new world; return its exit status.

    `folder` is a scratch folder on the real file system. `real_root` leaves out the user namespace: root of the world is the machine's
    root then, which setuid programs such as firejail need. Raises NoWorld where the kernel refuses one of the namespaces.
    """
    uid, gid = os.geteuid(), os.getegid()
    unshare(NEWNET | NEWNS | NEWPID | NEWIPC | NEWUTS | (0 if real_root else NEWUSER), "new namespaces")
    if not real_root:
        _map_ids(0, uid, 0, gid)
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    child = os.fork()
    if child == 0:
        die_with_parent()
        status = 70
        try:
            _furnish(folder)
            status = body()
        except NoWorld as missing:
            print(f"no world: {missing}", file=sys.stderr)
            status = 69
        except BaseException:  # a forked child must not run its parent's code
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _furnish(folder: Path) -> None:
    _mount("proc", "/proc", "proc")
    _mount("tmpfs", "/run", "tmpfs")
    for place in ("/run/user/1000", "/run/user/0", "/run/dbus"):
        Path(place).mkdir(parents=True)
    settings = folder / "resolv.conf"
    settings.write_text(f"nameserver {RESOLVER}\noptions timeout:1 attempts:1\n", encoding="ascii")
    real = os.path.realpath("/etc/resolv.conf")
    if real.startswith("/run/"):
        Path(real).parent.mkdir(parents=True, exist_ok=True)
        Path(real).write_bytes(settings.read_bytes())
    else:
        _mount(str(settings), real, None, _MS_BIND)
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0", encoding="ascii")


def join(outside_pid: int) -> None:
    """Give the machine (the caller's network namespace) its loopback and a link to the outside."""
    netlink.raise_link("lo")
    try:
        netlink.make_pair(MACHINE_LINK, OUTSIDE_LINK, outside_pid)
    except OSError as error:
        raise NoWorld(f"veth pair: {error.strerror}") from error
    netlink.add_address(MACHINE_LINK, f"{MACHINE[0]}/24")
    netlink.add_address(MACHINE_LINK, f"{MACHINE[1]}/64")
    netlink.raise_link(MACHINE_LINK)


def furnish_outside() -> None:
    """In the outside's network namespace: addresses of the gateway and of everybody beyond it."""
    netlink.raise_link("lo")
    netlink.add_address(OUTSIDE_LINK, f"{GATEWAY[0]}/24")
    netlink.add_address(OUTSIDE_LINK, f"{GATEWAY[1]}/64")
    for address in OUTSIDE:
        netlink.add_address("lo", address)
    netlink.raise_link(OUTSIDE_LINK)


def add_routes() -> None:
    """Send everything from the machine to the outside; call it when the outside's end is up."""
    netlink.add_default_route(MACHINE_LINK, GATEWAY[0])
    netlink.add_default_route(MACHINE_LINK, GATEWAY[1])


def become_user() -> None:
    """Turn into an unprivileged user (1000) of the machine: programs started from here have no capability over it.

    The user namespace is shared by everything started afterwards, as a login's is.
    """
    unshare(NEWUSER, "the user's namespace")
    _map_ids(1000, 0, 1000, 0)
    _libc.prctl(_DUMPABLE, 1, 0, 0, 0)
