"""Files and folders that their owner alone can read, written so that a crash leaves them as they were or as they should be.

Invariants:

- A file that takes another's place was synced before, and its name is synced after.
- What is wiped is overwritten, unless it has another name: then it is a backup that shares its blocks.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from privet.errors import Unprotected


def made_private(folder: Path) -> Path:
    """Return a folder that its owner alone can enter; make it where it is missing.

    Raises:
        Unprotected: others can enter it, or it cannot be made.

    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unprotected("the key folder cannot be made", hint="name a folder that you can write") from error
    return private_folder(folder)


def private_folder(folder: Path) -> Path:
    """Return a folder that its owner alone can enter, or that is not there yet.

    Raises:
        Unprotected: others can enter it, or nobody can tell.

    """
    try:
        info = folder.stat()
    except FileNotFoundError:
        return folder
    except OSError as error:
        raise Unprotected("the key folder cannot be looked at", hint="name a folder that is your own") from error
    if info.st_uid != os.geteuid() or stat.S_IMODE(info.st_mode) & 0o077:
        raise Unprotected("the key folder is not private", hint="chmod 700 it, and see that it belongs to you")
    return folder


def write_beside(place: Path, content: bytes, *, wipe: bool = False) -> None:
    """Write a private file beside and rename it into place, durably; `wipe` overwrites what was there before.

    Raises:
        Unprotected: it cannot be written.

    """
    beside = place.with_name(f".{place.name}-{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        old = _open_for_wiping(place) if wipe else None
        try:
            beside.replace(place)
            sync_folder(place.parent)
        finally:
            if old is not None:
                _wiped(old)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Unprotected(
            f"a file of the vault could not be written ({os.strerror(error.errno or 0)})",
            hint="check space and permissions",
        ) from error


def remove_leftovers(folder: Path, name: str) -> None:
    """Overwrite and remove what a crash has left of files that were to be renamed: it may hold keys."""
    for place in folder.glob(f".{name}*"):
        old = _open_for_wiping(place)
        place.unlink(missing_ok=True)
        if old is not None:
            _wiped(old)


def _open_for_wiping(place: Path) -> int | None:
    try:
        return os.open(place, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None


def _wiped(descriptor: int) -> None:
    """Overwrite a file that has no name any more: another name is a backup that shares it."""
    try:
        info = os.fstat(descriptor)
        if info.st_nlink == 0:
            with suppress(OSError):  # it is gone by name; this is for the disk's free blocks
                write_at(descriptor, bytes(info.st_size), 0)
                os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def write_at(descriptor: int, content: bytes, start: int) -> None:
    """Write all of it: a disk that is nearly full takes a part without an error."""
    view = memoryview(content)
    while view:
        count = os.pwrite(descriptor, view, start)
        view, start = view[count:], start + count


def write_pieces(descriptor: int, pieces: Iterable[bytes], start: int) -> int:
    """Write pieces one behind the other, without a buffer, which a fork would write twice; return where they end."""
    for piece in pieces:
        write_at(descriptor, piece, start)
        start += len(piece)
    return start


def sync_folder(folder: Path) -> None:
    """See that the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
