"""The files of one side: a folder as it is now, or a commit, as git has them.

Invariants: what git ignores is not there; a symbolic link is not followed, nor a folder that is one; nothing is written, and git runs no
hook, no file system monitor, no external diff and no pager. A file that cannot be read, and a repository inside, is said, never skipped in
silence.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from privet.check import git
from privet.check.facts import Note
from privet.errors import BadInput

MAX_TEXT_BYTES: Final = 8 * 2**20
"""Larger files are data, and only sampled."""
_KIND: Final = 0o170000
"""The bits of a mode that say what kind of file it is."""
_SKIPPED: Final = frozenset(
    (
        *(".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox"),
        *(".mypy_cache", ".ruff_cache", ".pytest_cache"),
    )
)


class Entry(NamedTuple):
    """A file: its path with `/`, its size in bytes, for a commit the id of its content, for a folder what changes when the file does."""

    path: str
    size: int
    blob: str = ""
    stamp: tuple[int, ...] = ()
    """Inode, size, and the times of content and of inode in nanoseconds, as git's own index has them; empty where a look is needed."""


class Tree:
    """Files and how to read them. `read` gives the first `limit` bytes."""

    def __init__(
        self,
        entries: Iterable[Entry],
        read: Callable[[Entry, int], bytes],
        label: str,
        *,
        notes: Iterable[Note] = (),
        new: Iterable[str] = (),
        is_whole: bool = True,
    ) -> None:
        self.entries = {entry.path: entry for entry in entries}
        self.label = label
        self.notes = tuple(notes)
        """What is there and is not looked into: repositories inside this one."""
        self.new = frozenset(new)
        """Files that git does not track yet."""
        self.asked: set[str] = set()
        """The files of which somebody wanted the text."""
        self._read = read
        self._every = self.entries
        self._is_whole = is_whole

    @property
    def names(self) -> Collection[str] | None:
        """The paths of all files, also where only a part is looked at; None where not all are known."""
        return self._every.keys() if self._is_whole else None

    def part(self, wanted: Callable[[str], bool]) -> Tree:
        """Return the same tree with fewer files to look at; `text` still gives those that they name."""
        kept = [entry for path, entry in self.entries.items() if wanted(path)]
        return self._like(kept, self._read)

    def as_in(self, other: Tree, wanted: Callable[[str], bool]) -> Tree:
        """Return the same tree with the wanted files as another one has them."""
        taken = {path: entry for path, entry in other.entries.items() if wanted(path)}
        kept = (entry for path, entry in self.entries.items() if not wanted(path))

        def read(entry: Entry, limit: int) -> bytes:
            return other.read(entry.path, limit) if entry.path in taken else self._read(entry, limit)

        return Tree(sorted((*kept, *taken.values())), read, self.label)

    def watched(self, told: Callable[[int], None]) -> Tree:
        """Return the same tree, which tells how many bytes were read."""

        def read(entry: Entry, limit: int) -> bytes:
            raw = self._read(entry, limit)
            told(len(raw))
            return raw

        return self._like(self.entries.values(), read)

    def _like(self, entries: Iterable[Entry], read: Callable[[Entry, int], bytes]) -> Tree:
        other = Tree(entries, read, self.label, notes=self.notes, new=self.new)
        other._every, other._is_whole = self._every, self._is_whole
        return other

    def read(self, path: str, limit: int = MAX_TEXT_BYTES) -> bytes:
        """Return the beginning of a file.

        Raises:
            OSError: it cannot be read.

        """
        return self._read(self._every[path], limit)

    def text(self, path: str) -> str | None:
        """Return a file as text, None where there is none, or where it is no text."""
        self.asked.add(path)
        entry = self._every.get(path)
        if entry is None or entry.size > MAX_TEXT_BYTES:
            return None
        try:
            return decode(self.read(path))
        except OSError:
            return None


