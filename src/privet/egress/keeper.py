"""Answers for a locked program: who may connect where, which of its ports the user sees, names and named exceptions.

It runs in the program's network namespace but not behind its filter, as a process of its own.

Invariants:

- A unix socket is connected by the keeper itself, through the descriptor of the file that was looked at: what the program writes over its
  memory or puts in the place of the path meanwhile changes nothing.
- Nothing of what is sent is read here: only addresses, names that are asked for, and the first line of a CONNECT.
"""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

from privet.egress import broker, kernel, resolver, unix_sockets
from privet.egress.addresses import Destination, destination, plain, printable
from privet.egress.attempts import Attempts
from privet.egress.outside import Outside
from privet.egress.relay import relay
from privet.egress.seccomp import CALLS, Question, answer, is_waiting, received

_MAX_ADDRESS_BYTES: Final = 128
_MAX_PATH_BYTES: Final = 107
_MAX_DATAGRAM_BYTES: Final = 1 << 20
_MAX_MESSAGES: Final = 1024
_MESSAGE_BYTES: Final = 64
"""size of struct mmsghdr, which begins with a struct msghdr, which begins with address and length of a name"""
_MESSAGE_NAME: Final = struct.Struct("=QI")
_SO_NETNS_COOKIE: Final = 71
_LOOK_SECONDS: Final = 0.2
_SETTLE_SECONDS: Final = 0.5
_NAME_CHARS: Final = 64


class Ports(NamedTuple):
    """Where a program listens: the address to connect to from inside."""

    family: int
    address: str
    port: int


