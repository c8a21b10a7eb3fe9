"""Speed of detection on one core: `python benchmarks/detect/speed.py`. CPU time, best of several runs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from prose import IDENTIFIERS, prose

from privet.detect.engine import Detector
from privet.detect.segments import SpanStream


def seconds(work: Callable[[], object], repeats: int) -> float:
    work()
    best = float("inf")
    for _ in range(7):
        before = time.process_time()
        for _ in range(repeats):
            work()
        best = min(best, (time.process_time() - before) / repeats)
    return best


def main() -> None:
    generator = random.Random(5)  # noqa: S311  (repeatable text)
    before = time.process_time()
    detector = Detector(tier="patterns")
    detector.find("warm")
    print(f"build                          {(time.process_time() - before) * 1e3:8.1f} ms")
    for name, text, repeats in (
        ("10-character word", "afternoons", 20000),
        ("60 characters", prose(60, generator), 10000),
        ("1 kB, no identifier", prose(1000, generator), 2000),
        ("1 kB, 5 identifiers", prose(900, generator) + " ".join(IDENTIFIERS[:5]), 400),
    ):
        print(f"{name:30} {seconds(lambda text=text: detector.find(text), repeats) * 1e6:8.2f} us")  # type: ignore[misc]
    for name, size, hits in (
        ("short documents, 1 kB, 1 hit in 4", 1000, 4),
        ("short documents, 300 B, 1 hit in 10", 300, 10),
    ):
        documents = [prose(size, generator, int(number % hits == 0)) for number in range(2000)]
        spent = seconds(lambda documents=documents: [detector.find(text) for text in documents], 1)  # type: ignore[misc]
        print(f"{name:36} {sum(map(len, documents)) / spent / 1e6:6.1f} MB/s")
    text = prose(20000, generator)
    for name, chunks in (
        ("5-character chunks", [text[place : place + 5] for place in range(0, len(text), 5)]),
        ("words", [" " + word for word in text.split()]),
    ):

        def stream(chunks: list[str] = chunks) -> None:
            spans = SpanStream(detector)
            for chunk in chunks:
                spans.feed(chunk)

        print(f"feed, {name:24} {seconds(stream, 2) / len(chunks) * 1e6:8.2f} us a chunk")


if __name__ == "__main__":
    main()
