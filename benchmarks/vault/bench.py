"""Measure all systems on the same vectors and print a table with ratios to the plain twin of a vault.

Each round runs every system in turn, and the best of the rounds counts. The table has processor time and the fastest query: how long
something takes on the clock says little where other work is on the machine. Both are printed for each round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
from systems import OWN, SYSTEMS
from worker import DELETED, K, document

HERE = Path(__file__).parent
README = HERE / "README.md"
MARKS = ("<!-- table -->\n", "<!-- end -->\n")
DIMENSIONS = 384
QUERIES = 200
_HEADINGS = (
    "| system | recall@10 | query CPU ms | fastest query ms | ingest CPU s | open CPU s | bytes a record | peak MB "
    "| deleted vectors on disk | documents on disk |"
)
SHOWN = ("query_cpu_ms", "query_best_ms", "ingest_cpu_s", "open_cpu_s")
LOWER = ("ingest_s", "ingest_cpu_s", "open_s", "open_cpu_s", "query_p50_ms", "query_best_ms", "query_cpu_ms")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="vectors (default: 100000)")
    parser.add_argument("--texts", action="store_true", help="real MiniLM vectors of made-up sentences, not clusters")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--timeout", type=int, default=600, help="seconds for each step of a system")
    parser.add_argument("--docs", action="store_true", help="write the table into README.md")
    return parser.parse_args()


def clustered(rows: int) -> np.ndarray:
    """Return vectors of length 1 around 1 centre for each 100, as those of texts are."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(max(10, rows // 100), DIMENSIONS)).astype(np.float32)
    found = centres[generator.integers(0, len(centres), rows)]
    for start in range(0, rows, 1 << 16):
        part = found[start : start + (1 << 16)]
        part += 0.7 * generator.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return found


def of_texts(rows: int) -> np.ndarray:
    from privet.audit.vault_corpus import made_up
    from privet.vault.embed import LocalModel

    words = (files("privet.vault") / "wordpieces.txt").read_text(encoding="utf-8").split("\n")
    return LocalModel()(made_up(words, rows, 10_000, 0).texts)


def data(place: Path, rows: int, *, texts: bool) -> np.ndarray:
    every = of_texts(rows + QUERIES) if texts else clustered(rows + QUERIES)
    vectors, queries = every[:rows], every[rows:]
    truth = np.argsort(-(queries @ vectors.T), axis=1)[:, :K]
    np.savez(place, vectors=vectors, queries=queries, truth=truth)
    return vectors


def step(name: str, place: Path, folder: Path, phase: str, timeout: int) -> dict[str, float] | str:
    python = sys.executable if name in OWN else os.environ.get("PEERS") or sys.executable
    command = [python, str(HERE / "worker.py"), name, str(place), str(folder), phase]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        return f"{phase} took more than {timeout} s"
    if done.returncode:
        return f"{phase} failed: {(done.stderr.strip().splitlines() or ['killed'])[-1][:120]}"
    return json.loads(done.stdout.splitlines()[-1])


def left(folder: Path, vectors: np.ndarray) -> dict[str, int]:
    """Return how many deleted vectors, and how many documents of any record, lie in the files as they were."""
    held = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    rows = np.linspace(DELETED, len(vectors) - 1, 20).astype(int)
    forms = [{kind: vectors[row][:16].astype(kind).tobytes() for kind in ("<f4", "<f2")} for row in range(DELETED)]
    return {
        "deleted": sum(any(form in data for form in each.values() for data in held) for each in forms),
        "texts": sum(any(document(row).encode() in data for data in held) for row in rows),
    }


def measured(name: str, place: Path, vectors: np.ndarray, timeout: int) -> dict[str, float] | str:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "store"
        folder.mkdir()
        found = step(name, place, folder, "write", timeout)
        if isinstance(found, str):
            return found
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        opened = step(name, place, folder, "read", timeout)
        if isinstance(opened, str):
            return opened
        return found | opened | {"bytes": size / len(vectors)} | left(folder, vectors)


def best(name: str, rounds: list[dict[str, dict[str, float] | str]]) -> dict[str, float] | str:
    runs = [each[name] for each in rounds if not isinstance(each[name], str)]
    if not runs:
        return rounds[-1][name]
    return {key: (min if key in LOWER else max)(run[key] for run in runs) for key in runs[0]}


def table(figures: dict[str, dict[str, float] | str], title: str) -> str:
    plain = figures.get("turbovec")
    lines = [
        f"{title}, best of the rounds; in brackets the ratio to turbovec:\n",
        _HEADINGS,
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, each in figures.items():
        if isinstance(each, str):
            lines.append(f"| {name} | {each} |||||||||")
            continue
        cells = [f"{each['recall']:.4f}"]
        for key in SHOWN:
            ratio = f" ({each[key] / plain[key]:.2f})" if isinstance(plain, dict) else ""
            cells.append(f"{each[key]:.2f}{ratio}")
        cells += [f"{each['bytes']:.0f}", f"{each['peak_mb']:.0f}"]
        cells += [f"{each['deleted']:.0f} of {DELETED}", f"{each['texts']:.0f} of 20"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    chosen = options()
    work = Path(tempfile.mkdtemp(prefix="bench-vault-"))
    try:
        vectors = data(work / "data.npz", chosen.rows, texts=chosen.texts)
        rounds: list[dict[str, dict[str, float] | str]] = []
        for number in range(chosen.rounds):
            rounds.append({})
            for name in chosen.only:
                rounds[-1][name] = measured(name, work / "data.npz", vectors, chosen.timeout)
                print(f"round {number + 1}: {name}: {rounds[-1][name]}", file=sys.stderr)
    finally:
        shutil.rmtree(work)
    kind = "MiniLM vectors of made-up sentences" if chosen.texts else "clustered vectors"
    title = f"{chosen.rows} {kind} × {DIMENSIONS}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    shown = table({name: best(name, rounds) for name in chosen.only}, title)
    print(shown)
    if chosen.docs:
        before, _, rest = README.read_text().partition(MARKS[0])
        held, _, after = rest.partition(MARKS[1])
        # A table of the same size and kind is replaced, others stay.
        others = [
            part
            for part in held.split("\n\n\n")
            if part.strip() and not part.strip().startswith(f"{chosen.rows} {kind}")
        ]
        README.write_text(
            before + MARKS[0] + "\n\n\n".join([*(part.strip() + "\n" for part in others), shown]) + MARKS[1] + after
        )


if __name__ == "__main__":
    main()
