"""Whether how fast an answer begins tells what others asked: a paired test of caches of prefixes and of answers.

Each trial asks what nobody ever asked, with the own key twice, then with another: if that is as fast as the second time, the cache is
shared. What the other key asks for the first time itself is the control, in the same trial, at random before or after.

Invariants:

- Prompts are made of `nonce`: nobody, and no earlier run, has asked them. Nothing else is asked meanwhile.
- Another's request follows the own caller's at once, so that a server with room for one prefix has not dropped it.
- A hit within one key is no leak, and shows that a leak would be seen. All trials of one kind tell, or none: single times are noise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any, Final

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.callers import NEED_KEY, REFUSED, Caller, own, tenants
from privet.audit.endpoint.isolation_words import WORDS
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.reply import Reply
from privet.audit.endpoint.scene import Scene
from privet.audit.endpoint.stores import id_of
from privet.audit.endpoint.timing_decision import Times

ID: Final = "cache-timing"
_FIX: Final = "shared-prefix-cache"
_FIX_ANSWERS: Final = "shared-answer-cache"
_LENGTHS: Final = (32, 250, 2000)
"""Words of a prompt: two blocks of 16 tokens, as vLLM caches them, and what a faster machine needs."""
_PILOTS: Final = 3
_SERIES: Final = 8
"""As many series at most: more where the first tells nothing yet, as long as there is time."""
_PART_OF_TIME: Final = 0.4
_CLEAR_SECONDS: Final = 0.003
_PLAIN_SECONDS: Final = 0.02
_QUESTIONS: Final = ("Say one.", "Say two.", "Say six.", "Say ten.")
_CONTENT: Final = re.compile(rb'"(?:content|text|reasoning_content)"\s*:\s*"[^"]')
_CACHED: Final = re.compile(
    rb'"(?:cached_tokens|prompt_cache_hit_tokens|cache_read_input_tokens|cache_n)"\s*:\s*(\d{1,9})'
)
"""How many tokens of a prompt came from a cache: OpenAI, vLLM, SGLang; DeepSeek; Anthropic; llama.cpp."""
_CACHE_HEADERS: Final = (
    "x-cache",
    "x-cache-hit",
    "x-cache-status",
    "cf-cache-status",
    "x-litellm-cache-hit",
    "x-semantic-cache",
)
_HIT: Final = re.compile(r"\b(?:hit|true|1|yes)\b", re.IGNORECASE)
_LEAST_CACHED: Final = 8


@dataclass(slots=True, repr=False)
class _Seen:
    """What the answers of one kind of trial say themselves, beside their times: one entry a trial, whether another's hit is told."""

    tokens: list[bool] = field(default_factory=list)
    headers: list[bool] = field(default_factory=list)
    ids: list[bool] = field(default_factory=list)


async def run(scene: Scene, tally: Tally) -> None:
    """Run the test."""
    tally.sampled = False
    if not (others := await tenants(scene)):
        tally.not_tested(REFUSED if scene.target.tenants else NEED_KEY)
        return
    trials = 4 + 4 * scene.size.rounds
    tally.figures["trials"] = trials
    blind = False
    for is_whole in (False, True):
        kind = _Kind(scene, others[0], is_whole=is_whole)
        try:
            await kind.measure(trials)
        finally:
            kind.count(tally, trials)
        blind = blind or kind.times.verdict in ("blind", "perhaps")
    if blind:
        tally.underpowered("times differ too much from request to request to see a cache")


