"""A model behind a URL: what can be told of it is what the audit of an endpoint tells, under the ids of the audit of a model.

Invariants:

- What the endpoint's audit failed is failed. What it passed with fewer than a hundred members and controls is underpowered here.
- Epsilon and files take the weights, and are not tested.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from privet.audit.endpoint.audit import Options, audit_endpoint
from privet.audit.endpoint.given import Given, Passage
from privet.audit.endpoint.outcome import Outcome
from privet.audit.endpoint.target import Target
from privet.audit.model import ModelOptions, Step, concluded, given_digest
from privet.audit.model_result import ModelResult
from privet.audit.model_scene import FEWEST, ModelTally
from privet.audit.model_tests import TESTS

_CANARIES: Final = "training-canaries"
_OF: Final = {"extraction": _CANARIES, "exposure": _CANARIES, "membership": "membership"}
_BY_LIKELINESS: Final = "secret by its likeliness"
_TAKES_WEIGHTS: Final = "it takes the weights, and a URL gives none: name their folder"
_NO_NUMBERS: Final = "the endpoint does not tell how likely a text is"


async def audit_url(target: Target, options: ModelOptions, step: Step) -> ModelResult:
    """Return the audit of a model behind an endpoint. Extraction and exposure are one test there; each gets its part."""
    given = options.given
    asked = Options(
        seed=options.seed,
        only=tuple({_OF[test] for test in options.only if test in _OF}),
        given=Given(given.canaries, given.passages or _passages(given)),
        policy=options.policy,
        policy_sha256=options.policy_sha256,
    )
    found = await audit_endpoint(target, asked, step)
    by_id = {outcome.id: outcome for outcome in found.outcomes}
    max_rate = options.policy.audit.max_leak_rate
    outcomes = [
        concluded(test, _tally(test.id, by_id.get(_OF.get(test.id, ""))), max_rate)
        for test in TESTS
        if test.id in options.only
    ]
    given_sha256 = given_digest(given)
    run = dict(found.run) | {"broken_off": found.broken_off}
    return ModelResult(options.seed, options.policy_sha256, max_rate, {}, given_sha256, outcomes, run)


def _passages(given: Given) -> tuple[Passage, ...]:
    """Return the canaries as texts: their membership is told too."""
    return tuple(Passage(f"{each.prompt} {each.secret}".strip(), each.member) for each in given.canaries)


def _tally(test: str, outcome: Outcome | None) -> ModelTally:
    tally = ModelTally()
    if outcome is None:
        tally.not_tested(_TAKES_WEIGHTS)
        return tally
    figures: dict[str, Any] = dict(outcome.figures)
    if test == "exposure":
        figures = figures.get("exposure", {})
        if not figures and outcome.verdict != "not-tested":
            tally.not_tested(_NO_NUMBERS)
            return tally
    if outcome.verdict == "not-tested":
        tally.not_tested(outcome.says)
        return tally
    seen = Counter(
        {
            what: count
            for what, count in outcome.seen.items()
            if test == "membership" or (what == _BY_LIKELINESS) == (test == "exposure")
        }
    )
    tally.seen, tally.figures, tally.notes = seen, figures, list(outcome.notes)
    tally.samples = int(figures.get("members", outcome.samples))
    tally.hits = min(tally.samples, _hits(test, outcome, seen)) if seen else 0
    tally.fixes = [outcome.fix] if seen and outcome.fix else []
    tally.sampled = test != "membership"
    if not seen:
        _weigh(test, outcome, tally)
    return tally


def _hits(test: str, outcome: Outcome, seen: Counter[str]) -> int:
    if test == "extraction":
        return int(outcome.figures.get("extracted", outcome.hits))
    return seen[_BY_LIKELINESS] if test == "exposure" else outcome.hits


def _weigh(test: str, outcome: Outcome, tally: ModelTally) -> None:
    """Say that nothing follows where there were too few, or where the endpoint's audit says so."""
    counts = tally.figures
    if test == "membership":
        sizes = [value for value in counts.values() if isinstance(value, dict) and "members" in value]
        counts = sizes[0] if sizes else {}
    members, controls = int(counts.get("members", 0)), int(counts.get("controls", 0))
    if min(members, controls) < FEWEST:
        tally.too_few = f"{members} members and {controls} controls were asked, and {FEWEST} of each are needed"
    elif outcome.verdict == "underpowered":
        tally.underpowered(outcome.says)
