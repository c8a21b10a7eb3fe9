"""Run a program under strace, and read what it and its children wrote, opened and connected to.

Invariants:

- Bytes are told apart by where they went. A socket that was accepted on the endpoint's port is the caller's,
  one that was connected to the upstream is the upstream's; nothing may be found in what went elsewhere.
- A trace that could not see (a pointer for a string, a cut string, a ring, shared memory) says so in `blind`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

WRITES: Final = frozenset(
    {"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg", "vmsplice"}
)
OPENS: Final = frozenset({"open", "openat", "openat2", "creat"})
NAMES: Final = frozenset(
    {
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "mkdir",
        "mkdirat",
        "mknod",
        "mknodat",
    }
)
# The question mark lets strace accept names that the machine's architecture lacks.
TRACED: Final = ",".join(
    f"?{name}"
    for name in sorted(
        WRITES
        | OPENS
        | NAMES
        | {"connect", "bind", "accept", "accept4", "execve", "execveat", "prctl", "prlimit64", "setrlimit"}
        | {"io_uring_setup", "mmap", "process_vm_writev", "sendfile", "splice", "copy_file_range"}
    )
)
MAX_STRING_BYTES: Final = 64 * 1024 * 1024
# glibc asks this daemon, where there is one, for the names of users and hosts.
NAME_SERVICE: Final = "unix:/var/run/nscd/socket"

_CALL: Final = re.compile(r"^(\w+)\((.*)\)\s+= (.*)$")
_STRING: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_DESCRIPTOR: Final = re.compile(r"^(-?\w+)<((?:[^<>]|<[^<>]*>)*)>")
_ESCAPE: Final = re.compile(r"\\x([0-9a-f]{2})")


class StraceMissing(Exception):
    """The tests that prove the promises need strace: apt-get install strace."""


def traced(command: Sequence[str], log: Path) -> list[str]:
    """Return the command line that runs a command under strace, writing `log.PID` for each thread."""
    strace = shutil.which("strace")
    if strace is None:
        message = "strace is needed to see every write and connection of the endpoint: apt-get install strace"
        raise StraceMissing(message)
    options = [
        "--seccomp-bpf",
        "-ff",
        "-y",
        "-xx",
        "-s",
        str(MAX_STRING_BYTES),
        "-o",
        str(log),
        "-e",
        f"trace={TRACED}",
    ]
    # A ring's writes are no system calls and would not be seen. Kernels without rings are common, and programs do without.
    options += ["-e", "inject=io_uring_setup:error=ENOSYS"]
    if os.geteuid() != 0:
        # A tracer without CAP_SYS_PTRACE cannot read a process that is not dumpable: it would be blind.
        # The call is still recorded; test_nothing_is_kept.py proves its effect on a process without a tracer.
        options += ["-e", "inject=prctl:retval=0"]
    return [strace, *options, "--", *command]


@dataclass(frozen=True, slots=True)
class Call:
    """One system call of one thread."""

    thread: int
    name: str
    arguments: str
    result: str

    @property
    def target(self) -> str:
        """Return what the first argument stands for: a path, `socket:[n]`, `pipe:[n]` or nothing."""
        return _annotation(self.arguments)

    @property
    def strings(self) -> tuple[bytes, ...]:
        """Return the strings among the arguments."""
        return tuple(bytes.fromhex(match[1].replace("\\x", "")) for match in _STRING.finditer(self.arguments))

    @property
    def succeeded(self) -> bool:
        """Tell whether the call did something; a connection in progress did."""
        return not self.result.startswith(("-1", "?")) or "EINPROGRESS" in self.result


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that was recorded of one program and its children."""

    calls: tuple[Call, ...]
    endings: tuple[str, ...]

    def connections(self) -> set[str]:
        """Return every address that was connected or sent to: `tcp 127.0.0.1:80`, `unix:/path` and so on."""
        addressed = (call for call in self.calls if call.name in {"connect", "sendto", "sendmsg", "sendmmsg"})
        return {address for call in addressed if (address := _address(call.arguments)) is not None}

    def written(self, port: int, upstream: str) -> dict[str, bytes]:
        """Return, per target, the bytes that went anywhere but to callers on our port and to the upstream."""
        private = self._accepted(port) | {
            call.target for call in self.calls if call.name == "connect" and _address(call.arguments) == upstream
        }
        streams: dict[str, bytearray] = {}
        for call in self.calls:
            if call.name in WRITES and call.target not in private:
                streams.setdefault(f"trace {call.name} {call.target}", bytearray()).extend(b"".join(call.strings))
        return {target: bytes(data) for target, data in streams.items()}

    def names(self) -> dict[str, bytes]:
        """Return every path and argument that was handed to the system as haystacks."""
        named = (call for call in self.calls if call.name in OPENS | NAMES | {"execve", "execveat"})
        return {"trace names": b"\n".join(dict.fromkeys(text for call in named for text in call.strings))}

    def changed_paths(self) -> set[PurePosixPath]:
        """Return the files that were created, opened for writing, renamed, linked or made."""
        changed = (
            call
            for call in self.calls
            if call.succeeded
            and (call.name in NAMES or (call.name in OPENS and re.search(r"O_WRONLY|O_RDWR|O_CREAT", call.arguments)))
        )
        return {path for call in changed for path in _paths(call)}

    def blind(self) -> list[str]:
        """Return the calls whose bytes could not be seen."""
        return [f"{call.name} {call.target}" for call in self.calls if call.succeeded and _is_blind(call)]

    def has(self, name: str, *arguments: str) -> bool:
        """Tell whether a call with these words among its arguments succeeded."""
        return any(
            call.name == name and call.succeeded and all(word in call.arguments for word in arguments)
            for call in self.calls
        )

    def _accepted(self, port: int) -> set[str]:
        """Return the sockets that were accepted on a port."""
        bound = (call for call in self.calls if call.name == "bind" and f"_port=htons({port})" in call.arguments)
        listening = {call.target for call in bound}
        accepted = (call for call in self.calls if call.name in {"accept", "accept4"} and call.target in listening)
        return {target for call in accepted if (target := _annotation(call.result))}


