"""PyTorch checkpoints (.pt, .pth, .bin, .ckpt): the pickle read without running it, tensors copied, all else left out.

Invariants:

- Only storages that a tensor refers to are written, and of those only the part that a tensor shows: the rest is zeros.
- The folder inside, which carries the name the file once had, is "archive".
- A program (TorchScript) or a pickle that holds more than plain values and tensors is refused.

Source: torch/serialization.py `_save`, caffe2/serialize/inline_container.cc (storages are aligned to 64 bytes)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.pickle_reader import read
from privet.metadata.pickle_values import REFUSAL, Call, Global, Outside, parts
from privet.metadata.pickle_writer import write
from privet.metadata.pickles import rewritten
from privet.metadata.zip_members import Archive, Writer, member_info, open_zip, write_zip

_WIDTHS: Final = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1,
    "ComplexFloat": 8, "ComplexDouble": 16,
}  # fmt: skip
_DTYPES: Final = re.compile(r"(?:uint|int|float|bfloat|complex)(\d{1,3})(?:_[a-z0-9]+)?")
_PLACE: Final = re.compile(r"cpu|meta|mps|(?:cuda|xpu|npu|hpu|xla)(?::\d{1,3})?")
_ALIGNMENT: Final = 64
_REBUILDS: Final = frozenset({"_rebuild_tensor_v2", "_rebuild_tensor_v3"})


@dataclass(slots=True)
class _Storage:
    key: str
    size: int
    """bytes"""
    width: int
    shown: list[tuple[int, int]]
    """ranges of bytes that tensors show"""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the checkpoint with its tensors and plain values."""
    archive = open_zip(source, job)
    members = dict(archive.entries(job))
    root = next(
        (name.removesuffix("data.pkl") for name in members if name.count("/") == 1 and name.endswith("/data.pkl")), ""
    )
    if not root or any(name.startswith((root + "code/", root + "constants")) for name in members):
        raise CannotClean("a TorchScript program: save the weights as safetensors")
    pickled = archive.read(members[root + "data.pkl"], job.limits.max_record_bytes)
    if pickled is None:
        raise CannotClean(REFUSAL)
    value, _ = read(pickled)
    storages = _storages(value)
    order = archive.read(members[root + "byteorder"], 16) if root + "byteorder" in members else b"little"
    if order not in {b"little", b"big"}:
        raise CannotClean("damaged: the byte order is unknown")
    writer = write_zip(target)
    writer.add("archive/data.pkl", write(rewritten(value, job)), packed=False)
    writer.add("archive/byteorder", order, packed=False)
    for storage in storages.values():
        entry = members.pop(f"{root}data/{storage.key}", None)
        if entry is None or entry.file_size < storage.size:
            raise CannotClean("truncated: a tensor is missing")
        _align(writer, archive, storage, entry, target)
    writer.add("archive/version", b"3\n", packed=False)
    writer.file.close()
    known = ("data.pkl", "byteorder", "version", ".format_version", ".storage_alignment")
    job.dropped("unused member", sum(name.removeprefix(root) not in known for name in members))


def _align(writer: Writer, archive: Archive, storage: _Storage, entry: Any, target: BinaryIO) -> None:
    """Write a storage so that its bytes start at a multiple of 64, as PyTorch needs to map the file."""
    info = member_info(f"archive/data/{storage.key}")
    info.file_size = storage.size
    long_form = 20 if storage.size * 1.05 > 2**31 - 1 else 0
    start = target.tell() + 30 + len(info.filename) + long_form + 4
    pad = -start % _ALIGNMENT
    info.extra = b"FB" + pad.to_bytes(2, "little") + b"Z" * pad
    with writer.file.open(info, "w") as member:
        for block in _shown(archive.blocks(entry), storage):
            member.write(block)


def _shown(blocks: Iterator[bytes], storage: _Storage) -> Iterator[bytes]:
    """Yield the bytes of a storage, with zeros where no tensor looks."""
    ranges = _merged(storage.shown)
    at = 0
    for block in blocks:
        end = min(at + len(block), storage.size)
        if end <= at:
            break
        out = bytearray(end - at)
        for first, last in ranges:
            if first < end and last > at:
                low, high = max(first, at) - at, min(last, end) - at
                out[low:high] = block[low:high]
        yield bytes(out)
        at = end
        # Ranges behind are not looked at again: many views of one storage stay linear.
        ranges = [pair for pair in ranges if pair[1] > at]
    if at < storage.size:
        raise CannotClean("truncated: a tensor is missing")


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def _storages(value: Any) -> dict[str, _Storage]:
    """Return the storages that the tensors of a value refer to, and which part of each they show."""
    found: dict[int, _Storage] = {}
    by_key: dict[str, _Storage] = {}
    used: set[int] = set()
    for part in parts(value):
        if isinstance(part, Outside):
            storage = _storage(part.identity)
            found[id(part)] = by_key.setdefault(storage.key, storage)
            if by_key[storage.key].size != storage.size or by_key[storage.key].width != storage.width:
                raise CannotClean("damaged: a tensor's storage has two sizes")
    for part in parts(value):
        if isinstance(part, Call) and part.function.name in _REBUILDS:
            arguments = part.arguments
            if len(arguments) < 4 or not isinstance(arguments[0], Outside):
                raise CannotClean("damaged: a tensor is not described whole")
            used.add(id(arguments[0]))
            width = found[id(arguments[0])].width
            if part.function.name == "_rebuild_tensor_v3":
                width = _dtype_width(arguments[6]) if len(arguments) > 6 else 1
            _show(found[id(arguments[0])], arguments[1], arguments[2], arguments[3], width)
    if used != set(found):
        raise CannotClean(REFUSAL)
    return by_key


def _storage(identity: Any) -> _Storage:
    if not isinstance(identity, tuple) or len(identity) != 5 or identity[0] != "storage":
        raise CannotClean(REFUSAL)
    _, kind, key, place, count = identity
    if not isinstance(kind, Global) or not isinstance(key, str) or not re.fullmatch(r"\d{1,9}", key):
        raise CannotClean(REFUSAL)
    if not isinstance(place, str) or not _PLACE.fullmatch(place) or type(count) is not int or not 0 <= count < 2**48:
        raise CannotClean(REFUSAL)
    width = 1 if kind.name == "UntypedStorage" else _WIDTHS.get(kind.name.removesuffix("Storage"), 0)
    if not width:
        raise CannotClean(REFUSAL)
    return _Storage(key, count * width, width, [])


def _dtype_width(dtype: Any) -> int:
    match = _DTYPES.fullmatch(dtype.name) if isinstance(dtype, Global) else None
    if match is None:
        return 1 if isinstance(dtype, Global) and dtype.name == "bool" else 16
    return max(1, int(match[1]) // 8)


def _show(storage: _Storage, offset: Any, shape: Any, strides: Any, width: int) -> None:
    shape = _plain(shape)
    strides = _plain(strides)
    if type(offset) is not int or offset < 0 or len(shape) != len(strides) or min((*shape, *strides), default=0) < 0:
        raise CannotClean("damaged: a tensor is not described whole")
    if 0 in shape:
        return
    last = offset + sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True))
    if (last + 1) * width > storage.size:
        raise CannotClean("truncated: a tensor lies outside its storage")
    storage.shown.append((offset * width, (last + 1) * width))


def _plain(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, Call) and shape.function.name == "Size" and len(shape.arguments) == 1:
        shape = shape.arguments[0]
    if not isinstance(shape, (tuple, list)) or any(type(extent) is not int for extent in shape):
        raise CannotClean("damaged: a tensor is not described whole")
    return tuple(shape)
