"""YAML text → documents of nodes that know where they stand.

Invariants:

- Never raises on any text: what cannot be read is a note with its line, and the other documents are read.
- Bounded: aliases are followed until a document has 200,000 nodes, counted with repetition; deeper than 60 levels nothing is read.
- Places are offsets in code points of the text as given, with its byte order mark; of a value they exclude its anchor and tag.
- Merge keys (`<<`) are resolved and of a repeated key the last value counts.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from privet.check.facts import Note
from privet.check.pattern import regex
from privet.check.yaml_templates import HOLE, blanked, has_jinja

MAX_NODES: Final = 200_000
MAX_DEPTH: Final = 60
MAX_NOTES: Final = 20
MAX_CHARACTERS: Final = 8_000_000
_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
_PROPERTY: Final = regex(r"(?:[&!]\S*[ \t\r\n]+)+")
_FORBIDDEN: Final = regex("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HOLES: Final = regex(f"{HOLE}+")
_DOCUMENT: Final = regex(r"^---(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """The file in which a node stands."""

    path: str
    text: str = field(repr=False)


class Scalar(NamedTuple):
    """A value as the program reads it; "" for null, None where it is known only at run time."""

    value: str | None
    start: int
    end: int
    source: Source
    style: str = ""
    """The quote, or `|` and `>` of a block; "" when plain."""
    tag: str = ""

    def __repr__(self) -> str:
        return f"Scalar({self.source.path}:{self.start}-{self.end})"

    @property
    def size(self) -> int:
        """How many nodes it counts for."""
        return 1

    @property
    def text(self) -> str:
        """The value, "" where it is not known."""
        return self.value or ""


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    items: tuple[Node, ...]
    start: int
    end: int
    source: Source
    tag: str = ""
    size: int = 1


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping with scalar keys."""

    pairs: dict[str, tuple[Scalar, Node]]
    start: int
    end: int
    source: Source
    tag: str = ""
    size: int = 1

    def get(self, *names: str) -> Node | None:
        """Return the value below a path of keys, or None."""
        node: Node | None = self
        for name in names:
            if not isinstance(node, Mapping) or name not in node.pairs:
                return None
            node = node.pairs[name][1]
        return node

    def text(self, *names: str) -> str:
        """Return the scalar below a path of keys, "" where there is none or its value is not known."""
        node = self.get(*names)
        return node.text if isinstance(node, Scalar) else ""

    def mapping(self, *names: str) -> Mapping:
        """Return the mapping below a path of keys; an empty one where there is none."""
        node = self.get(*names)
        return node if isinstance(node, Mapping) else Mapping({}, self.start, self.start, self.source)

    def items(self, *names: str) -> tuple[Node, ...]:
        """Return the items of the sequence below a path of keys; a lone scalar is one item."""
        node = self.get(*names)
        if isinstance(node, Items):
            return node.items
        return (node,) if isinstance(node, Scalar) and (node.value is None or node.value) else ()


Node = Scalar | Items | Mapping


def documents(path: str, text: str, written: str = "") -> tuple[list[Node], list[Note]]:
    """Return the documents of a text, in order, and notes on what could not be read.

    `written` is what the file says where `text` was made from it, of the same length: notes give its lines.
    """
    source, written = Source(path, text), written or text
    if len(text) > MAX_CHARACTERS:
        return [], [Note(path, 1, f"more than {MAX_CHARACTERS:,} characters of YAML: not read")]
    found, error = _parsed(source, text, 0, written)
    if error is not None and has_jinja(text):
        text = blanked(text)
        source = Source(path, text)
        found, error = _parsed(source, text, 0, written)
    if error is None:
        return found[0], found[1]
    # A broken document ends the stream: each is read on its own then.
    nodes: list[Node] = []
    notes: list[Note] = []
    starts = [0, *(mark.start() for mark in _DOCUMENT.finditer(text) if mark.start())]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        (some, more), error = _parsed(source, text[start:end], start, written)
        if error is None:
            nodes.extend(some)
            notes.extend(more)
        elif len(notes) < MAX_NOTES:
            line = written.count("\n", 0, error[0]) + 1
            notes.append(Note(path, line, f"not read as YAML: {error[1]}"))
    return nodes, notes


