"""The text of a page put together from its shown strings, and the glyphs that give way to an edit.

Invariants:

- Every glyph of a page is in its text in the order of the stream; glyphs that stand beside each other without following each other
  in the stream are in a second text by position, so an identifier cannot hide in the order of drawing.
- A glyph that touches an edit is cut whole; what an edit puts in its place stands where the first of its glyphs stood.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from privet.metadata.pdf_lines import NEW_LINE, Piece, View, by_position, in_order
from privet.metadata.pdf_programs import UNKNOWN
from privet.metadata.pdf_reading import Run
from privet.metadata.pdf_tokens import Shown

_SPACED_OUT: Final = re.compile(r"(?<!\S)(?:\S ){3,}\S(?!\S)")
_TOKEN_BEFORE: Final = re.compile(r"(?<!\S)(\S{1,200})\s*\Z")
_TOKEN_AFTER: Final = re.compile(r"\S{1,200}")
_LOOK: Final = 200


@dataclass(slots=True)
class PageText:
    """The shown strings of one page (or other picture of text) as texts."""

    runs: list[Run]
    text: str = ""
    starts: list[int] = field(default_factory=list)
    """where each run starts in the text"""
    breaks: list[int] = field(default_factory=list)
    """where each line but the first starts"""
    gaps: set[int] = field(default_factory=set)
    """where a space stands for distance"""
    laid: dict[int, _Laid] = field(default_factory=dict)
    """strings that edits touch"""

    def __post_init__(self) -> None:
        self.text, self.starts, self.breaks, self.gaps = in_order(self.runs)

    def views(self) -> list[View]:
        """Return the texts to look for identifiers in: the page's own first."""
        if not self.text:
            return []
        out = [View(self.text)]
        out += self._joined_lines()
        out += self._spaced_out()
        out += by_position(self.runs, self.starts)
        if any(run.show.font.otherwise for run in self.runs):
            out.append(self._retold(_by_names))
        shifts = {shift for run in self.runs if UNKNOWN in run.text for shift in run.show.font.shifts}
        out += [self._retold(functools.partial(_by_codes, shift)) for shift in sorted(shifts)]
        if any(run.show.actual for run in self.runs):
            out.append(self._retold(_ActualTexts(self.runs, self.starts).of))
        return out

    def _retold(self, told: Callable[[Run, int], tuple[str, list[int], dict[int, Sequence[int]]] | None]) -> View:
        """Return the text with other texts for some strings: `told` says which, and where their characters stand."""
        chars: list[str] = []
        places: list[int] = []
        twins: dict[int, Sequence[int]] = {}
        last = 0
        for run, start in zip(self.runs, self.starts, strict=True):
            chars.append(self.text[last:start])
            places += range(last, start)
            last = start + len(run.text)
            found = told(run, start)
            chars.append(run.text if found is None else found[0])
            places += range(start, last) if found is None else found[1]
            twins |= {} if found is None else found[2]
        return View("".join(chars), places, twins)

    def _joined_lines(self) -> Iterator[View]:
        """Words and numbers broken at the end of a line, joined."""
        for place in self.breaks:
            before = _TOKEN_BEFORE.search(self.text, max(0, place - _LOOK), place)
            after = _TOKEN_AFTER.match(self.text, place)
            if before is None or after is None:
                continue
            left, right = before.group(1), after.group()
            start, gap, end = before.start(1), before.end(1), after.end()
            if _goes_on(left, right):
                yield View(left + right, [*range(start, gap), *range(place, end)])
            if left.endswith("-"):
                yield View(left[:-1] + right, [*range(start, gap - 1), *range(place, end)])
                yield View(left + right, [*range(start, gap), *range(place, end)])
            elif left[-1].isdigit() and right[0].isdigit():
                yield self._number_over_lines(start, end, gap, place)

    def _number_over_lines(self, start: int, end: int, gap: int, after_gap: int) -> View:
        # Numbers are written in groups: three of them on each side are enough for a card or an account.
        left = re.search(r"(?:\S{1,20} ){0,4}\Z", self.text[max(0, start - 80) : start])
        right = re.match(r"(?: \S{1,20}){0,4}", self.text[end : end + 80])
        begin = start - len(left.group()) if left else start
        stop = end + len(right.group()) if right else end
        places = [*range(begin, gap), gap, *range(after_gap, stop)]
        return View(f"{self.text[begin:gap]} {self.text[after_gap:stop]}", places)

    def _spaced_out(self) -> Iterator[View]:
        """Words whose letters are set apart, l i k e t h i s."""
        for found in _SPACED_OUT.finditer(self.text):
            if not self.gaps.isdisjoint(range(*found.span())):
                # Nothing stands between the letters but distance: that is for `_line_view` to judge.
                continue
            places = [place for place in range(found.start(), found.end()) if self.text[place] != " "]
            yield View("".join(self.text[place] for place in places), places)

    def cut(self, pieces: Iterable[Piece], text: str) -> None:
        """Mark the glyphs of parts of the text as cut, with `text` in the place of the first."""
        glyphs = list(itertools.chain.from_iterable(self._glyphs(start, end) for start, end in pieces))
        if not glyphs:
            return
        first, last = glyphs[0], glyphs[-1]
        shown = first.text[: first.cut_from] + text + last.text[last.cut_to :]
        width = _width(glyphs)
        for glyph in glyphs:
            cuts = glyph.run.show.cuts.setdefault(glyph.run.part, {})
            if glyph is first and glyph.index not in cuts:
                cuts[glyph.index] = (shown, width)
            cuts.setdefault(glyph.index, ("", 0.0))

    def find(self, text: str) -> Iterator[Piece]:
        """Return where a text stands, whatever space lies between its characters."""
        pattern = r"\s*".join(re.escape(char) for char in text if not char.isspace())
        if pattern:
            yield from (found.span() for found in re.finditer(pattern, self.text))

    def _glyphs(self, start: int, end: int) -> Iterator[_Glyph]:
        index = max(0, bisect.bisect_right(self.starts, start) - 1)
        while index < len(self.runs) and self.starts[index] < end:
            run = self.runs[index]
            laid = self.laid.get(index)
            if laid is None:
                laid = self.laid[index] = _Laid(run)
            yield from laid.between(start - self.starts[index], end - self.starts[index])
            index += 1


