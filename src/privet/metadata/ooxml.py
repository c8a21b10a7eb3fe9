"""Word, Excel and PowerPoint files with nothing but content: DOCX, XLSX, PPTX, their templates, shows and macro variants.

Invariants:

- A part stays only if it can be reached by relationships that are known to be content; macros, properties, comments, custom XML,
  printer settings, thumbnails, signatures, connections and whatever else there is do not come along.
- Every part that stays is cleaned as a tree or, if it is a file of its own, by the job; the list of types and all relationships
  are written anew, so that nothing refers to what is gone.
- A macro variant becomes the plain kind; `cleaned_suffix` says what it is to be called.
"""

from __future__ import annotations

import functools
import re
from collections import Counter, deque
from collections.abc import Sequence
from typing import BinaryIO, Final, NamedTuple, Protocol
from urllib.parse import quote, unquote
from xml.sax.saxutils import quoteattr

from privet.edits import Edit
from privet.metadata.job import CannotClean, Job
from privet.metadata.office_xml import MAX_PART_BYTES, Element, Texts, parsed, serialized
from privet.metadata.ooxml_book import Book, book_of
from privet.metadata.ooxml_formula import Names, rewrite_formulas
from privet.metadata.ooxml_package import (
    DECLARATION,
    PROPERTIES,
    absolute,
    left_out_member,
    left_out_part,
    main_part,
    relations,
    relative,
    surroundings,
)
from privet.metadata.ooxml_parts import FILES, KINDS, MEDIA_TYPES, RELATIONS, Kind, Main, Part, usual_namespaces
from privet.metadata.ooxml_rows import MAX_BYTES, Rows
from privet.metadata.ooxml_scour import finish, prune, tidy
from privet.metadata.ooxml_sheet import Sheets
from privet.metadata.ooxml_slides import Slides
from privet.metadata.ooxml_word import Words
from privet.metadata.package import Package, opened, write

_BASES: Final = re.compile(
    r"(http://schemas\.openxmlformats\.org/officeDocument/2006/relationships/"
    r"|http://schemas\.microsoft\.com/office/[0-9]{4}(?:/[0-9]{2})?/relationships/)([A-Za-z]+)"
)
_USUAL_ID: Final = re.compile(r"rId[0-9]{1,6}")
_ADDRESS: Final = re.compile(r'<Relationship Id="([^"]*)"[^>]* TargetMode="External"/>')
_OWN_NAME: Final = re.compile(r"[0-9]{0,4}")
_LOCAL: Final = re.compile(r"(file:|[a-z]:[\\/]|\\\\|//|/)", re.IGNORECASE)


