"""Near duplicates, planted and found: what is dropped of pairs as alike as they are, what is dropped for nothing, and how fast.

Rows come in two registers: texts of some 1300 characters, and records with four fields that all follow one pattern. A copy has words
changed, a sentence more or less, other capitals and marks, or another field; how alike it is to its original is counted exactly, over
all fields.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import english
from dedup_systems import SYSTEMS, sequences, texts
from processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
THRESHOLD = 0.8
BANDS = (0.0, 0.7, THRESHOLD, 0.85, 0.9, 0.95, 1.01)
COPIES = 4


class Planted(NamedTuple):
    """A copy: its row, how it was made, how alike it is to its original."""

    row: int
    how: str
    alike: float


def words_changed(share: float) -> Callable[[str, random.Random], str]:
    """Return what changes a share of the words."""

    def change(text: str, generator: random.Random) -> str:
        words = text.split(" ")
        return " ".join(generator.choice(words) if generator.random() < share else word for word in words)

    return change


def sentence_gone(text: str, generator: random.Random) -> str:
    """Leave out a sentence."""
    parts = text.split(". ")
    del parts[generator.randrange(len(parts))]
    return ". ".join(parts)


def sentence_more(text: str, generator: random.Random) -> str:
    """Add a sentence at the end."""
    return f"{text} {generator.choice(english.neutral())}"


def written_otherwise(text: str, _generator: random.Random) -> str:
    """Change capitals, marks and spaces only."""
    return text.upper().replace(", ", " ").replace(" ", "\n")


EDITS = {
    "1 word in 200": words_changed(0.005),
    "1 word in 100": words_changed(0.01),
    "1 word in 40": words_changed(0.025),
    "1 word in 20": words_changed(0.05),
    "a sentence less": sentence_gone,
    "a sentence more": sentence_more,
    "capitals, marks, spaces": written_otherwise,
}


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=8000, help="rows without their copies, of each register (default: 8000)"
    )
    parser.add_argument("--runs", type=int, default=2, help="runs of each; the fastest counts (default: 2)")
    parser.add_argument("--core", default="0")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="public annotated texts, see benchmarks/detect/README.md"
    )
    return parser.parse_args()


def prose(rows: int, data: Path | None) -> list[dict[str, str]]:
    """Return texts."""
    found = english.documents(10**10, seed=3, folder=data)
    return [{"text": next(found)} for _ in range(rows)]


def records(rows: int, data: Path | None) -> list[dict[str, str]]:
    """Return records that follow one pattern: the same names of fields and ways of saying it, another matter."""
    generator = random.Random(4)  # noqa: S311  (repeatable)
    plain = english.neutral()
    people, _ = english.personal(data, generator)
    return [
        {
            "id": f"ticket-{number}",
            "from": f"customer {generator.randrange(10**6)} by web form",
            "subject": generator.choice(plain),
            "body": " ".join(
                (
                    "Hello, I have a question about my order.",
                    *generator.choices(plain, k=4),
                    generator.choice(people),
                    "Thank you and best regards.",
                )
            ),
        }
        for number in range(rows)
    ]


def planted(rows: list[dict[str, str]], seed: int) -> tuple[list[dict[str, str]], list[Planted]]:
    """Return the rows with copies at random places behind their originals, and what was planted."""
    generator = random.Random(seed)  # noqa: S311  (repeatable)
    originals = generator.sample(range(len(rows)), len(rows) // COPIES)
    kinds = list(EDITS)
    made: list[tuple[float, int, dict[str, str], str]] = [(float(at), at, row, "") for at, row in enumerate(rows)]
    for number, at in enumerate(originals):
        how = kinds[number % len(kinds)]
        row = dict(rows[at])
        name = max(row, key=lambda field: len(row[field]))
        row[name] = EDITS[how](row[name], generator)
        made.append((generator.uniform(at, len(rows)) + 0.5, at, row, how))
    made.sort(key=lambda entry: entry[0])
    out = [row for _, _, row, _ in made]
    found = []
    for place, (_, at, row, how) in enumerate(made):
        if how:
            one, two = (set(sequences(text)) for text in texts([rows[at], row]))
            found.append(Planted(place, how, len(one & two) / max(1, len(one | two))))
    return out, found


def main() -> None:
    """Run all; print the tables."""
    given = options()
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as temporary:
        for register, make in (("texts", prose), ("records", records)):
            rows, copies = planted(make(given.rows, given.data), seed=5)
            path = Path(temporary, "rows.jsonl")
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            size = sum(len(text.encode()) for text in texts(rows))
            print(
                f"\n{register}: {len(rows)} rows, {size / 1e6:.1f} MB, {len(copies)} of them copies; threshold {THRESHOLD}"
            )
            report(ask(path, given), copies, size)


def ask(path: Path, given: argparse.Namespace) -> dict[str, tuple[float, set[int]]]:
    """Return what each system took and dropped."""
    out = {}
    for name in SYSTEMS:
        python = str(ROOT / ".venv/bin/python") if name.startswith("privet") else os.environ.get("PEERS")
        if not python:
            continue
        command = [
            "taskset",
            "-c",
            given.core,
            python,
            str(HERE / "dedup_systems.py"),
            name,
            str(path),
            str(THRESHOLD),
            str(given.runs),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.stderr.write(f"bench: {name}: {done.stderr.strip()[-300:]}\n")
            continue
        said = json.loads(done.stdout)
        out[f"{name} {said['version']}"] = (said["cpu"], set(said["gone"]))
    return out


def report(found: dict[str, tuple[float, set[int]]], copies: list[Planted], size: int) -> None:
    """Print speed, and the share that is dropped of copies as alike as they are."""
    heads = [f"{low:.2f}-{min(high, 1):.2f}" for low, high in pairwise(BANDS)]
    planted_rows = {copy.row for copy in copies}
    near = [copy for copy in copies if copy.alike >= THRESHOLD]
    print(
        f"| | MB a CPU second | found of alike >= {THRESHOLD} | originals dropped | {' | '.join(f'of {head}' for head in heads)} |"
    )
    print(f"|---|---:|---:|---:|{'---:|' * len(heads)}")
    counts = [str(sum(low <= copy.alike < high for copy in copies)) for low, high in pairwise(BANDS)]
    print(f"| how many | | {len(near)} | | {' | '.join(counts)} |")
    for name, (cpu, gone) in found.items():
        if not gone:
            print(f"| {name} | {size / cpu / 1e6:.1f} | | | {' | ' * (len(heads) - 1)} |")
            continue
        shares = [share(gone, [copy for copy in copies if low <= copy.alike < high]) for low, high in pairwise(BANDS)]
        print(
            f"| {name} | {size / cpu / 1e6:.1f} | {share(gone, near)} | {len(gone - planted_rows)} | {' | '.join(shares)} |"
        )
    print("\n| found by how it was changed | " + " | ".join(EDITS) + " |\n|---|" + "---:|" * len(EDITS))
    mean = [sum(c.alike for c in copies if c.how == how) / max(1, sum(c.how == how for c in copies)) for how in EDITS]
    print("| alike in the mean | " + " | ".join(f"{value:.2f}" for value in mean) + " |")
    for name, (_, gone) in found.items():
        if gone:
            print(
                f"| {name} | "
                + " | ".join(share(gone, [copy for copy in copies if copy.how == how]) for how in EDITS)
                + " |"
            )


def share(gone: set[int], copies: list[Planted]) -> str:
    """Return how many of the copies are gone."""
    return f"{100 * sum(copy.row in gone for copy in copies) / len(copies):.1f} %" if copies else "-"


if __name__ == "__main__":
    main()
