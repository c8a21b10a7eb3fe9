"""Folders of `datasets`: which files are caches of raw data, and what of the descriptions beside the tables is kept.

Invariants:

- A description is written anew from the keys that a reader needs; any other key is left out, whatever it holds.
- Column and file names in it are those of the cleaned tables.

Source: huggingface/datasets, `arrow_dataset.py` (`save_to_disk`, `load_from_disk`, `_get_cache_file_path`) and `info.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Final

from privet.metadata.job import CannotClean

_CACHE: Final = re.compile(
    r"cache-[^/]*\.arrow|indices(?:-[^/]*)?\.arrow|tmp[A-Za-z0-9_]{6,}|[^/]*\.(?:lock|incomplete|incomplete_info\.lock)",
    re.IGNORECASE,
)
_CACHE_FOLDERS: Final = frozenset((".cache", ".huggingface", "downloads"))
DESCRIPTIONS: Final = frozenset(("state.json", "dataset_info.json", "dataset_dict.json"))
_INFO: Final = ("config_name", "dataset_name", "builder_name", "version")
_VERSION: Final = ("version_str", "major", "minor", "patch")
_SPLIT: Final = ("name", "num_bytes", "num_examples", "dataset_name")

Column = Callable[[str], "str | None"]
"""name → its new name, or None where the column is dropped"""


def is_cache(path: PurePath) -> bool:
    """Whether a file of a dataset's folder is a cache: raw rows of `map` and `filter`, indices, downloads, locks.

    >>> [is_cache(PurePath(name)) for name in ("cache-1b2c.arrow", "data-00000-of-00001.arrow", ".cache/huggingface/x.metadata")]
    [True, False, True]
    """
    return _CACHE.fullmatch(path.name) is not None or not _CACHE_FOLDERS.isdisjoint(path.parts[:-1])


def cleaned(
    name: str, content: bytes, *, column: Column, file: Callable[[str], str], text: Callable[[str], str]
) -> bytes:
    """Return a description (one of `DESCRIPTIONS`) with the new names of columns and files; `text` cleans any other word.

    Raises:
        CannotClean: it is not the JSON that `datasets` writes.

    """
    try:
        old = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CannotClean("not JSON") from error
    if not isinstance(old, dict):
        raise CannotClean("not a description of a dataset")
    make = {"state.json": _state, "dataset_info.json": _info, "dataset_dict.json": _dict}[name]
    return json.dumps(make(old, column, file, text), indent=2).encode()


def _state(
    old: dict[str, Any], column: Column, file: Callable[[str], str], _text: Callable[[str], str]
) -> dict[str, Any]:
    files = [str(item.get("filename", "")) for item in _dicts(old.get("_data_files"))]
    columns = old.get("_format_columns")
    names = [column(str(name)) for name in columns] if isinstance(columns, list) else None
    state: dict[str, Any] = {
        "_data_files": [{"filename": file(PurePath(name).name)} for name in files],
        "_format_columns": None if names is None else [name for name in names if name is not None],
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": file(str(old["_split"])) if old.get("_split") is not None else None,
    }
    # Its fingerprint names the raw data; `datasets` needs one that tells this folder from others.
    told = json.dumps([state, old.get("_fingerprint")]).encode()
    return {**state, "_fingerprint": hashlib.blake2b(told, digest_size=8).hexdigest()}


def _info(
    old: dict[str, Any], column: Column, file: Callable[[str], str], text: Callable[[str], str]
) -> dict[str, Any]:
    features = old.get("features")
    info: dict[str, Any] = {key: text(str(old[key])) for key in _INFO[:3] if isinstance(old.get(key), str)}
    if isinstance(features, dict):
        info["features"] = {
            new: _feature(feature, text) for name, feature in features.items() if (new := column(name)) is not None
        }
    version = old.get("version")
    if isinstance(version, dict):
        info["version"] = {key: version[key] for key in _VERSION if isinstance(version.get(key), int)}
        info["version"]["version_str"] = ".".join(str(info["version"].get(key, 0)) for key in _VERSION[1:])
    splits = old.get("splits")
    if isinstance(splits, dict):
        info["splits"] = {
            file(name): _split(name, split, file) for name, split in splits.items() if isinstance(split, dict)
        }
    return info


def _split(name: str, old: dict[str, Any], file: Callable[[str], str]) -> dict[str, Any]:
    numbers = {key: old[key] for key in _SPLIT[1:3] if isinstance(old.get(key), int)}
    return {"name": file(name), **numbers}


def _feature(old: Any, text: Callable[[str], str]) -> Any:
    """Return the type of a column: a name of a type, nested types, names of classes; any word of it looked at."""
    if isinstance(old, dict):
        return {text(str(key)): _feature(value, text) for key, value in old.items()}
    if isinstance(old, list):
        return [_feature(value, text) for value in old]
    return text(old) if isinstance(old, str) else old


def _dict(
    old: dict[str, Any], _column: Column, file: Callable[[str], str], _text: Callable[[str], str]
) -> dict[str, Any]:
    splits = old.get("splits")
    return {"splits": [file(str(name)) for name in splits] if isinstance(splits, list) else []}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
