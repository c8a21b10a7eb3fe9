"""The objects of a PDF walked from its pages, each key kept only if it is on the list for its kind.

Invariants:

- Allow-list: a key that no table names is deleted; a value that is not of the form the table says is deleted. What nothing kept
  refers to is not written, so it is gone.
- Strings are kept in four places only: texts a person reads (given to `Pending`), font and colour names of fixed form, palettes
  cut at their size, and content streams, which `pdf_content` reads.
- The walk has its own stack, and visits an object once for each kind it is used as.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Stream, String

from privet.edits import Edit, edited
from privet.metadata.job import CannotClean, Job
from privet.metadata.pdf_layers import Layers
from privet.metadata.pdf_streams import decoded_whole
from privet.metadata.pdf_values import spelled, written

Rule = Callable[["Tree", Object, str, object], object]
"""(tree, owner, key, value) → the value to keep, `None` to delete the key."""

_CODE: Final = re.compile(r"[\w./+ #-]{0,120}\Z", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4}\Z")
_TELLING: Final = re.compile(rb"/[^\0\t\n\f\r ()<>\[\]{}/%]{0,200}?(?:@|#40|\d{6})")
_STREAM_KEYS: Final = frozenset({"/Length", "/Filter", "/DecodeParms"})


class Pending:
    """Texts waiting to be looked at together, and what is to be done with their edits."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.waiting: dict[str, list[tuple[str, Callable[[list[Edit]], None]]]] = {}

    def add(self, place: str, text: str, done: Callable[[list[Edit]], None]) -> None:
        """Have `done` called with the edits of a text."""
        if text:
            self.waiting.setdefault(place, []).append((text, done))

    def flush(self) -> None:
        """Look at the texts, one call a place."""
        while self.waiting:
            place, entries = self.waiting.popitem()
            found = self.job.edits([text for text, _done in entries], place)
            for (_text, done), edits in zip(entries, found, strict=True):
                if edits:
                    done(edits)


@dataclass(slots=True)
class Tree:
    """The walk over one document."""

    pdf: pikepdf.Pdf
    job: Job
    pending: Pending
    layers: Layers
    tables: dict[str, dict[str, Rule]] = field(default_factory=dict)
    after: dict[str, Callable[[Tree, Object], None]] = field(default_factory=dict)
    """what is done with an object of a kind once its keys are clean"""
    pages: set[tuple[int, int]] = field(default_factory=set)
    fixed: set[tuple[int, int]] = field(default_factory=set)
    """the catalog and the list of pages, which are written anew"""
    destinations: dict[str, object] = field(default_factory=dict)
    roles: dict[str, Object] = field(default_factory=dict)
    """the standard type behind a structure type of the writer's own"""
    files: list[Object] = field(default_factory=list)
    """attached to a place on a page"""
    also: dict[tuple[int, int], list[tuple[str, str]]] = field(default_factory=dict)
    """what was taken out of a form field's value, and is to be taken out of the field's picture: old and new"""
    drawn: list[tuple[Object, str]] = field(default_factory=list)
    """streams that show: form, pattern, glyph"""
    seen: set[tuple[tuple[int, int], str]] = field(default_factory=set)
    todo: list[tuple[Object, str]] = field(default_factory=list)

    def push(self, value: object, kind: str) -> bool:
        """Have an object cleaned as one of a kind; False if it is no dictionary or stream."""
        if not isinstance(value, (Dictionary, Stream)) or value.objgen in self.fixed:
            return False
        if value.objgen in self.pages and kind != "page":
            # A broken reference must not have a page cleaned as something else.
            return False
        key = (value.objgen, kind)
        if value.is_indirect:
            if key in self.seen:
                return True
            self.seen.add(key)
        self.todo.append((value, kind))
        return True

    def walk(self) -> None:
        """Clean what was pushed and all it refers to."""
        while self.todo:
            owner, kind = self.todo.pop()
            self.prune(owner, self.tables[kind])
            action = self.after.get(kind)
            if action is not None:
                action(self, owner)

    def prune(self, owner: Object, table: dict[str, Rule]) -> None:
        """Delete the keys that a table does not name, and apply its rules to the others."""
        stream = isinstance(owner, Stream)
        for key, value in list(owner.items()):
            rule = table.get(key)
            if rule is None and stream and key in _STREAM_KEYS:
                rule = _coding if key == "/DecodeParms" else plain
            new = None if rule is None else rule(self, owner, key, value)
            if new is None:
                if key == "/AF":
                    # The files of a page or an element come along with those of the document.
                    self.files += [*value] if isinstance(value, Array) else [value]
                if key != "/Length":
                    delete(owner, key)
                self._note(key)
            elif new is not value:
                owner[key] = new

    def _note(self, key: str) -> None:
        what = _NOTED.get(key)
        if what is not None:
            self.job.dropped(what)


_NOTED: Final = {
    "/Metadata": "xmp", "/PieceInfo": "private data", "/Thumb": "thumbnail", "/AA": "action", "/LastModified": "date",
    "/XFA": "xfa form", "/CreationDate": "date", "/M": "date", "/RC": "rich text", "/Popup": "popup", "/OpenAction": "action",
}  # fmt: skip


def delete(owner: Object, key: str) -> None:
    """Delete a key; one that refers to nothing is listed but cannot be deleted, and is not written."""
    if key in owner:
        del owner[key]


