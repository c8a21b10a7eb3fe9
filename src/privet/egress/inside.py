"""From a process of the user to the program in its lock: namespaces, a first process that reaps, filter, start.

Four processes: the keeper (this one, in the namespaces, see `keeper`), the holder of the process namespace, the first process in it, the
program.

Invariants: everything is up before the program's first instruction; where a layer cannot be had, nothing is started. The program's
descriptors above 2 are files, pipes and nothing that leads elsewhere.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import signal
import socket
import stat
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from privet.egress import kernel, namespaces, seccomp, unix_sockets
from privet.egress.attempts import Attempts
from privet.hardening import place_of

FORWARDED: Final = frozenset(
    (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
)
_NOT_FOUND: Final = 127
_NOT_STARTED: Final = 126
_SIGNALLED: Final = 128
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
FAILED: Final = 3
_ABI_WITH_SCOPES: Final = 6
_SCOPES: Final = 3  # LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL
_MAKE_BLOCK: Final = 1 << 11  # LANDLOCK_ACCESS_FS_MAKE_BLOCK
_STANDARD_ERROR: Final = 2
_SOON_MS: Final = 200
_SO_PASSCRED: Final = 16
_CREDENTIALS: Final = struct.Struct("=iII")
_RESOLV_CONF: Final = "/etc/resolv.conf"


class _Missing(Exception):
    """A layer cannot be had; as a text, what is said of it to the process outside."""

    def __init__(self, layer: str, number: int) -> None:
        super().__init__(f"failed {number} {layer}")


@contextmanager
def _layer(name: str) -> Iterator[None]:
    """Say which layer it was that failed."""
    try:
        yield
    except OSError as error:
        raise _Missing(name, error.errno or 0) from error


class Program(NamedTuple):
    """What is to be started: the command, its environment, the destinations that are named, whether others are learned."""

    command: Sequence[str]
    environment: Mapping[str, str]
    named: Sequence[tuple[str, int]]
    learning: bool
    mask: frozenset[int]
    """signals that were blocked before, as numbers"""
    outside_sockets: Sequence[str]
    """paths of unix sockets that were there before"""


def keep(line: socket.socket, program: Program) -> NoReturn:
    """Be the keeper: set the lock up, start the program in it, answer until it ends. Exits with its code."""
    parent = os.getppid()
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(FAILED)
    code = FAILED
    try:
        code = _kept(line, program)
    except _Missing as missing:
        line.send(str(missing).encode())
    except BaseException as error:
        sys.stderr.write(f"privet run: internal error, {place_of(error)}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def _kept(line: socket.socket, program: Program) -> int:
    with _layer("namespace"):
        namespaces.enter(line)
        namespaces.loopback_up()
    with _layer("unix sockets"):
        unix_sockets.check()
    for path in program.outside_sockets:
        unix_sockets.hide(path)
    namespaces.hide_devices()
    names = _own_names()
    broker = socket.create_server(("127.0.0.1", 0)) if program.named else None
    # Of two names for one service the last is as good.
    at_home = {port: host for host, port in program.named if host in LOOPBACK}
    doors = [(_door(port), host, port) for port, host in at_home.items()]
    environment = dict(program.environment)
    if broker is not None:
        address = f"http://127.0.0.1:{broker.getsockname()[1]}"
        environment |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), address)
        environment |= dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(LOOPBACK))
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    holder = os.fork()
    if holder == 0:
        mine.close()
        line.close()
        _hold(theirs, program._replace(environment=environment))
    theirs.close()
    mine.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
    ended = os.pidfd_open(holder)
    attempts = Attempts()
    listener = _listener(mine, line)
    if listener is not None and not _ends_first(ended, listener, names, broker, *(held for held, _, _ in doors)):
        from privet.egress.keeper import Keeper
        from privet.egress.outside import Outside

        keeper = Keeper(listener, Outside(line), attempts, learning=program.learning)
        keeper.take_names(names)
        keeper.take_broker(broker)
        keeper.take_doors(doors)
        keeper.serve(ended)
    _, status = os.waitpid(holder, 0)
    if told := attempts.told():
        import json

        line.send(b"ended " + json.dumps(told).encode())
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
            with _layer("seccomp"):
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
    return [number for number, _ in poll.poll(_SOON_MS)] == [ended]


def exit_code(status: int) -> int:
    """Return the exit code for a status of waitpid: that of the program, or 128 and the signal that ended it."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else _SIGNALLED + os.WTERMSIG(status)


def _door(port: int) -> socket.socket:
    """Return what listens inside at the port of a service of this machine that is named, so that clients find it where it is."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise _Missing(f"door to port {port}", error.errno or 0) from error


def _own_names() -> socket.socket | None:
    """Return a socket that all questions for names come to, whatever the machine's resolver."""
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        names.bind(("127.0.0.1", 53))
        # On a file system of its own in memory: nothing is written to the disk.
        kernel.mount("tmpfs", "/proc", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV)
        try:
            Path("/proc/resolv.conf").write_text(
                "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", encoding="ascii"
            )
            kernel.mount("/proc/resolv.conf", os.path.realpath(_RESOLV_CONF), "", kernel.MS_BIND)
        finally:
            kernel.unmount("/proc")
    except OSError:
        names.close()
        return None
    return names


def _hold(line: socket.socket, program: Program) -> NoReturn:
    """Make the process namespace, and wait for its first process. The keeper could start no thread once it had made one."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        with _layer("namespace"):
            kernel.unshare(kernel.CLONE_NEWPID)
    except _Missing as missing:
        _fail(line, missing)
    first = os.fork()
    if first == 0:
        _be_first(line, program)
    line.send(f"first {first}".encode())
    line.close()
    _, status = os.waitpid(first, 0)
    os._exit(exit_code(status))


def _be_first(line: socket.socket, program: Program) -> NoReturn:
    """Be the first process of the namespace: start the program, pass signals on, reap what it leaves, end with it."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        with _layer("process view"):
            if not namespaces.own_processes() and not kernel.landlock_abi():
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        with _layer("settings"):
            if os.geteuid() == 0:
                namespaces.protect_settings()
    except _Missing as missing:
        _fail(line, missing)
    signals = kernel.signalfd((*FORWARDED, signal.SIGCHLD))
    signal.pthread_sigmask(signal.SIG_BLOCK, (*FORWARDED, signal.SIGCHLD))
    started = os.fork()
    if started == 0:
        _start(line, program)
    line.close()
    while True:
        number, code = kernel.signal_from(signals)
        if number == signal.SIGCHLD:
            with suppress(ChildProcessError):
                while (found := os.waitpid(-1, os.WNOHANG))[0]:
                    if found[0] == started:
                        os._exit(exit_code(found[1]))
        elif code != kernel.FROM_KERNEL:
            with suppress(ProcessLookupError):
                os.kill(started, number)


def _start(line: socket.socket, program: Program) -> NoReturn:
    """Become the program."""
    try:
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        _close_ways_out(line.fileno())
        _leave_nothing_behind()
        with _layer("namespace"):
            namespaces.give_up_privileges()
        with _layer("Landlock"):
            restrict()
        with _layer("seccomp"):
            listener = kernel.install_filter(seccomp.program())
        # A descriptor could be handed over only by what the filter asks about, so the keeper takes it.
        line.send(f"locked {listener}".encode())
        line.recv(1)
        os.close(listener)
    except _Missing as missing:
        _fail(line, missing)
    line.close()
    signal.pthread_sigmask(signal.SIG_SETMASK, program.mask)
    try:
        os.execvpe(program.command[0], list(program.command), dict(program.environment))  # noqa: S606 (that is what it is for)
    except FileNotFoundError:
        sys.stderr.write(f"privet run: {program.command[0]}: there is no such program\n")
        sys.stderr.flush()
        os._exit(_NOT_FOUND)
    except OSError as error:
        sys.stderr.write(f"privet run: {program.command[0]}: cannot be started: {os.strerror(error.errno or 0)}\n")
        sys.stderr.flush()
        os._exit(_NOT_STARTED)


def _fail(line: socket.socket, missing: _Missing) -> NoReturn:
    with suppress(OSError):
        line.send(str(missing).encode())
    os._exit(FAILED)


def _leave_nothing_behind() -> None:
    """No core dump, in a file or for a program that collects them; new files for the owner only."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    # One byte: no file is that small, and a collector is told not to be started (core(5)).
    size = 0 if most == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (size, size))
    with suppress(OSError):
        Path("/proc/self/coredump_filter").write_text("0", encoding="ascii")
    os.umask(0o077)


def restrict() -> None:
    """Put a Landlock domain around this thread, as far as the kernel has it: what is outside cannot be signalled, traced or read."""
    abi = kernel.landlock_abi()
    if abi >= _ABI_WITH_SCOPES:
        kernel.landlock(kernel.Ruleset(scoped=_SCOPES))
    elif abi:
        # Any domain keeps from tracing what is outside of it; this one denies what no program needs.
        kernel.landlock(kernel.Ruleset(files=_MAKE_BLOCK))


def _close_ways_out(kept: int) -> None:
    """Close inherited descriptors above 2 but files, pipes, terminals and folders: sockets, and what the kernel has no file for."""
    for number in sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir()):
        if number <= _STANDARD_ERROR or number == kept:
            continue
        with suppress(OSError):
            mode = os.fstat(number).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISDIR(mode) or os.isatty(number)):
                os.close(number)
