"""Texts without identifiers, and what was found in them by place: the one way in which scrubbing looks at text.

Invariants:

- Every text of every format passes here; what comes out is what `redact` makes of it.
- Surrogates depend on kind, value, key and subject alone, so the same person has the same pseudonym in every file.
- Counts hold places and kinds, never a value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Final

from privet.detect.cells import MAX_CELL_CHARS, Cells
from privet.detect.engine import Detector, TierName, detector
from privet.detect.placeholders import PLACEHOLDER
from privet.edits import Edit
from privet.ingest.generalise import generalised
from privet.policy import Policy, Transform
from privet.records import NAMES_KINDS, Span
from privet.redact import PASSES, Redactor, RedactStream
from privet.surrogates import Surrogate, Writing, label, writing

_SENTENCE_SPACES: Final = 4
"""Five words are a sentence or an address, whatever the column is called."""
_MAX_CACHED_CHARS: Final = 48
_MAX_CACHED: Final = 1 << 14
_NO_VALUE: Final = frozenset(
    ("-", "--", "–", "—", "?", ".", "n/a", "N/A", "NA", "null", "NULL", "none", "None", "nan", "NaN", "true",
     "True", "TRUE", "false", "False", "FALSE")
)  # fmt: skip
"""What stands where there is no value, as writers of tables spell it; Null and Nan may be names."""
_WORDS: Final = frozenset(("attribute", "style name", "name", "column name", "tensor name", "key"))
"""Places of single words, which are no sentences: of what the names model sees in them only people count."""
_SURROGATES: Final = ("label", "mask", "pseudonym", "token", "realistic", "shift")


Whose = Sequence[tuple[str, ...]] | None
"""Whose each value is, by `Texts.subject_columns`; None where no transform of a kind names a subject."""


class Texts:
    """Cleans the texts of one process. `found` counts by place and kind since it was last `taken`.

    Raises:
        BadInput: a transform needs a key and there is none.
        PolicyInvalid, Unprotected: as `Detector`.

    """

    def __init__(self, policy: Policy, tier: TierName, key: bytes | None) -> None:
        self._kinds = {item.kind: item for item in policy.scrub.transform if item.kind and not item.column}
        self.subject_columns = sorted({item.subject for item in self._kinds.values() if item.subject})
        """the columns that say whose a row is"""
        self._key = key
        finder = detector(policy.detect, tier)
        if any(item.how == "mask" for item in self._kinds.values()):
            finder = finder.beside_masks()
        self._finder = finder
        self._redactor_of = lru_cache(maxsize=1024)(self._new_redactor)
        self._tier: TierName = tier
        self._detect = policy.detect
        self._patterns = Redactor(self._writing(()), detector(policy.detect, "patterns"))
        self._clean: set[str] = set()
        self._clean_words: set[str] = set()
        self._clean_cells: set[tuple[str, str]] = set()
        self._cells = Cells(finder, detector(policy.detect, "patterns"), policy.detect.kinds)
        self.found: dict[str, Counter[str]] = {}

    @cached_property
    def _words(self) -> Redactor:
        """What reads a few words that are no sentence: of names only those of people count."""
        people = self._detect.kinds - (NAMES_KINDS - {"PERSON"})
        return Redactor(self._writing(()), Detector(replace(self._detect, kinds=people), self._tier))

    def _new_redactor(self, whose: tuple[str, ...]) -> Redactor:
        return Redactor(self._writing(whose), self._finder)

    def _writing(self, whose: tuple[str, ...]) -> Writing:
        subjects = dict(zip(self.subject_columns, whose, strict=bool(whose)))
        ways = {kind: way(item, self._key, subjects.get(item.subject, "")) for kind, item in self._kinds.items()}
        return _by_kind(ways) if ways else writing("label", None, "")

    def count(self, place: str, kind: str, count: int = 1) -> None:
        """Note what was found at a place."""
        self.found.setdefault(place, Counter())[kind] += count

    def taken(self) -> dict[str, dict[str, int]]:
        """Return the counts by place and kind, and begin anew."""
        found = {place: dict(sorted(kinds.items())) for place, kinds in sorted(self.found.items()) if kinds}
        self.found = {}
        return found

    def rewrite(self, texts: Sequence[str], place: str, whose: tuple[str, ...] = ()) -> list[str]:
        """Return the texts without identifiers, in order. A text in which nothing was found is the very same object."""
        clean = self._clean
        asked = [at for at, text in enumerate(texts) if len(text) > _MAX_CACHED_CHARS or text not in clean]
        if not asked:
            return list(texts)
        redactor = self._redactor_of(whose)
        made = redactor.all([texts[at] for at in asked])
        self._take_counts(redactor, place)
        out = list(texts)
        for at, new in zip(asked, made, strict=True):
            if new != out[at]:
                out[at] = new
            else:
                self._is_clean(new, clean)
        return out

    def cells(self, values: Sequence[str], column: str, place: str, whose: Whose = None) -> list[str]:
        """Return the values of a column without identifiers; the name of the column is context for short ones.

        `whose` has a subject for each value, as far as transforms of kinds name one.
        """
        return _for_each(values, whose, lambda held, one: self._cells_of(held, column, place, one))

    def _cells_of(self, values: Sequence[str], column: str, place: str, whose: tuple[str, ...]) -> list[str]:
        out = list(values)
        short: dict[str, list[int]] = {}
        long: list[int] = []
        for at, value in enumerate(values):
            if len(value) > MAX_CELL_CHARS or value.count(" ") >= _SENTENCE_SPACES:
                long.append(at)
            elif (column, value) not in self._clean_cells:
                short.setdefault(value, []).append(at)
        for at, new in zip(long, self.rewrite([values[at] for at in long], place, whose), strict=True):
            out[at] = new
        redactor = self._redactor_of(whose)
        for _ in range(PASSES):
            if not short:
                break
            short = self._cells_once(short, column, out, redactor)
        self._take_counts(redactor, place)
        return out

    def _cells_once(
        self, short: dict[str, list[int]], column: str, out: list[str], redactor: Redactor
    ) -> dict[str, list[int]]:
        """Write each of the values at its places; return what is to be looked at again, as what stood beside it is gone."""
        again: dict[str, list[int]] = {}
        for (value, places), spans in zip(short.items(), self._cells.find(list(short), column), strict=True):
            # Each place is written anew, so that each counts.
            new = value
            for _ in places if spans else ():
                new = redactor.replaced(value, spans)
            if new == value:
                if len(self._clean_cells) < _MAX_CACHED and len(value) <= _MAX_CACHED_CHARS:
                    self._clean_cells.add((column, value))
                continue
            for at in places:
                out[at] = new
            if not self._is_nothing(new):
                again.setdefault(new, []).extend(places)
        return again

    def whole(self, values: Sequence[str], kind: str, place: str, whose: Whose = None) -> list[str]:
        """Return what stands for values that are identifiers as a whole; empty ones and placeholders stay. `whose` as for `cells`."""
        return _for_each(values, whose, lambda held, one: self._whole_of(held, kind, place, one))

    def _whole_of(self, values: Sequence[str], kind: str, place: str, whose: tuple[str, ...]) -> list[str]:
        redactor = self._redactor_of(whose)
        made = [value if self._is_nothing(value) else redactor.written(kind, value) for value in values]
        self._take_counts(redactor, place)
        return made

    def _is_nothing(self, value: str) -> bool:
        bare = value.strip()
        return not bare or bare in _NO_VALUE or self._finder.placeholder.fullmatch(bare) is not None

    def patterns(self, texts: Sequence[str], place: str) -> list[str]:
        """Return texts that are names of columns, or numbers: only patterns look at them, as they are no sentences."""
        made = self._patterns.all(texts)
        self._take_counts(self._patterns, place)
        return made

    def people(self, texts: Sequence[str], place: str) -> list[str]:
        """Return short words without identifiers; of what the names model sees only people count."""
        made = self._words.all(texts)
        self._take_counts(self._words, place)
        return made

    def stream(self, place: str) -> RedactStream:
        """Return what cleans a text that arrives in pieces; what is found is counted at once."""
        redactor = self._redactor_of(())
        self.found[place] = redactor.counts = Counter()
        return RedactStream.of(redactor.how, self._finder)

    def spans(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        """Return where short texts hold identifiers."""
        return list(self._finder.find_all(texts))

    def edits(self, texts: Sequence[str], place: str) -> list[list[Edit]]:
        """Return what gives way in each text."""
        redactor, clean = (self._words, self._clean_words) if place in _WORDS else (self._redactor_of(()), self._clean)
        found: list[list[Edit]] = [[] for _ in texts]
        asked = [at for at, text in enumerate(texts) if len(text) > _MAX_CACHED_CHARS or text not in clean]
        for at, edits in zip(asked, redactor.edits([texts[at] for at in asked]), strict=True):
            found[at] = edits
            if not edits:
                self._is_clean(texts[at], clean)
        self._take_counts(redactor, place)
        return found

    @staticmethod
    def _is_clean(text: str, clean: set[str]) -> None:
        """Note that nothing is in a text; short ones come again: names of styles, categories."""
        if len(text) <= _MAX_CACHED_CHARS and len(clean) < _MAX_CACHED:
            clean.add(text)

    def _take_counts(self, redactor: Redactor, place: str) -> None:
        if redactor.counts:
            self.found.setdefault(place, Counter()).update(redactor.counts)
            redactor.counts.clear()


def _for_each(
    values: Sequence[str], whose: Whose, make: Callable[[Sequence[str], tuple[str, ...]], list[str]]
) -> list[str]:
    """Return what is made of values, those of one subject together, in their order."""
    if whose is None:
        return make(values, ())
    at: dict[tuple[str, ...], list[int]] = {}
    for index, one in enumerate(whose):
        at.setdefault(one, []).append(index)
    out = list(values)
    for one, places in at.items():
        for index, new in zip(places, make([values[index] for index in places], one), strict=True):
            out[index] = new
    return out


def way(how: Transform, key: bytes | None, subject: str) -> Writing:
    """Return how a transform replaces a span.

    Raises:
        BadInput: it needs a key and there is none.

    """
    if how.how in _SURROGATES:
        return writing(how.how, key, subject)
    return Writing(_generalise(how) if how.how == "generalise" else _remove)


def _remove(_span: Span, _text: str) -> str:
    return ""


def _number(text: str) -> str:
    """Return the number in a text such as "34 years old", or the text."""
    numbers = re.findall(r"-?\d+(?:\.\d+)?", text)
    return numbers[0] if len(numbers) == 1 else text


def _generalise(how: Transform) -> Surrogate:
    def coarser(span: Span, text: str) -> str:
        value = generalised(_number(text) if how.step else text, how)
        # A placeholder, so that it is not looked at again.
        written = f"[{span.kind}~{value}]"
        return written if PLACEHOLDER.fullmatch(written) else label(span, text)

    return coarser


def _by_kind(ways: dict[str, Writing]) -> Writing:
    def surrogate(span: Span, text: str) -> str:
        chosen = ways.get(span.kind)
        return label(span, text) if chosen is None else chosen.surrogate(span, text)

    return Writing(
        surrogate,
        dates=next((each.dates for each in ways.values() if each.dates is not None), None),
        joins=all(each.joins for each in ways.values()),
        known=next((each.known for each in ways.values() if each.known is not None), None),
    )