def simple(value: object, depth: int = 8) -> bool:
    """Whether a value is made of numbers, names and arrays of them only."""
    if isinstance(value, Array):
        flat = value.unparse()
        if not any(mark in flat for mark in (b"(", b"<", b"R")):
            return True
        return depth > 0 and all(simple(item, depth - 1) for item in value)
    return not isinstance(value, (Dictionary, Stream, String, str, bytes))


def plain(tree: Tree, owner: Object, key: str, value: object) -> object:
    """Keep numbers, names and arrays of them."""
    if not simple(value):
        return None
    look_at_names(tree, owner, key, value)
    return value


def look_at_names(tree: Tree, owner: Object, key: str | int, value: object) -> None:
    """Have the names looked at that may say whose they are: names are words of a program, but for those with a sign of an identifier."""
    if isinstance(value, Array):
        if _TELLING.search(value.unparse()):
            for index, item in enumerate(value):
                look_at_names(tree, value, index, item)
        return
    name = spelled(value) if isinstance(value, Name) else ""
    if not _TELLING.search(name.encode("utf-8", "surrogateescape")):
        return

    def done(edits: list[Edit]) -> None:
        new = edited(name, [Edit(start + 1, end + 1, text) for start, end, text in edits])
        owner[key] = Name(new.encode("utf-8", "replace").decode("utf-8"))

    tree.pending.add("name", name[1:].encode("utf-8", "replace").decode("utf-8"), done)


def code(_tree: Tree, _owner: Object, _key: str, value: object) -> object:
    """Keep a short string of letters and numbers that programs read."""
    return value if isinstance(value, String) and _CODE.match(written(value)) else None


def language(_tree: Tree, _owner: Object, _key: str, value: object) -> object:
    """Keep the name of a language."""
    return value if isinstance(value, String) and _LANGUAGE.match(written(value)) else None


def text(place: str) -> Rule:
    """Keep a text with its edits made."""

    def rule(tree: Tree, owner: Object, key: str, value: object) -> object:
        if not isinstance(value, String):
            return value if isinstance(value, Name) else None
        told = written(value)

        def done(edits: list[Edit]) -> None:
            owner[key] = String(edited(told, edits))

        tree.pending.add(place, told, done)
        return String(told)

    return rule


def one(kind: str) -> Rule:
    """Keep a dictionary or stream of a kind."""
    return lambda tree, _owner, _key, value: value if tree.push(value, kind) else None


def each(rule: Rule) -> Rule:
    """Keep the items of an array that a rule keeps."""

    def kept(tree: Tree, owner: Object, key: str, value: object) -> object:
        if not isinstance(value, Array):
            return None
        items = [(item, rule(tree, owner, key, item)) for item in value]
        if all(item is new for item, new in items):
            return value
        return Array([new for _item, new in items if new is not None])

    return kept


def _refuse(_edits: list[Edit]) -> None:
    # Content streams call resources by these names.
    raise CannotClean("a resource of a page has an identifier for a name")


def table(rule: Rule) -> Rule:
    """Keep the values of a dictionary of any names that a rule keeps."""

    def kept(tree: Tree, _owner: Object, _key: str, value: object) -> object:
        if not isinstance(value, Dictionary):
            return None
        for name, item in list(value.items()):
            if _TELLING.search(name.encode("utf-8", "surrogateescape")):
                tree.pending.add("name", name[1:].encode("utf-8", "replace").decode("utf-8"), _refuse)
            new = rule(tree, value, name, item)
            if new is None:
                delete(value, name)
            elif new is not item:
                value[name] = new
        return value

    return kept


def either(*rules: Rule) -> Rule:
    """Keep a value as the first rule that keeps it says."""

    def kept(tree: Tree, owner: Object, key: str, value: object) -> object:
        found = (rule(tree, owner, key, value) for rule in rules)
        return next((new for new in found if new is not None), None)

    return kept


def keys(rule: Rule, names: str) -> dict[str, Rule]:
    """Return a table of these names, all with the same rule.

    >>> sorted(keys(plain, "Type Rect"))
    ['/Rect', '/Type']
    """
    return {f"/{name}": rule for name in names.split()}


def _coding(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    """The parameters of a stream's filters: numbers, and the shared segments of a JBIG2 picture."""
    found: Iterable[object] = value if isinstance(value, Array) else [value]
    for parameters in found:
        if isinstance(parameters, Dictionary):
            for name, item in list(parameters.items()):
                if name == "/JBIG2Globals" and tree.push(item, "data"):
                    continue
                if not simple(item):
                    delete(parameters, name)
    return value if isinstance(value, (Array, Dictionary)) else None


def rewritten(stream: Object, change: Callable[[bytes], bytes], limit: int) -> None:
    """Write a stream anew if its bytes change, or if something follows the packed bytes."""
    if isinstance(stream, Stream):
        data, whole = decoded_whole(stream, limit)
        new = change(data)
        if new != data or not whole:
            stream.write(new)


def named_tree(root: object, leaf: str, limit: int) -> Iterator[tuple[object, object]]:
    """Return the entries of a name tree (`leaf` "/Names") or number tree ("/Nums")."""
    todo = [root]
    seen: set[tuple[int, int]] = set()
    found = 0
    while todo and found < limit:
        node = todo.pop()
        if not isinstance(node, Dictionary) or (node.is_indirect and node.objgen in seen):
            continue
        seen.add(node.objgen)
        children = node.get("/Kids")
        if isinstance(children, Array):
            todo += reversed(list(children))
        items = node.get(leaf)
        if isinstance(items, Array):
            pairs = list(items)
            found += len(pairs)
            yield from zip(pairs[::2], pairs[1::2], strict=False)
