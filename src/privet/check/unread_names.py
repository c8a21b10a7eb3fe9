"""A variable with the address of a model of one's own, under a name that the client does not read any more: it asks the makers then.

Sources: openai/_client.py of python package openai 3.57.0 reads OPENAI_BASE_URL; OPENAI_API_BASE was read up to 0.28
(https://github.com/openai/openai-python/issues/745).

Invariants: told only where a client is made without an address, and nothing that was not read has the other name; a variable that
another file sets now is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.rules import BY_ID
from privet.check.weakness import Weakness

_RULE: Final = "openai-address-unread"
_READ: Final = "OPENAI_BASE_URL"
_UNREAD: Final = "OPENAI_API_BASE"
_CLIENTS: Final = ("openai.OpenAI", "openai.AsyncOpenAI")
_BARE: Final = ("OpenAI()", "OpenAI(api_key=os", "OpenAI(timeout=", "OpenAI(max_retries=")
"""How a client without an address is written, in files that were not read."""
_HOSTED: Final = "api.openai.com"


def weaker(
    base: Sequence[Unit], head: Sequence[Unit], pairs: dict[int, int], is_used: Callable[[str], bool]
) -> Iterator[Weakness]:
    """Yield the environments of the new side that gave an address of one's own, and now give it under a name that nobody reads.

    Args:
        base: the units before.
        head: the units after.
        pairs: the unit before of each unit after.
        is_used: tells whether a word stands in files that were not read, because they did not change.

    """
    given = [number for number, old in pairs.items() if _own_address(base[old])]
    renamed = [(number, fact) for number in given if (fact := _renamed(head[number])) is not None]
    if not renamed or any(fact.name == _READ for unit in head for fact in unit.facts):
        return
    if _is_made_bare(head, is_used) and not is_used(_UNREAD):
        for number, fact in renamed:
            yield Weakness(BY_ID[_RULE], fact.path, fact.start, fact.end, head[number].name, setting=fact.name)


def _own_address(unit: Unit) -> bool:
    return any(
        fact.space is Space.ENV and fact.name == _READ and fact.value and _HOSTED not in fact.value
        for fact in unit.facts
    )


def _renamed(unit: Unit) -> Fact | None:
    return next((fact for fact in unit.facts if fact.space is Space.ENV and fact.name == _UNREAD and fact.value), None)


def _is_made_bare(head: Sequence[Unit], is_used: Callable[[str], bool]) -> bool:
    """Tell whether a client is made that is told no address."""
    return any(_is_bare(unit) for unit in head) or any(map(is_used, _BARE))


def _is_bare(unit: Unit) -> bool:
    if unit.kind is not UnitKind.CALL:
        return False
    names = {fact.name for fact in unit.facts}
    return any(
        f"{client}()" in names and names.isdisjoint((f"{client}(base_url)", f"{client}(**)")) for client in _CLIENTS
    )
