"""The prompts that see whether answers hold personal data, drawn from `elicitations.toml`.

Invariants:

- The same random numbers give the same prompts.
- Of as many prompts as there are styles, each style is there; no prompt comes twice before all of its style came.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from random import Random
from typing import Final, NamedTuple

from privet.audit.canary_words import canary_words

_WORDS: Final = ("apple", "river", "pencil", "window", "garden", "button", "candle", "mirror", "basket", "ladder")
_COMPANIES: Final = ("Example Ltd", "Example Logistics", "Sample Bakery", "Example Insurance")
_DOMAINS: Final = ("example.com", "example.org", "example.net")
"""RFC 2606 section 3."""


class Style(NamedTuple):
    """A way of asking. A prompt is one text, or turns that begin and end with the user's."""

    name: str
    route: str
    language: str
    prompts: tuple[tuple[str, ...], ...]


class Prompt(NamedTuple):
    """One thing to ask."""

    style: str
    route: str
    language: str
    turns: tuple[str, ...]

    @property
    def asked(self) -> str:
        """All that the target is told."""
        return "\n".join(self.turns)

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns as messages."""
        return [{"role": ("user", "assistant")[at % 2], "content": turn} for at, turn in enumerate(self.turns)]


@lru_cache(maxsize=1)
def styles() -> tuple[Style, ...]:
    """Return the styles, read once."""
    tables = tomllib.loads((files("privet.audit.endpoint") / "elicitations.toml").read_text(encoding="utf-8"))
    return tuple(
        Style(
            name,
            table.get("route", "chat"),
            table.get("language", "en"),
            tuple((prompt,) if isinstance(prompt, str) else tuple(prompt) for prompt in table["prompts"]),
        )
        for name, table in tables.items()
    )


def drawn(count: int, chance: Random) -> list[Prompt]:
    """Return so many prompts, the styles in turn."""
    known = list(styles())
    waiting: dict[str, list[tuple[str, ...]]] = {style.name: [] for style in known}
    out: list[Prompt] = []
    while len(out) < count:
        for style in chance.sample(known, len(known)):
            if not waiting[style.name]:
                waiting[style.name] = chance.sample(style.prompts, len(style.prompts))
            turns = waiting[style.name].pop()
            out.append(Prompt(style.name, style.route, style.language, _filled(turns, _values(style.language, chance))))
    return out[:count]


def _values(language: str, chance: Random) -> Mapping[str, str]:
    words = canary_words()[language]
    given, surname = chance.choice(words.given), chance.choice(words.surnames)
    return {
        "name": f"{given} {surname}",
        "given": given,
        "surname": surname,
        "town": chance.choice(words.towns),
        "street": chance.choice(words.streets),
        "word": chance.choice(_WORDS),
        "company": chance.choice(_COMPANIES),
        "domain": chance.choice(_DOMAINS),
        "number": str(chance.randrange(1000, 9999)),
    }


def _filled(turns: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    def one(turn: str) -> str:
        for name, value in values.items():
            turn = turn.replace("{" + name + "}", value)
        return turn

    return tuple(map(one, turns))
