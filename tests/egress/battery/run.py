# ruff: noqa: S606 -- a child becomes the program
"""Run every way under one system, inside a world, and say which words arrived."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import pty
import re
import secrets
import select
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import sinks
import table
import world
from systems import PROXIES, System

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_START_SECONDS: Final = 30.0
_BATCH_SECONDS: Final = 60.0
PROXY_PORT: Final = 4300
_TIOCGPTN: Final = 0x80045430
_EXCEPTION: Final = """[[exception]]
rule = "egress"
host = "{host}"
port = {port}
reason = "the escape battery's named host"
owner = "tests"
expires = {expires}

"""


def new_word() -> str:
    """Return a word nobody else sends; fourteen letters, so that it fits into an IPv6 address."""
    return "cnry" + "".join(secrets.choice(_LETTERS) for _ in range(10))


@dataclass(slots=True)
class Outcome:
    """What became of one way under one system."""

    arrived: bool = False
    ran: bool = False
    said: str = ""


@dataclass(slots=True)
class Stage:
    """A world with its sinks, and what the ways need to know about it."""

    folder: Path
    arrivals: int
    outside: sinks.Sink
    machine: sinks.Sink
    env: dict[str, str]
    targets: dict[str, Any]
    records: list[table.Record]
    extra: list[sinks.Sink] = field(default_factory=list)
    victim: subprocess.Popen[str] | None = None
    programs: list[Any] = field(default_factory=list)

    def arrived(self) -> set[str]:
        """Return every word that has arrived so far and was not returned before."""
        for sink in (self.outside, self.machine, *self.extra):
            sink.drain()
        content = b""
        while select.select([self.arrivals], [], [], 0)[0]:
            content += os.read(self.arrivals, 65536)
        words = {line.split()[-1] for line in content.decode().splitlines()}
        return words | {socket.gethostname()}

    def wait_for(self, word: str, seconds: float) -> bool:
        """Wait until a word arrives, at most so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if word in self.arrived():
                return True
        return False


def inherited(stage: Stage) -> tuple[dict[str, int], list[Any]]:
    """Open what a careless parent leaves open; return the numbers, and the objects that keep them open."""
    tcp = socket.create_connection((stage.targets["out4"], 443), 2)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect((stage.targets["out4"], 4100))
    fresh = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    near, far = socket.socketpair()
    stage.extra.append(sinks.start(stage.targets["report"], lambda: [("pair", far)]))
    numbers = {
        "folder": os.open("/run", os.O_RDONLY),
        "o_path": os.open(stage.targets["docker"], os.O_PATH),
        "pidfd": os.pidfd_open(stage.targets["victim"]["pid"]),
        "namespace": os.open("/proc/self/ns/net", os.O_RDONLY),
    }
    held = [tcp, udp, fresh, near]
    numbers |= {"tcp": tcp.fileno(), "udp": udp.fileno(), "unix": near.fileno(), "fresh": fresh.fileno()}
    return numbers, held


