"""Text in, text with surrogates out; and back where the surrogates are reversible.

Invariants:

- A text is read `PASSES` times at most: what stood beside a span may be seen for what it is once the span is gone. Each pass is what a
  stream does with the whole text, so `RedactStream` says the same as `redact` however the text comes in chunks.
- `redact(redact(text)) == redact(text)` with the same keywords: a surrogate is never taken for an identifier.
- Everything outside the spans is returned unchanged.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from privet.dates import DateShift
from privet.detect.engine import Detector, TierName, checked_text, checked_texts, detector, resolve, settled
from privet.detect.placeholders import outside
from privet.detect.segments import MIN_HOLD_BACK_CHARS, Segment, SpanStream, is_never_forced
from privet.edits import Edit, combined, edited
from privet.policy import DEFAULT, Policy
from privet.records import Span
from privet.sealed import checked_key
from privet.surrogates import DATE_KINDS, Surrogate, SurrogateName, Writing, label, mask, opened, writing

if TYPE_CHECKING:
    from privet.detect.names import Read

SURROGATES: Final[dict[str, Surrogate]] = {"label": label, "mask": mask}
"""Those that need nothing but the span."""


Pieces = list[tuple[str, bool]]
"""Text, and whether the pass that gave it left it as it was."""
PASSES: Final = 4
"""Of 960 texts of the development sets 2 % took two passes to settle and none took three."""
_BATCH_TEXTS: Final = 64
_LEFT_CHARS: Final = 128
_RIGHT_CHARS: Final = 192
# The first piece of a span that is cut has at least as many characters; see SpanStream.
_PIECE_CHARS: Final = 256
_SHORT_WORD_CHARS: Final = 4


def replace_spans(text: str, spans: Iterable[Span], surrogate: Surrogate) -> str:
    """Return the text with each span replaced by `surrogate(span, what stood there)`. Spans are sorted and do not overlap."""
    return edited(text, (Edit(span.start, span.end, surrogate(span, text[span.start : span.end])) for span in spans))


def redact(
    text: str,
    *,
    surrogate: SurrogateName = "label",
    key: bytes | None = None,
    subject: str = "",
    policy: Policy = DEFAULT,
    tier: TierName = "names",
) -> str:
    """Return the text with every identifier replaced.

    Args:
        text: any text.
        surrogate: "label" [PERSON]; "mask" stars; "pseudonym" [PERSON_k7f3q2mabc], the same for the same value under one key;
            "token" [PERSON:1…], which `restore` turns back; "realistic", of the same shape and nobody's; "shift", dates moved and
            the rest labelled.
        key: 32 secret bytes; needed for pseudonym, token and shift. Realistic ones hold within one process without it.
        subject: whose text it is: another subject gets other pseudonyms, another shift and other realistic values.
        policy: which kinds are looked for.
        tier: "patterns", or "names" for the names model too.

    Raises:
        BadInput: the key is missing or not 32 bytes, or there is no such surrogate.

    >>> redact("write to jane@example.com")
    'write to [EMAIL_ADDRESS]'
    """
    how = writing(surrogate, key, subject)
    finder = _finder(surrogate, policy, tier)
    text = checked_text(text)
    for _ in range(PASSES):
        once = _once(text, finder, how)
        if once == text:
            break
        text = once
    return text


def redact_all(
    texts: Iterable[str],
    *,
    surrogate: SurrogateName = "label",
    key: bytes | None = None,
    subject: str = "",
    policy: Policy = DEFAULT,
    tier: TierName = "names",
) -> Iterator[str]:
    """Yield each text as `redact` returns it, in order, and faster where there are many short ones."""
    how = writing(surrogate, key, subject)
    finder = _finder(surrogate, policy, tier)
    return (text for text, _ in _redact_all(checked_texts(texts), finder, how))


def _redact_all(
    texts: Iterator[str], finder: Detector, how: Writing, *, as_stream: bool = True
) -> Iterator[tuple[str, list[Edit]]]:
    """Yield each text as it is written at last, and what was changed in it; `as_stream` as for `_pass_edits`."""
    while batch := list(islice(texts, _BATCH_TEXTS)):
        waiting: Sequence[int] = range(len(batch))
        first: dict[int, int] = {}
        if not as_stream:
            first = finder.first_places(batch)
            waiting = list(first)
        edits: list[list[Edit]] = [[] for _ in batch]
        last: dict[int, list[Edit]] = {}
        reads: dict[int, Read] = {}
        for _ in range(PASSES):
            reads = _reads(finder, {at: batch[at] for at in waiting}, last, reads)
            last = {}
            for at in waiting:
                more = _pass_edits(batch[at], finder, how, reads.get(at), as_stream=as_stream, first=first.get(at, -1))
                if not more:
                    continue
                text = edited(batch[at], more)
                if text != batch[at]:
                    edits[at] = combined(edits[at], batch[at], more)
                    batch[at] = text
                    last[at] = more
            first = {}
            waiting = list(last) if as_stream else _unsettled(finder, batch, last)
        yield from zip(batch, edits, strict=True)


def _unsettled(finder: Detector, texts: Sequence[str], last: dict[int, list[Edit]]) -> list[int]:
    """Return which of the texts just edited have to be read once more: where something may be seen that was not seen before.

    That is beside what was written, as far as its words are context and patterns that begin left of it reach.
    """
    near: list[str] = []
    whose: list[int] = []
    for at, edits in last.items():
        grown = 0
        for start, end, new in edits:
            place = start + grown
            grown += len(new) - (end - start)
            near.append(texts[at][max(0, place - _LEFT_CHARS) : place + len(new) + _RIGHT_CHARS])
            whose.append(at)
    return sorted({whose[number] for number in finder.first_places(near)})


def _reads(
    finder: Detector, texts: dict[int, str], edits: dict[int, list[Edit]], before: dict[int, Read]
) -> dict[int, Read]:
    """Return what the words of texts are; where a text was made by edits of one that was read, most of it is known."""
    names = finder.names
    if names is None or finder.reads_whole_texts:
        return {}
    from privet.detect.names import PIECE_CHARS

    known = [at for at in texts if at in before]
    fresh = [at for at, text in texts.items() if at not in before and len(text) <= PIECE_CHARS]
    again = names.reread_all([texts[at] for at in known], [edits[at] for at in known], [before[at] for at in known])
    return dict(zip((*known, *fresh), (*again, *names.read_all([texts[at] for at in fresh])), strict=True))


class Redactor:
    """Redacts many whole texts in one way, and counts by kind what gave way. It holds no text.

    A run that a stream would have to cut by force is read in one piece here.

    `how` comes from `privet.surrogates.writing`; `finder` is the detector of a policy.

    >>> from privet.detect.engine import detector
    >>> redactor = Redactor(writing("label", None, ""), detector(DEFAULT.detect))
    >>> redactor.all(["write to jane@example.com"]), redactor.counts
    (['write to [EMAIL_ADDRESS]'], Counter({'EMAIL_ADDRESS': 1}))
    """

    def __init__(self, how: Writing, finder: Detector) -> None:
        self.counts: Counter[str] = Counter()
        self._finder = finder
        self.how = how._replace(surrogate=self._counted(how.surrogate))

    def _counted(self, surrogate: Surrogate) -> Surrogate:
        def counted(span: Span, text: str) -> str:
            self.counts[span.kind] += 1
            return surrogate(span, text)

        return counted

    def all(self, texts: Iterable[str]) -> list[str]:
        """Return the texts without identifiers."""
        return [text for text, _ in _redact_all(iter(texts), self._finder, self.how, as_stream=False)]

    def written(self, kind: str, value: str) -> str:
        """Return what stands for a value that is an identifier as a whole."""
        return self.how.surrogate(Span(0, len(value), kind, 1.0, "whole"), value)

    def replaced(self, text: str, spans: Sequence[Span]) -> str:
        """Return a text with these spans replaced: for spans that were found in another way than by `finder`."""
        return _written(text, spans, self.how)

    def edits(self, texts: Iterable[str]) -> list[list[Edit]]:
        """Return what would be changed in each text: sorted, not overlapping."""
        return [edits for _, edits in _redact_all(iter(texts), self._finder, self.how, as_stream=False)]


def restore(text: str, *, key: bytes) -> str:
    """Return the text with reversible tokens turned back into what they stand for.

    The text may have been edited in between. A token of another key, or one that was changed, stays as it is.

    >>> key = bytes(range(32))
    >>> restore(redact("write to jane@example.com", surrogate="token", key=key).upper(), key=key)
    'WRITE TO jane@example.com'

    Raises:
        BadInput: the key is not 32 bytes.

    """
    return opened(checked_text(text), checked_key(key))


def _finder(surrogate: str, policy: Policy, tier: TierName) -> Detector:
    found = detector(policy.detect, tier)
    return found.beside_masks() if surrogate == "mask" else found


class RedactStream:
    """Redacts a text that arrives in pieces: what `feed` and `close` return, joined, is what `redact` returns for the whole.

    >>> stream = RedactStream()
    >>> "".join(map(stream.feed, ("write to ja", "ne@example", ".com now"))) + stream.close()
    'write to [EMAIL_ADDRESS] now'

    Raises:
        BadInput: as `redact`.

    """

    hold_back_chars: Final = PASSES * MIN_HOLD_BACK_CHARS
    """The most characters that are held, read and not yet given out. In prose it is some thirty words."""

    def __init__(
        self,
        *,
        surrogate: SurrogateName = "label",
        key: bytes | None = None,
        subject: str = "",
        policy: Policy = DEFAULT,
        tier: TierName = "names",
    ) -> None:
        self._passes = _passes(_finder(surrogate, policy, tier), writing(surrogate, key, subject))

    @classmethod
    def of(cls, how: Writing, finder: Detector) -> RedactStream:
        """Return a stream with a way of writing and a detector that are there already."""
        stream = cls.__new__(cls)
        stream._passes = _passes(finder, how)  # noqa: SLF001 (of this class)
        return stream

    def feed(self, chunk: str) -> str:
        """Take a piece of text; return what is decided by now."""
        pieces: Pieces = [(chunk, False)] if chunk else []
        for one in self._passes:
            pieces = one.feed(pieces)
        return "".join(text for text, _ in pieces)

    def close(self) -> str:
        """Return the rest. The beginning of an identifier is judged as it stands."""
        pieces: Pieces = []
        for one in self._passes:
            pieces = [*one.feed(pieces), *one.close()]
        return "".join(text for text, _ in pieces)


def _passes(finder: Detector, how: Writing) -> list[_Pass]:
    return [_Pass(finder, how) for _ in range(PASSES)]


class _Pass:
    """One pass over a text that arrives in pieces."""

    def __init__(self, finder: Detector, how: Writing) -> None:
        self._stream = SpanStream(finder, MIN_HOLD_BACK_CHARS)
        self._how = how
        self._going_on = ""  # the rule of a span that was cut and may go on in the next segment

    def feed(self, pieces: Pieces) -> Pieces:
        """Take pieces and whether the pass before left them as they were; return pieces in the same way."""
        return list(_pieces(self.segments(pieces)))

    def close(self) -> Pieces:
        return list(_pieces(self.last_segments()))

    def segments(self, pieces: Pieces) -> Iterator[tuple[str, list[Edit]]]:
        """Take pieces as `feed` does; yield what is decided, and what is changed in it."""
        for text, is_known in pieces:
            yield from self._changes(self._stream.feed(text, is_known=is_known))

    def last_segments(self) -> Iterator[tuple[str, list[Edit]]]:
        return self._changes(self._stream.close())

    def _changes(self, segments: Iterable[Segment]) -> Iterator[tuple[str, list[Edit]]]:
        for text, spans in segments:
            rule = spans[0].rule if len(spans) == 1 and spans[0][:2] == (0, len(text)) else ""
            is_rest = bool(rule) and rule == self._going_on
            self._going_on = rule if is_rest or len(text) >= _PIECE_CHARS else ""
            whole = [Edit(0, len(text), "")]
            yield text, whole if is_rest and self._how.joins else _edits(text, spans, self._how)


def _pieces(segments: Iterable[tuple[str, list[Edit]]]) -> Iterator[tuple[str, bool]]:
    for text, edits in segments:
        written = edited(text, edits)
        yield written, written == text


def _once(text: str, finder: Detector, how: Writing) -> str:
    """Return what one pass makes of a whole text."""
    return edited(text, _pass_edits(text, finder, how))


def _pass_edits(
    text: str, finder: Detector, how: Writing, read: Read | None = None, *, as_stream: bool = True, first: int = -1
) -> list[Edit]:
    """Return what one pass changes in a whole text; `read` and `first` are what is known of its words and patterns.

    With `as_stream` a run that a stream has to cut by force is read in the same pieces.
    """
    if finder.reads_whole_texts:
        return _edits(text, finder.find(text), how)
    found = finder.candidates(text, read, first)
    if not as_stream or is_never_forced(finder, text, found, MIN_HOLD_BACK_CHARS):
        return _edits(text, settled(text, found), how)
    one = _Pass(finder, how)
    place = 0
    out: list[Edit] = []
    for piece, edits in (*one.segments([(text, False)]), *one.last_segments()):
        out += [Edit(place + start, place + end, new) for start, end, new in edits]
        place += len(piece)
    return out


def _edits(text: str, spans: Sequence[Span], how: Writing) -> list[Edit]:
    """Return what stands for each span."""
    if not spans:
        return []
    if how.known is not None:
        spans = outside(text, spans, how.known(text))
    if how.dates is not None:
        spans = _with_dates(text, spans, how.dates)
    return [Edit(span.start, span.end, how.surrogate(span, text[span.start : span.end])) for span in spans]


def _written(text: str, spans: Sequence[Span], how: Writing) -> str:
    return edited(text, _edits(text, spans, how)) if spans else text


def _with_dates(text: str, spans: Sequence[Span], dates: DateShift) -> list[Span]:
    """Return the spans without moved dates, and with every date they touch whole and by itself."""
    found = list(dates.find(text))
    spans = outside(text, spans, [(start, end) for start, end, is_moved in found if is_moved])
    fresh = [(start, end) for start, end, is_moved in found if not is_moved]
    touched: dict[tuple[int, int], Span] = {}
    rest: list[Span] = []
    for span in spans:
        if span.kind not in DATE_KINDS:
            rest.append(span)
            continue
        if dates.is_moved(text, span.start, span.end):
            continue
        # Dates are many in some texts: only those beside the span are looked at.
        first = bisect_right(fresh, span.start, key=itemgetter(1))
        near = fresh[first : bisect_left(fresh, span.end, lo=first, key=itemgetter(0))]
        for start, end in near:
            touched.setdefault((start, end), span._replace(start=start, end=end))
        rest += [part for part in outside(text, [span], near) if not _is_joining(text[part.start : part.end])]
    return resolve([*touched.values(), *outside(text, rest, sorted(touched))])


def _is_joining(part: str) -> bool:
    """Tell whether a part of a date's span only joins it to what stands beside it: on, and, from, le, am."""
    return all(word.islower() and word.isalpha() and len(word) <= _SHORT_WORD_CHARS for word in part.split())
