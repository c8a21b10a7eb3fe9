"""OpenDocument files with nothing but content: ODT, ODS, ODP, ODG, their templates, and the flat kinds of one XML file.

Invariants:

- Kept are the content, its styles, pictures and films that the job cleans, charts and formulas in it, and switches of the settings;
  properties, thumbnails, macros, versions, signatures, RDF, printers and whatever else there is do not come along.
- The manifest is written anew; nothing refers to what is gone.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import BinaryIO, Final
from urllib.parse import unquote
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from privet.metadata.job import CannotClean, Job
from privet.metadata.odf_names import DRAW, OFFICE, STYLE, TEXT_NS, XLINK
from privet.metadata.odf_text import Reader, flatten, left_out, take_out
from privet.metadata.office_xml import MAX_PART_BYTES, Element, local, parsed, serialized
from privet.metadata.package import Package, opened, write

_KINDS: Final = re.compile(
    r"application/vnd\.oasis\.opendocument\.(text|spreadsheet|presentation|graphics|chart|formula|image|text-master|text-web)(-template)?"
)
_CONFIG: Final = "urn:oasis:names:tc:opendocument:xmlns:config:1.0"
_MANIFEST: Final = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_META: Final = f'{_DECLARATION}<office:document-meta xmlns:office="{OFFICE}" office:version="1.3"><office:meta/></office:document-meta>'
_HREF: Final = f"{{{XLINK}}}href"
_FOLDERS: Final = {"Pictures": "Pictures/image", "Media": "Media/media", "Fonts": "Fonts/font"}
_FONT: Final = (b"\0\1\0\0", b"OTTO", b"true", b"ttcf", b"wOFF", b"wOF2")
_MEDIA_TYPES: Final = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "svg": "image/svg+xml", "webp": "image/webp",
    "bmp": "image/bmp", "tif": "image/tiff", "tiff": "image/tiff", "xml": "text/xml", "mp4": "video/mp4", "mp3": "audio/mpeg",
}  # fmt: skip
_MAGIC: Final = (
    (b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF8", "gif"), (b"RIFF", "webp"), (b"BM", "bmp"), (b"<", "svg"), (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
)  # fmt: skip
_SWITCH: Final = re.compile(r"[A-Za-z]{1,64}")
_MAX_OBJECTS: Final = 1000


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write an OpenDocument file with nothing but content.

    Raises:
        CannotClean: encrypted, damaged, larger than the limits, or of another kind.

    """
    package = opened(source, job)
    kind = _kind(package)
    _refuse_encrypted(package)
    document = _Document(package, job)
    document.folder("", "")
    if "content.xml" not in document.out:
        raise CannotClean("damaged: the content is missing")
    document.unreached()
    document.out["meta.xml"] = _META.encode()
    members = [("mimetype", kind.encode()), *document.out.items()]
    write(target, [*members, ("META-INF/manifest.xml", _manifest(kind, document))], stored="mimetype")


def _kind(package: Package) -> str:
    kind = package.read("mimetype", 256).decode("ascii", "replace").strip() if "mimetype" in package else ""
    if not kind and "META-INF/manifest.xml" in package:
        root = parsed(package.read("META-INF/manifest.xml", MAX_PART_BYTES))
        entries = root.iter(f"{{{_MANIFEST}}}file-entry")
        kind = next(
            (
                entry.get(f"{{{_MANIFEST}}}media-type") or ""
                for entry in entries
                if entry.get(f"{{{_MANIFEST}}}full-path") == "/"
            ),
            "",
        )
    if _KINDS.fullmatch(kind) is None:
        raise CannotClean("not an OpenDocument text, sheet, presentation or drawing")
    return kind


def _refuse_encrypted(package: Package) -> None:
    if "META-INF/manifest.xml" not in package:
        return
    root = parsed(package.read("META-INF/manifest.xml", MAX_PART_BYTES))
    if any(local(element) == "encryption-data" for element in root.iter(etree.Element)):
        raise CannotClean("encrypted: save it without a password")