def _parsed(
    source: Source, text: str, offset: int, written: str
) -> tuple[tuple[list[Node], list[Note]], tuple[int, str] | None]:
    """Return nodes and notes; where the text is broken, the place and what is wrong."""
    yaml: Any = importlib.import_module("yaml")  # ships no type information
    builder = _Builder(source, offset, written)
    if text.startswith("\ufeff"):  # the parser does not count it
        text = text[1:]
        builder.offset += 1
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.add(event)
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark.index if error.problem_mark else 0
        return ([], []), (offset + place, error.problem or "broken")
    except (yaml.YAMLError, UnicodeError):
        found = _FORBIDDEN.search(text)
        return ([], []), (offset + (found.start() if found else 0), "a character that YAML does not allow")
    return (builder.documents, builder.notes), None


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come."""

    start: int
    tag: str
    anchor: str | None
    is_mapping: bool
    nodes: list[Node] = field(default_factory=list)
    size: int = 1


_KINDS: Final = {
    "ScalarEvent": "scalar",
    "MappingStartEvent": "mapping",
    "SequenceStartEvent": "sequence",
    "MappingEndEvent": "end",
    "SequenceEndEvent": "end",
    "AliasEvent": "alias",
    "DocumentStartEvent": "document",
}


class _Builder:
    """Events in, nodes out; without recursion."""

    def __init__(self, source: Source, offset: int, written: str) -> None:
        self.offset = offset
        self._written = written
        self.documents: list[Node] = []
        self.notes: list[Note] = []
        self._source = source
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._repeated = 0

    def add(self, event: Any) -> None:
        kind = _KINDS.get(type(event).__name__)
        if kind == "scalar":
            self._scalar(event)
        elif kind in {"mapping", "sequence"}:
            self._stack.append(
                _Open(
                    event.start_mark.index + self.offset,
                    _tag_of(event.tag),
                    event.anchor,
                    kind == "mapping",
                )
            )
            if len(self._stack) == MAX_DEPTH:
                self._note(event, f"nested deeper than {MAX_DEPTH} levels: not read below")
        elif kind == "end":
            self._close(event)
        elif kind == "alias":
            self._alias(event)
        elif kind == "document":
            self._anchors = {}
            self._repeated = 0

    def _note(self, event: Any, message: str) -> None:
        line = self._written.count("\n", 0, event.start_mark.index + self.offset) + 1
        self.notes.append(Note(self._source.path, line, message))

    def _put(self, node: Node, anchor: str | None, size: int = 1) -> None:
        if anchor:
            self._anchors[anchor] = node
        if self._stack:
            self._stack[-1].nodes.append(node)
            self._stack[-1].size += size
        else:
            self.documents.append(node)

    def _scalar(self, event: Any) -> None:
        start, end = event.start_mark.index + self.offset, event.end_mark.index + self.offset
        text = self._source.text
        style = event.style or ""
        if event.anchor or event.tag:
            found = _PROPERTY.match(text, start, end)
            start = found.end() if found else start
        if style in {"|", ">"}:
            end = start + len(text[start:end].rstrip())
        value = event.value
        if HOLE in value:
            value = _HOLES.sub(lambda hole: "$".ljust(len(hole[0]), "_"), value) if style in {"|", ">"} else None
        if not style and value in _NULLS and not event.tag:
            value = ""
        self._put(Scalar(value, start, end, self._source, style, _tag_of(event.tag)), event.anchor)

    def _close(self, event: Any) -> None:
        opened = self._stack.pop()
        end = event.end_mark.index + self.offset
        end = opened.start + len(self._source.text[opened.start : end].rstrip())
        nodes = opened.nodes if len(self._stack) < MAX_DEPTH else []
        size = opened.size if nodes else 1
        node: Node
        if nodes and opened.is_mapping and self._source.text.startswith("{{", opened.start):
            node = Scalar(None, opened.start, end, self._source)  # an expression of a template, read as two mappings
        elif opened.is_mapping:
            pairs = _pairs(nodes)
            node = Mapping(pairs, opened.start, end, self._source, opened.tag, size)
        else:
            node = Items(tuple(nodes), opened.start, end, self._source, opened.tag, size)
        self._put(node, opened.anchor, size)

    def _alias(self, event: Any) -> None:
        start, end = event.start_mark.index + self.offset, event.end_mark.index + self.offset
        node = self._anchors.get(event.anchor)
        if node is not None and self._repeated + node.size <= MAX_NODES:
            self._repeated += node.size
            self._put(node, None, node.size)
            return
        if node is not None and self._repeated <= MAX_NODES:
            self._repeated = MAX_NODES + 1
            self._note(event, f"aliases repeat more than {MAX_NODES:,} nodes: not followed from here")
        self._put(Scalar(None, start, end, self._source), None)


def _tag_of(tag: str | None) -> str:
    return "" if tag is None or tag.startswith("tag:yaml.org") else tag


def _pairs(nodes: list[Node]) -> dict[str, tuple[Scalar, Node]]:
    own: dict[str, tuple[Scalar, Node]] = {}
    merged: list[Mapping] = []
    for key, value in zip(nodes[::2], nodes[1::2], strict=True):
        if not isinstance(key, Scalar):
            continue
        if key.value == "<<" and not key.style:
            merged.extend(part for part in _parts(value) if isinstance(part, Mapping))
        else:
            own[key.text] = (key, value)
    for mapping in merged:
        for name, pair in mapping.pairs.items():
            own.setdefault(name, pair)
    return own


def _parts(value: Node) -> Iterator[Node]:
    if isinstance(value, Items):
        yield from value.items
    else:
        yield value
