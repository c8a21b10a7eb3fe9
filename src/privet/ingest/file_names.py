"""Names of files, folders and members: text like any other, without identifiers.

Invariants:

- A name without a person, an address or a number in it stays as it is: the tree of the output mirrors that of the input.
- Words are looked at as they stand and with their joints (`_`, `-`, `.`) read as spaces; the extension stays, unless it is a surname.
- A cleaned name is one component: no separator, no dots alone, not hidden unless it was.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from privet.detect.engine import settled
from privet.ingest.texts import Texts
from privet.metadata import tfevents
from privet.metadata.sniff import is_ending
from privet.records import NAMES_KINDS, Span

_JOINTS: Final = re.compile(r"[_\-.+~]")
_EXTENSION: Final = re.compile(
    r"(?:\.(?:tar|csv|tsv|jsonl?|txt|xml|svg|sql|mbox|out))?\.(?:[A-Za-z][A-Za-z0-9]{0,10}|7z|3gp)\Z"
)
_DOMAINS: Final = frozenset((".com", ".org", ".net", ".edu", ".gov", ".info", ".biz"))
"""Endings of addresses that end no file's name."""
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_PLACE: Final = "file names"
_MIN_SCORE: Final = 0.6


def clean_component(name: str, texts: Texts) -> str:
    """Return one component of a path without identifiers."""
    name = tfevents.clean_name(name)
    found = _EXTENSION.search(name)
    extension = found[0] if found and found.start() and found[0].lower() not in _DOMAINS else ""
    if extension and not is_ending(extension.rpartition(".")[2]) and _ends_in_person(name, len(extension), texts):
        extension = ""
    stem = name.removesuffix(extension) if extension else name
    if not stem.strip("._- "):
        return name
    spaced = _JOINTS.sub(" ", stem)
    titled = spaced.title()
    readings = {name, stem, spaced, titled if len(titled) == len(stem) else spaced}
    found_spans = [span for text in sorted(readings) for span in texts.spans(text) if _counts(span, text, len(stem))]
    # Of two readings' spans the patterns' come first, as an address holds the name of its owner.
    for span in reversed(settled(stem, sorted(set(found_spans)))):
        end = min(span.end, len(stem))
        stem = stem[: span.start] + span.kind + stem[end:]
        texts.count(_PLACE, span.kind)
    return stem + extension


def _ends_in_person(name: str, ending: int, texts: Texts) -> bool:
    """Tell whether what looks like an extension is a part of somebody's name: `john.smith`."""
    spaced = _JOINTS.sub(" ", name).title()
    return len(spaced) == len(name) and any(
        span.end > len(name) - ending and _counts(span, spaced, len(name)) for span in texts.spans(spaced)
    )


def _counts(span: Span, text: str, length: int) -> bool:
    """Tell whether a span in a name is one: a person takes two words, as `paris`, `will` and `grace` name files of other things."""
    if span.start >= length:
        return False
    if span.kind in NAMES_KINDS:
        words = _WORD.findall(text[span.start : span.end])
        return span.kind == "PERSON" and len(words) > 1 and span.score >= _MIN_SCORE
    return True


def clean_path(path: str, texts: Texts) -> str:
    """Return a relative path without identifiers, component by component."""
    return str(PurePosixPath(*(clean_component(part, texts) for part in PurePosixPath(path).parts)))