class _Document:
    """A package while it is cleaned."""

    def __init__(self, package: Package, job: Job) -> None:
        self._package = package
        self._job = job
        self._reader = Reader(job)
        self._named: dict[str, str | None] = {}
        self.out: dict[str, bytes] = {}
        self.objects: dict[str, str] = {}

    def folder(self, here: str, there: str) -> None:
        """Clean the document in one folder of the package, which is called `there` in the output."""
        for name in ("styles.xml", "content.xml"):
            if here + name not in self._package:
                continue
            self._named[here + name] = there + name
            content = self._package.read(here + name, MAX_PART_BYTES)
            root = parsed(content)
            left_out(root, self._job)
            if here:
                self._reader.tables(root)
            else:
                self._reader.sheets(root)
            self._references(root, here, there)
            self._reader.clean(root)
            etree.cleanup_namespaces(root, keep_ns_prefixes=["of", "ooow", "oooc"])
            self.out[there + name] = serialized(root)
        if not here and "settings.xml" in self._package:
            self._named["settings.xml"] = "settings.xml"
            self.out["settings.xml"] = _switches(parsed(self._package.read("settings.xml", MAX_PART_BYTES)))

    def _references(self, root: Element, here: str, there: str) -> None:
        for element in [element for element in root.iter() if element.get(_HREF) is not None]:
            target = element.get(_HREF) or ""
            member = here + unquote(target).removeprefix("./")
            if local(element) in ("script", "event-listener"):
                take_out(element)
            elif target and (member in self._package or self._is_object(member)):
                new = self._member(member)
                if new is None:
                    _remove_reference(element)
                else:
                    element.set(_HREF, ("./" if self._is_object(member) else "") + new.removeprefix(there))
            else:
                new = self._reader.link(target) if target else None
                if new is None:
                    self._job.dropped("link to a local file", int(bool(target)))
                    _remove_reference(element)
                else:
                    element.set(_HREF, new)

    def _is_object(self, member: str) -> bool:
        return f"{member.rstrip('/')}/content.xml" in self._package

    def _member(self, member: str) -> str | None:
        if member not in self._named:
            self._named[member] = None
            self._named[member] = self._object(member) if self._is_object(member) else self._file(member)
        return self._named[member]

    def _object(self, member: str) -> str | None:
        if member.count("/") > self._job.limits.max_depth or len(self.objects) >= _MAX_OBJECTS:
            return None
        name = f"Object {len(self.objects) + 1}"
        self.objects[name] = self._object_kind(member.rstrip("/"))
        self.folder(member.rstrip("/") + "/", name + "/")
        return name

    def _object_kind(self, member: str) -> str:
        root = parsed(self._package.read(f"{member}/content.xml", MAX_PART_BYTES))
        body = root.find(f"{{{OFFICE}}}body")
        child = None if body is None else next(body.iterchildren(etree.Element), None)
        name = "formula" if child is None else {"drawing": "graphics"}.get(local(child), local(child))
        kind = f"application/vnd.oasis.opendocument.{name}"
        return kind if _KINDS.fullmatch(kind) else "application/vnd.oasis.opendocument.text"

    def _file(self, member: str) -> str | None:
        folder = next((step for step in member.split("/") if step in _FOLDERS), None)
        if folder is None:
            return None
        suffix = member.rpartition(".")[2].lower()
        content = self._package.read(member)
        if folder == "Fonts":
            if not content.startswith(_FONT) or not suffix.isalnum():
                return None
        else:
            cleaned = self._job.member(
                f"{_FOLDERS[folder].rpartition('/')[2]}.{suffix if suffix.isalnum() else _suffix(content)}", content
            )
            if cleaned is None:
                return None
            content, suffix = cleaned.content, cleaned.name.rpartition(".")[2].lower()
        name = f"{_FOLDERS[folder]}{len(self.out) + 1}.{suffix if suffix.isalnum() else 'bin'}"
        self.out[name] = content
        return name

    def unreached(self) -> None:
        """Say what does not come along."""
        for member in self._package.members:
            if member not in self._named and member not in ("mimetype", "META-INF/manifest.xml"):
                self._job.dropped(next((what for start, what in _MEMBERS if member.startswith(start)), "other part"))


_MEMBERS: Final = (
    ("meta.xml", "document properties"), ("Thumbnails", "thumbnail"), ("Basic", "macro"), ("Scripts", "macro"), ("Dialogs", "macro"),
    ("Configurations", "settings"), ("META-INF", "signature"), ("Versions", "old version"), ("VersionList", "old version"),
    ("manifest.rdf", "rdf"), ("ObjectReplacements", "preview"), ("Pictures", "picture"),
)  # fmt: skip