@contextlib.contextmanager
def started(stage: Stage, system: System, argv: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a program under a system and wait for its line "ready"; kill it afterwards if it is still there."""
    with (stage.folder / "stderr").open("w", encoding="utf-8") as errors:
        one = subprocess.Popen(
            [*system.prefix, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            **{"env": stage.env, "cwd": stage.targets["scratch"], **options},
        )
    try:
        line = _line(one, _START_SECONDS)
        if line != "ready\n":
            said = (stage.folder / "stderr").read_text("utf-8", "replace").strip()[-500:]
            raise RuntimeError(f"{system.name} did not start: {said or repr(line)}")
        yield one
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.wait()
        for end in (one.stdin, one.stdout):
            if end:
                with contextlib.suppress(OSError):
                    end.close()


def _line(one: subprocess.Popen[str], seconds: float) -> str:
    if one.stdout and select.select([one.stdout], [], [], seconds)[0]:
        return one.stdout.readline()
    return ""


def batch(stage: Stage, system: System, group: str, words: dict[str, str], **options: Any) -> dict[str, Outcome]:
    """Run a group of ways under one start of the system."""
    wanted = [one for one in stage.records if one.group == group and not one.missing]
    outcomes = {one.name: Outcome() for one in wanted}
    with started(stage, system, [*table.PYTHON, str(table.HERE / "inside.py")], **options) as one:
        late(stage)
        jobs = [{"name": way.name, "argv": way.argv(words[way.name], stage.targets)} for way in wanted]
        orders = "".join(json.dumps(job) + "\n" for job in jobs) + "\n"
        try:
            said, _ = one.communicate(orders, timeout=_BATCH_SECONDS)
        except subprocess.TimeoutExpired as late_end:
            raise RuntimeError(f"{system.name}: the ways did not end in time") from late_end
    for line in said.splitlines():
        result = json.loads(line)
        outcomes[result["name"]].ran = True
        outcomes[result["name"]].said = result["said"]
    return outcomes


def late(stage: Stage) -> None:
    """Open the sinks that must not exist before the locked program runs."""
    where = stage.targets

    def make() -> list[sinks.Listener]:
        return [
            sinks.unix("late", socket.SOCK_STREAM, where["late_tmp"]),
            sinks.unix("late", socket.SOCK_SEQPACKET, where["late_home"]),
            sinks.unix("late", socket.SOCK_DGRAM, where["late_tmp_datagram"]),
            *(
                sinks.unix("late", socket.SOCK_STREAM, where[f"late_{name}"])
                for name in ("docker", "movable", "replaceable")
            ),
            sinks.unix("late", socket.SOCK_STREAM, where["late_abstract"].replace("@", "\0")),
            sinks.inet("late", socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", 4101),
            sinks.inet("late", socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1", 4101),
        ]

    stage.extra.append(sinks.start(where["report"], make))


def fresh_targets(stage: Stage) -> None:
    """Give this run paths of its own for what exists only from some moment on."""
    token = secrets.token_hex(4)
    base = stage.targets
    base["movable"] = f"{base['shared']}/movable-{token}"
    base["replaceable"] = f"{base['shared']}/replaceable-{token}"
    base["late_tmp"] = f"{base['shared']}/late-{token}"
    base["late_home"] = f"{base['home_folder']}/late-{token}"
    base["late_tmp_datagram"] = f"/run/late-{token}"
    Path(f"/run/late-folder-{token}").mkdir()
    base["late_docker"] = f"/run/late-folder-{token}/docker.sock"
    base["late_movable"] = f"{base['shared']}/late-movable-{token}"
    base["late_replaceable"] = f"{base['shared']}/late-replaceable-{token}"
    base["late_abstract"] = f"@late-{token}"
    stream = socket.SOCK_STREAM
    wanted = ("movable", "replaceable")
    stage.extra.append(sinks.start(base["report"], lambda: [sinks.unix(name, stream, base[name]) for name in wanted]))


def close(stage: Stage) -> None:
    """End the sinks of one run."""
    for sink in stage.extra:
        sink.stop()
    stage.extra.clear()


def ordinary(stage: Stage, system: System, words: dict[str, str]) -> tuple[dict[str, Outcome], set[str], int]:
    """Run the ways that need no start of their own; return outcomes, words, and the frames that crossed meanwhile."""
    fresh_targets(stage)
    numbers, held = inherited(stage)
    stage.targets["inherited"] = numbers
    before = stage.outside.drain()
    outcomes = batch(stage, system, "batch", words, pass_fds=tuple(numbers.values()))
    crossed = stage.outside.drain() - before
    if stage.victim and stage.victim.stdin and stage.victim.stdout:
        stage.victim.stdin.write("send\n")
        stage.victim.stdin.flush()
        stage.victim.stdout.readline()
    arrived = stage.arrived()
    for one in held:
        one.close()
    for name in ("folder", "o_path", "pidfd", "namespace"):
        os.close(numbers[name])
    close(stage)
    return outcomes, arrived, crossed


def brokered(stage: Stage, system: System, words: dict[str, str]) -> tuple[dict[str, Outcome], set[str]]:
    """Run the ways through a proxy: the system's own broker, or an open one where the system has none."""
    folder = stage.folder / "named"
    folder.mkdir(exist_ok=True)
    expires = date.today() + timedelta(days=30)
    named = (("allowed.example.com", 443), ("rebind.example.com", 80), ("loop.example.com", 4100))
    text = "".join(_EXCEPTION.format(host=host, port=port, expires=expires.isoformat()) for host, port in named)
    (folder / "privet.toml").write_text(text, encoding="utf-8")
    env = stage.env | dict.fromkeys(PROXIES, f"http://127.0.0.1:{PROXY_PORT}")
    fresh_targets(stage)
    outcomes = batch(stage, system, "broker", words, env=env, cwd=folder)
    arrived = stage.arrived()
    close(stage)
    return outcomes, arrived


def by_itself(stage: Stage, system: System, words: dict[str, str]) -> tuple[dict[str, Outcome], set[str]]:
    """Run the ways that each need a start, a kill or a terminal of their own."""
    acts: dict[str, Callable[[Stage, System, table.Record, str], bool]] = {
        "daemon": _daemon,
        "daemon-kill": _daemon,
        "server-every-address": _server,
        "terminal": _terminal,
    }
    outcomes, arrived = {}, set()
    for record in stage.records:
        if record.name in acts:
            outcome = outcomes[record.name] = Outcome()
            try:
                if acts[record.name](stage, system, record, words[record.name]):
                    arrived.add(words[record.name])
                outcome.ran = True
            except (RuntimeError, OSError) as error:
                outcome.said = str(error)
    return outcomes, arrived


def _daemon(stage: Stage, system: System, record: table.Record, word: str) -> bool:
    gate = stage.folder / f"gate-{secrets.token_hex(4)}"
    os.mkfifo(gate)
    stage.targets["gate"] = str(gate)
    with started(stage, system, record.argv(word, stage.targets)) as one:
        if record.name == "daemon-kill":
            one.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # some locks stay until the last daemon ends
            one.wait(5)
        try:
            held = os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nobody waits at the gate any more: the daemon is gone
                return False
            raise
        os.write(held, b".")
        os.close(held)
        return stage.wait_for(word, 2)


def _server(stage: Stage, system: System, record: table.Record, word: str) -> bool:
    with started(stage, system, record.argv(word, stage.targets)):
        _answers("127.0.0.1", 4200, 1.0 if system.name not in {"privet", "unlocked"} else 5.0)
        for address in world.MACHINE:
            stage.outside.ask(f"connect {address} 4200")
        return word in stage.arrived()


def _answers(address: str, port: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((address, port), 1) as one:
            return bool(one.recv(1))
        select.select([], [], [], 0.05)
    return False


def _terminal(stage: Stage, system: System, record: table.Record, word: str) -> bool:
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(stage.targets["scratch"])
        argv = [*system.prefix, *record.argv(word, stage.targets)]
        try:
            os.execvpe(argv[0], argv, stage.env)
        finally:
            os._exit(127)
    slave = os.open(_slave(master), os.O_RDWR | os.O_NOCTTY)
    said = b""
    until = time.monotonic() + 20
    while time.monotonic() < until and os.waitpid(pid, os.WNOHANG)[0] == 0:
        if select.select([master], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):
                said += os.read(master, 4096)
    typed = b""
    os.set_blocking(slave, False)
    with contextlib.suppress(BlockingIOError):
        typed = os.read(slave, 4096)
    os.close(slave)
    os.close(master)
    if word.encode() in typed:
        return True
    if not system.prefix:
        raise RuntimeError(re.sub(r"\s+", " ", said.decode("utf-8", "replace"))[-120:])
    return False


def _slave(master: int) -> str:
    number = struct.unpack("i", fcntl.ioctl(master, _TIOCGPTN, bytes(4)))[0]
    return f"/dev/pts/{number}"


def judge(stage: Stage, system: System) -> dict[str, Any]:
    """Run every way under a system; return its outcomes by name, and the frames that left during the first group."""
    words = {one.name: new_word() for one in stage.records}
    outcomes, arrived, frames = ordinary(stage, system, words)
    more, also = brokered(stage, system, words)
    single, last = by_itself(stage, system, words)
    outcomes |= more | single
    arrived |= also | last
    for name, outcome in outcomes.items():
        outcome.arrived = words[name] in arrived
    ways = {name: {"arrived": one.arrived, "ran": one.ran, "said": one.said} for name, one in outcomes.items()}
    return {"ways": ways, "frames": frames}
