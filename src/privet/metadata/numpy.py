"""NumPy arrays (.npy) and archives of them (.npz): the header written anew, texts in the array rewritten.

Invariants:

- Arrays of objects are pickles and are refused; nothing is ever unpickled.
- Numbers stay byte for byte, but for those of eight bits that are text (`byte_texts`) or a file.
- Padding between the fields of a record and bytes behind the array are not written.
- Texts are read a block at a time; only those that change are held.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import io
import math
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import numpy as np

from privet.metadata.byte_texts import changed_rows, is_file, text_in
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.pieces import copy_range, size_of
from privet.metadata.safetensors import distinct
from privet.metadata.zip_members import Names, open_zip, safe_name, write_zip

_MAGIC: Final = b"\x93NUMPY"
_HEADER_MAX: Final = 65_536
_OPAQUE_MAX: Final = 16
"""bytes of a `V` field that can be a number of another library, such as bfloat16"""
Array = np.ndarray[Any, np.dtype[Any]]
Type = np.dtype[Any]


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write one array, or an archive of them."""
    size = size_of(source)
    if source.read(2) == b"PK":
        _clean_archive(source, target, job)
        return
    source.seek(0)
    dtype, fortran, shape, start = _header(source)
    count = math.prod(shape)
    end = start + count * dtype.itemsize
    if end > size:
        raise CannotClean("truncated: the array is shorter than its shape")
    job.dropped("hidden bytes", int(size > end))
    if _is_plain(dtype):
        if _is_bytes(dtype) and len(shape) == 1 and (content := _file_in(source, start, end, job)) is not None:
            target.write(_written(dtype, fortran=fortran, shape=(len(content),)) + content)
            return
        target.write(_written(dtype, fortran=fortran, shape=shape))
        moved = target.tell() - start
        copy_range(source, target, start, end)
        if _is_bytes(dtype):
            _clean_bytes(source, target, moved, _rows(dtype, shape, start, end, fortran=fortran), job)
        return
    plan = _Plan(job)
    for first, block in _blocks(source, dtype, start, count, job):
        plan.look(block, first, ())
    new = plan.retyped(dtype, ())
    target.write(_written(new, fortran=fortran, shape=shape))
    for first, block in _blocks(source, dtype, start, count, job):
        fresh = np.zeros(block.shape, new)
        plan.fill(block, fresh, first, ())
        target.write(fresh.tobytes())


def _is_bytes(dtype: Type) -> bool:
    return dtype.kind == "V" or (dtype.kind in "ui" and dtype.itemsize == 1)


def _file_in(source: BinaryIO, start: int, end: int, job: Job) -> bytes | None:
    """Return the file that an array of bytes is, cleaned, or None where it is none."""
    source.seek(start)
    if not is_file(source.read(min(end - start, _OPAQUE_MAX))):
        return None
    source.seek(start)
    if end - start > job.limits.max_file_bytes or (member := job.nested("", source.read(end - start))) is None:
        raise CannotClean("a file in the array cannot be cleaned")
    return member.content


def _rows(dtype: Type, shape: tuple[int, ...], start: int, end: int, *, fortran: bool) -> range:
    """Return where the rows of an array begin; one of a single row is one text."""
    inner = shape[:1] if fortran else shape[-1:]
    width = dtype.itemsize if dtype.kind == "V" else math.prod(inner)
    return range(start, end, max(1, width))


