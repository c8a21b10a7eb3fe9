"""Time on texts made to be slow, at sizes that double: `benchmarks/detect/run worst`.

Detection takes time in proportion to the text, so each doubling of a text should take about twice the time. A ratio far
above two means that time grows with more than the size. CPU time, one pass; exit status 1 when a ratio is above the limit.
"""

import argparse
import base64
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import report

from privet.detect.engine import Detector

MEGABYTE: Final = 1_000_000
MAX_RATIO: Final = 3.0
"""A doubling may take this many times as long: twice, and room for noise and for caches that stop helping."""
SIZES: Final = {"patterns": (1, 2, 4, 8), "names": (0.0625, 0.125, 0.25, 0.5)}
"""Megabytes by tier: each character of a hostile text is a word to the names model, so its texts are a sixteenth as long."""
LEAST_SECONDS: Final = 0.05
"""Below this a ratio says nothing."""


def repeated(unit: str) -> Callable[[int], str]:
    """Return a maker of one unit again and again."""
    return lambda size: (unit * (size // len(unit) + 1))[:size]


def base64_text(size: int) -> str:
    """Return one line of base64 of made-up bytes."""
    return base64.b64encode(random.Random(3).randbytes(size * 3 // 4 + 3)).decode()[:size]  # noqa: S311


def addresses(size: int) -> str:
    """Return nothing but different e-mail addresses."""
    count = size // 20 + 1
    return " ".join(f"u{number:07}@example.com" for number in range(count))[:size]


def names(size: int) -> str:
    """Return nothing but names."""
    return repeated("Jane Doe, John Roe, Dr. Max Mustermann, ")(size)


def nested(size: int) -> str:
    """Return brackets that open and open, and close in the end."""
    return "([{<" * (size // 8) + ">}])" * (size // 8)


TEXTS: Final[dict[str, Callable[[int], str]]] = {
    "only addresses": addresses,
    "only names": names,
    "only digits": repeated("4929123412341234567890"),
    "digits and spaces": repeated("4929 1234 1234 1234 "),
    "one word": repeated("a"),
    "one capital word": repeated("A"),
    "only white space": repeated(" "),
    "only line ends": repeated("\n"),
    "nested brackets": nested,
    "right to left, combining": repeated("\u202e\u05d0\u05b8\u0301e\u0301\u0308"),
    "NULs": repeated("\0"),
    "lone surrogates": repeated("\ud800\udfff\udc00"),
    "base64": base64_text,
    "lines of one character": repeated("a\n"),
    "dots and at signs": repeated("a.a@"),
    "half an address": repeated("a@a.a-"),
}


def seconds(detector: Detector, text: str) -> float:
    """Return the CPU time of one pass."""
    before = time.process_time()
    detector.find(text)
    return time.process_time() - before


def measured(tier: Any, sizes: Sequence[float], wanted: Sequence[str]) -> dict[str, list[float]]:
    """Return the seconds of each text at each size in megabytes."""
    detector = Detector(tier=tier)
    detector.find("Jane Doe, jane@example.com")
    found: dict[str, list[float]] = {}
    for name in wanted:
        sys.stderr.write(f"worst: {time.strftime('%T')} {tier}, {name}\n")
        found[name] = [seconds(detector, TEXTS[name](int(size * MEGABYTE))) for size in sizes]
    return found


def ratios(times: Sequence[float]) -> list[float | None]:
    """Return how many times as long each doubling took; None where it took too little time to tell."""
    return [after / before if before >= LEAST_SECONDS else None for before, after in pairwise(times)]


def table(tier: str, sizes: Sequence[float], found: dict[str, list[float]]) -> str:
    """Return a Markdown table: seconds at each size, and the ratio of each doubling."""
    head = [
        tier,
        *(f"{size:g} MB" for size in sizes),
        *(f"{a:g}→{b:g}" for a, b in pairwise(sizes)),
    ]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for name, times in found.items():
        shares = ["–" if ratio is None else f"×{ratio:.2f}" for ratio in ratios(times)]
        lines.append(f"| {' | '.join([name, *(f'{value:.3f}' for value in times), *shares])} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(prog="benchmarks/detect/run worst", description=__doc__)
    parser.add_argument(
        "--megabytes",
        type=float,
        nargs="+",
        help="sizes, each twice the one before (default: 1 2 4 8, names a sixteenth)",
    )
    parser.add_argument("--tier", action="append", choices=["patterns", "names"], help="default: both")
    parser.add_argument("--text", action="append", choices=list(TEXTS), help="this text alone; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/detection.md")
    options = parser.parse_args()
    found, tables = {}, []
    for tier in options.tier or ("patterns", "names"):
        sizes = options.megabytes or SIZES[tier]
        found[tier] = measured(tier, sizes, options.text or list(TEXTS))
        tables.append(table(tier, sizes, found[tier]))
        sys.stdout.write(tables[-1] + "\n")
    if options.docs:
        report.into(Path(__file__).parents[2] / "docs" / "detection.md", "worst", "\n".join(tables))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    all_ratios = [
        ratio for times in found.values() for one in times.values() for ratio in ratios(one) if ratio is not None
    ]
    worst = max(all_ratios, default=0.0)
    sys.stdout.write(f"largest ratio of a doubling: {worst:.2f} (limit {MAX_RATIO:g})\n")
    return int(worst > MAX_RATIO)


if __name__ == "__main__":
    sys.exit(main())
