"""Signs of a system prompt that the server itself tells its model, in answers to requests that had none.

Invariants:

- A text counts where it reads like an order to a model and comes word for word in answers to different questions for it, but in none to a
  question of every day; a refusal does neither.
- A field counts by its name, out of a fixed list, and only with a text that was not sent.
- What comes with the template of a model is public and does not count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from privet.audit.endpoint.places import HEADER, OTHER, parts
from privet.audit.endpoint.reply import Reply

_FIELDS: Final = re.compile(
    r"(?i)\A(?:x-)?(?:[a-z]+[-_])?(?:system|system[-_]?(?:prompt|message|instructions?)|instructions|preamble|prompt"
    r"|developer[-_]?(?:prompt|message)?)\Z"
)
_PROMPT: Final = re.compile(r"(?i)(?:x-)?prompt\Z")
_FEWEST_WORDS: Final = 4
_FEWEST_CHARS: Final = 30
_ORDERS: Final = re.compile(
    r"(?i)\byou are (?:an?|the|to|now)\b|\byou are (?-i:[A-Z])\w+[,.]"
    r"|\byou(?:r (?:task|job|role|name) is| must| should (?:never|always)| will (?:never|always))"
    r"|\b(?:never|do not|don't|must not) (?:reveal|disclose|share|tell|mention|discuss|give)\b|\bconfidential\b|\binternal (?:use|code)\b"
    r"|\b(?:du bist|sie sind) ein|\btu es un|\beres un|\bsystem prompt\s*[:=]|\bmy (?:instructions|system prompt|rules) (?:are|is|say)\b"
)
_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?]?")
_REFUSES: Final = re.compile(
    r"(?i)\b(?:i (?:can(?:no|')?t|am (?:not able|unable)|won't|will not|do not|don't)|i'm (?:sorry|not able|unable)|sorry|as an ai"
    r"|cannot (?:share|reveal|provide))"
)
_WORD: Final = re.compile(r"\w+")
_CANARY: Final = re.compile(r"(?i)\b[a-z]+-[a-z]+-\d{5}\b")


def fields_of(reply: Reply, sent: str) -> list[str]:
    """Return the places of an answer where a field of such a name holds a text that nobody sent."""
    found = set()
    for part in parts(reply):
        leaf = part.field.rpartition(".")[2]
        if part.place not in (HEADER, OTHER) or not _FIELDS.match(leaf):
            continue
        # A prompt as it was given to the model holds what was sent, and may hold more.
        new = [
            text for text in _sentences(part.text) if len(text.split()) >= _FEWEST_WORDS and not _is_from(text, sent)
        ]
        if any(_ORDERS.search(text) or not _PROMPT.match(leaf) for text in new):
            found.add(part.place)
    return sorted(found)


def said_in_common(asked: Sequence[tuple[str, str]], plain: Sequence[str], known: Sequence[str]) -> list[bool]:
    """Tell for each answer whether it gives a text that reads like a system prompt and comes in another answer too.

    `asked` are what was sent, all of it, and what was said; `plain` what was said to questions of every day.
    """
    public = [" ".join(text.split()).casefold() for text in known]
    every_day = " ".join(" ".join(text.split()).casefold() for text in plain)
    orders = [
        {text for text in _orders(said, public) if text not in every_day and not _is_from(text, sent)}
        for sent, said in asked
    ]
    counts = Counter(text for own in orders for text in own)
    return [any(counts[text] > 1 for text in own) for own in orders]


def _is_from(text: str, sent: str) -> bool:
    """Tell whether most words of a text were sent, with this request or, where it holds a canary, with another."""
    if _CANARY.search(text):
        return True
    known = set(_WORD.findall(sent.casefold()))
    words = _WORD.findall(text)
    return sum(word in known for word in words) * 2 > len(words)


def _orders(said: str, public: Sequence[str]) -> set[str]:
    """Return the sentences of an answer that read like orders to a model, in small letters."""
    found = set()
    for sentence in _sentences(said):
        small = sentence.casefold()
        if len(small) >= _FEWEST_CHARS and _ORDERS.search(sentence) and not _REFUSES.search(sentence):
            rest = small
            for text in public:
                rest = rest.replace(text, "")
            if len(rest.strip(" .,:")) >= _FEWEST_CHARS // 2:
                found.add(small)
    return found


def _sentences(text: str) -> Iterator[str]:
    for match in _SENTENCE.finditer(text):
        yield " ".join(match[0].split()).strip("\"'`*> ")
