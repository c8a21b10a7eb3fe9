"""XML of any vocabulary and size: texts and attribute values are rewritten where they stand, comments and instructions go.

Invariants:

- What is not well-formed is refused. Nothing is fetched; an entity is put in where it is used if it is a short plain text, and refused
  otherwise, so no document grows.
- Names of elements and attributes stay; what is not edited or dropped is the same to the character.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final
from xml.parsers import expat

from privet.metadata.embedded import base64_text, data_url, is_data_url
from privet.metadata.html import rewritten_page
from privet.metadata.job import CannotClean, Job
from privet.metadata.markup import Sheet, windows
from privet.metadata.passage import ENTITY, SPACE
from privet.metadata.text import chunks, declared_encoding, one_reading

_HEAD_BYTES: Final = 512
_CHARSET: Final = re.compile(rb"<\?xml\b[^>]{0,200}?\bencoding\s{0,9}=\s{0,9}[\"']([\w.:-]{1,40})")
_TOKEN: Final = re.compile(
    r"([^<]*+)<(?:"
    r"(/?)([^\s/>!?\"'=]++)((?>[^>\"']++|\"[^\"]*\"|'[^']*')*+)>"
    r"|!--(?P<comment>(?:[^-]|-(?!->))*+)-->"
    r"|!\[CDATA\[(?P<cdata>(?:[^\]]|\](?!\]>))*+)\]\]>"
    r"|\?(?P<instruction>(?:[^?]|\?(?!>))*+)\?>"
    r"|!DOCTYPE(?P<doctype>(?>[^\[\]\"'>]++|\"[^\"]*\"|'[^']*')*+)"
    r"(?P<subset>\[(?><!--(?:[^-]|-(?!->))*+-->|<\?(?:[^?]|\?(?!>))*+\?>|\"[^\"]*\"|'[^']*'|[^\]\"'<]++|<(?!!--|\?))*+\]\s*+)?>"
    r")"
)
_ATTRIBUTE: Final = re.compile(r"([^\s=\"']++)\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)')")
_DOCTYPE: Final = re.compile(
    r"\s+([^\s\"']+)(?:\s+PUBLIC\s+\"(-//[\w .+/-]{1,80})\"\s+\"(https?://[\w./-]{1,120})\")?\s*"
)
_ENTITY_USE: Final = re.compile(r"&([^#;&\s]{1,64});")
_PLAIN_ENTITY: Final = re.compile(r"[^&%<]{0,256}")
_SAFE: Final = re.compile(r"[a-z_-]{0,16}|-?[0-9]{1,4}(?:\.[0-9]{1,4})?(?:px|pt|mm|em|%)?")
_STYLESHEET: Final = re.compile(r"xml-stylesheet\s")
_PAGE: Final = re.compile(
    r"<(?:!--|/?(?:a|b|blockquote|br|div|em|h[1-6]|i|img|li|p|pre|span|strong|table|td|tr|u|ul)[\s/>])", re.IGNORECASE
)
_INLINE: Final = frozenset(
    "a abbr acronym b bold br code em emph emphasis foreign hi hyperlink i italic ital kbd link literal mark quote ref s small span "  # noqa: SIM905
    "strike strong sub subscript sup superscript t tspan textpath tt u ulink underline xref".split()
)
_METADATA: Final = frozenset(
    (
        "office:meta",
        "office:settings",
        "x:xmpmeta",
        "dc:creator",
        "dc:contributor",
        "meta:creator-initials",
        "cp:lastModifiedBy",
        "DocumentProperties",
        "o:DocumentProperties",
        "CustomDocumentProperties",
        "o:CustomDocumentProperties",
    )
)
"""Elements, by the prefixes that writers use, that say who made a document, and not what is in it."""
_WHO: Final = frozenset(("dc:creator", "dc:contributor", "cp:lastModifiedBy", "ss:Author", "w:author", "aml:author"))
"""Attributes that say the same."""
_ROOT_WHO: Final = frozenset(("creator", "author", "generator"))
_NOTE_WHO: Final = frozenset(("title", "name", "date", "creationdate", "inreplyto"))
"""of the notes of a PDF kept as XML (XFDF): who wrote them is their title"""
_TEXT: Final = (SPACE, ENTITY)
_MIN_BASE64_CHARS: Final = 64


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a document with its identifiers replaced."""
    codec, mark = encoding(source)
    entities = checked(chunks(source, codec, len(mark)))
    target.write(mark)
    document = Document(job, lambda text: write(target, text, codec), entities)
    windows(one_reading(chunks(source, codec, len(mark)), codec, job), document.step, job.limits.max_record_bytes)
    document.close()


