"""Rows in, clean rows out: for pipelines that have their own files, queues and frameworks.

Invariants:

- A row is cleaned as `privet scrub` cleans it: columns that are not declared are left out, the rest is transformed or looked at.
- Rows keep their order and number. Duplicates and small groups are judged over a whole dataset, so they are not dropped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from privet.detect.engine import TierName
from privet.errors import BadInput
from privet.ingest.cleaning import Cleaning
from privet.ingest.columns import Columns
from privet.ingest.record_file import MISSING
from privet.ingest.texts import Texts, way
from privet.policy import DEFAULT, Policy

_BATCH_ROWS: Final = 256


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
        return self._columns.clean({str(name): list(values) for name, values in batch.items()})


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
