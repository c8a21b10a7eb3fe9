"""The fonts of a PDF: what text a shown string is, and how wide each of its glyphs.

Invariants:

- A code whose text is not known is U+FFFD, and what readers may take it for is told by `Font.guess`.
- A font's own program is asked only where the PDF itself does not say what its codes mean.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from pikepdf import Array, Dictionary, Name, Object, Stream

from privet.metadata import pdf_cmaps, pdf_metrics
from privet.metadata.job import CannotClean
from privet.metadata.pdf_programs import (
    NUMBERED,
    UNKNOWN,
    CidTexts,
    named_character,
    program_names,
    program_of,
    standard_names,
)
from privet.metadata.pdf_streams import decoded
from privet.metadata.pdf_values import number, spelled
from privet.metadata.pdf_widths import cid_widths, simple_widths, vertical_widths

_REMEMBERED: Final = 2000
_LIGATURE: Final = 4
_BEYOND: Final = 0x3000
_SHIFTS: Final = (0, 29, 31)
"""Fonts with numbered glyphs: characters themselves; the glyph order of TrueType's makers, where 3 is the space; Adobe's, where 1 is."""
_LIGATURES: Final = str.maketrans({char: unicodedata.normalize("NFKC", char) for char in "ﬀﬁﬂﬃﬄﬅﬆ"})

Glyph = tuple[int, str, float]
"""(bytes of its code, its text, its advance in parts of the font size)"""


@dataclass(slots=True)
class Font:
    """One font as a content stream uses it."""

    texts: list[str] = field(default_factory=list)
    """by code, for fonts of one-byte codes"""
    widths: list[float] = field(default_factory=list)
    composite: Composite | None = None
    vertical: bool = False
    shifts: tuple[int, ...] = (0,)
    """how far characters are from codes in the orders that readers guess where nothing says what a code means"""
    otherwise: list[str] | None = None
    """by code, what the glyphs' names say where that is not what the font says its text is"""
    kept: set[int] = field(default_factory=set)
    """codes still shown once all cuts are made"""
    is_cut: bool = False
    """some of its codes may not be shown any more"""
    known: dict[bytes, tuple[str, tuple[float, int, int]]] = field(default_factory=dict)
    """strings read: letters set one by one come again and again"""

    def text(self, shown: bytes) -> str:
        """Return the text of a shown string."""
        return self.read(shown)[0]

    def read(self, shown: bytes) -> tuple[str, tuple[float, int, int]]:
        """Return the text of a shown string, and what `advance` returns."""
        found = self.known.get(shown)
        if found is not None:
            return found
        if self.composite is not None:
            codes = self.composite.split(shown)
            glyphs = [self.composite.glyph(code, size) for code, size in codes]
            text = "".join([glyph[1] for glyph in glyphs])
            advance = sum([glyph[2] for glyph in glyphs]), len(codes), codes.count((32, 1))
        else:
            texts, widths = self.texts, self.widths
            text = "".join([texts[code] for code in shown])
            advance = sum([widths[code] for code in shown]), len(shown), shown.count(32)
        if len(self.known) > _REMEMBERED:
            self.known.clear()
        self.known[shown] = text, advance
        return text, advance

    def glyphs(self, shown: bytes) -> list[Glyph]:
        """Return the glyphs of a shown string."""
        if self.composite is not None:
            return [self.composite.glyph(code, size) for code, size in self.composite.split(shown)]
        return [(1, self.texts[code], self.widths[code]) for code in shown]

    def advance(self, shown: bytes) -> tuple[float, int, int]:
        """Return how far a shown string moves in parts of the font size, how many glyphs it has, how many are word spaces."""
        return self.read(shown)[1]

    def codes(self, shown: bytes) -> Iterable[int]:
        """Return the codes of a shown string."""
        return shown if self.composite is None else [code for code, _size in self.composite.split(shown)]

    def guess(self, shown: bytes, shift: int) -> str:
        """Return the text of a shown string with each unknown glyph as the character `shift` places from its code."""
        pairs = zip(self.codes(shown), self.glyphs(shown), strict=True)
        return "".join([_guessed(code + shift) if text == UNKNOWN else text for code, (_size, text, _width) in pairs])


def _guessed(code: int) -> str:
    char = chr(code) if 32 <= code < _BEYOND else UNKNOWN
    return char if char.isprintable() else UNKNOWN


@dataclass(slots=True)
class Composite:
    """The codes of a font whose glyphs have numbers (Type 0)."""

    split: Callable[[bytes], list[tuple[int, int]]]
    text_of: Callable[[int, int], str]
    cid_of: Callable[[int], int]
    widths: dict[int, float]
    default_width: float
    known: dict[tuple[int, int], Glyph] = field(default_factory=dict)

    def glyph(self, code: int, size: int) -> Glyph:
        """Return one glyph."""
        found = self.known.get((code, size))
        if found is None:
            text = self.text_of(code, size)
            found = self.known[code, size] = (size, text, self.widths.get(self.cid_of(code), self.default_width))
        return found


def read_font(font: Object) -> Font:
    """Return a font of a resource dictionary."""
    if font.get("/Subtype") == Name.Type0:
        return _composite_font(font)
    return _simple_font(font)


def _to_unicode(font: Object) -> dict[int, str]:
    found = font.get("/ToUnicode")
    if not isinstance(found, Stream):
        return {}
    texts = pdf_cmaps.parse(decoded(found)).texts
    return {code: text.translate(_LIGATURES) for code, text in texts.items() if text.strip("\0\ufffd")}


