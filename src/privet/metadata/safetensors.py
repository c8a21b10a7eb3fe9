"""safetensors without `__metadata__`: the header is written anew, tensors stay byte for byte.

Invariants:

- Of `__metadata__` only `format` stays, and only as one of the frameworks' names.
- Tensors keep their order and bytes; what lies between or behind them is not written.
- Tensor names are texts; two that become the same get a number.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any, BinaryIO, Final, NamedTuple

from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.pieces import Pieces, size_of

_HEADER_MAX: Final = 100 * MIB
"""the limit of the format's own reader"""
_BITS: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
_FRAMEWORKS: Final = frozenset({"pt", "tf", "np", "flax", "mlx", "paddle", "jax", "numpy"})


class _Tensor(NamedTuple):
    name: str
    dtype: str
    shape: list[int]
    start: int
    end: int


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the file with a header of names, types, shapes and places only."""
    size = size_of(source)
    length = struct.unpack("<Q", source.read(8))[0] if size >= 8 else 0
    if not 2 <= length <= min(_HEADER_MAX, size - 8):
        raise CannotClean("truncated: the header is longer than the file")
    header = _header(source.read(length))
    metadata = header.pop("__metadata__", None)
    data = 8 + length
    tensors = [_tensor(name, entry, size - data) for name, entry in header.items()]
    kept = _framework(metadata, job)
    out = Pieces()
    for tensor in _in_order(tensors):
        out.keep(data + tensor.start, data + tensor.end)
    job.dropped("hidden bytes", int(size - data != out.length))
    target.write(_written(tensors, distinct(job.rewrite([tensor.name for tensor in tensors], "tensor name")), kept))
    out.write(source, target)


def distinct(names: list[str]) -> list[str]:
    """Return the names with a number behind those that stood before.

    >>> distinct(["a", "b", "a"])
    ['a', 'b', 'a_2']
    """
    taken = set(names)
    seen: set[str] = set()
    counts: dict[str, int] = {}
    out = []
    for name in names:
        new = name
        if new in seen:
            count = counts.get(name, 1)
            while new in taken:
                count += 1
                new = f"{name}_{count}"
            counts[name] = count
            taken.add(new)
        seen.add(new)
        out.append(new)
    return out


def _header(raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise CannotClean("damaged: the header is not JSON") from error
    if not isinstance(header, dict):
        raise CannotClean("damaged: the header is not an object")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CannotClean("damaged: the header names a tensor twice")
    return found


def _tensor(name: str, entry: Any, available: int) -> _Tensor:
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape, place = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise CannotClean("a tensor has an unknown type")
    if not _whole(shape) or not _whole(place) or len(place) != 2 or len(shape) > 64:
        raise CannotClean("damaged: a tensor has no shape or place")
    start, end = place
    if not start <= end <= available or max(shape, default=0) > 2**62:
        raise CannotClean("truncated: a tensor lies outside the file")
    if (end - start) * 8 != math.prod(shape) * _BITS[dtype]:
        raise CannotClean("damaged: a tensor is not as long as its shape")
    return _Tensor(name, dtype, shape, start, end)


def _whole(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _in_order(tensors: list[_Tensor]) -> list[_Tensor]:
    ordered = sorted(tensors, key=lambda tensor: (tensor.start, tensor.end))
    last = 0
    for tensor in ordered:
        if tensor.start < last and tensor.end > tensor.start:
            raise CannotClean("damaged: tensors overlap")
        last = max(last, tensor.end)
    return ordered


def _framework(metadata: Any, job: Job) -> dict[str, str]:
    if metadata is None:
        return {}
    found = metadata.get("format") if isinstance(metadata, dict) else None
    kept = {"format": found} if isinstance(found, str) and found in _FRAMEWORKS else {}
    job.dropped("metadata", len(metadata) - len(kept) if isinstance(metadata, dict) else 1)
    return kept


def _written(tensors: list[_Tensor], names: list[str], kept: dict[str, str]) -> bytes:
    places = {}
    at = 0
    for tensor in _in_order(tensors):
        places[tensor.name] = at
        at += tensor.end - tensor.start
    header: dict[str, Any] = {"__metadata__": kept} if kept else {}
    for tensor, name in zip(tensors, names, strict=True):
        start = places[tensor.name]
        end = start + tensor.end - tensor.start
        if name == "__metadata__":
            raise CannotClean("damaged: a tensor is named like the metadata")
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [start, end]}
    raw = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw
