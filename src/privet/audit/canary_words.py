"""Words of the canaries, from `canary_words.toml`: names, streets, towns and sentences in eight languages."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple


class Words(NamedTuple):
    """What canaries of one language are made of."""

    country: str
    given: tuple[str, ...]
    surnames: tuple[str, ...]
    endings: tuple[str, ...]
    titles: tuple[str, ...]
    streets: tuple[str, ...]
    towns: tuple[str, ...]
    addresses: tuple[str, ...]
    phones: tuple[str, ...]
    people: tuple[str, ...]
    reach: tuple[str, ...]
    numbers: tuple[str, ...]
    ids: tuple[str, ...]
    births: tuple[str, ...]
    passports: tuple[str, ...]


_LISTS: Final = ("given", "surnames", "endings", "titles")


@lru_cache(maxsize=1)
def canary_words() -> dict[str, Words]:
    """Return the words of each language, read once."""
    tables = tomllib.loads((files("privet.audit") / "canary_words.toml").read_text(encoding="utf-8"))
    return {name: _words(table) for name, table in tables.items()}


def _words(table: dict[str, str | list[str]]) -> Words:
    country = str(table.pop("country"))
    # In a list of words, a name of two words is written with an underscore.
    lists = {name: tuple(word.replace("_", " ") for word in str(table.pop(name)).split()) for name in _LISTS}
    return Words(country=country, **lists, **{name: tuple(value) for name, value in table.items()})
