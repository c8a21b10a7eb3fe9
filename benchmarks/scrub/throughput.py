"""Speed of `privet scrub` on JSON lines and Parquet of English prose, beside others, one core each, in CPU time.

Start-up is taken off: that of `privet scrub` is the run over a file of one record, that of the others is not in what they report.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import english
from peers import PEERS
from processes import ROOT, Cost, adopt_orphans, scrub

HERE = Path(__file__).parent
SAMPLE_BYTES = {"presidio": 100_000, "scrubadub": 400_000, "datatrove step": 8_000_000, "datatrove pipeline": 8_000_000}
"""Of slow tools a sample is enough; the speed of each is that of its sample."""
TIERS = ("names", "patterns")


class Files(NamedTuple):
    """One tier's data in both formats with a file of one record each, and the texts alone."""

    folder: Path
    text_bytes: int

    @property
    def texts(self) -> Path:
        """The texts as a JSON list."""
        return self.folder / "texts.json"


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="public annotated texts, see benchmarks/detect/README.md"
    )
    parser.add_argument("--patterns-mb", type=float, default=48, help="text for the tier patterns (default: 48)")
    parser.add_argument("--names-mb", type=float, default=4, help="text for the tier names (default: 4)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each; the fastest counts (default: 3)")
    parser.add_argument("--core", default="0", help="the core that all run on (default: 0)")
    parser.add_argument("--cores", default="0,1", help="the two cores of the last table (default: 0,1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures")
    return parser.parse_args()


def write(folder: Path, megabytes: float, data: Path | None) -> Files:
    """Write the data of a tier."""
    folder.mkdir()
    texts = list(english.documents(int(megabytes * 1e6), folder=data))
    for name, held in (("all", texts), ("one", texts[:1])):
        english.write_jsonl(folder / f"{name}.jsonl", held)
        english.write_parquet(folder / f"{name}.parquet", held)
    files = Files(folder, sum(len(text.encode()) for text in texts))
    files.texts.write_text(json.dumps(texts), encoding="utf-8")
    return files


def sample(texts: Path, size: int, target: Path) -> Path:
    """Write the first texts of some size."""
    taken: list[str] = []
    for text in json.loads(texts.read_text(encoding="utf-8")):
        if size <= 0:
            break
        taken.append(text)
        size -= len(text.encode())
    target.write_text(json.dumps(taken), encoding="utf-8")
    return target


def fastest(source: Path, work: Path, tier: str, runs: int, workers: int = 1, cores: str = "0") -> Cost:
    """Return the cost of the run that took the least CPU time."""
    costs = []
    for _ in range(runs):
        costs.append(scrub(source, work / "out", tier, workers, cores))
        shutil.rmtree(work / "out")
    return min(costs, key=lambda cost: cost.cpu)


def asked(command: list[str], core: str) -> dict[str, float]:
    """Return what a measuring process prints, or nothing where it cannot run."""
    done = subprocess.run(
        ["taskset", "-c", core, *command],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    if done.returncode:
        sys.stderr.write(f"bench: {' '.join(command[1:3])}: {done.stderr.strip()[-200:]}\n")
        return {}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Run all; print the tables."""
    given = options()
    adopt_orphans()
    speeds: dict[str, float] = {}
    figures: dict[str, object] = {"speeds": speeds}
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as temporary:
        work = Path(temporary)
        size = {"names": given.names_mb, "patterns": given.patterns_mb}
        files = {tier: write(work / tier, size[tier], given.data) for tier in TIERS}
        for tier in TIERS:
            command = [str(ROOT / ".venv/bin/python"), str(HERE / "detector.py"), tier, str(files[tier].texts)]
            alone = min(asked(command, given.core)["cpu"] for _ in range(given.runs))
            for form in ("jsonl", "parquet"):
                start, took = (
                    fastest(files[tier].folder / f"{name}.{form}", work, tier, given.runs, cores=given.core).cpu
                    for name in ("one", "all")
                )
                took -= start
                name = f"privet {tier}, {form}"
                speeds[name] = files[tier].text_bytes / took
                rows.append(
                    (name, f"{took:.2f}", f"{alone:.2f}", f"{100 * (took - alone) / alone:+.0f} %", f"{start:.2f}")
                )
        for name in PEERS:
            if os.environ.get("PEERS"):
                texts = sample(files["patterns"].texts, SAMPLE_BYTES[name], work / "sample.json")
                if found := asked(
                    [os.environ["PEERS"], str(HERE / "peers.py"), name, str(texts), str(given.runs)], given.core
                ):
                    speeds[f"{name} {found['version']}"] = found["bytes"] / found["cpu"]
        both = {}
        for tier in TIERS:
            one, two = (
                fastest(files[tier].folder / "all.jsonl", work, tier, given.runs, count, given.cores)
                for count in (1, 2)
            )
            both[tier] = (one.wall, two.wall, one.cpu, two.cpu)
        figures["one and two workers: wall, wall, cpu, cpu"] = both
    report(speeds, rows, both)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


def report(
    speeds: dict[str, float], rows: list[tuple[str, ...]], both: dict[str, tuple[float, float, float, float]]
) -> None:
    """Print the tables."""
    presidio = next((speed for name, speed in speeds.items() if name.startswith("presidio")), None)
    print("| one core | MB of text a CPU second | times Presidio |\n|---|---:|---:|")
    for name, speed in speeds.items():
        print(f"| {name} | {speed / 1e6:.3f} | {f'{speed / presidio:.1f}' if presidio else '-'} |")
    print("\n| CPU seconds | scrub | detector alone | more | start-up apart |\n|---|---:|---:|---:|---:|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(
        "\n| two workers | one: wall s | two: wall s | times as fast | CPU time of two / of one |\n|---|---:|---:|---:|---:|"
    )
    for tier, (one, two, cpu_one, cpu_two) in both.items():
        print(f"| {tier} | {one:.1f} | {two:.1f} | {one / two:.2f} | {cpu_two / cpu_one:.2f} |")


if __name__ == "__main__":
    main()
