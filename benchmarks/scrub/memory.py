"""Memory of `privet scrub` over a large file: proportional set size of each process, sampled, and of all together; flat or not."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import english
from processes import adopt_orphans, scrub

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_MB = 250


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=5000, help="size of each file (default: 5000)")
    parser.add_argument("--tier", choices=("patterns", "names"), default="patterns")
    parser.add_argument("--short", action="store_true", help="rows of some 60 bytes, which weigh most for their size")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--forms", nargs="+", choices=("jsonl", "parquet"), default=["jsonl", "parquet"])
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="public annotated texts, see benchmarks/detect/README.md"
    )
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="where the files are written (default: the system's folder for them)"
    )
    return parser.parse_args()


def many(megabytes: int, data: Path | None) -> Iterator[str]:
    """Yield documents that are all different and quickly made: halves of a few thousand ones in new pairs."""
    pool = list(english.documents(8_000_000, folder=data))
    generator = random.Random(1)  # noqa: S311  (repeatable)
    made = 0
    while made < megabytes * 1_000_000:
        left, right = generator.choice(pool), generator.choice(pool)
        text = f"{left[: len(left) // 2]} {right[len(right) // 2 :]}"
        made += len(text)
        yield text


def short(megabytes: int) -> Iterator[str]:
    """Yield texts of fifteen short words, one in a hundred of them twice and one in a hundred with a word more."""
    generator = random.Random(2)  # noqa: S311  (repeatable)
    words = [first + rest for first in "bcdfghklmnprstvw" for rest in ("a", "e", "i", "o", "u", "ab", "en", "is")]
    made, text = 0, ""
    while made < megabytes * 1_000_000:
        kind = generator.random()
        if kind >= 0.02 or not text:
            text = " ".join(generator.choices(words, k=15))
        elif kind >= 0.01:
            text = f"{text} {generator.choice(words)}"
        made += len(text)
        yield text


def main() -> int:
    """Measure both; 1 where all processes of a run together need more than the limit."""
    given = options()
    adopt_orphans()
    over = False
    with tempfile.TemporaryDirectory(prefix="privet-bench-", dir=given.work) as temporary:
        folder = Path(temporary)
        for form in given.forms:
            source = folder / f"all.{form}"
            getattr(english, f"write_{form}")(source, short(given.mb) if given.short else many(given.mb, given.data))
            cost = scrub(source, folder / "out", given.tier, given.workers, cores="0-31", watch_memory=True)
            size = source.stat().st_size / 1e6
            quarter = len(cost.curve) // 4
            halves = [
                max((total for _, total in part), default=0) / 1e6
                for part in (cost.curve[quarter : 2 * quarter], cost.curve[3 * quarter :])
            ]
            print(
                f"\n{form}, {size:.0f} MB, tier {given.tier}, {given.workers} workers: {cost.wall:.0f} s, CPU {cost.cpu:.0f} s"
            )
            for name, most in sorted(cost.memory.items(), key=lambda item: -item[1]):
                print(f"  {name:32} {most / 1e6:7.1f} MB at most")
            then = f"{halves[0]:.1f} in the second quarter, {halves[1]:.1f} in the last"
            print(f"  {'all at once':32} {cost.together / 1e6:7.1f} MB at most; {then}")
            over |= cost.together > LIMIT_MB * 1e6
            shutil.rmtree(folder / "out")
            source.unlink()
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
