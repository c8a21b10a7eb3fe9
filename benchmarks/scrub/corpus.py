"""Writes the corpus: `corpus.py FOLDER` makes FOLDER/raw and FOLDER/planted.json, the same files for the same seed and writers."""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data import data_files
from hostile import hostile_files
from media import all_media
from office import office_documents
from pictures import all_pictures
from planting import Corpus
from portable import portable_documents

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS: Final[dict[str, Callable[[Corpus], None]]] = {
    "pictures": all_pictures,
    "media": all_media,
    "pdf": portable_documents,
    "office": office_documents,
    "data": data_files,
    "hostile": hostile_files,
}


AGAIN: Final = ("pdf", "pictures", "data")
"""Parts that are written again where more files are asked for: what most folders hold, and quickly made."""


def write(folder: Path, parts: list[str], seed: int, at_least: int = 0) -> Corpus:
    """Write the parts named, some again until there are so many files, and return what was planted."""
    raw = folder / "raw"
    raw.mkdir(parents=True)
    corpus = Corpus(raw, random.Random(seed))  # noqa: S311 -- names of canaries
    done: set[str] = set()
    again = [part for part in AGAIN if part in parts]
    for part in itertools.chain(parts, itertools.cycle(again) if again else ()):
        if part in again and len(corpus.files) >= at_least and all(name in done for name in parts):
            break
        done.add(part)
        started, before = time.monotonic(), len(corpus.files)
        PARTS[part](corpus)
        sys.stderr.write(f"corpus: {part}: {len(corpus.files) - before} files in {time.monotonic() - started:.0f} s\n")
    corpus.add_tags()
    corpus.save(folder / "planted.json")
    for path in raw.glob("**/.profile"):
        shutil.rmtree(path, ignore_errors=True)
    return corpus


def main() -> None:
    """Write the corpus that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--files", type=int, default=0, help="at least so many")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    corpus = write(options.folder, options.parts, options.seed, options.files)
    for what, why in corpus.missing.items():
        sys.stderr.write(f"corpus: left out: {what}: {why}\n")
    print(f"{len(corpus.files)} files in {options.folder}")


if __name__ == "__main__":
    main()
