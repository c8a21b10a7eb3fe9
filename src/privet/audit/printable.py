"""Files of no known form: their printable runs, and marks of metadata that stand out of any form.

Invariants:

- a file is read once, in pieces that overlap, so that memory does not grow with it
- runs are UTF-8, UTF-16 of either order; what is shorter than `_LEAST` characters is noise
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from privet.audit.tag import Tag

_PIECE: Final = 1 << 20
_OVERLAP: Final = 1 << 12
_LEAST: Final = 6
_TEXT_CHARS: Final = 1 << 16
_RUNS: Final = (
    (rb"(?:[\t -~]|[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}){%d,}" % _LEAST, "utf-8"),
    (rb"(?:[\t -~\xa1-\xff]\x00){%d,}" % _LEAST, "utf-16-le"),
    (rb"(?:\x00[\t -~\xa1-\xff]){%d,}" % _LEAST, "utf-16-be"),
)
_MARKS: Final = (
    (re.compile(rb"Exif\0\0(?:II\*\0|MM\0\*)"), "metadata-exif"),
    (re.compile(rb"<x:xmpmeta|<rdf:RDF|W5M0MpCehiHzreSzNTczkc9d"), "metadata-xmp"),
    (re.compile(rb"Photoshop 3\.0\0|8BIM\x04\x04"), "metadata-iptc"),
    (re.compile(rb"ID3[\2-\4]\0[\0\x40\x80][\0-\x7f]{4}[A-Z]{3}"), "metadata-id3"),
    (re.compile(rb"APETAGEX"), "metadata-ape"),
    (re.compile(rb"/Author\s*[(<]\s*[^)>\s]"), "metadata-pdf-info"),
    (re.compile(rb"<dc:creator>\s*[^<\s]|<cp:lastModifiedBy>[^<]"), "metadata-office-author"),
    (re.compile(rb"\x03vorbis|OpusTags"), "metadata-vorbis-comment"),
    (re.compile(rb"\A.{128}DICM", re.DOTALL), "metadata-dicom"),
)


def marks_in(stream: BinaryIO) -> Iterator[Tag]:
    """Yield a tag for each kind of mark that stands in a file."""
    seen: set[str] = set()
    for piece in _pieces(stream):
        for pattern, rule in _MARKS:
            if rule not in seen and pattern.search(piece):
                seen.add(rule)
                yield Tag(rule)


def texts_in(stream: BinaryIO) -> Iterator[str]:
    """Yield the printable runs of a file, many in a text, each a paragraph."""
    import re2

    # RE2 takes bytes as they are, ten times as fast as `re` does.
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    runs = [(re2.compile(pattern, options), encoding) for pattern, encoding in _RUNS]
    waiting: list[str] = []
    size = 0
    for piece in _pieces(stream):
        for pattern, encoding in runs:
            for match in pattern.finditer(piece):
                waiting.append(match[0].decode(encoding, "replace"))
                size += len(waiting[-1])
                if size > _TEXT_CHARS:
                    yield "\n\n".join(waiting)
                    waiting, size = [], 0
    if waiting:
        yield "\n\n".join(waiting)


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    last = b""
    while more := stream.read(_PIECE):
        piece = last + more
        yield piece
        last = piece[-_OVERLAP:]
