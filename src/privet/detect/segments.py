r"""Find identifiers in a text that arrives in pieces, and let go of what is decided.

A stream is cut only where no pattern of the table can cross: behind white space, unless the words before it may go on
("+49 30 ", "GB82 WEST ", "12 March ", "password: ", "77 vine ", "via Giuseppe ", an open key block), and between two Chinese or
Japanese characters. The words around "at", "dot" and what stands for them elsewhere stay together, as they may spell an address;
so behind a word it takes the beginning of the next one to decide. Words are judged as a person reads them ("%2B49 ", full-width digits).
Whether a place is a cut depends on the text alone, so:

- What has been let go after a prefix of the text, and its spans, do not depend on how the prefix came in chunks.
- The segments joined are the text, and their spans those of `Detector.find` on the whole text. The exception: a run of more
  than `hold_back_chars` without a cut. It is cut at a fixed place, and a span that crosses that place is covered to its
  end in several pieces.
- At most `hold_back_chars` characters are held back. In prose that is the word being written, two more words at an "at", the
  word before the space that the text ends with, and up to ten words behind a number or a word that begins a street address.
- No placeholder is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final

from privet.detect.address_words import begins_street, goes_on
from privet.detect.engine import Detector, Settled
from privet.detect.placeholders import closed_end, placeholders
from privet.detect.readings import read
from privet.detect.rule import MAX_PATTERN_BYTES
from privet.detect.rules_address import BELOW
from privet.detect.rules_personal import MONTHS
from privet.detect.rules_secrets import BE_WORDS, KEY_HEADER, LOGIN_FLAGS, PASSWORD_WORDS, SECRET_WORDS, block_end
from privet.detect.rules_spelled import SPELLED
from privet.errors import BadInput
from privet.records import Span

if TYPE_CHECKING:
    from privet.detect.names import Marked

Segment = tuple[str, tuple[Span, ...]]

_LOOK_BACK_CHARS: Final = 256
"""How far left of a place its being a cut is judged."""
_UNDECIDED_CHARS: Final = 704
"""Tail of an over-long run that stays when the run is cut: longer than every bounded pattern and every placeholder."""
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
_MAY_BE_SPELLED: Final = frozenset(("", " ", *"([{<")).union(*({word[0], word[0].upper()} for word in SPELLED))
_SPELLED_END: Final = re.compile(
    rf"(?:(?:\A|[\s(\[{{<])(?:{'|'.join(sorted(SPELLED))})[)\]}}>]?|[(\[{{<]\.[)\]}}>])\Z", re.IGNORECASE
)
_SPELLED_BEGIN: Final = re.compile(r"[(\[{<]?(@|[^\W\d_]*)")
_SPELLED_BEGUN: Final = frozenset(word[:size] for word in SPELLED for size in range(len(word)))
_STREET_WORDS: Final = 4
"""A number and at most three words stand before a word for a street."""
_LETTERS: Final = re.compile("[A-Za-z]*")
_BELOW_BEGUN: Final = frozenset(word[:size] for word in BELOW.pattern.split("|") for size in range(len(word)))
_BRACKETS: Final = frozenset("([{<")
_MAX_SPELLED_GAP: Final = 3
_HIDDEN_CHARS: Final = 128
_HIDING_SIGN: Final = re.compile(r"[%&\\\0\uff20\ufe6b]")
_DASHES: Final = re.compile(r"-\W{0,12}-\W{0,12}-")
_DASH_SIGNS: Final = ("%2d", "%2D", "&#", "\\u", "\\x2", "hyphen;", "dash;", "minus;")
_TAIL: Final = re.compile(r"[^\W_]*\Z")
_ASCII_TAIL: Final = re.compile(r"[A-Za-z]*\Z")
_NO_WHITE: Final = re.compile(r"\S*")
_UNSPACED: Final = "\u3000"
_MARKS: Final = "\"'`.,;:!?()[]{}<>*=/-«»“”„’‐‑‒–"
_SPACE: Final = " \t\n\r\f\v"
_CJK: Final = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d"
_PLACE: Final = re.compile(rf"[{_SPACE}]|[{_CJK}](?=[{_CJK}])")
_OTHER_SPACE: Final = re.compile(r"[\t\r\f\v]")
_PLAIN_DASHES: Final = 3
_PLAIN_GAPS: Final = 32
_LAG_CHARS: Final = 640
_PATTERNS_LAG_CHARS: Final = 256
"""Whether a place is a cut is told by the word behind it, of which `_HIDDEN_CHARS` are read at most."""
_NEAR_CHARS: Final = 48
_LONG_RUN: Final = 33
_SLOW: Final = re.compile(rf"(?:[^\W_]|[\u0300-\u036f\u200b-\u200d\u2060]){{{_LONG_RUN}}}|\s{{{_LONG_RUN}}}")
"""Without such a run the words that settle a place, eight at most, and the gaps between them are shorter than `_LAG_CHARS`."""
# What is beyond ASCII may be a letter or white space.
_WORD_BYTES: Final = bytes(119 if byte >= 128 or chr(byte).isalnum() else 46 for byte in range(256))
_GAP_BYTES: Final = bytes(32 if byte >= 128 or chr(byte).isspace() else 46 for byte in range(256))
_LONG_WORD: Final = b"w" * _LONG_RUN
_LONG_GAP: Final = b" " * _LONG_RUN
_CJK_WORDS: Final = tuple(
    {word[:size] for word in PASSWORD_WORDS if word[0] >= "\u3000" for size in range(1, len(word))}
)
_KEY_IDS: Final = ("AKIA", "ASIA")
_KEY_ID_CHARS: Final = 20
_KEY_ID_MARKS: Final = "/|:,;"
"""The id of an AWS key, behind which its secret may stand."""
_HOME_BEGUN: Final = re.compile(r"\\users\\", re.IGNORECASE)
"""The name of a Windows user may hold a space."""
_HEADER: Final = re.compile(KEY_HEADER.encode())
_HEADER_BEGUN: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,10} ){0,4}\Z")


MIN_HOLD_BACK_CHARS: Final = 1024
"""No stream can do with less: an over-long run moves on by what this is longer than its undecided tail."""


def is_cut(text: str, place: int) -> bool:
    """Tell whether `text` may be cut at `place`, which stands behind white space or between two Chinese characters.

    Key blocks are not looked at here: they have no bounded left side.
    """
    left = text[max(0, place - _LOOK_BACK_CHARS) : place]
    body = left.rstrip(_SPACE)
    if len(body) == len(left):
        run = (text[max(0, place - MAX_PATTERN_BYTES) : place].rsplit(None, 1) or [""])[-1]
        if _HIDING_SIGN.search(run):
            run = read(run).text
        return "@" not in run and "://" not in run and not left.endswith(_CJK_WORDS)
    gap = left[len(body) :]
    if _hides(left):
        body = read(body).text
        left = body + gap
    words = body.rsplit(None, 2)
    last = words[-1] if words else ""
    if last.isalpha() and last.islower() and last not in _FAST and not last.endswith(_OPENING_ENDS):
        # Most places in prose: a plain word before it, and behind it a letter that no such word begins with.
        following = text[place : place + 1]
        plain = last not in SPELLED and following not in _MAY_BE_SPELLED and not _hides(following)
        return (plain or not _is_spelled(text, place, last, gap)) and ("\n" in gap or not goes_on(body))
    if not last or "\n" in gap:
        return not last or gap != "\n" or not _is_street_below(text, place, body)
    if last.endswith(("@", *LOGIN_FLAGS)) or _HOME_BEGUN.search(last):
        return False
    if _is_spelled(text, place, last, gap) or _is_in_address(text, place, body):
        return False
    return not _goes_on(last, words[-2] if len(words) > 1 else "") and not _HEADER_BEGUN.search(left)


def _is_in_address(text: str, place: int, body: str) -> bool:
    """Tell whether an address may go on over a place; a word that only says street is known by its beginning."""
    following = text[place : place + 24]
    if _hides(following):
        following = read(following).text
    return goes_on(body) or (body[-1].isalpha() and body[-1] < _UNSPACED and begins_street(following))


def _is_street_below(text: str, place: int, body: str) -> bool:
    """Tell whether the word for a street stands, or may come to, on the line below its number and name."""
    words = body.rpartition("\n")[2].split()[-_STREET_WORDS:]
    if not any(map(str.isdigit, "".join(words[:-1]))) or words[-1].isdigit():
        return False
    following = text[place : place + 24]
    if _hides(following):
        following = read(following).text
    word = _LETTERS.match(following)[0]  # type: ignore[index]
    return BELOW.fullmatch(word) is not None or (word == following and word in _BELOW_BEGUN)


def _hides(text: str) -> bool:
    """Tell whether a text may read otherwise than it is written."""
    return not text.isascii() or "%" in text or "&" in text or "\\" in text or "\0" in text


def _has_header(text: str) -> bool:
    """Tell whether a key block may begin in a text."""
    return "-----BEGIN " in text or (_hides(text) and _may_begin(text) and "-----BEGIN " in read(text).text)


def _may_begin(text: str) -> bool:
    """Tell whether a text may read as five dashes in a row.

    Of them three at least are written as they are, or one as an escape: other dashes are read as one only beside a letter or digit.
    """
    if text.count("-") >= _PLAIN_DASHES and _DASHES.search(text):
        return True
    return ("&" in text or "%" in text or "\\" in text) and any(sign in text for sign in _DASH_SIGNS)


def _is_spelled(text: str, place: int, last: str, gap: str) -> bool:
    """Tell whether the word before a place or the one behind it stands for a sign of an address, or may come to."""
    if len(gap) > _MAX_SPELLED_GAP or gap.strip(" "):
        return False
    if last.lower() in SPELLED if last.isalpha() else _SPELLED_END.search(last):
        return True
    if not last[-1].isalnum() or last[-1] >= _UNSPACED:
        return False
    following = text[place : place + 24].lstrip(" ")
    word = following.partition(" ")[0]
    if _hides(word):
        plain = next(at for at, char in enumerate(word) if _hides(char))
        if plain and not _begins_spelled(following[:plain]):
            # What came before the first hidden sign has decided, where it came alone.
            return False
        begin = place + len(text[place : place + 24]) - len(following)
        match = _NO_WHITE.match(text, begin, place + _HIDDEN_CHARS)
        raw = match[0] if match else ""
        if place + _HIDDEN_CHARS > len(text) and text.endswith(raw):
            return True
        following = read(raw).text.lstrip(" ") + " "
    return _begins_spelled(following)


def _begins_spelled(following: str) -> bool:
    """Tell whether what follows a word begins with a word that stands for a sign, or may come to."""
    token = _SPELLED_BEGIN.match(following)
    if token is None:
        return not following
    if following[:1] in _BRACKETS and following[1:2] == ".":
        return True
    word = token[1].lower()
    # At the end of what is known, the word may go on.
    return word in SPELLED or (token.end() == len(following) < 20 and word in _SPELLED_BEGUN)


def _goes_on(last: str, before: str) -> bool:
    """Tell whether the next word may belong to the same identifier as these two."""
    plain = last.strip(_MARKS).lower()
    if not plain or plain in _JOINERS or (len(plain) == 1 and not plain.isdigit()):
        # A mark, a joining word or a single letter goes on where the word before it does: "password : x", "12 de marzo".
        # In capitals DE, ES and IS also begin an account number.
        return not before or _opens(before) or (len(plain) > 1 and last[-2:].isalpha() and last[-2:].isupper())
    return _opens(last)


def _opens(word: str) -> bool:
    # What stands before the last letters may be anything that ends a word: "dob":"March, NINO=AB.
    capitals = _ASCII_TAIL.search(word)[0]  # type: ignore[index]
    if any(char.isdigit() for char in word) or (capitals.isupper() and 2 <= len(capitals) <= 4):
        return True
    if word.startswith(_KEY_IDS) and len(word.rstrip(_KEY_ID_MARKS)) == _KEY_ID_CHARS:
        return True
    plain = word.strip(_MARKS).lower()
    if not plain or plain.endswith(_OPENING_ENDS):
        return True
    return any(tail.search(plain)[0] in _OPENERS for tail in (_TAIL, _ASCII_TAIL))  # type: ignore[index]


class SpanStream:
    """Takes a text in pieces, gives it back in segments with their spans.

    >>> stream = SpanStream(Detector(tier="patterns"))
    >>> [segment for chunk in ("mail ja", "ne@example", ".com now") for segment in stream.feed(chunk)]
    [('mail ', ()), ('jane@example.com ', (Span(start=0, end=16, kind='EMAIL_ADDRESS', score=0.95, rule='email-address'),))]
    >>> stream.close()
    [('now', ())]
    """

    hold_back_chars: Final = 4096

    def __init__(self, detector: Detector, hold_back_chars: int = hold_back_chars) -> None:
        if detector.reads_whole_texts:
            raise BadInput(
                "the deep tier and other people's recognizers need the whole text, and a stream has none",
                hint='use the tier "names" for streams, or detect and redact on the whole text',
            )
        self._detector = detector
        self._looks_ahead = detector.looks_ahead
        self._limit = max(hold_back_chars, MIN_HOLD_BACK_CHARS)
        self._keep_chars = max(MAX_PATTERN_BYTES, detector.context_chars)
        self._text = ""  # what is held, behind the text left of it
        self._start = 0  # where in _text the held part begins
        self._news = 0  # up to where in _text there may be something to find
        self._tried = 0  # no place before this one is a cut
        self._pending = False  # whether the word being written may decide on the place before it
        self._crossing: Span | None = None  # the span that a forced cut went through
        self._seed = ""  # the beginning of that span

    def feed(self, chunk: str, *, is_known: bool = False) -> list[Segment]:
        """Take a piece of text; return what is decided by now.

        `is_known` says that another stream with this detector had this piece and found nothing to change in it. Where all the
        context is known as well, it is not looked at again.
        """
        if not is_known:
            self._news = len(self._text) + len(chunk)
        if len(self._text) - self._start + len(chunk) < self._limit and self._crossing is None:
            self._text += chunk
            # Most pieces of a token stream end inside a word.
            return [] if chunk.isalnum() and chunk.isascii() and not self._pending else self._release()
        out: list[Segment] = []
        while chunk:
            room = self._limit - (len(self._text) - self._start)
            self._text += chunk[:room]
            chunk = chunk[room:]
            out += self._release() if self._crossing is None else self._go_on()
            if len(self._text) - self._start >= self._limit:
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
        if self._looks_ahead:
            return self._release_settled()
        # A place between two characters is known with the second one.
        lowest = max(self._start, self._tried - 1)
        if _has_header(text):
            place = self._last_cut(self._start, self._blocks())
        else:
            place = max(text.rfind(" ", lowest), text.rfind("\n", lowest)) + 1
            is_last = place > self._start and text.isascii() and _OTHER_SPACE.search(text, place) is None
            if not is_last or not is_cut(text, place):
                place = self._last_cut(lowest, ())
        # What follows decides on the last place, if it is behind a short gap.
        last = max(text.rfind(" "), text.rfind("\n"))
        for other in _OTHER_SPACE.finditer(text, max(last + 1, lowest)):
            last = other.start()
        self._tried = min(len(text), max(lowest, last - _MAX_SPELLED_GAP))
        self._pending = last >= max(self._start, place)
        return self._emit(place) if place > self._start else []

    def _release_settled(self) -> list[Segment]:
        """Emit the held text up to the last place where no pattern and no name crosses, and names left of it are settled."""
        text, start = self._text, self._start
        blocks = self._blocks() if _has_header(text) else ()
        places = [
            place
            for place in (match.end() for match in _PLACE.finditer(text, start))
            if not any(first < place < end for first, end in blocks)
        ]
        # Whether a place is a cut takes longer to tell than all else, so it is asked last.
        first_cut = next((place for place in places if is_cut(text, place)), -1)
        if first_cut < 0 or not self._has_followers(first_cut):
            return []
        left = max(0, start - self._detector.context_chars)
        known = text[left : closed_end(text)]
        if self._news <= left and self._detector.names is not None:
            settled = Settled(self._detector.names.settled_place(known, start - left), [], None)
        else:
            settled = self._detector.settled(known, start - left)
        last = settled.place + left
        inside = [(first + left, end + left) for first, end in settled.inside]
        for place in reversed(places):
            if (
                first_cut <= place <= last
                and not any(first < place < end or (first < place and end >= last) for first, end in inside)
                and is_cut(text, place)
            ):
                return self._emit(place, settled.marked)
        return []

    def _has_followers(self, place: int) -> bool:
        """Tell whether enough stands behind a place for the names model to know what is left of it: cheaper than asking it."""
        names = self._detector.names
        if names is None or len(self._text) - place > MIN_HOLD_BACK_CHARS // 2:
            return True
        from privet.detect.words import TOKEN

        return (
            sum(1 for _ in islice(TOKEN.finditer(self._text, place, closed_end(self._text)), names.reach_words))
            == names.reach_words
        )

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
        start = self._start
        reading = read(self._text[start:])
        data = reading.text.encode("ascii", "replace")
        blocks: list[tuple[int, int]] = []
        position = 0
        while found := _HEADER.search(data, position):
            end, is_key = block_end(data, found.end())
            first, last = reading.span(found.start(), end)
            blocks.append((start + first, len(self._text) + 1 if end == len(data) else start + last))
            position = end if is_key else found.end()
        return blocks

    def _emit(self, place: int, marked: list[Marked] | None = None) -> list[Segment]:
        """Return the held text up to `place` with its spans, and keep what stands left of the rest."""
        text, start = self._text, self._start
        context = self._detector.context_chars
        left = max(0, start - context)
        if self._news <= left:
            self._drop(place)
            return [(text[start:place], ())]
        spans = self._detector.find(text[left : place + context], start - left, place - left, marked)
        if spans and start > left:
            shift = start - left
            spans = tuple(
                Span(first - shift, end - shift, kind, score, rule) for first, end, kind, score, rule in spans
            )
        self._drop(place)
        return [(text[start:place], spans)]

    def _drop(self, place: int) -> None:
        keep = place - self._keep_chars
        # Cutting the text at each word would cost more than carrying it a little longer.
        if keep > self._keep_chars:
            self._text = self._text[keep:]
            self._tried = max(0, self._tried - keep)
            self._news -= keep
            place -= keep
        self._start = place

    def _force(self) -> list[Segment]:
        """Cut a run that has grown to the limit, at the same place however it came."""
        text, start = self._text, self._start
        place = len(text) - _UNDECIDED_CHARS
        left = max(0, start - self._detector.context_chars)
        for span in self._detector.find(text[left:], start - left):
            first, end = span.start + left, span.end + left
            if first <= place < end:
                if first > start:
                    place = first
                elif end < len(text) - _MARGIN_CHARS:
                    place = end
                else:
                    return self._cross(span, place)
        for first, end in placeholders(text, self._detector.placeholder):
            if first < place < end:
                place = first if first > start else end
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


def _has_long_run(text: str) -> bool:
    """Tell whether the text has a run that `_SLOW` finds; where there is none of so many bytes either, that is told sooner."""
    data = text.encode("utf-8", "surrogatepass")
    if _LONG_WORD not in data.translate(_WORD_BYTES) and _LONG_GAP not in data.translate(_GAP_BYTES):
        return False
    return _SLOW.search(text) is not None


def _is_plain_cut(text: str, gap: int) -> bool:
    """Tell whether `is_cut` is true behind a space, where that can be told from the words before it and the sign behind it."""
    last = text[text.rfind(" ", max(0, gap - _NEAR_CHARS), gap) + 1 : gap]
    following = text[gap + 1 : gap + 2]
    # Such a word is read as it is written, whatever stands before it.
    if not (
        last.isalpha()
        and last.islower()
        and last.isascii()
        and last not in _FAST
        and not last.endswith(_OPENING_ENDS)
        and last not in SPELLED
        and following not in _MAY_BE_SPELLED
        and not _hides(following)
    ):
        return False
    left = text[max(0, gap + 1 - _LOOK_BACK_CHARS) : gap]
    return not goes_on(read(left).text if _hides(left) else left)


def _last_plain_cut(text: str, start: int, stop: int, inside: bytearray) -> int:
    """Return a late place of a stretch at which the text may be cut, where that is told from a word or a few, or 0."""
    gap = stop
    for _ in range(_PLAIN_GAPS):
        gap = text.rfind(" ", start, gap)
        if gap <= start:
            return 0
        if not inside[gap + 1] and _is_plain_cut(text, gap):
            return gap + 1
    return 0


def _last_cut(text: str, start: int, stop: int, inside: bytearray) -> int:
    """Return the last place of a stretch at which the text may be cut and that lies in no span, or 0."""
    ends = [match.end() for match in _PLACE.finditer(text, start, stop)]
    return next((end for end in reversed(ends) if not inside[end] and is_cut(text, end)), 0)


def is_never_forced(detector: Detector, text: str, found: Iterable[Span], limit: int) -> bool:
    """Tell whether a stream with this limit is sure to find a cut in time, so that its spans are those of the whole text.

    `found` are all hits of the whole text, overlaps included. False may also mean that it could not be told quickly.
    """
    if len(text) < limit:
        return True
    if detector.has_wide_rules or _has_long_run(text) or _has_header(text):
        return False
    inside = bytearray(len(text) + 1)
    for span in found:
        size = span.end - span.start - 1
        if size > 0:
            inside[span.start + 1 : span.end] = b"\1" * size
    place = 0
    lag = _LAG_CHARS if detector.looks_ahead else _PATTERNS_LAG_CHARS
    while len(text) - place >= limit:
        stop = place + limit - lag
        # In prose the last places of the stretch hold a cut: the rest is looked at where they do not.
        place = (
            _last_plain_cut(text, place, stop, inside)
            or _last_cut(text, stop - _NEAR_CHARS, stop, inside)
            or _last_cut(text, place, stop, inside)
        )
        if not place:
            return False
    return True
