"""The files of a dataset on disk: their names, their order, their digest.

Invariant: files come in the order of their paths, links are not followed, and nothing is written anywhere.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from privet.errors import BadInput


def files_of(root: Path) -> list[Path]:
    """Return the files of a dataset, sorted by their path.

    Raises:
        BadInput: there is none, or it cannot be read.

    """
    if not root.exists():
        raise BadInput("there is no such dataset", hint="name a file or a folder")
    try:
        if root.is_file():
            return [root]
        found = sorted(
            (path for path in _under(root) if path.is_file() and not path.is_symlink()),
            key=lambda path: path.relative_to(root).as_posix(),
        )
    except OSError as error:
        raise BadInput("the dataset cannot be read", hint="check its path and permissions") from error
    if not found:
        raise BadInput("the dataset has no files", hint="name a file, or a folder that holds some")
    return found


def _under(root: Path) -> Iterator[Path]:
    """Yield what a folder holds; unlike `rglob`, this says so where a folder cannot be read."""

    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(root, onerror=refuse):
        yield from (Path(folder, name) for name in (*folders, *names))


def links_of(root: Path) -> list[str]:
    """Return the names of links that lead out of a dataset, or nowhere: what is behind them is not looked at."""
    if root.is_file():
        return []
    links = [path for path in _under(root) if path.is_symlink()]
    inside = root.resolve()
    return sorted(name_of(root, path) for path in links if not _leads_into(path, inside))


def _leads_into(path: Path, folder: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(folder)
    except (OSError, RuntimeError):
        return False


def name_of(root: Path, path: Path) -> str:
    """Return the name of a file in the dataset."""
    return path.name if path == root else path.relative_to(root).as_posix()


def digest_of(files: list[tuple[str, Path]]) -> str:
    """Return the digest of a dataset: SHA-256 over the RFC 8785 form of `[[path, SHA-256 of its bytes], …]`, sorted by path."""
    import rfc8785

    listed: list[Any] = []
    for name, path in files:
        with path.open("rb") as stream:
            listed.append([name, hashlib.file_digest(stream, "sha256").hexdigest()])
    return "sha256:" + hashlib.sha256(rfc8785.dumps(sorted(listed))).hexdigest()
