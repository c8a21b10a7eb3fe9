"""The files of a dataset on disk: their names, their order, their digest.

Invariant: files come in the order of their paths, links are not followed, and nothing is written anywhere.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from privet.errors import BadInput

_WORK: Final = ".privet-work"
"""The folder in which `privet scrub` keeps what is done until its output is complete (docs/scrub.md)."""


def files_of(root: Path) -> list[Path]:
    """Return the files of a dataset, sorted by their path.

    Raises:
        BadInput: it holds nothing at all, or cannot be looked into.

    """
    try:
        if not root.exists():
            raise BadInput("there is no such dataset", hint="name a file or a folder")
        if root.is_file():
            return [root]
        found = sorted(
            (path for path in _under(root) if _kind(path) == stat.S_IFREG),
            key=lambda path: path.relative_to(root).as_posix(),
        )
    except OSError as error:
        raise BadInput("the dataset cannot be read", hint="check its path and permissions") from error
    if not found and not passed_over(root):
        raise BadInput("the dataset has no files", hint="name a file, or a folder that holds some")
    return found


def check_is_complete(root: Path) -> None:
    """Do nothing where no run of `privet scrub` is at work in a folder, or was cut off in it.

    Raises:
        BadInput: one is, or was.

    """
    if (root / _WORK).is_dir():
        raise BadInput(
            "the run of privet scrub that makes this dataset is not complete",
            hint="wait for it, or run the same privet scrub command again: it goes on where it was",
        )


def passed_over(root: Path) -> dict[str, str]:
    """Return what is in a dataset and is no file that can be opened: the name, and why it is not looked at.

    These are links that lead out of it or nowhere, pipes, sockets and devices, and folders whose permissions hide what they hold.
    """
    if root.is_file():
        return {}
    inside = root.resolve()
    found: dict[str, str] = {}
    closed: list[Path] = []
    for path in _under(root, closed):
        kind = _kind(path)
        if kind == stat.S_IFLNK and not _leads_into(path, inside):
            found[name_of(root, path)] = "a link out of the dataset, which is not followed"
        elif kind is None:
            found[name_of(root, path)] = CLOSED
        elif kind not in _LOOKED_INTO:
            found[name_of(root, path)] = "a pipe, socket or device"
    return found | {name_of(root, path): "a folder that cannot be listed: check its permissions" for path in closed}


CLOSED: Final = "it cannot be opened: check its permissions"
_LOOKED_INTO: Final = frozenset((stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK))


def _kind(path: Path) -> int | None:
    """Return what a path is, links not followed; None: its folder does not let anybody know."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except OSError:
        return None


def _under(root: Path, closed: list[Path] | None = None) -> Iterator[Path]:
    """Yield what a folder holds; folders in it that cannot be listed are put into `closed`.

    Raises:
        OSError: the folder itself cannot be listed.

    """

    def note(error: OSError) -> None:
        path = Path(error.filename)
        if path == root:
            raise error
        if closed is not None:
            closed.append(path)

    for folder, folders, names in os.walk(root, onerror=note):
        yield from (Path(folder, name) for name in (*folders, *names))


def _leads_into(path: Path, folder: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(folder)
    except (OSError, RuntimeError):
        return False


def name_of(root: Path, path: Path) -> str:
    """Return the name of a file in the dataset."""
    return path.name if path == root else path.relative_to(root).as_posix()


def digest_of(files: list[tuple[str, Path]]) -> str:
    """Return the digest of a dataset: SHA-256 over the RFC 8785 form of `[[path, SHA-256 of its bytes], …]`, sorted by path.

    A file that cannot be read has null for its digest.
    """
    import rfc8785

    listed: list[Any] = [[name, sha256_of(path)] for name, path in sorted(files)]
    return "sha256:" + hashlib.sha256(rfc8785.dumps(listed)).hexdigest()


def sha256_of(path: Path) -> str | None:
    """Return the digest of a file; None: it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