def _simple_font(font: Object) -> Font:
    told = _to_unicode(font)
    names = _glyph_names(font, told)
    texts = [name if len(name) == 1 else named_character(name) for name in names]
    texts = [text.translate(_LIGATURES) for text in _dvips(names, texts)]
    otherwise = list(texts)
    for code, text in told.items():
        if code < 256:
            texts[code] = text
    return Font(
        texts=texts,
        widths=simple_widths(font, otherwise),
        otherwise=otherwise if any(map(_differs, texts, otherwise)) else None,
        is_cut=_is_wordy(told),
    )


def _is_wordy(told: dict[int, str]) -> bool:
    """Whether a glyph stands for more than a ligature: what is then not shown must not stay in the font's map either."""
    return any(len(text) > _LIGATURE for text in told.values())


def _differs(told: str, named: str) -> bool:
    """Whether a font's two accounts of a code are two letters: one may be there to hide the other."""
    return (
        named != told
        and len(named) == 1
        and named.isascii()
        and (named.isalnum() or named in "@.")
        and (unicodedata.normalize("NFKC", told).casefold() != named.casefold())
    )


def _dvips(names: list[str], texts: list[str]) -> list[str]:
    # TeX's bitmap fonts call the glyph of code 65 /a65: codes are ASCII when all names say so.
    named = [code for code in range(256) if names[code] and texts[code] == UNKNOWN and NUMBERED.match(names[code])]
    if not named or any(re.sub(r"\D", "", names[code]) != str(code) for code in named):
        return texts
    out = list(texts)
    for code in named:
        if 32 < code < 127:
            out[code] = chr(code)
    return out


def _glyph_names(font: Object, told: dict[int, str]) -> list[str]:
    """Return what each code shows: a glyph's name, or the character itself where it is one."""
    encoding = font.get("/Encoding")
    base = (
        encoding
        if isinstance(encoding, Name)
        else encoding.get("/BaseEncoding")
        if isinstance(encoding, Dictionary)
        else None
    )
    names = _base_names(spelled(base)) if isinstance(base, Name) else None
    if names is None:
        first, last = int(number(font.get("/FirstChar", 0))), int(number(font.get("/LastChar", 255)))
        # Reading the font program takes longer than reading the page, so it is asked last.
        names = [""] * 256 if all(code in told for code in range(first, last + 1)) else _own_names(font)
    if isinstance(encoding, Dictionary) and isinstance(encoding.get("/Differences"), Array):
        code = 0
        for item in encoding.Differences:
            if isinstance(item, Name):
                if 0 <= code < 256:
                    names[code] = spelled(item)[1:]
                code += 1
            else:
                code = int(number(item))
    return names


def _base_names(base: str) -> list[str] | None:
    codec = {"/WinAnsiEncoding": "cp1252", "/MacRomanEncoding": "mac_roman"}.get(base)
    if codec is not None:
        return [bytes((code,)).decode(codec, "replace") if code >= 32 else "" for code in range(256)]
    return standard_names() if base == "/StandardEncoding" else None


def _own_names(font: Object) -> list[str]:
    """Return the encoding built into a font."""
    standard = pdf_metrics.standard_name(spelled(font.get("/BaseFont", "")))
    descriptor = font.get("/FontDescriptor")
    program = program_of(descriptor) if isinstance(descriptor, Dictionary) else None
    if program is not None:
        kind, data = program
        names = program_names(kind, data)
        if any(names):
            return names
    elif standard in {"Symbol", "ZapfDingbats"}:
        chars = pdf_metrics.SYMBOL if standard == "Symbol" else pdf_metrics.DINGBATS
        return [""] * 32 + [char.strip("\0") for char in chars]
    if font.get("/Subtype") == Name.Type3:
        return [""] * 256
    return standard_names() if font.get("/Subtype") != Name.TrueType else _base_names("/WinAnsiEncoding") or []


def _composite_font(font: Object) -> Font:
    found = font.get("/DescendantFonts")
    below = found[0] if isinstance(found, Array) and len(found) and isinstance(found[0], Dictionary) else Dictionary()
    encoding = font.get("/Encoding")
    name = spelled(encoding)[1:] if isinstance(encoding, Name) else ""
    map_ = pdf_cmaps.parse(decoded(encoding)) if isinstance(encoding, Stream) else pdf_cmaps.CMap()
    vertical = name.endswith("V") or (isinstance(encoding, Stream) and encoding.get("/WMode") == 1)
    codec, space = pdf_cmaps.CODECS.get(name.removesuffix("-H").removesuffix("-V"), (None, 0))
    if codec is None and pdf_cmaps.is_foreign(name):
        raise CannotClean("text in a font whose character map is not known cannot be checked")
    texts = _to_unicode(font)
    own = CidTexts(below, map_.glyphs)

    def text_of(code: int, size: int) -> str:
        text = texts.get(code)
        if text is None and codec is not None:
            text = pdf_cmaps.codec_text(code, size, codec)
        return text if text is not None else own.text(code)

    def cid_of(code: int) -> int:
        if codec is not None:
            return code - 32 + space if 32 <= code < 127 else -1
        return map_.glyphs.get(code, 0) if map_.glyphs else code

    widths, default = vertical_widths(below) if vertical else cid_widths(below)
    composite = Composite(
        split=functools.partial(pdf_cmaps.codec_split, codec=codec) if codec else map_.split,
        text_of=text_of,
        cid_of=cid_of,
        widths=widths,
        default_width=default,
    )
    return Font(composite=composite, vertical=vertical, shifts=_SHIFTS, is_cut=_is_wordy(texts))