def read_trace(log: Path) -> Trace:
    """Read what `traced` recorded; complete once the program has ended."""
    calls: list[Call] = []
    endings: list[str] = []
    for path in sorted(log.parent.glob(f"{log.name}.*")):
        thread = int(path.suffix[1:])
        for line in path.read_text("ascii").splitlines():
            if match := _CALL.match(line):
                calls.append(Call(thread, match[1], match[2], match[3]))
            elif line.startswith("+++"):
                endings.append(line)
    return Trace(tuple(calls), tuple(endings))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def _annotation(text: str) -> str:
    match = _DESCRIPTOR.match(text)
    return _unescaped(match[2]) if match else ""


def _address(arguments: str) -> str | None:
    """Return the socket address among the arguments of a call."""
    family = re.search(r"sa_family=(AF_\w+)", arguments)
    if family is None:
        return None
    if family[1] == "AF_UNIX":
        path = re.search(r'sun_path=(@?)"((?:\\x[0-9a-f]{2})*)"', arguments)
        return f"unix:{path[1]}{_unescaped(path[2])}" if path else "unix:"
    host = re.search(r'inet_(?:addr\(|pton\(AF_INET6, )"((?:\\x[0-9a-f]{2})*)"', arguments)
    port = re.search(r"sin6?_port=htons\((\d+)\)", arguments)
    if host is None or port is None:
        # Netlink is the kernel, and AF_UNSPEC takes a connection away: neither leaves the machine.
        return None if family[1] in {"AF_NETLINK", "AF_UNSPEC"} else family[1]
    return f"tcp {_unescaped(host[1])}:{port[1]}"


def _paths(call: Call) -> Iterator[PurePosixPath]:
    """Yield the absolute paths that a call names."""
    folder = _annotation(call.arguments) or "/"
    for text in call.strings:
        yield PurePosixPath(os.path.normpath(PurePosixPath(folder) / text.decode("utf-8", "surrogateescape")))


def _is_blind(call: Call) -> bool:
    if call.name in {"io_uring_setup", "process_vm_writev"}:
        return True
    if call.name == "mmap":
        return all(word in call.arguments for word in ("MAP_SHARED", "PROT_WRITE")) and "<" in call.arguments
    if call.name not in WRITES:
        return False
    pointers = re.search(r"(?:^[^,]*, |iov_base=)0x[0-9a-f]+", call.arguments)
    return bool(pointers) or any(match[2] for match in _STRING.finditer(call.arguments))
