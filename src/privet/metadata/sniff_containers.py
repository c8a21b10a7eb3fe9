"""Zip and OLE files: what they hold says what they are.

Functions take (head, tail, name, size), as `sniff.recognise` does, and return the format.
"""

from __future__ import annotations

import struct
from typing import Final

from privet.metadata.sniff_text import extension

_OLE_STREAMS: Final = (
    ("doc", "WordDocument"), ("ppt", "PowerPoint Document"), ("xls", "Workbook"), ("msg", "__properties_version1.0"),
    ("msg", "__nameid_version1.0"), ("msg", "__substg1.0_"), ("xls", "Book"),
)  # fmt: skip
_OLE_NAMES: Final = {
    "doc": "doc", "dot": "doc", "xls": "xls", "xlt": "xls", "xla": "xls", "ppt": "ppt", "pps": "ppt", "pot": "ppt", "msg": "msg",
    "oft": "msg",
}  # fmt: skip
_ODF: Final = b"application/vnd.oasis.opendocument"
_EPUB: Final = b"application/epub+zip"


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


def zip_kind(head: bytes, tail: bytes, _name: str, _size: int) -> str:
    """Tell office documents, books, arrays and checkpoints from plain archives."""
    names, first = _zip_names(head, tail)
    if names and b"mimetype" in names:
        kind = first if head[30:38] == b"mimetype" else head[:65536]
        if kind.startswith(_EPUB) or (b"META-INF/container.xml" in names and not kind.startswith(_ODF)):
            return "epub"
        if kind.startswith(_ODF) or b"META-INF/manifest.xml" in names:
            return "odf"
    if b"[Content_Types].xml" in names and any(
        name.startswith((b"word/", b"xl/", b"ppt/", b"visio/", b"docProps/", b"_rels/")) for name in names
    ):
        return "ooxml"
    if b"content.xml" in names and b"META-INF/manifest.xml" in names:
        return "odf"
    if any(name.endswith(b"/data.pkl") and name.count(b"/") == 1 for name in names):
        return "torch"
    files = [name for name in names if not name.endswith(b"/")]
    return "npz" if files and all(name.endswith(b".npy") for name in files) else "zip"


def has_directory(tail: bytes) -> bool:
    """Say whether a zip ends here: its last record fits, and its directory lies before it."""
    end = tail.rfind(b"PK\x05\x06")
    return 0 <= end <= len(tail) - 22 and struct.unpack_from("<H", tail, end + 20)[0] <= len(tail) - end - 22


def ole_kind(head: bytes, tail: bytes, name: str, _size: int) -> str:
    """Tell the old office formats apart by the names of their streams."""
    seen = head + tail
    if "EncryptedPackage".encode("utf-16-le") in seen:
        return "ole"
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
