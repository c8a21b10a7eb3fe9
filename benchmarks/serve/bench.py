"""Measure what Privet adds to a request, side by side with LiteLLM and the bare mock upstream, in one run.

Exit status: 0 when every measured target is met, 1 when one is missed, 2 when a server does not start.
"""

import argparse
import contextlib
import importlib.metadata
import itertools
import json
import os
import platform
import shlex
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import report
import servers
from load import Job
from process import cpu_seconds, machine_cpu_seconds, resident_bytes
from workload import Kind

HERE: Final = Path(__file__).parent
LOAD_SECONDS: Final = 600
WARM_UP_PART: Final = 5


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of load; LiteLLM gets fewer requests and streams because it needs more time for each."""

    name: str
    kind: Kind
    concurrency: int
    requests: int
    litellm_requests: int
    events: int = 0
    per_second: float = 0
    litellm_concurrency: int = 0

    def size(self, server: str) -> tuple[int, int]:
        """Return how many requests a server gets, and how many at once."""
        if server == "litellm":
            return self.litellm_requests, self.litellm_concurrency or self.concurrency
        return self.requests, self.concurrency


PLAN: Final = (
    Workload("short x1", "short", 1, 6000, 300),
    Workload("short x16", "short", 16, 12000, 480),
    Workload("1 kB fresh", "fresh", 1, 4000, 240),
    Workload("1 kB resent", "resent", 1, 4000, 240),
    Workload("stream alone", "short", 1, 50, 15, events=50, per_second=500),
    Workload("stream burst", "short", 1, 100, 15, events=200),
    Workload("stream paced", "short", 40, 40, 4, events=200, per_second=100, litellm_concurrency=4),
)
SOAK: Final = Workload("soak", "short", 1000, 1000, 50, events=100, per_second=5, litellm_concurrency=50)
QUICK_PLAN: Final = (
    Workload("short x1", "short", 1, 2000, 80),
    Workload("short x16", "short", 16, 4000, 96),
    Workload("1 kB fresh", "fresh", 1, 1200, 60),
    Workload("1 kB resent", "resent", 1, 1200, 60),
    Workload("stream alone", "short", 1, 15, 6, events=50, per_second=500),
    Workload("stream burst", "short", 1, 30, 5, events=200),
    Workload("stream paced", "short", 40, 40, 3, events=100, per_second=200, litellm_concurrency=3),
)
QUICK_SOAK: Final = Workload("soak", "short", 1000, 1000, 50, events=12, per_second=3, litellm_concurrency=50)


def place() -> servers.Cores:
    """Return the server on one core, the load on another, the mock on a third or beside the load."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        nowhere: frozenset[int] = frozenset()
        return servers.Cores(nowhere, nowhere, nowhere)
    return servers.Cores(frozenset(cores[:1]), frozenset(cores[1:2]), frozenset(cores[1:3][-1:]))


