"""Rows in, clean rows out: for pipelines that have their own files, queues and frameworks.

Invariants:

- A row is cleaned as `privet scrub` cleans it: columns that are not declared are left out, the rest is transformed or looked at.
- Rows keep their order and number. Duplicates and small groups are judged over a whole dataset, so they are not dropped here.
- Arrays and tensors of numbers in which nothing can be an identifier stay the objects they are; others are looked at as lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import is_
from typing import Any, Final

import numpy as np

from privet.detect.engine import TierName
from privet.errors import BadInput
from privet.ingest.cleaning import Cleaning
from privet.ingest.columns import Columns
from privet.ingest.record_file import MISSING
from privet.ingest.texts import Texts, way
from privet.metadata.byte_texts import text_in
from privet.policy import DEFAULT, Policy

_BATCH_ROWS: Final = 256
_SIX_DIGITS: Final = 100_000
Array = np.ndarray[Any, np.dtype[Any]]


class Scrubber:
    """Cleans batches of columns; may be pickled and sent to other processes. Call it with a mapping of names to columns.

    Args:
        policy: which kinds are looked for, which columns are kept and how they are transformed.
        tier: "patterns", "names" or "deep".
        key: 32 secret bytes, for transforms that need a key.

    Raises:
        BadInput: a transform needs a key and there is none.

    >>> Scrubber(tier="patterns")({"text": ["write to jane@example.com"], "stars": [3]})
    {'text': ['write to [EMAIL_ADDRESS]'], 'stars': [3]}
    """

    def __init__(self, policy: Policy = DEFAULT, *, tier: TierName = "names", key: bytes | None = None) -> None:
        for transform in policy.scrub.transform:
            way(transform, key, "")
        self._how = (policy, tier, key)
        self._columns: Columns | None = None

    def __getstate__(self) -> tuple[Policy, TierName, bytes | None]:
        return self._how

    def __setstate__(self, state: tuple[Policy, TierName, bytes | None]) -> None:
        self._how = state
        self._columns = None

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """Return the columns that are kept, cleaned."""
        if self._columns is None:
            policy, tier, key = self._how
            self._columns = Cleaning(policy, Texts(policy, tier, key), key).columns()
        columns = self._columns
        raw = {str(name): list(values) for name, values in batch.items()}
        given = {name: [_given(value) for value in values] for name, values in raw.items()}
        cleaned = columns.clean(given)
        kept = [name for name in raw if columns.kept_name(name) is not None]
        return {
            new: [
                old if value is seen else value for value, seen, old in zip(values, given[name], raw[name], strict=True)
            ]
            for name, (new, values) in zip(kept, cleaned.items(), strict=True)
        }


def _given(value: Any) -> Any:
    """Return a value as the columns take it. A flag stands for numbers that nothing can be found in: only a rule changes it."""
    array = _array_of(value)
    return True if array is not None and _is_opaque(array) and _text_of(array) is None else _plain(value)


def _plain(value: Any) -> Any:
    """Return a value, and what it holds, in Python's own types; the very same where it is that already."""
    if isinstance(value, (dict, list, tuple)):
        inner = list(value.values()) if isinstance(value, dict) else value
        new = [_plain(item) for item in inner]
        if all(map(is_, new, inner)):
            return value
        return dict(zip(value, new, strict=True)) if isinstance(value, dict) else new
    array = _array_of(value)
    if array is not None:
        return _listed(array)
    return value.item() if isinstance(value, np.generic) else value


def _array_of(value: Any) -> Array | None:
    # A tensor, of whatever made it, can be detached.
    array = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    return array if isinstance(array, np.ndarray) else None


def _listed(array: Array) -> Any:
    """Return an array as the text that its bytes are, or as a list."""
    text = _text_of(array)
    return array.tolist() if text is None else text


def _text_of(array: Array) -> str | None:
    is_bytes = array.dtype.itemsize == 1 and array.dtype.kind in "ui"
    return text_in(array.tobytes()) if is_bytes else None


def _is_opaque(array: Array) -> bool:
    """Tell whether nothing in an array can be an identifier: fractions, flags, and whole numbers of five digits or fewer."""
    if not array.ndim or array.dtype.kind not in "fcbui":
        return False
    return array.dtype.kind in "fcb" or not array.size or max(-int(array.min()), int(array.max())) < _SIX_DIGITS


def rows(
    source: Iterable[Mapping[str, Any]],
    *,
    policy: Policy = DEFAULT,
    tier: TierName = "names",
    key: bytes | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield each row cleaned, in order; rows may have different keys.

    Raises:
        BadInput: something that is no mapping comes, or a transform needs a key and there is none.

    >>> list(rows([{"text": "write to jane@example.com"}, {"n": 1}], tier="patterns"))
    [{'text': 'write to [EMAIL_ADDRESS]'}, {'n': 1}]
    """
    scrubber = Scrubber(policy, tier=tier, key=key)
    waiting = iter(source)
    while batch := list(islice(waiting, _BATCH_ROWS)):
        for row in batch:
            if not isinstance(row, Mapping):
                raise BadInput(f"expected a row as a mapping, found {type(row).__name__}", hint='give {"text": …}')
        named = [{str(name): value for name, value in row.items()} for row in batch]
        names = dict.fromkeys(name for row in named for name in row)
        cleaned = scrubber({name: [row.get(name, MISSING) for row in named] for name in names})
        for at in range(len(batch)):
            yield {name: values[at] for name, values in cleaned.items() if values[at] is not MISSING}
