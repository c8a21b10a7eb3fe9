"""Find identifiers: one pass of one automaton over the text, then checks where something may be.

Invariants:

- The same text and policy give the same spans, with `google-re2` and with the slow `re` fallback.
- Time is linear in the text, whatever the text.
- `find(text, start, end)` reads `context_chars` at either side as context and nothing more.
- Spans are sorted, do not overlap, and count code points of the text as given, lone surrogates included.
"""

from __future__ import annotations

import re
from bisect import bisect, bisect_left
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from functools import lru_cache
from itertools import islice, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from privet.detect.patterns import PatternTier
from privet.detect.placeholders import outside, placeholder_pattern, placeholders
from privet.detect.readings import UNIT_CHARS
from privet.detect.rule import CONTEXT_CHARS, NAMES_CONTEXT_CHARS
from privet.errors import BadInput
from privet.policy import DEFAULT, DetectPolicy, Policy
from privet.records import NAMES_KINDS, Span

if TYPE_CHECKING:
    from privet.detect.custom import OwnTier
    from privet.detect.names import Marked, NamesTier, Read

TierName = Literal["patterns", "names", "deep"]


class Tier(Protocol):
    """One more way of finding identifiers, for `Detector(also=…)`. It sees whole texts."""

    def candidates(self, text: str, start: int, end: int) -> list[Span]:
        """Return spans between `start` and `end`, in any order; they may overlap. The text beside them is context."""
        ...


_WEAK_KINDS: Final = NAMES_KINDS - {"PERSON", "LOCATION", "ORGANIZATION"}
_NEAR_CHARS: Final = 96
_BATCH_TEXTS: Final = 64
_SHORT_CHARS: Final = 2000


class Settled(NamedTuple):
    """How far a text that goes on is settled; what must not be cut, where what touches that place may grow; the marked words."""

    place: int
    inside: list[tuple[int, int]]
    marked: list[Marked] | None


