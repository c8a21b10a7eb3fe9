"""Lock this process in: from now on nothing of it, of its threads and of what it starts reaches another machine.

The filter of system calls lets a keeper (`lock_keeper`, a process of its own) make all sockets, so that the kernel itself holds them on
this machine. `docs/lock.md` says what holds against Python code, native code and root.

Invariants: irreversible; what is required holds for all threads, or `lock` raises; what was open before and leads away, or could, stops it.
"""

from __future__ import annotations

import _socket
import ctypes
import errno
import json
import os
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from privet.egress import kernel, seccomp
from privet.egress.audit_hook import Hook
from privet.egress.lock_sockets import is_bound
from privet.egress.open_sockets import look_at_open_sockets
from privet.errors import Unprotected

_MESSAGE_BYTES: Final = 4096
_START_SECONDS: Final = 20.0
_PASSED: Final = ("LANG", "LD_LIBRARY_PATH")
_KEEPER: Final = (
    "import socket, sys; sys.path[:] = sys.argv[2:]; from privet.egress.lock_keeper import main; "
    "main(socket.socket(fileno=int(sys.argv[1])))"
)
_ABI_WITH_SCOPES: Final = 6
_ABI_FOR_ALL_THREADS: Final = 8
_SCOPES: Final = 3  # LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL
_NO_LOOK: Final = "the keeper may not read what processes connect to: unix sockets are refused, attempts of other programs are not counted"
_ELSEWHERE: Final = "lock in a container instead: docker run --network none …"