def write(target: BinaryIO, text: str, codec: str) -> None:
    """Write text in the document's encoding; what it cannot say is written as a character reference."""
    target.write(text.encode(codec, "xmlcharrefreplace"))


def encoding(source: BinaryIO) -> tuple[str, bytes]:
    """Return a document's encoding and its byte order mark."""
    declared = _CHARSET.search(source.read(_HEAD_BYTES))
    source.seek(0)
    return declared_encoding(source, declared[1].decode("ascii") if declared else "")


def checked(pieces: Iterator[str]) -> dict[str, str]:
    """Read a document to its end and return the entities it declares.

    Raises:
        CannotClean: it is not well-formed, or declares entities that are more than a short text.

    """
    parser = expat.ParserCreate("utf-8")
    entities: dict[str, str] = {}

    def declared(name: str, is_parameter: int, value: str | None, *_rest: object) -> None:
        if is_parameter or value is None or _PLAIN_ENTITY.fullmatch(value) is None:
            raise CannotClean("it declares entities that are not plain text")
        entities.setdefault(name, value)

    parser.EntityDeclHandler = declared
    try:
        for piece in pieces:
            parser.Parse(piece.encode(), False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise CannotClean(f"not well-formed XML at line {error.lineno}") from None
    return entities


class Document:
    """A document as it is read: takes windows of source, gives pieces to the sheet. SVG says more about what is kept."""

    def __init__(self, job: Job, write_text: Callable[[str], None], entities: dict[str, str]) -> None:
        self.job = job
        self.sheet = Sheet(job, write_text)
        self._entities = {name: html.escape(value) for name, value in entities.items()}
        self._is_after_end = False
        self._is_after_text = False
        self._is_root = True
        self._who = self._writers = _WHO
        """attributes whose values go, of the tag that is read and of those below the root"""
        self.skipping = 0
        """how deep inside an element that is dropped"""

    def step(self, text: str, is_last: bool) -> int:
        """Take what is whole of the text and return how much that was."""
        at = 0
        while (found := _TOKEN.match(text, at)) is not None:
            at = found.end()
            if found[1] and not self.skipping:
                self._said(found[1])
            if found[3] is not None:
                self._tag(found)
            elif not self.skipping:
                self._other(found)
            if self.sheet.is_full:
                self.sheet.flush()
        if is_last:
            # Behind the root there is white space only, else the parser would have said so.
            if text[at:].strip("\ufeff \t\r\n"):
                raise CannotClean("not XML that can be read in parts")
            self.sheet.keep(text[at:])
            return len(text)
        return at

    def close(self) -> None:
        """Write what is left."""
        self.sheet.flush()

    def _said(self, source: str) -> None:
        """Take the text between two tags."""
        if self._entities:
            source = self.expanded(source)
        if source.isspace():
            self.sheet.say(source, _TEXT)
            return
        # Text right behind an end tag is one with the element before it: mixed content.
        self._is_after_end, self._is_after_text = False, True
        self.text(source, _TEXT)

    def text(self, source: str, codings: tuple[object, ...]) -> None:
        """Take a text that is not blank; without codings it stands in a CDATA section."""
        if len(source) >= _MIN_BASE64_CHARS and (new := base64_text(source, self.job)) is not None:
            self.sheet.keep(new)
            return
        shown = html.unescape(source) if codings else source
        if "<" in shown and _PAGE.search(shown) is not None:
            new = rewritten_page(shown, self.job)
            if new == shown:
                self.sheet.keep(source)
            elif codings:
                self.sheet.keep(html.escape(new, quote=False))
            else:
                self.sheet.keep(new.replace("]]>", "]]]]><![CDATA[>"))
            return
        self.sheet.say(source, _TEXT if codings else (SPACE,))

    def expanded(self, source: str) -> str:
        """Return source with the document's own entities put in."""
        if not self._entities or "&" not in source:
            return source
        return _ENTITY_USE.sub(lambda found: self._entities.get(found[1], found[0]), source)

    def _tag(self, found: re.Match[str]) -> None:
        is_end, name, rest = found[2], found[3], found[4]
        if self.skipping:
            self.skipping += -1 if is_end else 0 if rest.endswith("/") else 1
            return
        whole = found[0][found.end(1) - found.start() :]
        if not is_end and (what := self.dropped(name, whole)):
            self.job.dropped(what)
            self.skipping = 0 if rest.endswith("/") else 1
            return
        if rest.endswith("/") and not is_end:
            # An empty element is a break or a picture; nobody's name goes on behind it.
            self.sheet.gap("\n")
        if name.rpartition(":")[2].lower() not in _INLINE:
            # A start tag behind text stands within it; one behind another tag begins something else.
            if self._is_after_end or not (is_end or self._is_after_text):
                self.sheet.gap("\n")
            self._is_after_end = bool(is_end)
        self._is_after_text = False
        if is_end:
            self.end(whole)
        else:
            self.start(name, whole, rest)

    def dropped(self, name: str, _whole: str) -> str:
        """Return what an element that goes with all that is in it is called, or "" for one that stays."""
        is_root, self._is_root = self._is_root, False
        if is_root:
            self._writers = _WHO | (_NOTE_WHO if name == "xfdf" else _WHO)
        self._who = _WHO | _ROOT_WHO if is_root else self._writers
        return "metadata" if name in _METADATA and not is_root else ""

    def start(self, name: str, whole: str, rest: str) -> None:
        """Take a start tag."""
        if not rest or rest == "/":
            self.sheet.keep(whole)
            return
        last = 0
        for found in _ATTRIBUTE.finditer(whole, len(name) + 1):
            kind = found.lastindex or 2
            value = found[kind]
            is_who = found[1] in self._who
            if not value or found[1].startswith("xmlns") or (_SAFE.fullmatch(value) is not None and not is_who):
                continue
            self.sheet.keep(whole[last : found.start(kind)])
            last = found.end(kind)
            if is_who:
                self.job.dropped("author")
            else:
                self._value(self.expanded(value))
        self.sheet.keep(whole[last:])

    def _value(self, value: str) -> None:
        if is_data_url(value):
            self.sheet.keep(html.escape(data_url(html.unescape(value), self.job)))
        else:
            self.sheet.value(value, ENTITY)

    def end(self, whole: str) -> None:
        """Take an end tag."""
        self.sheet.keep(whole)

    def _other(self, found: re.Match[str]) -> None:
        """Take what is not a tag."""
        if (content := found["cdata"]) is not None:
            self.sheet.keep("<![CDATA[")
            if content and not content.isspace():
                self._is_after_end, self._is_after_text = False, True
                self.text(content, ())
            else:
                self.sheet.keep(content)
            self.sheet.keep("]]>")
        elif found["comment"] is not None:
            self.job.dropped("comment")
        elif (instruction := found["instruction"]) is not None:
            self.instruction(instruction)
        else:
            self._doctype(found["doctype"], has_subset=found["subset"] is not None)

    def instruction(self, source: str) -> None:
        """Take a processing instruction."""
        if source.startswith(("xml ", "xml\n", "xml\t")):
            self.sheet.keep(f"<?{source}?>")
        elif _STYLESHEET.match(source) is not None:
            self.sheet.keep("<?")
            self.sheet.value(source, ENTITY)
            self.sheet.keep("?>")
        else:
            self.job.dropped("processing instruction")

    def _doctype(self, source: str, *, has_subset: bool) -> None:
        known = _DOCTYPE.fullmatch(source)
        if known is None or has_subset:
            self.job.dropped("doctype")
        if known is not None:
            identifiers = f' PUBLIC "{known[2]}" "{known[3]}"' if known[2] else ""
            self.sheet.keep(f"<!DOCTYPE{source}>" if not has_subset else f"<!DOCTYPE {known[1]}{identifiers}>")
