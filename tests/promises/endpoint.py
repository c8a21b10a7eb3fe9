"""Start `privet serve` as a user does, in fresh folders, and look at it from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import leaks
import psutil
import syscalls

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 20.0
SHARED_FOLDERS: Final = ("/tmp", "/var/tmp", "/dev/shm")
SERVE: Final = (sys.executable, "-m", "privet", "serve", "--json")


class NotStarted(Exception):
    """The endpoint ended, or said nothing, before it accepted connections."""


@dataclass(slots=True)
class Pipe:
    """What a process says on one pipe, read as it comes."""

    source: IO[bytes]
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        """Start to read."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while piece := os.read(self.source.fileno(), 65536):
            with self._changed:
                self.data += piece
                self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait(self, condition: Callable[[bytes], bool], seconds: float = START_SECONDS) -> bool:
        """Wait until what was said fulfils a condition, or the pipe ends; tell whether it does."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended or condition(bytes(self.data)), seconds)
            return condition(bytes(self.data))

    def close(self) -> None:
        """Wait for the end, and close."""
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
        self.source.close()

    @property
    def lines(self) -> list[str]:
        """Return the complete lines."""
        return bytes(self.data).decode("utf-8", "replace").split("\n")[:-1]


@dataclass(slots=True)
class Endpoint:
    """A running `privet serve`: its address, its key, its folders, its process."""

    process: subprocess.Popen[bytes]
    folder: Path
    home: Path
    log: Path | None
    started: float
    stdout: Pipe
    stderr: Pipe
    port: int = 0
    url: str = ""
    key: str | None = None
    lines_at_start: int = 0

    @property
    def pid(self) -> int:
        """Return the process id of the server itself, not of its tracer."""
        if self.log is None:
            return self.process.pid
        return int(psutil.Process(self.process.pid).children()[0].pid)

    @property
    def is_running(self) -> bool:
        """Tell whether the server lives."""
        return self.process.poll() is None

    @property
    def log_lines(self) -> list[str]:
        """Return the lines on standard error since the server was ready."""
        return [line for line in self.stderr.lines[self.lines_at_start :] if line.strip()]

    def memory_bytes(self) -> int:
        """Return the resident memory of the server and its children."""
        server = psutil.Process(self.pid)
        return sum(process.memory_info().rss for process in (server, *server.children(recursive=True)))

    def haystacks(self) -> dict[str, bytes]:
        """Return everything the server has said or written to a file so far."""
        shared = [path for path in map(Path, SHARED_FOLDERS) if path.is_dir()]
        own = self.folder.parent if self.log is None else self.log.parent
        return {
            "stdout": bytes(self.stdout.data),
            "stderr": bytes(self.stderr.data),
            **leaks.files_under(self.home, self.folder / "cwd", self.folder / "tmp"),
            **leaks.new_files(shared, self.started, leave_out=[own, self.folder]),
        }

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the server with a signal and return its exit status."""
        if self.is_running:
            os.kill(self.pid, how)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait(STOP_SECONDS)
            raise
        finally:
            self.stdout.close()
            self.stderr.close()
        return self.process.returncode

    def trace(self) -> syscalls.Trace:
        """Return the system calls of the server, which must have ended."""
        if self.log is None:
            message = "this endpoint was started without a trace"
            raise ValueError(message)
        return syscalls.read_trace(self.log)


Start = Callable[..., Endpoint]
"""What the fixture `start_endpoint` is: it takes what `start` takes."""


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


MEASURED: Final = "COVERAGE_PROCESS_CONFIG"


def environment(folder: Path, home: Path, more: Mapping[str, str] = {}, *, measured: bool = False) -> dict[str, str]:
    """Return the environment of a user with nothing set up; where the run measures coverage, so may this process."""
    return {
        **({MEASURED: os.environ[MEASURED]} if measured and MEASURED in os.environ else {}),
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(home),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        # The interpreter's byte code cache lies beside the source, and is not what these tests look for.
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def launch(
    *arguments: str,
    folder: Path,
    home: Path | None = None,
    trace: bool = False,
    policy: str | None = None,
    more_environment: Mapping[str, str] = {},
    command: Sequence[str] = SERVE,
    user: int | None = None,
) -> Endpoint:
    """Start the server and return at once."""
    home = home or folder / "home"
    log_folder = folder / "strace"
    for path in (home, folder / "cwd", folder / "tmp", log_folder):
        path.mkdir(exist_ok=True, parents=True)
        if user is not None:
            os.chown(path, user, user)
    if policy is not None:
        policy_file = folder / "privet.toml"
        policy_file.write_text(policy)
        arguments = (*arguments, "--policy", str(policy_file))
    line = [*command, *arguments]
    log = log_folder / "log" if trace else None
    started = time.time()
    process = subprocess.Popen(
        syscalls.traced(line, log) if log else line,
        cwd=folder / "cwd",
        # A traced server is one whose every write counts, so it writes no figures of ours.
        env=environment(folder, home, more_environment, measured=not trace and user is None),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    if process.stdout is None or process.stderr is None:
        raise NotStarted
    return Endpoint(process, folder, home, log, started, Pipe(process.stdout), Pipe(process.stderr))


@contextmanager
def start(*arguments: str, **settings: object) -> Iterator[Endpoint]:
    """Start the server on a free port, wait until it accepts connections, and stop it afterwards."""
    if "--port" not in arguments:
        arguments = (*arguments, "--port", str(free_port()))
    server = launch(*arguments, **settings)  # type: ignore[arg-type]
    try:
        if not server.stdout.wait(lambda data: b"\n" in data):
            detail = server.stderr.data.decode("utf-8", "replace")[-4000:]
            message = f"no line on standard output within {START_SECONDS:.0f} s; standard error: {detail}"
            raise NotStarted(message)
        ready = json.loads(server.stdout.lines[0])
        server.url = ready["url"]
        server.port = int(server.url.rsplit(":", 1)[1].strip("/"))
        server.key = ready["key"]
        server.lines_at_start = len(server.stderr.lines)
        yield server
    finally:
        server.stop()


def run(*arguments: str, **settings: object) -> tuple[int, str, str]:
    """Start a server that should refuse to start; return exit status, standard output, standard error."""
    server = launch(*arguments, **settings)  # type: ignore[arg-type]
    try:
        status = server.process.wait(START_SECONDS)
    finally:
        server.stop()
    return status, server.stdout.data.decode(), server.stderr.data.decode()
