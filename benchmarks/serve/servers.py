"""Starts and stops what is measured, each server with a clean environment and a HOME of its own."""

import contextlib
import http.client
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workload import MODEL

HERE: Final = Path(__file__).parent
START_SECONDS: Final = 120
STOP_SECONDS: Final = 10
OK: Final = 200

# LiteLLM as its production page advises, and nothing that costs time: errors only, no admin page, no docs
# page, no model-price download.
LITELLM_ENVIRONMENT: Final = {
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "DISABLE_ADMIN_UI": "True",
    "NO_DOCS": "True",
}


class ServerError(Exception):
    """A server did not start or did not stay; the message ends with the last lines it wrote."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        """Read the end of what it wrote."""
        lines = log.read_text(errors="replace").splitlines()[-5:]
        super().__init__(f"{name} {what}: {' | '.join(lines) or 'it wrote nothing'}")


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core each process is bound to; empty means not bound."""

    server: frozenset[int]
    load: frozenset[int]
    mock: frozenset[int]


@dataclass(frozen=True, slots=True)
class Server:
    """One running server."""

    name: str
    port: int
    key: str
    child: subprocess.Popen[str]
    log: Path

    @property
    def pid(self) -> int:
        """The process whose cost is measured."""
        return self.child.pid

    def check(self) -> None:
        """Raise ServerError when the process has ended."""
        if self.child.poll() is not None:
            raise ServerError(self.name, f"ended with status {self.child.returncode}", self.log)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def bound(cores: frozenset[int]) -> Iterator[None]:
    """Bind this process to `cores` for a while; what is started meanwhile stays there."""
    before = os.sched_getaffinity(0)
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def started(
    command: Sequence[str], cores: frozenset[int], environment: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run a command in a fresh HOME until the block ends; yield it and the file of its standard error."""
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as home:
        log = Path(home, "stderr")
        clean = {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | (environment or {})
        with log.open("w") as stderr, bound(cores):
            child = subprocess.Popen(
                command,
                env=clean,
                cwd=home,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        try:
            yield child, log
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def first_line(child: subprocess.Popen[str], log: Path, name: str) -> str:
    """Return the first line a server writes to standard output."""
    assert child.stdout is not None
    readable, _, _ = select.select([child.stdout], [], [], START_SECONDS)
    if not readable or not (line := child.stdout.readline()):
        raise ServerError(name, "did not start", log)
    drain(child)
    return line


def drain(child: subprocess.Popen[str]) -> None:
    """Read what a server goes on saying: one that fills its pipe stands still."""
    assert child.stdout is not None
    threading.Thread(target=deque, args=(child.stdout, 0), daemon=True).start()


def ask(port: int, method: str, path: str, body: object = None) -> bytes:
    """Return the body of a 200 answer, empty for any other."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STOP_SECONDS)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.read() if answer.status == OK else b""
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        connection.close()


@contextlib.contextmanager
def mock(cores: Cores) -> Iterator[Server]:
    """Run the mock upstream."""
    with started([sys.executable, str(HERE / "upstream.py")], cores.mock) as (child, log):
        yield Server("mock", int(first_line(child, log, "the mock upstream")), "none", child, log)


@contextlib.contextmanager
def privet(command: Sequence[str], upstream: Server, cores: Cores) -> Iterator[Server]:
    """Run Privet as a stranger would, masking and all."""
    port = free_port()
    target = f"http://127.0.0.1:{upstream.port}/v1"
    arguments = [*command, "serve", "--port", str(port), "--upstream", target, "--json"]
    with started(arguments, cores.server) as (child, log):
        told = json.loads(first_line(child, log, "privet"))
        deadline = time.monotonic() + START_SECONDS
        while not ask(port, "GET", "/health"):
            wait_on(child, log, "privet", deadline)
        yield Server("privet", int(told["url"].rsplit(":", 1)[1]), told["key"], child, log)


@contextlib.contextmanager
def litellm(upstream: Server, cores: Cores) -> Iterator[Server]:
    """Run the LiteLLM proxy at its fastest documented settings for one worker, masking off."""
    port, key = free_port(), f"sk-{secrets.token_hex(16)}"
    target = {
        "model": f"openai/{MODEL}",
        "api_base": f"http://127.0.0.1:{upstream.port}/v1",
        "api_key": "none",
    }
    settings = {
        "model_list": [{"model_name": MODEL, "litellm_params": target}],
        "general_settings": {"master_key": key, "disable_spend_logs": True, "disable_error_logs": True},
        "litellm_settings": {"telemetry": False, "set_verbose": False, "request_timeout": 600},
    }
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as folder:
        config = Path(folder, "config.yaml")
        config.write_text(json.dumps(settings))  # JSON is YAML
        program = str(Path(sys.executable).with_name("litellm"))
        where = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        arguments = [program, *where, "--num_workers", "1", "--telemetry", "False"]
        with started(arguments, cores.server, LITELLM_ENVIRONMENT) as (child, log):
            drain(child)
            deadline = time.monotonic() + START_SECONDS
            while not ask(port, "GET", "/health/liveliness"):
                wait_on(child, log, "litellm", deadline)
            yield Server("litellm", port, key, child, log)


def wait_on(child: subprocess.Popen[str], log: Path, name: str, deadline: float) -> None:
    """Wait a moment for a server that is still starting."""
    if child.poll() is not None or time.monotonic() > deadline:
        raise ServerError(name, "did not start", log)
    time.sleep(0.1)