def _remove_reference(element: Element) -> None:
    """Take out a reference to what is gone; the words of a link stay."""
    if element.tag in (f"{{{TEXT_NS}}}a", f"{{{DRAW}}}a"):
        flatten(element)
    elif element.tag in (f"{{{STYLE}}}background-image", f"{{{DRAW}}}page"):
        del element.attrib[_HREF]
    else:
        take_out(element)


def _switches(root: Element) -> bytes:
    """Return settings of which only switches are left: they say how text is laid out, and can say nothing else."""
    items: list[str] = []
    for group in root.iter(f"{{{_CONFIG}}}config-item-set"):
        if group.get(f"{{{_CONFIG}}}name") != "ooo:configuration-settings":
            continue
        for item in group.iterchildren(f"{{{_CONFIG}}}config-item"):
            name = item.get(f"{{{_CONFIG}}}name") or ""
            if (
                item.get(f"{{{_CONFIG}}}type") == "boolean"
                and item.text in ("true", "false")
                and _SWITCH.fullmatch(name)
            ):
                items.append(
                    f'<config:config-item config:name="{name}" config:type="boolean">{item.text}</config:config-item>'
                )
    inner = (
        f'<config:config-item-set config:name="ooo:configuration-settings">{"".join(items)}</config:config-item-set>'
        if items
        else ""
    )
    return (
        f'{_DECLARATION}<office:document-settings xmlns:office="{OFFICE}" xmlns:config="{_CONFIG}" '
        f'xmlns:ooo="http://openoffice.org/2004/office" office:version="1.3"><office:settings>{inner}</office:settings>'
        "</office:document-settings>"
    ).encode()


def _manifest(kind: str, document: _Document) -> bytes:
    entries = [("/", kind)]
    entries += [(f"{name}/", object_kind) for name, object_kind in document.objects.items()]
    entries += [(name, _MEDIA_TYPES.get(name.rpartition(".")[2], "")) for name in document.out]
    lines = "".join(
        f"<manifest:file-entry manifest:full-path={quoteattr(name)} manifest:media-type={quoteattr(escape(media_type))}/>"
        for name, media_type in entries
    )
    return f'{_DECLARATION}<manifest:manifest xmlns:manifest="{_MANIFEST}" manifest:version="1.3">{lines}</manifest:manifest>'.encode()


def _suffix(content: bytes) -> str:
    return next((suffix for magic, suffix in _MAGIC if content.startswith(magic)), "bin")


def clean_flat(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write an OpenDocument file of one XML file (FODT, FODS, FODP, FODG) with nothing but content.

    Raises:
        CannotClean: damaged, larger than the limits, or of another kind.

    """
    root = parsed(source.read(min(MAX_PART_BYTES, job.limits.max_file_bytes) + 1))
    if root.tag != f"{{{OFFICE}}}document" or not _KINDS.fullmatch(root.get(f"{{{OFFICE}}}mimetype") or ""):
        raise CannotClean("not an OpenDocument text, sheet, presentation or drawing")
    left_out(root, job)
    for data in list(root.iter(f"{{{OFFICE}}}binary-data")):
        _inline(data, job)
    reader = Reader(job)
    reader.sheets(root)
    for element in [element for element in root.iter() if element.get(_HREF) is not None]:
        new = reader.link(element.get(_HREF) or "")
        if new is None:
            _remove_reference(element)
        else:
            element.set(_HREF, new)
    binary = [(data, data.text) for data in root.iter(f"{{{OFFICE}}}binary-data")]
    for data, _text in binary:
        data.text = None
    reader.clean(root)
    for data, text in binary:
        data.text = text
    etree.cleanup_namespaces(root, keep_ns_prefixes=["of", "ooow", "oooc"])
    target.write(serialized(root))


def _inline(data: Element, job: Job) -> None:
    holder = data.getparent()
    if holder is None:
        return
    try:
        content = base64.b64decode("".join((data.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if holder.tag == f"{{{STYLE}}}font-face-uri" or local(holder) == "font-face-uri":
        member = content if content.startswith(_FONT) else None
    else:
        cleaned = job.member(f"image.{_suffix(content)}", content) if content else None
        member = None if cleaned is None else cleaned.content
    if member is None:
        job.dropped("picture")
        take_out(holder)
    else:
        data.text = base64.b64encode(member).decode("ascii")
