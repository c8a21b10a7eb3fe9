"""Commands run and measured with all the processes they leave behind: CPU time, wall time, memory by process."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parents[2]
PRIVET: Final = (str(ROOT / ".venv/bin/privet"), "scrub")
_SUBREAPER: Final = 36
_SAMPLE_SECONDS: Final = 0.25


@dataclass(slots=True)
class Cost:
    """What a command took. `memory` holds the highest PSS of each process in bytes, by number and what it is; `together` of all at once."""

    code: int
    cpu: float
    wall: float
    memory: dict[str, int] = field(default_factory=dict)
    together: int = 0
    curve: list[tuple[float, int]] = field(default_factory=list)
    error: str = ""


def adopt_orphans() -> None:
    """Make this process the parent of what its commands leave behind, so that their CPU time is counted here."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def run(
    command: Sequence[str],
    cores: str = "0",
    *,
    watch_memory: bool = False,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> Cost:
    """Run a command to its end on some cores; `adopt_orphans` was called before."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(
        ["taskset", "-c", cores, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    cost = Cost(0, 0.0, 0.0)
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, cost, stop))
    if watch_memory:
        watcher.start()
    try:
        _, error = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        stop.set()
        if watch_memory:
            watcher.join()
    cost.wall = time.perf_counter() - begun
    with suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost.code, cost.cpu = process.returncode, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    cost.error = error.decode(errors="replace")
    return cost


def _watch(group: int, cost: Cost, stop: threading.Event) -> None:
    begun = time.perf_counter()
    while not stop.wait(_SAMPLE_SECONDS):
        total = 0
        for pid in members(group):
            size, what = _memory(pid)
            total += size
            if size:
                name = f"{what} {pid}"
                cost.memory[name] = max(cost.memory.get(name, 0), size)
        cost.together = max(cost.together, total)
        cost.curve.append((time.perf_counter() - begun, total))


def members(session: int) -> list[int]:
    """Return the processes of a session."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                    found.append(int(folder.name))
    return found


def _memory(pid: int) -> tuple[int, str]:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        size = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        said = Path(f"/proc/{pid}/cmdline").read_bytes()
        parts = {b"forkserver": "worker or its server", b"resource_tracker": "tracker"}
        return size, next((name for mark, name in parts.items() if mark in said), "main")
    return 0, ""


def scrub(
    source: Path, out: Path, tier: str, workers: int = 1, cores: str = "0", *, watch_memory: bool = False
) -> Cost:
    """Run `privet scrub`; a run that does not clean everything ends the benchmark."""
    command = [*PRIVET, str(source), "-o", str(out), "--tier", tier, "--workers", str(workers)]
    cost = run(command, cores, watch_memory=watch_memory, env={"XDG_STATE_HOME": str(out.parent.resolve() / "state")})
    if cost.code:
        sys.exit(f"bench: privet scrub ended with {cost.code}: {cost.error.strip()[-300:]}")
    return cost