class Detector:
    """Finds identifiers in texts. Make one for a policy and keep it; it holds no text and may be shared by threads.

    `tier` is "patterns", "names" for the names model too, or "deep" for a larger model beside both. `also` are further tiers, such as
    those of `privet.integrations`. The policy's own rules count in every tier.

    Raises:
        PolicyInvalid: one of the policy's own rules is not usable, or fails its own examples.
        Unprotected: a tier cannot be loaded.

    """

    def __init__(
        self, policy: DetectPolicy = DEFAULT.detect, tier: TierName = "names", *, also: Sequence[Tier] = ()
    ) -> None:
        self._patterns = _pattern_tier(policy)
        self.placeholder = placeholder_pattern(policy.kinds | {own.kind for own in policy.rules})
        self._looks_right = True
        self._min_score = policy.min_score
        self._own: OwnTier | None = None
        if policy.rules:
            from privet.detect.custom import own_tier

            self._own = own_tier(policy)
        self.names: NamesTier | None = None
        if tier != "patterns" and policy.kinds & NAMES_KINDS:
            from privet.detect.names import NamesTier

            self.names = NamesTier(policy)
        self._whole = tuple(also)
        if tier == "deep":
            from privet.detect.deep import DeepTier

            self._whole = (DeepTier(policy), *also)
        self.context_chars = NAMES_CONTEXT_CHARS if self.names else CONTEXT_CHARS + UNIT_CHARS

    @property
    def reads_whole_texts(self) -> bool:
        """Whether a tier needs the whole text, so that there is no place at which a stream could be cut."""
        return bool(self._whole)

    @property
    def looks_ahead(self) -> bool:
        """Whether what follows decides where a stream may be cut; then `settled` says where."""
        return self.names is not None or (self._own is not None and self._own.looks_ahead)

    def beside_masks(self) -> Detector:
        """Return a copy to which runs of stars are placeholders too; only left of a span, for their first star tells nothing."""
        other = copy(self)
        other.placeholder = re.compile(self.placeholder.pattern + r"|\*{2,}")
        other._looks_right = False  # noqa: SLF001 (a copy of this class)
        return other

    @property
    def has_wide_rules(self) -> bool:
        """Whether the policy has rules of its own that match beyond a place where a stream could be cut."""
        return self._own is not None and self._own.looks_ahead

    def settled(self, text: str, start: int) -> Settled:
        """Return how far a text that goes on is settled."""
        place, inside, marked = len(text), [], None
        if self.names is not None:
            place, spans, marked = self.names.settled(text, start)
            inside = [(span.start, span.end) for span in spans]
        if self._own is not None and self._own.looks_ahead:
            known, more = self._own.settled(text, start)
            place = min(place, known)
            inside += more
        return Settled(place, inside, marked)

    def find(
        self, text: str, start: int = 0, end: int | None = None, marked: Sequence[Marked] | None = None
    ) -> tuple[Span, ...]:
        """Return the spans between `start` and `end`; what stands beside them is context only.

        `marked` is what `settled` said of the words of the same text.
        """
        end = len(text) if end is None else end
        skipped = max(0, start - self.context_chars)
        window = text[skipped : end + self.context_chars] if self.names else text[skipped:end]
        start, end = start - skipped, end - skipped
        found = self._patterns.candidates(window, start, end)
        if self._own is not None:
            found += self._own.candidates(window, start, end)
        spans = self._settle(window, found, self._names_in(window, start, end, None if skipped else marked), skipped)
        return self._with_whole(spans, text, start + skipped, end + skipped) if self._whole else spans

    def candidates(self, text: str, read: Read | None = None, first: int = -1) -> list[Span]:
        """Return every hit in a text of the tiers that can stream, placeholders left out; hits may overlap.

        `read` is what `NamesTier.read_all` said of the text, `first` what `first_places` did.
        """
        found = self._patterns.candidates(text, 0, len(text), first)
        if self._own is not None:
            found += self._own.candidates(text, 0, len(text))
        if read is None or self.names is None:
            found += self._names_in(text, 0, len(text))
        else:
            found += self._firm(text, self.names.spans_read(text, read))
        return outside(text, found, placeholders(text, self.placeholder)) if found else found

    def _with_whole(self, spans: Sequence[Span], text: str, start: int, end: int) -> tuple[Span, ...]:
        more = resolve(self._of_whole(text, start, end))
        return (
            tuple(added(text, spans, outside(text, more, placeholders(text, self.placeholder))))
            if more
            else tuple(spans)
        )

    def _of_whole(self, text: str, start: int, end: int) -> Iterator[Span]:
        """Yield what the tiers find that read whole texts; other people's may answer with anything, so it is looked at."""
        for tier in self._whole:
            for span in tier.candidates(text, start, end):
                if start <= span.start < span.end <= end and span.score >= self._min_score:
                    yield span

    def find_all(self, texts: Iterable[str]) -> Iterator[tuple[Span, ...]]:
        """Yield the spans of each text, in order; texts are taken in small batches."""
        names = self.names
        if self._own is not None or self._whole:
            yield from map(self.find, texts)
            return
        texts = iter(texts)
        while batch := list(islice(texts, _BATCH_TEXTS)):
            if names is None:
                first = self._patterns.first_places(batch)
                yield from (
                    self._settle(text, self._patterns.candidates(text, first=first[at]), [], 0) if at in first else ()
                    for at, text in enumerate(batch)
                )
                continue
            # Long texts are no faster together.
            short = [text for text in batch if len(text) < _SHORT_CHARS]
            spans = iter(names.candidates_of(short))
            for text in batch:
                if len(text) < _SHORT_CHARS:
                    patterns = self._patterns.candidates(text, 0, len(text))
                    yield self._settle(text, patterns, self._firm(text, next(spans)), 0)
                else:
                    yield self.find(text)

    def first_places(self, texts: Sequence[str]) -> dict[int, int]:
        """Return which of the texts may hold a span, by number; the others hold none. What is said of each is for `candidates`."""
        if self.names is not None or self._own is not None or self._whole:
            return dict.fromkeys(range(len(texts)), -1)
        return self._patterns.first_places(texts)

    def _names_in(self, text: str, start: int, end: int, marked: Sequence[Marked] | None = None) -> list[Span]:
        return self._firm(text, self.names.candidates(text, start, end, marked)) if self.names is not None else []

    def _firm(self, text: str, spans: list[Span]) -> list[Span]:
        """Return names without weak kinds beside a placeholder.

        The label of one number makes the number beside it look like one, and so on to the end of a table. What is beside a
        placeholder was looked at before that was written.
        """
        if not spans or not (regions := placeholders(text, self.placeholder)):
            return spans
        return [span for span in spans if span.kind not in _WEAK_KINDS or not self._is_beside(text, span, regions)]

    def _is_beside(self, text: str, span: Span, regions: Sequence[tuple[int, int]]) -> bool:
        """Tell whether a placeholder stands left of a span, or right of it among the words that a stream waits for."""
        right = bisect_left(regions, span.end, key=itemgetter(0))
        if right and regions[right - 1][1] > span.start - _NEAR_CHARS:
            return True
        if right == len(regions) or self.names is None or not self._looks_right:
            return False
        return self.names.reaches(text, span.end, regions[right][0])

    def _settle(self, text: str, found: list[Span], names: list[Span], shift: int) -> tuple[Span, ...]:
        if (found or names) and (regions := placeholders(text, self.placeholder)):
            found, names = outside(text, found, regions), outside(text, names, regions)
        spans = settled(text, [*found, *names])
        if shift:
            return tuple(span._replace(start=span.start + shift, end=span.end + shift) for span in spans)
        return tuple(spans)


@lru_cache(maxsize=16)
def _pattern_tier(policy: DetectPolicy) -> PatternTier:
    """Return the rules made ready, which takes longest of all in short runs: once for all detectors that ask for the same."""
    return PatternTier(policy)