class Keeper:
    """Serves one locked program until it ends."""

    def __init__(self, listener: int, outside: Outside, attempts: Attempts, *, learning: bool) -> None:
        self._listener = listener
        self._outside = outside
        self.attempts = attempts
        self._calls = calls = CALLS[kernel.machine()]
        self._handlers: dict[int, Callable[[Question], None]] = {
            calls.connect: self._connecting,
            calls.listen: self._listening,
            calls.sendto: self._sending,
            calls.sendmsg: self._sending_messages,
            calls.sendmmsg: self._sending_messages,
        }
        self._poll = select.poll()
        self._stand_ins = resolver.StandIns() if learning else None
        self._namers: dict[int, str] = {}
        self._asked_ports = {broker.NAME_PORT}
        self._names: socket.socket | None = None
        self._broker: socket.socket | None = None
        self._doors: dict[int, tuple[socket.socket, str, int]] = {}
        self._forwarded: dict[int, tuple[socket.socket, Ports]] = {}
        self._threads = _Threads()
        self._ended = threading.Event()
        self._cookie = _cookie_of_namespace()

    def take_names(self, names: socket.socket | None) -> None:
        """Answer for names on this socket."""
        self._names = names

    def take_broker(self, listening: socket.socket | None) -> None:
        """Open named destinations for those who ask on this socket."""
        self._broker = listening
        self._asked_ports = {broker.NAME_PORT} | ({listening.getsockname()[1]} if listening is not None else set())

    def take_doors(self, doors: Sequence[tuple[socket.socket, str, int]]) -> None:
        """Open a named destination of this machine, host and port, for those who connect to its socket."""
        self._doors = {held.fileno(): (held, host, port) for held, host, port in doors}

    def serve(self, ended: int) -> None:
        """Answer until the descriptor `ended` can be read."""
        self._poll.register(ended, select.POLLIN)
        self._poll.register(self._listener, select.POLLIN)
        for held in (self._names, self._broker, *(door for door, _, _ in self._doors.values())):
            if held is not None:
                self._poll.register(held, select.POLLIN)
        hiding = threading.Thread(target=self._hide_new, daemon=True)
        hiding.start()
        while True:
            ready = dict(self._poll.poll(_LOOK_SECONDS * 1000))
            if ended in ready:
                self._ended.set()
                hiding.join()
                # What was let through is counted when it has ended, which it does as the program's side is gone.
                self._threads.settle(_SETTLE_SECONDS)
                return
            if not ready:
                self._close_unused()
            if self._listener in ready:
                self._asked()
            self._served(set(ready))

    def _served(self, ready: set[int]) -> None:
        if self._names is not None and self._names.fileno() in ready:
            self._named(self._names)
        if self._broker is not None and self._broker.fileno() in ready:
            client, (_, port) = self._broker.accept()
            # Who that is may be noted only now: it is asked for later.
            program = partial(self._namer, port)
            self._threads.do(partial(broker.serve, client, self._outside, self.attempts, program))
        for number in ready & self._doors.keys():
            held, host, opened = self._doors[number]
            self._threads.do(partial(broker.open_door, held.accept()[0], host, opened, self._outside, self.attempts))
        for port, (held, inside) in list(self._forwarded.items()):
            if held.fileno() in ready:
                self._visited(port, held, inside)

    # -- system calls that wait

    def _asked(self) -> None:
        try:
            question = received(self._listener)
        except OSError:
            return
        self._guarded(self._handlers[question.number], question)

    def _guarded(self, act: Callable[..., None], question: Question, *more: object) -> None:
        """Do what answers a question. Where that fails, so does the call: what cannot be looked at does not go on."""
        try:
            act(question, *more)
        except OSError as error:
            answer(self._listener, question, error=error.errno or errno.EACCES)

    def _sending(self, question: Question) -> None:
        """Send a datagram to a unix socket as `_connecting` connects; of others, which the namespace drops, note where they were to go."""
        where = destination(_memory(question.thread, question.arguments[4], question.arguments[5]))
        if where.path is not None:
            self._threads.do(partial(self._guarded, self._sent, question, where))
            return
        self._note(question.thread, where)
        answer(self._listener, question, go_on=True)

    def _sending_messages(self, question: Question) -> None:
        """Let messages go that name no file of a unix socket made outside: nearly all name nothing, as they go where they are connected."""
        count = 1 if question.number == self._calls.sendmsg else min(question.arguments[2] & 0xFFFFFFFF, _MAX_MESSAGES)
        for number in range(count):
            head = kernel.memory_of(
                question.thread, question.arguments[1] + number * _MESSAGE_BYTES, _MESSAGE_NAME.size
            )
            if len(head) < _MESSAGE_NAME.size:
                raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
            place, length = _MESSAGE_NAME.unpack(head)
            if not place or not length:
                continue
            where = destination(_memory(question.thread, place, length))
            if where.path is not None:
                self._at_file(question, where, lambda _address: 0)
            self._note(question.thread, where)
        answer(self._listener, question, go_on=True)

    def _sent(self, question: Question, where: Destination) -> None:
        number, place, size, flags = question.arguments[:4]
        if size > _MAX_DATAGRAM_BYTES:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        descriptor = _descriptor(question.thread, number)
        try:
            data = kernel.memory_of(question.thread, place, size)
            if is_waiting(self._listener, question):
                sent = self._at_file(question, where, lambda address: kernel.sendto(descriptor, data, flags, address))
                answer(self._listener, question, result=sent)
        finally:
            os.close(descriptor)

    def _connecting(self, question: Question) -> None:
        raw = _memory(question.thread, question.arguments[1], question.arguments[2])
        descriptor = _descriptor(question.thread, question.arguments[0])
        if not is_waiting(self._listener, question):
            os.close(descriptor)
            return
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_NONBLOCK:
            self._connected(question, descriptor, raw)
        else:
            # A full queue of the other side may make it wait.
            self._threads.do(partial(self._guarded, self._connected, question, descriptor, raw))

    def _connected(self, question: Question, descriptor: int, raw: bytes) -> None:
        where = destination(raw)
        self._note(question.thread, where)
        try:
            if where.path is not None:
                self._at_file(question, where, lambda address: kernel.connect(descriptor, address))
            else:
                kernel.connect(descriptor, raw)
        finally:
            self._remember_namer(question.thread, where, descriptor)
            os.close(descriptor)
        answer(self._listener, question)

    def _at_file(self, question: Question, where: Destination, reach: Callable[[bytes], int]) -> int:
        """Reach the file of a unix socket by an address that stands for that very file.

        Raises:
            OSError: it was not made inside, or cannot be reached.

        """
        file = _file_of(question.thread, where.path or b"")
        try:
            if not unix_sockets.is_inside(os.fstat(file)):
                self._tried(question.thread, where)
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            address = struct.pack("=H", socket.AF_UNIX) + f"/proc/self/fd/{file}".encode() + b"\0"
            user, group = _user(question.thread)
            if user == os.geteuid():
                return reach(address)
            # The other side asks the kernel who connects, and the file's owner decides who may.
            with kernel.acting_as(user, group):
                return reach(address)
        finally:
            os.close(file)

    def _listening(self, question: Question) -> None:
        with socket.socket(fileno=_descriptor(question.thread, question.arguments[0])) as held:
            kernel.listen(held.fileno(), question.arguments[1] & 0x7FFFFFFF)
            if held.family in {socket.AF_INET, socket.AF_INET6} and self._is_here(held):
                self._show(held)
        answer(self._listener, question)

    def _is_here(self, held: socket.socket) -> bool:
        return self._cookie is None or self._cookie == _cookie(held)

    # -- ports that the user sees

    def _show(self, held: socket.socket) -> None:
        """Open the port on the user's loopback address that the program opened on its own."""
        host, port = held.getsockname()[:2]
        if not Destination(plain(ipaddress.ip_address(host.partition("%")[0])), port).is_inside:
            return
        inside = Ports(held.family, _loopback(held.family, host), port)
        known = self._forwarded.get(port)
        if known is not None:
            self._forwarded[port] = (known[0], inside)
            return
        shown = self._outside.listen(port)
        if shown is not None:
            shown.setblocking(False)
            self._forwarded[port] = (shown, inside)
            self._poll.register(shown, select.POLLIN)

    def _visited(self, port: int, shown: socket.socket, inside: Ports) -> None:
        with suppress(OSError):
            visitor, _ = shown.accept()
            target = socket.socket(inside.family, socket.SOCK_STREAM)
            try:
                target.connect((inside.address, inside.port))
            except OSError:
                target.close()
                visitor.close()
                self._unshow(port)
                return
            self._threads.do(partial(relay, visitor, target))

    def _unshow(self, port: int) -> None:
        shown, _ = self._forwarded.pop(port)
        self._poll.unregister(shown)
        shown.close()

    def _close_unused(self) -> None:
        """Close ports whose program has closed its own."""
        if self._forwarded:
            open_ports = _listening_ports()
            for port in [port for port in self._forwarded if port not in open_ports]:
                self._unshow(port)

    def _hide_new(self) -> None:
        """Hide unix sockets as they are made outside: nobody is asked about a `sendmsg`."""
        with suppress(OSError):
            while not self._ended.wait(_LOOK_SECONDS):
                for path in self._outside.new_sockets():
                    unix_sockets.hide(path)

    # -- names and exceptions

    def _named(self, names: socket.socket) -> None:
        with suppress(OSError):
            message, sender = names.recvfrom(4096)
            asked = resolver.query(message)
            if asked is None:
                return
            if self._stand_ins is not None:
                reply = resolver.address_of(message, asked, self._stand_ins.address(asked.name))
            else:
                self.attempts.add(self._namers.get(sender[1], "?"), asked.name)
                reply = resolver.no_such_name(message, asked)
            names.sendto(reply, sender)

    def _namer(self, port: int) -> str:
        return self._namers.get(port, "?")

    def _remember_namer(self, thread: int, where: Destination, descriptor: int) -> None:
        """Note who connects to ask for a name or a named destination, by its port."""
        if not where.is_inside or where.port not in self._asked_ports:
            return
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as held:
            if len(self._namers) > 1 << 12:
                self._namers.clear()
            self._namers[held.getsockname()[1]] = _program(thread)

    def _note(self, thread: int, where: Destination) -> None:
        """Count an attempt to leave, if it is one."""
        if where.address is not None and not where.is_inside:
            self._tried(thread, where)

    def _tried(self, thread: int, where: Destination) -> None:
        text = str(where)
        if self._stand_ins is not None and where.address is not None:
            text = f"{self._stand_ins.name(str(where.address))}:{where.port}"
        self.attempts.add(_program(thread), text)


