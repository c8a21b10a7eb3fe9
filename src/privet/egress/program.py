"""From the process namespace to the program: its holder, its first process that reaps, the filter, the start.

Invariants: everything is up before the program's first instruction; where a layer cannot be had, nothing is started. The program's
descriptors above 2 are files, pipes and nothing that leads elsewhere.
"""

from __future__ import annotations

import errno
import os
import resource
import stat
import sys

from privet.egress import kernel, namespaces, seccomp
from privet.egress.bare import Ignoring, signal, socket, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Final, NoReturn

FORWARDED: Final = frozenset(
    (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
)
FAILED: Final = 3
_NOT_FOUND: Final = 127
_NOT_STARTED: Final = 126
_SIGNALLED: Final = 128
_ABI_WITH_SCOPES: Final = 6
_SCOPES: Final = 3  # LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL
_MAKE_BLOCK: Final = 1 << 11  # LANDLOCK_ACCESS_FS_MAKE_BLOCK
_STANDARD_ERROR: Final = 2


class Missing(Exception):
    """A layer cannot be had; as a text, what is said of it to the process outside."""

    def __init__(self, layer: str, number: int) -> None:
        super().__init__(f"failed {number} {layer}")


class Layer:
    """Says which layer it was that failed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _at: TracebackType | None) -> None:
        if isinstance(error, OSError):
            raise Missing(self._name, error.errno or 0) from error


class Program:
    """What is to be started.

    `named` destinations are open to it, `learning` tells whether names of others are learned, `mask` holds the signals that were blocked
    before, `outside_sockets` the paths of unix sockets that were there before.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        named: Sequence[tuple[str, int]],
        mask: frozenset[int],
        outside_sockets: Sequence[str],
        *,
        learning: bool,
    ) -> None:
        self.command, self.environment, self.named = command, dict(environment), named
        self.mask, self.outside_sockets, self.learning = mask, outside_sockets, learning


def exit_code(status: int) -> int:
    """Return the exit code for a status of waitpid: that of the program, or 128 and the signal that ended it."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else _SIGNALLED + os.WTERMSIG(status)


def hold(line: socket.socket, program: Program) -> NoReturn:
    """Make the process namespace, and wait for its first process. The keeper could start no thread once it had made one."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        with Layer("namespace"):
            kernel.unshare(kernel.CLONE_NEWPID)
    except Missing as missing:
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
        with Layer("process view"):
            if not namespaces.own_processes() and not kernel.landlock_abi():
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        with Layer("settings"):
            if os.geteuid() == 0:
                namespaces.protect_settings()
    except Missing as missing:
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
            with Ignoring(ChildProcessError):
                while (found := os.waitpid(-1, os.WNOHANG))[0]:
                    if found[0] == started:
                        os._exit(exit_code(found[1]))
        elif code != kernel.FROM_KERNEL:
            with Ignoring(ProcessLookupError):
                os.kill(started, number)


def _start(line: socket.socket, program: Program) -> NoReturn:
    """Become the program."""
    try:
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        _close_ways_out(line.fileno())
        _leave_nothing_behind()
        with Layer("namespace"):
            namespaces.give_up_privileges()
        with Layer("Landlock"):
            restrict()
        with Layer("seccomp"):
            listener = kernel.install_filter(seccomp.program())
        # A descriptor could be handed over only by what the filter asks about, so the keeper takes it.
        line.send(f"locked {listener}".encode())
        line.recv(1)
        os.close(listener)
    except Missing as missing:
        _fail(line, missing)
    line.close()
    signal.pthread_sigmask(signal.SIG_SETMASK, program.mask)
    try:
        _become(program.command, program.environment)
    except (FileNotFoundError, NotADirectoryError):
        sys.stderr.write(f"privet run: {program.command[0]}: there is no such program\n")
        sys.stderr.flush()
        os._exit(_NOT_FOUND)
    except OSError as error:
        sys.stderr.write(f"privet run: {program.command[0]}: cannot be started: {os.strerror(error.errno or 0)}\n")
        sys.stderr.flush()
        os._exit(_NOT_STARTED)


def _become(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Start the program that PATH leads to, as `os.execvpe` does, which loads a module for it."""
    name, words = command[0], list(command)
    found = [name]
    if "/" not in name:
        folders = environment.get("PATH", os.defpath).split(os.pathsep)
        found = [path for folder in folders if os.path.lexists(path := os.path.join(folder, name))]  # noqa: PTH118
    failed: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    for path in found:
        try:
            os.execve(path, words, environment)  # noqa: S606 (that is what it is for)
        except OSError as error:
            # One that may not be started hides none behind it; what is said is why the first of them could not.
            if isinstance(failed, FileNotFoundError | NotADirectoryError):
                failed = error
    raise failed


def _fail(line: socket.socket, missing: Missing) -> NoReturn:
    with Ignoring(OSError):
        line.send(str(missing).encode())
    os._exit(FAILED)


def _leave_nothing_behind() -> None:
    """No core dump, in a file or for a program that collects them; new files for the owner only."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    # One byte: no file is that small, and a collector is told not to be started (core(5)).
    size = 0 if most == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (size, size))
    with Ignoring(OSError):
        write_text("/proc/self/coredump_filter", "0")
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
    for number in sorted(map(int, os.listdir("/proc/self/fd"))):  # noqa: PTH208 (see `bare`)
        if number <= _STANDARD_ERROR or number == kept:
            continue
        with Ignoring(OSError):
            mode = os.fstat(number).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISDIR(mode) or os.isatty(number)):
                os.close(number)
