"""What can be read in stored bytes as it stands: vectors in the usual codings, and ids, words and metadata of known records.

Invariants:

- A hit by chance is less likely than one in a million: patterns have 16 bytes or more, words more bytes the more there is to search.
- Without known records, vectors are found by what floats look like: dozens in a row of like size, of both signs.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from privet.audit.result import Check, counted
from privet.audit.vault_bytes import Bytes, Stored
from privet.audit.vault_corpus import words_of

_T = TypeVar("_T")

_BUDGET: Final = 10_000_000_000
"""Bytes to be compared in all: with larger stores fewer patterns are looked for."""
_MOST: Final = 200
_FEWEST: Final = 8
_FORMS: Final = 3
_ERROR: Final = 1e-6
_DIMS: Final = 8
_RUN: Final = 64
_CHUNK: Final = 1 << 24


def vectors_check(files: list[Stored], vectors: NDArray[np.float32] | None, seed: int) -> Check:
    """Return the check for vectors: known ones by their bytes, any others by what floats look like."""
    runs = {each.name: count for each in files if (count := float_runs(each.data))}
    figures: dict[str, Any] = {"float_runs": sum(runs.values()), "files": sorted(runs)[:20]}
    found = 0
    if vectors is not None:
        probes = _drawn(range(len(vectors)), files, 8, seed)
        hits = [
            {kind for kind, pattern in _patterns(vectors[row], vectors) if _is_in(pattern, files)} for row in probes
        ]
        found = sum(map(bool, hits))
        figures |= {"probes": len(probes), "found": found, "codings": sorted(set().union(*hits))}
    if found:
        says = f"{found} of {len(probes)} vectors lie in the files as {', '.join(figures['codings'])}"
        return Check("vectors", "fail", says, figures)
    if runs:
        says = f"{counted(len(runs), 'file')} hold long runs of floats as vectors have them"
        return Check("vectors", "fail", says, figures)
    says = "no run of floats" if vectors is None else f"none of {len(probes)} vectors in any coding, no run of floats"
    return Check("vectors", "pass", says, figures)


def texts_check(
    files: list[Stored], texts: Sequence[str], ids: Sequence[str], others: Sequence[str], seed: int
) -> Check:
    """Return the check for words of documents, ids and values of metadata, in UTF-8 and UTF-16."""
    if not texts and not ids:
        return Check("texts", "not-applicable", "no record is known; name some with --pairs or --keys")
    least = _least_bytes(files)
    groups = {
        "words": {word for text in texts for word in words_of(text) if len(word.encode()) >= least},
        "ids": {name for name in ids if len(name.encode()) >= least},
        "metadata": {value for value in others if len(value.encode()) >= least},
    }
    figures: dict[str, Any] = {}
    for name, wanted in groups.items():
        probes = _drawn(sorted(wanted), files, 2 * len(groups), seed)
        found = sum(any(_is_in(form, files) for form in _forms(each)) for each in probes)
        figures[name] = {"probes": len(probes), "found": found}
    if any(group["found"] for group in figures.values()):
        says = ", ".join(
            f"{group['found']} of {group['probes']} {name}" for name, group in figures.items() if group["found"]
        )
        return Check("texts", "fail", f"{says} lie in the files", figures)
    if not any(group["probes"] for group in figures.values()):
        return Check("texts", "underpowered", f"no word or id has {least} letters, to be told from chance", figures)
    listed = ", ".join(f"{group['probes']} {name}" for name, group in figures.items() if group["probes"])
    return Check("texts", "pass", f"none of {listed} lies in the files", figures)


def float_runs(data: Bytes) -> int:
    """Return how many runs of 64 numbers look like parts of vectors, as float32 or float16."""
    return sum(_runs(data[start : start + _CHUNK]) for start in range(0, len(data), _CHUNK))


def _runs(chunk: Bytes) -> int:
    found = 0
    # Sizes from 2^-20 (2^-14) to 4: of the exponents of random bits few are in there, and 64 in a row never.
    for kind, low, high, exponent in (("<u4", 107, 129, 23), ("<u2", 1, 17, 10)):
        step = int(kind[-1])
        for phase in range(0, step, 2):
            part = chunk[phase:]
            words = np.frombuffer(part[: len(part) // step * step].tobytes(), dtype=kind)
            sign = words >> (step * 8 - 1)
            power = words >> exponent & (0xFF if step == 4 else 0x1F)
            likely = ((power >= low) & (power <= high)).astype(np.uint8)
            whole = len(words) // _RUN * _RUN
            rows, signs = likely[:whole].reshape(-1, _RUN), sign[:whole].reshape(-1, _RUN)
            negative = signs.sum(axis=1)
            found += int(((rows.sum(axis=1) == _RUN) & (negative >= _RUN // 5) & (negative <= _RUN * 4 // 5)).sum())
    return found


def _patterns(vector: NDArray[np.float32], vectors: NDArray[np.float32]) -> Iterator[tuple[str, bytes]]:
    """Yield a piece of a vector as stores write it."""
    length = float(np.linalg.norm(vector)) or 1.0
    start = max(0, len(vector) // 2 - _DIMS)
    end = start + 2 * _DIMS
    for values in (vector, vector / np.float32(length)):
        piece = values[start:end]
        yield "float32", piece.astype("<f4").tobytes()
        yield "float16", piece.astype("<f2").tobytes()
        for scale in (1.0, float(np.abs(values).max()), float(np.abs(vectors).max())):
            whole = np.clip(np.round(piece * (127 / (scale or 1.0))), -128, 127).astype(np.int8)
            # A vector of few values is a pattern that zeros or padding have too.
            if len(set(whole.tolist())) >= _DIMS // 2:
                yield "int8", whole.tobytes()
    if len(vector) >= 128:
        for order in ("big", "little"):
            yield "1-bit", np.packbits(vector > 0, bitorder=order).tobytes()


def _least_bytes(files: list[Stored]) -> int:
    """Return how long a text must be to be in random bytes of this size with less than `_ERROR`, whichever of all it is."""
    places = sum(len(each.data) for each in files) * _MOST * _FORMS * 3
    return math.ceil(math.log(places / _ERROR, 256))


def _forms(text: str) -> Iterable[bytes]:
    return {text.encode(), text.capitalize().encode(), text.encode("utf-16-le")}


def _is_in(pattern: bytes, files: list[Stored]) -> bool:
    # A memory map is searched where it lies.
    return any(_find(each.data, pattern) for each in files)


def _find(data: Bytes, pattern: bytes) -> bool:
    mapped = getattr(data, "_mmap", None)
    return (mapped.find(pattern) if mapped is not None else data.tobytes().find(pattern)) >= 0


def _drawn(values: Sequence[_T], files: list[Stored], searches: int, seed: int) -> list[_T]:
    size = sum(len(each.data) for each in files)
    count = max(_FEWEST, min(_MOST, _BUDGET // (size * searches)))
    generator = random.Random(seed)  # noqa: S311 - which ones are looked for is no secret
    return list(values) if len(values) <= count else generator.sample(values, count)