@dataclass(slots=True)
class _Glyph:
    run: Run
    index: int
    text: str
    cut_from: int
    cut_to: int
    start: float
    end: float
    """along its run, in unscaled text space"""


class _Laid:
    """The glyphs of a string laid out: where each starts in its text, and how far along it stands."""

    def __init__(self, run: Run) -> None:
        part = run.show.parts[run.part]
        value = part.value if isinstance(part, Shown) else b""
        self.run = run
        self.texts: list[str] = []
        self.starts: list[int] = []
        self.along = [0.0]
        place = at = 0
        for size, text, width in run.show.font.glyphs(value):
            self.texts.append(text)
            self.starts.append(place)
            self.along.append(self.along[-1] + run.show.glyph_advance(size, value[at : at + size], width))
            place, at = place + len(text), at + size

    def between(self, start: int, end: int) -> Iterator[_Glyph]:
        """Return the glyphs that a part of the text touches."""
        index = max(0, bisect.bisect_right(self.starts, start) - 1)
        while index < len(self.texts) and self.starts[index] < end:
            text, place = self.texts[index], self.starts[index]
            if place + len(text) > start:
                edges = max(0, start - place), min(len(text), end - place)
                yield _Glyph(self.run, index, text, *edges, self.along[index], self.along[index + 1])
            index += 1


def _by_names(run: Run, start: int) -> tuple[str, list[int], dict[int, Sequence[int]]] | None:
    """What the names of a string's glyphs say, where the font says something else."""
    font, part = run.show.font, run.show.parts[run.part]
    if font.otherwise is None or not isinstance(part, Shown):
        return None
    chars: list[str] = []
    places: list[int] = []
    for code, (_size, text, _width) in zip(part.value, font.glyphs(part.value), strict=True):
        if text:
            chars.append(font.otherwise[code])
            places += [start] * len(font.otherwise[code])
        start += len(text)
    return "".join(chars), places, {}


def _by_codes(shift: int, run: Run, start: int) -> tuple[str, list[int], dict[int, Sequence[int]]] | None:
    """What readers take a string for whose font does not say what its codes mean: a character a glyph, in the same places."""
    part = run.show.parts[run.part]
    if UNKNOWN not in run.text or not isinstance(part, Shown):
        return None
    text = run.show.font.guess(part.value, shift)
    return text, [*range(start, start + len(text))], {}


class _ActualTexts:
    """The texts that are read instead of glyphs."""

    def __init__(self, runs: list[Run], starts: list[int]) -> None:
        self.places: dict[int, list[int]] = defaultdict(list)
        for run, start in zip(runs, starts, strict=True):
            if run.show.actual is not None:
                self.places[id(run.show.actual)] += range(start, start + len(run.text))
        self.told: set[int] = set()

    def of(self, run: Run, _start: int) -> tuple[str, list[int], dict[int, Sequence[int]]] | None:
        actual = run.show.actual
        if actual is None:
            return None
        places = self.places[id(actual)]
        if id(actual) in self.told or not places:
            return "", [], {}
        self.told.add(id(actual))
        return actual.text, [places[0]] * len(actual.text), {places[0]: places}


def _goes_on(left: str, right: str) -> bool:
    """Whether an address may be broken between two lines: what stands on each of them is no whole address."""
    if re.search(r"@[\w-]+(\.[\w-]+)*\.\w{2,}\.\Z", left) and right[0].isupper():
        return False  # a sentence ends with the address, and the next one begins
    if "@" in left or right.startswith("@"):
        return not re.search(r"@[\w-]+(\.[\w-]+)*\.\w{2,}[^\w.-]*\Z", left) or right.startswith(".")
    if "@" in right:
        return bool(re.search(r"\w[._+\d]|[._+-]\Z", left)) and not re.search(r"[.:]\Z|[)\]]", left)
    return "://" in left and bool(re.search(r"[/?=&._%-]\Z", left) or re.search(r"[/?=&%]", right))


def _width(glyphs: list[_Glyph]) -> float:
    """Return how wide the cut glyphs of the first line are, in the unscaled text space of the first."""
    first = glyphs[0]
    run = first.run
    scale = run.em / abs(run.show.size) if run.show.size else 0.0
    if not scale or run.show.font.vertical:
        return abs(run.show.size) * len(glyphs)
    best = (first.end - first.start) * run.show.scaling
    origin = first.start * run.show.scaling
    for glyph in glyphs:
        other = glyph.run
        dx, dy = other.x0 - run.x0, other.y0 - run.y0
        if abs(dy * run.ux - dx * run.uy) > NEW_LINE * run.em:
            continue
        other_scale = other.em / abs(other.show.size) if other.show.size else 0.0
        end = (dx * run.ux + dy * run.uy + glyph.end * other.show.scaling * other_scale) / scale
        best = max(best, end - origin)
    return best
