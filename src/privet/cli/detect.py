"""`privet detect`: identifiers in a text or in JSON lines on standard input.

Spans go to standard output as JSON lines, or, on a terminal, the text with its spans coloured. Text is read and written in pieces, so
memory does not grow with it. Exit 0: none, 1: some found.
"""

from __future__ import annotations

import argparse
import codecs
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from privet.cli.json_lines import JsonLines
from privet.cli.key_file import MAKE_KEY, read_key
from privet.cli.policy import load
from privet.cli.progress import Progress
from privet.cli.style import Style
from privet.detect.engine import Detector, TierName
from privet.detect.segments import Segment, SpanStream
from privet.errors import BadInput
from privet.policy import Policy
from privet.records import NAMES_KINDS, Span
from privet.redact import RedactStream, redact, redact_all, replace_spans
from privet.surrogates import SurrogateName

_CHUNK_BYTES: Final = 64 * 1024
_SURROGATES: Final[tuple[SurrogateName, ...]] = ("label", "mask", "pseudonym", "token", "realistic", "shift")
_KEYED: Final = frozenset(("pseudonym", "token", "shift"))
_TIERS: Final[tuple[TierName, ...]] = ("patterns", "names", "deep")
_SECRETS: Final = frozenset(("API_KEY", "JWT", "PRIVATE_KEY", "PASSWORD", "CONNECTION_STRING"))
_HINT, _IDENTIFIER, _SECRET = "\x1b[7;36m", "\x1b[7;33m", "\x1b[7;31m"
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
    form.add_argument(
        "--redact", action="store_true", help="print the text with a surrogate in place of each identifier"
    )
    parser.add_argument("--jsonl", action="store_true", help="the input is one JSON object a line; so is the output")
    parser.add_argument("--field", metavar="NAME", help="with --jsonl: the field that holds the text (default: text)")
    parser.add_argument("--tier", choices=_TIERS, default="names", help="how deep to look (default: names)")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="policy file (default: privet.toml here, else the user's)"
    )
    parser.add_argument("--kinds", metavar="KIND,KIND", help="show these kinds only")
    parser.add_argument(
        "--surrogate", choices=_SURROGATES, help="with --redact: what stands for an identifier (default: label)"
    )
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="with --redact: 32 secret bytes, raw or as 64 hexadecimal digits"
    )
    parser.add_argument(
        "--subject", metavar="NAME", help="with --redact: whose text it is, where a surrogate depends on it"
    )
    parser.set_defaults(run=run)


class _Redaction(NamedTuple):
    """How to redact: the keywords of `redact`."""

    surrogate: SurrogateName
    key: bytes | None
    subject: str
    policy: Policy
    tier: TierName


def run(options: argparse.Namespace) -> int:
    """Read, detect, show."""
    _refuse_idle_flags(options)
    policy = load(options).policy
    kinds = _kinds(options.kinds, policy)
    detector = Detector(policy.detect, options.tier)
    how = None
    if options.redact:
        key = read_key(options.key_file) if options.key_file else None
        how = _Redaction(options.surrogate or "label", key, options.subject or "", policy, options.tier)
    with Progress(sys.stderr) as progress:
        if options.jsonl:
            lines = JsonLines(sys.stdin.buffer, sys.stdout.buffer, options.field or "text")
            if how:
                return int(lines.rewrite(partial(redact_all, **how._asdict()), progress))
            return int(lines.add_spans(detector, kinds, progress))
        text = _text(sys.stdin.buffer, progress)
        if how:
            found = _write(_redacted(text, how))
        else:
            plain = options.json or not Style.of(sys.stdout).colour
            found = _shown(_segments(text, detector), kinds, _as_json if plain else coloured, progress)
    sys.stdout.buffer.flush()
    return int(found)


def _refuse_idle_flags(options: argparse.Namespace) -> None:
    """Refuse a flag that would do nothing: whoever wrote it believes that it does."""
    for flag, needs in (("surrogate", "redact"), ("key_file", "redact"), ("subject", "redact"), ("field", "jsonl")):
        if getattr(options, flag) is not None and not getattr(options, needs):
            raise BadInput(f"--{flag.replace('_', '-')} does nothing without --{needs}", hint=f"add --{needs}")
    if options.surrogate in _KEYED and options.key_file is None:
        raise BadInput(f"the surrogate {options.surrogate} needs a key", hint=f"add --key-file; {MAKE_KEY}")
    if options.kinds is not None and options.redact:
        raise BadInput("--kinds narrows what is shown, and redaction takes everything", hint="leave one of them out")


