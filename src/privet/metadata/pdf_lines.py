"""Strings of a page put together to lines, in the order of the stream and by where they stand.

Invariants:

- In the order of the stream every string is there once; by position, lines that only repeat that order are left out.
- What stands between two strings is judged by distance in parts of the font size, so scale and direction do not matter.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from privet.edits import Edit
from privet.metadata.pdf_reading import Run

NEW_LINE: Final = 0.5
"""parts of the font size: a baseline this far off is another line"""
_SPACE: Final = 0.15
_BACK: Final = 1.2
"""a step back further than an accent needs starts anew"""
_COLUMN: Final = 2.5
_EVEN: Final = 0.04
_LETTERS: Final = 4
_TWICE: Final = 0.15
_SAME_LINE: Final = 0.25

Piece = tuple[int, int]
"""start and end in a page's text"""


@dataclass(slots=True)
class View:
    """A text to look for identifiers in, and where each of its characters stands in the page's text (-1: nowhere)."""

    text: str
    places: Sequence[int] | None = None
    twins: dict[int, Sequence[int]] = field(default_factory=dict)
    """places that go with a place: the same character drawn again to look bold, other glyphs of the same text"""

    def pieces(self, edit: Edit) -> list[Piece]:
        """Return which parts of the page's text an edit of this text covers."""
        if self.places is None:
            return [(edit.start, edit.end)]
        covered = {place for place in self.places[edit.start : edit.end] if place >= 0}
        places = sorted(covered.union(*(self.twins[place] for place in covered if place in self.twins)))
        out: list[Piece] = []
        for place in places:
            if out and out[-1][1] == place:
                out[-1] = (out[-1][0], place + 1)
            else:
                out.append((place, place + 1))
        return out


def in_order(runs: list[Run]) -> tuple[str, list[int], list[int], set[int]]:
    """Return the text in the order of the stream, where each string and each line but the first starts, and which spaces are distance."""
    pieces: list[str] = []
    starts: list[int] = []
    breaks: list[int] = []
    gaps: set[int] = set()
    place = 0
    last: Run | None = None
    edges = _right_edges(runs)
    begin = runs[0] if runs else None
    for run in runs:
        gap = _between(last, run) if last is not None else ""
        if gap == "\n":
            if last is not None and begin is not None and _is_full(begin, last, run, edges):
                gap = " "
            begin = run
            breaks.append(place + 1)
        if gap == " " and (pieces[-1].endswith(" ") or run.text.startswith(" ")):
            gap = ""
            if breaks and breaks[-1] == place + 1:
                breaks[-1] = place
        if gap:
            gaps.add(place)
            pieces.append(gap)
            place += 1
        starts.append(place)
        pieces.append(run.text)
        place += len(run.text)
        if run.text:
            last = run
    return "".join(pieces), starts, breaks, gaps


def _between(last: Run, run: Run) -> str:
    """Return what a reader sees between two strings that follow each other in the stream."""
    # This is asked for every letter of many documents.
    em = max(last.em, run.em) or 1.0
    dx, dy, ux, uy = run.x0 - last.x1, run.y0 - last.y1, last.ux, last.uy
    along = dx * ux + dy * uy
    if abs(dy * ux - dx * uy) > NEW_LINE * em or along < -_BACK * em:
        return "\n"
    return " " if along > _SPACE * em else ""


def _right_edges(runs: list[Run]) -> dict[int, float]:
    """Return how far right the lines reach that start at the same left edge, for upright text."""
    out: dict[int, float] = {}
    line: Run | None = None
    last: Run | None = None
    for run in runs:
        if line is None or last is None or _between(last, run) == "\n":
            line = run
        key = round(line.x0)
        out[key] = max(out.get(key, run.x1), run.x1)
        last = run
    return out


def _is_full(begin: Run, last: Run, run: Run, edges: dict[int, float]) -> bool:
    """Whether a line was broken because it was full, so that what follows is the same sentence."""
    em = max(last.em, run.em) or 1.0
    down = last.y1 - run.y0
    if not (0 < down < 1.8 * em and abs(begin.x0 - run.x0) < 3 * em and abs(last.em - run.em) < 0.1 * em):
        return False
    edge = edges.get(round(run.x0), last.x1)
    return last.x1 > run.x0 + 0.85 * (edge - run.x0)


