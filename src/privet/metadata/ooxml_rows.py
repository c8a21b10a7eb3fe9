"""The rows of a sheet and the shared strings of a workbook, read, cleaned and written some at a time.

Invariants:

- Of the rows, never more than one batch is in memory as a tree, however large the sheet is.
- A row is written as it was read but for what was changed in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

from lxml import etree

from privet.metadata.job import CannotClean
from privet.metadata.office_xml import Element, check_attributes, ends

MAX_BYTES: Final = 1024**3
"""largest part that is read in batches"""
_BATCH: Final = 2000
_BATCH_CELLS: Final = 50_000
_MARK: Final = "\ue0f7rows\ue0f7"
_OPENING: Final = re.compile(rb"<[^>]*>")
_SPACE: Final = re.compile(rb' xmlns(?::([^=\s]+))?="([^"]*)"')


class Rows:
    """The rows of a part: the tree without them, and their bytes once `clean` has changed them."""

    gone: AbstractSet[int] = frozenset()
    """the turns, 0 for the first, of the rows written that do not come along"""

    def __init__(self, content: bytes, tag: str, holder: str, clean: Callable[[list[Element]], None]) -> None:
        """Read a part. `tag` is a row's name, `holder` that of what holds them; `clean` is given some rows at a time.

        Raises:
            CannotClean: the part is too large or not well-formed.

        """
        if len(content) > MAX_BYTES:
            raise CannotClean("a sheet is too large: split the file")
        self._clean = clean
        self._written: list[bytes] = []
        self._known: dict[bytes, bytes] = {}
        rows: list[Element] = []
        stray: list[Element] = []
        cells = 0
        self.root: Element | None = None
        parser = ends(content, tag)
        try:
            for _event, row in parser:
                parent = row.getparent()
                if parent is None or parent.tag != holder:
                    stray.append(row)
                    continue
                # A row is done with once the next one has ended: what stands behind it is read by then.
                if len(rows) >= _BATCH or cells > _BATCH_CELLS:
                    self._finish(rows)
                    cells = 0
                rows.append(row)
                cells += len(row)
            self.root = parser.root
        except (etree.LxmlError, ValueError) as error:
            raise CannotClean("damaged: a part is not well-formed XML") from error
        self._finish(rows)
        for row in stray:
            row.clear()
        if self.root is None:
            raise CannotClean("damaged: a part is not well-formed XML")

    def _finish(self, rows: list[Element]) -> None:
        if not rows:
            return
        for row in rows:
            check_attributes(row)
        parents = [row.getparent() for row in rows]
        self._clean(rows)
        top = rows[0].getroottree().getroot()
        self._known = {(prefix or "").encode(): space.encode() for prefix, space in top.nsmap.items()}
        for row, parent in zip(rows, parents, strict=True):
            if row.getparent() is not None:
                self._written.append(self._bytes(row))
            row.clear()
            if parent is not None and row.getparent() is parent:
                parent.remove(row)
        rows.clear()

    def _bytes(self, row: Element) -> bytes:
        """Return a row without the declarations that the part's root has made already."""
        whole = etree.tostring(row, encoding="UTF-8", xml_declaration=False, with_tail=False)
        start = _OPENING.match(whole)
        if start is None:
            return whole
        return _SPACE.sub(self._declaration, start[0]) + whole[start.end() :]

    def _declaration(self, found: re.Match[bytes]) -> bytes:
        return b"" if self._known.get(found[1] or b"") == found[2] else found[0]

    def mark(self, holder: Element) -> None:
        """Note in the tree where the rows stood."""
        holder.text = _MARK

    def put_back(self, content: bytes) -> bytes:
        """Return the written tree with the rows in their place."""
        rows = [row for turn, row in enumerate(self._written) if turn not in self.gone]
        return content.replace(_MARK.encode(), b"".join(rows), 1)
