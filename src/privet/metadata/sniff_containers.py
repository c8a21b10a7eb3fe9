"""Zip and OLE files: what they hold says what they are.

Functions take (head, tail, name, size), as `sniff.recognise` does, and return the format.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from privet.metadata.sniff_text import extension

_OLE_STREAMS: Final = (
    ("doc", "WordDocument"), ("ppt", "PowerPoint Document"), ("xls", "Workbook"), ("msg", "__properties_version1.0"),
    ("msg", "__nameid_version1.0"), ("msg", "__substg1.0_"), ("xls", "Book"), ("vsd", "VisioDocument"), ("pub", "Quill"), ("wps", "MatOST"),
    ("wks", "WksSSWorkBook"), ("sdw", "StarWriterDocument"), ("sdc", "StarCalcDocument"), ("sda", "StarDrawDocument"),
)  # fmt: skip
_OLE_NAMES: Final = {
    "doc": "doc", "dot": "doc", "xls": "xls", "xlt": "xls", "xla": "xls", "ppt": "ppt", "pps": "ppt", "pot": "ppt", "msg": "msg",
    "oft": "msg", "vsd": "vsd", "vst": "vsd", "vss": "vsd", "pub": "pub", "wps": "wps",
}  # fmt: skip
_ODF: Final = b"application/vnd.oasis.opendocument"
_EPUB: Final = b"application/epub+zip"
_INDESIGN: Final = b"application/vnd.adobe.indesign-idml-package"
_STAR_OFFICE: Final = {b"writer": "sxw", b"calc": "sxc", b"impress": "sxi", b"draw": "sxd"}
_IWORK_NAMES: Final = {"pages": "pages", "numbers": "numbers", "key": "key"}


def _zip_names(head: bytes, tail: bytes) -> tuple[list[bytes], bytes]:
    """Return names of members, as far as they are seen, and the first bytes of the first."""
    names: list[bytes] = []
    end = tail.rfind(b"PK\x05\x06")
    if end >= 0 and len(tail) - end >= 22:
        length = struct.unpack_from("<I", tail, end + 12)[0]
        place = tail.find(b"PK\x01\x02") if length > end else end - length
        while 0 <= place <= len(tail) - 46 and tail[place : place + 4] == b"PK\x01\x02" and len(names) < 4096:
            name, extra, comment = struct.unpack_from("<HHH", tail, place + 28)
            names.append(tail[place + 46 : place + 46 + name])
            place += 46 + name + extra + comment
    first = b""
    place = 0
    while head[place : place + 4] == b"PK\x03\x04" and place + 30 <= len(head) and len(names) < 8192:
        flags, packed, name, extra = struct.unpack_from("<H10xI4xHH", head, place + 6)
        names.append(head[place + 30 : place + 30 + name])
        start = place + 30 + name + extra
        if not place:
            first = head[start : start + 96]
        if flags & 8:
            # The size stands behind the content.
            place = head.find(b"PK\x03\x04", start)
            continue
        place = start + packed
    return names, first


def _office_kind(names: list[bytes]) -> str:
    """Tell the packages apart that are no XML of Word, Excel or PowerPoint."""
    if b"xl/workbook.bin" in names:
        return "xlsb"
    if any(name.lower().endswith((b".fdseq", b".fdseq/[0].piece")) for name in names):
        return "xps"
    return "vsdx" if b"visio/document.xml" in names else "ooxml"


def _iwork_kind(names: list[bytes], name: str) -> str:
    """Tell Apple's documents: XML up to 2009, their own archives since."""
    if b"index.apxl" in names or b"index.apxl.gz" in names:
        return "key"
    is_old = b"buildVersionHistory.plist" in names and bool({b"index.xml", b"index.xml.gz"}.intersection(names))
    is_new = b"Index/Document.iwa" in names or b"Index.zip" in names
    return _IWORK_NAMES.get(extension(name), "pages") if is_old or is_new else ""


def zip_kind(head: bytes, tail: bytes, name: str, _size: int) -> str:
    """Tell office documents, books, arrays and checkpoints from plain archives."""
    names, first = _zip_names(head, tail)
    return _by_mimetype(names, first, head) or _by_members(names, name) or "zip"


def _by_mimetype(names: list[bytes], first: bytes, head: bytes) -> str:
    """Return the kind of a package that says so in its first member."""
    is_first = head[30:38] == b"mimetype"
    star = re.match(rb"application/vnd\.sun\.xml\.([a-z]+)", first) if is_first else None
    if star:
        return _STAR_OFFICE.get(star[1], "")
    if b"mimetype" not in names:
        return ""
    kind = first if is_first else head[:65536]
    if kind.startswith(_INDESIGN):
        # Its members are XML files like others.
        return ""
    if kind.startswith(_EPUB) or (b"META-INF/container.xml" in names and not kind.startswith(_ODF)):
        return "epub"
    return "odf" if kind.startswith(_ODF) or b"META-INF/manifest.xml" in names else ""


def _by_members(names: list[bytes], name: str) -> str:
    """Return the kind of a package by what it holds, or an empty text where it is a plain archive."""
    folders = (b"word/", b"xl/", b"ppt/", b"visio/", b"docProps/", b"_rels/")
    if b"[Content_Types].xml" in names and any(member.startswith(folders) for member in names):
        return _office_kind(names)
    if b"content.xml" in names and b"META-INF/manifest.xml" in names:
        return "odf"
    if any(member.endswith(b"/data.pkl") and member.count(b"/") == 1 for member in names):
        return "torch"
    files = [member for member in names if not member.endswith(b"/")]
    is_arrays = bool(files) and all(member.endswith(b".npy") for member in files)
    return "npz" if is_arrays else _iwork_kind(names, name)


def has_directory(tail: bytes) -> bool:
    """Say whether a zip ends here: its last record fits, and its directory lies before it."""
    end = tail.rfind(b"PK\x05\x06")
    return 0 <= end <= len(tail) - 22 and struct.unpack_from("<H", tail, end + 20)[0] <= len(tail) - end - 22


def ole_kind(head: bytes, tail: bytes, name: str, _size: int) -> str:
    """Tell the old office formats apart by the names of their streams."""
    seen = head + tail
    if "EncryptedPackage".encode("utf-16-le") in seen:
        return "encrypted"
    by_name = _OLE_NAMES.get(extension(name), "")
    if len(head) >= 52:
        # The directory's first sector says what the file is; a stream's name inside another stream does not.
        shift, sector = struct.unpack_from("<H16xI", head, 30)
        start = (sector + 1) << min(shift, 16)
        seen = head[start:] + b"\0" * 64 + tail if start < len(head) else seen
    kinds = [kind for kind, stream in _OLE_STREAMS if stream.encode("utf-16-le") in seen]
    if by_name in kinds:
        return by_name
    return kinds[0] if kinds else by_name or "ole"
