r"""A pattern as people write it, over characters → the same pattern over UTF-8 bytes, as rules need it.

Invariants:

- What comes out is read alike by RE2 and by `re`: no look-around, no back reference, no anchor but `\b`.
- The longest match is known and bounded.
- `\d`, `\w`, `\s` and `\b` are those of RE2: ASCII. A letter of another script is written as itself or in a class.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence

# The standard library's own parser: what it reads is what `re` means, without a second parser of ours.
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

Ranges = list[tuple[int, int]]

_LAST: Final = 0x10FFFF
_DIGITS: Final = [(0x30, 0x39)]
_WORDS: Final = [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]
_SPACES: Final = [(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)]
_CUTS: Final = [
    *[(0x09, 0x0D), (0x20, 0x20), (0x3000, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)],
    (0xFF66, 0xFF9D),
]
"""Characters at which a stream may be cut: see `segments`."""
_BYTE_STEPS: Final = (0x7F, 0x7FF, 0xFFFF, _LAST)
_MAX_FOLDED: Final = 2000


class NotPortable(ValueError):
    """The pattern uses something that rules cannot have; the message says what, and holds no part of the pattern."""


class Portable(NamedTuple):
    """A pattern over bytes, its shortest match, its longest in bytes, its groups, and whether a stream may be cut inside."""

    pattern: str
    min_bytes: int
    max_bytes: int
    groups: int
    crosses: bool


def portable(pattern: str) -> Portable:
    r"""Return a pattern over UTF-8 bytes that matches what `pattern` matches.

    >>> portable("Z[üu]rich").pattern
    'Z(?:u|\\xc3\\xbc)rich'

    Raises:
        NotPortable: it does not parse, has no bound, or uses what RE2 or streams do not know.

    """
    try:
        with warnings.catch_warnings():
            # "[[:alpha:]]" and the like mean one thing here and another there.
            warnings.simplefilter("error")
            tree = _parser.parse(pattern)
    except (re.error, Warning, OverflowError, RecursionError) as error:
        raise NotPortable("it is no regular expression that RE2 and Python read alike") from error
    if tree.state.flags & ~(re.IGNORECASE | re.DOTALL | re.UNICODE):
        raise NotPortable("of the flags, only (?i) and (?s) can be used")
    written = _Writer()
    out = written.sequence(tree, tree.state.flags)
    low, high = _parser.parse(out.encode("ascii")).getwidth()
    return Portable(out, low, high, tree.state.groups - 1, written.crosses)


def words_pattern(words: Iterable[str], *, case: bool) -> Portable:
    """Return a pattern that matches any of these words, the longest first; white space in a word is any white space."""
    written = _Writer()
    flags = 0 if case else re.IGNORECASE
    parts = []
    for word in sorted(words, key=lambda word: (-len(word), word)):
        body = "".join(
            written.chars([*_SPACES, (0xA0, 0xA0)], 0) + "{1,4}" if char == " " else written.literal(ord(char), flags)
            for char in " ".join(word.split())
        )
        parts.append(body)
    out = "(?:" + "|".join(parts) + ")"
    low, high = _parser.parse(out.encode("ascii")).getwidth()
    return Portable(out, low, high, 0, written.crosses)


class _Writer:
    """Writes the tree of the standard library's parser as a pattern over bytes."""

    def __init__(self) -> None:
        self.crosses = False

    def sequence(self, items: Iterable[tuple[Any, Any]], flags: int) -> str:
        return "".join(self._item(code, value, flags) for code, value in items)

    def _item(self, code: Any, value: Any, flags: int) -> str:
        if code in {op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN}:
            return self._one(code, value, flags)
        if code is op.BRANCH:
            return "(?:" + "|".join(self.sequence(each, flags) for each in value[1]) + ")"
        if code is op.SUBPATTERN:
            group, more, fewer, body = value
            return ("(?:" if group is None else "(") + self.sequence(body, (flags | more) & ~fewer) + ")"
        if code in {op.MAX_REPEAT, op.MIN_REPEAT}:
            low, high, body = value
            if high is op.MAXREPEAT:
                raise NotPortable("*, + and {n,} have no end: write {1,40} or the like")
            return f"(?:{self.sequence(body, flags)}){{{low},{high}}}{'?' * (code is op.MIN_REPEAT)}"
        if code is not op.AT:
            raise NotPortable("RE2 has no look-around, back reference, atomic group or possessive repeat")
        if value is not op.AT_BOUNDARY:
            raise NotPortable(r"^, $ and \B mean nothing in a stream; \b is the edge of a word")
        return r"\b"

    def _one(self, code: Any, value: Any, flags: int) -> str:
        """Write one character, or a class of them."""
        if code is op.LITERAL:
            return self.literal(value, flags)
        if code is op.NOT_LITERAL:
            return self.chars(_without(_folded([(value, value)], flags)), 0)
        if code is op.ANY:
            return self.chars([(0, _LAST)] if flags & re.DOTALL else _without([(0x0A, 0x0A)]), 0)
        return self.chars(_class(value, flags), 0)

    def literal(self, char: int, flags: int) -> str:
        return self.chars([(char, char)], flags)

    def chars(self, ranges: Ranges, flags: int) -> str:
        """Write a set of characters."""
        ranges = _merged(_folded(ranges, flags))
        if not ranges:
            raise NotPortable("a class of it is empty")
        self.crosses |= any(first <= high and low <= last for first, last in ranges for low, high in _CUTS)
        if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
            return "".join(map(_byte, chr(ranges[0][0]).encode("utf-8", "surrogatepass")))
        plain = [(first, min(last, 0x7F)) for first, last in ranges if first <= 0x7F]
        parts = [_byte_class(plain)] if plain else []
        parts += [sequence for first, last in ranges for sequence in _sequences(max(first, 0x80), last)]
        return parts[0] if len(parts) == 1 else "(?:" + "|".join(parts) + ")"


