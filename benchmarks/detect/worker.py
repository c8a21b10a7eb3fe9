"""One system in a process of its own: reads texts, writes spans and what they cost.

`python worker.py SYSTEM TEXTS RESULT`: TEXTS is a JSON line a set, `{"name", "texts"}`; RESULT gets a JSON line a set with
the spans of its texts, and a last line with start time, memory and size of model files. Time is CPU time of the process,
all its threads together, so that other programs on the machine do not count.
"""

import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any, Final, TextIO

FIRST: Final = "Jane Doe moved to Berlin on 3 May 2019; write to jane@example.com or call +1 202 555 0143."
# Passes go on until they took this long together, and the mean counts: the clock of a process may move in steps of
# several milliseconds.
ENOUGH_SECONDS: Final = 0.3
MAX_PASSES: Final = 2000
LIMIT_CPU_SECONDS: Final = 900


def run(name: str, source: Path, target: Path) -> None:
    """Measure one system."""
    wall, cpu = time.perf_counter(), time.process_time()
    from systems import SYSTEMS, common

    system = SYSTEMS[name]()
    system.spans(FIRST)
    start = {"start_wall_s": time.perf_counter() - wall, "start_cpu_s": time.process_time() - cpu}
    start["start_rss"] = memory("VmRSS")
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as out:
        for line in lines:
            job = json.loads(line)
            result = one_set(system, job["texts"])
            result["spans"] = [[(a, b, common(kind)) for a, b, kind in found] for found in result["spans"]]
            write(out, {"set": job["name"], **result})
            del job, result
        gc.collect()
        write(
            out,
            start
            | {
                "version": system.version(),
                "rss": memory("VmRSS"),
                "peak_rss": memory("VmHWM"),
                "model_bytes": sum(size(path) for path in system.model_files()),
            },
        )


def one_set(system: Any, texts: list[str]) -> dict[str, Any]:
    """Return the spans of a set, the mean time of a pass over it, and how many texts made the system fail."""
    passes = failures = 0
    spans: list[list[tuple[int, int, str]]] = []
    wall, cpu = time.perf_counter(), time.process_time()
    while passes == 0 or (time.process_time() - cpu < ENOUGH_SECONDS and passes < MAX_PASSES):
        try:
            spans = list(system.spans_of(texts))
        except Exception:
            spans, failures = one_by_one(system, texts)
        passes += 1
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu_s": cpu / passes, "wall_s": wall / passes, "passes": passes, "failures": failures, "spans": spans}


def one_by_one(system: Any, texts: list[str]) -> tuple[list[list[tuple[int, int, str]]], int]:
    """Return the spans of each text, none where the system fails, and how often it did."""
    spans: list[list[tuple[int, int, str]]] = []
    failures = 0
    for text in texts:
        try:
            spans.append(system.spans(text))
        except Exception:
            spans.append([])
            failures += 1
    return spans, failures


def write(out: TextIO, value: dict[str, Any]) -> None:
    """Write one line."""
    out.write(json.dumps(value, separators=(",", ":")) + "\n")


def memory(field: str) -> int:
    """Return a figure of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else (path,)) if file.is_file())


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_CPU_SECONDS, LIMIT_CPU_SECONDS))
    run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
