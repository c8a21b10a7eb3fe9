"""The names tier: people, places, organisations and what else tells who somebody is, by a small network.

Invariants:

- Whether a word is part of a span depends on `reach_words` words at either side and on nothing else, so a stream finds what the
  whole text has.
- A context ends at a gap or a word of more than `_MAX_CHARS`, so it is never longer than `NAMESNAMES_CONTEXT_CHARS`: seven words and seven
  gaps of 64 characters, and a word cut in two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import as_file, files
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple
from zipfile import BadZipFile

import numpy as np

from privet.detect.ampersands import joined
from privet.detect.network import Network
from privet.detect.reread import Edits, near_edits
from privet.detect.rule import NAMES_CONTEXT_CHARS
from privet.detect.words import CASES, LABEL, TOKEN
from privet.errors import Unprotected
from privet.policy import DetectPolicy
from privet.records import Span

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MAX_CHARS: Final = 64


class Kind(NamedTuple):
    """What the network's letter for a kind means, the highest score it may have, and its leans.

    A lean is added to the log odds of a word being of this kind rather than nothing: above zero for finding more, below for
    fewer false ones. There is one for each of `CASES`: a word with a capital is far more often a name than one without.
    """

    letter: str
    name: str
    top: float
    leans: tuple[float, ...]


#                                     title lower upper capital mixed number mark handle
KINDS_OF_NAMES: Final = (
    Kind("P", "PERSON", 0.85, (1.0, -0.25, 0.5, 1.0, 0.75, 0.5, 1.0, 0.0)),
    Kind("L", "LOCATION", 0.8, (2.0, -1.0, 0.0, 0.0, -0.5, -1.0, 0.0, -2.0)),
    Kind("O", "ORGANIZATION", 0.75, (2.0, -1.0, 0.0, 0.0, -0.5, -1.0, 0.0, -2.0)),
    Kind("D", "DATE_TIME", 0.6, (1.5, 0.5, -0.5, 0.0, -0.5, -1.5, 0.0, -2.0)),
    Kind("A", "AGE", 0.6, (0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.5, -2.0)),
    Kind("N", "NRP", 0.6, (1.0, 0.0, 0.0, 0.0, -1.0, -1.0, 0.0, -2.0)),
    Kind("J", "OCCUPATION", 0.55, (0.0, -0.75, -0.5, -0.5, -1.0, -1.0, 0.0, -2.0)),
    Kind("X", "MISC", 0.5, (1.0, -0.75, -0.5, -0.5, -1.0, -1.0, 0.0, -2.0)),
    Kind("Q", "QUANTITY", 0.5, (-0.5, -0.5, -0.5, -0.5, -0.5, -0.5, 0.5, -2.0)),
    Kind("I", "ID_NUMBER", 0.5, (-2.0, -2.0, -2.0, -2.0, -2.0, -3.0, -1.0, -3.0)),
)
_FLOOR: Final = 0.4
_DATE: Final = re.compile(
    r"(?<!\d)(?:\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})(?!\d)"
)
"""Dates in numbers. They hold no place where a stream would be cut: words of digits wait for the next one."""
_DATE_CHARS: Final = 40
_CALLED: Final = re.compile(r"[(=\[{$]|\.[A-Za-z_$]|&&|\|\||\?\.|::|->")
_CALLING: Final = re.compile(r"(?:&&|\|\||!|\$|::|->|=>)\Z")
PIECE_CHARS: Final = 1 << 16
"""Longer texts are looked at in pieces of so much."""
_WORDS_AT_ONCE: Final = 1 << 13
_INNER: Final = frozenset(".,:")
_EDGES: Final = frozenset(",;:()[]{}<>\"'`“”„«»‘’!?*/\\|-–—=+&#.…•·\n")


class Words(NamedTuple):
    """The words of a text with their places; gaps in the context are empty words."""

    words: list[str]
    places: list[tuple[int, int]]


class Marked(NamedTuple):
    """A word that is part of a span: its number in the text, place, kind (in `KINDS_OF_NAMES`), certainty, whether it begins a span."""

    at: int
    start: int
    end: int
    kind: int
    certain: float
    begins: bool


Judged = tuple["NDArray[np.int64]", "NDArray[np.float32]", "NDArray[np.bool_]"]


class Read(NamedTuple):
    """The words of a whole text, and for each its kind (-1: none), how certain that is, and whether it begins a span."""

    found: Words
    kinds: NDArray[np.int64]
    certain: NDArray[np.float32]
    begins: NDArray[np.bool_]


class NamesTier:
    """The names model under a policy."""

    def __init__(self, policy: DetectPolicy) -> None:
        self._network = network()
        self.reach_words = self._network.reach_words
        # Every kind takes part in the choice, or what is nobody's name would be taken for one; then the unwanted are dropped.
        self._leans = np.array([kind.leans for kind in KINDS_OF_NAMES], dtype=np.float32).T.copy()
        self._kinds = policy.kinds
        self._min_score = policy.min_score

    def candidates(self, text: str, start: int, end: int, marked: Iterable[Marked] | None = None) -> list[Span]:
        """Return the spans between `start` and `end`; text beyond both is context, and what crosses them is cut there.

        `marked` is what `settled` returned for this text, where it was asked before.
        """
        if marked is None:
            is_long = end - start > PIECE_CHARS
            marked = self._marked_in_pieces(text, start, end) if is_long else self._marked(self._near(text, start, end))
        # Words beyond were seen without all of their context: they must not join what is inside.
        inside = [word for word in marked if start <= word.start < end]
        return [
            span._replace(start=max(span.start, start), end=min(span.end, end))
            for span in self._wanted(text, _spans(text, inside))
        ]

    def candidates_of(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the spans of each text, looking at all of them at once: for many short texts."""
        return [self.spans_read(text, found) for text, found in zip(texts, self.read_all(texts), strict=True)]

    def read_all(self, texts: Sequence[str]) -> list[Read]:
        """Return what the words of each text are, looking at all of them at once."""
        found = [self._split(text) for text in texts]
        return [
            Read(part, *judged)
            for part, judged in zip(found, self._judged([part.words for part in found]), strict=True)
        ]

    def reread_all(self, texts: Sequence[str], edits: Sequence[Edits], before: Sequence[Read]) -> list[Read]:
        """Return what the words of texts are that were made by edits of others that were read: only words near those are judged anew."""
        found = [self._split(text) for text in texts]
        near = [
            near_edits(old.found.places, new.places, made, self.reach_words)
            for old, new, made in zip(before, found, edits, strict=True)
        ]
        judged = self._judged(
            [
                [word for start, end in one.pieces for word in new.words[start:end]]
                for new, one in zip(found, near, strict=True)
            ]
        )
        return [
            Read(
                new,
                one.merged(old.kinds, anew[0]),
                one.merged(old.certain, anew[1]),
                one.merged(old.begins, anew[2]),
            )
            for new, old, one, anew in zip(found, before, near, judged, strict=True)
        ]

    def _judged(self, parts: Sequence[list[str]]) -> Iterator[Judged]:
        """Yield what `_decide` says of each list of words by itself."""
        gap = [""] * self.reach_words
        waiting: list[list[str]] = []
        count = 0
        for at, part in enumerate(parts, 1):
            waiting.append(part)
            count += len(part)
            if count < _WORDS_AT_ONCE and at < len(parts):
                continue
            judged = self._decide([word for words in waiting for word in (*words, *gap)])
            first = 0
            for words in waiting:
                last = first + len(words)
                yield judged[0][first:last], judged[1][first:last], judged[2][first:last]
                first = last + len(gap)
            waiting, count = [], 0

    def spans_read(self, text: str, read: Read) -> list[Span]:
        """Return the spans of a text that was read."""
        return self._wanted(text, _spans(text, _marked(read.found.places, *read[1:])))

    def _marked(self, found: Words) -> list[Marked]:
        return _marked(found.places, *self._decide(found.words))

    def _marked_in_pieces(self, text: str, start: int, end: int) -> list[Marked]:
        """Return the marked words of a long text, which is never held as words as a whole."""
        out: list[Marked] = []
        count = 0
        for low in range(start, end, PIECE_CHARS):
            high = min(end, low + PIECE_CHARS)
            left = max(0, low - NAMES_CONTEXT_CHARS)
            found = self._split(text[left : high + NAMES_CONTEXT_CHARS])
            inside = [at for at, place in enumerate(found.places) if place[1] and low <= place[0] + left < high]
            if not inside:
                count += 1
                continue
            # A gap before the first word parts it from the last of the piece before.
            count += inside[0] > 0 and not found.words[inside[0] - 1]
            shift = count - inside[0]
            out += [
                word._replace(at=word.at + shift, start=word.start + left, end=word.end + left)
                for word in self._marked(found)
                if inside[0] <= word.at <= inside[-1]
            ]
            count += inside[-1] - inside[0] + 1
        return out

    def _wanted(self, text: str, spans: list[Span]) -> list[Span]:
        wanted: list[Span] = []
        for span in spans:
            if span.score >= self._min_score and span.kind in self._kinds:
                start, end = _whole(text, span)
                if end > start and not _is_called(text, start, end) and not (wanted and wanted[-1].end > start):
                    wanted.append(span._replace(start=start, end=end))
        return wanted

    def settled(self, text: str, start: int) -> tuple[int, list[Span], list[Marked]]:
        """Return up to where the labels of a text that goes on are settled, the spans up to there, and their words.

        A span that touches that place may still grow, so those of low score count too.
        """
        found = self._near(text, start, len(text))
        place = self._settled_place(text, start, found)
        marked = self._marked(found)
        spans = [_at_most(text, span) for span in _spans(text, marked)]
        return place, [span for span in spans if span.end > start and span.start < place], marked

    def settled_place(self, text: str, start: int) -> int:
        """Return up to where the labels of a text that goes on are settled, without asking for them."""
        return self._settled_place(text, start, self._near(text, start, len(text)))

    def _settled_place(self, text: str, start: int, found: Words) -> int:
        if len(text) - (found.places[-1][1] if found.places else start) > _MAX_CHARS:
            return len(text)
        # The last word may grow. A gap in the context settles all that stands left of it.
        last = len(found.places) - 1
        if last >= 0 and found.words[last]:
            last -= 1
        # Not up to the first word that is open, which may yet join the one before it.
        return max((end for _, end in found.places[: max(0, last - self.reach_words + 1)]), default=0)

    def reaches(self, text: str, start: int, place: int) -> bool:
        """Tell whether a word at `place` is in the context of what ends at `start`."""
        last = start
        for words, match in enumerate(TOKEN.finditer(text, start, place), 1):
            first, end = match.span()
            if words == self.reach_words or first - last > _MAX_CHARS or end - first > _MAX_CHARS:
                return False
            last = end
        return place - last <= _MAX_CHARS

    def _near(self, text: str, start: int, end: int) -> Words:
        """Return the words between two places and as many at either side as matter."""
        found = self._split(text)
        first, last = 0, len(found.places)
        if start > 0:
            first = next((at for at, place in enumerate(found.places) if place[1] > start), last)
        if end < len(text):
            last = next((at for at, place in enumerate(found.places) if place[0] >= end and place[1]), last)
        first, last = max(0, first - self.reach_words), last + self.reach_words
        return Words(found.words[first:last], found.places[first:last])

    def _split(self, text: str) -> Words:
        places = [match.span() for match in TOKEN.finditer(text)]
        # Gaps and words in turn: in most texts none of both is long, and then the words are all there is.
        edges = np.fromiter(chain.from_iterable(places), np.int64, 2 * len(places))
        if not len(edges) or max(int(edges[0]), int((edges[1:] - edges[:-1]).max())) <= _MAX_CHARS:
            return Words(TOKEN.findall(text), places)
        return self._split_at_gaps(text, places)

    def _split_at_gaps(self, text: str, found: Iterable[tuple[int, int]]) -> Words:
        words: list[str] = []
        places: list[tuple[int, int]] = []
        gap = [""] * self.reach_words
        nowhere = [(0, 0)] * self.reach_words
        last = 0
        for first, end in found:
            if first - last > _MAX_CHARS:
                words += gap
                places += nowhere
            if end - first > _MAX_CHARS:
                words += gap
                places += nowhere
            else:
                words.append(text[first:end])
                places.append((first, end))
            last = end
        return Words(words, places)

    def _decide(self, words: Sequence[str]) -> Judged:
        """Return for each word its kind (-1: none), how certain that is (0..1), and whether it begins a span."""
        if not words:
            return np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.bool_)
        logits, cases = self._network.logits(words)
        signs = [at for at, word in enumerate(words) if word == "@"]
        if signs:
            cases[signs] = cases[[min(at + 1, len(words) - 1) for at in signs]] = CASES.index("handle")
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        first, inner = powers[:, 1::2], powers[:, 2::2]
        with np.errstate(divide="ignore"):
            odds = np.log(first + inner) - np.log(powers[:, :1]) + self._leans[cases]
        kinds = odds.argmax(axis=1)
        best = np.take_along_axis(odds, kinds[:, None], 1)[:, 0]
        begins = np.take_along_axis(first > 2 * inner, kinds[:, None], 1)[:, 0]
        kinds[best <= 0] = -1
        return kinds, 1 / (1 + np.exp(-best.clip(-30, 30))), begins


