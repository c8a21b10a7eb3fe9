"""Measure how well and how fast Privet and others detect, all on the same text, in one run.

Prints Markdown; `--out` writes table.md, figures.json and chart.svg. Exit status: 0 when Privet was measured, 2 when not.
"""

import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import chart
import measure
import report
import texts
from systems import SYSTEMS

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
PROJECT_PYTHON: Final = ROOT / ".venv" / "bin" / "python"
# The worker itself ends after so much CPU time; this is for one that waits.
LIMIT_SECONDS: Final = 3600
KILOBYTES, QUICK_KILOBYTES = 160, 30
ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)
GROUPS: Final = {
    "people": ("uner_ewt_dev", "btc_dev"),
    "everything": ("presidio_large", "meddocan_dev"),
    "news": tuple(f"held_back_news_{language}" for language in texts.LANGUAGES),
    "written": tuple(f"held_back_{part}_{language}" for part in ("news", "other") for language in texts.LANGUAGES),
}
"""Sets that are also measured as one."""


def gathered(options: argparse.Namespace) -> list[texts.TextSet]:
    """Return the sets, each cut to its share."""
    kilobytes = options.kb_per_set
    sets = [*texts.public(options.data), *texts.written(options.corpus)]
    cut = [texts.cut(one, kilobytes) for one in sets if one.documents]
    return [*cut, texts.nobody(kilobytes or KILOBYTES), texts.short_documents(100 if options.quick else 300)]


