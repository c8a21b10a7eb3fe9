"""Datasets of Hugging Face: rows without identifiers, by `map` or all at once.

    clean = scrub_dataset(load_dataset("json", data_files="raw.jsonl"))      # columns, pictures, what the dataset says of itself
    clean = ds.map(scrub_batch, batched=True)                                # the rows alone
    clean = ds.map(Scrub(policy, key=key), batched=True, num_proc=2)         # with a policy of your own

Invariants:

- A column that the policy does not keep never passes. `map` keeps columns that a function does not give, so they come back as None; take
  them out with `remove_columns`, or use `scrub_dataset`, where they are gone.
- The same policy, tier, key and version have the same fingerprint in every process, so `map` finds its cache again; another has another.
- The cache that `map` writes holds clean rows. The raw ones stay where they were loaded: `ds.cache_files` names those files.

Duplicates and small groups are judged over a whole dataset: `privet scrub` does that on files. Needs `datasets`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path, PurePath
from typing import Any, Final

from privet import __version__
from privet.detect.engine import TierName
from privet.errors import BadInput
from privet.ingest.rows import Scrubber
from privet.policy import DEFAULT, SETTINGS, Policy, value_of, with_value

_MEDIA: Final = {"bytes", "path"}
"""The keys of a picture or a sound as a dataset keeps it."""
_MOST_MEDIA_BYTES: Final = 1 << 31


class Scrub:
    """Cleans batches of rows, for `map(…, batched=True)`: mappings of columns, or tables of Arrow where the format is "arrow".

    Args:
        policy: which kinds are looked for, which columns are kept and how they are transformed.
        tier: "patterns", "names" or "deep".
        key: 32 secret bytes, for transforms that need a key.
        media: columns of pictures and sounds as `decode=False` gives them. Those that are only named by a path of this machine are read.

    Raises:
        BadInput: a transform needs a key and there is none.

    >>> Scrub(tier="patterns")({"text": ["write to jane@example.com"], "stars": [3]})
    {'text': ['write to [EMAIL_ADDRESS]'], 'stars': [3]}
    >>> narrow = with_value(DEFAULT, "scrub.columns", frozenset({"stars"}))
    >>> Scrub(narrow, tier="patterns")({"text": ["write to jane@example.com"], "stars": [3]})
    {'text': [None], 'stars': [3]}
    """

    def __init__(
        self,
        policy: Policy = DEFAULT,
        *,
        tier: TierName = "names",
        key: bytes | None = None,
        media: Sequence[str] = (),
    ) -> None:
        self._how = (policy, tier, key, tuple(media))
        self._media = frozenset(media)
        self._scrubber = Scrubber(policy, tier=tier, key=key)

    def __reduce__(self) -> tuple[Any, ...]:
        # `datasets` names a cache for these bytes: sets are written in order, and another version has another name.
        policy, *others = self._how
        return _again, (_in_order(policy), *others, __version__)

    def __call__(self, batch: Any) -> dict[str, list[Any]]:
        """Return the columns of a batch, cleaned."""
        columns = batch if isinstance(batch, Mapping) else batch.to_pydict()
        cleaned = self._scrubber(
            {name: _embedded(values) if name in self._media else values for name, values in columns.items()}
        )
        if columns is not batch:
            return cleaned
        rows = len(next(iter(batch.values()), ()))
        return {str(name): [None] * rows for name in batch} | cleaned


scrub_batch: Final = Scrub()
"""`Scrub` with the default policy."""


def scrub_dataset(
    dataset: Any,
    policy: Policy = DEFAULT,
    *,
    tier: TierName = "names",
    key: bytes | None = None,
    num_proc: int | None = None,
    keep_in_memory: bool = True,
) -> Any:
    """Return a Dataset, IterableDataset, or dict of them, with clean rows, without the columns that the policy leaves out.

    What the dataset says of itself (description, citation, checksums of downloads) is left out. Pictures and sounds are cleaned as files;
    those that are only named by a path of this machine are read first. `keep_in_memory=False` is for what is larger than the memory:
    `map` then writes its cache, which holds clean rows, beside that of the raw dataset.

    Raises:
        BadInput: it is no dataset, or a transform needs a key and there is none.

    """
    import datasets

    if isinstance(dataset, dict):
        return type(dataset)(
            {
                name: scrub_dataset(part, policy, tier=tier, key=key, num_proc=num_proc, keep_in_memory=keep_in_memory)
                for name, part in dataset.items()
            }
        )
    features = getattr(dataset, "features", None) or {}
    media = [name for name, feature in features.items() if hasattr(feature, "decode")]
    scrub = Scrub(policy, tier=tier, key=key, media=media)
    if isinstance(dataset, datasets.IterableDataset):
        clean = _stream(dataset, scrub)
    elif isinstance(dataset, datasets.Dataset):
        # A table of Arrow is what it holds: pictures are not decoded, and nothing is kept that the function does not give.
        table = dataset.with_format("arrow")
        clean = table.map(scrub, batched=True, num_proc=num_proc, keep_in_memory=keep_in_memory).with_format(None)
    else:
        raise BadInput(f"expected a dataset, found {type(dataset).__name__}", hint="give what load_dataset returns")
    for item in fields(clean.info):
        if item.name not in ("features", "splits"):
            setattr(clean.info, item.name, "" if item.type in (str, "str") else None)
    clean.info.splits = None
    return clean


def _stream(dataset: Any, scrub: Scrub) -> Any:
    dataset = dataset.with_format(None)
    if dataset.features:
        dataset = dataset.decode(False)
    names = dataset.column_names or list(next(iter(dataset), {}))
    kept = scrub._scrubber({name: [] for name in names})  # noqa: SLF001 (of this module)
    return dataset.map(scrub, batched=True).remove_columns([name for name in names if name not in kept])


def _embedded(values: Sequence[Any]) -> list[Any]:
    """Return pictures and sounds with their content; where it is out of reach, their name goes too."""
    return [_read(value) if isinstance(value, dict) and value.keys() == _MEDIA else None for value in values]


def _read(value: dict[str, Any]) -> dict[str, Any]:
    content, path = value["bytes"], value["path"]
    if content is None and isinstance(path, str):
        file = Path(path)
        if not file.is_file() or file.stat().st_size > _MOST_MEDIA_BYTES:
            return {"bytes": None, "path": None}
        content = file.read_bytes()
    return {"bytes": content, "path": PurePath(path).name if isinstance(path, str) else None}


def _in_order(policy: Policy) -> tuple[tuple[str, Any], ...]:
    """Return every setting of a policy; sets as tuples in order, as that of a set differs from process to process."""
    values = ((setting_id, value_of(policy, setting_id)) for setting_id in SETTINGS)
    return tuple(
        (setting_id, tuple(sorted(value, key=str)) if isinstance(value, frozenset) else value)
        for setting_id, value in values
    )


def _again(
    settings: Sequence[tuple[str, Any]], tier: TierName, key: bytes | None, media: Sequence[str], _version: str
) -> Scrub:
    policy = DEFAULT
    for setting_id, value in settings:
        policy = with_value(policy, setting_id, frozenset(value) if isinstance(value, tuple) else value)
    return Scrub(policy, tier=tier, key=key, media=media)
