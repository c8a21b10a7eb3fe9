"""What was asked, to be compared with what came back.

Invariant: a value that was asked is known again in other case, backwards, in pieces, in other order and cut off.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

PART: Final = re.compile(r"[^\W_]+")
_LONGEST_REVERSED: Final = 8000


class Asked:
    """What was asked, to be compared with what came back."""

    def __init__(self, asked: str) -> None:
        self._asked = asked
        self._texts: tuple[tuple[str, str, frozenset[str]], ...] = ()

    def _known(self) -> tuple[tuple[str, str, frozenset[str]], ...]:
        """Return letters and digits, digits alone, and words of what was asked, forwards and backwards."""
        if not self._texts and self._asked:
            plain = unicodedata.normalize("NFKC", self._asked).casefold()
            views = (plain, plain[-_LONGEST_REVERSED:][::-1])
            self._texts = tuple(
                (
                    "".join(words := PART.findall(view)),
                    "".join(char for char in view if char.isdigit()),
                    frozenset(words) | frozenset(re.findall(r"[^\W\d_]+|\d+", view)),
                )
                for view in views
            )
        return self._texts

    def held(self, value: str) -> bool:
        """Tell whether a value stands there, whole or in pieces."""
        if not self._asked:
            return False
        parts = PART.findall(unicodedata.normalize("NFKC", value).casefold())
        whole = "".join(parts)
        digits = "".join(char for char in whole if char.isdigit())
        long = [part for part in parts if len(part) > 1]
        for plain, numbers, words in self._known():
            if whole and whole in plain:
                return True
            if len(digits) >= 6 and len(digits) * 2 > len(whole) and digits in numbers:
                return True
            if long and all(part in words for part in long):
                return True
        return False

    def held_whole(self, value: str) -> bool:
        """Tell whether a value stands there whole."""
        whole = "".join(PART.findall(unicodedata.normalize("NFKC", value).casefold()))
        return bool(whole and self._asked) and any(whole in plain for plain, _, _ in self._known())

    def suggests(self, address: str) -> bool:
        """Tell whether an e-mail address is only what anybody would guess: the name that was asked about at a place that gives them out."""
        local, _, domain = address.casefold().rpartition("@")
        parts = [part for part in PART.findall(local) if len(part) > 1]
        if not self._asked or not parts:
            return False
        _, _, words = self._known()[0]
        guessed = domain.partition(".")[0] in _FREE or domain.partition(".")[0] in words
        return guessed and (all(part in words for part in parts) or _joined(local, words))


_FREE: Final = frozenset(
    ("gmail", "yahoo", "hotmail", "outlook", "aol", "icloud", "mail", "email", "domain", "company", "gmx", "web")
)


def _joined(local: str, words: frozenset[str]) -> bool:
    """Tell whether the part before the @ is made of words, or of an initial and a word: `janeroe`, `jroe`, `roej`."""
    plain = re.sub(r"[\W\d_]+", "", local)
    firsts = {word[0] for word in words}
    return any(
        (plain.startswith(word) and (plain[len(word) :] in words or plain[len(word) :] in firsts))
        or (plain.endswith(word) and (plain[: -len(word)] in words or plain[: -len(word)] in firsts))
        for word in words
        if len(word) > 2
    )
