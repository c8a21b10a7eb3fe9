"""What an embedded font program says its codes and glyphs are, for PDFs that do not say it themselves.

Invariants: fontTools reads hostile fonts, so whatever it raises means that nothing is known; a program is unpacked within bounds.
"""

from __future__ import annotations

import functools
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pikepdf import Dictionary, Object, PdfError, Stream

from privet.metadata.job import MIB, CannotClean
from privet.metadata.pdf_streams import decoded

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

UNKNOWN: Final = "\ufffd"
_FONT_LIMIT: Final = 64 * MIB
_TYPE1_ENCODING: Final = re.compile(rb"dup\s+(\d{1,3})\s*/(\S+)\s+put")
NUMBERED: Final = re.compile(
    r"(?i:[a-z]{0,2}\d{1,5}|(?=.*\d)[a-z]?[0-9a-f]{2,5}|glyph\d+|cid\d+|index\d+|char\w+|\.notdef|)(\.\w*)?\Z"
)
"""Names that writers give to glyphs they know nothing of."""


@functools.lru_cache(4096)
def named_character(name: str) -> str:
    """Return the character a glyph's name means (Adobe Glyph List), U+FFFD if none."""
    from fontTools.agl import toUnicode

    if not name:
        return UNKNOWN
    return str(toUnicode(name)) or UNKNOWN


def standard_names() -> list[str]:
    """Return the glyph names of Adobe's standard encoding, by code."""
    from fontTools.encodings.StandardEncoding import StandardEncoding

    return ["" if name == ".notdef" else str(name) for name in StandardEncoding]


def program_of(descriptor: Object) -> tuple[str, bytes] | None:
    """Return the key and the bytes of the font program in a descriptor."""
    for key in ("/FontFile", "/FontFile2", "/FontFile3"):
        stream = descriptor.get(key)
        if isinstance(stream, Stream):
            return key, decoded(stream, _FONT_LIMIT)
    return None


def program_names(kind: str, data: bytes) -> list[str]:
    """Return the glyph name, or character, of each code as the program has it built in."""
    names = [""] * 256
    if kind == "/FontFile":
        head = data.partition(b"eexec")[0]
        if b"StandardEncoding def" in head:
            return standard_names()
        for code, name in _TYPE1_ENCODING.findall(head):
            if int(code) < 256:
                names[int(code)] = name.decode("latin-1")
        return names
    try:
        return _cff_names(data) if kind == "/FontFile3" and data[:1] == b"\1" else _sfnt_names(data)
    except Exception:
        # fontTools raises nearly anything on broken fonts; the PDF's text is then not known.
        return names


def _cff_names(data: bytes) -> list[str]:
    from fontTools.cffLib import CFFFontSet

    fonts = CFFFontSet()
    fonts.decompile(io.BytesIO(data), None)
    encoding = getattr(fonts[0], "Encoding", "StandardEncoding")
    if isinstance(encoding, str):
        return standard_names()
    return ["" if name == ".notdef" else str(name) for name in encoding]


def _sfnt_names(data: bytes) -> list[str]:
    """A symbolic TrueType font's codes: its (3, 0) map at F000, or its Macintosh map, through the characters its glyphs have."""
    from fontTools.ttLib import TTFont

    program = TTFont(io.BytesIO(data), lazy=True)
    names = [""] * 256
    tables = program["cmap"].tables if "cmap" in program else []
    chars = _glyph_texts(program)
    for table in tables:
        if (table.platformID, table.platEncID) in {(3, 0), (1, 0)}:
            for code, glyph in table.cmap.items():
                if code < 256 or 0xF000 <= code < 0xF100:
                    names[code & 255] = names[code & 255] or chars.get(glyph, glyph)
    return names


def _glyph_texts(program: TTFont) -> dict[str, str]:
    """Return the character of each glyph of a font program that its Unicode map names."""
    best = (program.getBestCmap() if "cmap" in program else None) or {}
    return {glyph: chr(code) for code, glyph in sorted(best.items(), reverse=True) if not 0xE000 <= code < 0xF900}


@dataclass(slots=True)
class CidTexts:
    """The text of glyph numbers as the embedded font program has it, read when first needed."""

    font: Object
    glyphs: dict[int, int]
    known: dict[int, str] | None = None

    def text(self, code: int) -> str:
        """Return the text of a code, U+FFFD if it is not known."""
        if self.known is None:
            try:
                self.known = self._read()
            except (PdfError, CannotClean):
                raise
            except Exception:
                # As in `_program_names`.
                self.known = {}
        return self.known.get(self.glyphs.get(code, code) if self.glyphs else code, UNKNOWN)

    def _read(self) -> dict[int, str]:
        from fontTools.ttLib import TTFont

        descriptor = self.font.get("/FontDescriptor")
        program = program_of(descriptor) if isinstance(descriptor, Dictionary) else None
        if program is None or program[1][:1] == b"\1":
            return {}
        opened = TTFont(io.BytesIO(program[1]), lazy=True)
        order = {name: index for index, name in enumerate(opened.getGlyphOrder())}
        texts = {order[glyph]: text for glyph, text in _glyph_texts(opened).items() if glyph in order}
        for glyph, index in order.items():
            if index not in texts and not NUMBERED.match(glyph) and named_character(glyph) != UNKNOWN:
                texts[index] = named_character(glyph)
        table = self.font.get("/CIDToGIDMap")
        if isinstance(table, Stream):
            data = decoded(table)
            pairs = ((cid, int.from_bytes(data[2 * cid : 2 * cid + 2], "big")) for cid in range(len(data) // 2))
            return {cid: texts[gid] for cid, gid in pairs if gid in texts}
        return texts
