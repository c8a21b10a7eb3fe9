r"""Find identifiers in a text that arrives in pieces, and let go of what is decided.

A stream is cut only where no pattern of the table can cross: behind white space, unless the words before it may go on
("+49 30 ", "GB82 WEST ", "12 March ", "password: ", an open key block), and between two Chinese or Japanese characters.
Whether a place is a cut depends on the text alone, so:

- What has been let go after a prefix of the text, and its spans, do not depend on how the prefix came in chunks.
- The segments joined are the text, and their spans those of `Detector.find` on the whole text. The exception: a run of more
  than `hold_back_chars` without a cut. It is cut at a fixed place, and a span that crosses that place is covered to its
  end in several pieces.
- At most `hold_back_chars` characters are held back. In prose that is the word being written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from privet.detect.engine import Detector
from privet.detect.rule import CONTEXT_CHARS, MAX_PATTERN_BYTES
from privet.detect.rules_personal import MONTHS
from privet.detect.rules_secrets import BE_WORDS, KEY_HEADER, PASSWORD_WORDS, SECRET_WORDS, block_end
from privet.records import Span

Segment = tuple[str, tuple[Span, ...]]

_LOOK_BACK_CHARS: Final = 256
"""How far left of a place its being a cut is judged."""
_UNDECIDED_CHARS: Final = 1024
"""Tail of an over-long run that stays when the run is cut: longer than every bounded pattern."""
_SEED_CHARS: Final = 256
"""How much of the beginning of a span that was cut is kept, to find its end."""
_MARGIN_CHARS: Final = 64
"""A span that ends so close to the end of what is known may go on: an END line, or punctuation that turns out to be inside."""

_OPENERS: Final = frozenset(
    word
    for words in (PASSWORD_WORDS, SECRET_WORDS, MONTHS, ("mot", "bearer", "basic", "authorization", "ext", "x"))
    for phrase in words
    for word in phrase.split()
)
"""Words that the next word may belong to."""
_OPENING_ENDS: Final = tuple(sorted(_OPENERS - {*MONTHS, "ext", "x"}))
"""The same as endings: DB_PASSWORD, x-api-key."""
_JOINERS: Final = frozenset((*BE_WORDS, "de", "of", "den", "del"))
"""Words that join what stands before them to the next word: 12 de marzo, password is x."""
_FAST: Final = _OPENERS | _JOINERS
_MARKS: Final = "\"'`.,;:!?()[]{}<>*=/-«»“”„’‐‑‒–"
_SPACE: Final = " \t\n\r\f\v"
_CJK: Final = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d"
_PLACE: Final = re.compile(rf"[{_SPACE}]|[{_CJK}](?=[{_CJK}])")
_CJK_WORDS: Final = tuple(
    {word[:size] for word in PASSWORD_WORDS if word[0] >= "\u3000" for size in range(1, len(word))}
)
_HEADER: Final = re.compile(KEY_HEADER.encode())
_HEADER_BEGUN: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,10} ){0,4}\Z")


def is_cut(text: str, place: int) -> bool:
    """Tell whether `text` may be cut at `place`, which stands behind white space or between two Chinese characters.

    Key blocks are not looked at here: they have no bounded left side.
    """
    left = text[max(0, place - _LOOK_BACK_CHARS) : place]
    body = left.rstrip(_SPACE)
    if len(body) == len(left):
        run = text[max(0, place - MAX_PATTERN_BYTES) : place].rsplit(None, 1)[-1]
        return "@" not in run and not left.endswith(_CJK_WORDS)
    words = body.rsplit(None, 2)
    last = words[-1] if words else ""
    if last.isalpha() and last.islower() and last not in _FAST:
        return True
    if not last or "\n" in left[len(body) :]:
        return True
    return not _goes_on(last, words[-2] if len(words) > 1 else "") and not _HEADER_BEGUN.search(left)


def _goes_on(last: str, before: str) -> bool:
    """Tell whether the next word may belong to the same identifier as these two."""
    plain = last.strip(_MARKS).lower()
    if not plain or plain in _JOINERS or (len(plain) == 1 and not plain.isdigit()):
        # A mark, a joining word or a single letter goes on where the word before it does: "password : x", "12 de marzo".
        return not before or _opens(before)
    return _opens(last)


def _opens(word: str) -> bool:
    if any(char.isdigit() for char in word) or (
        word.isascii() and word.isalpha() and word.isupper() and 2 <= len(word) <= 4
    ):
        return True
    plain = word.strip(_MARKS).lower()
    return not plain or plain.rpartition("'")[2] in _OPENERS or plain.endswith(_OPENING_ENDS)


class SpanStream:
    """Takes a text in pieces, gives it back in segments with their spans.

    >>> stream = SpanStream(Detector())
    >>> [segment for chunk in ("mail ja", "ne@example", ".com now") for segment in stream.feed(chunk)]
    [('mail ', ()), ('jane@example.com ', (Span(start=0, end=16, kind='EMAIL_ADDRESS', score=0.95, rule='email-address'),))]
    >>> stream.close()
    [('now', ())]
    """

    hold_back_chars: Final = 4096

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._text = ""  # what is held, behind the text left of it
        self._start = 0  # where in _text the held part begins
        self._tried = 0  # no place before this one is a cut
        self._crossing: Span | None = None  # the span that a forced cut went through
        self._seed = ""  # the beginning of that span

    def feed(self, chunk: str) -> list[Segment]:
        """Take a piece of text; return what is decided by now."""
        if len(self._text) - self._start + len(chunk) < self.hold_back_chars and self._crossing is None:
            self._text += chunk
            # Most pieces of a token stream end inside a word.
            return [] if chunk.isalnum() and chunk.isascii() else self._release()
        out: list[Segment] = []
        while chunk:
            room = self.hold_back_chars - (len(self._text) - self._start)
            self._text += chunk[:room]
            chunk = chunk[room:]
            out += self._release() if self._crossing is None else self._go_on()
            if len(self._text) - self._start >= self.hold_back_chars:
                out += self._force()
        return out

    def close(self) -> list[Segment]:
        """Return the rest. The beginning of an identifier is judged as it stands."""
        out: list[Segment] = []
        if self._crossing is not None:
            out += self._go_on(last=True)
        if len(self._text) > self._start:
            out += self._emit(len(self._text))
        return out

    def _release(self) -> list[Segment]:
        """Emit the held text up to the last place where it may be cut."""
        text = self._text
        # A place between two characters is known with the second one.
        lowest = max(self._start, self._tried - 1)
        if "-----BEGIN " in text:
            place = self._last_cut(self._start, self._blocks())
        else:
            place = max(text.rfind(" ", lowest), text.rfind("\n", lowest)) + 1
            if place <= self._start or not text.isascii() or not is_cut(text, place):
                place = self._last_cut(lowest, ())
        self._tried = len(text)
        return self._emit(place) if place > self._start else []

    def _last_cut(self, lowest: int, blocks: Iterable[tuple[int, int]]) -> int:
        """Return the last place for a cut behind `lowest` and outside the key blocks, -1 if there is none."""
        text = self._text
        places = [match.end() for match in _PLACE.finditer(text, lowest)]
        for place in reversed(places):
            if not any(first < place < end for first, end in blocks) and is_cut(text, place):
                return place
        return -1

    def _blocks(self) -> list[tuple[int, int]]:
        """Return where the held text has key blocks; one that is open, or not decided yet, reaches beyond it."""
        # Bytes and characters count alike: whatever is not ASCII is replaced by one byte.
        data = self._text.encode("ascii", "replace")
        blocks: list[tuple[int, int]] = []
        position = self._start
        while found := _HEADER.search(data, position):
            end, is_key = block_end(data, found.end())
            blocks.append((found.start(), end + (end == len(data))))
            position = end if is_key else found.end()
        return blocks

    def _emit(self, place: int) -> list[Segment]:
        """Return the held text up to `place` with its spans, and keep what stands left of the rest."""
        text, start = self._text, self._start
        left = max(0, start - CONTEXT_CHARS)
        spans = self._detector.find(text[left:place], start - left)
        if spans and start > left:
            shift = start - left
            spans = tuple(
                Span(first - shift, end - shift, kind, score, rule) for first, end, kind, score, rule in spans
            )
        self._drop(place)
        return [(text[start:place], spans)]

    def _drop(self, place: int) -> None:
        keep = place - MAX_PATTERN_BYTES
        # Cutting the text at each word would cost more than carrying it a little longer.
        if keep > MAX_PATTERN_BYTES:
            self._text = self._text[keep:]
            self._tried = max(0, self._tried - keep)
            place -= keep
        self._start = place

    def _force(self) -> list[Segment]:
        """Cut a run that has grown to the limit, at the same place however it came."""
        text, start = self._text, self._start
        place = len(text) - _UNDECIDED_CHARS
        left = max(0, start - CONTEXT_CHARS)
        for span in self._detector.find(text[left:], start - left):
            first, end = span.start + left, span.end + left
            if first <= place < end:
                if first > start:
                    place = first
                elif end < len(text) - _MARGIN_CHARS:
                    place = end
                else:
                    return self._cross(span, place)
        return self._emit(place)

    def _cross(self, span: Span, place: int) -> list[Segment]:
        """Emit the first piece of a span that is longer than the limit."""
        piece = self._text[self._start : place]
        self._crossing, self._seed = span, piece[:_SEED_CHARS]
        self._drop(place)
        return [(piece, (Span(0, len(piece), span.kind, span.score, span.rule),))]

    def _go_on(self, *, last: bool = False) -> list[Segment]:
        """Emit further pieces of such a span, in steps of fixed size, until its end is found."""
        out: list[Segment] = []
        while (span := self._crossing) is not None:
            held = self._text[self._start :]
            if len(held) < _UNDECIDED_CHARS and not last:
                break
            known = held if last else held[:_UNDECIDED_CHARS]
            end = self._end_of(span, known)
            if last or end < _UNDECIDED_CHARS - _MARGIN_CHARS:
                self._crossing = None
            else:
                end = _UNDECIDED_CHARS // 2
            if end:
                out.append((held[:end], (Span(0, end, span.kind, span.score, span.rule),)))
                self._drop(self._start + end)
        if self._crossing is None:
            self._tried = self._start
            out += self._release()
        return out

    def _end_of(self, span: Span, known: str) -> int:
        """Return how far a span goes on in `known`; where that cannot be told, up to white space."""
        again = self._detector.find(self._seed + known)
        if again and again[0].start == 0 and again[0].rule == span.rule:
            return max(0, again[0].end - len(self._seed))
        return len(known.split(None, 1)[0]) if known.strip() and not known[0].isspace() else 0
