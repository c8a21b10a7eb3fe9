"""The language of a text, by its little words: as much as the audit needs to know which canaries to plant."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

LANGUAGES: Final = ("en", "de", "es", "fr", "it", "nl", "pl", "pt")
OTHER: Final = "other"
"""Too little text to tell, or a language in Latin letters that is none of `LANGUAGES`: canaries of all languages are planted."""
UNMEASURED: Final = "unmeasured"
"""Mostly letters of another script: the canaries say nothing about it."""

_LITTLE: Final = {
    "en": "the of and to in is that it was for on with as be at by this had not are but from or have an they which you were their has will"
    " when we than then there been would could about into over out up if so can all any each under near most long for after before send"
    " please write said",
    "de": "der die und das ist nicht ein eine zu den von mit sich des auf für dem im auch es an werden aus er hat dass sie nach wird bei",
    "es": "el la de que y en los se del las un por con una su para es al lo como más pero sus le ya este sí porque esta muy sin",
    "fr": "le la les de et des en un une du est que pour qui dans par sur au plus pas avec ce il sont aux ne se ou mais cette leur",
    "it": "il di che la e un in per una del non sono della con le si da gli i al alla nel anche come più dei delle ha lo ma",
    "nl": "de het een van en in is dat op te zijn voor met niet aan er om ook als dan bij of uit door naar maar hij ze wordt wij",
    "pl": "i w na z do się nie że jest to o jak po za od co przez dla tym są był ale oraz tego jego być może także lub przy",
    "pt": "o a de que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou",
}
LITTLE_WORDS: Final = frozenset(word for words in _LITTLE.values() for word in words.split()) | {
    "l",
    "d",
    "la",
    "le",
    "der",
    "das",
    "sur",
    "auf",
}
"""Words that are part of no name by themselves."""
_WORD: Final = re.compile(r"[^\W\d_]+")
_LOOKED_AT: Final = 2000
_MIN_HITS: Final = 1.5
_AHEAD: Final = 1.3


@lru_cache(maxsize=1)
def _weights() -> dict[str, list[tuple[str, float]]]:
    """Return which languages a little word speaks for; one that several have speaks less for each."""
    held: dict[str, list[str]] = {}
    for name, words in _LITTLE.items():
        for word in words.split():
            held.setdefault(word, []).append(name)
    return {word: [(name, 1 / len(names)) for name in names] for word, names in held.items()}


def language_of(text: str) -> str:
    """Return one of `LANGUAGES`, `OTHER` or `UNMEASURED`.

    >>> language_of("Der Baum wächst auf der Wiese und ist nicht hoch"), language_of("x = 3")
    ('de', 'other')
    """
    words = _WORD.findall(text[:_LOOKED_AT].lower())
    if not words:
        return OTHER
    foreign = sum(not _is_latin(word[0]) for word in words)
    if foreign * 2 > len(words):
        return UNMEASURED
    scores = dict.fromkeys(LANGUAGES, 0.0)
    known = _weights()
    for word in words:
        for name, weight in known.get(word, ()):
            scores[name] += weight
    second, best = sorted(LANGUAGES, key=scores.__getitem__)[-2:]
    return best if scores[best] >= max(_MIN_HITS, _AHEAD * scores[second]) else OTHER


@lru_cache(maxsize=4096)
def _is_latin(char: str) -> bool:
    return char.isascii() or unicodedata.name(char, "").startswith("LATIN")