@dataclass(slots=True, repr=False)
class _Kind:
    """One kind of trial. `is_whole`: the same request again, unstreamed; else the same system message with another question, streamed."""

    scene: Scene
    other: Caller
    is_whole: bool
    times: Times = field(default_factory=Times)
    seen: _Seen = field(default_factory=_Seen)
    words: int = _LENGTHS[0]
    fresh: Random = field(init=False)
    refused: bool = False

    def __post_init__(self) -> None:
        self.fresh = Random(f"{self.scene.nonce}:{self.is_whole}")  # noqa: S311 - new in each run, and no secret

    async def measure(self, trials: int) -> None:
        for caller in (own(self.scene), self.other):
            await self._ask(self._prompt(4), 0, caller)
        await self._find_length(trials)
        clock = self.scene.client.budget.clock
        until = clock() + self.scene.client.budget.seconds_left * _PART_OF_TIME
        for _ in range(_SERIES):
            for number in range(trials):
                self.scene.step(number + trials * self.is_whole, 2 * trials)
                await self._trial()
            if self.times.verdict in ("tells", "not") or clock() > until:
                return

    def count(self, tally: Tally, trials: int) -> None:
        """Tell what was measured: all the trials of this kind tell, or none of them does."""
        if not self.times.cross:
            return
        leaks = []
        name = "the same request" if self.is_whole else "the same beginning"
        is_done = len(self.times.cross) >= trials
        if is_done and self.times.verdict == "tells":
            leaks.append(f"{name} of another caller is answered faster")
        leaks += [
            f"{name} of another caller is told by {what}"
            for what, told in (
                ("the number of cached tokens", self.seen.tokens),
                ("a header", self.seen.headers),
                ("the id of the stored answer", self.seen.ids),
            )
            if sum(told) >= 2 and 2 * sum(told) > len(told)
        ]
        fix = _FIX_ANSWERS if any("stored answer" in leak or "header" in leak for leak in leaks) else _FIX
        for _ in range(trials if is_done or leaks else 0):
            tally.sample(*leaks, fix=fix)
        tally.timings["whole" if self.is_whole else "prefix"] = self.times.summary() | {"words": self.words}

    async def _find_length(self, trials: int) -> None:
        """Find the shortest prompt by which the own caller's cache shows, or the longest that time allows."""
        took, brief = 0.0, 0.0
        for words in _LENGTHS:
            # Of each trial three may be as slow as the first.
            needed = took * words / self.words * (3 * trials + 2 * _PILOTS)
            if took and needed > self.scene.client.budget.seconds_left * _PART_OF_TIME:
                return
            if words == _LENGTHS[-1] and self.scene.size.rounds == 1 and took - brief > _PLAIN_SECONDS:
                # What the prompt costs shows already; caches of very long ones alone are for more than a quick look.
                return
            cold, warm = [], []
            for _ in range(_PILOTS):
                prompt = self._prompt(words)
                brief = await self._seconds(self._prompt(4), 0, own(self.scene))
                cold.append(await self._seconds(prompt, 0, own(self.scene)))
                warm.append(await self._seconds(prompt, 1, own(self.scene)))
                if self.refused:
                    # Longer than the model takes.
                    self.refused = False
                    return
            self.words, took = words, median(cold)
            if max(warm) < min(cold) and min(cold) - max(warm) > _CLEAR_SECONDS:
                return

    async def _trial(self) -> None:
        me, times = own(self.scene), self.times
        asked, control = self._prompt(self.words), self._prompt(self.words)
        brief = await self._seconds(self._prompt(4), 0, me)
        control_first = self.fresh.random() < 0.5
        control_answer = await self._ask(control, 2, self.other) if control_first else None
        cold = await self._ask(asked, 0, me)
        warm = await self._ask(asked, 1, me)
        cross = await self._ask(asked, 2, self.other)
        control_answer = control_answer or await self._ask(control, 2, self.other)
        answers = (cold, warm, cross, control_answer)
        if not all(reply.is_model for reply in answers):
            return
        for kept, reply in zip((times.cold, times.warm, times.cross, times.control), answers, strict=True):
            kept.append(self._begun(reply.answer))
        times.brief.append(brief)
        self._compare(cold.answer, warm.answer, cross.answer, control_answer.answer)

    def _compare(self, cold: Answer, warm: Answer, cross: Answer, control: Answer) -> None:
        least = max(_LEAST_CACHED, _cached(warm) // 4)
        self.seen.tokens.append(_cached(cross) - _cached(control) >= least)
        self.seen.headers.append(_hit(cross) and not _hit(control))
        stored = {id_of(cold), id_of(warm)} - {""}
        self.seen.ids.append(id_of(cross) in stored and id_of(control) not in stored)

    async def _seconds(self, prompt: str, question: int, caller: Caller) -> float:
        reply = await self._ask(prompt, question, caller)
        self.refused = self.refused or not reply.is_model
        return self._begun(reply.answer)

    async def _ask(self, prompt: str, question: int, caller: Caller) -> Reply:
        how: dict[str, Any] = {"tokens": 1, "key": caller.key, "may_fail": True}
        dialect = self.scene.dialect
        if self.is_whole:
            return await dialect.chat(f"{prompt} {_QUESTIONS[0]}", **how)
        return await dialect.chat(_QUESTIONS[question], system=prompt, stream=dialect.streams, **how)

    def _begun(self, answer: Answer) -> float:
        """Return when the first word came; of an answer in one piece that is when the first byte of it did."""
        if self.is_whole or not self.scene.dialect.streams:
            return answer.seconds
        return next((seconds for seconds, piece in answer.pieces if _CONTENT.search(piece)), answer.seconds)

    def _prompt(self, words: int) -> str:
        return " ".join(self.fresh.choices(WORDS, k=words))


def _cached(answer: Answer) -> int:
    """Return how many tokens an answer says came from a cache."""
    return max((int(number) for number in _CACHED.findall(answer.body)), default=0)


def _hit(answer: Answer) -> bool:
    return any(_HIT.search(answer.header(name)) for name in _CACHE_HEADERS)
