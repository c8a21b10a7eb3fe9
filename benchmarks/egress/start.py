"""Time `LOCK true` against `true`: one start of each in turn, so that a busy moment hits all alike; the median of the rounds.

Started in a folder with nothing in it, and `privet run` also in one whose privet.toml names a destination.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

import locks

_NAMED: Final = """
[[exception]]
rule = "egress"
host = "registry.example.com"
port = 443
reason = "a start with a destination"
owner = "benchmarks"
expires = 2999-12-31
"""


def once(command: list[str], folder: str) -> tuple[float, float]:
    """Return the seconds by the clock and of processor time that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    clock = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="start-up time a lock adds")
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as named:
        Path(named, "privet.toml").write_text(_NAMED, encoding="utf-8")
        commands = {name: ([*prefix, "true"], empty) for name, prefix in locks.at_hand(list(locks.EVERY)).items()}
        if "privet run" in commands:
            commands["privet run, a destination named"] = (commands["privet run"][0], named)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, (command, folder) in commands.items():
                times[name].append(once(command, folder))
    report(times)


def report(times: dict[str, list[tuple[float, float]]]) -> None:
    """Print each lock's row."""
    floor = statistics.median(clock for clock, _ in times["none"])
    print("| lock | median ms | added ms | least ms | 90th percentile ms | processor ms |")
    print("|---|---|---|---|---|---|")
    for name, rows in times.items():
        clocks = sorted(clock * 1000 for clock, _ in rows)
        middle = statistics.median(clocks)
        high = clocks[int(0.9 * (len(clocks) - 1))]
        work = statistics.median(cpu * 1000 for _, cpu in rows)
        print(f"| {name} | {middle:.1f} | {middle - floor * 1000:.1f} | {clocks[0]:.1f} | {high:.1f} | {work:.1f} |")


if __name__ == "__main__":
    main()
