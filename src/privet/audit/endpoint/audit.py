"""The audit of an endpoint: what it speaks, one test after the other, each within its share of the budget.

Invariants:

- Every test that was asked for is in the result, whatever happens to the target.
- A test that is stopped keeps what it counted: what leaked, leaked; what is not known is not passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any, Final

from privet.audit.endpoint.broken_off import NO_KEY, SILENT, STOPPED
from privet.audit.endpoint.budget import Budget, OutOfBudget
from privet.audit.endpoint.client import BrokenOff, Client
from privet.audit.endpoint.dialect import Dialect, dialect_of
from privet.audit.endpoint.fixes import remedy
from privet.audit.endpoint.given import Given
from privet.audit.endpoint.harmless import harmless
from privet.audit.endpoint.journal import Journal
from privet.audit.endpoint.outcome import MAX_RATE, Outcome, Tally, interval, verdict_of
from privet.audit.endpoint.personal import Personal
from privet.audit.endpoint.result import EndpointResult
from privet.audit.endpoint.scene import USUAL, Scene, Size
from privet.audit.endpoint.servers import server_of
from privet.audit.endpoint.target import Target
from privet.audit.endpoint.tests import IDS, TESTS, Test
from privet.policy import DEFAULT, Policy

Step = Callable[[str, int, int], None]
"""Called with the id of a test, and how much of it is done out of how much."""
_OVERBOOKED: Final = 2.5


@dataclass(frozen=True, slots=True, repr=False)
class Options:
    """How to audit. `only`: ids of tests."""

    seed: int = 0
    size: Size = USUAL
    only: Sequence[str] = IDS
    given: Given = field(default_factory=Given)
    policy: Policy = DEFAULT
    policy_sha256: str = ""
    max_requests: float = inf
    max_tokens: float = inf
    max_seconds: float = inf
    reveal: bool = False
    state: Path | None = None
    """where the outcomes of an audit that is broken off are kept until it goes on; None: nowhere"""


async def audit_endpoint(
    target: Target, options: Options, step: Step = lambda _id, _done, _all: None
) -> EndpointResult:
    """Return the audit of a target."""
    begun = time.monotonic()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    seconds = min(options.max_seconds, options.size.seconds)
    budget = Budget(options.max_requests, options.max_tokens, begun + seconds)
    wanted = [test for test in TESTS if test.id in options.only]
    async with Client.open(target, budget, request_seconds=min(60.0, max(5.0, seconds / 4))) as client:
        journal = Journal.of(options.state, _identity(target, options)) if options.state else None
        taken_over = sorted(journal.done()) if journal else []
        outcomes, broken, server = await _Auditing(target, options, client, journal, step).all(wanted)
        if journal and broken != STOPPED:
            # What turned the audit away is another server once that is mended.
            journal.end()
    return EndpointResult(
        options.seed,
        options.size.name,
        options.policy_sha256,
        options.policy.audit.max_leak_rate,
        server,
        outcomes,
        broken,
        {
            "target": target.origin + target.path,
            "started": started,
            "seconds": round(time.monotonic() - begun, 1),
            "requests": budget.asked,
            "tokens": budget.used_tokens,
            "limited": client.limited,
            "taken_over": taken_over,
        },
    )


def _identity(target: Target, options: Options) -> dict[str, Any]:
    """Return all that has to be the same for an outcome to hold."""
    given = options.given
    return {
        "target": target.origin + target.path,
        "keys": [target.key, *target.tenants],
        "sight": [target.server_pid, *(str(path.resolve()) for path in target.watch)],
        "asked": [options.seed, options.size.name, options.reveal, *options.only],
        "given": [[each.prompt, each.secret, each.member] for each in given.canaries]
        + [[each.text, each.member] for each in given.passages],
        "policy": options.policy_sha256,
    }


class _Auditing:
    def __init__(self, target: Target, options: Options, client: Client, journal: Journal | None, step: Step) -> None:
        self._target = target
        self._options = options
        self._client = client
        self._journal = journal
        self._step = step
        self._broken = ""
        self._turned_away = ""

    async def all(self, wanted: Sequence[Test]) -> tuple[list[Outcome], str, str]:
        scene = await self._scene()
        if self._turned_away == NO_KEY and not any(test.talks for test in wanted):
            # What can be asked without a key can be answered without one.
            self._turned_away = ""
        done = self._journal.done() if self._journal else {}
        waiting = sorted((test for test in wanted if test.id not in done), key=lambda test: test.order)
        await self._begin(scene, waiting)
        while waiting:
            test = waiting.pop(0)
            weight = test.weight / (test.weight + sum(other.weight for other in waiting))
            budget = self._client.budget
            budget.share_until = inf
            # Most tests end before their time does, so each is given more than its part.
            budget.share(budget.seconds_left * min(1.0, _OVERBOOKED * weight))
            done[test.id] = await self._one(test, scene)
        return [done[test.id] for test in wanted], self._broken or self._turned_away, scene.server

    def _break(self) -> str:
        """Note that nothing answers any more. Returns why."""
        self._broken = self._broken or (STOPPED if self._client.has_heard else SILENT)
        return self._broken

    async def _scene(self) -> Scene:
        dialect = Dialect(self._client, self._target.path)
        server = ""
        self._step("dialect", 0, 1)
        try:
            dialect = await dialect_of(self._client)
            self._turned_away = dialect.turned_away
            server = await server_of(self._client, dialect)
        except BrokenOff:
            self._break()
        except OutOfBudget:
            if not self._client.has_heard and not self._client.budget.seconds_left:
                self._break()
            dialect.trouble = dialect.trouble or "the budget was used up before it was known how the target talks"
        options = self._options
        personal = Personal(options.policy.detect)
        return Scene(self._target, self._client, dialect, options.size, options.seed, server, personal, options.given)

    async def _begin(self, scene: Scene, wanted: Sequence[Test]) -> None:
        for test in wanted:
            if (begin := test.begin) is not None:
                try:
                    await begin(scene)
                except BrokenOff:
                    self._break()
                except OutOfBudget:
                    return

    async def _one(self, test: Test, scene: Scene) -> Outcome:
        tally = Tally()
        is_whole = False
        talks = scene.dialect.chats or scene.dialect.completes
        if self._broken:
            tally.not_tested(self._broken)
        elif test.talks and not talks:
            tally.not_tested(scene.dialect.trouble)
        else:
            scene.step = lambda done, of: self._step(test.id, done, of)
            scene.step(0, 1)
            try:
                await test.run(scene, tally)
                is_whole = True
            except BrokenOff:
                tally.underpowered(self._break())
            except OutOfBudget:
                tally.underpowered("the budget of requests, tokens or time was used up")
        max_rate = self._options.policy.audit.max_leak_rate
        outcome = concluded(test, tally, scene.server, max_rate, reveal=self._options.reveal)
        if is_whole and self._journal:
            self._journal.keep(outcome)
        return outcome


def concluded(test: Test, tally: Tally, server: str, max_rate: float = MAX_RATE, *, reveal: bool = False) -> Outcome:
    """Return the outcome of a test from what it counted."""
    verdict = verdict_of(tally, max_rate)
    return Outcome(
        test.id,
        verdict,
        tally.samples,
        tally.hits,
        _says(tally, verdict, max_rate),
        " ".join(dict.fromkeys(remedy(fix, server) for fix in tally.fixes)) if verdict == "fail" else "",
        dict(tally.seen),
        tuple(tally.notes),
        tally.figures,
        tally.timings,
        tuple(sorted({harmless(text) for text in tally.revealed})) if reveal else (),
    )


def _says(tally: Tally, verdict: str, max_rate: float) -> str:
    if verdict == "fail":
        share = f"{tally.hits} of {tally.samples}"
        return f"{share} leaked" + (f": {', '.join(sorted(tally.seen))}" if tally.seen else "")
    if verdict == "pass":
        limit = f"; the rate is at most {interval(0, tally.samples)[1] / tally.recall:.1%}" if tally.sampled else ""
        return f"none of {tally.samples} leaked{limit}"
    if verdict == "not-tested":
        return tally.reason or "it was not asked"
    if tally.reason:
        return f"{tally.reason}; none of {tally.samples} leaked" if tally.samples else tally.reason
    if tally.unanswered:
        return f"{tally.unanswered} of {tally.samples + tally.unanswered} got no answer"
    return f"none of {tally.samples} leaked, too few to show that fewer than {max_rate:.1%} do"
