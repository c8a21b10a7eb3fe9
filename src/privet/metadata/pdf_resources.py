"""What the names in a content stream stand for.

Invariants: a font is read once for a document; a stream without resources of its own uses those of what draws it.
"""

from __future__ import annotations

import re
from typing import Final

from pikepdf import Array, Dictionary, Name, Object, Stream

from privet.metadata.pdf_fonts import Font, read_font
from privet.metadata.pdf_layers import is_marked
from privet.metadata.pdf_redraw import FONT_NAME
from privet.metadata.pdf_values import number

_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})?")


class Fonts:
    """The fonts of a document."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], Font] = {}

    def read(self, font: Object | None) -> Font:
        """Return a font, read once."""
        if font is None:
            font = Dictionary(
                Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding
            )
        if not font.is_indirect:
            return read_font(font)
        if font.objgen not in self.known:
            self.known[font.objgen] = read_font(font)
        return self.known[font.objgen]


class Resources:
    """What the names in one content stream stand for (`pdf_content.Scope`)."""

    def __init__(self, fonts: Fonts, owner: Object, above: Resources | None) -> None:
        self.shared = fonts
        own = owner.get("/Resources")
        inherited: Resources | None = None if isinstance(own, Dictionary) else above
        self.own: Object = own if isinstance(own, Dictionary) else inherited.own if inherited else Dictionary()
        self.holder: Object = inherited.holder if inherited else owner
        """whose resources these are"""
        self.fonts: dict[bytes, Font] = {}

    def _entry(self, category: str, name: bytes) -> object:
        entries = self.own.get(category)
        key = unescaped(name)
        # `get` takes no key that is not UTF-8.
        return entries[key] if isinstance(entries, Dictionary) and len(key) > 1 and key in entries else None

    def font(self, name: bytes) -> Font:
        """Return a font resource."""
        found = self.fonts.get(name)
        if found is None:
            entry = self._entry("/Font", name)
            found = self.fonts[name] = self.shared.read(entry if isinstance(entry, Dictionary) else None)
        return found

    def state_font(self, name: bytes) -> tuple[Font, float] | None:
        """Return the font and size a graphics state resource sets."""
        state = self._entry("/ExtGState", name)
        given = state.get("/Font") if isinstance(state, Dictionary) else None
        if not isinstance(given, Array) or len(given) != 2 or not isinstance(given[0], Dictionary):
            return None
        return self.shared.read(given[0]), number(given[1])

    def is_form(self, name: bytes) -> bool:
        """Whether an XObject is a form."""
        entry = self._entry("/XObject", name)
        return isinstance(entry, Stream) and entry.get("/Subtype") == Name.Form

    def form(self, name: bytes) -> Stream | None:
        """Return an XObject."""
        entry = self._entry("/XObject", name)
        return entry if isinstance(entry, Stream) else None

    def is_hidden(self, name: bytes) -> bool:
        """Whether properties are those of a layer hidden by default."""
        return is_marked(self._entry("/Properties", name))

    def add_font(self, font: Object) -> None:
        """Make the font of replacements known to the stream."""
        if not isinstance(self.own.get("/Font"), Dictionary):
            self.own.Font = Dictionary()
        self.own.Font[FONT_NAME.decode("ascii")] = font


def unescaped(name: bytes) -> str:
    """Return a name of a content stream as the key of a dictionary."""
    # A mark that escapes nothing is a NUL where qpdf reads a name.
    return _ESCAPED.sub(lambda found: bytes((int(found.group(1) or b"0", 16),)), name).decode(
        "utf-8", "surrogateescape"
    )