def _clean_bytes(source: BinaryIO, target: BinaryIO, moved: int, rows: range, job: Job) -> None:
    """Write rows of bytes anew where they are text with something in it; `moved` is how far the target's are from the source's."""
    if rows.step > job.limits.max_record_bytes:
        # Only its beginning tells whether it may be a text.
        source.seek(rows.start)
        head = source.read(MIB)
        if any(text_in(head[: len(head) - cut]) is not None for cut in range(4)):
            raise CannotClean("a text in bytes is too long: save it as text")
        return
    for first in range(0, len(rows), step := max(1, MIB // rows.step)):
        source.seek(rows[first])
        raw = source.read(min(step, len(rows) - first) * rows.step)
        cut = [raw[at : at + rows.step] for at in range(0, len(raw), rows.step)]
        for at, new in changed_rows(cut, job, "cell"):
            target.seek(rows[first + at] + moved)
            target.write(new)
    target.seek(0, io.SEEK_END)


def _clean_archive(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write an archive of arrays; a member that is no array goes."""
    archive = open_zip(source, job)
    writer = write_zip(target)
    names = Names()
    for name, entry in archive.entries(job):
        if not name.endswith(".npy"):
            job.leave_out(name, "no array")
            continue
        content = archive.read(entry, job.limits.max_file_bytes)
        if content is None:
            raise CannotClean("an array is too large: save it as .npy")
        cleaned = io.BytesIO()
        clean(io.BytesIO(content), cleaned, job)
        new = safe_name(job.rewrite([name.removesuffix(".npy")], "array name")[0]) or "array"
        writer.add(names.free(new + ".npy"), cleaned.getvalue(), packed=entry.compress_type != 0)
    writer.file.close()


def _header(source: BinaryIO) -> tuple[Type, bool, tuple[int, ...], int]:
    head = source.read(12)
    if len(head) < 12 or head[:6] != _MAGIC or head[6] not in {1, 2, 3}:
        raise CannotClean("truncated: not a whole NumPy header")
    start = 10 if head[6] == 1 else 12
    length = struct.unpack("<H", head[8:10])[0] if head[6] == 1 else struct.unpack("<I", head[8:12])[0]
    if length > _HEADER_MAX:
        raise CannotClean("damaged: the header is too long")
    source.seek(start)
    raw = source.read(length)
    try:
        found = ast.literal_eval(raw.decode("utf-8" if head[6] == 3 else "latin-1").strip())
        shape = tuple(int(extent) for extent in found["shape"])
        dtype = np.lib.format.descr_to_dtype(found["descr"])  # type: ignore[no-untyped-call, unused-ignore]
        fortran = bool(found["fortran_order"])
    except (
        ValueError,
        TypeError,
        KeyError,
        SyntaxError,
        RecursionError,
        MemoryError,
        IndexError,
        AttributeError,
    ) as error:
        raise CannotClean("damaged: the header is not that of an array") from error
    if len(raw) != length or any(extent < 0 for extent in shape) or len(shape) > 64:
        raise CannotClean("damaged: the header is not that of an array")
    _check(dtype)
    return dtype, fortran, shape, start + length


def _check(dtype: Type) -> None:
    if dtype.subdtype is not None:
        _check(dtype.subdtype[0])
    elif dtype.names is not None:
        for name in dtype.names:
            _check(dtype[name])
    elif dtype.kind == "O":
        raise CannotClean("an array of objects is a pickle: save it as Parquet")
    elif dtype.kind == "V" and dtype.itemsize > _OPAQUE_MAX:
        raise CannotClean("an array of bytes without meaning")


def _is_plain(dtype: Type) -> bool:
    """Say whether the array holds numbers only, without names or padding."""
    return dtype.names is None and dtype.subdtype is None and dtype.kind not in "SU"


def _blocks(source: BinaryIO, dtype: Type, start: int, count: int, job: Job) -> Iterator[tuple[int, Array]]:
    """Yield the records, in the order they are stored, with the number of the first."""
    width = dtype.itemsize
    if width > job.limits.max_record_bytes:
        raise CannotClean("a record is too long")
    if not width:
        # An array of empty texts has no bytes at all.
        return
    step = max(1, MIB // width)
    for first in range(0, count, step):
        source.seek(start + first * width)
        raw = source.read(min(step, count - first) * width)
        yield first, np.frombuffer(raw, dtype)


@dataclass(slots=True)
class _Plan:
    """Which texts change, and how wide each column of texts has to be."""

    job: Job
    changed: dict[tuple[tuple[str, ...], int], str] = field(default_factory=dict)
    widths: dict[tuple[str, ...], int] = field(default_factory=dict)
    names: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    rows: dict[tuple[tuple[str, ...], int], list[tuple[int, bytes]]] = field(default_factory=dict)
    """rows of bytes that change, by their field and the block they are in"""

    def look(self, array: Array, first: int, path: tuple[str, ...]) -> None:
        """Find the texts of a block that change."""
        if array.dtype.names is not None:
            for name in array.dtype.names:
                part = array[name]
                self.look(part, first * (part.size // max(1, len(array))), (*path, name))
        elif array.dtype.kind in "SU":
            texts = _texts(array)
            width = self.widths.setdefault(path, array.dtype.itemsize // (4 if array.dtype.kind == "U" else 1))
            for at, (old, new) in enumerate(zip(texts, self.job.rewrite(texts, "cell"), strict=True)):
                if new != old:
                    self.changed[path, first + at] = new
                    width = max(width, len(_encoded(new)) if array.dtype.kind == "S" else len(new))
            self.widths[path] = width
        elif _is_bytes(array.dtype) and (found := list(changed_rows(_byte_rows(array), self.job, "cell"))):
            self.rows[path, first] = found

    def retyped(self, dtype: Type, path: tuple[str, ...]) -> Type:
        """Return the type without padding and titles, with room for the new texts."""
        if dtype.subdtype is not None:
            inner, shape = dtype.subdtype
            return np.dtype((self.retyped(inner, path), shape))
        if dtype.names is not None:
            new = distinct(self.job.rewrite(list(dtype.names), "column name"))
            self.names[path] = new
            return np.dtype(
                [
                    (fresh, self.retyped(dtype[name], (*path, name)))
                    for fresh, name in zip(new, dtype.names, strict=True)
                ]
            )
        if dtype.kind in "SU":
            return np.dtype(f"{dtype.byteorder.replace('|', '')}{dtype.kind}{self.widths.get(path, dtype.itemsize)}")
        return dtype

    def fill(self, old: Array, new: Array, first: int, path: tuple[str, ...]) -> None:
        """Write a block's values into an array of the new type."""
        if old.dtype.names is not None:
            for name, fresh in zip(old.dtype.names, self.names[path], strict=True):
                part = old[name]
                self.fill(part, new[fresh], first * (part.size // max(1, len(old))), (*path, name))
        elif old.dtype.kind in "SU":
            # Texts are set one by one: what lies behind a text's end in its cell is not carried over.
            new[...] = old
            for at in range(old.size):
                text = self.changed.get((path, first + at))
                if text is not None:
                    new[np.unravel_index(at, old.shape)] = _encoded(text) if old.dtype.kind == "S" else text
        else:
            new[...] = old
            for at, row in self.rows.get((path, first), ()):
                leading = old.shape if old.dtype.kind == "V" else old.shape[:-1]
                new[np.unravel_index(at, leading)] = np.frombuffer(row, old.dtype)


def _byte_rows(array: Array) -> list[bytes]:
    """Return the rows of an array of bytes: its last axis, or the bytes of a value."""
    width = array.dtype.itemsize if array.dtype.kind == "V" else array.shape[-1] if array.ndim > 1 else 0
    raw = array.tobytes() if width else b""
    return [raw[at : at + width] for at in range(0, len(raw), width or 1)]


def _texts(array: Array) -> list[str]:
    flat = np.ascontiguousarray(array).ravel()
    if flat.dtype.kind == "U" and flat.dtype.itemsize:
        points = flat.view(np.dtype(f"{flat.dtype.byteorder}u4"))
        if points.size and int(points.max()) > sys.maxunicode:
            raise CannotClean("damaged: a text holds what is no character")
    return [_decoded(value) for value in flat.tolist()]


def _decoded(value: Any) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _written(dtype: Type, *, fortran: bool, shape: tuple[int, ...]) -> bytes:
    """Return the header in the oldest version that can hold it."""
    descr = np.lib.format.dtype_to_descr(dtype)  # type: ignore[no-untyped-call, unused-ignore]
    text = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape!r}, }}"
    raw = text.encode("utf-8")
    version = 3 if not text.isascii() else 1 if len(raw) < 65_000 else 2
    start = 10 if version == 1 else 12
    raw += b" " * (-(start + len(raw) + 1) % 64) + b"\n"
    return _MAGIC + bytes((version, 0)) + struct.pack("<H" if version == 1 else "<I", len(raw)) + raw
