"""Table, chart and page of the demonstration; pure functions of what the arms found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, Final

from privet.audit.endpoint.outcome import interval

Arm = dict[str, Any]
NAMES: Final = {
    "base": "the base model",
    "plain": "plain: raw tickets",
    "scrubbed": "scrubbed, each once",
    "matched": "the same steps, no privacy",
    "private": "Privet: scrubbed, private",
}
_WIDTH: Final = 960
_HEIGHT: Final = 288
_TOP: Final = 70
_FLOOR: Final = 214
_STYLE: Final = """
  svg { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
  .page { fill: #ffffff } .text { fill: #1f2328 } .soft { fill: #57606a } .line { stroke: #d0d7de }
  .base { fill: #8c959f } .plain { fill: #cf222e } .scrubbed { fill: #bc4c00 } .matched { fill: #8250df } .private { fill: #0a7d4b }
  .title { font-size: 15px; font-weight: 700 } .head { font-weight: 600 } .chance { stroke: #57606a; stroke-dasharray: 4 3 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #e6edf3 } .soft { fill: #9da7b3 } .line { stroke: #30363d } .chance { stroke: #9da7b3 }
    .base { fill: #9da7b3 } .plain { fill: #ff7b72 } .scrubbed { fill: #f0883e } .matched { fill: #b78cff } .private { fill: #3fd68f }
  }
"""


def bits(arm: Arm) -> float:
    """Return the exposure of planted canaries."""
    return float(arm["tests"]["exposure"]["figures"]["text"]["members_bits"])


def control_bits(arm: Arm) -> float:
    """Return the exposure of canaries that were not planted."""
    return float(arm["tests"]["exposure"]["figures"]["text"]["controls_bits"])


def area(arm: Arm) -> float:
    """Return the largest area under the curve of all scores of membership."""
    return max(float(score["auc"]) for score in arm["tests"]["membership"]["figures"]["scores"].values())


def extracted(arm: Arm) -> float:
    """Return the share of planted canaries that the model says when it is asked for any."""
    figures = arm["tests"]["extraction"]["figures"]
    return float(figures["extracted"] / figures["members"])


def perplexity(arm: Arm) -> float:
    """Return the perplexity of held-out tickets."""
    return float(arm["perplexity"])


def table(arms: Sequence[Arm]) -> str:
    """Return the Markdown table: means over the seeds, with the least and the most."""
    lines = [
        "| arm | steps | exposure, bits; controls | extracted, 95 %; controls | membership, largest AUC | epsilon at least | perplexity |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for way, found in by_way(arms).items():
        tests = [arm["tests"] for arm in found]
        said, members, by_chance = (
            sum(each["extraction"]["figures"][name] for each in tests)
            for name in ("extracted", "members", "controls_extracted")
        )
        low, high = interval(said, members)
        least = [
            each["epsilon-lower-bound"]["figures"]["epsilon_lower"] for each in tests if "epsilon-lower-bound" in each
        ]
        cells = [
            NAMES[way],
            str(found[0]["steps"] or "–"),
            f"{_range(found, bits, 2)}; {fmean(map(control_bits, found)):.2f}",
            f"{said} of {members} ({low:.1%} to {high:.1%}); {by_chance}",
            _range(found, area, 2),
            f"{max(least):.2f}" if least else "–",
            _range(found, perplexity, 3),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def costs(arms: Sequence[Arm]) -> dict[str, float]:
    """Return how much more perplexity the private model has than the same steps without privacy, and than the scrubbed arm: shares."""
    held = {way: fmean(map(perplexity, found)) for way, found in by_way(arms).items()}
    return {
        way: held["private"] / held[way] - 1 for way in ("matched", "scrubbed") if way in held and "private" in held
    }


def by_way(arms: Sequence[Arm]) -> dict[str, list[Arm]]:
    """Return the arms of each way, in the order of `NAMES`."""
    return {way: found for way in NAMES if (found := [arm for arm in arms if arm["way"] == way])}


def _range(arms: Sequence[Arm], of: Callable[[Arm], float], digits: int) -> str:
    values = [of(arm) for arm in arms]
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{fmean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def svg(arms: Sequence[Arm]) -> str:
    """Return the chart: four measures, a bar for the mean of each arm and a dot for each seed."""
    most = float(arms[0]["tests"]["exposure"]["figures"]["text"]["most_bits"])
    ways = by_way(arms)
    chance = fmean(control_bits(arm) for arm in arms)
    panels: tuple[tuple[str, Callable[[Arm], float], float, float, float | None], ...] = (
        ("exposure, bits", bits, 0, most, chance),
        ("extracted, share", extracted, 0, 1, None),
        ("membership, AUC", area, 0.4, 1, 0.5),
        ("perplexity, held out", perplexity, 1, max(perplexity(arm) for arm in arms) * 1.1, None),
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img">',
        "<title>What a fine-tuned model memorizes, and what privacy costs</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>',
        '<text class="text title" x="24" y="30">What a fine-tuned model memorizes, and what privacy costs</text>',
        '<text class="soft" x="24" y="48">a bar is a mean, a dot a seed; dashed: chance</text>',
    ]
    wide = (_WIDTH - 48) / len(panels)
    for number, (title, of, low, high, line) in enumerate(panels):
        parts += _panel(40 + number * wide, wide - 44, title, ways, of, (low, high), line)
    x = 24.0
    for way in ways:
        parts.append(f'<rect class="{way}" x="{x:.0f}" y="{_HEIGHT - 40}" width="12" height="12" rx="2"/>')
        parts.append(f'<text class="text" x="{x + 18:.0f}" y="{_HEIGHT - 30}">{NAMES[way]}</text>')
        x += 40 + 6.6 * len(NAMES[way])
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    left: float,
    width: float,
    title: str,
    ways: dict[str, list[Arm]],
    of: Callable[[Arm], float],
    axis: tuple[float, float],
    chance: float | None,
) -> list[str]:
    low, high = axis

    def y(value: float) -> float:
        return _FLOOR - (_FLOOR - _TOP - 14) * (min(max(value, low), high) - low) / (high - low)

    parts = [f'<text class="text head" x="{left:.1f}" y="{_TOP + 2}">{title}</text>']
    for value in (low, (low + high) / 2, high):
        parts.append(
            f'<line class="line" x1="{left:.1f}" x2="{left + width:.1f}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        )
        parts.append(
            f'<text class="soft" x="{left - 5:.1f}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        )
    step = width / len(ways)
    for place, (way, found) in enumerate(ways.items()):
        x, mean = left + step * (place + 0.5), fmean(map(of, found))
        parts.append(
            f'<rect class="{way}" x="{x - step * 0.34:.1f}" y="{y(mean):.1f}" width="{step * 0.68:.1f}" '
            f'height="{_FLOOR - y(mean):.1f}" fill-opacity=".55"/>'
        )
        parts += [f'<circle class="{way}" cx="{x:.1f}" cy="{y(of(arm)):.1f}" r="2.5"/>' for arm in found]
        parts.append(f'<text class="text" x="{x:.1f}" y="{_FLOOR + 16}" text-anchor="middle">{mean:.2f}</text>')
    if chance is not None:
        parts.append(
            f'<line class="chance" x1="{left:.1f}" x2="{left + width:.1f}" y1="{y(chance):.1f}" y2="{y(chance):.1f}"/>'
        )
    return parts
