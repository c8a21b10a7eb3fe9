"""`privet detect`: identifiers in a text on standard input.

Spans go to standard output as JSON lines, or, on a terminal, the text with its spans coloured. Exit 0: none, 1: some found.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Final

from privet.cli.style import Style
from privet.detect.engine import detect
from privet.errors import BadInput
from privet.records import Span
from privet.redact import redact, replace_spans

_REVERSE: Final = "\x1b[7m"
_DIM: Final = "\x1b[2m"
_RESET: Final = "\x1b[0m"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this verb."""
    parser = subparsers.add_parser(
        "detect",
        help="identifiers in a text on standard input",
        description="Reads a text (UTF-8) on standard input and shows where it holds identifiers. Exit 0: none found, 1: some found.",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="spans as JSON lines; the default when the output is no terminal"
    )
    form.add_argument("--redact", action="store_true", help="print the text with a label in place of each identifier")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, detect, show."""
    raw = sys.stdin.buffer.read()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        # The error itself holds the input, so it is not chained.
        raise BadInput(
            f"expected UTF-8 on standard input, found another encoding at byte {error.start}",
            hint="convert it first, for example with iconv -t utf-8",
        ) from None
    spans = detect(text)
    if options.redact:
        shown = redact(text)
    elif options.json or not Style.of(sys.stdout).colour:
        shown = "".join(json.dumps(span._asdict()) + "\n" for span in spans)
    else:
        shown = coloured(text, spans)
    sys.stdout.buffer.write(shown.encode())
    sys.stdout.buffer.flush()
    return 1 if spans else 0


def coloured(text: str, spans: Iterable[Span]) -> str:
    """Return the text for a terminal: spans reversed with their kind behind, control characters made harmless."""
    marked = replace_spans(
        _harmless(text), spans, lambda span, value: f"{_REVERSE}{value}{_RESET}{_DIM} {span.kind}{_RESET}"
    )
    return marked if marked.endswith("\n") else marked + "\n"


def _harmless(text: str) -> str:
    """Replace control characters, which could rewrite the terminal, one for one, so that spans keep their places."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
