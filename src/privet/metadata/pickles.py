"""Pickles that hold plain values or tensors, read without running them and written anew; all others are refused.

Invariants:

- Nothing is unpickled.
- What is written comes from the values that the result refers to: texts that were deleted or never used are gone.
- Texts, keys and names of tensors included, are rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.local_paths import reduced
from privet.metadata.pickle_reader import read
from privet.metadata.pickle_values import REFUSAL, Call, Outside, inside, parts
from privet.metadata.pickle_writer import write
from privet.metadata.pieces import size_of

_OLD_TORCH: Final = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
"""the number that torch.save wrote first before it wrote zip archives"""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a pickle of plain values."""
    size = size_of(source)
    if size > job.limits.max_record_bytes:
        raise CannotClean(REFUSAL)
    rest = source.read()
    if rest.startswith(_OLD_TORCH):
        raise CannotClean("an old PyTorch file: save it as safetensors")
    # A file may hold several, one behind the other.
    while True:
        value, end = read(rest)
        if any(isinstance(part, Outside) for part in parts(value)):
            raise CannotClean(REFUSAL)
        target.write(write(rewritten(value, job)))
        rest = rest[end:]
        if rest[:1] != b"\x80":
            break
    job.dropped("hidden bytes", int(bool(rest)))


def rewritten(value: Any, job: Job) -> Any:
    """Return the value with the texts in it rewritten; names of calls and of storages stay."""
    texts: dict[str, str] = {}
    for part in _shown(value):
        texts.setdefault(part, "")
    short = [reduced(text) for text in texts]
    job.dropped("local path", sum(new != old for new, old in zip(short, texts, strict=True)))
    new = dict(zip(texts, job.rewrite(short, "value"), strict=True))
    return _Rewriting(new).of(value)


def _shown(value: Any) -> Iterator[str]:
    hidden = {id(part.identity) for part in parts(value) if isinstance(part, Outside)}
    for part in parts(value):
        if id(part) in hidden or isinstance(part, Outside):
            continue
        for held in inside(part) or ([part] if part is value else []):
            if isinstance(held, str):
                yield held


@dataclass(slots=True)
class _Rewriting:
    new: dict[str, str]
    done: dict[int, Any] = field(default_factory=dict)
    alive: list[Any] = field(default_factory=list)

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.new.get(value, value)
        if not inside(value) or isinstance(value, Outside):
            return value
        if id(value) not in self.done:
            self.done[id(value)] = self._built(value)
            self.alive.append(value)
        return self.done[id(value)]

    def _built(self, value: Any) -> Any:
        if isinstance(value, dict):
            return dict(self._pairs(list(value.items())))
        if isinstance(value, Call):
            return Call(value.function, self.of(value.arguments), self._pairs(value.items), self.of(value.state))
        return type(value)([self.of(item) for item in value])

    def _pairs(self, pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        """Return the pairs; keys that become the same get a number."""
        out: dict[Any, Any] = {}
        for key, value in pairs:
            new, count = self.of(key), 1
            while new in out and isinstance(new, str):
                count += 1
                new = f"{self.of(key)}_{count}"
            out[new] = self.of(value)
        return list(out.items())
