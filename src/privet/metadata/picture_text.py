"""Words read in a picture, and which of them give way.

Invariants:

- what is asked about is the text of the whole picture, line by line, so that a name is seen in its sentence
- a word is covered whole as soon as one of its characters gives way
- what reading gets wrong must not save an identifier: a letter that looks like a digit, a space that is none and a number that was
  read with doubt are looked at once more as what they may have been; that only adds words to cover
- nothing here keeps or shows a text: what comes out are places
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from privet.edits import Edit

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]
"""the corners of a word or a face in pixels, in order around it"""
EditsOf = Callable[[Sequence[str]], "list[list[Edit]]"]
"""texts → the edits of each"""

# What readers take for a digit: O, o, D, Q for 0; l, I, | for 1; and so on.
_LOOKALIKES: Final = str.maketrans("OoDQlI|!ZzSsBGg", "000011112255869")
_DIGITISH: Final = re.compile(r"[0-9OoDQlI|!ZzSsBGg().+/:-]*\d[0-9OoDQlI|!ZzSsBGg().+/:-]*", re.ASCII)
_NUMBER: Final = re.compile(r"[+(]?[\d().,/:-]+", re.ASCII)
# Numbers with check digits by their shape alone, as one character read wrongly makes the digits wrong.
_SHAPES: Final = re.compile(
    r"(?<![^\W_])(?:"
    r"[A-Z]{2}[0-9OQIl]{2}(?: ?[0-9A-Z]{2,6}){3,8}"  # IBAN
    r"|[3-6]\d{3}[ -]?(?:\d{4}[ -]?\d{4}[ -]?\d{3,5}|\d{6}[ -]?\d{5})"  # payment card
    r"|\d{3}-\d{2}-\d{4}"  # social security
    r")(?![^\W_])",
    re.ASCII,
)
_MIN_DIGITS: Final = 9
_JOINTS: Final = "@_:-/"
_DOUBTFUL: Final = 0.75


class Word(NamedTuple):
    """A word in a picture."""

    text: str
    corners: Corners
    certainty: float = 1.0
    """0 to 1, as its reader says"""
    before: str = " "
    """what stands between it and the word before it in its line: a space, nothing, or what may be an underscore"""

    def __repr__(self) -> str:
        return f"Word({len(self.text)} characters)"


Line = tuple[Word, ...]


def to_cover(lines: Sequence[Line], edits_of: EditsOf) -> list[Corners]:
    """Return where the words stand of which something gives way."""
    words = [word for line in lines for word in line]
    if not words:
        return []
    readings = dict.fromkeys((_as_read(lines), _with_digits(lines), _joined(lines)))
    marked: set[int] = set(_doubtful(lines))
    texts = [_text(reading) for reading in readings]
    for reading, text, edits in zip(readings, texts, edits_of(texts), strict=True):
        marked |= _touched(reading, edits) | _touched(reading, _shaped(text))
    return [words[index].corners for index in sorted(marked)]


_Reading = tuple[tuple[str, str], ...]
"""for each word what stands before it, and the word"""


def _as_read(lines: Sequence[Line]) -> _Reading:
    return tuple(
        ("\n" if at == 0 else word.before.replace("_", " "), word.text)
        for line in lines
        for at, word in enumerate(line)
    )


def _with_digits(lines: Sequence[Line]) -> _Reading:
    """Return the words with look-alikes of digits as digits, in words that are numbers for the greater part."""
    return tuple((before, _digits(text)) for before, text in _as_read(lines))


def _digits(text: str) -> str:
    if 2 * sum(char.isdigit() for char in text) < len(text) or not _DIGITISH.fullmatch(text):
        # A group of an IBAN may be letters and digits half and half.
        return text
    return text.translate(_LOOKALIKES)


def _joined(lines: Sequence[Line]) -> _Reading:
    """Return the words without spaces where an address or a number has none: beside @, an underscore, a colon, a dash."""
    out: list[tuple[str, str]] = []
    last = ""
    for line in lines:
        for at, word in enumerate(line):
            joint = word.text[:1] in _JOINTS or last[-1:] in _JOINTS
            joint = joint or ("@" in word.text + last and "." in word.text[:1] + last[-1:])
            out.append(("\n" if at == 0 else "" if word.before == " " and joint else word.before, word.text))
            last = word.text
    return tuple(out)


def _text(reading: _Reading) -> str:
    return "".join(before + text for before, text in reading).removeprefix("\n")


def _shaped(text: str) -> Iterator[Edit]:
    for found in _SHAPES.finditer(text):
        if sum(char.isdigit() for char in found[0]) >= _MIN_DIGITS:
            yield Edit(found.start(), found.end(), "")


def _touched(reading: _Reading, edits: Iterable[Edit]) -> set[int]:
    """Return the words that an edit touches."""
    out: set[int] = set()
    waiting = list(edits)
    first = 0
    # The first word has a line break before it, which is no part of the text.
    end = -1
    for index, (before, text) in enumerate(reading):
        start = end + len(before)
        end = start + len(text)
        while first < len(waiting) and waiting[first].end <= start:
            first += 1
        if first < len(waiting) and waiting[first].start < end:
            out.add(index)
    return out


def _doubtful(lines: Sequence[Line]) -> list[int]:
    """Return the words of long numbers that were read with doubt: their check digits say nothing."""
    out: list[int] = []
    at = 0
    for line in lines:
        run: list[int] = []
        for place in range(len(line) + 1):
            if place < len(line) and _NUMBER.fullmatch(line[place].text):
                run.append(place)
                continue
            digits = sum(char.isdigit() for number in run for char in line[number].text)
            if digits >= _MIN_DIGITS and min(line[number].certainty for number in run) < _DOUBTFUL:
                out += (at + number for number in run)
            run = []
        at += len(line)
    return out
