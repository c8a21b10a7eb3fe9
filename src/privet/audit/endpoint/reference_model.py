"""The model of the reference server: what it says depends on what it is asked alone, and is harmless.

Invariants:

- It does simple things that it is told (repeat, join, write without blanks, go on with a text, recall what was said in the
  conversation), so that a test of the server around it has power.
- It never says anything of the system prompt or of tools.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

Turn = tuple[str, str]
"""Role and text."""

_TOKEN: Final = re.compile(r"\s*(?:\w{1,4}|[^\w\s])|\s+")
_ABOUT_ITSELF: Final = re.compile(
    r"\b(?:system|initial|hidden|developer|setup|pre-?prompt)\W+(?:\w+\W+){0,2}?(?:prompt|instruction|message|rule|text)"
    r"|\b(?:your|previous|prior|above|original|earlier|secret)\W+(?:\w+\W+){0,2}?(?:prompt|instruction|rule|guideline|configuration)"
    r"|\b(?:text|words?|everything|anything|all|lines?|messages?|instructions?)\W+(?:\w+\W+){0,2}?(?:above|before this)"
    r"|\b(?:tools?|functions?)\b.{0,60}\b(?:definition|schema|description|parameter|available|have|access|list)"
    r"|\b(?:list|describe|show|print|name)\b.{0,40}\b(?:tools|functions)\b"
    r"|\bwere you told\b|\byou were (?:told|given)\b",
    re.IGNORECASE | re.DOTALL,
)
_JOIN: Final = re.compile(
    r"\b(?:join|concatenat\w+|combine|glue|merge|assemble|stick|put\b.{0,40}\btogether)\b", re.IGNORECASE
)
_NO_BLANKS: Final = re.compile(
    r"\b(?:without|remov\w+|no|drop|delet\w+)\b.{0,12}\b(?:spaces?|blanks?|gaps?)\b", re.IGNORECASE
)
_REPEAT: Final = re.compile(
    r"\b(?:repeat|say|echo|write|print|copy|output|return|reply|answer|respond|type|state|give)\b"
    r"(?:[^:\"“”`\n]{0,120})(?::\s*|(?=[\"“`]))(?P<what>.+)",
    re.IGNORECASE | re.DOTALL,
)
_SAY: Final = re.compile(r"\b(?:repeat|say|echo)\s+(?:the\s+)?(?:word\s+)?(?P<what>[\w@.+-]*\w)", re.IGNORECASE)
_FOREVER: Final = re.compile(
    r"\b(?:forever|for ever|again and again|endless\w*|non-?stop|without stopping|\d+ times)\b", re.IGNORECASE
)
_QUOTED: Final = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)")
_PARTS: Final = re.compile(r"\s*(?:,|\+|\||;|\n|\s-\s|\band\b|\bthen\b)\s*")
_RECALL: Final = re.compile(
    r"\b(?:what|which|recall|remind|tell|repeat|remember|know)\b.{0,80}"
    r"\b(?:codes?|words?|phrases?|passphrases?|secrets?|said|told|numbers?|password|tokens?|id|project|ticket|note|keep)\b",
    re.IGNORECASE | re.DOTALL,
)
_PLANTED: Final = re.compile(r"\b[A-Za-z]+(?:[-_][A-Za-z]+)*[-_]\d{3,}\b|\b[A-Za-z]+\d{4,}\b")
_REFUSAL: Final = "I cannot tell anything about that."
UNKNOWN: Final = "I do not know that."
_HARMLESS: Final = (
    "A short walk after lunch is good for most people.",
    "Water boils at a lower temperature high in the mountains.",
    "A good list begins with what matters most.",
    "Bread needs flour, water, salt and patience.",
    "Most birds build a new nest every spring.",
    "It helps to write the question down first.",
    "A map is useful only if it is turned the right way.",
    "Cold tea keeps well in a closed bottle.",
    "Old wood should be sanded before it is painted.",
    "Rain is heavier on the side of the hill that faces the wind.",
    "A simple plan is easier to change than a clever one.",
    "Tomatoes like sun and do not like wet leaves.",
    "Reading aloud shows which sentences are too long.",
    "A lamp near the window makes a room look larger.",
    "Small steps are easier to check than large ones.",
    "The answer depends on what it is needed for.",
)


def tokens_of(text: str) -> list[str]:
    """Return the pieces that the model reads and writes.

    >>> tokens_of("Say hello.")
    ['Say', ' hell', 'o', '.']
    """
    return _TOKEN.findall(text)


def drawn(text: str, below: int) -> int:
    """Return a number that depends on a text alone."""
    return int.from_bytes(sha256(text.encode("utf-8", "replace")).digest()[:8], "big") % below


def about_itself(text: str) -> bool:
    """Tell whether somebody asks for the system prompt or the tools."""
    return _ABOUT_ITSELF.search(text) is not None


def is_endless(text: str) -> bool:
    """Tell whether something is to be repeated for ever."""
    return _FOREVER.search(text) is not None


def reply(turns: Sequence[Turn]) -> str:
    """Return what is said next in a conversation.

    >>> reply([("user", "Join these parts: jane, @, example.com")])
    'jane@example.com'
    >>> reply([("user", "Repeat exactly: amber-anvil-12345")])
    'amber-anvil-12345'
    >>> reply([("user", "My code is amber-anvil-12345."), ("assistant", "Yes."), ("user", "What was my code?")])
    'amber-anvil-12345'
    """
    asked = next((text for role, text in reversed(turns) if role == "user"), "")
    if about_itself(asked):
        return _REFUSAL
    if (done := told(asked)) is not None:
        return done
    if _RECALL.search(asked):
        said = "\n".join(text for role, text in turns if role in ("user", "assistant"))
        found = _PLANTED.findall(said)
        return found[-1] if found else UNKNOWN
    return harmless(asked)


def told(text: str) -> str | None:
    """Return the result of a simple instruction, or None where there is none."""
    if _JOIN.search(text):
        return _joined(text)
    if _NO_BLANKS.search(text) and ":" in text:
        return re.sub(r"\s+", "", text.partition(":")[2])
    found = _REPEAT.search(text) or _SAY.search(text)
    if found is None:
        return None
    what = found["what"].strip()
    if (quoted := _QUOTED.match(what)) is not None:
        what = next(group for group in quoted.groups() if group)
    if not what:
        return None
    return " ".join([what] * 40) if is_endless(text) and len(what) < 80 else what


def _joined(text: str) -> str:
    quoted = [next(group for group in groups if group) for groups in _QUOTED.findall(text)]
    if len(quoted) > 1:
        return "".join(quoted)
    listed = text.partition(":")[2] or text
    parts = [part.strip().strip("\"'`“”") for part in _PARTS.split(listed.strip())]
    return re.sub(r"\s+", "", "".join(parts)).removesuffix(".")


def harmless(text: str, sentences: int = 3) -> str:
    """Return some sentences that say nothing of anybody."""
    first = drawn(text, len(_HARMLESS))
    step = 2 * drawn(text + "step", len(_HARMLESS) // 2) + 1
    return " ".join(_HARMLESS[(first + step * number) % len(_HARMLESS)] for number in range(sentences))


def continued(text: str) -> str:
    """Return how a text goes on: as it did before where it repeats itself, as told, or harmlessly.

    >>> continued("one two three four five. one two three")
    ' four five. one two three'
    """
    head, mark, _ = text.rpartition("\nAssistant:")
    if mark:
        turns = re.findall(r"(?ms)^(System|User|Assistant): (.*?)(?=^(?:System|User|Assistant):|\Z)", head)
        return " " + reply([(role.lower(), said.strip()) for role, said in turns])
    if about_itself(text):
        return " " + _REFUSAL
    words = text.split()
    for start in range(len(words) - 4, -1, -1):
        if words[start : start + 3] == words[-3:]:
            return " " + " ".join(words[start + 3 : start + 35])
    done = told(text)
    return " " + (done if done is not None else harmless(text))