def _marked(
    places: Sequence[tuple[int, int]], kinds: NDArray[np.int64], certain: NDArray[np.float32], begins: NDArray[np.bool_]
) -> list[Marked]:
    return [
        Marked(at, *places[at], int(kinds[at]), float(certain[at]), bool(begins[at]))
        for at in np.flatnonzero(kinds >= 0).tolist()
        if places[at][1]
    ]


def _spans(text: str, marked: Iterable[Marked]) -> list[Span]:
    """Join marked words that stand side by side."""
    spans: list[Span] = []
    group: list[Marked] = []
    for word in marked:
        if LABEL.match(text, word.start):
            continue
        # Two people may stand side by side; of other kinds, what stands side by side is mostly one: on 12 March.
        new = (word.begins and word.kind == 0) or text[word.start] == "\n"
        if group and (new or word.at != group[-1].at + 1 or word.kind != group[-1].kind):
            spans += _span(text, group)
            group = []
        group.append(word)
    return [*spans, *_span(text, group)]


def _span(text: str, group: list[Marked]) -> Iterator[Span]:
    """Yield the span of a group of words, without marks at its ends, if anything is left."""
    while group and text[group[0].start] in _EDGES:
        group = group[1:]
    while group and text[group[-1].start] in _EDGES:
        group = group[:-1]
    if group:
        kind = KINDS_OF_NAMES[group[0].kind]
        score = _FLOOR + (kind.top - _FLOOR) * (2 * max(word.certain for word in group) - 1)
        rule = "names-" + kind.name.lower().replace("_", "-")
        yield Span(group[0].start, group[-1].end, kind.name, round(score, 2), rule)


