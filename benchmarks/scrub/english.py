"""English prose with an identifier every few hundred characters, as documents, JSON lines and Parquet.

- The same size and seed give the same documents; no two documents are alike.
- Sentences without people come from the documentation strings of Python's own library; sentences with people are a few written for this,
  with reserved values, and those of the public annotated sets in a folder that the caller names (see benchmarks/detect/README.md).
"""

from __future__ import annotations

import ast
import json
import random
import re
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

CHARS_PER_IDENTIFIER: Final = 400
_SETS: Final = ("presidio_large", "uner_ewt_dev")
_SENTENCE: Final = re.compile(r"(?<=[.?!] )[A-Z][a-z]{1,12} [a-z][A-Za-z ,;'()-]{30,200}\.(?= )")
_SHORTEST_CHARS: Final = 400
_TYPICAL_CHARS: Final = 1300
_MODULES: Final = 160
_GIVEN: Final = [
    "Ana",
    "Jonas",
    "Priya",
    "Wei",
    "Fatima",
    "Diego",
    "Ingrid",
    "Kwame",
    "Yuki",
    "Tom",
    "Marta",
    "Elif",
    "Noah",
    "Grace",
    "Omar",
    "Lucy",
]
_FAMILY: Final = [
    "Ruiz",
    "Becker",
    "Sharma",
    "Chen",
    "Haddad",
    "Moreno",
    "Larsen",
    "Mensah",
    "Tanaka",
    "Walsh",
    "Nowak",
    "Yilmaz",
    "Stone",
    "Okafor",
    "Aziz",
    "Hart",
]
_TOWNS: Final = ["Berlin", "Madrid", "Leeds", "Osaka", "Accra", "Oslo", "Denver", "Lyon", "Pune", "Perth"]
_WRITTEN: Final = (
    ("We met {given} {family} in {town} to talk about the plan.", 2),
    ("Please write to {given}.{family}@example.com when the parcel is there.", 1),
    ("My number is +1 202 555 01{n:02}, ask for {given}.", 2),
    ("Then {family} moved to {town} and worked as a nurse for two years.", 2),
    ("The server at 192.0.2.{n} did not answer, so {given} restarted it.", 2),
    ("The card 4111 1111 1111 1111 was charged twice, said {given} {family}.", 2),
)


@lru_cache(maxsize=1)
def neutral() -> list[str]:
    """Return sentences that name nobody."""
    found: dict[str, None] = {}
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.glob("*.py"))[:_MODULES]:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ". " + " ".join((ast.get_docstring(node) or "").split()) + " "
                found.update(dict.fromkeys(_SENTENCE.findall(text)))
    return list(found)


def personal(folder: Path | None, generator: random.Random) -> tuple[list[str], float]:
    """Return sentences with identifiers, and how many each has in the mean."""
    sentences: list[str] = []
    marks = 0
    for path in [folder / f"{name}.jsonl" for name in _SETS] if folder is not None else []:
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["spans"]:
                sentences.append(" ".join(entry["text"].split()))
                marks += len(entry["spans"])
    for n, (choice, has) in enumerate(generator.choices(_WRITTEN, k=max(1000, len(sentences) // 2))):
        person = {
            "given": generator.choice(_GIVEN),
            "family": generator.choice(_FAMILY),
            "town": generator.choice(_TOWNS),
        }
        sentences.append(choice.format(n=n % 100, **person))
        marks += has
    return sentences, marks / len(sentences)


def documents(
    size: int, seed: int = 7, folder: Path | None = None, chars_per_identifier: int = CHARS_PER_IDENTIFIER
) -> Iterator[str]:
    """Yield documents of 400 to some 5000 characters, 1300 in the mean, of `size` characters together."""
    generator = random.Random(seed)  # noqa: S311  (repeatable)
    plain = neutral()
    people, marks = personal(folder, generator)
    long, short = (sum(map(len, pool)) / len(pool) + 1 for pool in (people, plain))
    # Of a mix with a share p of sentences about people, p * marks identifiers stand in p * long + (1 - p) * short characters.
    share = short / (chars_per_identifier * marks - long + short)
    made = 0
    while made < size:
        target = _SHORTEST_CHARS + generator.expovariate(1 / (_TYPICAL_CHARS - _SHORTEST_CHARS))
        sentences: list[str] = []
        length = 0
        while length < min(target, 4 * _TYPICAL_CHARS):
            sentences.append(generator.choice(people if generator.random() < share else plain))
            length += len(sentences[-1]) + 1
        made += length
        yield " ".join(sentences)


def write_jsonl(path: Path, texts: Iterator[str] | list[str]) -> None:
    """Write one record a line, with the fields that web corpora have."""
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            file.write(
                json.dumps({"id": f"doc-{number}", "text": text, "source": "web", "score": 0.5}, ensure_ascii=False)
                + "\n"
            )


def write_parquet(path: Path, texts: Iterator[str] | list[str], rows_of_group: int = 2000) -> None:
    """Write the same records as a table, a few thousand rows a group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("source", pa.string()), ("score", pa.float64())])
    waiting: list[str] = []
    number = 0

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def flush() -> None:
            nonlocal number
            ids = [f"doc-{number + at}" for at in range(len(waiting))]
            rows = len(waiting)
            writer.write_table(pa.table([ids, waiting, ["web"] * rows, [0.5] * rows], schema=schema))
            number += rows
            waiting.clear()

        for text in texts:
            waiting.append(text)
            if len(waiting) == rows_of_group:
                flush()
        if waiting:
            flush()
