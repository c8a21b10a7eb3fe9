"""What the card says, as the readable section between its two markers.

Invariants:

- Only Markdown that every renderer of model cards keeps: headings, tables, lists, one picture from a file beside it.
- Texts from evidence are escaped: none can end the section or become a tag, a link or another column.
- An epsilon is rounded up, and a recall down.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from privet.card.chart import is_charted
from privet.card.evidence import CHART, Piece
from privet.card.evidence_forms import DATASET_AUDIT
from privet.card.facts import NOT_MEASURED, Facts, Test
from privet.card.rounding import between, rounded_down, rounded_up

BEGIN: Final = "<!-- privet:begin -->"
END: Final = "<!-- privet:end -->"
_CELLS: Final = 20
_ESCAPED: Final = {char: f"\\{char}" for char in "\\`*_[]|~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_TABLE: Final = str.maketrans(_ESCAPED)
_KINDS: Final = {
    "training": "private training",
    "model-audit": "audit of the model",
    "endpoint-audit": "audit of an endpoint",
    "scrub-manifest": "scrub manifest",
    "dataset-audit": "audit of the dataset",
}
_VERDICTS: Final = {"underpowered": "underpowered: shows nothing", "not-tested": "not tested"}


def as_text(facts: Facts, newline: str = "\n") -> str:
    """Return the section with its markers, ending with a line break."""
    lines = [BEGIN, "## Privacy", "", _says(facts), ""]
    for part in (_training, _data, _audits, _endpoint, _not_measured, _evidence):
        found = list(part(facts))
        lines += [*found, ""] if found else []
    if is_charted(facts):
        at = 4 + 1
        lines[at:at] = [f"![{_alt(facts)}]({CHART})", ""]
    lines[-1] = END
    return "".join(f"{line}{newline}" for line in lines)


def _says(facts: Facts) -> str:
    """Return the first sentences: the guarantee, or that there is none."""
    checked = "Written by `privet card` from the files in `evidence/`; `privet card . --verify` holds it against them"
    until = f" Valid until {facts.valid_until}." if facts.valid_until else ""
    if not facts.privacy:
        return f"**No guarantee of differential privacy was measured for these weights.** {checked}.{until}"
    privacy = facts.privacy
    return (
        f"**These weights are (ε = {rounded_up(privacy['epsilon'])}, δ = {privacy['delta']:g})-differentially private for each "
        f"{privacy['unit']} of the data named below.** That says nothing of what a base model was trained on before. {checked}.{until}"
    )


def _training(facts: Facts) -> Iterator[str]:
    if not facts.privacy:
        return
    privacy, training = facts.privacy, facts.training
    yield from ("### Training", "", "| what | value |", "|---|---|")
    yield _row("epsilon", rounded_up(privacy["epsilon"]))
    if facts.epsilon_lower is not None:
        yield _row("epsilon is at least, as the audit shows", f"{facts.epsilon_lower:g}")
    yield _row("delta", f"{privacy['delta']:g}")
    yield _row("unit of privacy", f"{privacy['unit']}: the guarantee is for everything of one {privacy['unit']}")
    yield _row("accountant", privacy["accountant"])
    yield _row("noise multiplier", f"{privacy['noise_multiplier']:g}")
    yield _row("sampling", f"{training['sampling']}, rate {privacy['sampling_rate']:g}")
    yield _row("steps", f"{privacy['steps']:,}")
    yield _row("gradients clipped to", f"{privacy['max_grad_norm']:g}")
    yield _row("method", training["method"])


def _data(facts: Facts) -> Iterator[str]:
    """Yield the data statement: what the training data are and what was done to them."""
    rows = [*_dataset(facts), *_scrubbed(facts), *_audited(facts)]
    if rows:
        yield from ("### Data", "", "| what | value |", "|---|---|", *rows)


def _dataset(facts: Facts) -> Iterator[str]:
    held = facts.training.get("dataset")
    if held:
        unit = facts.privacy["unit"]
        yield _row("trained on", f"{held['id']}, at least {held['units']:,} {unit}s (rounded down)")


def _scrubbed(facts: Facts) -> Iterator[str]:
    scrub, dedup, recall = facts.scrub, facts.dedup, facts.recall
    if scrub:
        found: Mapping[str, int] = scrub["found"]
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in found.items())
        yield _row("identifiers taken out", f"{sum(found.values()):,}" + (f" ({kinds})" if kinds else ""))
        rows = [(name, scrub[name]) for name in ("files", "set_aside", "read", "changed", "suppressed", "kept", "written")
                if name in scrub]  # fmt: skip
        if rows:
            yield _row("scrubbed", ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in rows))
        if "tier" in scrub:
            yield _row("detector", scrub["tier"])
    if dedup:
        parts = [f"{name.replace('_', ' ')} {dedup[name]:,}" for name in dedup if name != "evidence"]
        yield _row("copies taken out", ", ".join(parts))
    if recall:
        yield _row("detector recall", _recall(recall))


def _recall(recall: Mapping[str, Any]) -> str:
    value = f"{rounded_down(100 * recall['value'], 1)} %"
    if "kind" not in recall:
        return value
    return (
        f"{value} for {recall['kind']}, the kind found least: {recall['found']:,} of {recall['planted']:,} planted, "
        f"at least {rounded_down(100 * recall['lower'], 1)} %"
    )


def _audited(facts: Facts) -> Iterator[str]:
    audit = facts.dataset_audit
    if audit:
        bound = audit.get("upper_bound")
        most = f", at most {rounded_up(100 * bound)} % of records hold an identifier" if bound is not None else ""
        yield _row("audit of the dataset", f"{audit['verdict']}{most} (unsigned)")


def _audits(facts: Facts) -> Iterator[str]:
    if facts.audit:
        yield from (f"### Audit of the model: {facts.audit['verdict']}", "")
        yield from _tests(facts.tests)


def _endpoint(facts: Facts) -> Iterator[str]:
    if facts.endpoint:
        yield from (f"### Audit of an endpoint: {facts.endpoint['verdict']}", "")
        yield from (
            "That a server answers well is no property of weights: this audit is not bound to the files here.",
            "",
        )
        yield from _tests(facts.endpoint_tests)


def _tests(tests: Sequence[Test]) -> Iterator[str]:
    yield "| test | verdict | hits | 95 % interval | from 0 to 1 | what was seen |"
    yield "|---|---|---|---|---|---|"
    for test in tests:
        counted = f"{test.hits:,} of {test.samples:,}" if test.samples else "–"
        low, high = test.interval
        limits = between(low, high) if test.samples else "–"
        bar = bar_of(low, high) if test.samples else ""
        verdict = _VERDICTS.get(test.verdict, test.verdict)
        yield f"| {escaped(test.id)} | {escaped(verdict)} | {counted} | {limits} | {bar} | {escaped(test.says)} |"


def bar_of(low: float, high: float) -> str:
    """Return an interval within 0 and 1 as a line of blocks.

    >>> bar_of(0.0, 0.1), bar_of(0.5, 1.0)
    ('██░░░░░░░░░░░░░░░░░░', '░░░░░░░░░░██████████')
    """
    first = min(math.floor(low * _CELLS + 1e-9), _CELLS - 1)
    last = max(math.ceil(high * _CELLS - 1e-9), first + 1)
    return "░" * first + "█" * (last - first) + "░" * (_CELLS - last)


def _not_measured(facts: Facts) -> Iterator[str]:
    missing = facts.not_measured
    yield from ("### Not measured", "")
    if not missing:
        yield "Nothing of what this section can speak of; what it cannot speak of is in the text of others."
    yield from (f"- **{NOT_MEASURED[one][0]}**: {NOT_MEASURED[one][1]}." for one in missing)
    if facts.uncovered:
        names = ", ".join(f"`{escaped(name)}`" for name in facts.uncovered)
        yield f"- **weights without evidence**: nothing here is about {names}."


def _evidence(facts: Facts) -> Iterator[str]:
    yield from ("### Evidence", "")
    if not facts.pieces:
        yield "None."
        return
    yield from ("| file | what | signed by | of |", "|---|---|---|---|")
    for piece in facts.pieces:
        signed = f"`{piece.signed_by}`" if piece.signed_by else "nobody: this form is unsigned"
        yield f"| [{escaped(piece.name)}]({_link(piece)}) | {_KINDS[piece.kind]} | {signed} | {piece.created or 'no date'} |"
    if facts.weights:
        names = ", ".join(escaped(name) for name in facts.weights)
        bound = ", ".join(_KINDS[piece.kind] for piece in facts.pieces if piece.weights is not None)
        yield from ("", f"Weights: {names}. Bound to them by digest: {bound or 'nothing'}.")
    if any(piece.kind == DATASET_AUDIT for piece in facts.pieces):
        yield from ("", "That the dataset that was audited is the one trained on, only its author can say.")


def _link(piece: Piece) -> str:
    from urllib.parse import quote

    return quote(piece.name)


def _alt(facts: Facts) -> str:
    parts = [f"epsilon {rounded_up(facts.privacy['epsilon'])}"] if facts.privacy else []
    parts += [f"{test.id} {test.hits} of {test.samples}" for test in facts.tests if test.samples]
    return escaped("What was measured: " + ", ".join(parts))


def _row(what: str, value: object) -> str:
    return f"| {what} | {escaped(str(value))} |"


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line.

    >>> escaped("a|b <!-- c")
    'a\\|b &lt;!-- c'
    """
    return " ".join("".join(char if char.isprintable() else " " for char in text).split()).translate(_TABLE)
