"""Files that readers open although they break the format: the pages of a broken tree, and what another reader can make of the rest.

Invariants: a page is found once; what it inherits is written into it; nothing is made up but the order of pages that no tree lists.
"""

from __future__ import annotations

import io
from typing import BinaryIO, Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf

from privet.metadata.job import MIB

_INHERITED: Final = ("/Resources", "/MediaBox", "/CropBox", "/Rotate")
_MAX_BYTES: Final = 256 * MIB
"""largest file that is read a second time, by pdfium"""
_MAX_DEPTH: Final = 64


def opened(source: BinaryIO) -> Pdf:
    """Open a file as it is, or as readers do that forgive more.

    Raises:
        pikepdf.PdfError: no reader makes anything of it; `PasswordError` where it is encrypted.

    """
    try:
        return pikepdf.open(source)
    except pikepdf.PasswordError:
        raise
    except pikepdf.PdfError as error:
        source.seek(0)
        try:
            return pikepdf.open(source, inherit_page_attributes=False)
        except pikepdf.PdfError:
            made = _written_by_pdfium(source)
            if made is None:
                raise error from None
            return pikepdf.open(made, inherit_page_attributes=False)


def _written_by_pdfium(source: BinaryIO) -> BinaryIO | None:
    import pypdfium2  # type: ignore[import-untyped]

    if source.seek(0, 2) > _MAX_BYTES:
        return None
    source.seek(0)
    made = io.BytesIO()
    try:
        document = pypdfium2.PdfDocument(source.read())
        try:
            document.save(made)
        finally:
            document.close()
    except pypdfium2.PdfiumError:
        return None
    made.seek(0)
    return made


def pages_of(pdf: Pdf, limit: int) -> list[Object]:
    """Return the pages of a document in order, as far as there is any."""
    try:
        found: list[Object] = [page.obj for page in pdf.pages]
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError):
        found = []
    for page in found:
        _inherit(page)
    return found or _walked(pdf, limit) or _scattered(pdf, limit)


def _inherit(page: Object) -> None:
    """Write into a page what it has from the nodes above it, where opening the file did not."""
    node = page.get("/Parent")
    for _depth in range(_MAX_DEPTH):
        if not isinstance(node, Dictionary):
            return
        for key in _INHERITED:
            if key in node and key not in page:
                page[key] = node[key]
        node = node.get("/Parent")


def _walked(pdf: Pdf, limit: int) -> list[Object]:
    """Return the pages of a tree that goes in circles, or whose counts are wrong."""
    out: list[Object] = []
    seen: set[tuple[int, int]] = set()
    todo: list[tuple[object, dict[str, Object], int]] = [(pdf.Root.get("/Pages"), {}, 0)]
    while todo and len(out) < limit:
        node, above, depth = todo.pop()
        if not isinstance(node, Dictionary) or depth > _MAX_DEPTH or (node.is_indirect and node.objgen in seen):
            continue
        seen.add(node.objgen)
        children = node.get("/Kids")
        if isinstance(children, Array):
            given = above | {key: node[key] for key in _INHERITED if key in node}
            todo += ((child, given, depth + 1) for child in reversed(list(children)))
        elif depth:
            for key, value in above.items():
                if key not in node:
                    node[key] = value
            out.append(node if node.is_indirect else pdf.make_indirect(node))
    return out


def _scattered(pdf: Pdf, limit: int) -> list[Object]:
    """Return what says of itself that it is a page, in the order of numbers."""
    found = (item for item in pdf.objects if isinstance(item, Dictionary) and item.get("/Type") == Name.Page)
    return [page for page, _number in zip(found, range(limit), strict=False)]
