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
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from privet.detect.rule import CONTEXT_CHARS, MAX_PATTERN_BYTES, Candidate, Rule
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
_RE2_MEMORY_BYTES: Final = 64 * 1024 * 1024
# No identifier of so few letters and spaces: the shortest made of letters alone is a cloud key of twenty.
_PLAIN_CHARS: Final = 16
_STEP: Final = re.compile(rb"\w+|.", re.DOTALL)

Search = Callable[[bytes, int], int]
Which = Callable[[bytes, int], Iterable[int]]


class _Known(NamedTuple):
    """A rule made ready: its final pattern, and its context words as one pattern."""

    rule: Rule
    match: Callable[[bytes, int], re.Match[bytes] | None]
    context: Callable[[str], object] | None


class PatternTier:
    """The rules of the table that the policy asks for.

    `engine` is "re2" or "re"; without a choice, re2 where it can be imported.
    """

    def __init__(self, policy: DetectPolicy, *, engine: str = "") -> None:
        from privet.detect.rules import RULES

        rules = [rule for rule in RULES if rule.kind in policy.kinds]
        self._min_score = policy.min_score
        self._known = [_Known(rule, re.compile(_bytes(rule.extent or rule.pattern)).match, _words(rule.context)) for rule in rules]
        heads = list(dict.fromkeys(rule.head or rule.pattern for rule in rules))
        patterns = [rule.pattern for rule in rules]
        make = {"re2": _with_re2, "re": _with_re}.get(engine) or (_with_re2 if _has_re2() else _with_re)
        self._search, self._which = make(heads, patterns) if rules else (lambda _data, _pos: -1, lambda _data, _pos: ())

    def candidates(self, text: str, start: int) -> list[Span]:
        """Return every hit that begins at or after `start`; hits may overlap."""
        if len(text) - start <= _PLAIN_CHARS and text[start:].replace(" ", "").isalpha():
            return []
        data = text.encode("utf-8", "surrogatepass")
        floor = start if not start or text.isascii() else len(text[:start].encode("utf-8", "surrogatepass"))
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
        resume = 0
        for number in self._which(data, position):
            known = self._known[number]
            match = known.match(data, position)
            if match is None:
                continue
            hit = Candidate(data, *match.span(match.lastindex or 0))
            score = self._score(known, hit)
            if score >= self._min_score and hit.end > floor:
                hit.start = max(hit.start, floor)
                found.append((hit.start, hit.end, known.rule, score))
                if score >= _CERTAIN or known.rule.extent:
                    resume = max(resume, hit.end)
            elif match.end() - position > _MAX_RESCAN_BYTES:
                resume = max(resume, match.end())
        step = _STEP.match(data, position)
        return max(resume, step.end() if step else position + 1)

    @staticmethod
    def _score(known: _Known, hit: Candidate) -> float:
        """Return the score of a match, 0 where it is no identifier."""
        rule = known.rule
        score = rule.score
        in_context = False
        if known.context is not None and rule.needs_context:
            in_context = known.context(hit.left) is not None
            if not in_context:
                return 0.0
        if rule.check is not None:
            verdict = rule.check(hit)
            if not verdict:
                return 0.0
            if verdict is not True:
                score = verdict
        if known.context is not None and rule.context_score > score and (in_context or known.context(hit.left) is not None):
            score = rule.context_score
        return score


class Detector:
    """Finds identifiers in texts. Make one for a policy and keep it; it holds no text and may be shared by threads."""

    def __init__(self, policy: DetectPolicy = DEFAULT.detect) -> None:
        self._tiers: tuple[Tier, ...] = (PatternTier(policy),)

    def find(self, text: str, start: int = 0) -> tuple[Span, ...]:
        """Return the spans that begin at or after `start`; what stands before it is context only."""
        skipped = max(0, start - CONTEXT_CHARS)
        window = text[skipped:] if skipped else text
        found = [span for tier in self._tiers for span in tier.candidates(window, start - skipped)]
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
        if (place == 0 or taken[place - 1].end <= span.start) and (place == len(taken) or taken[place].start >= span.end):
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


def _bytes(pattern: str) -> bytes:
    return pattern.encode("ascii")


def _words(words: tuple[str, ...]) -> Callable[[str], object] | None:
    """Return a search for any of these as a whole word; an underscore ends a word, as in passport_number."""
    if not words:
        return None
    either = "|".join(re.escape(word) for word in sorted(set(words), key=lambda word: (-len(word), word)))
    # Chinese and Japanese write without spaces, so there a word needs no end.
    return re.compile(rf"(?<![^\W_])(?:{either})(?:(?![^\W_])|(?<=[\u3040-\u9fff\uac00-\ud7af]))").search


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


def _has_re2() -> bool:
    try:
        import re2  # type: ignore[import-untyped]  # noqa: F401
    except ImportError:
        return False
    return True


def _with_re2(heads: list[str], patterns: list[str]) -> tuple[Search, Which]:
    """Return the search for candidates and the test which patterns match at one, with RE2."""
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    options.log_errors = False
    options.max_mem = _RE2_MEMORY_BYTES
    # The compiled object itself: the wrapper's match objects cost more than the search in a short text.
    expression: Any = re2._re2.RE2(_bytes("|".join(heads)), options)
    anywhere = re2._re2.RE2.Anchor.UNANCHORED
    match = expression.Match
    table: Any = re2._re2.Set(re2._re2.RE2.Anchor.ANCHOR_START, options)
    for pattern in patterns:
        # One byte before, so that \b sees it.
        table.Add(_bytes(rf"(?s:.)(?:{pattern})"))
    if not expression.ok() or not table.Compile():
        message = "the rule table does not compile"
        raise ValueError(message)
    matching = table.Match

    def search(data: bytes, position: int) -> int:
        return match(anywhere, data, position, len(data))[0][0]  # type: ignore[no-any-return]

    def which(data: bytes, position: int) -> Iterable[int]:
        window = data[position - 1 : position + _WINDOW_BYTES] if position else b"\n" + data[:_WINDOW_BYTES]
        return sorted(matching(window))

    return search, which


_WINDOW_BYTES: Final = MAX_PATTERN_BYTES


def _with_re(heads: list[str], patterns: list[str]) -> tuple[Search, Which]:
    """Return the same with the standard library: slower by a factor of about fifty, with the same answers."""
    searching = re.compile(_bytes("|".join(f"(?:{head})" for head in heads))).search
    matching = [re.compile(_bytes(rf"(?s:.)(?:{pattern})")).match for pattern in patterns]

    def search(data: bytes, position: int) -> int:
        found = searching(data, position)
        return found.start() if found else -1

    def which(data: bytes, position: int) -> Iterable[int]:
        window = data[position - 1 : position + _WINDOW_BYTES] if position else b"\n" + data[:_WINDOW_BYTES]
        return [number for number, match in enumerate(matching) if match(window)]

    return search, which
