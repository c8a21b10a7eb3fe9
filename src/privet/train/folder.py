"""A folder with a model: for its owner only, and without a word of the machine that it was trained on.

Invariants:

- Files are written to a folder beside, cleaned there, and moved: what was not cleaned never stands under its own name.
- No text of a small JSON file is a path of this machine; a base model that was read from a folder has no name at all, since the last part
  of its path would be looked up somewhere else.
- A card that stands in the folder stays as its author wrote it; one that a library makes is not kept.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from privet.errors import Unprotected
from privet.metadata import hf_json
from privet.metadata.job import CannotClean, Job

_NAMES: Final = (
    "_name_or_path",
    "base_model_name_or_path",
    "name_or_path",
    "model_name_or_path",
    "tokenizer_name_or_path",
)
_VOCABULARIES: Final = ("tokenizer.json", "vocab.json")
"""what they hold are words of the model, as they were before"""
_CARD: Final = "README.md"


@contextmanager
def private_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder; what was written there is cleaned and moved to `folder`, which is made (mode 0700).

    Raises:
        Unprotected: a file cannot be cleaned or moved; nothing was moved.

    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        beside = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    except OSError as error:
        raise Unprotected("the folder for the model cannot be written", hint="check its owner and space") from error
    try:
        yield beside
        clean(beside)
        for path in sorted(beside.iterdir()):
            if path.is_dir() and (folder / path.name).is_dir():
                shutil.rmtree(folder / path.name)
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def clean(folder: Path) -> None:
    """Take what names this machine out of the files beside the weights, and give everything to its owner only."""
    (folder / _CARD).unlink(missing_ok=True)
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o700)
            continue
        path.chmod(0o600)
        if path.suffix == ".json" and path.name not in _VOCABULARIES:
            _clean_json(path)


def _clean_json(path: Path) -> None:
    content = path.read_bytes()
    try:
        document = json.loads(content)
        if isinstance(document, dict) and any(_is_local(document.get(name)) for name in _NAMES):
            content = json.dumps(
                {name: None if name in _NAMES and _is_local(value) else value for name, value in document.items()},
                indent=2,
                ensure_ascii=False,
            ).encode()
        target = io.BytesIO()
        hf_json.clean(io.BytesIO(content), target, Job())
    except (ValueError, CannotClean) as error:
        raise Unprotected(f"{path.name} cannot be cleaned of local paths", hint="report the model's class") from error
    path.write_bytes(target.getvalue().rstrip() + b"\n")


def _is_local(value: Any) -> bool:
    """Tell a path from the name of a model: `owner/name` may be a folder here too, and is one then."""
    return (
        isinstance(value, str)
        and value != ""
        and (value.startswith(("/", ".", "~", "\\")) or ":" in value or Path(value).exists())
    )
