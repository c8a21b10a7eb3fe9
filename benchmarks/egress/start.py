"""Time `LOCK true` against `true`: one start of each in turn, so that a busy moment hits all alike; the median of the rounds."""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import time

import locks


def once(command: list[str]) -> tuple[float, float]:
    """Return the seconds by the clock and of processor time that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    clock = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="start-up time a lock adds")
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    found = locks.at_hand(list(locks.EVERY))
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, prefix in found.items():
            times[name].append(once([*prefix, "true"]))
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
