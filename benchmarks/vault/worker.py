"""One system on one set of vectors, in a process of its own: `worker.py SYSTEM DATA FOLDER PHASE` prints figures as JSON.

`write` and `read` are two processes, so that opening is measured without what writing has left in memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from systems import SYSTEMS, System

K = 10
DELETED = 20


def main() -> None:
    name, data, folder, phase = sys.argv[1], np.load(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    vectors, queries, truth = data["vectors"], data["queries"], data["truth"]
    system = SYSTEMS[name](folder)
    figures = written(system, vectors) if phase == "write" else read(system, queries, truth)
    if phase == "read":
        system.delete([str(each) for each in range(DELETED)])
    system.close()
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


def document(number: int) -> str:
    return f"document number {number:08} about the harbour, the lantern and the orchard behind it"


def written(system: System, vectors: np.ndarray) -> dict[str, float]:
    ids, documents = [str(each) for each in range(len(vectors))], [document(each) for each in range(len(vectors))]
    began, cpu = time.perf_counter(), time.process_time()
    system.write(ids, vectors, documents)
    return {"ingest_s": time.perf_counter() - began, "ingest_cpu_s": time.process_time() - cpu}


def read(system: System, queries: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    began, cpu = time.perf_counter(), time.process_time()
    system.open()
    opened, opened_cpu = time.perf_counter() - began, time.process_time() - cpu
    for query in queries[:10]:
        system.search(query, K)
    times, found, cpu = [], [], time.process_time()
    for query in queries:
        began = time.perf_counter()
        found.append(system.search(query, K))
        times.append(time.perf_counter() - began)
    cpu = time.process_time() - cpu
    recall = np.mean([len(set(rows) & set(wanted[:K].tolist())) / K for rows, wanted in zip(found, truth, strict=True)])
    return {
        "open_s": opened, "open_cpu_s": opened_cpu, "query_p50_ms": 1000 * float(np.median(times)),
        "query_best_ms": 1000 * float(np.min(times)), "query_cpu_ms": 1000 * cpu / len(queries), "recall": float(recall),
    }  # fmt: skip


if __name__ == "__main__":
    main()
