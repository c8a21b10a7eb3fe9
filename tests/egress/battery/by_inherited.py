"""Ways over descriptors that were open before the program started."""

from __future__ import annotations

import ctypes
import os
import socket

from way import Targets, main, way

_libc = ctypes.CDLL(None, use_errno=True)


def held(to: Targets, name: str) -> int:
    fd: int = to["inherited"][name]
    os.fstat(fd)
    return fd


@way("inherited-tcp", "TCP", "an inherited connected socket")
def tcp(word: bytes, to: Targets) -> None:
    os.write(held(to, "tcp"), word)


@way("inherited-udp", "UDP", "an inherited connected socket")
def udp(word: bytes, to: Targets) -> None:
    os.write(held(to, "udp"), word)


@way("inherited-unix", "unix socket", "an inherited end of a socket pair")
def unix(word: bytes, to: Targets) -> None:
    os.write(held(to, "unix"), word)


@way("inherited-fresh", "UDP", "an inherited socket that was never used")
def fresh(word: bytes, to: Targets) -> None:
    with socket.socket(fileno=held(to, "fresh")) as one:
        one.sendto(word, (to["out4"], 4100))


@way("inherited-folder", "unix socket", "an inherited folder descriptor, /proc/self/fd/N/docker.sock")
def folder(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(f"/proc/self/fd/{held(to, 'folder')}/docker.sock")
        one.sendall(word)


@way("inherited-o-path", "unix socket", "an inherited O_PATH descriptor of the socket's file")
def o_path(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(f"/proc/self/fd/{held(to, 'o_path')}")
        one.sendall(word)


@way("inherited-pidfd", "UDP", "an inherited pidfd, pidfd_getfd")
def pidfd(word: bytes, to: Targets) -> None:
    fd = _libc.syscall(438, held(to, "pidfd"), to["victim"]["udp"], 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.write(fd, word)


@way("inherited-namespace", "UDP", "an inherited descriptor of the network namespace, setns")
def namespace(word: bytes, to: Targets) -> None:
    if _libc.setns(held(to, "namespace"), 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(word, (to["out4"], 4100))


if __name__ == "__main__":
    main()