class _Threads:
    """Threads that wait for more to do when they have done something: a new one takes longer than most of what is done."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._lock = threading.Condition()
        self._idle = 0
        self._busy = 0

    def do(self, function: Callable[[], object]) -> None:
        """Do something in a thread."""
        with self._lock:
            self._busy += 1
            self._idle -= 1
            is_new = self._idle < 0
            if is_new:
                self._idle = 0
        if is_new:
            threading.Thread(target=self._work, args=(function,), daemon=True).start()
        else:
            self._waiting.put(function)

    def settle(self, seconds: float) -> None:
        """Wait until all is done, but no longer than so."""
        with self._lock:
            self._lock.wait_for(lambda: not self._busy, seconds)

    def _work(self, function: Callable[[], object]) -> None:
        while True:
            try:
                function()
            finally:
                with self._lock:
                    self._idle += 1
                    self._busy -= 1
                    self._lock.notify_all()
            function = self._waiting.get()


def _memory(thread: int, place: int, size: int) -> bytes:
    """Return the address that an argument of a waiting thread points to."""
    return kernel.memory_of(thread, place, min(size & 0xFFFFFFFF, _MAX_ADDRESS_BYTES))


def _status(thread: int, field: str) -> list[str]:
    for line in Path(f"/proc/{thread}/status").read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return value.split()
    raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))


def _descriptor(thread: int, number: int) -> int:
    """Return a copy of a descriptor of a waiting thread."""
    return kernel.descriptor_of(int(_status(thread, "Tgid")[0]), number & 0xFFFFFFFF)


def _user(thread: int) -> tuple[int, int]:
    return int(_status(thread, "Uid")[1]), int(_status(thread, "Gid")[1])


def _program(thread: int) -> str:
    with suppress(OSError):
        name = Path(f"/proc/{thread}/exe").readlink().name
        comm = Path(f"/proc/{thread}/comm").read_text(encoding="utf-8", errors="replace").strip()
        text = comm if comm and name.startswith(("python", "node", "java", "ruby", "perl")) else name or comm
        return printable(text)[:_NAME_CHARS]
    return "?"


def _file_of(thread: int, path: bytes) -> int:
    """Return a descriptor of the file at a path as the thread sees it."""
    if len(path) > _MAX_PATH_BYTES:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    if not Path(f"/proc/{thread}/root").samefile("/"):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    folder = os.open(f"/proc/{thread}/cwd", os.O_PATH | os.O_DIRECTORY)
    try:
        return os.open(path, os.O_PATH, dir_fd=folder)
    finally:
        os.close(folder)


def _loopback(family: int, host: str) -> str:
    if family == socket.AF_INET:
        return "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 (compared, not bound)
    return "::1" if host == "::" else host


def _cookie(held: socket.socket) -> bytes | None:
    with suppress(OSError):
        return held.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
    return None


def _cookie_of_namespace() -> bytes | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        return _cookie(held)


def _listening_ports() -> set[int]:
    """Return the ports of this network namespace on which something listens."""
    ports = set()
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/self/net/{name}").read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
