"""Pickles read opcode by opcode, without a way to run anything.

Invariants:

- A global is a name and a call is a note of a call; nothing is imported, built or called.
- Only plain values and the calls by which PyTorch rebuilds tensors are known; any other makes the file unfit.
"""

from __future__ import annotations

import pickletools
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from privet.metadata.job import CannotClean
from privet.metadata.pickle_values import REFUSAL, Call, Global, Outside, parts

_DAMAGED: Final = "damaged: not a whole pickle"
_STORAGE: Final = re.compile(
    r"(?:Double|Float|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|Complex(?:Float|Double))Storage"
)
_DTYPE: Final = re.compile(r"(?:float|bfloat|int|uint|complex|bool|quint|qint)[0-9a-z_]{0,16}")
_CALLS: Final = frozenset((
    ("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor_v3"),
    ("torch._utils", "_rebuild_parameter"), ("torch", "Size"), ("builtins", "set"), ("__builtin__", "set"),
    ("builtins", "frozenset"), ("__builtin__", "frozenset"),
))  # fmt: skip


class _Mark:
    __slots__ = ()


def read(content: bytes) -> tuple[Any, int]:
    """Return what a pickle describes, as plain values, `Call`, `Global` and `Outside`, and where it ends.

    Raises:
        CannotClean: damaged, or it holds more than plain values and tensors.

    """
    machine = _Machine(_Memory())
    end = 0
    try:
        for opcode, argument, place in pickletools.genops(content):
            if opcode.name == "STOP":
                end = (place or 0) + 1
                break
            machine.step(opcode.name, argument)
        value = machine.stack.pop()
    except (ValueError, IndexError, TypeError, KeyError, struct.error, UnicodeError, OverflowError) as error:
        raise CannotClean(_DAMAGED) from error
    if machine.stack or not end:
        raise CannotClean(_DAMAGED)
    for part in parts(value):
        _check(part)
    return value, end