def _class(items: Sequence[tuple[Any, Any]], flags: int) -> Ranges:
    ranges: Ranges = []
    negated = False
    for code, value in items:
        if code is op.NEGATE:
            negated = True
        elif code is op.LITERAL:
            ranges.append((value, value))
        elif code is op.RANGE:
            ranges.append(value)
        else:
            ranges += _CATEGORIES[value]
    ranges = _folded(ranges, flags)
    return _without(ranges) if negated else ranges


def _folded(ranges: Ranges, flags: int) -> Ranges:
    """Return the characters with their other cases, where case does not count."""
    if not flags & re.IGNORECASE:
        return ranges
    out = list(ranges)
    for first, last in ranges:
        if last - first < _MAX_FOLDED:
            for char in map(chr, range(first, last + 1)):
                out += [(ord(other), ord(other)) for other in (char.lower(), char.upper()) if len(other) == 1]
    return out


def _merged(ranges: Ranges) -> Ranges:
    out: Ranges = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(last, out[-1][1]))
        else:
            out.append((first, last))
    return out


def _without(ranges: Ranges) -> Ranges:
    """Return all characters but these."""
    out: Ranges = []
    position = 0
    for first, last in _merged(ranges):
        if first > position:
            out.append((position, first - 1))
        position = last + 1
    return [*out, (position, _LAST)] if position <= _LAST else out


_CATEGORIES: Final = {
    op.CATEGORY_DIGIT: _DIGITS,
    op.CATEGORY_NOT_DIGIT: _without(_DIGITS),
    op.CATEGORY_WORD: _WORDS,
    op.CATEGORY_NOT_WORD: _without(_WORDS),
    op.CATEGORY_SPACE: _SPACES,
    op.CATEGORY_NOT_SPACE: _without(_SPACES),
}


def _byte(value: int) -> str:
    return chr(value) if chr(value).isalnum() and value < 0x80 else f"\\x{value:02x}"


def _byte_class(ranges: Ranges) -> str:
    return (
        ("[" + "".join(_byte(first) + (f"-{_byte(last)}" if last > first else "") for first, last in ranges) + "]")
        if ranges != [(ranges[0][0],) * 2]
        else _byte(ranges[0][0])
    )


def _sequences(first: int, last: int) -> list[str]:
    """Return patterns for a range of characters beyond ASCII, one for each row of bytes that differs in every place alone."""
    if first > last:
        return []
    for step in _BYTE_STEPS:
        if first <= step < last:
            return [*_sequences(first, step), *_sequences(step + 1, last)]
    for shift in (6, 12, 18):
        block = (1 << shift) - 1
        if (first & ~block) != (last & ~block):
            if first & block:
                return [*_sequences(first, first | block), *_sequences((first | block) + 1, last)]
            if last & block != block:
                return [*_sequences(first, (last & ~block) - 1), *_sequences(last & ~block, last)]
    low = chr(first).encode("utf-8", "surrogatepass")
    high = chr(last).encode("utf-8", "surrogatepass")
    return ["".join(_byte_class([pair]) for pair in zip(low, high, strict=True))]