class Missing(NamedTuple):
    """A layer that could not be had, and what that means."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, order=True)
class Attempt:
    """What tried to leave: the program, where to, how often."""

    program: str
    destination: str
    count: int


@dataclass(frozen=True, slots=True)
class Locked:
    """What holds this process: the names of the layers, and those that could not be had."""

    layers: tuple[str, ...]
    missing: tuple[Missing, ...] = ()
    _state: _State = field(repr=False, compare=False, kw_only=True)

    def attempts(self) -> list[Attempt]:
        """Return what has tried to leave so far.

        What native code and other programs tried is known only where the layer "connections" holds.
        """
        return self._state.attempts()

    def __str__(self) -> str:
        text = ", ".join(self.layers)
        return f"{text}; without {', '.join(name for name, _ in self.missing)}" if self.missing else text


class _State:
    def __init__(self, hook: Hook, line: socket.socket | None) -> None:
        self.hook = hook
        self._line = line
        self._process = os.getpid()
        self._others: Counter[tuple[str, str]] = Counter()

    def attempts(self) -> list[Attempt]:
        for program, destination in self.new_by_others():
            self._others[program, destination] += 1
        own = [Attempt(Path(sys.executable).name, where, count) for where, count in self.hook.counts().items()]
        return sorted(own + [Attempt(*who, count) for who, count in self._others.items()])

    def new_by_others(self) -> Iterator[tuple[str, str]]:
        """Yield what the keeper has told since; a child of the process leaves it to the process."""
        if self._line is None or os.getpid() != self._process:
            return
        with suppress(BlockingIOError):
            while data := self._line.recv(_MESSAGE_BYTES):
                program, destination = json.loads(data)
                yield program, destination


_held: list[Locked] = []


def lock() -> Locked:
    """Lock this process in, for good, and return what holds. A second call changes nothing.

    Raises:
        Unprotected: this system cannot hold it, or an open socket leads away. Where the system gave up half way, the process has lost
            its network all the same.

    """
    if not _held:
        if sys.platform != "linux" or kernel.machine() not in seccomp.CALLS:
            raise Unprotected(
                "this system cannot lock a process in: it is no Linux on x86_64 or aarch64", hint=_ELSEWHERE
            )
        _held.append(_inherited() or _locked())
    return _held[0]


def _inherited() -> Locked | None:
    """Return what holds where a process that started this one is locked: a fresh socket shows it."""
    fresh = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if not is_bound(fresh):
            return None
    finally:
        fresh.close()
    hook = Hook()
    hook.put_up()
    layers = ["audit hook", "seccomp", "loopback device"]
    for name, family, kind in (
        ("namespace", socket.AF_INET, socket.SOCK_DGRAM),
        ("connections", socket.AF_UNIX, socket.SOCK_STREAM),
    ):
        with suppress(OSError):
            _socket.socket(family, kind).close()
            layers.append(name)
    return Locked(tuple(layers), _state=_State(hook, None))


def _locked() -> Locked:
    look_at_open_sockets()
    line = _keeper()
    can = _asked(line)
    # The filter lets nothing be bound any more.
    look_at_open_sockets(bind=True)
    listener = _filtered(connects=can["connects"])
    socket.send_fds(line, [b"l"], [listener])
    os.close(listener)
    if line.recv(_MESSAGE_BYTES) != b"ready":
        raise Unprotected(
            "the keeper of the lock has ended: this process has no sockets any more", hint="start it anew"
        )
    line.setblocking(False)
    # What another thread opened meanwhile.
    look_at_open_sockets(bound=True)
    hook = Hook()
    hook.put_up()
    layers, missing = ["audit hook", "seccomp", "loopback device"], []
    for name, why in (
        ("namespace", can["namespace"] and f"{can['namespace']}: UDP, unix and netlink sockets are refused"),
        ("connections", "" if can["connects"] else _NO_LOOK),
        ("Landlock", _domain()),
    ):
        if why:
            missing.append(Missing(name, why))
        else:
            layers.append(name)
    return Locked(tuple(layers), tuple(missing), _state=_State(hook, line))


def _keeper() -> socket.socket:
    """Start the keeper; return the line to it."""
    if not sys.executable:
        raise Unprotected(
            "the keeper of the lock cannot be started: Python does not know its own program", hint=_ELSEWHERE
        )
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        os.set_inheritable(theirs.fileno(), True)
        null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
        paths = [str(Path(entry).absolute()) for entry in sys.path if entry]
        words = [sys.executable, "-I", "-S", "-B", "-c", _KEEPER, str(theirs.fileno()), *paths]
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        try:
            started = os.posix_spawn(sys.executable, words, environment, file_actions=null)
        except OSError as error:
            mine.close()
            raise Unprotected("the keeper of the lock cannot be started", hint="free memory or processes") from error
    # It has a child do the work, and ends.
    with suppress(ChildProcessError):
        os.waitpid(started, 0)
    mine.settimeout(_START_SECONDS)
    return mine


def _asked(line: socket.socket) -> dict[str, Any]:
    """Return what the keeper can do here."""
    sign = ctypes.create_string_buffer(b"p")
    try:
        line.send(json.dumps([os.getpid(), ctypes.addressof(sign)]).encode())
        said: dict[str, Any] = json.loads(line.recv(_MESSAGE_BYTES) or b'{"failed": 0}')
    except OSError:
        said = {"failed": errno.EPIPE}
    if "failed" in said:
        line.close()
        why = os.strerror(said["failed"]).lower()
        raise Unprotected(
            f"sockets cannot be held on this machine's loopback device: {why}",
            hint=f"use Linux 5.9 or later, or {_ELSEWHERE}",
        )
    return said


def _filtered(*, connects: bool) -> int:
    """Put the filter up; return the descriptor on which it asks."""
    try:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        return kernel.install_filter(seccomp.asking_lock(connects=connects), every_thread=True)
    except OSError as error:
        raise Unprotected(
            f"no filter of system calls can be put up for all threads: {os.strerror(error.errno or 0).lower()}",
            hint="use Linux 5.9 or later; a process that another filter watches, as under `privet run`, needs no second lock",
        ) from error


def _domain() -> str:
    """Put a Landlock domain around all threads; return why not."""
    abi = kernel.landlock_abi()
    if abi < _ABI_WITH_SCOPES:
        return "Linux 6.12 or later with landlock in the lsm= boot parameter: processes of the same user can be signalled and traced"
    alone = len(list(Path("/proc/self/task").iterdir())) == 1
    if not alone and abi < _ABI_FOR_ALL_THREADS:
        return (
            "this process has other threads: call lock() before they start; processes of the same user can be signalled"
        )
    try:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.landlock(kernel.Ruleset(scoped=_SCOPES), every_thread=not alone)
    except OSError as error:
        return os.strerror(error.errno or 0).lower()
    return ""
