"""E-books with nothing but content: EPUB 2 and 3.

Invariants:

- Kept are the chapters, style sheets, pictures, sounds and fonts that the package document lists and that can be cleaned; scripts,
  signatures, rights, readers' notes and whatever else there is do not come along.
- The metadata are the ones that the specification demands, with fixed values, and the language.
"""

from __future__ import annotations

import re
from typing import BinaryIO, Final
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from privet.metadata.job import CannotClean, Job
from privet.metadata.office_xml import MAX_PART_BYTES, TEXT, Element, Slot, Texts, local, parsed, remove, serialized
from privet.metadata.package import Package, opened, write
from privet.metadata.style import rewritten_style

_CONTAINER: Final = "urn:oasis:names:tc:opendocument:xmlns:container"
_OPF: Final = "http://www.idpf.org/2007/opf"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ID: Final = "urn:uuid:00000000-0000-0000-0000-000000000000"
_XHTML: Final = frozenset(("application/xhtml+xml", "text/html", "application/html+xml"))
_NCX: Final = "application/x-dtbncx+xml"
_FILES: Final = re.compile(r"(image|audio|video)/[a-z0-9.+-]+|application/(pdf|ogg)")
_FONTS: Final = re.compile(
    r"(font/|application/(x-)?(font|vnd\.ms-opentype|vnd\.ms-fontobject))[a-z0-9.+-]*|application/vnd\.ms-opentype"
)
_WEB_FONT: Final = (b"wOFF", b"wOF2")
_FONT: Final = (b"\0\1\0\0", b"OTTO", b"true", b"ttcf", *_WEB_FONT)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{2,4})?")
_NOT_READ: Final = ' linear="no"'
_WORD: Final = re.compile(r"[a-z-]+( [a-z-]+)*")
_OBFUSCATED: Final = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write an EPUB with nothing but content.

    Raises:
        CannotClean: encrypted, damaged, larger than the limits, or not an EPUB.

    """
    package = opened(source, job)
    hidden = _encrypted(package)
    where = _package_document(package)
    book = _Book(package, where, hidden, job)
    members = book.members()
    container = (
        f'{_DECLARATION}<container version="1.0" xmlns="{_CONTAINER}"><rootfiles><rootfile full-path={quoteattr(where)} '
        'media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    start = [("mimetype", b"application/epub+zip"), ("META-INF/container.xml", container.encode())]
    write(target, [*start, *members], stored="mimetype")


def _encrypted(package: Package) -> set[str]:
    """Return the members that are fonts in disguise; what is encrypted otherwise cannot be cleaned."""
    found: set[str] = set()
    if "META-INF/encryption.xml" not in package:
        return found
    for entry in parsed(package.read("META-INF/encryption.xml", MAX_PART_BYTES)).iter(etree.Element):
        if local(entry) != "EncryptedData":
            continue
        methods = [child.get("Algorithm") for child in entry.iter(etree.Element) if local(child) == "EncryptionMethod"]
        if any(method not in _OBFUSCATED for method in methods):
            raise CannotClean("encrypted: the rights of this book do not allow it to be read")
        found.update(
            unquote(child.get("URI") or "") for child in entry.iter(etree.Element) if local(child) == "CipherReference"
        )
    return found


def _package_document(package: Package) -> str:
    if "META-INF/container.xml" in package:
        for entry in parsed(package.read("META-INF/container.xml", MAX_PART_BYTES)).iter(etree.Element):
            where = unquote(entry.get("full-path") or "")
            if local(entry) == "rootfile" and where in package:
                return where
    raise CannotClean("damaged: the package document is missing")


class _Item:
    """One entry of the manifest."""

    __slots__ = ("entry", "kind", "member", "name", "wanted")

    def __init__(self, entry: Element, folder: str) -> None:
        self.entry = entry
        self.kind = (entry.get("media-type") or "").lower()
        self.member = _absolute(folder, entry.get("href") or "")
        self.wanted = self.member
        """what it is to be called"""
        self.name: str | None = None
        """what it is called, once it is cleaned"""


class _Book:
    """A book while it is cleaned."""

    def __init__(self, package: Package, where: str, hidden: set[str], job: Job) -> None:
        self._package = package
        self._where = where
        self._folder = where.rpartition("/")[0]
        self._hidden = hidden
        self._job = job
        self._out: dict[str, bytes] = {}
        self._renamed: dict[str, str] = {}

    def members(self) -> list[tuple[str, bytes]]:
        """Return all members but the first two."""
        root = parsed(self._package.read(self._where, MAX_PART_BYTES))
        if root.tag != f"{{{_OPF}}}package":
            raise CannotClean("damaged: the package document is of an unknown kind")
        items = [_Item(entry, self._folder) for entry in root.iter(f"{{{_OPF}}}item")]
        self._rename(items)
        tables = [item for item in items if item.kind == _NCX]
        told = len(self._job.set_aside)
        for item in items:
            if item.member not in self._package or item.member in self._renamed or item.kind == _NCX:
                continue
            content = self._item(item)
            if content is not None and item.name is not None and item.name not in self._out:
                self._out[item.name] = content
                self._renamed[item.member] = item.name
            else:
                item.name = None
        for table in tables:
            if table.member in self._package:
                self._renamed[table.member] = table.name = table.wanted
                self._out[table.wanted] = self._contents(table.member)
        dropped = sum(item.name is None for item in items) - (len(self._job.set_aside) - told)
        self._job.dropped("member", len(self._package.members) - 2 - len(items) + dropped)
        return [(self._where, self._document(root, items)), *self._out.items()]

    def _rename(self, items: list[_Item]) -> None:
        """Rewrite the names of members, as the job rewrites what refers to them."""
        for item, wanted in zip(items, self._job.rewrite([item.member for item in items], "file name"), strict=True):
            if wanted != item.member:
                item.wanted = re.sub(r"[\x00-\x1f\\:*?\"<>|]", "", wanted)

    def _item(self, item: _Item) -> bytes | None:
        content = self._package.read(item.member)
        folder, _, last = item.wanted.rpartition("/")
        if item.kind == "text/css":
            item.name = item.wanted
            return rewritten_style(content.decode("utf-8-sig", "replace"), self._job).encode()
        if _FONTS.fullmatch(item.kind):
            if item.member in self._hidden or not content.startswith(_FONT):
                return None
            if content.startswith(_WEB_FONT):
                item.name = item.wanted
                return content
        elif item.kind not in _XHTML and not _FILES.fullmatch(item.kind):
            return None
        cleaned = self._job.member(last, content)
        if cleaned is None:
            return None
        name = cleaned.name.rpartition("/")[2] or last
        item.name = f"{folder}/{name}" if folder else name
        return cleaned.content

    def _contents(self, member: str) -> bytes:
        """Return the table of contents of EPUB 2: labels are rewritten, the title and what names the book go."""
        root = parsed(self._package.read(member, MAX_PART_BYTES))
        texts = Texts(self._job)
        for element in list(root.iter(etree.Element)):
            name = local(element)
            if name in ("docAuthor", "pageList", "navList") or (name == "meta" and not _is_number(element)):
                remove(element)
            elif name == "text" and element.getparent() is not None and local(element.getparent()) == "docTitle":  # type: ignore[arg-type]
                element.text = "untitled"
            elif name == "text":
                texts.add("heading", [Slot(element, TEXT)])
            elif name == "content":
                self._point(element, "src", member.rpartition("/")[0])
        texts.finish()
        return serialized(root)

    def _point(self, element: Element, key: str, folder: str) -> bool:
        """Let a reference point at what its member is called now; return whether there is one."""
        address, mark, fragment = (element.get(key) or "").partition("#")
        name = self._renamed.get(_absolute(folder, address))
        if name is None:
            remove(element)
            return False
        element.set(key, _relative(folder, name) + mark + fragment)
        return True

    def _document(self, root: Element, items: list[_Item]) -> bytes:
        version = "3.0" if (root.get("version") or "").startswith("3") else "2.0"
        kept: dict[str, str] = {}
        lines: list[str] = []
        for item in items:
            old = item.entry.get("id") or ""
            if item.name is None or old in kept:
                continue
            kept[old] = f"item{len(kept) + 1}"
            properties = item.entry.get("properties") or ""
            extra = f' properties="{properties}"' if _WORD.fullmatch(properties) and version == "3.0" else ""
            href = quoteattr(_relative(self._folder, item.name))
            lines.append(f'<item id="{kept[old]}" href={href} media-type="{item.kind}"{extra}/>')
        spine = next(root.iter(f"{{{_OPF}}}spine"), None)
        order = [] if spine is None else list(spine.iter(f"{{{_OPF}}}itemref"))
        references = "".join(
            f'<itemref idref="{kept[entry.get("idref") or ""]}"{_NOT_READ if entry.get("linear") == "no" else ""}/>'
            for entry in order
            if entry.get("idref") in kept
        )
        if not references:
            raise CannotClean("damaged: no chapter can be read")
        table = "" if spine is None or spine.get("toc") not in kept else f' toc="{kept[spine.get("toc") or ""]}"'
        turns = (
            ""
            if spine is None or spine.get("page-progression-direction") != "rtl"
            else ' page-progression-direction="rtl"'
        )
        return (
            f'{_DECLARATION}<package xmlns="{_OPF}" version="{version}" unique-identifier="id">{_metadata(root, version, kept)}'
            f"<manifest>{''.join(lines)}</manifest><spine{table}{turns}>{references}</spine></package>"
        ).encode()


def _metadata(root: Element, version: str, kept: dict[str, str]) -> str:
    language = next((element.text or "" for element in root.iter("{http://purl.org/dc/elements/1.1/}language")), "")
    language = language.strip() if _LANGUAGE.fullmatch(language.strip()) else "und"
    cover = next((kept[entry.get("content") or ""] for entry in root.iter(f"{{{_OPF}}}meta")
                  if entry.get("name") == "cover" and entry.get("content") in kept), "")  # fmt: skip
    modified = '<meta property="dcterms:modified">1980-01-01T00:00:00Z</meta>' if version == "3.0" else ""
    shown = f'<meta name="cover" content="{cover}"/>' if cover else ""
    return (
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">{_ID}</dc:identifier>'
        f"<dc:title>untitled</dc:title><dc:language>{escape(language)}</dc:language>{modified}{shown}</metadata>"
    )


def _is_number(element: Element) -> bool:
    if element.get("name") == "dtb:uid":
        element.set("content", _ID)
        return True
    return (element.get("content") or "").isdigit()


def _absolute(folder: str, address: str) -> str:
    steps = [step for step in folder.split("/") if step]
    for step in unquote(address).split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    return "/".join(steps)


def _relative(folder: str, name: str) -> str:
    here, there = [step for step in folder.split("/") if step], name.split("/")
    same = 0
    while same < min(len(here), len(there) - 1) and here[same] == there[same]:
        same += 1
    return quote("/".join([".."] * (len(here) - same) + there[same:]))
