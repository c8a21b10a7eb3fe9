"""Metadata that is left in files: own minimal readers, which look for tags and take nothing over from a cleaner.

Invariants:

- A tag is told by its rule and never by its value.
- `personal` is what says or may say who somebody is, where they were or with which device: names, places, serial numbers, comments,
  paths. Technical fields and names of programs are told as notes.
- A file whose tags cannot be read is said to be so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, BinaryIO, Final
from zipfile import ZipFile, ZipInfo

from privet.audit import tags_data, tags_media
from privet.audit.reading import Entry, guarded
from privet.audit.tag import Tag

_MAX_BYTES: Final = 512 * 1024 * 1024
_MAX_FRAMES: Final = 64

_EXIF: Final = {
    0x010E: "description", 0x013B: "artist", 0x8298: "copyright", 0x9C9B: "title", 0x9C9C: "comment", 0x9C9D: "author", 0x9C9E: "keywords",
    0x9C9F: "subject", 0x9286: "comment", 0x927C: "maker-note", 0xA430: "owner", 0xA431: "serial", 0xA435: "serial", 0xA420: "image-id",
    0x010F: "device", 0x0110: "device", 0xA433: "device", 0xA434: "device", 0x013C: "host", 0xC614: "device", 0xC62F: "serial",
    0x9003: "date", 0x9004: "date", 0x0132: "date", 0x010D: "title", 0x011D: "title", 0x83BB: "iptc", 0x8649: "iptc", 0x02BC: "xmp",
    0x8482: "gps", 0x830E: "gps", 0x85D8: "gps", 0x87B1: "gps", 0xA480: "text", 0xC68B: "title",
}  # fmt: skip
_SOFTWARE: Final = 0x0131
_TECHNICAL: Final = frozenset((0x0001, 0x1000, 0x8824, 0x9010, 0x9011, 0x9012, 0x9290, 0x9291, 0x9292, 0xA004))
"""Tags of letters that say nothing of anybody: interoperability, time zones, parts of a second."""
_GPS: Final = 0x8825
_SUBFOLDERS: Final = (0x8769, 0xA005)
_NOTES: Final = frozenset(("software", "creator-tool", "producer"))


def tags_of(entry: Entry) -> Iterator[Tag]:
    """Yield the tags of a file.

    Raises:
        Unread: the file is damaged or encrypted.

    """
    read = _READERS.get(entry.form.name)
    if read is not None:
        yield from guarded(read, entry, "metadata cannot be read")


def _image(stream: BinaryIO, _entry: Entry) -> Iterator[Tag]:
    import warnings

    from PIL import Image

    content = stream.read(_MAX_BYTES)
    if content[4:8] == b"ftyp":
        # HEIC and AVIF: the items that hold Exif and XMP are named in the file's head.
        yield from (
            Tag(f"metadata-{name}") for name, mark in (("exif", b"Exif"), ("xmp", b"mime")) if mark in content[:16384]
        )
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(BytesIO(content)) as image:
            yield from _exif(image.getexif())
            yield from _info(image.info)
            yield from _segments(getattr(image, "applist", ()))
            for at in range(1, min(getattr(image, "n_frames", 1), _MAX_FRAMES)):
                image.seek(at)
                yield from _info({"comment": image.info.get("comment")})
                yield from _tags_in(dict(getattr(image, "tag_v2", {})))
    if _is_followed(content):
        yield Tag("metadata-behind-the-end")
    yield from _xmp(content)
    if b"Photoshop 3.0\x008BIM" in content:
        yield Tag("metadata-iptc")


def _exif(exif: Any) -> Iterator[Tag]:
    for folder in (dict(exif), *(dict(exif.get_ifd(number)) for number in _SUBFOLDERS)):
        yield from _tags_in(folder)
    if exif.get_ifd(_GPS):
        yield Tag("metadata-exif-gps")
    if exif.get_ifd(1):
        yield Tag("metadata-exif-thumbnail")


def _tags_in(folder: dict[int, Any]) -> Iterator[Tag]:
    for number, value in folder.items():
        if value in (None, "", b""):
            continue
        if number == _SOFTWARE:
            yield Tag("metadata-software", personal=False)
        elif number in _EXIF:
            yield Tag(f"metadata-exif-{_EXIF[number]}", personal=_EXIF[number] != "date")
        elif isinstance(value, str) and number not in _TECHNICAL and value.strip("\0 "):
            yield Tag("metadata-exif-text")


_APPS: Final = (
    b"JFIF\0",
    b"JFXX\0",
    b"Exif\0",
    b"ICC_PROFILE\0",
    b"Adobe",
    b"MPF\0",
    b"http://ns.adobe.com/",
    b"Photoshop 3.0\0",
)
"""What application segments of a JPEG may begin with: technical, or looked at by themselves."""


def _segments(segments: Any) -> Iterator[Tag]:
    if any(name != "COM" and content.strip(b"\0 ") and not content.startswith(_APPS) for name, content in segments):
        yield Tag("metadata-image-segment")


def _is_followed(content: bytes) -> bool:
    """Tell whether bytes stand behind the end of a PNG or a JPEG; the pictures that cameras put there bring their own Exif."""
    if content.startswith(b"\x89PNG"):
        place = 8
        while place + 12 <= len(content):
            name = content[place + 4 : place + 8]
            place += 12 + int.from_bytes(content[place : place + 4], "big")
            if name == b"IEND":
                return bool(content[place:].strip(b"\0"))
        return False
    end = content.rfind(b"\xff\xd9") if content.startswith(b"\xff\xd8") else -1
    return end >= 0 and bool(content[end + 2 :].strip(b"\0"))


_INFO: Final = frozenset(
    ("author", "comment", "copyright", "description", "title", "source", "warning", "disclaimer", "creator", "artist", "xml:com.adobe.xmp",
     "parameters", "workflow", "prompt")
)  # fmt: skip
_PLAIN_INFO: Final = frozenset(("compression", "mode", "blend", "version", "bbox"))
"""Words that the reader of the format itself puts beside those of the file."""


def _info(info: dict[Any, Any]) -> Iterator[Tag]:
    for name, value in info.items():
        lower = str(name).lower()
        if value and (lower in _INFO or lower.startswith("raw profile type")):
            yield Tag("metadata-image-text")
        elif value and lower in {"software", "creation time", "date:create", "date:modify"}:
            yield Tag("metadata-software", personal=False)
        elif isinstance(value, str) and value.strip() and lower not in _PLAIN_INFO:
            yield Tag("metadata-image-text")


_XMP: Final = re.compile(
    rb"(?:dc:creator|dc:title|dc:description|dc:subject|dc:rights|xmpRights:|photoshop:|Iptc4xmp|exif:GPS|aux:SerialNumber|aux:OwnerName|xmpMM:|pdfx:|plus:)"
)


def _xmp(content: bytes) -> Iterator[Tag]:
    for place in (match.start() for match in re.finditer(rb"<x:xmpmeta|<rdf:RDF", content)):
        end = content.find(b"</rdf:RDF>", place)
        packet = content[place : end if end > 0 else place + 65536]
        yield Tag("metadata-xmp", personal=bool(_XMP.search(packet)))
        return


_PDF_TOOLS: Final = frozenset(("/Producer", "/Creator", "/CreationDate", "/ModDate", "/Trapped"))


def _pdf(stream: BinaryIO, _entry: Entry) -> Iterator[Tag]:
    import pikepdf

    content = stream.read(_MAX_BYTES)
    with pikepdf.open(BytesIO(content)) as document:
        info = document.trailer.get("/Info")
        for name, value in info.items() if isinstance(info, pikepdf.Dictionary) else ():
            if str(value).strip():
                known = str(name) in _PDF_TOOLS
                yield Tag("metadata-pdf-tool" if known else "metadata-pdf-info", personal=not known)
        for item in document.objects:
            if isinstance(item, pikepdf.Stream) and item.get("/Type") == "/Metadata":
                yield from _xmp(item.read_bytes())
            elif isinstance(item, pikepdf.Dictionary) and item.get("/Subtype") is not None and str(item.get("/T", "")):
                # The author of an annotation; /T of a form field is its name.
                if item.get("/FT") is None and item.get("/Parent") is None:
                    yield Tag("metadata-pdf-annotation-author")
            elif isinstance(item, pikepdf.Dictionary) and "/PieceInfo" in item:
                yield Tag("metadata-pdf-piece-info")
        if document.Root.get("/Names", pikepdf.Dictionary()).get("/EmbeddedFiles") is not None:
            yield Tag("metadata-pdf-attachment")
    # A linearized file has two ends from the start.
    ends = 2 if b"/Linearized" in content[:2048] else 1
    if content.count(b"startxref") > ends and content.count(b"%%EOF") > ends:
        yield Tag("metadata-pdf-old-revision")


_OFFICE: Final = {
    "creator": "author", "lastModifiedBy": "author", "initial-creator": "author", "printed-by": "author", "title": "title",
    "subject": "title", "description": "comment", "keywords": "comment", "keyword": "comment", "category": "comment",
    "contentStatus": "comment", "Company": "company", "Manager": "company", "HyperlinkBase": "path", "Template": "path",
    "user-defined": "custom", "property": "custom",
}  # fmt: skip
_DEFAULT_VALUES: Final = frozenset(
    ("", "Normal.dotm", "Normal", "openpyxl", "python-docx", "generated by python-docx", "python-pptx", "docProps")
)
"""What libraries write where an author would stand."""


def _office(stream: BinaryIO, _entry: Entry) -> Iterator[Tag]:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    with ZipFile(stream) as archive:
        for info in archive.infolist():
            name = info.filename
            if (
                name in {"docProps/core.xml", "docProps/app.xml", "docProps/custom.xml", "meta.xml"}
                or name.endswith(".psmdcp")
            ) and info.file_size < 1 << 24:
                root = etree.fromstring(archive.read(info), parser)
                for element in root.iter(etree.Element) if root is not None else ():
                    tag = etree.QName(element).localname
                    if tag in _OFFICE and "".join(map(str, element.itertext())).strip() not in _DEFAULT_VALUES:
                        yield Tag(f"metadata-office-{_OFFICE[tag]}")
            elif name.startswith(("docProps/thumbnail", "Thumbnails/")):
                yield Tag("metadata-office-thumbnail")
            elif _is_part(info) and _AUTHOR.search(archive.read(info)):
                yield Tag("metadata-office-author")


def _is_part(info: ZipInfo) -> bool:
    """Tell whether a member may name the authors of comments and changes."""
    name = info.filename.rsplit("/", 1)[-1]
    return name.startswith(_PARTS) and name.endswith(".xml") and info.file_size < 1 << 26


_PARTS: Final = (
    "document", "comments", "people", "commentAuthors", "header", "footer", "footnotes", "endnotes", "content", "workbook", "persons",
)  # fmt: skip
_AUTHOR: Final = re.compile(
    rb"""(?:w|w15|p|p15|xr2?):author="[^"]|<author>[^<]|<(?:dc:creator|meta:creator-initials)>[^<]|x15ac:absPath[^>]*url="[^"]"""
    rb"""|<p:cmAuthor[^>]*\bname="[^"]"""
)


_Reader = Callable[[BinaryIO, Entry], Iterator[Tag]]
_READERS: Final[dict[str, _Reader]] = {
    "image": _image,
    "pdf": _pdf,
    "office": _office,
    "mp3": lambda stream, _entry: tags_media.mp3(stream),
    "flac": lambda stream, _entry: tags_media.flac(stream),
    "ogg": lambda stream, _entry: tags_media.ogg(stream),
    "wav": lambda stream, _entry: tags_media.wav(stream),
    "mp4": lambda stream, _entry: tags_media.mp4(stream),
    "parquet": lambda stream, _entry: tags_data.parquet(stream),
    "arrow": lambda stream, _entry: tags_data.arrow(stream),
    "safetensors": lambda stream, _entry: tags_data.safetensors(stream),
    "aiff": lambda stream, _entry: tags_media.aiff(stream),
    "rtf": lambda stream, _entry: tags_data.rtf(stream),
    "onnx": lambda stream, _entry: tags_data.onnx(stream),
    "gguf": lambda stream, _entry: tags_data.gguf(stream),
    "notebook": lambda stream, _entry: tags_data.notebook(stream),
    "gzip": lambda stream, entry: tags_data.gzip_head(stream, entry.name),
    "tar": lambda stream, _entry: tags_data.tar(stream),
    "zip": lambda stream, _entry: tags_data.zip_comments(stream),
    "mail": lambda stream, _entry: tags_data.mail(stream),
    "mailbox": lambda stream, _entry: tags_data.mailbox(stream),
    "sqlite": lambda stream, _entry: tags_data.sqlite(stream),
}