class Bench:
    """One run: the mock that answers, the cores that are used, and one load after another."""

    def __init__(self, mock: servers.Server, cores: servers.Cores) -> None:
        """Drive loads that end at `mock`."""
        self.mock, self.cores, self.seeds = mock, cores, itertools.count(1)

    def drive(self, server: servers.Server, load: Workload, *, warm: bool) -> report.Figures:
        """Run one load at one server in a process of its own and return its figures."""
        requests, concurrency = load.size(server.name)
        job = Job(
            port=server.port,
            pid=server.pid,
            key=server.key,
            kind=load.kind,
            stream=load.events > 0,
            concurrency=concurrency,
            requests=requests,
            warm_up=max(requests // WARM_UP_PART, 1) if warm else 0,
            events=load.events,
            seed=next(self.seeds),
        )
        with servers.bound(self.cores.load):
            done = subprocess.run(
                [sys.executable, str(HERE / "load.py")],
                input=json.dumps(asdict(job)),
                stdout=subprocess.PIPE,
                text=True,
                check=False,
                timeout=LOAD_SECONDS,
            )
        server.check()
        done.check_returncode()
        figures: report.Figures = json.loads(done.stdout)
        return figures | {"concurrency": concurrency}

    def prepare(self, load: Workload) -> None:
        """Set how the mock streams and clear what it counted."""
        servers.ask(self.mock.port, "PUT", "/mock", {"events": load.events, "per_second": load.per_second})

    def arrived(self) -> report.Figures:
        """Return how many requests the mock saw, and how many of those held an identifier in the clear."""
        counts = json.loads(servers.ask(self.mock.port, "GET", "/mock"))
        return {"upstream_requests": counts["requests"], "upstream_raw": counts["raw"]}

    def measure(self, server: servers.Server, load: Workload) -> report.Figures:
        """Warm a server up with a part of a load, then measure it."""
        self.prepare(load)
        return self.drive(server, load, warm=True) | self.arrived()

    def soak(self, server: servers.Server, load: Workload, waves: int) -> report.Figures:
        """Run the same wave of streams several times; return the figures with the memory after each."""
        self.prepare(load)
        before = resident_bytes(server.pid)
        runs = [self.drive(server, load, warm=False) for _ in range(waves)]
        memory = {"before_bytes": before, "wave_bytes": [run["after_bytes"] for run in runs]}
        return together(runs) | memory | self.arrived()


def together(runs: Sequence[report.Figures]) -> report.Figures:
    """Return the median of every figure of several runs, the sum of faults, the worst peak and overlap."""
    merged: report.Figures = {}
    for name in runs[0]:
        values = [run[name] for run in runs if name in run]
        if name == "faults":
            merged[name] = dict(sum((Counter(value) for value in values), Counter()))
        elif name in {"requests", "upstream_requests", "upstream_raw"}:
            merged[name] = sum(values)
        elif name == "peak_bytes":
            merged[name] = max(values)
        elif name == "together":
            merged[name] = min(values)
        else:
            merged[name] = statistics.median_low(values)
    return merged


def run(options: argparse.Namespace, cores: servers.Cores) -> report.Results:
    """Start everything, measure everything, stop everything."""
    plan, last, rounds, waves = (QUICK_PLAN, QUICK_SOAK, 1, 3) if options.quick else (PLAN, SOAK, 3, 4)
    results: report.Results = {}
    with contextlib.ExitStack() as stack:
        mock = stack.enter_context(servers.mock(cores))
        bench, targets = Bench(mock, cores), [mock]
        if options.only != "litellm":
            targets.append(stack.enter_context(servers.privet(shlex.split(options.command), mock, cores)))
        if options.only != "privet":
            progress("starting litellm, which takes its time")
            targets.append(stack.enter_context(servers.litellm(mock, cores)))
        for load in plan:
            progress(f"{load.name}: {', '.join(server.name for server in targets)}")
            runs = [[bench.measure(server, load) for server in targets] for _ in range(rounds)]
            for column, server in enumerate(targets):
                results.setdefault(server.name, {})[load.name] = together([row[column] for row in runs])
        for server in targets[1:]:
            progress(f"{last.name}: {server.name}")
            results[server.name][last.name] = bench.soak(server, last, waves if server.name == "privet" else 1)
    return results


class Crowd:
    """How much of the machine other programs used since this was made: the noise in every figure."""

    def __init__(self) -> None:
        """Remember where the counters stand."""
        self.start = self.counters()

    @staticmethod
    def counters() -> tuple[float, float, float]:
        """Return CPU seconds of this run with all it started, of everything, and the clock."""
        return cpu_seconds(os.getpid()), machine_cpu_seconds(), time.monotonic()

    def share(self) -> float:
        """Return the part of all cores that was taken by others."""
        ours, everyone, clock = (now - then for now, then in zip(self.counters(), self.start, strict=True))
        return max(0.0, everyone - ours) / (clock * (os.cpu_count() or 1))


def progress(line: str) -> None:
    """Say on standard error what is being done."""
    sys.stderr.write(f"bench: {time.strftime('%T')} {line}\n")


def conditions(options: argparse.Namespace, cores: servers.Cores, crowd: Crowd) -> dict[str, object]:
    """Return what a reader must know to compare two runs."""
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "python": platform.python_version(),
        "litellm": importlib.metadata.version("litellm"),
        "server_core": sorted(cores.server),
        "load_core": sorted(cores.load),
        "mock_core": sorted(cores.mock),
        "others_share": crowd.share(),
        "quick": bool(options.quick),
    }


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks/serve/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round of about a minute")
    parser.add_argument("--only", choices=["privet", "litellm"], help="leave the other one out")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure to FILE")
    privet = shlex.quote(str(HERE.parents[1] / ".venv" / "bin" / "privet"))
    parser.add_argument("--command", default=privet, help="the privet to measure (default: the one in .venv)")
    return parser.parse_args(arguments)


def main() -> int:
    """Run the benchmark and return the exit status."""
    options, cores, crowd = parse(), place(), Crowd()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that a run that is stopped stops what it started
    try:
        results = run(options, cores)
    except (servers.ServerError, OSError) as problem:
        sys.stderr.write(f"bench: {problem}\n")
        return 2
    facts = conditions(options, cores, crowd)
    targets = report.judge(results)
    sys.stdout.write(report.text(facts, results, targets))
    if options.json:
        whole = {"conditions": facts, "results": results, "targets": [asdict(target) for target in targets]}
        options.json.write_text(json.dumps(whole, indent=1) + "\n")
    return int(any(target.met is False for target in targets))


if __name__ == "__main__":
    sys.exit(main())
