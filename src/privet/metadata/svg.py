"""SVG: shapes, styles and texts stay; what an editor, a camera or a script left behind goes, and nothing is loaded from elsewhere.

Invariants:

- Only elements and attributes that SVG draws with are kept; those of editors (Inkscape, Illustrator, Sketch, Figma) are not.
- A picture inside is cleaned like a file of its own. A name of a shape that holds an identifier becomes a number, everywhere.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import BinaryIO, Final

from privet.metadata.embedded import data_url, is_data_url
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.markup import windows
from privet.metadata.passage import ENTITY, PERCENT
from privet.metadata.style import rewritten_style
from privet.metadata.svg_words import ATTRIBUTES, ELEMENTS, GEOMETRY, XHTML_ELEMENTS
from privet.metadata.text import chunks
from privet.metadata.xml import Document, checked, encoding, write

_MAX_CHARS: Final = 256 * MIB
_SVG: Final = "http://www.w3.org/2000/svg"
_XHTML: Final = "http://www.w3.org/1999/xhtml"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_NUMBERS: Final = re.compile(
    r"(?:[-+0-9.,\s;%]|[MmZzLlHhVvCcSsQqTtAaEe](?![a-zA-Z])|(?:matrix|translate|scale|rotate|skewX|skewY)\(|\)|(?:px|pt|em|mm|cm|in|ms|s)\b)*+"
)
_ATTRIBUTE: Final = re.compile(r"\s*+([^\s=\"']++)\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)')")
_ID: Final = re.compile(r"\sid\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_REFERENCE: Final = re.compile(r"(#)([^\s\"'()#;,{}]+)|\b([\w-]+)(?=\.(?:click|begin|end|mouse|focus)\w*)")
_WORDS: Final = str.maketrans("_-.:", "    ")
_URL: Final = re.compile(r"url\(\s*[\"']?(?!#|\s|[\"'])[^)]*\)?", re.IGNORECASE)
_WEB: Final = re.compile(r"\s*(?:https?:|mailto:|tel:)", re.IGNORECASE)


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a drawing with its identifiers replaced."""
    codec, mark = encoding(source)
    entities = checked(chunks(source, codec, len(mark)))
    whole: list[str] = []
    size = 0
    for piece in chunks(source, codec, len(mark)):
        whole.append(piece)
        size += len(piece)
        if size > _MAX_CHARS:
            raise CannotClean(f"a drawing larger than {_MAX_CHARS // MIB} MiB")
    text = "".join(whole)
    target.write(mark)
    drawing = _Drawing(job, lambda new: write(target, new, codec), entities, _names(text, job))
    windows(iter((text,)), drawing.step, max(size, 1))
    drawing.close()


def _names(text: str, job: Job) -> dict[str, str]:
    """Return the ids that hold identifiers, and what they become."""
    ids = list(dict.fromkeys(html.unescape(found[1] or found[2] or "") for found in _ID.finditer(text)))
    as_words = [name.translate(_WORDS) for name in ids]
    plain, words = job.rewrite(ids, "name"), job.rewrite(as_words, "name")
    new: dict[str, str] = {}
    taken = set(ids)
    number = 0
    for name, spaced, first, second in zip(ids, as_words, plain, words, strict=True):
        if first == name and second == spaced:
            continue
        number += 1
        while f"id-{number}" in taken:
            number += 1
        new[name] = f"id-{number}"
    return new


