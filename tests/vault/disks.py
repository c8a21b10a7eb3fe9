"""A disk that refuses at a call of choice, and one whose power fails there: what was not synced is lost.

Only calls of the operating system are replaced, so everything of the package runs as it is.
"""

from __future__ import annotations

import errno
import os
import random
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

CALLS = ("open", "pwrite", "fdatasync", "fsync", "ftruncate", "replace", "unlink")


class Refusing:
    """Refuses the call number `at`, before it does anything or after it has done all or, of a write, half."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, at: int, mode: str) -> None:
        self.calls = 0
        self._at = at
        self._mode = mode
        self._folder = str(folder)
        for name in CALLS:
            patch.setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR):
                return real(*arguments, **options)
            self.calls += 1
            if self.calls != self._at:
                return real(*arguments, **options)
            if self._mode == "after" and name != "open":
                real(*arguments, **options)
            if self._mode == "half" and name == "pwrite":
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2], arguments[2])
            raise OSError(errno.ENOSPC, "no space left on device")

        return call


class Undo(NamedTuple):
    """What takes a call back, and which inode's sync makes it last."""

    inode: int
    is_data: bool
    back: Callable[[dict[int, bytes], dict[str, int]], None]


class Losing:
    """Keeps what is on the disk and what would be lost; `moments` has the state before each call that changes something."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self._folder = folder
        self._undo: list[Undo] = []
        self.moments: list[tuple[Any, list[Undo], dict[int, bytes], dict[str, int]]] = []
        self.told: Callable[[], Any] = lambda: None
        for name in CALLS:
            patch.setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & os.O_CREAT:
                return real(*arguments, **options)
            self.moments.append((self.told(), list(self._undo), *self._state()))
            return getattr(self, f"_{name}")(real, *arguments, **options)

        return call

    def _state(self) -> tuple[dict[int, bytes], dict[str, int]]:
        contents, names = {}, {}
        for place in self._folder.rglob("*"):
            if place.is_file():
                names[str(place)] = place.stat().st_ino
                contents[names[str(place)]] = place.read_bytes()
        return contents, names

    def _open(self, real: Callable[..., int], path: Any, flags: int, mode: int = 0o777) -> int:
        is_new = not os.path.lexists(path)
        descriptor = real(path, flags, mode)
        if is_new:
            self._undo.append(Undo(Path(path).parent.stat().st_ino, False, lambda _, names: names.pop(str(path), None)))  # type: ignore[arg-type, return-value]
        return descriptor

    def _pwrite(self, real: Callable[..., int], descriptor: int, content: Any, start: int) -> int:
        inode, size, old = self._before(descriptor)

        def back(contents: dict[int, bytes], _: dict[str, int]) -> None:
            now = contents.get(inode, b"")
            end = start + len(content)
            contents[inode] = (now[:start] + old[start:end] + now[end:])[
                : max(size, len(now) if len(now) > end else size)
            ]

        self._undo.append(Undo(inode, True, back))
        return real(descriptor, content, start)

    def _ftruncate(self, real: Callable[..., None], descriptor: int, length: int) -> None:
        inode, size, old = self._before(descriptor)

        def back(contents: dict[int, bytes], _: dict[str, int]) -> None:
            now = contents.get(inode, b"")
            contents[inode] = (now[:length] + old[length:])[:size] if size > length else now[:size]

        self._undo.append(Undo(inode, True, back))
        real(descriptor, length)

    def _before(self, descriptor: int) -> tuple[int, int, bytes]:
        info = os.fstat(descriptor)
        with open(f"/proc/self/fd/{descriptor}", "rb") as file:  # noqa: PTH123 - a name of the descriptor, not a path
            return info.st_ino, info.st_size, file.read()

    def _replace(self, real: Callable[..., None], source: Any, target: Any, **options: Any) -> None:
        old = os.stat(target).st_ino if os.path.exists(target) else None  # noqa: PTH110, PTH116
        content = Path(target).read_bytes() if old is not None else b""
        inode = os.stat(source).st_ino  # noqa: PTH116

        def back(contents: dict[int, bytes], names: dict[str, int]) -> None:
            names.pop(str(target), None)
            if old is not None:
                # The old file may have been overwritten since, under no name.
                names[str(target)], contents[old] = old, content
            names[str(source)] = inode

        self._undo.append(Undo(Path(target).parent.stat().st_ino, False, back))
        real(source, target, **options)

    def _unlink(self, real: Callable[..., None], path: Any, **options: Any) -> None:
        with suppress(FileNotFoundError):
            inode, content = os.stat(path).st_ino, Path(path).read_bytes()  # noqa: PTH116

            def back(contents: dict[int, bytes], names: dict[str, int]) -> None:
                names[str(path)], contents[inode] = inode, content

            self._undo.append(Undo(Path(path).parent.stat().st_ino, False, back))
        real(path, **options)

    def _fsync(self, real: Callable[[int], None], descriptor: int) -> None:
        real(descriptor)
        info = os.fstat(descriptor)
        is_folder = stat.S_ISDIR(info.st_mode)
        self._undo = [each for each in self._undo if each.inode != info.st_ino or each.is_data == is_folder]

    _fdatasync = _fsync


def after_power_failure(
    moment: tuple[Any, list[Undo], dict[int, bytes], dict[str, int]],
    source: Path,
    target: Path,
    chance: random.Random | None,
) -> None:
    """Write what is left at a moment below another folder: nothing that was not synced, or some of it."""
    _, undo, contents, names = moment
    contents, names = dict(contents), dict(names)
    for each in reversed(undo):
        if chance is None or (each.is_data and chance.random() < 0.5):
            each.back(contents, names)
    for name, inode in names.items():
        place = target / Path(name).relative_to(source)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.write_bytes(contents.get(inode, b""))
        place.chmod(0o600)
