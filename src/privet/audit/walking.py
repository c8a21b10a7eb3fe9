"""One pass over every record of a dataset, the same each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from privet.audit.manifest_check import NAME as MANIFEST
from privet.audit.reading import Entry, Unread, entry_of, expand, files_of, links_of, name_of, nested, records_of
from privet.audit.record import File, Record
from privet.audit.sample import MAX_STRATA


class Seen(NamedTuple):
    """A record, the one at `at` in the file `name`, which is of a stratum."""

    stratum: str
    name: str
    at: int
    record: Record


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
        return cls(
            root, files_of(root), dict.fromkeys(links_of(root), "a link out of the dataset, which is not followed")
        )

    @property
    def data_files(self) -> list[Path]:
        """The files but the manifest, which is checked by itself."""
        return [path for path in self.files if path == self.root or path != self.root / MANIFEST]

    def pass_over(self, each_file: Callable[[Entry], None] = lambda _entry: None) -> Iterator[Seen]:
        """Yield every record; `each_file` is given each file, and each file in a file, before its records."""
        by_file = len(self.data_files) <= MAX_STRATA
        names: Counter[str] = Counter()
        for path in self.data_files:
            top = entry_of(self.root, path)
            for entry in self._entries(top):
                each_file(entry)
                names[entry.name] += 1
                name = entry.name if names[entry.name] == 1 else f"{entry.name}#{names[entry.name]}"
                yield from self._records(entry, top.name if by_file else top.form.name, name, each_file, names)

    def _entries(self, top: Entry) -> Iterator[Entry]:
        try:
            yield from expand(top)
        except Unread as error:
            self.unread[top.name] = error.reason

    def _records(
        self, entry: Entry, stratum: str, name: str, each_file: Callable[[Entry], None], names: Counter[str]
    ) -> Iterator[Seen]:
        index = 0
        try:
            for found in records_of(entry):
                if isinstance(found, File):
                    yield from self._inside(entry, name, found, stratum, each_file, names)
                    continue
                if found.text and not found.text.isspace():
                    yield Seen(stratum, name, index, found)
                    index += 1
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
    ) -> Iterator[Seen]:
        """Yield the records of a file that stands inside another one."""
        try:
            for member in nested(entry, file):
                each_file(member)
                names[member.name] += 1
                inner = member.name if names[member.name] == 1 else f"{member.name}#{names[member.name]}"
                yield from self._records(member, stratum, inner, each_file, names)
        except Unread as error:
            self.unread[f"{name}!/{file.name}"] = error.reason


def named(root: Path, files: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return files with their names in the dataset."""
    return [(name_of(root, path), path) for path in files]
