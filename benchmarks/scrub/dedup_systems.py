"""One way of finding near duplicates: `python dedup_systems.py NAME ROWS THRESHOLD RUNS` prints which rows it drops and its CPU time.

All are asked for the same: rows whose sets of three words in a row have a Jaccard similarity of the threshold or more, of which one stays.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_WORD: Final = re.compile(r"\w+")
_BATCH_ROWS: Final = 256
PERMUTATIONS: Final = 128


def texts(rows: list[dict[str, str]]) -> list[str]:
    """Return the texts of rows, as Privet reads them: all fields, one after the other."""
    return ["\n".join(row.values()) for row in rows]


def sequences(text: str) -> list[str]:
    """Return the sequences of three words of a text."""
    words = _WORD.findall(text.lower())
    return [" ".join(words[at : at + 3]) for at in range(len(words) - 2)]


def privet(rows: list[dict[str, str]], threshold: float) -> list[int]:
    """Marks of all rows, saved, and the rows that stay told from them; exact duplicates too."""
    from dataclasses import replace

    from privet.ingest.marks import Marks
    from privet.ingest.repeats import kept_rows
    from privet.policy import DEFAULT

    scrub = replace(DEFAULT.scrub, near_similarity=threshold)
    marks = Marks(scrub)
    for at in range(0, len(rows), _BATCH_ROWS):
        part = rows[at : at + _BATCH_ROWS]
        marks.add({name: [row[name] for row in part] for name in part[0]}, None)
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as temporary:
        path = Path(temporary, "0.0.marks")
        with path.open("wb") as file:
            marks.save(file)
        (kept,) = kept_rows([(path, ".")], scrub, Path(temporary))
    return [] if kept.rows is None else (~kept.rows).nonzero()[0].tolist()


def privet_signatures(rows: list[dict[str, str]], _threshold: float) -> list[int]:
    """Signatures alone, nothing dropped."""
    from privet.ingest.signatures import signatures

    signatures(texts(rows))
    return []


def rensa(rows: list[dict[str, str]], threshold: float) -> list[int]:
    """RMinHash and RMinHashLSH, 128 permutations and 16 bands, the estimate checked; the loop of its README."""
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=threshold, num_perm=PERMUTATIONS, num_bands=16)
    seen = {}
    gone = []
    for at, text in enumerate(texts(rows)):
        one = RMinHash(num_perm=PERMUTATIONS, seed=42)
        one.update(sequences(text))
        if any(seen[other].jaccard(one) >= threshold for other in index.query(one) if other in seen):
            gone.append(at)
            continue
        index.insert(at, one)
        seen[at] = one
    return gone


def datasketch(rows: list[dict[str, str]], threshold: float) -> list[int]:
    """MinHash and MinHashLSH, 128 permutations, the estimate checked; the loop of its documentation."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    seen = {}
    gone = []
    for at, text in enumerate(texts(rows)):
        one = MinHash(num_perm=PERMUTATIONS)
        one.update_batch([sequence.encode() for sequence in sequences(text)])
        if any(seen[other].jaccard(one) >= threshold for other in index.query(one)):
            gone.append(at)
            continue
        index.insert(at, one)
        seen[at] = one
    return gone


SYSTEMS: Final[dict[str, tuple[str, Callable[[list[dict[str, str]], float], list[int]]]]] = {
    "privet signatures": ("privet", privet_signatures),
    "privet": ("privet", privet),
    "rensa": ("rensa", rensa),
    "datasketch": ("datasketch", datasketch),
}


def main() -> None:
    """Measure one."""
    name, source, threshold, runs = sys.argv[1:]
    package, drop = SYSTEMS[name]
    rows = [json.loads(line) for line in Path(source).read_text(encoding="utf-8").splitlines()]
    drop(rows[:300], float(threshold))
    best = float("inf")
    gone: list[int] = []
    for _ in range(int(runs)):
        begun = time.process_time()
        gone = drop(rows, float(threshold))
        best = min(best, time.process_time() - begun)
    print(json.dumps({"cpu": best, "gone": gone, "version": importlib.metadata.version(package)}))


if __name__ == "__main__":
    main()
