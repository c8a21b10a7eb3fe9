r"""Read a text as a person does: digits of every script, hidden characters gone, escapes undone, base64 opened.

A reading is a plain text with a map of its places back to the original. The pattern tier looks at it as well.

Invariants:

- A reading is made only where `HIDDEN` matches, which the engine searches for in the same pass as everything else.
- What a place is unfolded to depends on at most `UNIT_CHARS` characters at either side, so a stream reads what the whole
  text reads. What is left of a hit is never taken from further than `CONTEXT_CHARS` characters of the original.
- Time is linear in the text, whatever the text. Base64 is opened once: what is inside is not unfolded again.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby
from typing import Final, NamedTuple

from privet.detect.rule import CONTEXT_CHARS, MAX_PATTERN_BYTES, Candidate, Rule

UNIT_CHARS: Final = 16
"""Longest escape that is unfolded, and what is looked at beside it."""
_REACH_BYTES: Final = MAX_PATTERN_BYTES + CONTEXT_CHARS
_STEP_BYTES: Final = 512
_OPENED_CHARS: Final = 65536
"""So much of a base64 run is opened; a longer one is judged by its beginning."""
_SURROGATES: Final = range(0xD800, 0xE000)

# Characters nobody sees. NUL is one: text in UTF-16 that was read as ASCII.
_UNSEEN: Final = (
    "\0\xad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f"
)
_MARKS: Final = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
# Letters of Cyrillic, Greek and Armenian that look like the Latin ones.
_LOOK_ALIKES: Final = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХҮԌԚԜаеѕіјорсухһԁԛԝӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυօոսհ",
        "ABESIJKMHOPCTYXYGQWaesijopcyxhdqwlABEZHIKMNOPTYXavopuonuh",
        strict=True,
    )
)
_ALIKE: Final = "".join(_LOOK_ALIKES)
_SPACES: Final = "\xa0\u2000-\u200a\u202f\u205f\u3000"
_DASHES: Final = "\u2010-\u2015\u2212\u2043\ufe58\ufe63"
_WIDE_SIGNS: Final = "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff5e"
_NAMED: Final = {
    "nbsp": " ", "ensp": " ", "emsp": " ", "thinsp": " ", "shy": "", "zwj": "", "zwnj": "", "commat": "@", "period": ".", "plus": "+",
    "lpar": "(", "rpar": ")", "hyphen": "-", "dash": "-", "ndash": "-", "minus": "-", "colon": ":", "sol": "/", "lowbar": "_",
    "num": "#", "equals": "=",
}  # fmt: skip
_HEX: Final = "[0-9A-Fa-f]"
# Printable ASCII, the white space that ends a line, and whole characters beyond ASCII.
_PERCENT: Final = rf"%(?:[2-7]{_HEX}|0[9AaDd]|[C-Fc-f]{_HEX}(?:%[89ABab]{_HEX}){{1,3}})"
_ENTITY: Final = rf"&(?:#[0-9]{{1,7}}|#[xX]{_HEX}{{1,6}}|(?:{'|'.join(_NAMED)}));"
_CODE: Final = rf"\\(?:u{_HEX}{{4}}|u\{{{_HEX}{{1,6}}\}}|x[2-7]{_HEX})"
# The end of a line in JSON, where it stands right beside a number or a code.
_WHITE: Final = r"\\[nrt](?=[0-9A-Z])|(?<=[0-9])\\[nrt]"

# Base64 of twelve printable ASCII characters: three groups whose first three letters leave the top bit of each byte clear.
_SIX_BITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_GROUP: Final = "[I-Za-f][{}][{}][A-Za-z0-9+/_-]".format(
    "".join(char for place, char in enumerate(_SIX_BITS) if 2 <= place % 16 <= 7),
    "".join(char for place, char in enumerate(_SIX_BITS) if place % 4 <= 1),
)
_LETTERS_BEGIN: Final = rf"(?:[A-Za-z0-9+/_-]{{4}}){{0,12}}?(?:{_GROUP}){{3}}"
_RUNS: Final = tuple(re.compile(rf"{letters}{{14,}}={{0,2}}") for letters in ("[A-Za-z0-9+/]", "[A-Za-z0-9_-]"))
_OPENS: Final = re.compile(_LETTERS_BEGIN)
_UNPRINTABLE: Final = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")


# The digit zero of every script but ASCII; the other nine follow it (Unicode 14, general category Nd).
_ZEROS: Final = (
    "\u0660\u06f0\u07c0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0de6\u0e50\u0ed0\u0f20\u1040\u1090"
    "\u17e0\u1810\u1946\u19d0\u1a80\u1a90\u1b50\u1bb0\u1c40\u1c50\ua620\ua8d0\ua900\ua9d0\ua9f0\uaa50\uabf0"
    "\U000104a0\U00010d30\U00011066\U000110f0\U00011136\U000111d0\U000112f0\U00011450\U000114d0\U00011650\U000116c0"
    "\U00011730\U000118e0\U00011950\U00011c50\U00011d50\U00011da0\U00016a60\U00016ac0\U00016b50"
    "\uff10\U0001d7ce\U0001d7d8\U0001d7e2\U0001d7ec\U0001d7f6"
)
# Full-width, circled and mathematical letters.
_LETTERS: Final = "\uff21-\uff3a\uff41-\uff5a\u24b6-\u24e9\U0001d400-\U0001d6a3"
_DIGITS: Final = "".join(f"{zero}-{chr(ord(zero) + 9)}" for zero in _ZEROS)
_BASE: Final = f"0-9A-Za-z@._+()/:\\-\xc0-\u024f{_DIGITS}{_LETTERS}"
_UNIT: Final = re.compile(
    rf"(?P<percent>(?:{_PERCENT})+)(?P<plus>[0-9]*(?:\+[0-9]*)+)?"
    rf"|(?P<entity>{_ENTITY})|(?P<code>{_CODE}|{_WHITE})"
    rf"|(?P<base>[{_BASE}])(?P<over>[{_UNSEEN}{_MARKS}]+)|(?P<unseen>(?<![{_UNSEEN}])[{_UNSEEN}]++(?=[0-9A-Za-z+(@]))"
)
_ONE: Final = re.compile(_PERCENT)
_MARK: Final = re.compile(f"[{_MARKS}]")
_AGAIN: Final = re.compile(
    rf"(?<=[0-9A-Za-z@])[{_ALIKE}]{{1,24}}+|[{_ALIKE}]{{1,24}}+(?=[0-9A-Za-z@])"
    rf"|(?<=[0-9A-Za-z])[{_WIDE_SIGNS}]|[{_WIDE_SIGNS}](?=[0-9A-Za-z])"
    rf"|(?<=[0-9A-Z)\uff09])[{_SPACES}{_DASHES}](?=[0-9(\uff08])|(?<=[0-9)\uff09])[{_SPACES}{_DASHES}](?=[0-9A-Z(\uff08])"
)


def _members(letters: str) -> list[str]:
    """Return the characters of a class, which holds single ones and ranges."""
    ranges = re.findall(r"(.)(?:-(.))?", letters, re.DOTALL)
    return [chr(code) for first, end in ranges for code in range(ord(first), ord(end or first) + 1)]


def _any(letters: str) -> str:
    """Return a pattern for one character of a class, as UTF-8 bytes."""
    out = []
    for head, group in groupby(sorted(char.encode() for char in _members(letters)), key=lambda raw: raw[:-1]):
        lasts = [raw[-1] for raw in group]
        whole = len(lasts) == lasts[-1] - lasts[0] + 1
        inside = f"\\x{lasts[0]:02x}-\\x{lasts[-1]:02x}" if whole else "".join(f"\\x{last:02x}" for last in lasts)
        out.append("".join(f"\\x{byte:02x}" for byte in head) + f"[{inside}]")
    return f"(?:{'|'.join(out)})"


@cache
def hidden() -> Rule:
    """Return the rule whose head matches wherever there may be something to unfold, and that finds nothing itself."""
    alike, unseen, marks, signs = _any(_ALIKE), _any(_UNSEEN), _any(_MARKS), _any(_WIDE_SIGNS)
    gap = _any(_SPACES + _DASHES)
    base = r"(?:[0-9A-Za-z@._+()/:-]|\xc3[\x80-\xbf]|[\xc4-\xc9][\x80-\xbf])"
    heads = (
        _any(_DIGITS + _LETTERS),
        rf"%(?:[2-7]{_HEX}|0[9AaDd]|[C-Fc-f]{_HEX}%)",
        _ENTITY,
        rf"{_CODE}|\\[nrt][0-9A-Z]|[0-9]\\[nrt]",
        rf"{base}(?:{unseen}|{marks})",
        rf"{unseen}[0-9A-Za-z+(@]",
        rf"[0-9A-Za-z@]{alike}|{alike}[0-9A-Za-z@]",
        rf"[0-9A-Za-z]{signs}|{signs}[0-9A-Za-z]",
        rf"[0-9A-Z)]{gap}[0-9A-Z(]|{signs}{gap}|{gap}{signs}",
        # \b too: a search that begins behind white space does not see it.
        rf"(?:\A|\b|[^A-Za-z0-9+_-]){_LETTERS_BEGIN}",
    )
    return Rule("hidden", "", r"[^\x00-\xff]", 1.0, "", (), head="|".join(heads))


class _Piece(NamedTuple):
    """A character of a reading, or none, and where the original has it. A span that ends behind it ends at `stop`."""

    start: int
    end: int
    stop: int
    char: str


class Reading:
    """A plain text and where the original has it.

    >>> reading = read("tel %2B49&nbsp;30")
    >>> reading.text, reading.span(4, 7)
    ('tel +49 30', (4, 9))
    """

    __slots__ = ("_at", "_byte", "_char", "_data", "_starts", "_stops", "original", "shift", "text")

    def __init__(self, original: str, text: str, at: list[int], starts: list[int], stops: list[int]) -> None:
        self.original = original
        self.text = text
        self.shift = 0  # where the original begins in a longer text
        self._at, self._starts, self._stops = at, starts, stops
        self._data = b""
        self._byte = self._char = 0

    def encoded(self) -> bytes:
        """Return the text in UTF-8; `candidate` takes places in it."""
        if not self._data:
            self._data = self.text.encode("utf-8", "surrogatepass")
        return self._data

    def char_of(self, byte: int) -> int:
        """Return which character begins at a byte. Quick where it is asked of places near each other."""
        data = self.encoded()
        if len(data) == len(self.text):
            return byte
        if byte >= self._byte:
            self._char += len(data[self._byte : byte].decode("utf-8", "surrogatepass"))
        else:
            self._char -= len(data[byte : self._byte].decode("utf-8", "surrogatepass"))
        self._byte = byte
        return self._char

    def start(self, place: int) -> int:
        """Return where the original has a character."""
        at = bisect_right(self._at, place) - 1
        return self._starts[at] + place - self._at[at]

    def span(self, first: int, end: int) -> tuple[int, int]:
        """Return where the original has a run of characters."""
        at = bisect_right(self._at, end) - 1
        return self.start(first), self._stops[at] if self._at[at] == end else self._starts[at] + end - self._at[at]

    def differs(self, first: int, end: int) -> bool:
        """Tell whether the original reads otherwise between two places."""
        start, stop = self.span(first, end)
        return self.original[start:stop] != self.text[first:end]

    def left(self, place: int) -> int:
        """Return how far left of a place its context begins."""
        lowest = self.start(place) - CONTEXT_CHARS
        first = max(0, place - CONTEXT_CHARS)
        while first < place and self.start(first) < lowest:
            first += 1
        return first

    def candidate(self, data: bytes, start: int, end: int) -> Candidate:
        """Return a candidate whose left side is what stands near it in the original."""
        place = self.char_of(start)
        return Candidate(data, start, end, self.text[self.left(place) : place].lower())


def read(text: str) -> Reading:
    """Return the reading of a whole text."""
    pieces: list[str] = []
    at, starts, stops = [0], [0], [0]
    size = last = 0
    for unit in _UNIT.finditer(text):
        for piece in _unfolded(unit):
            pieces.append(text[last : piece.start])
            size += piece.start - last + len(piece.char)
            pieces.append(piece.char)
            last = piece.end
            if at[-1] == size:
                starts[-1] = piece.end
            else:
                at.append(size)
                starts.append(piece.end)
                stops.append(piece.stop)
    pieces.append(text[last:])
    plain = "".join(pieces)
    if not plain.isascii():
        plain = _AGAIN.sub(_plain_signs, plain.translate(_table()))
    return Reading(text, plain, at, starts, stops)


@cache
def _table() -> dict[int, str]:
    digits = {ord(zero) + value: str(value) for zero in _ZEROS for value in range(10)}
    letters = {ord(char): unicodedata.normalize("NFKC", char) for char in _members(_LETTERS)}
    # Some code points among the mathematical letters are not assigned.
    return digits | {code: letter for code, letter in letters.items() if letter.isascii()}


def _plain_signs(match: re.Match[str]) -> str:
    return "".join(_plain_sign(char) for char in match[0])


def _plain_sign(char: str) -> str:
    if char in _LOOK_ALIKES:
        return _LOOK_ALIKES[char]
    if "\uff01" <= char <= "\uff5e":
        return chr(ord(char) - 0xFEE0)
    return " " if char.isspace() else "-"


def _unfolded(unit: re.Match[str]) -> Iterator[_Piece]:
    """Yield the characters that a unit stands for; nothing where it stands for itself."""
    kind = unit.lastgroup
    first, end = unit.span()
    if unit["percent"]:
        for one in _ONE.finditer(unit["percent"]):
            char = bytes.fromhex(one[0].replace("%", "")).decode("utf-8", "ignore")
            if len(char) == 1:
                yield _Piece(first + one.start(), first + one.end(), first + one.end(), char)
        place = unit.end("percent")
        for offset, char in enumerate(unit["plus"] or ""):
            if char == "+":
                yield _Piece(place + offset, place + offset + 1, place + offset + 1, " ")
    elif kind == "over":
        seen = "".join(_MARK.findall(unit["over"]))
        char = unicodedata.normalize("NFC", unit["base"] + seen)[:1] if seen else unit["base"]
        yield _Piece(first, end, end if seen else first + 1, char)
    elif kind == "unseen":
        yield _Piece(first, end, first, "")
    else:
        code = _entity(unit[0][1:-1]) if kind == "entity" else _escape(unit[0][1:])
        if code is not None:
            yield _Piece(first, end, end, code)


def _entity(name: str) -> str | None:
    if name[0] != "#":
        return _NAMED[name]
    return _character(int("0" + name[1:], 16 if name[1] in "xX" else 10))


def _escape(code: str) -> str | None:
    white = {"n": "\n", "r": "\r", "t": "\t"}.get(code)
    return white or _character(int(code[1:].strip("{}"), 16))


def _character(code: int) -> str | None:
    return chr(code) if 0 < code <= 0x10FFFF and code not in _SURROGATES else None


def readings(data: bytes, search: Callable[[bytes, int], int]) -> Iterator[Reading]:
    """Yield the readings of the parts of a text, in UTF-8, where there is something to unfold, in order.

    `search` returns the first place at or after another where `hidden` matches, -1 if there is none.
    """
    place, last, count = search(data, 0), 0, 0
    while place >= 0:
        first = max(data.rfind(white, last, max(last, place - _REACH_BYTES)) for white in (b" ", b"\n")) + 1
        first = max(first, last)
        end = _gap(data, place)
        while 0 <= (place := search(data, place + _STEP_BYTES)) < end + _REACH_BYTES:
            # White space that is known to lie behind need not be looked for again.
            if place + _REACH_BYTES + _STEP_BYTES > end:
                end = max(end, _gap(data, place))
        part = data[first:end].decode("utf-8", "surrogatepass")
        count += len(data[last:first].decode("utf-8", "surrogatepass"))
        reading = read(part)
        reading.shift = count
        yield reading
        count += len(part)
        last = end


def _gap(data: bytes, place: int) -> int:
    """Return where a part may end: at white space, further right than any pattern reaches from a skipped place."""
    ends = [data.find(white, place + _REACH_BYTES + _STEP_BYTES) for white in (b" ", b"\n")]
    return min((end for end in ends if end >= 0), default=len(data))


class Opened(NamedTuple):
    """A base64 run and the text inside."""

    start: int
    end: int
    text: str


def opened(text: str) -> Iterator[Opened]:
    """Yield what the base64 runs of a text hold, where that is text.

    >>> [(run.start, run.end, run.text) for run in opened("id=amFuZUBleGFtcGxlLmNvbQ==")]
    [(3, 27, 'jane@example.com')]
    """
    for letters, runs in zip(("+/", "-_"), _RUNS, strict=True):
        for run in runs.finditer(text):
            # A run without the two last letters is the same in both alphabets.
            if len(run[0]) < 16 or not _OPENS.match(run[0]) or (letters == "-_" and _same(text, run)):
                continue
            inside = _decoded(run[0][:_OPENED_CHARS].rstrip("="), letters)
            if inside and not _UNPRINTABLE.search(inside):
                yield Opened(*run.span(), inside)


def _same(text: str, run: re.Match[str]) -> bool:
    first, end = run.span()
    return not (
        "-" in run[0] or "_" in run[0] or text[first - 1 : first] in {"/", "+"} or text[end : end + 1] in {"/", "+"}
    )


def _decoded(run: str, letters: str) -> str:
    size = len(run) // 4 * 4 if len(run) % 4 == 1 else len(run)
    try:
        raw = base64.b64decode(run[:size] + "=" * (-size % 4), altchars=letters.encode(), validate=True)
    except (binascii.Error, ValueError):
        return ""
    # A line of a longer text may begin or end inside a character.
    raw = raw.lstrip(bytes(range(0x80, 0xC0))) if raw[3:4] < b"\x80" else raw
    for cut in range(4):
        try:
            return raw[: len(raw) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
    return ""
