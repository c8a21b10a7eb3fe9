"""The fonts of an XPS document, and what its glyphs show.

Invariant: a font comes out under a name that tells nothing; its first 32 bytes are mixed with that name, as they were with the old one.

Source: ECMA-388, sections 9.1.7.3 (obfuscation), 12.1.3 (glyphs).
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from privet.metadata import font as fonts
from privet.metadata.job import CannotClean, Job

_HIDDEN_BYTES: Final = 32
_CLUSTER: Final = re.compile(r"\s*(?:\(\s*(\d{1,5})(?::(\d{1,5}))?\s*\))?\s*(\d{1,5})?\s*(?:,([^;]*))?")


@dataclass(frozen=True, slots=True)
class Font:
    """A font of the document: its new place, and the characters of its glyphs."""

    place: str
    characters: dict[int, str]


class Fonts:
    """The fonts of a document, cleaned as they are met."""

    def __init__(self, part: Callable[[str], bytes], job: Job) -> None:
        self._part = part
        self._job = job
        self._at: dict[str, Font] = {}
        self._members: list[tuple[str, bytes]] = []

    def at(self, place: str) -> Font:
        """Return the font at a place."""
        if place not in self._at:
            self._at[place] = self._cleaned(place)
        return self._at[place]

    def members(self) -> list[tuple[str, bytes]]:
        """Return the cleaned fonts."""
        return self._members

    def _cleaned(self, place: str) -> Font:
        content = self._part(place)
        stem = posixpath.splitext(posixpath.basename(place))[0]
        if posixpath.splitext(place)[1].lower() == ".odttf":
            content = _mixed(content, stem)
        target = io.BytesIO()
        try:
            fonts.clean(io.BytesIO(content), target, self._job)
        except CannotClean as error:
            raise CannotClean("a font in it cannot be cleaned") from error
        name = f"00000000-0000-0000-0000-{len(self._at) + 1:012}"
        self._members.append((f"Resources/{name}.odttf", _mixed(target.getvalue(), name)))
        return Font(f"/Resources/{name}.odttf", _characters(content))


def _mixed(content: bytes, name: str) -> bytes:
    """Return a font with its start mixed with its name, or told apart from it again."""
    digits = re.sub(r"[{}-]", "", name)
    if re.fullmatch(r"[0-9A-Fa-f]{32}", digits) is None:
        raise CannotClean("damaged: the name of a font")
    key = bytes.fromhex(digits)[::-1] * 2
    return bytes(one ^ other for one, other in zip(content, key, strict=False)) + content[_HIDDEN_BYTES:]


def _characters(content: bytes) -> dict[int, str]:
    """Return the characters that glyphs stand for, as far as the font says so."""
    from fontTools.ttLib import TTFont

    try:
        read = TTFont(io.BytesIO(content), lazy=True)
        found = {read.getGlyphID(glyph): chr(code) for code, glyph in (read.getBestCmap() or {}).items()}
    except Exception:
        # fontTools raises nearly anything on hostile bytes; the string alone counts then.
        return {}
    return found


def seen(said: str, indices: str, font: Font) -> tuple[str, float]:
    """Return what a run of glyphs shows, and its width as a multiple of its size.

    >>> seen("abc", ";40,50", Font("", {40: "x"}))
    ('axc', 1.5)
    """
    shown: list[str] = []
    width = 0.0
    at = 0
    entries = indices.split(";") if indices.strip() else []
    number = 0
    while number < len(entries) or at < len(said):
        found = _CLUSTER.match(entries[number] if number < len(entries) else "")
        if found is None:
            break
        count, glyphs = int(found[1] or 1), int(found[2] or 1)
        chars = said[at : at + count]
        drawn = ""
        for _glyph in range(max(min(glyphs, len(entries) - number), 1)):
            entry = _CLUSTER.match(entries[number]) if number < len(entries) else None
            glyph = entry[3] if entry else None
            drawn += font.characters.get(int(glyph), "\0") if glyph else chars if glyphs == count == 1 else "\0"
            width += _advance(entry[4] if entry else None)
            number += 1
        # Ligatures and shaped letters have no character of their own: there the string says what they mean.
        shown.append(chars if "\0" in drawn and chars else drawn.replace("\0", ""))
        at += count
    return "".join(shown), width


def _advance(numbers: str | None) -> float:
    try:
        return float((numbers or "").split(",")[0]) / 100
    except ValueError:
        return 0.5
