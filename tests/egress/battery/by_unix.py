# ruff: noqa: ARG001 -- a way takes what every way takes
"""Ways over unix sockets and netlink: services of the machine that would carry a word on."""

from __future__ import annotations

import array
import ctypes
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from way import Targets, main, way

TIMEOUT = 2.0
Trick = Callable[[str, bytes, Targets], None]


def stream(path: str, word: bytes, kind: int = socket.SOCK_STREAM) -> None:
    with socket.socket(socket.AF_UNIX, kind) as one:
        one.settimeout(TIMEOUT)
        one.connect(path)
        one.sendall(word)


def to_unix(key: str, kind: int, word: bytes, to: Targets) -> None:
    stream(to[key].replace("@", "\0"), word, kind)


for _name, _how, _key, _kind in (
    ("unix-docker", "stream, /run/docker.sock", "docker", socket.SOCK_STREAM),
    ("unix-dbus", "stream, the system bus", "dbus", socket.SOCK_STREAM),
    ("unix-session-bus", "stream, the user's bus", "bus", socket.SOCK_STREAM),
    ("unix-home", "stream, in the home folder", "home", socket.SOCK_STREAM),
    ("unix-tmp", "stream, in /tmp", "tmp", socket.SOCK_STREAM),
    ("unix-tmp-datagram", "datagram, connect, send", "tmp_datagram", socket.SOCK_DGRAM),
    ("unix-tmp-seqpacket", "seqpacket", "tmp_seqpacket", socket.SOCK_SEQPACKET),
    ("unix-abstract", "abstract, stream", "abstract", socket.SOCK_STREAM),
    ("unix-abstract-datagram", "abstract, datagram", "abstract_datagram", socket.SOCK_DGRAM),
    ("unix-late-tmp", "stream, made after the start, in /tmp", "late_tmp", socket.SOCK_STREAM),
    ("unix-late-home", "seqpacket, made after the start, in the home folder", "late_home", socket.SOCK_SEQPACKET),
    ("unix-late-run", "datagram, made after the start, in /run", "late_tmp_datagram", socket.SOCK_DGRAM),
    ("unix-late-abstract", "abstract, made after the start", "late_abstract", socket.SOCK_STREAM),
):
    way(_name, "unix socket", _how)(partial(to_unix, _key, _kind))


def trick(name: str, how: str, key: str) -> Callable[[Trick], Trick]:
    """Enter a way to reach a socket's path twice: for a service that was there, and for one begun after the start."""

    def enter(act: Trick) -> Trick:
        for suffix, words in (("", ""), ("-late", ", made after the start")):
            place = f"late_{key}" if suffix else key

            def one(word: bytes, to: Targets, place: str = place) -> None:
                act(to[place], word, to)

            way(f"{name}{suffix}", "unix socket", how + words, file=Path(__file__).name)(one)
        return act

    return enter


