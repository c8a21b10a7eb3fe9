"""Exif and XMP, wherever they stand.

Invariant: a tag that no list names is told too, where it holds words.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, Final

from privet.audit.tag import MAX_TEXT, Tag, words_in

_EXIF: Final = {
    0x010E: "description", 0x013B: "artist", 0x8298: "copyright", 0x9C9B: "title", 0x9C9C: "comment", 0x9C9D: "author", 0x9C9E: "keywords",
    0x9C9F: "subject", 0x9286: "comment", 0x927C: "maker-note", 0xA430: "owner", 0xA431: "serial", 0xA435: "serial", 0xA420: "image-id",
    0x010F: "device", 0x0110: "device", 0xA433: "device", 0xA434: "device", 0x013C: "host", 0xC614: "device", 0xC62F: "serial",
    0x9003: "date", 0x9004: "date", 0x0132: "date", 0x010D: "title", 0x011D: "title", 0x83BB: "iptc", 0x8649: "iptc", 0x02BC: "xmp",
    0x8482: "gps", 0x830E: "gps", 0x85D8: "gps", 0x87B1: "gps", 0xA480: "text", 0xC68B: "title",
}  # fmt: skip
_OWNERS: Final = frozenset(("artist", "author", "owner"))
_WORDS: Final = _OWNERS | {"description", "copyright", "title", "comment", "keywords", "subject", "host", "text"}
_SOFTWARE: Final = 0x0131
_TECHNICAL: Final = frozenset((0x0001, 0x1000, 0x8824, 0x9010, 0x9011, 0x9012, 0x9290, 0x9291, 0x9292, 0xA004))
"""Tags of letters that say nothing of anybody: interoperability, time zones, parts of a second."""
_GPS: Final = 0x8825
_SUBFOLDERS: Final = (0x8769, 0xA005)


def exif_block(block: bytes) -> Iterator[Tag]:
    """Yield the tags of an Exif block that stands alone; one that cannot be read is told as a whole."""
    from PIL import Image

    exif = Image.Exif()
    try:
        exif.load(block.removeprefix(b"Exif\0\0"))
        yield from list(exif_tags(exif))
    except Exception:  # whatever a damaged block makes of its reader
        yield Tag("metadata-exif")


def exif_tags(exif: Any) -> Iterator[Tag]:
    """Yield the tags of all folders of an Exif block."""
    for folder in (dict(exif), *(dict(exif.get_ifd(number)) for number in _SUBFOLDERS)):
        yield from tags_in(folder)
    if exif.get_ifd(_GPS):
        yield Tag("metadata-exif-gps")
    if exif.get_ifd(1):
        yield Tag("metadata-exif-thumbnail")


def tags_in(folder: dict[int, Any]) -> Iterator[Tag]:
    """Yield the tags of one folder."""
    for number, value in folder.items():
        if value in (None, "", b""):
            continue
        if number == _SOFTWARE:
            yield Tag("metadata-software", personal=False)
        elif number in _EXIF:
            said = _EXIF[number]
            text = words_in(value) if said in _WORDS else ""
            yield Tag(f"metadata-exif-{said}", personal=said != "date", text=text, owner=said in _OWNERS)
        elif isinstance(value, str) and number not in _TECHNICAL and value.strip("\0 "):
            yield Tag("metadata-exif-text", text=words_in(value))


_XMP: Final = re.compile(
    rb"(?:dc:creator|dc:title|dc:description|dc:subject|dc:rights|xmpRights:|photoshop:|Iptc4xmp|exif:GPS|aux:SerialNumber|aux:OwnerName|xmpMM:|pdfx:|plus:)"
)


def xmp(content: bytes) -> Iterator[Tag]:
    """Yield a tag where an XMP packet stands: personal, if it has words for people."""
    for place in (match.start() for match in re.finditer(rb"<x:xmpmeta|<rdf:RDF", content)):
        end = content.find(b"</rdf:RDF>", place)
        packet = content[place : end if end > 0 else place + 65536]
        if not _XMP.search(packet):
            yield Tag("metadata-xmp", personal=False)
            return
        yield Tag("metadata-xmp", text=_plain(packet))
        for match in _XMP_OWNER.finditer(packet):
            names = _XMP_ITEM.findall(match[1]) if match[1] else [match[2]]
            yield from (Tag("metadata-xmp", text=_plain(name), owner=True) for name in names if _plain(name))
        return


_XMP_OWNER: Final = re.compile(
    rb"(?s)<dc:creator[^>]*>(.{1,4096}?)</dc:creator>"
    rb"""|(?:aux:OwnerName|photoshop:CaptionWriter|photoshop:Credit|xmpDM:artist|exifEX:CameraOwnerName|tiff:Artist)(?:="|>)([^"<]{1,256})"""
)
_XMP_ITEM: Final = re.compile(rb"<rdf:li[^>]*>([^<]{1,256})<|\A\s*([^<]{1,256})\Z")
_MARKUP: Final = re.compile(r"<[^>]*>")


def _plain(packet: bytes | tuple[bytes, ...]) -> str:
    """Return what stands between the tags of a packet."""
    raw = b"".join(packet) if isinstance(packet, tuple) else packet
    return html.unescape(_MARKUP.sub("\n", raw.decode("utf-8", "replace")))[:MAX_TEXT].strip()
