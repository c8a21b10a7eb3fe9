"""What the card says, as sentences and figures for the formats of others: said once, so that they all say the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from typing import Any, Final, NamedTuple

from privet.card.facts import NOT_MEASURED, Facts
from privet.card.rounding import rounded_up

OF_DATA: Final = ("scrub", "dedup", "detector-recall")
"""what of `NOT_MEASURED` is about the dataset"""


class Metric(NamedTuple):
    """A figure: its name, its value, its interval, what it was measured on."""

    name: str
    value: str
    low: str = ""
    high: str = ""
    of: str = ""


def metrics_of(facts: Facts) -> Iterator[Metric]:
    """Yield the figures."""
    if facts.privacy:
        unit = str(facts.privacy["unit"])
        yield Metric("differential privacy epsilon", f"{facts.privacy['epsilon']:g}", of=unit)
        yield Metric("differential privacy delta", f"{facts.privacy['delta']:g}", of=unit)
    for where, tests in (("model", facts.tests), ("endpoint", facts.endpoint_tests)):
        for test in tests:
            if test.samples:
                low, high = (f"{limit:g}" for limit in test.interval)
                yield Metric(f"{test.id} rate ({test.verdict})", f"{test.hits / test.samples:g}", low, high, where)
    if facts.epsilon_lower is not None:
        yield Metric("epsilon lower bound", f"{facts.epsilon_lower:g}", of="model")
    if facts.recall:
        lower = f"{facts.recall['lower']:g}" if "lower" in facts.recall else ""
        yield Metric(
            "identifier detector recall", f"{facts.recall['value']:g}", lower, "1" if lower else "", "training data"
        )


def not_measured(facts: Facts, of: Collection[str] = NOT_MEASURED) -> list[str]:
    """Return a sentence for each thing that was not measured, of those asked for."""
    return [f"not measured: {NOT_MEASURED[one][0]}; {NOT_MEASURED[one][1]}" for one in facts.not_measured if one in of]


def training(facts: Facts) -> str:
    """Return how the weights were trained, or nothing."""
    if not facts.privacy:
        return ""
    privacy, how = facts.privacy, facts.training
    return (
        f"DP-SGD ({how['method']}), {how['sampling']} sampling at rate {privacy['sampling_rate']:g}, noise multiplier "
        f"{privacy['noise_multiplier']:g}, {privacy['steps']} steps, gradients clipped to {privacy['max_grad_norm']:g}: "
        f"epsilon {rounded_up(privacy['epsilon'])} at delta {privacy['delta']:g} for each {privacy['unit']}, by {privacy['accountant']}"
    )


def cleaning(facts: Facts) -> list[str]:
    """Return what was done to the training data before."""
    out: list[str] = []
    if facts.scrub:
        found = facts.scrub["found"]
        kinds = ", ".join(f"{kind} {count}" for kind, count in found.items())
        out.append(f"identifiers were replaced, {sum(found.values())} of them" + (f": {kinds}" if kinds else ""))
    if facts.dedup:
        counts = " and ".join(
            f"{count} {name.replace('_', ' ')}" for name, count in facts.dedup.items() if name != "evidence"
        )
        out.append(f"copies were taken out: {counts}")
    return out


def dataset(facts: Facts) -> dict[str, Any]:
    """Return what the dataset is called and how many units it has; nothing where no evidence names it."""
    held: dict[str, Any] = dict(facts.training.get("dataset", {}))
    return held


def day(facts: Facts) -> date | None:
    """Return the day of the newest evidence."""
    days = [piece.created for piece in facts.pieces if piece.created]
    return max(days) if days else None
