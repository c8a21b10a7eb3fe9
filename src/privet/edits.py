"""Characters of a text that give way to others: by whom they are said is another's business.

Invariants:

- Edits of one text are sorted and do not overlap; everything outside them stays as it is.
- What is made of a text in pieces is what is made of it as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Edit(NamedTuple):
    """Characters `start` to `end` (code points, half open) of a text give way to `text`."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with its edits made."""
    pieces: list[str] = []
    last = 0
    for start, end, new in edits:
        pieces += (text[last:start], new)
        last = end
    return "".join((*pieces, text[last:])) if pieces else text


def across(runs: Sequence[str], edits: Iterable[Edit]) -> list[str]:
    """Return the pieces of a text with the edits of the joined text made.

    What is new stands in the piece in which its edit starts; the rest of what gives way is taken out of the pieces after it.
    """
    out: list[list[str]] = [[] for _ in runs]
    waiting = list(edits)
    at = 0
    place = 0
    for index, run in enumerate(runs):
        start, end = place, place + len(run)
        last = start
        while at < len(waiting) and waiting[at].start < end:
            edit = waiting[at]
            out[index].append(run[last - start : max(edit.start, last) - start])
            if edit.start >= start:
                out[index].append(edit.text)
            last = min(edit.end, end)
            if edit.end > end:
                break
            at += 1
        out[index].append(run[last - start :])
        place = end
    return ["".join(pieces) for pieces in out]


def combined(first: list[Edit], between: str, second: list[Edit]) -> list[Edit]:
    """Return the edits that do at once what two lists do one after the other; `between` is the text that the first ones make.

    The second ones may lie across, beside and inside what the first ones wrote; all that overlap become one.
    """
    if not first or not second:
        return first or second
    # Both as stretches of `between`: of a first edit its own text, of a second one what gives way.
    wrote: list[tuple[int, int, Edit]] = []
    shift = 0
    for edit in first:
        place = edit.start + shift
        wrote.append((place, place + len(edit.text), edit))
        shift += len(edit.text) - (edit.end - edit.start)
    stretches = sorted(
        [(low, high, 0, index) for index, (low, high, _) in enumerate(wrote)]
        + [(edit.start, edit.end, 1, index) for index, edit in enumerate(second)]
    )
    out: list[Edit] = []
    shift = 0  # how much longer `between` is than the text before, left of the group
    at = 0
    while at < len(stretches):
        low, high = stretches[at][:2]
        until = at + 1
        while until < len(stretches) and stretches[until][0] < high:
            high = max(high, stretches[until][1])
            until += 1
        group = stretches[at:until]
        later = [second[index] for _, _, is_second, index in group if is_second]
        grown = sum(
            high - low - (wrote[index][2].end - wrote[index][2].start) for low, high, two, index in group if not two
        )
        moved = [Edit(start - low, end - low, new) for start, end, new in later]
        out.append(Edit(low - shift, high - shift - grown, edited(between[low:high], moved)))
        shift += grown
        at = until
    return out
