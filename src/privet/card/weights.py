"""The weight files of a model and their digests.

Invariants:

- What evidence is about are the files of the folder itself with the suffixes of `COVERED`. Every other file that may hold weights, and
  every one further down, is found too and called uncovered: it cannot be added unseen.
- A file is its content: a link counts as what it leads to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from privet.errors import BadInput
from privet.evidence import file_digest

COVERED: Final = (".safetensors", ".gguf", ".bin", ".pt")
_OTHERS: Final = frozenset({
    ".ckpt", ".ggml", ".h5", ".hdf5", ".joblib", ".keras", ".llamafile", ".mar", ".mlmodel", ".msgpack", ".nemo", ".npy", ".npz", ".onnx",
    ".ot", ".params", ".pb", ".pdparams", ".pickle", ".pkl", ".pth", ".tflite",
})  # fmt: skip


def digests(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the SHA-256 of the weight files that evidence is about, and of those that it is not about, by name below the folder.

    Raises:
        BadInput: one of them cannot be read.

    """
    covered: dict[str, str] = {}
    others: dict[str, str] = {}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if path.parent == folder and path.suffix in COVERED:
            covered[name] = _digest(path, name)
        elif path.suffix.lower() in _OTHERS or path.suffix.lower() in COVERED:
            others[name] = _digest(path, name)
    return covered, others


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        # Git's and the hub's own folders hold what was, and copies.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (path for name in sorted(names) if (path := Path(place, name)).is_file())


def _digest(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file)
    except OSError as error:
        raise BadInput(f"the weight file {name} cannot be read", hint="check its permissions") from error
