"""The chart of a card: epsilon against what the audit shows, and the intervals of the tests, as an SVG file.

Invariants:

- One file without script, style sheet, font or address; the same facts give the same bytes.
- A test that shows nothing is drawn open, so that nobody takes it for a good one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import Final

from privet.card.facts import Facts, Test
from privet.card.rounding import rounded_up

_WIDTH: Final = 720
_LEFT: Final = 170
_RIGHT: Final = 690
_ROW: Final = 34
_GAP: Final = 8
_COLOURS: Final = {"pass": "#1a7f37", "fail": "#cf222e", "underpowered": "#9a6700"}
_FONT: Final = 'font-family="sans-serif" fill="#1f2328"'


def is_charted(facts: Facts) -> bool:
    """Tell whether there is anything to draw."""
    return bool(facts.privacy) or any(test.samples for test in facts.tests)


def as_svg(facts: Facts) -> str:
    """Return the chart."""
    tests = [test for test in facts.tests if test.samples]
    rows: list[str] = []
    top = 30
    if facts.privacy:
        rows += _epsilon(facts, top)
        top += 3 * _ROW
    if tests:
        rows += _scale(top, "hits of each test as a share, with the 95 % interval", ("0", "0.25", "0.5", "0.75", "1"))
        for number, test in enumerate(tests, 1):
            rows += _interval(test, top + number * _ROW + _GAP)
        top += len(tests) * _ROW + _ROW
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" role="img">'
    title = "<title>What was measured of the privacy of this model</title>"
    ground = f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join((head, title, ground, *rows, "</svg>", ""))


def _epsilon(facts: Facts, top: int) -> Iterator[str]:
    """Yield the line from 0 to epsilon, with what the audit shows that it is at least."""
    epsilon, lower = float(facts.privacy["epsilon"]), facts.epsilon_lower
    most = max(8.0, math.ceil(max(epsilon, lower or 0.0)))
    yield from _scale(
        top,
        "epsilon: smaller is more private"
        + (", and the circle is what the audit shows at least" if lower is not None else ""),
        ("0", *(f"{most * part:g}" for part in (0.25, 0.5, 0.75, 1))),
    )
    middle = top + _ROW + _GAP
    yield _label(middle, "epsilon")
    yield _line(0, epsilon / most, middle, "#0969da", 8)
    yield _value(epsilon / most, middle, rounded_up(epsilon))
    if lower is not None:
        yield f'<circle cx="{_x(lower / most)}" cy="{middle}" r="5" fill="#ffffff" stroke="#1f2328" stroke-width="2"/>'


def _interval(test: Test, middle: int) -> Iterator[str]:
    colour = _COLOURS.get(test.verdict, "#59636e")
    low, high = test.interval
    dashed = ' stroke-dasharray="4 3"' if test.verdict not in {"pass", "fail"} else ""
    yield _label(middle, test.id)
    yield _line(low, high, middle, colour, 3, dashed)
    filled = "#ffffff" if dashed else colour
    yield (
        f'<circle cx="{_x(test.hits / test.samples)}" cy="{middle}" r="5" fill="{filled}" '
        f'stroke="{colour}" stroke-width="2"/>'
    )
    yield _value(high, middle, f"{test.hits} of {test.samples}, {test.verdict}")


def _scale(top: int, says: str, marks: tuple[str, ...]) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="{top - 14}" {_FONT} font-size="13" font-weight="bold">{escape(says)}</text>'
    for number, mark in enumerate(marks):
        x = _x(number / (len(marks) - 1))
        yield f'<line x1="{x}" y1="{top}" x2="{x}" y2="{top + 6}" stroke="#59636e"/>'
        yield f'<text x="{x}" y="{top + 18}" {_FONT} font-size="10" text-anchor="middle">{mark}</text>'
    yield f'<line x1="{_LEFT}" y1="{top}" x2="{_RIGHT}" y2="{top}" stroke="#59636e"/>'


def _label(middle: int, text: str) -> str:
    return f'<text x="{_LEFT - 10}" y="{middle + 4}" {_FONT} font-size="13" text-anchor="end">{escape(text)}</text>'


def _value(share: float, middle: int, text: str) -> str:
    anchor, x = ("start", _x(share) + 10) if share < 0.6 else ("end", _RIGHT)
    return f'<text x="{x}" y="{middle - 8}" {_FONT} font-size="11" text-anchor="{anchor}">{escape(text)}</text>'


def _line(low: float, high: float, middle: int, colour: str, width: int, more: str = "") -> str:
    ends = f'x1="{_x(low)}" y1="{middle}" x2="{_x(high)}" y2="{middle}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{more}/>'


def _x(share: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * min(max(share, 0.0), 1.0), 1)
