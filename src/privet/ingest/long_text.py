"""A plain text too long for one process at a time: cut at newlines, cleaned piece by piece, joined.

Invariants:

- Only UTF-8 is cut; every other encoding is cleaned as a whole, in one process.
- The pieces joined are the text; a text has no rows, so nothing of it is dropped as double.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from privet.ingest.record_file import Kept, Unit
from privet.ingest.text_file import cut_at_newlines

FORM: Final = "long text"
_TEXTS: Final = frozenset(("text", "markdown"))


def is_long(form: str, source: BinaryIO, size: int, unit_bytes: int) -> bool:
    """Tell whether a file is a text that is better cleaned in pieces; `source` stands at 0 again."""
    from privet.metadata.text import encoding

    return form in _TEXTS and size > 2 * unit_bytes and encoding(source) == ("utf-8", b"")


def units(source: Path, unit_bytes: int) -> list[Unit]:
    """Return the pieces."""
    return cut_at_newlines(source, unit_bytes)


def piece(source: Path, unit: Unit) -> BinaryIO:
    """Return one piece as a file."""
    with source.open("rb") as file:
        file.seek(unit.start)
        return io.BytesIO(file.read(unit.stop - unit.start))


def assemble(_source: Path, parts: Sequence[BinaryIO], _kept: Sequence[Kept], target: BinaryIO) -> None:
    """Join the cleaned pieces."""
    for part in parts:
        shutil.copyfileobj(part, target)
