"""SQLite databases as files: opened without a lock or a trace, and written where the part is.

Invariants:

- The source is never written or locked, and nothing that it declares is run.
- What a write-ahead log holds of finished transactions is read; what is unfinished is refused.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from privet.metadata.job import CannotClean, Limits

_MAGIC: Final = b"SQLite format 3\x00"
_JOURNAL: Final = bytes.fromhex("d9d505f920a163d7")


def opened(source: Path, limits: Limits) -> sqlite3.Connection:
    """Open a database to be read, as its last finished transaction left it.

    Raises:
        CannotClean: encrypted, unfinished, or none.

    """
    with source.open("rb") as file:
        head = file.read(100)
    if not head.startswith(_MAGIC) or len(head) < 100:
        raise CannotClean("encrypted, or no SQLite database")
    log = Path(f"{source}-wal")
    journal = Path(f"{source}-journal")
    if journal.is_file() and not journal.is_symlink():
        with journal.open("rb") as file:
            if file.read(len(_JOURNAL)) == _JOURNAL:
                raise CannotClean(
                    "an unfinished transaction stands in the journal beside it: open it once with sqlite3"
                )
    if log.is_file() and log.stat().st_size:
        database = _in_memory(source, log, limits)
    elif source.resolve().is_file():
        database = sqlite3.connect(f"file:{quote(str(source.resolve()))}?mode=ro&immutable=1", uri=True)
    else:  # a file without a name, which SQLite does not open
        database = _in_memory(source, None, limits)
    database.isolation_level = None
    database.text_factory = _text
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    database.execute("PRAGMA query_only = ON")
    return database


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _in_memory(source: Path, log: Path | None, limits: Limits) -> sqlite3.Connection:
    if source.stat().st_size + (log.stat().st_size if log else 0) > limits.max_file_bytes:
        raise CannotClean("a large database with a write-ahead log beside it: run PRAGMA wal_checkpoint first")
    data = bytearray(source.read_bytes())
    if log:
        _apply(data, log.read_bytes())
    data[18:20] = b"\x01\x01"  # no log from here on
    database = sqlite3.connect(":memory:")
    database.deserialize(bytes(data))
    return database


def _apply(data: bytearray, log: bytes) -> None:
    """Put the pages of all committed transactions of a write-ahead log in their places.

    Source: "WAL-mode File Format", SQLite documentation: a header of 32 bytes, then frames of 24 bytes and a page. A frame whose salts
    are not those of the header is left from before; the size of the database in a frame says that a transaction ends there.
    """
    page = int.from_bytes(log[8:12], "big")
    if page < 512 or page & (page - 1) or page > 65536:
        return
    pending: dict[int, int] = {}
    for at in range(32, len(log) - 24 - page + 1, 24 + page):
        if log[at + 8 : at + 16] != log[16:24]:
            break
        pending[int.from_bytes(log[at : at + 4], "big")] = at + 24
        pages = int.from_bytes(log[at + 4 : at + 8], "big")
        if not pages:
            continue
        if pages * page > len(data) + len(log):
            raise CannotClean("damaged: the write-ahead log beside it does not fit")
        data[:] = data[: pages * page].ljust(pages * page, b"\x00")
        for number, start in pending.items():
            if 1 <= number <= pages:
                data[(number - 1) * page : number * page] = log[start : start + page]
        pending.clear()


@contextmanager
def written_to(part: BinaryIO) -> Iterator[str]:
    """Give the path at which SQLite writes the part: its own, or where it has none, one in a folder that is removed after."""
    path = _path_of(part)
    if path is not None:
        yield path
        part.seek(0, os.SEEK_END)
        return
    with tempfile.TemporaryDirectory(prefix=".privet") as folder:
        made = Path(folder, "part")
        yield str(made)
        with made.open("rb") as file:
            shutil.copyfileobj(file, part, 1 << 20)


def _path_of(part: BinaryIO) -> str | None:
    try:
        part.flush()
        path = Path(f"/proc/self/fd/{part.fileno()}").readlink()
        is_own = path.stat().st_ino == os.fstat(part.fileno()).st_ino and not os.fstat(part.fileno()).st_size
    except (OSError, AttributeError):
        return None
    return str(path) if is_own else None
