"""The widths of glyphs as a PDF's fonts list them, in parts of the font size.

Invariants: a missing or wrong entry is a width of 0 or the font's default, never an error; a list costs at most `MAX_CODES` entries.
"""

from __future__ import annotations

from pikepdf import Array, Dictionary, Name, Object

from privet.metadata import pdf_metrics
from privet.metadata.pdf_cmaps import MAX_CODES
from privet.metadata.pdf_values import number, spelled


def simple_widths(font: Object, texts: list[str]) -> list[float]:
    """Return the width of each code of a font with one-byte codes."""
    scale = 0.001
    if font.get("/Subtype") == Name.Type3:
        matrix = font.get("/FontMatrix")
        scale = abs(number(matrix[0])) if isinstance(matrix, Array) and len(matrix) else scale
    found = font.get("/Widths")
    if isinstance(found, Array):
        descriptor = font.get("/FontDescriptor")
        missing = number(descriptor.get("/MissingWidth", 0)) if isinstance(descriptor, Dictionary) else 0
        out = [missing * scale] * 256
        first = int(number(font.get("/FirstChar", 0)))
        for code, width in enumerate(found, first):
            if 0 <= code < 256:
                out[code] = number(width) * scale
        return out
    table = pdf_metrics.widths(pdf_metrics.standard_name(spelled(font.get("/BaseFont", ""))))
    return [table.get(text, 0.6 if not table else 0.0) for text in texts]


def cid_widths(font: Object) -> tuple[dict[int, float], float]:
    """Return the widths by glyph number, and the default."""
    out: dict[int, float] = {}
    found = font.get("/W")
    items = list(found) if isinstance(found, Array) else []
    at = 0
    while at + 1 < len(items) and len(out) < MAX_CODES:
        first = int(number(items[at]))
        if isinstance(items[at + 1], Array):
            out |= {first + index: number(width) / 1000 for index, width in enumerate(items[at + 1])}
            at += 2
        elif at + 2 < len(items):
            width = number(items[at + 2]) / 1000
            out |= dict.fromkeys(range(first, min(int(number(items[at + 1])), first + 0xFFFF) + 1), width)
            at += 3
        else:
            break
    return out, number(font.get("/DW", 1000)) / 1000


def vertical_widths(font: Object) -> tuple[dict[int, float], float]:
    """Return the advances of vertical writing by glyph number, and the default."""
    default = font.get("/DW2")
    advance = number(default[1]) / 1000 if isinstance(default, Array) and len(default) > 1 else -1.0
    out: dict[int, float] = {}
    found = font.get("/W2")
    items = list(found) if isinstance(found, Array) else []
    at = 0
    while at + 1 < len(items) and len(out) < MAX_CODES:
        first = int(number(items[at]))
        if isinstance(items[at + 1], Array):
            out |= {first + index: number(width) / 1000 for index, width in enumerate(list(items[at + 1])[::3])}
            at += 2
        elif at + 4 < len(items):
            last = min(int(number(items[at + 1])), first + 0xFFFF)
            out |= dict.fromkeys(range(first, last + 1), number(items[at + 2]) / 1000)
            at += 5
        else:
            break
    return out, advance