def decode(raw: bytes) -> str | None:
    """Return text of UTF-8, or of UTF-16 with its mark; None for anything else. The mark itself is kept as one character."""
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError:
            return None
    if b"\0" in raw[:8192]:
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def root_of(place: Path) -> Path:
    """Return the top of the repository that a file or folder lies in; outside of one the nearest folder that is there."""
    folder = place.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent  # a file, or one that a change has removed
    try:
        return Path(os.fsdecode(git.ask(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    except BadInput:
        return folder.resolve()


def listing(root: Path) -> git.Question | None:
    """Ask git which files a folder has; None where there is no git to ask."""
    try:
        return git.Question(root, "ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
    except BadInput:
        return None


def difference(root: Path, base: git.Base) -> git.Question:
    """Ask git in which files a folder differs from a commit.

    Raises:
        BadInput: there is no git.

    """
    options = ("--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules")
    return git.Question(root, "diff", *options, base.commit)


def working_tree(root: Path, names: Collection[str] = (), asked: git.Question | None = None) -> Tree:
    """Return the files of a folder that git tracks or would track, by the answer to a `listing` or to one of now.

    Outside a repository, where the folder may be anybody's home: the named files, what is beside them, and all but the usual caches
    below the named folders; without names, below the folder.
    """
    notes: list[Note] = []
    question = asked or listing(root)
    try:
        if question is None:
            raise BadInput("there is no git", hint="")
        listed = question.answer()
    except BadInput:
        paths = dict.fromkeys(_walk(root, names or (".",), notes), "?")
        is_whole = not names
    else:
        is_whole = True
        paths = {item[2:]: item[0] for item in os.fsdecode(listed).split("\0") if item}
    folders = _Folders(root)
    entries: list[Entry] = []
    for path in sorted(paths):
        try:
            found = os.lstat(folders.place(path))
        except (FileNotFoundError, NotADirectoryError):
            continue  # removed and not yet committed, or left out by a sparse checkout
        except OSError:
            entries.append(Entry(path, 0))  # reading it fails, too, and that is told
            continue
        kind = found.st_mode & _KIND
        if kind == stat.S_IFREG:
            stamp = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            entries.append(Entry(path, found.st_size, stamp=stamp))
        elif kind == stat.S_IFDIR:
            notes.append(Note(path.rstrip("/"), 1, "is a repository of its own: run the check in it"))

    def read(entry: Entry, limit: int) -> bytes:
        descriptor = os.open(folders.place(entry.path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(limit)

    new = (path for path, tag in paths.items() if tag == "?")
    return Tree(entries, read, "working tree", notes=notes, new=new, is_whole=is_whole)


class _Folders:
    """Where files are, as long as no folder on the way is a link: a link may lead out of the repository."""

    def __init__(self, root: Path) -> None:
        self._root = str(root).rstrip("/")
        self._real = {"": True}

    def place(self, path: str) -> str:
        folder = path.rpartition("/")[0]
        known = self._real.get(folder)
        if not (self._is_real(folder) if known is None else known):
            raise NotADirectoryError(path)
        return f"{self._root}/{path}"

    def _is_real(self, folder: str) -> bool:
        known = self._real.get(folder)
        if known is None:
            known = self._is_real(folder.rpartition("/")[0]) and not os.path.islink(f"{self._root}/{folder}")  # noqa: PTH114 - text, as there are thousands
            self._real[folder] = known
        return known


def before(root: Path, base: git.Base, head: Tree, asked: git.Question | None = None) -> tuple[Tree, frozenset[str]]:
    """Return the files of a commit, and which differ from those of the folder as it is now, on either side.

    What does not differ is read from the folder: one listing and one git less, and the same whatever filters git has. The answer to
    `difference` tells what does, or that to one of now.
    """
    listed = (asked or difference(root, base)).answer().split(b"\0")
    changed: dict[str, str] = {}
    for told, name in zip(listed[::2], listed[1::2], strict=False):
        mode, _, blob, *_ = told.decode().split()
        changed[os.fsdecode(name)] = blob if mode in {":100644", ":100755"} else ""
    gone = {path for path, blob in changed.items() if not blob}
    same = [entry for path, entry in head.entries.items() if path not in changed and path not in head.new]
    blobs = git.Blobs(root)
    sizes = git.sizes_of(root, [blob for blob in changed.values() if blob])
    old = [Entry(path, sizes.get(blob, 0), blob) for path, blob in changed.items() if path not in gone]

    def read(entry: Entry, limit: int) -> bytes:
        return blobs.read(entry.blob, limit) if entry.blob else head.read(entry.path, limit)

    return Tree(sorted((*same, *old)), read, base.commit), head.new.union(changed)


def _walk(root: Path, names: Collection[str], notes: list[Note]) -> Iterator[str]:
    def failed(error: OSError) -> None:
        name = Path(str(error.filename)).relative_to(root).as_posix()
        notes.append(Note(name, 1, "cannot be opened, so what is below it was not read"))

    for name in names:
        place = root / name
        is_whole = place.is_dir() and not place.is_symlink()
        for folder, folders, files in os.walk(place if is_whole else place.parent, onerror=failed):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED) if is_whole else []
            for file in files:
                yield (Path(folder) / file).relative_to(root).as_posix()
