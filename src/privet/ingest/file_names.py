"""Names of files, folders and members: text like any other, without identifiers.

Invariants:

- A name without a person, an address or a number in it stays as it is: the tree of the output mirrors that of the input.
- Words are looked at as they stand and with their joints (`_`, `-`, `.`) read as spaces; the extension stays, unless it is a surname.
- A cleaned name is one component: no separator, no dots alone, not hidden unless it was.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

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
_UNPRINTABLE: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))


class Clean(NamedTuple):
    """A name without identifiers, and the kinds of those that it held."""

    name: str
    kinds: tuple[str, ...]

    def counted(self, texts: Texts) -> str:
        """Return the name, with what was found in it counted."""
        for kind in self.kinds:
            texts.count(_PLACE, kind)
        return self.name


class _Name(NamedTuple):
    """A component of a path, split at its extension."""

    stem: str
    extension: str

    def readings(self) -> list[str]:
        """Return the texts that the component may be read as, each with its places."""
        spaced = _JOINTS.sub(" ", self.stem)
        titled = spaced.title()
        return sorted({self.stem + self.extension, self.stem, spaced, titled if len(titled) == len(spaced) else spaced})


def clean_component(name: str, texts: Texts) -> str:
    """Return one component of a path without identifiers."""
    return _components([name], texts)[0].counted(texts)


def _components(names: Sequence[str], texts: Texts) -> list[Clean]:
    """Return components of paths without identifiers, all looked at together."""
    split = _split([tfevents.clean_name(name) for name in names], texts)
    read = [name.readings() if name.stem.strip("._- ") else [] for name in split]
    found = iter(texts.spans([text for readings in read for text in readings]))
    return [
        _cleaned(name, dict(zip(readings, found, strict=False))) for name, readings in zip(split, read, strict=True)
    ]


def _cleaned(name: _Name, found: Mapping[str, Sequence[Span]]) -> Clean:
    """Return a component with what was found in its readings replaced."""
    stem = name.stem
    counted = {span for text, spans in found.items() for span in spans if _counts(span, text, len(stem))}
    # Of two readings' spans the patterns' come first, as an address holds the name of its owner.
    spans = settled(stem, sorted(counted))
    for span in reversed(spans):
        stem = stem[: span.start] + span.kind + stem[span.end :]
    return Clean(stem + name.extension, tuple(span.kind for span in spans))


def _split(names: Sequence[str], texts: Texts) -> list[_Name]:
    """Split names at their extensions; what looks like one may be a part of somebody's name: `john.smith`."""
    out = []
    doubtful: dict[int, str] = {}
    for at, name in enumerate(names):
        found = _EXTENSION.search(name)
        extension = found[0] if found and found.start() and found[0].lower() not in _DOMAINS else ""
        out.append(_Name(name.removesuffix(extension), extension))
        spaced = _JOINTS.sub(" ", name).title()
        if extension and not is_ending(extension.rpartition(".")[2]) and len(spaced) == len(name):
            doubtful[at] = spaced
    for (at, spaced), spans in zip(doubtful.items(), texts.spans(list(doubtful.values())), strict=True):
        name = names[at]
        if any(span.end > len(out[at].stem) and _counts(span, spaced, len(name)) for span in spans):
            out[at] = _Name(name, "")
    return out


def _counts(span: Span, text: str, length: int) -> bool:
    """Tell whether a span in a name is one: a person takes two words, as `paris`, `will` and `grace` name files of other things."""
    if span.start >= length:
        return False
    if span.kind in NAMES_KINDS:
        words = _WORD.findall(text[span.start : span.end])
        return span.kind == "PERSON" and len(words) > 1 and span.score >= _MIN_SCORE
    return True


def clean_paths(paths: Sequence[str], texts: Texts) -> list[Clean]:
    """Return relative paths without identifiers, component by component; all are looked at together, and nothing is counted yet."""
    split = [PurePosixPath(path).parts for path in paths]
    known = list(dict.fromkeys(part for parts in split for part in parts))
    clean = dict(zip(known, _components(known, texts), strict=True))
    return [
        Clean(
            str(PurePosixPath(*(clean[part].name for part in parts))),
            tuple(kind for part in parts for kind in clean[part].kinds),
        )
        for parts in split
    ]


def clean_path(path: str, texts: Texts) -> str:
    """Return a relative path without identifiers."""
    return clean_paths([path], texts)[0].counted(texts)


def printable(name: str) -> str:
    """Return a name as text: bytes that are no UTF-8 and characters that control a terminal become `_`."""
    return "".join("_" if unicodedata.category(char) in _UNPRINTABLE else char for char in name)