@trick("unix-sendto", "datagram, sendto without connect", "tmp_datagram")
def unix_sendto(path: str, word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.sendto(word, path)


@trick("unix-sendmsg", "datagram, sendmsg with an address", "tmp_datagram")
def unix_sendmsg(path: str, word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.sendmsg([word], [], 0, path)


def sendmmsg(path: str, word: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    address = struct.pack("=H", socket.AF_UNIX) + path.encode() + b"\0"
    data, name = ctypes.create_string_buffer(word), ctypes.create_string_buffer(address)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(data), len(word))
    header = (ctypes.addressof(name), len(address), ctypes.addressof(vector), 1, 0, 0, 0, 0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        if libc.sendmmsg(one.fileno(), struct.pack("@PIxxxxPNPNiixxxx", *header), 1, 0) != 1:
            raise OSError(ctypes.get_errno(), "sendmmsg")


def to_odd(place: str, call: str, word: bytes, to: Targets) -> None:
    path = to[place] + (".stream" if call == "connect" else "")
    if call == "connect":
        stream(path, word)
    elif call == "sendmmsg":
        sendmmsg(path, word)
    else:
        {"sendto": unix_sendto, "sendmsg": unix_sendmsg}[call](path, word, to)


for _place, _how in (
    ("tmp_datagram", ""),
    ("bound_relative", "a service that bound a relative path"),
    ("bound_moved", "a service that renamed its socket after binding"),
    ("bound_linked", "a service's socket under a second name (hard link)"),
    ("elsewhere", "a service in another network namespace (a container)"),
):
    for _call in ("connect", "sendto", "sendmsg", "sendmmsg") if _how else ("sendmmsg",):
        _name = f"unix-{_place.replace('_', '-')}-{_call}"
        way(_name, "unix socket", f"{_how}, {_call}".lstrip(", "))(partial(to_odd, _place, _call))


def insist(word: bytes, to: Targets) -> None:
    until = time.monotonic() + 1.5
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        while time.monotonic() < until:
            with suppress(OSError):
                one.sendmsg([word], [], 0, to["restarting"])


@way("unix-restarting", "unix socket", "datagram, a service that restarts again and again")
def unix_restarting(word: bytes, to: Targets) -> None:
    insist(word, to)


@way("unix-restarting-flood", "unix socket", "the same, while another process keeps whoever checks connections busy")
def unix_restarting_flood(word: bytes, to: Targets) -> None:
    pid = os.fork()
    if pid == 0:
        until = time.monotonic() + 1.5
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            while time.monotonic() < until:
                one.connect(("127.0.0.1", 9))
        os._exit(0)
    insist(word, to)
    os.waitpid(pid, 0)


@trick("unix-relative", "by a relative path", "docker")
def unix_relative(path: str, word: bytes, to: Targets) -> None:
    os.chdir(Path(path).parent)
    stream(Path(path).name, word)


@trick("unix-symlink", "through a symbolic link of one's own", "docker")
def unix_symlink(path: str, word: bytes, to: Targets) -> None:
    link = Path(to["scratch"]) / f"sym-{word.decode()}"
    link.symlink_to(path)
    stream(str(link), word)


@trick("unix-hard-link", "through a hard link of one's own", "tmp")
def unix_hard_link(path: str, word: bytes, to: Targets) -> None:
    link = Path(path).with_name(f"hard-{word.decode()}")
    os.link(path, link)
    stream(str(link), word)


@trick("unix-rename", "renamed first", "movable")
def unix_rename(path: str, word: bytes, to: Targets) -> None:
    moved = Path(path).with_name(f"moved-{word.decode()}")
    Path(path).rename(moved)
    stream(str(moved), word)


@trick("unix-o-path", "O_PATH descriptor, then /proc/self/fd", "docker")
def unix_o_path(path: str, word: bytes, to: Targets) -> None:
    held = os.open(path, os.O_PATH)
    stream(f"/proc/self/fd/{held}", word)


@trick("unix-proc-root", "through /proc/PID/root of an outside program", "docker")
def unix_proc_root(path: str, word: bytes, to: Targets) -> None:
    stream(f"/proc/{to['victim']['pid']}/root{path}", word)


@way("unix-proc-cwd", "unix socket", "through /proc/PID/cwd of an outside program")
def unix_proc_cwd(word: bytes, to: Targets) -> None:
    stream(f"/proc/{to['victim']['pid']}/cwd/docker.sock", word)


def _race(word: bytes, good: bytes, bad: bytes, attempt: Callable[[ctypes.Array[ctypes.c_char]], bool]) -> None:
    """Call with an address that another thread swaps all the time between an allowed and a forbidden one."""
    sys.setswitchinterval(1e-5)
    shared = ctypes.create_string_buffer(good, 110)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            ctypes.memmove(shared, bad, len(bad))
            ctypes.memmove(shared, good, len(good))

    swapper = threading.Thread(target=swap, daemon=True)
    swapper.start()
    until = time.monotonic() + 1.5
    while time.monotonic() < until and not attempt(shared):
        continue
    stop.set()


def _empty(server: socket.socket) -> None:
    """Accept and drop what waits: a full queue would make the next connect wait for ever."""
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()


def _connect_race(
    family: int, kind: int, word: bytes, good: bytes, bad: bytes, server: socket.socket | None = None
) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def attempt(shared: ctypes.Array[ctypes.c_char]) -> bool:
        if server:
            _empty(server)
        with socket.socket(family, kind) as one:
            if libc.connect(one.fileno(), shared, len(bad)) != 0:
                return False
            with suppress(OSError):
                peer = one.getpeername()
                if peer not in {to_skip, ("127.0.0.1", 9)}:
                    one.send(word)
                    return True
            return False

    to_skip = good[2:].rstrip(b"\0").decode("latin-1") if family == socket.AF_UNIX else None
    _race(word, good, bad, attempt)


@trick("race-unix", "address swapped by a thread while connect is checked", "docker")
def race_unix(path: str, word: bytes, to: Targets) -> None:
    own = f"{to['scratch']}/own-{word.decode()[:8]}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(own)
        server.listen(64)
        server.setblocking(False)
        head = struct.pack("=H", socket.AF_UNIX)
        size = 2 + max(len(own), len(path)) + 1
        good, bad = (head + path.encode() for path in (own, path))
        good, bad = good.ljust(size, b"\0"), bad.ljust(size, b"\0")
        _connect_race(socket.AF_UNIX, socket.SOCK_STREAM, word, good, bad, server)


@way("race-inet", "UDP", "address swapped by a thread while connect is checked")
def race_inet(word: bytes, to: Targets) -> None:
    def address(host: str, port: int) -> bytes:
        return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)

    good, bad = address("127.0.0.1", 9), address(to["out4"], 4100)
    _connect_race(socket.AF_INET, socket.SOCK_DGRAM, word, good, bad)


@trick("race-symlink", "a symbolic link on the path swapped while connect is checked", "docker")
def race_symlink(path: str, word: bytes, to: Targets) -> None:
    base = Path(to["scratch"]) / f"race-{word.decode()}"
    base.mkdir()
    own, link = base / "own", base / "link"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(own))
        server.listen(64)
        server.setblocking(False)
        stop = threading.Event()

        def swap() -> None:
            while not stop.is_set():
                for target in (str(own), path):
                    (base / "next").symlink_to(target)
                    (base / "next").rename(link)

        link.symlink_to(own)
        swapper = threading.Thread(target=swap, daemon=True)
        swapper.start()
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            _empty(server)
            with socket.socket(socket.AF_UNIX) as one, suppress(OSError):
                one.connect(str(link))
                if one.getpeername() == path:
                    one.sendall(word)
                    break
        stop.set()
        swapper.join()


@trick("race-sendmsg", "the address in sendmsg swapped by a thread while it is checked", "tmp_datagram")
def race_sendmsg(path: str, word: bytes, to: Targets) -> None:
    own = f"{to['scratch']}/dgram-{word.decode()[:10]}"
    libc = ctypes.CDLL(None, use_errno=True)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one,
    ):
        server.bind(own)
        one.setblocking(False)
        head = struct.pack("=H", socket.AF_UNIX)
        size = 2 + max(len(own), len(path)) + 1
        good, bad = ((head + path.encode()).ljust(size, b"\0") for path in (own, path))
        data = ctypes.create_string_buffer(word)
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(data), len(word))

        def attempt(shared: ctypes.Array[ctypes.c_char]) -> bool:
            header = struct.pack(
                "@PIxxxxPNPNixxxx", ctypes.addressof(shared), size, ctypes.addressof(vector), 1, 0, 0, 0
            )
            libc.sendmsg(one.fileno(), header, 0)
            with suppress(BlockingIOError):
                server.recv(64, socket.MSG_DONTWAIT)
            return False

        _race(word, good, bad, attempt)