@dataclass(slots=True)
class _Memory:
    items: dict[int, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Machine:
    """The stack machine of pickles, without a way to run anything."""

    memory: _Memory
    stack: list[Any] = field(default_factory=list)

    def step(self, name: str, argument: Any) -> None:
        if name in _IGNORED:
            return
        if name in _LITERALS:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _STEPS:
            _STEPS[name](self, argument)
        else:
            raise CannotClean(REFUSAL)

    def from_mark(self) -> list[Any]:
        at = len(self.stack) - 1
        while not isinstance(self.stack[at], _Mark):
            at -= 1
            if at < 0:
                raise CannotClean(_DAMAGED)
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def take(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise CannotClean(_DAMAGED)
        found = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return found

    def remember(self, argument: int | None) -> None:
        self.memory.items[len(self.memory.items) if argument is None else argument] = self.stack[-1]

    def push_global(self, found: str) -> None:
        module, _, name = found.partition(" ")
        self.stack.append(Global(module, name))

    def stack_global(self) -> None:
        module, name = self.take(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise CannotClean(_DAMAGED)
        self.stack.append(Global(module, name))

    def call(self) -> None:
        function, arguments = self.take(2)
        if (
            not isinstance(function, Global)
            or (function.module, function.name) not in _CALLS
            or not isinstance(arguments, tuple)
        ):
            raise CannotClean(REFUSAL)
        self.stack.append(Call(function, arguments))

    def set_items(self, found: list[Any]) -> None:
        pairs = list(zip(found[::2], found[1::2], strict=True))
        holder = self.stack[-1]
        if isinstance(holder, dict):
            for key, value in pairs:
                holder[_key(key)] = value
        elif isinstance(holder, Call) and holder.function.name == "OrderedDict":
            holder.items += ((_key(key), value) for key, value in pairs)
        else:
            raise CannotClean(REFUSAL)

    def append(self, found: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise CannotClean(REFUSAL)
        self.stack[-1].extend(found)

    def add_items(self, found: list[Any]) -> None:
        if not isinstance(self.stack[-1], set):
            raise CannotClean(REFUSAL)
        self.stack[-1].update(_key(item) for item in found)

    def build(self) -> None:
        (state,) = self.take(1)
        holder = self.stack[-1]
        if not isinstance(holder, Call) or holder.function.name != "OrderedDict" or not _is_versions(state):
            raise CannotClean(REFUSAL)
        holder.state = state


_IGNORED: Final = frozenset({"PROTO", "FRAME"})
_LITERALS: Final = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE",
    "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING",
))  # fmt: skip
_CONSTANTS: Final[dict[str, Callable[[], Any]]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "EMPTY_LIST": list, "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple, "EMPTY_SET": set, "MARK": _Mark,
}  # fmt: skip
_STEPS: Final[dict[str, Callable[[_Machine, Any], Any]]] = {
    "POP": lambda m, _: m.take(1),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "POP_MARK": lambda m, _: m.from_mark(),
    "LIST": lambda m, _: m.stack.append(m.from_mark()),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.from_mark())),
    "TUPLE1": lambda m, _: m.stack.append(m.take(1)),
    "TUPLE2": lambda m, _: m.stack.append(m.take(2)),
    "TUPLE3": lambda m, _: m.stack.append(m.take(3)),
    "DICT": lambda m, _: _dict(m),
    "FROZENSET": lambda m, _: m.stack.append(frozenset(_key(item) for item in m.from_mark())),
    "APPEND": lambda m, _: m.append(list(m.take(1))),
    "APPENDS": lambda m, _: m.append(m.from_mark()),
    "SETITEM": lambda m, _: m.set_items(list(m.take(2))),
    "SETITEMS": lambda m, _: m.set_items(m.from_mark()),
    "ADDITEMS": lambda m, _: m.add_items(m.from_mark()),
    "PUT": lambda m, at: m.remember(at),
    "BINPUT": lambda m, at: m.remember(at),
    "LONG_BINPUT": lambda m, at: m.remember(at),
    "MEMOIZE": lambda m, _: m.remember(None),
    "GET": lambda m, at: m.stack.append(m.memory.items[at]),
    "BINGET": lambda m, at: m.stack.append(m.memory.items[at]),
    "LONG_BINGET": lambda m, at: m.stack.append(m.memory.items[at]),
    "GLOBAL": lambda m, found: m.push_global(found),
    "STACK_GLOBAL": lambda m, _: m.stack_global(),
    "REDUCE": lambda m, _: m.call(),
    "BUILD": lambda m, _: m.build(),
    "BINPERSID": lambda m, _: m.stack.append(Outside(m.take(1)[0])),
}


def _dict(machine: _Machine) -> None:
    found = machine.from_mark()
    machine.stack.append({})
    machine.set_items(found)


def _key(value: Any, depth: int = 0) -> Any:
    """Check that a value can be a key, and return it."""
    if isinstance(value, tuple) and depth < 8:
        for item in value:
            _key(item, depth + 1)
    elif value is not None and not isinstance(value, (str, int, float, bool, frozenset)):
        raise CannotClean(REFUSAL)
    return value


def _is_versions(state: Any) -> bool:
    """Say whether this is what `state_dict` hangs on its result: versions of layers."""
    if not isinstance(state, dict) or set(state) != {"_metadata"}:
        return False
    found = state["_metadata"]
    pairs = found.items if isinstance(found, Call) else list(found.items()) if isinstance(found, dict) else None
    return pairs is not None and all(
        isinstance(name, str)
        and isinstance(value, dict)
        and all(isinstance(key, str) and isinstance(number, (int, type(None))) for key, number in value.items())
        for name, value in pairs
    )


def _check(value: Any) -> None:
    if isinstance(value, Global):
        known = (value.module, value.name) in _CALLS
        storage = value.module == "torch" and (_STORAGE.fullmatch(value.name) or _DTYPE.fullmatch(value.name))
        if not (known or storage or (value.module, value.name) == ("torch.storage", "UntypedStorage")):
            raise CannotClean(REFUSAL)
    elif isinstance(value, _Mark):
        raise CannotClean(_DAMAGED)
