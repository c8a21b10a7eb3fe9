"""Names of OpenDocument: the namespaces that are content, and the elements that several readers look for."""

from __future__ import annotations

from typing import Final

OASIS: Final = "urn:oasis:names:tc:opendocument:xmlns:"
OFFICE, TEXT_NS, TABLE, DRAW, STYLE, PRESENTATION = (
    f"{OASIS}{name}:1.0" for name in ("office", "text", "table", "drawing", "style", "presentation")
)
XLINK: Final = "http://www.w3.org/1999/xlink"
MATH: Final = "http://www.w3.org/1998/Math/MathML"
_FO, _SVG = f"{OASIS}xsl-fo-compatible:1.0", f"{OASIS}svg-compatible:1.0"
CALC: Final = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"
LOOKS: Final = frozenset((
    _FO, _SVG, f"{OASIS}dr3d:1.0", f"{OASIS}smil-compatible:1.0", f"{OASIS}animation:1.0", f"{OASIS}datastyle:1.0",
    "http://openoffice.org/2010/draw",
))  # fmt: skip
NAMESPACES: Final = LOOKS | frozenset((
    "", OFFICE, TEXT_NS, TABLE, DRAW, STYLE, PRESENTATION, XLINK, MATH, CALC, f"{OASIS}chart:1.0", f"{OASIS}of:1.2",
    "urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0", "http://openoffice.org/2004/office",
    "http://openoffice.org/2009/office", "http://openoffice.org/2009/table", "http://www.w3.org/XML/1998/namespace",
    "urn:openoffice:names:experimental:ooo-ms-interop:xmlns:field:1.0", "http://www.w3.org/TR/css3-text/",
))  # fmt: skip
P, H, S = (f"{{{TEXT_NS}}}{name}" for name in ("p", "h", "s"))
CELL, COVERED, SHEET = (f"{{{TABLE}}}{name}" for name in ("table-cell", "covered-table-cell", "table"))
