"""Find identifiers: one pass of one automaton over the text, then checks where something may be.

Invariants:

- The same text and policy give the same spans, with `google-re2` and with the slow `re` fallback.
- Time is linear in the text, whatever the text.
- `find(text, start)` reads `CONTEXT_CHARS` left of `start` as context and nothing more.
- Spans are sorted, do not overlap, and count code points of the text as given, lone surrogates included.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from privet.detect.matchers import has_re2, re2_matchers, re_matchers
from privet.detect.rule import CONTEXT_CHARS, Candidate, Rule
from privet.policy import DEFAULT, DetectPolicy, Policy
from privet.records import Span

if TYPE_CHECKING:
    from typing import Protocol

    class Tier(Protocol):
        """One way of finding identifiers; `Detector` joins what its tiers find."""

        def candidates(self, text: str, start: int) -> list[Span]:
            """Return spans that begin at or after `start`, in any order; they may overlap."""
            ...


# A hit this certain is final: nothing inside it is looked at again.
_CERTAIN: Final = 0.8
# After a rejected match this long, go on behind it: going on inside would make time grow with the square of the text.
_MAX_RESCAN_BYTES: Final = 256
# No identifier of so few letters and spaces: the shortest made of letters alone is a cloud key of twenty.
_PLAIN_CHARS: Final = 16
_STEP: Final = re.compile(rb"\w+|.", re.DOTALL)


class _Known(NamedTuple):
    """A rule made ready, its final pattern compiled."""

    rule: Rule
    match: Callable[[bytes, int], re.Match[bytes] | None]


class PatternTier:
    """The rules of the table that the policy asks for.

    `engine` is "re2" or "re"; without a choice, re2 where it can be imported.
    """

    def __init__(self, policy: DetectPolicy, *, engine: str = "") -> None:
        from privet.detect.rules import RULES

        rules = [rule for rule in RULES if rule.kind in policy.kinds]
        self._min_score = policy.min_score
        self._known = [_Known(rule, re.compile((rule.extent or rule.pattern).encode("ascii")).match) for rule in rules]
        make = {"re2": re2_matchers, "re": re_matchers}.get(engine) or (re2_matchers if has_re2() else re_matchers)
        self._search, self._which, self._near = make(rules)

    def candidates(self, text: str, start: int) -> list[Span]:
        """Return every hit that begins at or after `start`; hits may overlap."""
        if len(text) - start <= _PLAIN_CHARS and text[start:].replace(" ", "").isalpha():
            return []
        data = text.encode("utf-8", "surrogatepass")
        floor = start if not start or len(data) == len(text) else len(text[:start].encode("utf-8", "surrogatepass"))
        position = self._search(data, floor)
        if position < 0:
            return []
        found: list[tuple[int, int, Rule, float]] = []
        while position >= 0:
            position = self._search(data, self._look(data, position, floor, found))
        if len(data) == len(text):
            return [Span(first, last, rule.kind, score, rule.id) for first, last, rule, score in found]
        return list(_in_code_points(data, found))

    def _look(self, data: bytes, position: int, floor: int, found: list[tuple[int, int, Rule, float]]) -> int:
        """Add what is found at `position`; return where to go on."""
        best, resume, behind = 0.0, 0, 0
        near: Collection[int] | None = None
        for number in self._which(data, position):
            rule, matching = self._known[number]
            in_context = False
            if rule.context:
                if near is None:
                    near = self._near(Candidate(data, position, position).left)
                in_context = number in near
                if rule.needs_context and not in_context:
                    continue
            match = matching(data, position)
            if match is None:
                continue
            hit = Candidate(data, *match.span(match.lastindex or 0))
            verdict = True if rule.check is None else rule.check(hit)
            score = rule.score if verdict is True else float(verdict)
            if score and in_context:
                score = max(score, rule.context_score)
            if score >= self._min_score and hit.end > floor:
                found.append((max(hit.start, floor), hit.end, rule, score))
                if score > best or (score == best and hit.end > resume):
                    best, resume = score, hit.end if score >= _CERTAIN or rule.extent else position
            elif match.end() - position > _MAX_RESCAN_BYTES:
                behind = max(behind, match.end())
        step = _STEP.match(data, position)
        return max(resume, behind, step.end() if step else position + 1)


class Detector:
    """Finds identifiers in texts. Make one for a policy and keep it; it holds no text and may be shared by threads."""

    def __init__(self, policy: DetectPolicy = DEFAULT.detect) -> None:
        self._tiers: tuple[Tier, ...] = (PatternTier(policy),)

    def find(self, text: str, start: int = 0) -> tuple[Span, ...]:
        """Return the spans that begin at or after `start`; what stands before it is context only."""
        skipped = max(0, start - CONTEXT_CHARS)
        window = text[skipped:] if skipped else text
        found = self._tiers[0].candidates(window, start - skipped)
        for tier in self._tiers[1:]:
            found += tier.candidates(window, start - skipped)
        if not found:
            return ()
        spans = resolve(found) if len(found) > 1 else found
        if skipped:
            return tuple(span._replace(start=span.start + skipped, end=span.end + skipped) for span in spans)
        return tuple(spans)


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Return the spans that remain where several overlap: the higher score wins, then the longer, then the earlier."""
    ranked = sorted(spans, key=lambda span: (-span.score, span.start - span.end, span.start, span.rule))
    taken: list[Span] = []
    starts: list[int] = []
    for span in ranked:
        place = bisect(starts, span.start)
        if (place == 0 or taken[place - 1].end <= span.start) and (
            place == len(taken) or taken[place].start >= span.end
        ):
            taken.insert(place, span)
            starts.insert(place, span.start)
    return taken


@lru_cache(maxsize=16)
def detector(policy: DetectPolicy) -> Detector:
    """Return the detector of a policy, made once."""
    return Detector(policy)


def detect(text: str, *, policy: Policy = DEFAULT) -> tuple[Span, ...]:
    """Return where a text holds identifiers, and of which kind.

    >>> detect("write to jane@example.com")
    (Span(start=9, end=25, kind='EMAIL_ADDRESS', score=0.95, rule='email-address'),)
    """
    return detector(policy.detect).find(text)


def detect_all(texts: Iterable[str], *, policy: Policy = DEFAULT) -> Iterator[tuple[Span, ...]]:
    """Yield the spans of each text, in order."""
    return map(detector(policy.detect).find, texts)


def _in_code_points(data: bytes, found: list[tuple[int, int, Rule, float]]) -> Iterator[Span]:
    """Turn byte offsets into code points, reading the text once."""
    points = {0: 0}
    last, count = 0, 0
    for offset in sorted({offset for first, end, _, _ in found for offset in (first, end)}):
        count += len(data[last:offset].decode("utf-8", "surrogatepass"))
        last = offset
        points[offset] = count
    for first, end, rule, score in found:
        yield Span(points[first], points[end], rule.kind, score, rule.id)