def _at_most(text: str, span: Span) -> Span:
    """Return a span with what hangs on it, whether it counts or not: `EMP-1` may be found whole for its first word."""
    start, end = _whole(text, span)
    return span._replace(start=min(start, span.start), end=max(end, span.end)) if end > start else span


def _whole(text: str, span: Span) -> tuple[int, int]:
    """Return the place of the whole date or word that a span is a piece of; an empty place where it is nothing."""
    if span.kind == "DATE_TIME":
        left = max(0, span.start - _DATE_CHARS)
        for match in _DATE.finditer(text, left, span.end + _DATE_CHARS):
            if match.start() < span.end and match.end() > span.start:
                return min(span.start, match.start()), max(span.end, match.end())
    return _whole_word(text, span.start, span.end)


def _whole_word(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the place of a whole handle for a piece of it, and nothing for a piece of another word or of a number.

    Pieces are what is found in `PyArrayMethod_name`, 3.1415 or 2024-01-01T00:00. Scripts without capitals may write names
    into the sentence, so there a piece stays.
    """
    first, last = start, end
    while first > max(0, start - _MAX_CHARS) and (text[first - 1].isalnum() or text[first - 1] == "_"):
        first -= 1
    while last < min(len(text), end + _MAX_CHARS) and (text[last].isalnum() or text[last] == "_"):
        last += 1
    if text[start] == "@" or text[max(0, first - 1) : first] == "@" or text[max(0, first - 2) : first] == "@ ":
        return (start if text[start] == "@" else text.rindex("@", 0, first)), last
    if (first, last) != (start, end):
        return (start, end) if text[start].lower() == text[start].upper() and text[start].isalpha() else (0, 0)
    before = text[start].isdigit() and text[max(0, start - 1) : start] in _INNER
    behind = text[end - 1].isdigit() and text[end : end + 1] in _INNER
    start, end = joined(text, *_with_hyphens(text, start, end))
    in_number = (before and text[max(0, start - 2) : start - 1].isdigit()) or (
        behind and text[end + 1 : end + 2].isdigit()
    )
    return (0, 0) if in_number else (start, end)


def _with_hyphens(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a place with the words that hang on it by hyphens: of 1250-146 or Nowak-Kowalska no half stays behind."""
    first, last = start, end
    while first > 1 and text[first - 1] == "-" and text[first - 2].isalnum() and first > start - _MAX_CHARS:
        first -= 2
        while first and text[first - 1].isalnum():
            first -= 1
    while text[last : last + 1] == "-" and text[last + 1 : last + 2].isalnum() and last < end + _MAX_CHARS:
        last += 2
        while text[last : last + 1].isalnum():
            last += 1
    return first, last


def _is_called(text: str, start: int, end: int) -> bool:
    """Tell whether a single word stands where only a program would put it: `Gi(e)`, `Jo&&`, `!Wu`, `Math.max`, `std::Anna`."""
    if not (_CALLED.match(text, end, end + 2) or _CALLING.search(text[max(0, start - 2) : start])):
        return False
    return text[start:end].isalnum()


@lru_cache(maxsize=1)
def network() -> Network:
    """Return the network of this package, loaded once.

    Raises:
        Unprotected: the weights are missing or broken.

    """
    try:
        with as_file(files("privet.detect") / "names.npz") as path:
            return load(path)
    except OSError as error:
        raise _no_model() from error


def _no_model() -> Unprotected:
    return Unprotected(
        "the names model cannot be loaded", hint="install privet again; the wheel holds detect/names.npz"
    )


def load(path: Path) -> Network:
    """Return the network of a file.

    Raises:
        Unprotected: the weights are missing or broken.

    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Network({name: arrays[name] for name in arrays.files})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise _no_model() from error
