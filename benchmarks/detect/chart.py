"""Quality against speed as one SVG that reads on light and on dark pages; pure functions.

Two panels share the axis of speed: people in web text and tweets, and everything personal in templated and clinical text.
A dot is a system, its bar the 95 % interval, its label stands where no other label or dot is.
"""

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

WIDTH: Final = 960
HEIGHT: Final = 480
TOP: Final = 76
BOTTOM: Final = 62
LEFT: Final = 52
GAP: Final = 56
PANEL: Final = (WIDTH - LEFT - GAP - 24) / 2
LETTER: Final = 6.7
BOLD_LETTER: Final = 7.7
"""Width of a letter of a label, a little more than it is."""

STYLE: Final = """
  svg { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
  .page { fill: #ffffff } .text { fill: #1f2328 } .soft { fill: #57606a } .line { stroke: #d0d7de }
  .privet { fill: #0a7d4b; stroke: #0a7d4b } .model { fill: #8250df; stroke: #8250df } .pattern { fill: #9a6700; stroke: #9a6700 }
  .privet-text { fill: #0a7d4b; font-weight: 700 } .title { font-size: 15px; font-weight: 700 } .head { font-weight: 600 }
  .bar { stroke-width: 1.6; stroke-opacity: .55 } .lead { stroke-width: .8; stroke-opacity: .6 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #e6edf3 } .soft { fill: #9da7b3 } .line { stroke: #30363d }
    .privet { fill: #3fd68f; stroke: #3fd68f } .model { fill: #b78cff; stroke: #b78cff } .pattern { fill: #e3b341; stroke: #e3b341 }
    .privet-text { fill: #3fd68f }
  }
"""


class Dot(NamedTuple):
    """One system in one panel."""

    name: str
    group: str
    speed: float
    value: float
    low: float
    high: float


class Box(NamedTuple):
    """A part of the picture that is taken."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Tell whether two boxes overlap."""
        apart = (
            self.right <= other.left or other.right <= self.left or self.bottom <= other.top or other.bottom <= self.top
        )
        return not apart


def svg(whole: dict[str, Any]) -> str:
    """Return the chart."""
    systems = {name: figures for name, figures in whole["systems"].items() if "groups" in figures}
    speeds = [figures["tokens_per_s"] for figures in systems.values()]
    first, last = math.floor(math.log10(min(speeds))), math.ceil(math.log10(max(speeds)))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">',
        "<title>Quality of detection against speed, each system on the same text</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        f'<text class="text title" x="{LEFT - 30}" y="28">Quality against speed, one core, the same text</text>',
        legend(),
    ]
    panels = (
        ("people", "person_f1", "People in English web text and tweets: F1 of PERSON, %"),
        ("everything", "f1", "Everything personal, templated and clinical texts: F1, %"),
    )
    for number, (group, measure, title) in enumerate(panels):
        dots = [dot(name, figures, group, measure) for name, figures in systems.items()]
        parts.append(panel(LEFT + number * (PANEL + GAP), title, dots, (first, last)))
    axis = "tokens (words between white space) a second, more is better →"
    parts.append(f'<text class="soft" x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">{axis}</text>')
    return "\n".join([*parts, "</svg>", ""])


def legend() -> str:
    """Return what the colours mean, at the top right."""
    parts = []
    x = WIDTH - 404
    for group, label, width in (
        ("privet", "Privet", 78),
        ("model", "with a model", 118),
        ("pattern", "patterns and word lists", 0),
    ):
        parts.append(
            f'<circle class="{group}" cx="{x}" cy="24" r="5"/><text class="text" x="{x + 10}" y="28">{label}</text>'
        )
        x += width
    return "".join(parts)


