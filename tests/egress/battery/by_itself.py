# ruff: noqa: ARG001, T201 -- a way takes what every way takes; its output is for a person
"""Ways that need a start of their own: daemons, servers, terminals. The last line printed before the act is "ready"."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import termios

from way import Targets, main, way


def send(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(word, (to["out4"], 4100))


def ready() -> None:
    print("ready", flush=True)


def daemon(word: bytes, to: Targets) -> None:
    """Fork twice, close everything, wait for a byte in the named pipe, send."""
    done, tell = os.pipe()
    if os.fork():
        os.close(tell)
        os.read(done, 1)
        ready()
        return
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    gate = os.open(to["gate"], os.O_RDWR)  # read and write: a read waits even while nobody has it open for writing
    os.write(tell, b".")
    for number in (0, 1, 2, done, tell):
        os.close(number)
    os.read(gate, 1)
    send(word, to)
    os._exit(0)


@way("daemon", "UDP", "a daemon, after the program has ended")
def daemon_left(word: bytes, to: Targets) -> None:
    daemon(word, to)


@way("daemon-kill", "UDP", "a daemon, after the lock's own process was killed")
def daemon_kill(word: bytes, to: Targets) -> None:
    daemon(word, to)
    signal.pause()


@way("server-every-address", "TCP", "a server on every address, asked from outside")
def server(word: bytes, to: Targets) -> None:
    try:
        one = socket.create_server(("::", 4200), family=socket.AF_INET6, dualstack_ipv6=True)
    finally:
        ready()  # also where listening is refused: then nobody is answered, and that is the verdict
    with one:
        while True:
            link, _ = one.accept()
            link.sendall(word)
            link.close()


@way("terminal", "terminal", "keys typed into the user's shell (TIOCSTI)")
def terminal(word: bytes, to: Targets) -> None:
    for byte in word + b"\n":
        fcntl.ioctl(0, termios.TIOCSTI, bytes([byte]))
    sys.exit(0)


if __name__ == "__main__":
    main()