def measured(name: str, sets: Sequence[texts.TextSet], folder: Path, core: int) -> dict[str, Any]:
    """Run one system in a process of its own on one core; return the lines it wrote, or why there are none."""
    python = PROJECT_PYTHON if name.startswith("privet") else Path(sys.executable)
    result, log = folder / "result", folder / "log"
    environment = os.environ | ONE_THREAD | {"HOME": str(folder), "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    command = [str(python), str(HERE / "worker.py"), name, str(folder / "texts"), str(result)]
    with bound(core), log.open("wb") as errors:
        try:
            subprocess.run(command, env=environment, check=True, timeout=LIMIT_SECONDS, stdout=errors, stderr=errors)
        except subprocess.TimeoutExpired:
            return {"reason": f"not done after {LIMIT_SECONDS} s"}
        except subprocess.CalledProcessError as problem:
            if problem.returncode < 0:
                return {"reason": f"ended by signal {signal.Signals(-problem.returncode).name}"}
            lines = log.read_text(errors="replace").strip().splitlines()
            return {"reason": (lines or ["ended without a word"])[-1][:200]}
    facts: dict[str, Any]
    *runs, facts = map(json.loads, result.read_text(encoding="utf-8").splitlines())
    by_name = {run.pop("set"): run for run in runs}
    return facts | {"what": SYSTEMS[name].what, "sets": {one.name: judged(one, by_name[one.name]) for one in sets}}


@contextlib.contextmanager
def bound(core: int) -> Iterator[None]:
    """Start processes on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def judged(one: texts.TextSet, run: dict[str, Any]) -> dict[str, Any]:
    """Return what one system did on one set; the spans stay in for the groups."""
    size = sum(len(document.text.encode()) for document in one.documents)
    tokens = sum(len(document.text.split()) for document in one.documents)
    cost = {"bytes": size, "tokens": tokens, **{key: run[key] for key in ("cpu_s", "wall_s", "passes", "failures")}}
    if one.name == "short_documents":
        return cost | {"spans": run["spans"]}
    more = {"kinds_found": measure.kinds_found(run["spans"])} if one.name == "nobody" else {}
    return cost | more | {"spans": run["spans"], "quality": measure.figures(one, run["spans"])}


def grouped(sets: Sequence[texts.TextSet], results: dict[str, Any]) -> None:
    """Add the figures of groups of sets, and of each register of the text without persons, then forget the spans."""
    by_name = {one.name: one for one in sets}
    for figures in results.values():
        if "sets" not in figures:
            continue
        figures["groups"] = {}
        for group, names in GROUPS.items():
            present = [name for name in names if name in by_name]
            if not present:
                continue
            documents = tuple(document for name in present for document in by_name[name].documents)
            spans = [found for name in present for found in figures["sets"][name]["spans"]]
            whole = texts.TextSet(group, group, documents, all(by_name[name].complete for name in present))
            figures["groups"][group] = measure.figures(whole, spans)
        figures["groups"] |= registers(by_name["nobody"], figures["sets"]["nobody"]["spans"])
        timed = [run for name, run in figures["sets"].items() if name != "short_documents"]
        figures["tokens_per_s"] = sum(run["tokens"] for run in timed) / sum(run["cpu_s"] for run in timed)
        short = figures["sets"]["short_documents"]
        figures["short_mb_per_s"] = short["bytes"] / short["cpu_s"] / 1e6
        for run in figures["sets"].values():
            del run["spans"]


def registers(nobody: texts.TextSet, spans: Sequence[Any]) -> dict[str, Any]:
    """Return the false spans of each kind of text without persons."""
    found: dict[str, Any] = {}
    for register in dict.fromkeys(document.register for document in nobody.documents):
        pairs = [pair for pair in zip(nobody.documents, spans, strict=True) if pair[0].register == register]
        part = nobody._replace(documents=tuple(document for document, _ in pairs))
        found[f"nobody {register}"] = measure.figures(part, [span for _, span in pairs])
    return found


def conditions(options: argparse.Namespace, sets: Sequence[texts.TextSet], busy: float) -> dict[str, Any]:
    """Return what a reader must know to compare two runs."""
    described = [
        {
            "name": one.name,
            "what": one.what,
            "documents": len(one.documents),
            "bytes": sum(len(document.text.encode()) for document in one.documents),
            "complete": one.complete,
            "trained_on": one.trained_on,
        }
        for one in sets
    ]
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "python": platform.python_version(),
        "kb_per_set": options.kb_per_set,
        "quick": options.quick,
        "others_share": busy,
        "sets": described,
    }


def job_of(one: texts.TextSet) -> dict[str, Any]:
    """Return what a worker is told of a set: nothing of its marks."""
    return {"name": one.name, "texts": [document.text for document in one.documents]}


class Crowd:
    """How much of the other cores' and this core's time went to programs that are not this run."""

    def __init__(self) -> None:
        self._start = self._counters()

    @staticmethod
    def _counters() -> tuple[float, float, float]:
        busy = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        own = os.times()
        ours = own.user + own.system + own.children_user + own.children_system
        return (sum(busy) - busy[3] - busy[4]) / os.sysconf("SC_CLK_TCK"), ours, time.monotonic()

    def share(self) -> float:
        """Return the part of the machine that was taken by others."""
        everyone, ours, clock = (now - then for now, then in zip(self._counters(), self._start, strict=True))
        return max(0.0, everyone - ours) / (clock * (os.cpu_count() or 1))


def progress(line: str) -> None:
    """Say on standard error what is being done."""
    sys.stderr.write(f"bench: {time.strftime('%T')} {line}\n")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks/detect/run", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="the public sets as JSON lines, see README.md"
    )
    corpus = ROOT / "training" / "names" / "corpus"
    parser.add_argument(
        "--corpus", type=Path, default=corpus, metavar="DIR", help="the written documents (default: %(default)s)"
    )
    parser.add_argument("--only", action="append", choices=list(SYSTEMS), help="measure this system; may be repeated")
    parser.add_argument(
        "--quick", action="store_true", help=f"at most {QUICK_KILOBYTES} kB of each set: a look, not a result"
    )
    parser.add_argument(
        "--kb-per-set", type=int, metavar="N", help=f"largest share of a set (default {KILOBYTES}; 0: all of it)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write table.md, figures.json and chart.svg there")
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/detection.md, and its chart")
    options = parser.parse_args(arguments)
    if options.docs and (options.quick or options.only):
        parser.error("--docs takes a whole run: leave out --quick and --only")
    if options.kb_per_set is None:
        options.kb_per_set = QUICK_KILOBYTES if options.quick else KILOBYTES
    return options


def main() -> int:
    """Run the benchmark and return the exit status."""
    options, crowd = parse(), Crowd()
    sets, results = gathered(options), {}
    core = max(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as folder:
        with Path(folder, "texts").open("w", encoding="utf-8") as out:
            out.writelines(f"{json.dumps(job_of(one))}\n" for one in sets)
        for name in options.only or SYSTEMS:
            progress(name)
            results[name] = measured(name, sets, Path(folder), core)
            if "reason" in results[name]:
                progress(f"{name} was not measured: {results[name]['reason']}")
    grouped(sets, results)
    whole = {"conditions": conditions(options, sets, crowd.share()), "systems": results}
    tables, drawing = report.text(whole), chart.svg(whole)
    sys.stdout.write(tables)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "table.md").write_text(tables, encoding="utf-8")
        (options.out / "figures.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        (options.out / "chart.svg").write_text(drawing, encoding="utf-8")
    if options.docs:
        report.into(ROOT / "docs" / "detection.md", "measured", tables)
        report.into(ROOT / "README.md", "detection", report.short_overview(whole))
        picture = ROOT / "docs" / "images" / "detection.svg"
        picture.parent.mkdir(exist_ok=True)
        picture.write_text(drawing, encoding="utf-8")
    return 0 if "sets" in results.get("privet names", results[next(iter(results))]) else 2


if __name__ == "__main__":
    sys.exit(main())
