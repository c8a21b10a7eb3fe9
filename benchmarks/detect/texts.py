"""The texts that every system reads, and what people marked in them.

- A document is a text, its marks (start, end, kind) in code points, and the register it was written in.
- A set that is larger than its share is cut to whole documents drawn with a fixed seed; every system gets the same ones.
- Nothing here is written to disk: the public sets are read from a folder that the caller names.
"""

import importlib.util
import json
import random
import re
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from prose import prose

ROOT: Final = Path(__file__).parents[2]
SEED: Final = 11
LANGUAGES: Final = ("en", "de", "es", "fr", "it", "nl", "pl", "pt")
NEWS: Final = frozenset(("news", "local", "sport", "business", "obituary"))
LIVES: Final = frozenset(("bio", "wiki"))
DIRECT: Final = frozenset(("PERSON", "ID"))
"""Kinds that name one person; the other kinds of the written documents only narrow down who it is."""
_LETTERS: Final = {
    "P": "PERSON",
    "L": "LOCATION",
    "O": "ORGANIZATION",
    "D": "DATE",
    "A": "AGE",
    "N": "NRP",
    "J": "OCCUPATION",
    "X": "MISC",
    "Q": "QUANTITY",
    "I": "ID",
}
_CREDIT: Final = re.compile(
    r"(?i)\b(?:by|authors?|copyright|written|contributed|thanks|credit|suggested|maintainer|reported|due to|from|licen[cs]ed?)\b"
    r"|[@©]|://|\bwww\."
)
_PYTHON_PACKAGES: Final = ("thinc", "urllib3", "pydantic")
_C_PATTERNS: Final = ("markupsafe/*.c", "wrapt/*.c", "numpy/_core/include/numpy/*.h", "numpy/core/include/numpy/*.h")


class Document(NamedTuple):
    """A text and what people marked in it."""

    text: str
    marks: tuple[tuple[int, int, str], ...] = ()
    register: str = ""


class TextSet(NamedTuple):
    """Documents that are measured together."""

    name: str
    what: str
    documents: tuple[Document, ...]
    complete: bool
    """Everything personal is marked, so that a span beside the marks is wrong."""
    trained_on: bool = False
    """The shipped names model has seen these documents or their templates."""


def public(folder: Path) -> Iterator[TextSet]:
    """Yield the public sets, as they lie in `folder`."""
    for name, what, complete, trained_on in (
        ("uner_ewt_dev", "web text, en", False, False),
        ("btc_dev", "tweets, en", False, False),
        ("wnut17_dev", "noisy text, en", False, True),
        ("presidio_large", "templated, en", True, True),
        ("meddocan_dev", "clinical notes, es", True, False),
    ):
        lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        documents = tuple(
            Document(record["text"], tuple((start, end, kind) for start, end, kind, _ in record["spans"]))
            for record in map(json.loads, lines)
        )
        yield TextSet(name, what, documents, complete, trained_on)


def written(corpus: Path) -> Iterator[TextSet]:
    """Yield the documents of the training corpus that are kept from training: biographies, then each language."""
    data = _training_data()
    held: dict[str, list[Document]] = {language: [] for language in LANGUAGES}
    for document in data.written(corpus):
        if data.held_back(document):
            marks = tuple((start, end, _LETTERS[letter]) for start, end, letter in document.marks)
            held.setdefault(document.lang, []).append(Document(document.text, marks, document.register))
    lives = tuple(document for document in held["en"] if document.register in LIVES)
    yield TextSet("held_back_lives", "biographies, en", lives, complete=True)
    for language, documents in held.items():
        news = tuple(document for document in documents if document.register in NEWS)
        apart = NEWS | LIVES if language == "en" else NEWS
        other = tuple(document for document in documents if document.register not in apart)
        yield TextSet(f"held_back_news_{language}", f"news, {language}", news, complete=True)
        yield TextSet(f"held_back_other_{language}", f"other registers, {language}", other, complete=True)


