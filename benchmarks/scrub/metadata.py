"""Metadata: `privet scrub` beside mat2, exiftool and a small pikepdf pass over the same generated files, in one run."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import corpus
import figures
import judge
import tools
from planting import Planted

if TYPE_CHECKING:
    from collections.abc import Callable

ODD: Final = frozenset(("hostile", "legacy office"))
"""Forms that are cleaned in a run of their own: their time says nothing about others."""
NAMES: Final = ("privet", "privet-patterns", "mat2", "exiftool", "pikepdf")


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=600, help="at least so many files (default: 600)")
    parser.add_argument("--parts", nargs="+", choices=corpus.PARTS, default=list(corpus.PARTS))
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), help="tools to run")
    parser.add_argument("--workers", type=int, default=2, help="processes of privet scrub")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--corpus", type=Path, metavar="DIR", help="use the corpus there, or write it there and keep it"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what the tools wrote there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every verdict")
    return parser.parse_args()


def planted_in(folder: Path, asked: argparse.Namespace) -> list[Planted]:
    """Return the corpus, written where it is not there yet."""
    if not (folder / "planted.json").exists():
        made = corpus.write(folder, asked.parts, asked.seed, asked.files)
        for what, why in made.missing.items():
            sys.stderr.write(f"bench: corpus without {what}: {why[:100]}\n")
    listed = json.loads((folder / "planted.json").read_text())
    return [Planted(**entry) for entry in listed["files"]]


def main() -> int:
    """Run every tool, judge it, print the tables; 1 where Privet leaks, changes or breaks a file, hangs or crashes."""
    asked = options()
    tools.adopt()
    installed = tools.available()
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as temporary:
        work = Path(temporary)
        folder = asked.corpus or work / "corpus"
        planted = planted_in(folder, asked)
        raw, outs = folder / "raw", asked.keep or work / "out"
        shutil.rmtree(outs, ignore_errors=True)
        ordinary = [file.name for file in planted if file.form not in ODD]
        odd = [file.name for file in planted if file.form in ODD]
        drive: dict[str, Callable[[Path, Path, list[str]], tools.Run]] = {
            "privet": partial(tools.privet, tier="names", workers=asked.workers),
            "privet-patterns": partial(tools.privet, tier="patterns", workers=asked.workers),
            "mat2": tools.mat2,
            "exiftool": tools.exiftool,
            "pikepdf": tools.pikepdf,
        }
        dirty = judge.before(raw, planted)
        runs, judged = {}, {}
        for tool in asked.only:
            if not installed[tool.partition("-")[0]]:
                sys.stderr.write(f"bench: {tool} is not installed\n")
                continue
            (outs / tool).mkdir(parents=True)
            rest = drive[tool](raw, outs / tool / "odd", odd) if odd else tools.Run({}, 0, 0)
            runs[tool] = drive[tool](raw, outs / tool / "ordinary", ordinary) if ordinary else rest
            sys.stderr.write("".join(f"bench: {note}\n" for note in runs[tool].notes + rest.notes))
            judged[tool] = judge.judged(raw, planted, runs[tool].outcomes | rest.outcomes, dirty)
            sys.stderr.write(f"bench: {tool}: {runs[tool].wall_seconds:.1f} s\n")
    print(
        f"{len(planted)} files, {sum(dirty.values())} with an identifying tag or a planted word; the tables count these\n"
    )
    print(figures.tools_table(judged, runs))
    print(figures.formats_table(judged))
    print(figures.ratios(judged, runs))
    wrong = figures.defects(judged.get("privet", []))
    print("".join(f"- {line}\n" for line in wrong) or "no defect of privet\n")
    aside = Counter(verdict.reason for verdict in judged.get("privet", []) if verdict.status == "refused")
    print(figures.table([["set aside by privet because", "files"], *aside.most_common()]))
    if asked.json:
        asked.json.write_text(
            json.dumps({tool: [asdict(verdict) for verdict in verdicts] for tool, verdicts in judged.items()}, indent=1)
        )
    found = figures.counts(judged.get("privet", []))
    return int(
        any(found[name] for name in ("leaking", "identifier in text", "changed", "unreadable", "crashed or hung"))
    )


if __name__ == "__main__":
    sys.exit(main())
