"""From a process of the user to the program in its lock: the namespaces, and who answers for the program until it ends.

Four processes: the keeper (this one, in the namespaces, see `keeper`), the holder of the process namespace, the first process in it, the
program (see `program`).

Invariant: where a layer cannot be had, nothing is started.
"""

from __future__ import annotations

import gc
import os
import select
import struct
import sys

from privet.egress import kernel, namespaces, unix_sockets
from privet.egress.bare import signal, socket, write_text
from privet.egress.program import FAILED, Layer, Missing, Program, exit_code, hold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, NoReturn

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_SOON_MS: Final = 200
_PIECE_BYTES: Final = 1 << 16
"""A message is to fit the socket's buffer."""
_SO_PASSCRED: Final = 16
_CREDENTIALS: Final = struct.Struct("=iII")
_RESOLV_CONF: Final = "/etc/resolv.conf"


def keep(line: socket.socket, program: Program) -> NoReturn:
    """Be the keeper: set the lock up, start the program in it, answer until it ends. Exits with its code."""
    parent = os.getppid()
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(FAILED)
    code = FAILED
    try:
        code = _kept(line, program)
    except Missing as missing:
        line.send(str(missing).encode())
    except BaseException as error:
        from privet.hardening import place_of

        sys.stderr.write(f"privet run: internal error, {place_of(error)}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def _kept(line: socket.socket, program: Program) -> int:
    with Layer("namespace"):
        namespaces.enter(line)
        namespaces.loopback_up()
    with Layer("unix sockets"):
        unix_sockets.hide(program.outside_sockets)
    namespaces.hide_devices()
    names = _own_names()
    broker = _served(0) if program.named else None
    # Of two names for one service the last is as good.
    at_home = {port: host for host, port in program.named if host in LOOPBACK}
    doors = [(_door(port), host, port) for port, host in at_home.items()]
    if broker is not None:
        address = f"http://127.0.0.1:{broker.getsockname()[1]}"
        program.environment |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), address)
        program.environment |= dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(LOOPBACK))
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    holder = os.fork()
    if holder == 0:
        mine.close()
        line.close()
        hold(theirs, program)
    theirs.close()
    mine.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
    ended = os.pidfd_open(holder)
    told: dict[str, list[list[str | int]]] = {}
    listener = _listener(mine, line)
    if listener is not None and not _ends_first(ended, listener, names, broker, *(held for held, _, _ in doors)):
        gc.enable()
        from privet.egress.attempts import Attempts
        from privet.egress.keeper import Keeper
        from privet.egress.outside import Outside

        attempts = Attempts()
        keeper = Keeper(listener, Outside(line), attempts, learning=program.learning)
        keeper.take_names(names)
        keeper.take_broker(broker)
        keeper.take_doors(doors)
        keeper.serve(ended)
        told = attempts.told()
    _, status = os.waitpid(holder, 0)
    if told:
        import json

        text = json.dumps(told).encode()
        for place in range(0, len(text), _PIECE_BYTES):
            line.send(b"ended " + text[place : place + _PIECE_BYTES])
    return exit_code(status)


def _listener(inner: socket.socket, line: socket.socket) -> int | None:
    """Return the descriptor on which the filter asks, once the program is about to start; None where it failed, which is passed on."""
    listener = None
    # Two processes speak, so either may be first.
    waiting = {b"first", b"locked"}
    while waiting:
        data, process = _heard(inner)
        verb, _, rest = data.partition(b" ")
        waiting.discard(verb)
        if verb == b"locked":
            with Layer("seccomp"):
                listener = kernel.descriptor_of(process, int(rest))
            inner.send(b"y")
            continue
        if data:
            line.send(data)
        if verb != b"first":
            return None
    return listener


def _heard(line: socket.socket) -> tuple[bytes, int]:
    """Return a message and the number of the process that sent it, as it is known here."""
    data, control, _, _ = line.recvmsg(256, socket.CMSG_SPACE(_CREDENTIALS.size))
    process = _CREDENTIALS.unpack_from(control[0][2])[0] if control else 0
    return data, process


def _ends_first(ended: int, *others: int | socket.socket | None) -> bool:
    """Tell whether the program ends before it asks for anything: many do, and need no more of the keeper."""
    poll = select.poll()
    for held in (ended, *others):
        if held is not None:
            poll.register(held, select.POLLIN)
    ready = poll.poll(_SOON_MS)
    for number, events in ready:
        if not events & select.POLLIN:
            # Nobody is left behind the filter; the end comes next.
            poll.unregister(number)
            ready = poll.poll()
    return [number for number, _ in ready] == [ended]


def _door(port: int) -> socket.socket:
    """Return what listens inside at the port of a service of this machine that is named, so that clients find it where it is."""
    with Layer(f"door to port {port}"):
        return _served(port)


def _served(port: int) -> socket.socket:
    """Return what listens at a port of the loopback address; at 0, at one that is free."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    held.listen()
    return held


def _own_names() -> socket.socket | None:
    """Return a socket that all questions for names come to, whatever the machine's resolver."""
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        names.bind(("127.0.0.1", 53))
        # On a file system of its own in memory: nothing is written to the disk.
        kernel.mount("tmpfs", "/proc", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV)
        try:
            # What is not found is searched for in no domain of the machine's, which would be another name to count.
            write_text("/proc/resolv.conf", "nameserver 127.0.0.1\nsearch localhost\noptions timeout:1 attempts:1\n")
            kernel.mount("/proc/resolv.conf", os.path.realpath(_RESOLV_CONF), "", kernel.MS_BIND)
        finally:
            kernel.unmount("/proc")
    except OSError:
        names.close()
        return None
    return names