def dot(name: str, figures: dict[str, Any], group: str, measure: str) -> Dot:
    """Return a system's place in a panel; where it found nothing at all, zero."""
    nothing = {"value": 0.0, "low": 0.0, "high": 0.0}
    figure = figures["groups"][group].get(measure, nothing)
    kind = "privet" if name.startswith("privet") else "model" if figures["model_bytes"] else "pattern"
    return Dot(name, kind, figures["tokens_per_s"], figure["value"], figure["low"], figure["high"])


def panel(left: float, title: str, dots: Sequence[Dot], decades: tuple[int, int]) -> str:
    """Return one panel: grid, bars, dots, labels."""
    first, last = decades
    floor = HEIGHT - BOTTOM

    def x(speed: float) -> float:
        return left + PANEL * (math.log10(speed) - first) / (last - first)

    def y(value: float) -> float:
        return floor - (floor - TOP) * value / 100

    parts = [f'<text class="text head" x="{left}" y="{TOP - 18}">{title}</text>']
    for value in range(0, 101, 20):
        parts.append(
            f'<line class="line" x1="{left:.1f}" x2="{left + PANEL:.1f}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        )
        parts.append(f'<text class="soft" x="{left - 8:.1f}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    for decade in range(first, last + 1):
        at = x(10.0**decade)
        parts.append(f'<line class="line" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{floor}" stroke-opacity=".5"/>')
        parts.append(f'<text class="soft" x="{at:.1f}" y="{floor + 18}" text-anchor="middle">{words(decade)}</text>')
    places = {one.name: (x(one.speed), y(one.value)) for one in dots}
    taken = [Box(px - 7, py - 7, px + 7, py + 7) for px, py in places.values()]
    taken += [Box(x(one.speed) - 1, y(one.high), x(one.speed) + 1, y(one.low)) for one in dots]
    frame = Box(left - 4, TOP - 8, left + PANEL + 20, floor - 1)
    for one in sorted(dots, key=lambda one: (one.group != "privet", -one.value)):
        px, py = places[one.name]
        parts.append(
            f'<line class="{one.group} bar" x1="{px:.1f}" x2="{px:.1f}" y1="{y(one.low):.1f}" y2="{y(one.high):.1f}"/>'
        )
        parts.append(f'<circle class="{one.group}" cx="{px:.1f}" cy="{py:.1f}" r="5"/>')
        parts.append(label(one, px, py, taken, frame))
    return "\n".join(parts)


def label(one: Dot, px: float, py: float, taken: list[Box], frame: Box) -> str:
    """Return a label at the nearest free place, with a line to its dot where it stands apart; takes the place."""
    width, height = len(one.name) * (BOLD_LETTER if one.group == "privet" else LETTER), 13.0
    for step in range(12):
        for up in (step, -step) if step else (0,):
            for side in (1, -1):
                left = px + 10 if side > 0 else px - 10 - width
                box = Box(left, py - 7 - up * height, left + width, py + 6 - up * height)
                inside = (
                    box.left >= frame.left
                    and box.right <= frame.right
                    and box.top >= frame.top
                    and box.bottom <= frame.bottom
                )
                if inside and not any(box.meets(other) for other in taken):
                    taken.append(box)
                    return written(one, box, px, py, apart=step > 0, side=side)
    return ""


def written(one: Dot, box: Box, px: float, py: float, *, apart: bool, side: int) -> str:
    """Return the text of a label and the line that leads to it."""
    style = "privet-text" if one.group == "privet" else "text"
    text = f'<text class="{style}" x="{box.left:.1f}" y="{box.bottom - 2:.1f}">{one.name}</text>'
    if not apart:
        return text
    end = box.left - 2 if side > 0 else box.right + 2
    middle = (box.top + box.bottom) / 2
    return text + f'<line class="{one.group} lead" x1="{px:.1f}" y1="{py:.1f}" x2="{end:.1f}" y2="{middle:.1f}"/>'


def words(decade: int) -> str:
    """Return a power of ten as people write it."""
    return {3: "1k", 4: "10k", 5: "100k", 6: "1M", 7: "10M", 8: "100M"}.get(decade, str(10**decade))