def _kinds(listed: str | None, policy: Policy) -> frozenset[str] | None:
    if listed is None:
        return None
    kinds = frozenset(part.strip() for part in listed.split(",") if part.strip())
    known = policy.detect.kinds
    if not kinds or not kinds <= known:
        raise BadInput("--kinds names a kind that is not looked for", hint=f"known: {', '.join(sorted(known))}")
    return kinds


def _text(stream: BinaryIO, progress: Progress) -> Iterator[str]:
    """Yield standard input in pieces.

    Raises:
        BadInput: it is not UTF-8.

    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    done = 0
    while True:
        # Whatever has arrived: a pipe may be slow, and its reader should see what is known.
        sys.stdout.buffer.flush()
        chunk = stream.read1(_CHUNK_BYTES)  # type: ignore[attr-defined]
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            # The error itself holds the input, so it is not chained.
            raise BadInput(
                f"expected UTF-8 on standard input, found another encoding at byte {done - pending + error.start}",
                hint="convert it first, for example with iconv -t utf-8",
            ) from None
        if text:
            yield text
        if not chunk:
            return
        done += len(chunk)
        progress.step(done)


def _segments(text: Iterable[str], detector: Detector) -> Iterator[Segment]:
    if detector.reads_whole_texts:
        whole = "".join(text)
        yield whole, detector.find(whole)
        return
    stream = SpanStream(detector)
    for piece in text:
        yield from stream.feed(piece)
    yield from stream.close()


def _shown(
    segments: Iterable[Segment],
    kinds: frozenset[str] | None,
    show: Callable[[str, Iterable[Span], int], str],
    progress: Progress,
) -> bool:
    """Write what is found, piece by piece; tell whether there was anything."""
    start, count = 0, 0
    last = ""
    for text, found in segments:
        spans = [span for span in found if kinds is None or span.kind in kinds]
        count += len(spans)
        progress.found = count
        shown = show(text, spans, start)
        if shown:
            with progress.aside():
                sys.stdout.buffer.write(shown.encode())
            last = shown
        start += len(text)
    if show is coloured and not last.endswith("\n"):
        sys.stdout.buffer.write(b"\n")
    return count > 0


def _as_json(_text: str, spans: Iterable[Span], start: int) -> str:
    return "".join(
        json.dumps(span._replace(start=span.start + start, end=span.end + start)._asdict()) + "\n" for span in spans
    )


def _redacted(text: Iterable[str], how: _Redaction) -> Iterator[tuple[str, str]]:
    """Yield pieces of the input with pieces of the output; the pieces do not match, joined they do."""
    if how.tier == "deep":
        whole = "".join(text)
        yield whole, redact(whole, **how._asdict())
        return
    stream = RedactStream(**how._asdict())
    for piece in text:
        yield piece, stream.feed(piece)
    yield "", stream.close()


def _write(pieces: Iterable[tuple[str, str]]) -> bool:
    """Write the output; tell whether it differs from the input, of which no more is kept than is waiting."""
    waiting, ahead, same = "", "", True
    for given, made in pieces:
        sys.stdout.buffer.write(made.encode())
        if same:
            waiting, ahead = waiting + given, ahead + made
            size = min(len(waiting), len(ahead))
            same = waiting[:size] == ahead[:size]
            waiting, ahead = waiting[size:], ahead[size:]
    return not same or waiting != ahead


def coloured(text: str, spans: Iterable[Span], _start: int = 0) -> str:
    """Return the text for a terminal: spans reversed with their kind behind, control characters made harmless.

    What the names model finds is cyan, secrets are red, all other identifiers yellow.
    """
    return replace_spans(
        _harmless(text), spans, lambda span, value: f"{_colour(span.kind)}{value}{_RESET}{_DIM} {span.kind}{_RESET}"
    )


def _colour(kind: str) -> str:
    return _SECRET if kind in _SECRETS else _HINT if kind in NAMES_KINDS else _IDENTIFIER


def _harmless(text: str) -> str:
    """Replace control characters, which could rewrite the terminal, one for one, so that spans keep their places."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
