"""One pass over every record of a dataset, the same each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from privet.audit.files import files_of, name_of, passed_over
from privet.audit.manifest_check import NAME as MANIFEST
from privet.audit.reading import BY_LINE, records_of
from privet.audit.record import File, Record
from privet.audit.sample import MAX_STRATA
from privet.audit.unpacking import Entry, Unread, entry_of, expand, nested
from privet.errors import BadInput

_PIECES: Final = 1 << 16
"""In files of lines a record's place is that of its line times this, plus its number in the line: unread lines need no counting."""


class Seen(NamedTuple):
    """A record, the one at `at` in the file `name`, which is of a stratum."""

    stratum: str
    name: str
    at: int
    record: Record


class _Way:
    """Which files, and which lines of them, a pass has to read."""

    def __init__(self, only: Mapping[str, frozenset[int]] | None) -> None:
        self._only = only
        parts = (name.split("!/") for name in only or ())
        self._holding = {"!/".join(part[:end]) for part in parts for end in range(1, len(part) + 1)}

    def may_hold(self, name: str) -> bool:
        """Tell whether a file, or a file in it, holds a record that is wanted."""
        return self._only is None or name in self._holding

    def lines(self, name: str) -> frozenset[int] | None:
        """Return the lines that are wanted of a file of lines; None: all."""
        return None if self._only is None else frozenset(at // _PIECES for at in self._only.get(name, ()))


@dataclass(slots=True)
class Dataset:
    """The files of a dataset; what could not be read is in `unread` after a pass: the name and the reason."""

    root: Path
    files: Sequence[Path]
    unread: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, root: Path) -> Dataset:
        """Return the dataset at a path.

        Raises:
            BadInput: there is nothing to read.

        """
        found = cls(root, files_of(root), passed_over(root))
        if not found.data_files and not found.unread:
            raise BadInput("the dataset has no files but a manifest", hint="name a folder that holds some")
        return found

    @property
    def data_files(self) -> list[Path]:
        """The files but the manifest, which is checked by itself."""
        return [path for path in self.files if path == self.root or path != self.root / MANIFEST]

    def pass_over(
        self,
        each_file: Callable[[Entry], None] = lambda _entry: None,
        only: Mapping[str, frozenset[int]] | None = None,
    ) -> Iterator[Seen]:
        """Yield every record; `each_file` is given each file, and each file in a file, before its records.

        With `only`, the places of records by file, what holds none of these may be left out unread.
        """
        way = _Way(only)
        by_file = len(self.data_files) <= MAX_STRATA
        names: Counter[str] = Counter()
        for path in self.data_files:
            top = entry_of(self.root, path)
            for entry in self._entries(top):
                if entry.unread and names[entry.name]:  # it was given before it turned out to be damaged
                    self.unread[entry.name] = entry.unread
                    continue
                each_file(entry)
                names[entry.name] += 1
                name = entry.name if names[entry.name] == 1 else f"{entry.name}#{names[entry.name]}"
                if way.may_hold(entry.name) or way.may_hold(name):
                    yield from self._records(entry, top.name if by_file else top.form.name, name, each_file, names, way)

    def _entries(self, top: Entry) -> Iterator[Entry]:
        try:
            yield from expand(top)
        except Unread as error:
            self.unread[top.name] = error.reason

    def _records(
        self,
        entry: Entry,
        stratum: str,
        name: str,
        each_file: Callable[[Entry], None],
        names: Counter[str],
        way: _Way,
    ) -> Iterator[Seen]:
        by_line = entry.form.name in BY_LINE
        at = line = -1
        try:
            for found in records_of(entry, way.lines(name) if by_line else None):
                if isinstance(found, File):
                    yield from self._inside(entry, name, found, stratum, each_file, names, way)
                    continue
                if found.text and not found.text.isspace():
                    at = found.line * _PIECES if by_line and found.line != line else at + 1
                    line = found.line
                    yield Seen(stratum, name, at, found)
        except Unread as error:
            self.unread[name] = error.reason

    def _inside(
        self,
        entry: Entry,
        name: str,
        file: File,
        stratum: str,
        each_file: Callable[[Entry], None],
        names: Counter[str],
        way: _Way,
    ) -> Iterator[Seen]:
        """Yield the records of a file that stands inside another one."""
        try:
            for member in nested(entry, file):
                if member.unread and names[member.name]:
                    self.unread[member.name] = member.unread
                    continue
                each_file(member)
                names[member.name] += 1
                inner = member.name if names[member.name] == 1 else f"{member.name}#{names[member.name]}"
                yield from self._records(member, stratum, inner, each_file, names, way)
        except Unread as error:
            self.unread[f"{name}!/{file.name}"] = error.reason


def named(root: Path, files: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return files with their names in the dataset."""
    return [(name_of(root, path), path) for path in files]
