"""What `privet vault` prints on standard output: records for their reader, and what was done.

Invariant: nothing that a record holds steers a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from privet.cli.style import Style

if TYPE_CHECKING:
    import argparse

    from privet.vault import Hit
    from privet.vault.contents import Record

_SHOWN_CHARS: Final = 300


def show_hits(hits: Iterable[Hit]) -> None:
    """Print what was found, for people."""
    style = Style.of(sys.stdout)
    for hit in hits:
        sys.stdout.write(f"{style.bold(f'{hit.score:.3f}')}  {_printable(hit.id)}\n")
        if hit.document:
            sys.stdout.write(f"       {_printable(hit.document)}\n")
        if hit.metadata:
            sys.stdout.write(f"       {style.dim(_printable(json.dumps(hit.metadata, ensure_ascii=False)))}\n")


def show_record(record: Record) -> None:
    """Print a record, for people."""
    metadata = "" if not record.metadata else json.dumps(record.metadata, ensure_ascii=False)
    document = _printable(record.document or "")
    sys.stdout.write(f"{_printable(record.id)}\n       {document}\n       {_printable(metadata)}\n")


def tell(options: argparse.Namespace, found: dict[str, Any], text: str) -> None:
    """Print what was done, for machines where they are asked for."""
    if options.json:
        print_json(found)
    else:
        sys.stdout.write(f"{text}\n")


def print_json(found: Any) -> None:
    """Print a line of JSON."""
    sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")


def counted(number: int, one: str, many: str) -> str:
    """Return a number with what it counts.

    >>> counted(1, "record is", "records are"), counted(1200, "record is", "records are")
    ('1 record is', '1,200 records are')
    """
    return f"{number:,} {one if number == 1 else many}"


def _printable(text: str) -> str:
    """Return the beginning of a text in one line, without what steers a terminal."""
    words = " ".join(text[: 2 * _SHOWN_CHARS].split())
    shown = "".join(char if char.isprintable() else "�" for char in words[:_SHOWN_CHARS])
    return shown + "…" if len(shown) < len(words) or len(text) > 2 * _SHOWN_CHARS else shown