def settled(text: str, found: Sequence[Span]) -> list[Span]:
    """Return the spans that remain where several overlap: names are added to what the patterns and rules found."""
    if all(one.start < two.start and one.end <= two.start for one, two in pairwise(found)):
        return list(found)
    names = [span for span in found if span.rule.startswith("names-")]
    firm = resolve(span for span in found if not span.rule.startswith("names-"))
    return added(text, firm, names) if firm else names


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Return the spans that remain where several overlap: the higher score wins, then the longer, then the earlier."""
    return [kept for group in _overlapping(spans) for kept in (_resolved(group) if len(group) > 1 else group)]


def _overlapping(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Yield the spans in groups that do not overlap, in their order in the text."""
    group: list[Span] = []
    end = 0
    for span in sorted(spans):
        if group and span.start >= end:
            yield group
            group = []
        group.append(span)
        end = max(end, span.end) if len(group) > 1 else span.end
    if group:
        yield group


def _resolved(spans: Sequence[Span]) -> list[Span]:
    ranked = sorted(spans, key=lambda span: (-span.score, span.start - span.end, span.start, span.rule, span.kind))
    first = ranked[0]
    if first.start <= spans[0].start and first.end >= max(span.end for span in spans):
        return [first]
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


def added(text: str, spans: Iterable[Span], more: Iterable[Span]) -> list[Span]:
    """Return spans with further ones beside them: these take nothing away, so no character is less covered for them.

    One that holds only spans of its own kind, or less certain ones, takes their place; otherwise it fills the gaps.

    >>> added("Ana Ruiz Gil", [Span(4, 8, "PERSON", 0.8, "a")], [Span(0, 12, "PERSON", 0.6, "b")])
    [Span(start=0, end=12, kind='PERSON', score=0.8, rule='b')]
    """
    firm, late = list(spans), list(more)
    if not late:
        return sorted(firm)
    asked = {span: at for at, span in enumerate(late)}
    held = set(firm)
    out: list[Span] = []
    for group in _overlapping({*firm, *late}):
        if len(group) == 1:
            out += group
            continue
        here = [span for span in group if span in held]
        for span in sorted((span for span in group if span in asked), key=asked.__getitem__):
            _add(text, here, span)
        out += here
    return out


def _add(text: str, out: list[Span], span: Span) -> None:
    """Add a span to others, sorted."""
    first = bisect(out, span.start, key=lambda each: each.end)
    last = bisect(out, span.end - 1, lo=first, key=lambda each: each.start)
    inside = out[first:last]
    if all(
        span.start <= each.start and each.end <= span.end and (each.kind == span.kind or each.score < span.score)
        for each in inside
    ):
        out[first:last] = [span._replace(score=max((span.score, *(each.score for each in inside))))]
        return
    edges = [span.start, *(edge for each in inside for edge in (each.start, each.end)), span.end]
    gaps = [span._replace(start=low, end=high) for low, high in zip(edges[::2], edges[1::2], strict=True)]
    out[first:last] = sorted([*inside, *filter(None, (_trimmed(text, gap) for gap in gaps))])


def _trimmed(text: str, span: Span) -> Span | None:
    """Return a span without white space at its ends, or None where nothing is left that says anything."""
    part = text[span.start : span.end] if span.start < span.end else ""
    if not any(map(str.isalnum, part)):
        return None
    return span._replace(start=span.end - len(part.lstrip()), end=span.start + len(part.rstrip()))


@lru_cache(maxsize=16)
def detector(policy: DetectPolicy, tier: TierName = "names") -> Detector:
    """Return the detector of a policy, made once."""
    return Detector(policy, tier)


def detect(text: str, *, policy: Policy = DEFAULT, tier: TierName = "names") -> tuple[Span, ...]:
    """Return where a text holds identifiers, and of which kind.

    >>> detect("write to jane@example.com", tier="patterns")
    (Span(start=9, end=25, kind='EMAIL_ADDRESS', score=0.95, rule='email-address'),)
    >>> [span.kind for span in detect("Angela Merkel met Emmanuel Macron in Berlin")]
    ['PERSON', 'PERSON', 'LOCATION']
    """
    return detector(policy.detect, tier).find(checked_text(text))


def checked_text(text: object) -> str:
    """Return a text as it is.

    Raises:
        BadInput: it is no text. What is not looked at must not pass for clean.

    """
    if not isinstance(text, str):
        raise BadInput(
            f"expected text (str), found {type(text).__name__}", hint="decode bytes and name the field first"
        )
    return text


def checked_texts(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts as they are.

    Raises:
        BadInput: it is one text, whose letters would be looked at one by one, or what it holds is no text.

    """
    if isinstance(texts, (str, bytes)):
        raise BadInput("expected several texts, found a single one", hint="put it in a list")
    return map(checked_text, texts)


def detect_all(
    texts: Iterable[str], *, policy: Policy = DEFAULT, tier: TierName = "names"
) -> Iterator[tuple[Span, ...]]:
    """Yield the spans of each text, in order, as `detect` finds them, and faster where there are many short ones."""
    return detector(policy.detect, tier).find_all(checked_texts(texts))
