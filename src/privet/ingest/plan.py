"""What there is to scrub: the files below the inputs, in one order, and those that are not even opened.

Invariants:

- Links are never followed, and devices, pipes, sockets and caches of raw data never opened: each is set aside with a reason.
- The order is that of the names as bytes, so the same tree gives the same plan everywhere.
- A file that is another one by the time it is opened, or changes while it is read, is not taken for the one that was planned.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

import msgspec

from privet.errors import BadInput
from privet.ingest.hf_folder import is_cache
from privet.metadata.job import CannotClean

MANIFEST: Final = "privet-manifest.json"
PREFIX: Final = ".privet"
_KEY_BYTES: Final = 12
_UNREADABLE: Final = "it cannot be read: check its permissions"


class Changed(CannotClean):
    """A file is not what it was when the run was planned."""

    def __init__(self, reason: str = "it changed while it was read: run the same command again") -> None:
        super().__init__(reason)


class Item(msgspec.Struct, frozen=True):
    """One file: `name` is its place below the inputs, with `/` between components; `problem` why it is not opened."""

    name: str
    path: str
    size: int
    modified_ns: int
    problem: str = ""

    @property
    def key(self) -> str:
        """A name for what is kept of the file while the work is going on, which tells nothing of its own name."""
        raw = self.name.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(raw, digest_size=_KEY_BYTES, person=b"privet item").hexdigest()


def planned(inputs: Sequence[Path], out: Path) -> list[Item]:
    """Return the files below the inputs. One folder's files keep their places; several inputs go below their own names.

    Raises:
        BadInput: an input is missing, there is no file in them, two have one name, or the output lies in an input or the other way round.

    """
    names = [_name(path) for path in inputs]
    if len(set(names)) != len(names):
        raise BadInput("two inputs have the same name", hint="scrub them one after the other, to different outputs")
    target = out.absolute().resolve()
    items: list[Item] = []
    for path, name in zip(inputs, names, strict=True):
        if not os.path.lexists(path):
            raise BadInput(f"input {inputs.index(path) + 1} does not exist", hint="check the path")
        source = path.absolute().resolve()
        if target == source or source in target.parents or target in source.parents:
            raise BadInput(
                "the output lies inside the input, or the input inside the output", hint="choose another folder"
            )
        if path.is_dir():
            items += _below(path, "" if len(inputs) == 1 else f"{name}/")
        else:
            items.append(_item(path, name))
    if not items:
        raise BadInput("the inputs hold no file", hint="name files, or folders that hold some")
    return sorted(items, key=lambda item: os.fsencode(item.name))


def _name(path: Path) -> str:
    return path.name if path.name not in ("", "..") else path.absolute().resolve().name


def _below(folder: Path, prefix: str) -> Iterator[Item]:
    waiting = [(folder, prefix)]
    while waiting:
        place, before = waiting.pop()
        try:
            with os.scandir(place) as entries:
                found = list(entries)
        except OSError:
            yield Item(before.rstrip("/") or ".", str(place), 0, 0, "the folder cannot be read: check its permissions")
            continue
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), f"{before}{entry.name}/"))
            else:
                yield _item(Path(entry.path), before + entry.name)


def _item(path: Path, name: str) -> Item:
    try:
        info = path.lstat()
    except OSError:
        return Item(name, str(path), 0, 0, _UNREADABLE)
    if stat.S_ISLNK(info.st_mode):
        return Item(name, str(path), 0, 0, "a link: what it points to is not opened")
    if not stat.S_ISREG(info.st_mode):
        return Item(name, str(path), 0, 0, "not a file: a device, pipe or socket")
    if is_cache(PurePosixPath(name)):
        return Item(
            name,
            str(path),
            0,
            0,
            "a cache of a library: raw rows may be left in it, and it is made again where it is needed",
        )
    return Item(name, str(path), info.st_size, info.st_mtime_ns)


def opened(item: Item) -> BinaryIO:
    """Open a file of the plan; what has been put into its place since, a link or a pipe, is neither followed nor waited for.

    Raises:
        Changed: it is not the file that was planned.
        CannotClean: it may not be read.

    """
    try:
        descriptor = os.open(item.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError as error:
        raise CannotClean(_UNREADABLE) from error
    except OSError as error:
        raise Changed from error
    if not _is_planned(item, os.fstat(descriptor)):
        os.close(descriptor)
        raise Changed
    return os.fdopen(descriptor, "rb")


def check_unchanged(item: Item) -> None:
    """Do nothing where a file is still as it was planned.

    Raises:
        Changed: it is not.

    """
    try:
        info = os.lstat(item.path)
    except OSError as error:
        raise Changed from error
    if not _is_planned(item, info):
        raise Changed


def _is_planned(item: Item, info: os.stat_result) -> bool:
    return stat.S_ISREG(info.st_mode) and (info.st_size, info.st_mtime_ns) == (item.size, item.modified_ns)
