"""Pickles written from what `pickle_values` describes.

Invariants:

- The bytes depend on the value only: protocol 2, as PyTorch writes, texts and containers once however often they are referred to.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from privet.metadata.pickle_values import Call, Global, Outside


def write(value: Any) -> bytes:
    """Return a pickle of protocol 2, as PyTorch writes it, that depends on the value only."""
    writer = _Writer()
    writer.save(value)
    return b"\x80\x02" + b"".join(writer.out) + b"."


@dataclass(slots=True)
class _Writer:
    out: list[bytes] = field(default_factory=list)
    memo: dict[Any, int] = field(default_factory=dict)
    alive: list[Any] = field(default_factory=list)
    """what was made while writing: an object that is gone gives its id to the next"""

    def save(self, value: Any) -> None:
        key = (type(value), value) if isinstance(value, (str, Global)) else id(value)
        if key in self.memo:
            at = self.memo[key]
            self.out.append(b"h" + bytes((at,)) if at < 256 else b"j" + struct.pack("<I", at))
            return
        if value is None or isinstance(value, bool):
            self.out.append({None: b"N", True: b"\x88", False: b"\x89"}[value])
        elif isinstance(value, int):
            self.out.append(_integer(value))
        elif isinstance(value, float):
            self.out.append(b"G" + struct.pack(">d", value))
        elif isinstance(value, Outside):
            self.save(value.identity)
            self.out.append(b"Q")
        else:
            self.bulk(value, key)

    def remember(self, key: Any) -> None:
        at = self.memo[key] = len(self.memo)
        self.out.append(b"q" + bytes((at,)) if at < 256 else b"r" + struct.pack("<I", at))

    def bulk(self, value: Any, key: Any) -> None:
        if isinstance(value, str):
            raw = value.encode("utf-8", "surrogatepass")
            self.out.append(b"X" + struct.pack("<I", len(raw)) + raw)
            self.remember(key)
        elif isinstance(value, Global):
            self.out.append(f"c{value.module}\n{value.name}\n".encode())
            self.remember(key)
        elif isinstance(value, tuple):
            self.out.append(b"(")
            for item in value:
                self.save(item)
            self.out.append(b"t")
            self.remember(key)
        elif isinstance(value, (set, frozenset)):
            # Protocol 2 has no sets of its own.
            name = "set" if isinstance(value, set) else "frozenset"
            items = sorted(value, key=lambda item: (str(type(item)), str(item)))
            call = Call(Global("__builtin__", name), (items,))
            self.alive.append(call)
            self.call(call, key)
        elif isinstance(value, Call):
            self.call(value, key)
        elif isinstance(value, list):
            self.out.append(b"]")
            self.remember(key)
            self.out.append(b"(")
            for item in value:
                self.save(item)
            self.out.append(b"e")
        else:
            self.out.append(b"}")
            self.remember(key)
            self.pairs(list(value.items()))

    def pairs(self, pairs: list[tuple[Any, Any]]) -> None:
        self.out.append(b"(")
        for name, item in pairs:
            self.save(name)
            self.save(item)
        self.out.append(b"u")

    def call(self, value: Call, key: Any) -> None:
        self.save(value.function)
        self.save(value.arguments)
        self.out.append(b"R")
        self.remember(key)
        if value.items:
            self.pairs(value.items)
        if value.state is not None:
            self.save(value.state)
            self.out.append(b"b")


def _integer(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes((value,))
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    if len(raw) > 255:
        return b"\x8b" + struct.pack("<i", len(raw)) + raw
    return b"\x8a" + bytes((len(raw),)) + raw
