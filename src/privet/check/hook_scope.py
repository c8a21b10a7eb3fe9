"""Which files a pre-commit hook looks at: a hook that stays, and passes by what it looked at before, is weaker.

Source: pre-commit.com, "Filtering files with types" and "Regular expressions": a file counts where `files` is found in its path and
`exclude` is not, of the hook and of the whole configuration.

Invariant: an expression that cannot be read, or that a hook brings itself, says nothing; only files that are there are asked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from privet.check.facts import Fact, Unit, UnitKind
from privet.check.pattern import automaton, regex
from privet.check.rules import BY_ID
from privet.check.secret_files import is_looked_at
from privet.check.weakness import Weakness

FILES: Final = "code:hook-files"
EXCLUDE: Final = "code:hook-exclude"
_OF_NOTEBOOKS: Final = regex(r"nbstripout|clear-?output|nb-?clean|notebook|nbdev", re.IGNORECASE)
_SPACED: Final = regex(r"\(\?x\)")
_BLANK: Final = regex(r"\\\s|\s+(?:#[^\n]*)?")


def narrower(
    base: Sequence[Unit], head: Sequence[Unit], pairs: Mapping[int, int], paths: Collection[str]
) -> Iterator[Weakness]:
    """Yield the hooks that pass by a file which they looked at before."""
    for number, old in pairs.items():
        unit, before = head[number], base[old]
        if unit.kind is UnitKind.GUARD and _scope(unit) != _scope(before):
            counts = _is_notebook if _OF_NOTEBOOKS.search(unit.name) else is_looked_at
            if any(_looks(before, path) and not _looks(unit, path) for path in paths if counts(path)):
                fact = next((fact for fact in unit.facts if fact.name in {FILES, EXCLUDE}), None)
                start, end = (fact.start, fact.end) if fact else (unit.start, unit.end)
                yield Weakness(BY_ID[unit.guard], unit.path, start, end, unit.name)


def _is_notebook(path: str) -> bool:
    return path.endswith(".ipynb")


def _scope(unit: Unit) -> frozenset[tuple[str, str | None]]:
    return frozenset((fact.name, fact.value) for fact in unit.facts if fact.name in {FILES, EXCLUDE})


def _looks(unit: Unit, path: str) -> bool:
    return all(_is_in(fact, path) for fact in unit.facts if fact.name in {FILES, EXCLUDE})


def _is_in(fact: Fact, path: str) -> bool:
    found = _compiled(fact.value or "")
    if found is None:
        return True
    return (found.search(path.encode(errors="surrogateescape")) is not None) == (fact.name == FILES)


@lru_cache(maxsize=64)
def _compiled(text: str) -> Any:
    """Return an expression, None for one that RE2 does not know: another one may take for ever."""
    if _SPACED.match(text):
        text = _BLANK.sub(lambda found: found[0] if found[0].startswith("\\") else "", text.removeprefix("(?x)"))
    import re2

    try:
        return automaton(text)
    except re2.error:
        return None
