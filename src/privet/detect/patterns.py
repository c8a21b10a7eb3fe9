"""The pattern tier: one pass of one automaton over the text, then checks where something may be.

Invariants:

- The same text and rules give the same spans, with `google-re2` and with the slow `re` fallback.
- Time is linear in the text, whatever the text.
- What stands beyond `end` is not looked at, and left of `start` only as context.
- Where a text hides something, its readings are looked at too; their hits count in the text as given.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from privet.detect.matchers import has_re2, re2_matchers, re_matchers
from privet.detect.placeholders import PSEUDONYM_CHARS
from privet.detect.readings import Reading, hidden, opened, readings
from privet.detect.rule import CONTEXT_CHARS, Candidate, Check, Rule
from privet.policy import DetectPolicy
from privet.records import KINDS, Span

# A hit this certain is final: nothing inside it is looked at again.
_CERTAIN: Final = 0.8
# After a rejected match this long, go on behind it: going on inside would make time grow with the square of the text.
_MAX_RESCAN_BYTES: Final = 256
# No identifier of so few letters and spaces: the shortest made of letters alone is a cloud key of twenty.
_PLAIN_CHARS: Final = 16
_WORD: Final = re.compile(rb"\w+")
_WORD_BYTES: Final = frozenset(bytes((byte,)) for byte in range(128) if chr(byte).isalnum() or byte == ord("_"))
# A base64 run is one identifier of what stands inside, unless that is weak; an identifier around the run comes first.
_INSIDE_FLOOR: Final = 0.6
_INSIDE_TOP: Final = 0.8

_RUN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")

_LABELS: Final = "|".join(sorted(kind.lower() for kind in KINDS if "_" in kind))
_LABEL: Final = re.compile(
    rf"\[(?:(?:{_LABELS})(?:_[a-z0-9]{{1,{PSEUDONYM_CHARS}}})?|[a-z][a-z0-9_]{{1,40}}_[0-9]{{1,6}})\]".encode()
)
"""Placeholders in lower case whose words would be context: behind `[SOCIAL_HANDLE_1]` nothing is a handle for that."""

_Hit = tuple[int, int, Rule, float]


class _Known(NamedTuple):
    """A rule made ready, its final pattern compiled."""

    rule: Rule
    match: Callable[[bytes, int], re.Match[bytes] | None]
    check: Check | None
    score: float
    needs_context: bool
    context_score: float
    has_extent: bool


def _known(rule: Rule) -> _Known:
    match = re.compile((rule.extent or rule.pattern).encode("ascii")).match
    return _Known(
        rule, match, rule.check, rule.score, rule.needs_context, rule.context_score, has_extent=bool(rule.extent)
    )


class PatternTier:
    """The rules of the table that the policy asks for, or the rules given.

    `engine` is "re2" or "re"; without a choice, re2 where it can be imported.
    """

    _plain_chars = _PLAIN_CHARS

    def __init__(self, policy: DetectPolicy, *, engine: str = "", rules: Sequence[Rule] | None = None) -> None:
        make = {"re2": re2_matchers, "re": re_matchers}.get(engine) or (re2_matchers if has_re2() else re_matchers)
        self._hidden: Callable[[bytes, int], int] | None = None
        if rules is None:
            from privet.detect.rules import RULES

            rules = [rule for rule in RULES if rule.kind in policy.kinds]
            if rules:
                # Last, so that the search stops at what is hidden too, and only then.
                rules.append(hidden())
                self._hidden = make([hidden()]).search
        self._min_score = policy.min_score
        self._known = [_known(rule) for rule in rules]
        self._contextual = frozenset(number for number, rule in enumerate(rules) if rule.context)
        self._search, self._which, self._near = make(rules)

    def candidates(self, text: str, start: int = 0, end: int | None = None, first: int = -1) -> list[Span]:
        """Return every hit that begins at or after `start`; hits may overlap. What stands beyond `end` is not looked at.

        `first` is what `first_places` said of the text.
        """
        if end is not None and end < len(text):
            text = text[:end]
        if len(text) - start <= self._plain_chars and text[start:].replace(" ", "").isalpha():
            return []
        data = text.encode("utf-8", "surrogatepass")
        floor = start if not start or len(data) == len(text) else len(text[:start].encode("utf-8", "surrogatepass"))
        position = self._search(data, floor) if first < 0 else first
        if position < 0:
            return []
        found: list[_Hit] = []
        search, look = self._search, self._look
        # A pass that looks for what is hidden is saved where nothing is, neither NUL nor what begins an escape: in prose with a few
        # certain hits.
        doubtful = len(data) != len(text) or b"%" in data or b"&" in data or b"\\" in data or b"\0" in data
        while position >= 0:
            count, resume = len(found), look(data, position, floor, found)
            if not doubtful:
                doubtful = len(found) == count or found[-1][3] < _CERTAIN or _goes_on(data, resume)
            position = search(data, resume)
        if len(data) == len(text):
            spans = [Span(first, last, rule.kind, score, rule.id) for first, last, rule, score in found]
        else:
            spans = list(_in_code_points(data, found))
        if doubtful and self._hidden is not None and self._hidden(data, 0) >= 0:
            spans += _not_inside(self._read(data, start), spans)
        return spans

    def first_places(self, texts: Sequence[str]) -> dict[int, int]:
        """Return for each text that may hold a hit, by its number, the first byte at which one may begin; the others hold none.

        All are looked at in one go, which is faster than one by one.
        """
        joined = "\n".join(texts)
        data = joined.encode("utf-8", "surrogatepass")
        found: dict[int, int] = {}
        number, position = 0, self._search(data, 0)
        if position < 0:
            return found
        is_ascii = len(data) == len(joined)
        sizes = map(len, texts if is_ascii else (text.encode("utf-8", "surrogatepass") for text in texts))
        starts = [0, *accumulate(size + 1 for size in sizes)]
        while position >= 0:
            number = bisect_right(starts, position, lo=number) - 1
            found[number] = position - starts[number]
            position = self._search(data, starts[number + 1]) if number + 1 < len(texts) else -1
        return found

    def _read(self, data: bytes, start: int) -> Iterator[Span]:
        """Yield what the readings of a text add to it."""
        if self._hidden is None:
            return
        for reading in readings(data, self._hidden):
            for span in (*self._unfolded(reading), *self._opened(reading)):
                first, end = span.start + reading.shift, span.end + reading.shift
                if end > start:
                    yield span._replace(start=max(first, start), end=end)

    def _unfolded(self, reading: Reading) -> Iterator[Span]:
        """Yield the hits in a reading that differ from the original, themselves or in their context."""
        if reading.text == reading.original:
            return
        data = reading.encoded()
        found: list[_Hit] = []
        position = self._search(data, 0)
        while position >= 0:
            position = self._search(data, self._look(data, position, 0, found, reading.candidate))
        for first, end, rule, score in _whole_characters(data, found):
            place, last = reading.char_of(first), reading.char_of(end)
            if reading.differs(reading.left(place), last):
                yield Span(*reading.span(place, last), rule.kind, score, rule.id)

    def _opened(self, reading: Reading) -> Iterator[Span]:
        """Yield the base64 runs in which something is found."""
        for run in opened(reading.original):
            data = run.text.encode()
            found: list[_Hit] = []
            position = self._search(data, 0)
            while position >= 0:
                position = self._search(data, self._look(data, position, 0, found))
            _, _, rule, score = max(found, key=lambda hit: hit[3], default=(0, 0, None, 0.0))
            if rule is not None and score >= _INSIDE_FLOOR:
                yield Span(run.start, run.end, rule.kind, min(score, _INSIDE_TOP), rule.id)

    def _look(
        self,
        data: bytes,
        position: int,
        floor: int,
        found: list[_Hit],
        candidate: Callable[[bytes, int, int], Candidate] = Candidate,
    ) -> int:
        """Add what is found at `position`; return where to go on."""
        best, resume, behind = 0.0, 0, 0
        numbers = self._which(data, position)
        is_plain = self._contextual.isdisjoint(numbers)
        near: Collection[int] = () if is_plain else self._near(_left(data, position, candidate))
        known = self._known
        judged: tuple[Check | None, int, int] = (None, 0, 0)
        hit = verdict = None
        for number in numbers:
            rule, matching, check, base, needs_context, context_score, has_extent = known[number]
            in_context = number in near
            if needs_context and not in_context:
                continue
            match = matching(data, position)
            if match is None:
                continue
            first, last = match.span(match.lastindex or 0)
            score = base
            if check is not None:
                # Rules that differ in their context alone ask the same of the same place.
                if hit is None or judged != (check, first, last):
                    judged = (check, first, last)
                    hit = candidate(data, first, last)
                    verdict = check(hit)
                first, last = hit.start, hit.end
                score = base if verdict is True else float(verdict or 0.0)
            if in_context and score:
                score = max(score, context_score)
            if score >= self._min_score and last > floor:
                found.append((max(first, floor), last, rule, score))
                if score > best or (score == best and last > resume):
                    best, resume = score, last if score >= _CERTAIN or has_extent else position
            elif match.end() - position > _MAX_RESCAN_BYTES:
                behind = max(behind, match.end())
        return _behind(data, position, max(resume, behind, position + 1))


def _behind(data: bytes, position: int, resume: int) -> int:
    """Return where to go on, not inside a word that begins at `position`; such a one ends before `resume` where no letter stands there."""
    if data[resume : resume + 1] in _WORD_BYTES and (word := _WORD.match(data, position)):
        return max(resume, word.end())
    return resume


def _left(data: bytes, position: int, candidate: Callable[[bytes, int, int], Candidate]) -> bytes:
    """Return the text left of a place as `Candidate.left` has it, in bytes."""
    window = data[max(0, position - CONTEXT_CHARS) : position]
    if candidate is Candidate and window.isascii():
        left = window.lower()
    else:
        left = candidate(data, position, position).left.encode("utf-8", "replace")
    return _LABEL.sub(b"[]", left) if b"]" in left else left


def _whole_characters(data: bytes, found: Iterable[_Hit]) -> Iterator[_Hit]:
    """Yield hits that cut no character: patterns count bytes, and a bound may fall inside one."""
    for start, end, rule, score in found:
        first, last = start, end
        while first > 0 and first < len(data) and data[first] & 0xC0 == 0x80:
            first -= 1
        while last < len(data) and data[last] & 0xC0 == 0x80:
            last += 1
        yield first, last, rule, score


def _goes_on(data: bytes, place: int) -> bool:
    """Tell whether a base64 run may go on over the end of a hit."""
    return place < len(data) and data[place] in _RUN and data[place - 1] in _RUN


def _not_inside(read: Iterable[Span], spans: Sequence[Span]) -> list[Span]:
    """Return the hits of readings that tell more than those of the text: not what lies within a longer one."""
    certain = sorted((span.start, span.end) for span in spans if span.score >= _INSIDE_FLOOR)
    starts = [start for start, _ in certain]
    ends = list(accumulate((end for _, end in certain), max))
    kept = []
    for span in read:
        at = bisect_right(starts, span.start) - 1
        if at < 0 or ends[at] < span.end:
            kept.append(span)
    return kept


def _in_code_points(data: bytes, found: list[_Hit]) -> Iterator[Span]:
    """Turn byte offsets into code points, reading the text once."""
    found = list(_whole_characters(data, found))
    points = {0: 0}
    last, count = 0, 0
    for offset in sorted({offset for first, end, _, _ in found for offset in (first, end)}):
        count += len(data[last:offset].decode("utf-8", "surrogatepass"))
        last = offset
        points[offset] = count
    for first, end, rule, score in found:
        yield Span(points[first], points[end], rule.kind, score, rule.id)