def by_position(runs: list[Run], starts: list[int]) -> Iterator[View]:
    """Lines put together from strings that stand beside each other but do not follow each other in the stream."""
    lines: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index, run in enumerate(runs):
        if run.text:
            across = run.y0 * run.ux - run.x0 * run.uy
            step = max(1.0, run.em * _SAME_LINE)
            lines[round(run.ux * 8), round(run.uy * 8), round(across / step)].append(index)
    keys = sorted(lines)
    groups = [lines[key] for key in keys]
    # A baseline on the edge between two steps must not split a line, so neighbours are also looked at together.
    for one, two, left, right in zip(keys, keys[1:], groups, groups[1:], strict=False):
        if one[:2] == two[:2] and two[2] - one[2] == 1:
            groups.append(left + right)
    for group in groups:
        yield from _line_views(runs, starts, group)


def _line_views(runs: list[Run], starts: list[int], group: list[int]) -> Iterator[View]:
    ux, uy = runs[group[0]].ux, runs[group[0]].uy
    order: list[int] = []
    again: dict[int, list[int]] = {}
    for index in sorted(group, key=lambda index: runs[index].x0 * ux + runs[index].y0 * uy):
        run, last = runs[index], runs[order[-1]] if order else None
        near = last is not None and abs((run.x0 - last.x0) * ux + (run.y0 - last.y0) * uy) < _TWICE * run.em
        if last is not None and near and last.text == run.text:
            # Drawn twice to look bold: the second is the same text, and is cut with the first.
            again.setdefault(order[-1], []).append(index)
        else:
            order.append(index)
    even = _evenly_set([runs[index] for index in order])
    if even or any(right - left != 1 for left, right in itertools.pairwise(order)):
        yield _line_view(runs, starts, order, even, again)


def _evenly_set(line: list[Run]) -> set[int]:
    """Return which strings of a line are single letters set like the one before: as far from it, or from its start."""
    if sum(len(run.text) == 1 for run in line) < _LETTERS:
        return set()
    steps: list[tuple[float, float]] = []
    for last, run in itertools.pairwise(line):
        em = run.em or 1.0
        step = ((run.x0 - last.x0) * last.ux + (run.y0 - last.y0) * last.uy) / em
        gap = ((run.x0 - last.x1) * last.ux + (run.y0 - last.y1) * last.uy) / em
        steps.append((step, gap) if len(run.text) == len(last.text) == 1 else (math.nan, math.nan))
    out: set[int] = set()
    for index, ((step, gap), (then, after)) in enumerate(itertools.pairwise(steps)):
        if (abs(step - then) < _EVEN and 0 < then < _COLUMN) or (abs(gap - after) < _EVEN and 0 < after < _COLUMN):
            out.add(index + 1)
            out.add(index + 2)
    return {index for index in out if steps[index - 1][1] > _SPACE}


def _line_view(
    runs: list[Run], starts: list[int], order: list[int], even: set[int], again: dict[int, list[int]]
) -> View:
    ux, uy = runs[order[0]].ux, runs[order[0]].uy
    chars: list[str] = []
    places: list[int] = []
    twins: dict[int, Sequence[int]] = {}
    last: Run | None = None
    for rank, index in enumerate(order):
        run = runs[index]
        if last is not None:
            em = max(last.em, run.em) or 1.0
            along = (run.x0 - last.x1) * ux + (run.y0 - last.y1) * uy
            if along > _SPACE * em and rank not in even:
                chars.append("\n" if along > _COLUMN * em else " ")
                places.append(-1)
        chars.append(run.text)
        place = starts[index]
        places += range(place, place + len(run.text))
        for offset in range(len(run.text)) if index in again else ():
            twins[place + offset] = [starts[other] + offset for other in again[index]]
        last = run
    return View("".join(chars), places, twins)