class _Drawing(Document):
    """A drawing as it is read."""

    def __init__(
        self, job: Job, write_text: Callable[[str], None], entities: dict[str, str], names: dict[str, str]
    ) -> None:
        super().__init__(job, write_text, entities)
        self._names = names
        self._scopes: list[dict[str, str]] = [{}]
        self._open: list[str] = []
        self._line = ""

    def text(self, source: str, codings: tuple[object, ...]) -> None:
        """Take a text; style sheets are no prose."""
        if self._open and self._open[-1] == "style":
            style = self._renamed(html.unescape(source) if codings else source)
            new = rewritten_style(style, self.job, is_local=True)
            self.sheet.keep(html.escape(new, quote=False) if codings else new)
            return
        super().text(source, codings)

    def _tag(self, found: re.Match[str]) -> None:
        name = found[3].rpartition(":")[2]
        if name == "tspan" and not found[2] and not self.skipping:
            # Words on another line are other words; letters that are set apart are not.
            line = next((at[2] or at[3] or "" for at in _ATTRIBUTE.finditer(found[4]) if at[1] == "y"), self._line)
            if line != self._line or re.search(r"\bdy\s*=\s*[\"']\s*[-.0-9]*[1-9]", found[4]) is not None:
                self.sheet.gap("\n")
            self._line = line
        elif name == "text":
            self.sheet.gap("\n")
            self._line = next((at[2] or at[3] or "" for at in _ATTRIBUTE.finditer(found[4]) if at[1] == "y"), "")
        super()._tag(found)

    def dropped(self, name: str, _whole: str) -> str:
        """Return what an element that is not drawn is called."""
        prefix, _, local = name.rpartition(":")
        namespace = self._scope(_whole, len(name)).get(prefix, "" if prefix else _SVG)
        if self._is_drawn(namespace, local):
            return ""
        return local if local in ("metadata", "script") else "foreign element"

    def _scope(self, whole: str, name_chars: int) -> dict[str, str]:
        """Return the namespaces of the prefixes inside a start tag."""
        if "xmlns" not in whole:
            return self._scopes[-1]
        new = {
            found[1][6:]: self.expanded(found[2] if found[2] is not None else found[3])
            for found in _ATTRIBUTE.finditer(whole, name_chars + 1)
            if found[1] == "xmlns" or found[1].startswith("xmlns:")
        }
        return {**self._scopes[-1], **new}

    def start(self, name: str, whole: str, rest: str) -> None:
        """Take the start tag of an element that is drawn."""
        scope = self._scope(whole, len(name))
        local = name.rpartition(":")[2]
        if not rest.endswith("/"):
            self._scopes.append(scope)
            self._open.append(local)
        attributes = [
            (at[1], at[2] if at[2] is not None else at[3], at) for at in _ATTRIBUTE.finditer(whole, len(name) + 1)
        ]
        self._write_tag(whole, local, attributes, scope)

    def _is_drawn(self, namespace: str, local: str) -> bool:
        if namespace == _SVG:
            return local in ELEMENTS
        return namespace == _XHTML and local in XHTML_ELEMENTS and "foreignObject" in self._open

    def _write_tag(
        self, whole: str, local: str, attributes: list[tuple[str, str, re.Match[str]]], scope: dict[str, str]
    ) -> None:
        sheet = self.sheet
        last = 0
        for key, value, found in attributes:
            start = found.start(2) if found[2] is not None else found.start(3)
            sheet.keep(whole[last : found.start()])
            last = found.end()
            new = self._attribute(local, key, value, scope)
            if new is None:
                continue
            sheet.keep(whole[found.start() : start])
            if new == value and not self._is_safe(key, value):
                sheet.value(value, *((ENTITY, PERCENT) if key.endswith("href") else (ENTITY,)))
            else:
                sheet.keep(new)
            sheet.keep(whole[start + len(value) : found.end()])
        sheet.keep(whole[last:])

    def _is_safe(self, key: str, value: str) -> bool:
        if key in ("style", "id") or key.startswith("xmlns"):
            return True
        if key in GEOMETRY and _NUMBERS.fullmatch(value) is not None:
            return True
        return (
            re.fullmatch(r"[a-z-]{0,24}|[-.0-9]{0,5}|#[0-9a-fA-F]{3,8}|url\(#[\w.-]{1,40}\)|#[\w.-]{0,40}", value)
            is not None
        )

    def _attribute(self, local: str, key: str, value: str, scope: dict[str, str]) -> str | None:
        """Return an attribute's value as it is to be written, or None where it is dropped."""
        value_kept = self.expanded(value)
        if key == "xmlns" or key.startswith("xmlns:"):
            is_known = value_kept in (_SVG, _XHTML, _XLINK)
            self.job.dropped("editor data", not is_known)
            return value_kept if is_known else None
        prefix, _, bare = key.rpartition(":")
        if prefix and prefix != "xml" and scope.get(prefix) == _XLINK:
            if bare not in ("href", "title"):
                return None
        elif key not in ATTRIBUTES:
            self.job.dropped("event handler" if key.startswith("on") else "editor data")
            return None
        return self._kept(local, key, bare, value_kept)

    def _kept(self, local: str, key: str, bare: str, value: str) -> str | None:
        shown = html.unescape(value)
        if bare in ("href", "src"):
            return self._reference(local, value)
        if key == "id":
            return self._names.get(shown, value)
        if key == "style":
            new = rewritten_style(self._renamed(shown), self.job, is_local=True)
            return value if new == shown else html.escape(new)
        if "url(" in value and _URL.search(shown) is not None:
            self.job.dropped("external reference")
            return None
        return self._renamed(value, is_list=key.startswith("aria-"))

    def _reference(self, local: str, value: str) -> str | None:
        shown = html.unescape(value)
        if is_data_url(shown):
            new = data_url(shown, self.job)
            return value if new == shown else html.escape(new)
        if shown.startswith("#"):
            return self._renamed(value)
        if local == "a" and _WEB.match(shown) is not None:
            return value
        self.job.dropped("external reference")
        return None

    def _renamed(self, value: str, *, is_list: bool = False) -> str:
        if not self._names:
            return value
        if is_list:
            return " ".join(self._names.get(word, word) for word in value.split(" "))
        return _REFERENCE.sub(
            lambda found: (found[1] or "") + self._names.get(found[2] or found[3], found[2] or found[3]), value
        )

    def end(self, whole: str) -> None:
        """Take an end tag."""
        self._scopes.pop()
        self._open.pop()
        super().end(whole)

    def instruction(self, source: str) -> None:
        """Take a processing instruction; a style sheet from elsewhere is not loaded."""
        if source.startswith("xml-stylesheet"):
            self.job.dropped("external reference")
        else:
            super().instruction(source)
