"""A content stream with its cut glyphs gone: what is kept stands where it stood, and replacements are drawn in a plain font.

Invariants:

- Bytes of the stream that no cut and no patch touches are copied as they are.
- A cut glyph leaves a number, how far it moved, so the glyphs behind it keep their places; neighbours leave one number together.
- A replacement ends where it began: it moves the text position by nothing, and puts font and spacing back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from privet.metadata import pdf_metrics
from privet.metadata.pdf_reading import Reading, Show, plain
from privet.metadata.pdf_tokens import Shown

FONT_NAME: Final = b"/PrivetSans"
_NARROWEST: Final = 0.5
"""a replacement is squeezed to half its width, then drawn smaller"""


def redrawn(reading: Reading, texts: Iterable[tuple[int, int, str]] = ()) -> bytes | None:
    """Return the stream with its patches and cuts made and these texts put in; None if nothing changes."""
    changes = list(reading.patches)
    changes += [(show.start, show.end, _show(show)) for show in reading.shows if show.cuts or show.hidden]
    changes += [(start, end, text_string(text)) for start, end, text in texts]
    if not changes:
        return None
    out: list[bytes] = []
    at = 0
    # Of nested changes the outer one counts.
    for start, end, new in sorted(changes, key=lambda change: (change[0], -change[1])):
        if start >= at:
            out += (reading.data[at:start], new)
            at = end
        elif end > at:
            at = end
    return b"".join((*out, reading.data[at:]))


def draws_replacements(reading: Reading) -> bool:
    """Whether the stream needs the font of replacements."""
    return any(text for show in reading.shows for cuts in show.cuts.values() for text, _width in cuts.values())


def text_string(text: str) -> bytes:
    """Return a PDF text string, in hexadecimal."""
    return b"<feff%s>" % text.encode("utf-16-be", "replace").hex().encode("ascii")


class _Line:
    """The array of a TJ being written, and the instructions before it."""

    def __init__(self, show: Show) -> None:
        self.show = show
        self.done: list[bytes] = [show.before] if show.before else []
        self.items: list[bytes] = []
        self.kept = bytearray()
        self.moved = 0.0

    def keep(self, code: bytes) -> None:
        if self.moved:
            self._number()
        self.kept += code

    def move(self, number: float) -> None:
        if self.kept:
            self._string()
        self.moved += number

    def replace(self, drawn: bytes) -> None:
        self.flush()
        self.done.append(drawn)

    def flush(self) -> None:
        if self.kept:
            self._string()
        if self.moved:
            self._number()
        if self.items:
            self.done.append(b"[%s]TJ" % b"".join(self.items))
            self.items = []

    def _string(self) -> None:
        self.items.append(b"<%s>" % self.kept.hex().encode("ascii"))
        self.kept.clear()

    def _number(self) -> None:
        self.items.append(plain(self.moved))
        self.moved = 0.0


def _show(show: Show) -> bytes:
    line = _Line(show)
    for index, part in enumerate(show.parts):
        if isinstance(part, float):
            line.move(part)
        elif show.hidden:
            width, glyphs, spaces = show.font.advance(part.value)
            line.move(_number(show, width * show.size + glyphs * show.spacing + spaces * show.word_spacing))
        elif index in show.cuts:
            _cut(show, part, show.cuts[index], line)
        else:
            line.keep(part.value)
    line.flush()
    return b" " + b" ".join(line.done) + b" "


def _number(show: Show, advance: float) -> float:
    return -advance / show.size * 1000 if show.size else 0.0


def _cut(show: Show, part: Shown, cuts: dict[int, tuple[str, float]], line: _Line) -> None:
    at = 0
    for index, (size, _text, width) in enumerate(show.font.glyphs(part.value)):
        code = part.value[at : at + size]
        at += size
        if index not in cuts:
            line.keep(code)
            continue
        text, room = cuts[index]
        if text:
            line.replace(_drawn(show, text, room))
        line.move(_number(show, show.glyph_advance(size, code, width)))


def _drawn(show: Show, text: str, room: float) -> bytes:
    """Draw a text no wider than `room`, and go back to where it began."""
    widths = pdf_metrics.widths("Helvetica")
    coded = text.encode("cp1252", "replace")
    natural = sum(widths.get(char, 0.556) for char in coded.decode("cp1252", "replace"))
    if not show.size or not natural:
        return b""
    size = show.size
    fit = abs(room) / (natural * abs(size)) if room else _NARROWEST
    squeeze = min(abs(show.scaling) or 1.0, fit)
    if squeeze < _NARROWEST:
        size *= max(squeeze / _NARROWEST, 0.05)
        squeeze = _NARROWEST
    pieces = [FONT_NAME + b" %s Tf %s Tz" % (plain(size), plain(100 * squeeze))]
    pieces += [b"0 Tc"] if show.spacing else []
    pieces += [b"0 Tw"] if show.word_spacing else []
    shown = b"[<%s>%s]TJ" % (coded.hex().encode("ascii"), plain(natural * 1000))
    named = coded.decode("cp1252", "replace") != text
    pieces.append(b"/Span<</ActualText %s>>BDC %s EMC" % (text_string(text), shown) if named else shown)
    pieces.append(b"%s %s Tz" % (show.font_operator, plain(100 * show.scaling)))
    pieces += [plain(show.spacing) + b" Tc"] if show.spacing else []
    pieces += [plain(show.word_spacing) + b" Tw"] if show.word_spacing else []
    return b" ".join(pieces)