class _Program(Protocol):
    """What knows the parts of one program."""

    names: Names

    def clean(self, part: Part) -> None:
        """Clean a part."""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write an Office file with nothing but content.

    Raises:
        CannotClean: encrypted, damaged, larger than the limits, or not of Word, Excel or PowerPoint.

    """
    package = opened(source, job)
    where, main = main_part(package)
    _Cleaning(package, main, job).clean(where, target)


def cleaned_suffix(source: BinaryIO) -> str:
    """Return the suffix of what `clean` makes of this file, such as `.docx` for a DOCM.

    Raises:
        CannotClean: as `clean` does.

    """
    return main_part(opened(source, Job()))[1].suffix


def _cleaned(program: _Program, part: Part) -> bytes:
    if isinstance(program, Sheets):
        program.before(part)
    prune(part)
    program.clean(part)
    rewrite_formulas(part, program.names)
    finish(part)
    part.texts.finish()
    tidy(part.root)
    return serialized(part.root)


def _cleaned_rows(program: Sheets, part: Part, rows: Rows) -> bytes:
    holder = part.root if part.kind == "sharedStrings" else next(part.root.iterchildren("{*}sheetData"), None)
    _cleaned(program, part)
    if holder is not None:
        rows.mark(holder)
    return rows.put_back(serialized(part.root))


class _Steady(NamedTuple):
    """A part that is the same in many files, cleaned of all but identifiers."""

    content: bytes
    texts: list[tuple[str, list[str]]]
    """by place, what was looked at"""
    removed: Counter[str]


_ROWS: Final = ("worksheet", "sharedStrings")
# Programs write their styles, themes and layouts into every file; they are most of a small one.
_STEADY: Final = frozenset(("styles", "theme", "fontTable", "tableStyles", "slideLayout", "slideMaster", "notesMaster"))
_STEADY_BYTES: Final = 512 * 1024


def _is_steady(folder: str, kind: str, content: bytes) -> bool:
    # Excel's styles say how numbers are shown, and Word's which text is hidden: these are read each time.
    known = kind == "theme" if folder == "xl" else kind in _STEADY
    return known and len(content) <= _STEADY_BYTES and b"vanish" not in content and b"\0" not in content


@functools.lru_cache(maxsize=48)
def _steady(folder: str, kind: str, content: bytes, links: tuple[tuple[str, str], ...]) -> _Steady:
    seen: list[tuple[str, list[str]]] = []

    def noting(texts: Sequence[str], place: str) -> list[list[Edit]]:
        seen.append((place, list(texts)))
        return [[] for _ in texts]

    job = Job(edits=noting)
    cleaned = _cleaned(_PROGRAMS[folder](job), Part(kind, parsed(content), dict(links), job, Texts(job), content))
    return _Steady(cleaned, seen, job.removed)


_PROGRAMS: Final[dict[str, type[Words | Sheets | Slides]]] = {"word": Words, "xl": Sheets, "ppt": Slides}


class _Cleaning:
    """One package while it is cleaned: what its parts are called now, and which wait."""

    def __init__(self, package: Package, main: Main, job: Job) -> None:
        self._package = package
        self._main = main
        self._job = job
        self._kinds = KINDS[main.folder]
        self._book = Book()
        self._program: _Program = _PROGRAMS[main.folder](job)
        self._named: dict[str, str | None] = {}
        self._taken: set[str] = set()
        self._types: dict[str, str] = {}
        self._waiting: dict[int, deque[tuple[str, str]]] = {}
        self._out: dict[str, bytes] = {}
        self._gone: set[str] = set()

    def clean(self, where: str, target: BinaryIO) -> None:
        stem = {"word": "word/document.xml", "xl": "xl/workbook.xml", "ppt": "ppt/presentation.xml"}[self._main.folder]
        self._named[where] = stem
        self._types[stem] = self._main.media_type
        links, relations = self._links(where, self._main.folder)
        # Styles are known before what uses them, but the workbook's names before both.
        if self._main.folder == "xl":
            self._book = book_of(self._package, where, self._job)
            self._program = Sheets(self._job, self._book)
            self._gone = self._program.tables(self._tables())
            self._part(where, "main", links, relations)
        while self._waiting.get(-1):
            self._next(-1)
        if self._main.folder != "xl":
            self._part(where, "main", links, relations)
        while turns := [turn for turn in sorted(self._waiting) if self._waiting[turn]]:
            self._next(turns[0])
        self._unreached()
        write(target, [*surroundings(stem, set(self._out), self._types), *self._out.items(), *PROPERTIES])

    def _tables(self) -> list[tuple[str, str, Element]]:
        """Return the tables of all sheets, with the sheet and the part of each: formulas anywhere may name them."""
        found: list[tuple[str, str, Element]] = []
        for where, kind in [waiting for turn in self._waiting.values() for waiting in turn]:
            folder, _, last = where.rpartition("/")
            for type_, target, external, _id in (
                relations(self._package, f"{folder}/_rels/{last}.rels") if kind == "worksheet" else ()
            ):
                table = (
                    None
                    if external or not type_.endswith("/table")
                    else self._package.spelled(absolute(folder, target))
                )
                if table is not None:
                    root = parsed(usual_namespaces(self._package.read(table, MAX_PART_BYTES)))
                    found.append((where, table, root))
        return found

    def _next(self, turn: int) -> None:
        where, kind = self._waiting[turn].popleft()
        links, relations = self._links(where, "")
        self._part(where, kind, links, relations)

    def _part(self, where: str, kind: str, links: dict[str, str], relations: str) -> None:
        content = self._content(where, kind)
        if re.search(rb"<!(DOCTYPE|ENTITY)", content[:4096]):
            raise CannotClean("a part declares a document type: save it anew")
        name = self._named[where] or ""
        steady = None
        if _is_steady(self._main.folder, kind, content):
            steady = _steady(self._main.folder, kind, content, tuple(links.items()))
        if steady is not None and not any(any(self._job.edits(texts, place)) for place, texts in steady.texts):
            self._job.removed.update(steady.removed)
            self._out[name] = steady.content
        elif (
            isinstance(self._program, Sheets)
            and (rows := self._program.rows(kind, where, content)) is not None
            and rows.root is not None
        ):
            # A zero byte is in no part: what is declared in it is looked up in the tree.
            part = Part(kind, rows.root, links, self._job, Texts(self._job), b"\0")
            self._out[name] = _cleaned_rows(self._program, part, rows)
        else:
            self._out[name] = _cleaned(
                self._program, Part(kind, parsed(content), links, self._job, Texts(self._job), content)
            )
        if relations:
            folder, _, last = name.rpartition("/")
            self._out[f"{folder}/_rels/{last}.rels"] = _referred(relations, self._out[name]).encode()

    def _content(self, where: str, kind: str) -> bytes:
        part, content = self._book.strings_part
        if part == where:
            self._book.strings_part = ("", b"")
            return content
        return usual_namespaces(self._package.read(where, MAX_BYTES if kind in _ROWS else MAX_PART_BYTES))

    def _links(self, where: str, _folder: str) -> tuple[dict[str, str], str]:
        """Return a part's relationship ids that are kept, and its relationships written anew."""
        folder, _, last = where.rpartition("/")
        links: dict[str, str] = {}
        lines: list[str] = []
        here = (self._named[where] or "").rpartition("/")[0]
        found = relations(self._package, f"{folder}/_rels/{last}.rels".removeprefix("/"))
        taken = {old for _type, _target, _external, old in found if _USUAL_ID.fullmatch(old)}
        for kind, target, external, old in found:
            base = _BASES.fullmatch(kind)
            new, told = None, len(self._job.set_aside)
            if base is not None:
                new = self._outside(base[2], target) if external else self._inside(base[2], absolute(folder, target))
            if new is None:
                self._job.dropped(left_out_part(kind), int(len(self._job.set_aside) == told))
                continue
            name = old if _USUAL_ID.fullmatch(old) else _unused(taken)
            links[old] = name
            address = new if external else relative(here, new)
            mode = ' TargetMode="External"' if external else ""
            lines.append(f'<Relationship Id="{name}" Type="{kind}" Target={quoteattr(address)}{mode}/>')
        body = f'{DECLARATION}<Relationships xmlns="{RELATIONS}">{"".join(lines)}</Relationships>' if lines else ""
        return links, body

    def _outside(self, kind: str, target: str) -> str | None:
        """Return what a link leads to, or None: only addresses of the web and of mail are content."""
        if kind not in ("hyperlink", "image", "video", "audio") or _LOCAL.match(target.strip()):
            return None
        plain = unquote(target)
        new = self._job.rewrite([plain], "link")[0]
        if new == plain:
            new = self._job.rewrite([target], "link")[0]
            return new if new == target else quote(new, safe="/:?#@!$&'()*+,;=%~")
        return quote(new, safe="/:?#@!$&'()*+,;=~")

    def _inside(self, kind: str, target: str) -> str | None:
        where = self._package.spelled(target)
        if where is None or where in self._gone:
            return None
        if where not in self._named:
            if kind in FILES:
                self._named[where] = self._file(where, kind)
            elif kind in self._kinds:
                self._named[where] = self._new_name(where, self._kinds[kind])
                self._waiting.setdefault(self._kinds[kind].turn, deque()).append((where, kind))
            else:
                return None
        return self._named[where]

    def _file(self, where: str, kind: str) -> str | None:
        suffix = where.rpartition(".")[2].lower() if "." in where.rpartition("/")[2] else ""
        content = self._package.read(where)
        stem = FILES[kind]
        if kind != "font":
            member = self._job.member(f"{stem.rpartition('/')[2]}.{suffix}" if suffix.isalnum() else "file", content)
            if member is None:
                return None
            content = member.content
            suffix = member.name.rpartition(".")[2].lower()
        if suffix not in MEDIA_TYPES or (kind == "font") != (suffix in ("odttf", "fntdata")):
            if kind != "font":
                self._job.leave_out(f"{stem.rpartition('/')[2]}.{suffix}", "no kind of file that an office file holds")
            return None
        name = self._free(f"{self._main.folder}/{stem}", where, suffix)
        self._out[name] = content
        return name

    def _new_name(self, where: str, kind: Kind) -> str:
        name = self._free(f"{self._main.folder}/{kind.stem}", where, "xml")
        self._types[name] = kind.media_type
        return name

    def _free(self, stem: str, where: str, suffix: str) -> str:
        """Return a name for a part that says nothing: its own number, where it is called as usual and that is free."""
        last = where.rpartition("/")[2].rpartition(".")[0]
        number = last.removeprefix(stem.rpartition("/")[2])
        usual = last.startswith(stem.rpartition("/")[2]) and _OWN_NAME.fullmatch(number) is not None
        name = f"{stem}{number}.{suffix}" if usual else ""
        count = 0
        while not name or name.lower() in self._taken:
            count += 1
            name = f"{stem}{len(self._taken) + count}.{suffix}"
        self._taken.add(name.lower())
        return name

    def _unreached(self) -> None:
        for member in self._package.members:
            if member in self._named or member.endswith((".rels", "[Content_Types].xml")):
                continue
            self._job.dropped(left_out_member(member))


def _referred(relations: str, content: bytes) -> str:
    """Return the relationships of a part without addresses that nothing in it leads to any more."""
    return _ADDRESS.sub(lambda found: found[0] if f'"{found[1]}"'.encode() in content else "", relations)


def _unused(taken: set[str]) -> str:
    number = len(taken) + 1
    while f"rId{number}" in taken:
        number += 1
    taken.add(f"rId{number}")
    return f"rId{number}"
