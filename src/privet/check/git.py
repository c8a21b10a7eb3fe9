"""What is asked of git: where a branch left another, and contents by their ids.

Invariants: nothing is written, and no hook, file system monitor or pager runs. What git refuses is the caller's to tell; its own words,
which may hold paths, are not passed on.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from privet.errors import BadInput


class Base(NamedTuple):
    """A commit to compare with. `is_exact` is false where it is not known at which one the branch left the reference."""

    commit: str
    is_exact: bool = True


def base_of(root: Path, reference: str) -> Base:
    """Return where the branch left a reference; before the first commit, `HEAD` is a commit without files.

    Raises:
        BadInput: there is no such reference; the hint says how to get it.

    """
    try:
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options")
        commit = ask(root, *asked, f"{reference}^{{commit}}").decode().strip()
    except BadInput as error:
        if reference == "HEAD" and _is_repository(root):
            return Base(ask(root, "hash-object", "-t", "tree", "--stdin").decode().strip())
        raise BadInput(
            f"there is no commit {reference!r} here",
            hint="fetch it first: git fetch origin BRANCH, then --base origin/BRANCH (in CI: fetch-depth: 0)",
        ) from error
    if reference == "HEAD":
        return Base(commit)
    try:
        return Base(ask(root, "merge-base", commit, "HEAD").decode().strip())
    except BadInput:
        return Base(
            commit, is_exact=False
        )  # a shallow clone does not know where the branch left, or there is no such place


def _is_repository(root: Path) -> bool:
    try:
        return bool(ask(root, "rev-parse", "--git-dir"))
    except BadInput:
        return False


def ask(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    """Return what a git command prints, `given` on its standard input.

    Raises:
        BadInput: there is no git, or it refused.

    """
    return Question(folder, *arguments).answer(given)


class Question:
    """A git command that runs while its caller does something else."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        settings = ("core.fsmonitor=false", "core.quotePath=false", "diff.autoRefreshIndex=false")
        configured = [word for setting in settings for word in ("-c", setting)]
        command = ["git", "-C", str(folder), *configured, "--no-pager", "--no-optional-locks", *arguments]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - no shell
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise BadInput(
                "git cannot be started", hint="install git, or check a folder outside a repository"
            ) from error

    def answer(self, given: bytes = b"") -> bytes:
        """Wait for what it prints, `given` on its standard input.

        Raises:
            BadInput: git refused.

        """
        told, _ = self._process.communicate(given)
        if self._process.returncode:
            raise BadInput("git refused", hint="run the command inside a git repository that belongs to you")
        return told


def sizes_of(root: Path, blobs: Sequence[str]) -> dict[str, int]:
    """Return the sizes of contents in bytes; those that git does not have are left out."""
    if not blobs:
        return {}
    told = ask(root, "cat-file", "--batch-check=%(objectname) %(objectsize)", given="\n".join(blobs).encode()).decode()
    pairs = (line.split() for line in told.splitlines())
    return {blob: int(size) for blob, size in pairs if size.isdigit()}


class Blobs:
    """Reads contents by their ids through one `git cat-file --batch` a process."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def read(self, blob: str, limit: int) -> bytes:
        """Return the first bytes of a content.

        Raises:
            OSError: git does not have it.

        """
        process = self._started()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
        process.stdin.write(blob.encode() + b"\n")
        process.stdin.flush()
        head = process.stdout.readline().split()
        if len(head) != 3:
            raise FileNotFoundError("git does not have this content")
        size = int(head[2])
        content = process.stdout.read(min(size, limit))
        left = size - len(content)
        while left > 0:
            skipped = len(process.stdout.read(min(left, 2**20)))
            if not skipped:
                raise OSError("git ended")
            left -= skipped
        process.stdout.read(1)
        return content

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid():
            command = ["git", "-C", str(self._root), "cat-file", "--batch"]
            self._process = subprocess.Popen(  # noqa: S603 - no shell
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            self._owner = os.getpid()
        return self._process

    def __del__(self) -> None:
        if self._process is not None and self._owner == os.getpid():
            self._process.communicate()
