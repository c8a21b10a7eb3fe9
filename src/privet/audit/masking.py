"""Names of files and columns as they may be shown: what identifies somebody in them is replaced by its kind."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from privet.audit.counting import Counting
from privet.detect.engine import Detector

_SEPARATORS: Final = re.compile(r"[_\-+./\\!]")


class Masking:
    """Masks names; keeps what it saw, since the same names come again and again."""

    def __init__(self, detector: Detector, counting: Counting) -> None:
        self._detector = detector
        self._counting = counting
        self.masked = lru_cache(maxsize=4096)(self._masked)

    def _masked(self, name: str) -> str:
        """Return a name without identifiers."""
        out, last = "", 0
        for start, end, kind in self._found(name):
            if start >= last:
                out += f"{name[last:start]}[{kind}]"
                last = end
        return out + name[last:]

    def holds(self, name: str) -> bool:
        """Tell whether a name holds an identifier."""
        return bool(self._found(name))

    def _found(self, name: str) -> list[tuple[int, int, str]]:
        """Look at a name as it is, and as words: people write `Jane_Doe-cv.pdf`."""
        found: set[tuple[int, int, str]] = set()
        words = _SEPARATORS.sub(" ", name)
        # Without its suffix too: in `jane@example.com.txt` that hides an address.
        for text in (name, name.rpartition(".")[0], words):
            for hit in self._counting.hits(text, self._detector.find(text)):
                start, end, rule = hit.span.start, hit.span.end, hit.span.rule
                # What the names model takes for a number, or a word for a name, is mostly a part or a place: train-00001, paris.
                is_named = rule == "names-person" and " " in words[start:end].strip()
                if is_named or (text is not words and not rule.startswith("names-")):
                    found.add((start, end, hit.kind))
        return sorted(found)