def _training_data() -> ModuleType:
    spec = importlib.util.spec_from_file_location("training_data", ROOT / "training" / "names" / "data.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def nobody(kilobytes: int) -> TextSet:
    """Return text without any person: source code, logs and tables, a fifth each, in documents of about two kilobytes."""
    share = kilobytes * 1000 // 5
    site = Path(sysconfig.get_path("purelib"))
    project = ROOT / ".venv" / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    python = [file for package in _PYTHON_PACKAGES for file in sorted((site / package).rglob("*.py"))]
    c = [file for pattern in _C_PATTERNS for file in sorted(site.glob(pattern))]
    c += sorted(Path(sysconfig.get_path("include")).glob("*.h"))
    scripts = sorted((project / "playwright" / "driver" / "package" / "lib").rglob("*.js"))
    made = random.Random(SEED)  # noqa: S311 - texts that can be repeated
    documents = [
        *_source("python", python, share),
        *_source("c", c, share),
        *_source("javascript", scripts, share),
        *_made("log", _log, made, share),
        *_made("table", _table, made, share),
    ]
    return TextSet("nobody", "source code, logs, tables", tuple(documents), complete=True)


def _source(register: str, files: list[Path], size: int) -> Iterator[Document]:
    """Yield files without the lines that may credit somebody or hold an address, in pieces of sixty lines."""
    files = [file for file in files if "test" not in str(file) and file.stat().st_size < 200_000]
    random.Random(SEED).shuffle(files)  # noqa: S311
    for file in files:
        lines = file.read_text(encoding="utf-8", errors="ignore").splitlines()
        lines = [line for line in lines if not _CREDIT.search(line) and len(line) < 400]
        for at in range(0, len(lines), 60):
            text = "\n".join(lines[at : at + 60])
            size -= len(text)
            if size < 0:
                return
            yield Document(text, (), register)


def _made(register: str, line: Callable[[random.Random], str], made: random.Random, size: int) -> Iterator[Document]:
    while size > 0:
        text = "\n".join(line(made) for _ in range(30))
        size -= len(text)
        yield Document(text, (), register)


_LEVELS: Final = ("INFO", "DEBUG", "WARNING", "ERROR")
_PARTS: Final = (
    "payment-gateway",
    "invoice-api",
    "search-indexer",
    "thumbnailer",
    "mailer-queue",
    "feature-store",
    "rate-limiter",
    "auth-proxy",
    "replicator",
    "compactor",
    "ingest-worker",
    "cron-runner",
    "tile-server",
    "edge-cache",
)
_EVENTS: Final = (
    "request served",
    "connection reset by peer",
    "retry scheduled",
    "batch committed",
    "lease renewed",
    "slow query",
    "snapshot written",
    "queue depth high",
    "cache miss",
    "checksum verified",
    "segment merged",
    "circuit half open",
)


def _log(made: random.Random) -> str:
    clock = f"{made.randint(0, 23):02}:{made.randint(0, 59):02}:{made.randint(0, 59):02}.{made.randint(0, 999):03}"
    stamp = made.choice((clock, f"2026-{made.randint(1, 12):02}-{made.randint(1, 28):02}T{clock}Z"))
    place, event = f"{made.choice(_PARTS)}-{made.randint(0, 9)}", made.choice(_EVENTS)
    took = f"took={made.random() * 900:.2f}ms bytes={made.randint(10, 10**7)} shard={made.randint(0, 63)}"
    which = f"trace={made.getrandbits(64):016x} seq={made.randint(10**8, 10**10)}"
    status = made.choice((200, 204, 404, 503))
    return f"{stamp} {made.choice(_LEVELS)} [{place}] {event} {took} {which} status={status}"


def _table(made: random.Random) -> str:
    whole = [str(made.randint(0, 10 ** made.randint(1, 10))) for _ in range(4)]
    parts = [f"{made.gauss(0, 50):.{made.randint(1, 6)}f}" for _ in range(4)]
    return ",".join((*whole, *parts, f"{made.random():.4e}"))


def short_documents(count: int) -> TextSet:
    """Return made-up chat-size texts of 300 bytes, one in ten with an identifier: for speed alone."""
    made = random.Random(SEED)  # noqa: S311
    documents = tuple(Document(prose(300, made, int(number % 10 == 0))) for number in range(count))
    return TextSet("short_documents", "300 bytes, one in ten with an identifier", documents, complete=False)


def cut(texts: TextSet, kilobytes: int) -> TextSet:
    """Return the set, or documents drawn from it with a fixed seed until they reach `kilobytes` (0: all)."""
    documents = list(texts.documents)
    if not kilobytes or sum(len(document.text.encode()) for document in documents) <= kilobytes * 1000:
        return texts
    random.Random(SEED).shuffle(documents)  # noqa: S311
    kept, size = [], 0
    for document in documents:
        size += len(document.text.encode())
        if size > kilobytes * 1000:
            break
        kept.append(document)
    return texts._replace(documents=tuple(kept))
