"""XPS documents: pages with what they show, written anew.

Invariants:

- A page keeps the elements and attributes that draw; names, links inside the document, its outline, print settings, signatures,
  comments and thumbnails are not written.
- Text is what the glyphs show, where the font tells; a run that is edited loses its own glyphs, and readers take those of the font.
- Parts get names of their own; fonts and pictures are cleaned like files of their own.

Source: ECMA-388 (Open XML Paper Specification), sections 9 (parts), 11 (pages), 12 (text).
"""

from __future__ import annotations

import posixpath
from typing import BinaryIO, Final

from lxml import etree

from privet.metadata.job import CannotClean, Job
from privet.metadata.office_xml import (
    MAX_PART_BYTES,
    Element,
    local,
    namespace,
    parsed,
    serialized,
)
from privet.metadata.package import Package, opened, write
from privet.metadata.xps_fonts import Font, Fonts
from privet.metadata.xps_page import SPACES, Page, resolved

_TYPES: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="fdseq" ContentType="application/vnd.ms-package.xps-fixeddocumentsequence+xml"/>'
    '<Default Extension="fdoc" ContentType="application/vnd.ms-package.xps-fixeddocument+xml"/>'
    '<Default Extension="fpage" ContentType="application/vnd.ms-package.xps-fixedpage+xml"/>'
    '<Default Extension="odttf" ContentType="application/vnd.ms-package.obfuscated-opentype"/>'
    '<Default Extension="png" ContentType="image/png"/><Default Extension="jpg" ContentType="image/jpeg"/>'
    '<Default Extension="tif" ContentType="image/tiff"/></Types>'
)
_RELATIONS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_PICTURES: Final = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"II*\0": "tif", b"MM\0*": "tif"}


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the document with its identifiers replaced.

    Raises:
        CannotClean: damaged, or with a picture, a font or a colour that cannot be cleaned.

    """
    document = _Document(opened(source, job), job)
    members = document.members()
    job.dropped("other part", document.left_out())
    write(target, members)


class _Document:
    """A document while it is cleaned."""

    def __init__(self, package: Package, job: Job) -> None:
        self._package = package
        self._job = job
        self._fonts = Fonts(self._part, job)
        self._pictures: dict[str, tuple[str, bytes]] = {}
        self._read: set[str] = set()

    def left_out(self) -> int:
        """Return how many members were read by nothing."""
        names = (name for name in self._package.members if not name.endswith((".rels", "[Content_Types].xml")))
        return sum(name.lower() not in self._read for name in names)

    def _part(self, name: str) -> bytes:
        """Return a part, joined where it was written in pieces (ECMA-388, 9.1.1)."""
        spelled = self._package.spelled(name)
        if spelled is not None:
            self._read.add(spelled.lower())
            return self._package.read(spelled)
        pieces: list[bytes] = []
        while True:
            at = len(pieces)
            next_name, last_name = (self._package.spelled(f"{name}/[{at}]{end}.piece") for end in ("", ".last"))
            piece = next_name or last_name
            if piece is None:
                raise CannotClean("damaged: a part of the document is missing")
            self._read.add(piece.lower())
            pieces.append(self._package.read(piece))
            if next_name is None:
                return b"".join(pieces)

    def _tree(self, name: str) -> Element:
        content = self._part(name)
        if len(content) > MAX_PART_BYTES:
            raise CannotClean("too large: a page of the document")
        return parsed(content)

    def members(self) -> list[tuple[str, bytes]]:
        """Return the members of the cleaned document."""
        start = next(
            (name for name in self._package.members if name.lower().endswith((".fdseq", ".fdseq/[0].piece"))), ""
        )
        start = start.partition("/[")[0] if start.endswith(".piece") else start
        sequence = self._tree(start)
        space = namespace(str(sequence.tag))
        if space not in SPACES:
            raise CannotClean("damaged: not an XPS document")
        out: list[tuple[str, bytes]] = []
        documents = ""
        for number, place in enumerate(_sources(sequence, "DocumentReference", start), 1):
            documents += f'<DocumentReference Source="/Documents/{number}/FixedDoc.fdoc"/>'
            out += self._pages(place, number, space)
        head = [
            ("[Content_Types].xml", _TYPES.encode()),
            ("_rels/.rels", _related([(f"{_start_of(space)}/fixedrepresentation", "/FixedDocSeq.fdseq")])),
            (
                "FixedDocSeq.fdseq",
                f'<FixedDocumentSequence xmlns="{space}">{documents}</FixedDocumentSequence>'.encode(),
            ),
        ]
        return [*head, *out, *self._fonts.members(), *self._pictures.values()]

    def _pages(self, place: str, number: int, space: str) -> list[tuple[str, bytes]]:
        out: list[tuple[str, bytes]] = []
        pages = ""
        for at, page in enumerate(_sources(self._tree(place), "PageContent", place), 1):
            name = f"Documents/{number}/Pages/{at}.fpage"
            pages += f'<PageContent Source="/{name}"/>'
            root = self._tree(page)
            used = Page(self, page, self._job).cleaned(root)
            related = [(f"{_start_of(space)}/required-resource", part) for part in used]
            out += [(name, serialized(root)), (f"Documents/{number}/Pages/_rels/{at}.fpage.rels", _related(related))]
        document = f'<FixedDocument xmlns="{space}">{pages}</FixedDocument>'
        return [(f"Documents/{number}/FixedDoc.fdoc", document.encode()), *out]

    def font(self, place: str) -> Font:
        """Return the font at a place."""
        return self._fonts.at(place)

    def picture(self, place: str) -> str:
        """Return the new place of a picture, which is cleaned."""
        if place not in self._pictures:
            member = self._job.nested(posixpath.basename(place), self._part(place))
            kind = next((kind for mark, kind in _PICTURES.items() if member and member.content.startswith(mark)), "")
            if member is None or not kind:
                raise CannotClean("a picture in it cannot be cleaned")
            self._pictures[place] = f"Resources/{len(self._pictures) + 1}.{kind}", member.content
        return "/" + self._pictures[place][0]


def _sources(root: Element, tag: str, place: str) -> list[str]:
    found = [resolved(place, child.get("Source") or "") for child in root.iter(etree.Element) if local(child) == tag]
    if len(found) != len(set(found)):
        raise CannotClean("lying: a page is there twice")
    return found


def _start_of(space: str) -> str:
    return space if space.endswith("2005/06") else "http://schemas.openxps.org/oxps/v1.0"


def _related(parts: list[tuple[str, str]]) -> bytes:
    rows = "".join(
        f'<Relationship Id="R{at}" Type="{kind}" Target="{part}"/>' for at, (kind, part) in enumerate(parts, 1)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Relationships xmlns="{_RELATIONS}">{rows}</Relationships>'.encode()
    )