@trick("unix-replace", "a socket of one's own whose path is then given to the outside's (rename)", "replaceable")
def unix_replace(path: str, word: bytes, to: Targets) -> None:
    own = Path(path).with_name(f"own-{word.decode()}")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(own))
        server.listen(1)
        Path(path).rename(own)
        stream(str(own), word)


@trick("unix-folder-swap", "the folder of one's own socket becomes a link to /run", "docker")
def unix_folder_swap(path: str, word: bytes, to: Targets) -> None:
    folder = Path(to["scratch"]) / f"swap-{word.decode()}"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "docker.sock"))
        server.listen(1)
        folder.rename(folder.with_suffix(".old"))
        folder.symlink_to(Path(path).parent)
        stream(str(folder / "docker.sock"), word)


@way("descriptor-gift", "UDP", "a connected socket handed over (SCM_RIGHTS) by an outside unix service")
def descriptor_gift(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(TIMEOUT)
        one.connect(to["giver"])
        _data, control, _flags, _address = one.recvmsg(16, socket.CMSG_SPACE(4))
        held = array.array("i", control[0][2][:4])[0]
        os.write(held, word)


@way("netlink-user", "netlink", "NETLINK_USERSOCK to an outside program")
def netlink_user(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 2) as one:
        one.sendto(struct.pack("=IHHII", 16 + len(word), 16, 0, 0, 0) + word, (to["netlink_port"], 0))


@way("netlink-uevent", "netlink", "NETLINK_KOBJECT_UEVENT to everybody who listens (udev)")
def netlink_uevent(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15) as one:
        one.sendto(b"add@/" + word + b"\0", (to["uevent_port"], 0))


@way("vsock", "vsock", "connect to this machine (CID 1)")
def vsock(word: bytes, to: Targets) -> None:
    if not Path("/sys/module/vsock_loopback").exists():  # without it the kernel would ask the host of a virtual machine
        raise OSError("no vsock loopback in this kernel")
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as one:
        one.settimeout(TIMEOUT)
        one.connect((1, 4100))
        one.sendall(word)


@way("fifo", "named pipe", "a named pipe of the file system", network=False)
def fifo(word: bytes, to: Targets) -> None:
    held = os.open(to["fifo"], os.O_WRONLY | os.O_NONBLOCK)
    os.write(held, word)


if __name__ == "__main__":
    main()
