"""Whether identifiers of a given raw set are left in a dataset.

Invariants:

- What is kept of the raw set is keyed fingerprints (HMAC-SHA-256), lengths and first letters, in memory only.
- A hit is never a false one: what the Bloom filter lets through is compared with all 128 bits of its fingerprint.
- Values are compared as their letters and digits in lower case and without accents, so `+1 (202) 555-0143` is found as `12025550143`; a
  match begins and ends where a word does. Escapes (of URLs, HTML, JSON) and base64 are looked into.

Not every value tells by itself: Will, Mark and Rose are words, a detector takes `Case 10152` for an address now and then, and `root` is
somebody's account. Such values are *ambiguous*: they count only where the detector takes them for an identifier in the dataset too.
`is_weak` says which are so by their form, and those that are doubtful are so where they were mostly not taken in the raw set.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from privet.audit.counting import Counting, Hit
from privet.audit.raw_values import LEAST_CHARS, is_doubtful, is_telling, is_weak, owners_in, words_of
from privet.audit.record import Record
from privet.detect.engine import Detector
from privet.detect.readings import opened, read

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEAD_CHARS: Final = 5
_BITS_EACH: Final = 16
"""With four places a value, one foreign value in four hundred passes the filter, and is then compared exactly."""
_PLACES: Final = 4
_FIRST_BITS: Final = 1 << 23
_MOSTLY: Final = 0.5
AMBIGUOUS: Final = ", ambiguous"
"""The end of the kind of a value that does not tell by itself."""


class Match(NamedTuple):
    """Where an identifier of the raw set stands in a record, and as which kind the raw set held it."""

    start: int
    end: int
    kind: str
    fingerprint: bytes


class RawSet:
    """The identifiers of a raw set, as keyed fingerprints. `collect`, then `seal`, then `recall_names`, then ask `matches`."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._kinds: list[str] = []
        self._known: dict[bytes, int] = {}
        self._lengths: dict[str, set[int]] = {}
        self._taken: Counter[bytes] = Counter()
        """Of values that may be something else, how often they were taken for an identifier."""
        self._seen: Counter[bytes] = Counter()
        self._bits: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.skipped = 0
        self.records = 0

    def __len__(self) -> int:
        return len(self._known)

    def collect(self, records: Iterable[Record], detector: Detector, counting: Counting) -> Iterator[int]:
        """Take the identifiers of raw records, and of texts that stand on no line; yield how many characters each had."""
        kept: list[Record] = []

        def texts() -> Iterator[str]:
            for record in records:
                kept.append(record)
                yield record.text

        for spans in detector.find_all(texts()):
            record = kept.pop(0)
            self.records += record.line > 0
            for hit in counting.hits(record.text, spans):
                value = record.text[hit.span.start : hit.span.end]
                # A street without its number is no address of anybody.
                if hit.kind != "ADDRESS" or any(map(str.isdigit, value)):
                    self._add(value, hit)
            yield len(record.text)

    def own(self, text: str) -> None:
        """Take what a file says of who made or owns it."""
        for name, hit in owners_in(text):
            self._add(name, hit)

    def _add(self, value: str, hit: Hit) -> None:
        words = words_of(value)
        row = words.row
        if not is_telling(row):
            self.skipped += 1
            return
        fingerprint = self._fingerprint(row)
        kind = hit.kind
        if is_weak(value, hit):
            kind += AMBIGUOUS
        elif is_doubtful(row, hit, len(words.starts)):
            self._taken[fingerprint] += 1
        known = self._known.setdefault(fingerprint, self._number(kind))
        if self._kinds[known].endswith(AMBIGUOUS):
            self._known[fingerprint] = self._number(kind)
        self._lengths.setdefault(row[:_HEAD_CHARS], set()).add(len(row))

    def _number(self, kind: str) -> int:
        if kind not in self._kinds:
            self._kinds.append(kind)
        return self._kinds.index(kind)

    def _fingerprint(self, row: str) -> bytes:
        return hmac.digest(self._key, row.encode("utf-8", "surrogatepass"), "sha256")[:16]

    def recall_names(self, records: Iterable[Record]) -> Iterator[int]:
        """Count how often each value that may be something else occurs in the raw set; yield how many characters each record had."""
        for record in records:
            for match in self._all_matches(record.text):
                if match.fingerprint in self._taken:
                    self._seen[match.fingerprint] += 1
            yield len(record.text)
        for fingerprint, seen in self._seen.items():
            kind = self._kinds[self._known[fingerprint]]
            if self._taken[fingerprint] < seen * _MOSTLY and not kind.endswith(AMBIGUOUS):
                self._known[fingerprint] = self._number(kind + AMBIGUOUS)
        self._seen.clear()
        self._taken.clear()

    def seal(self) -> None:
        """Make the Bloom filter of what was collected; nothing can be collected after that."""
        size = max(_FIRST_BITS, 1 << (len(self._known) * _BITS_EACH - 1).bit_length()) if self._known else 8
        self._bits = np.zeros(size // 8, np.uint8)
        for fingerprint in self._known:
            for place in self._places(fingerprint):
                self._bits[place >> 3] |= 1 << (place & 7)

    def _places(self, fingerprint: bytes) -> Iterator[int]:
        """Yield the places of a fingerprint in the filter, by double hashing (Kirsch and Mitzenmacher 2006)."""
        size = len(self._bits) * 8
        first = int.from_bytes(fingerprint[:8], "big")
        second = int.from_bytes(fingerprint[8:], "big") | 1
        for turn in range(_PLACES):
            yield (first + turn * second) % size

    def _may_hold(self, fingerprint: bytes) -> bool:
        return all(self._bits[place >> 3] >> (place & 7) & 1 for place in self._places(fingerprint))

    def matches(self, text: str) -> list[Match]:
        """Return where a text holds values of the raw set; of those that overlap, the longest."""
        out: list[Match] = []
        for match in sorted(self._all_matches(text), key=lambda each: (each.start, -each.end)):
            if not out or match.start >= out[-1].end:
                out.append(match)
        return out

    def _all_matches(self, text: str) -> Iterator[Match]:
        words = words_of(text)
        ends = {end: at for at, end in enumerate(words.ends)}
        heads = self._lengths
        row = words.row
        for at, start in enumerate(words.starts):
            # Values of fewer characters than a head has stand under themselves.
            for head in {row[start : start + _HEAD_CHARS], row[start : start + LEAST_CHARS]}:
                for length in heads.get(head, ()):
                    last = ends.get(start + length)
                    if last is None:
                        continue
                    fingerprint = self._fingerprint(row[start : start + length])
                    if self._may_hold(fingerprint) and (kind := self._known.get(fingerprint)) is not None:
                        yield Match(words.places[at][0], words.places[last][1], self._kinds[kind], fingerprint)


class RawMatching:
    """Looks through records for what a raw set held."""

    def __init__(self, raw: RawSet, detector: Detector, counting: Counting) -> None:
        self._raw = raw
        self._detector = detector
        self._counting = counting
        self.records = 0
        self.holding = 0
        self.named = False
        self.beside = 0

    def look(self, record: Record) -> list[Match]:
        """Return what of the raw set stands in a record."""
        self.records += 1
        text = record.text if record.text.isascii() else unicodedata.normalize("NFC", record.text)
        found = self._named(text, self._raw.matches(text)) or list(self._hidden(text))
        self.holding += bool(found)
        return found

    def holds(self, name: str) -> bool:
        """Tell whether the name of a file holds one, and remember it."""
        found = bool(self._named(name, self._raw.matches(name)))
        self.named = self.named or found
        return found

    def holds_beside(self, texts: Iterable[str]) -> bool:
        """Tell whether texts of a file that are no records hold one, and count the file if so."""
        found = any(self._named(text, self._raw.matches(text)) for text in texts)
        self.beside += found
        return found

    def _hidden(self, text: str) -> Iterator[Match]:
        """Yield what stands in a text in another writing: behind escapes, in base64."""
        if _ESCAPE.search(text):
            reading = read(text)
            for match in self._named(reading.text, self._raw.matches(reading.text)):
                start, end = reading.span(match.start, match.end)
                yield match._replace(start=start, end=end)
        for run in opened(text):
            for match in self._named(run.text, self._raw.matches(run.text)):
                yield match._replace(start=run.start, end=run.end)

    def _named(self, text: str, found: list[Match]) -> list[Match]:
        """Return matches without those that are identifiers only perhaps, and are none here."""
        if any(match.kind.endswith(AMBIGUOUS) for match in found):
            hits = list(self._counting.hits(text, self._detector.find(text)))
            # A place that is weak here too is still none.
            places = [hit for hit in hits if not is_weak(text[hit.span.start : hit.span.end], hit)]
            found = [
                match
                for match in found
                if not match.kind.endswith(AMBIGUOUS)
                or any(
                    hit.span.start < match.end and hit.span.end > match.start
                    for hit in (places if match.kind.startswith("ADDRESS") else hits)
                )
            ]
        return found


_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}|&#?\w{2,8};|\\[ux]|=[0-9A-F]{2}")
