"""What a pickle describes, without running it: plain values, and notes of calls and of things outside.

Invariants:

- A value is walked once however often it is referred to, so sharing cannot make work explode.
- A value that holds itself, or is nested too deep, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from privet.metadata.job import CannotClean

REFUSAL: Final = "a pickle can hold anything and run code: save it as safetensors or Parquet"
_DEEPEST: Final = 200


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a function or class."""

    module: str
    name: str


@dataclass(slots=True)
class Call:
    """A call that a reader would make, with the items and the state that are set on its result."""

    function: Global
    arguments: Any
    items: list[tuple[Any, Any]] = field(default_factory=list)
    state: Any = None


@dataclass(slots=True)
class Outside:
    """A reference to something outside the pickle: a tensor's storage."""

    identity: Any


_PLAIN: Final = frozenset((str, int, float, bool, type(None)))


def inside(value: Any) -> list[Any]:
    """Return what a value holds directly."""
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, Call):
        items = [part for pair in value.items for part in pair]
        return [value.function, value.arguments, *items, *([] if value.state is None else [value.state])]
    return [value.identity] if isinstance(value, Outside) else []


def parts(value: Any) -> Iterator[Any]:
    """Yield a value and all in it that is no text, number or nothing, each once.

    Raises:
        CannotClean: nested too deep, or a value that holds itself.

    """
    done: set[int] = set()
    is_open: set[int] = set()
    stack: list[tuple[Any, bool]] = [(value, False)]
    while stack:
        current, is_left = stack.pop()
        key = id(current)
        if is_left:
            is_open.discard(key)
            continue
        if key in is_open:
            raise CannotClean(REFUSAL)
        if key in done:
            continue
        done.add(key)
        yield current
        held = [part for part in inside(current) if type(part) not in _PLAIN]
        if held:
            is_open.add(key)
            if len(is_open) > _DEEPEST:
                raise CannotClean("nested too deep")
            stack.append((current, True))
            stack += ((part, False) for part in held)
