"""From a place in a syntax tree to an offset in the text that it was made from.

Invariant: offsets are in code points; `ast` counts the columns of a line in UTF-8 bytes.
"""

from __future__ import annotations

import ast
import re


class Places:
    """The places of one module's text."""

    def __init__(self, text: str) -> None:
        self._lines = (
            text.splitlines(keepends=True) if "\f" in text or "\x0b" in text else re.findall(r"[^\n]*\n|[^\n]+\Z", text)
        )
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def of(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return where a node begins and ends."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column)

    def of_first_line(self, node: ast.stmt) -> tuple[int, int]:
        """Return where a statement begins, and where its first line ends: for pointing at a function."""
        line = min(node.lineno, len(self._lines))
        return self._offset(node.lineno, node.col_offset), self._starts[line] - 1 if line else 0

    def _offset(self, line: int, column: int) -> int:
        if line > len(self._lines):
            return self._starts[-1]
        text = self._lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode(errors="ignore"))
        return self._starts[line - 1] + column
