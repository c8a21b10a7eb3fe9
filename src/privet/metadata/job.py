"""What a cleaner of one file format is given, and what it tells: texts to rewrite, members to clean, what was left out.

Invariants:

- A cleaner copies what it knows to be content and leaves everything else out: an unknown member is dropped, not kept.
- It looks at no policy and finds no identifiers: which characters go is said by `edits`, and a member is cleaned by `nested`.
- What it tells holds no text: `place` and `what` are words of the format, never of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from privet.edits import Edit, edited


class CannotClean(Exception):
    """The file cannot be cleaned by this cleaner and is to be set aside.

    `reason` is one short line for the user, lower case, no full stop, without a word of the file: "encrypted", "truncated: the
    last chunk is missing".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Member(NamedTuple):
    """A cleaned member of a container: its name, which may have changed, and its content."""

    name: str
    content: bytes


MEMBER: Final = "member set aside"
"""What is counted for each file inside another one that was left out."""


class SetAside(NamedTuple):
    """A file inside a file that was left out, and why: a line as `CannotClean` has it."""

    name: str
    reason: str


class Limits(NamedTuple):
    """What one file may cost, however deep it is nested."""

    max_file_bytes: int = 2 * 1024**3
    """largest file that is read into memory whole"""
    max_unpacked_bytes: int = 4 * 1024**3
    """bytes that all members of a container may unpack to"""
    max_members: int = 100_000
    max_depth: int = 8
    max_pixels: int = 500_000_000
    max_record_bytes: int = 64 * 1024**2
    """longest line or record"""


Edits = Callable[[Sequence[str], str], "list[list[Edit]]"]
"""(texts, place) → the edits of each text: sorted, not overlapping."""
Nested = Callable[[str, bytes], "Member | None"]
"""(name, content) → the member cleaned like a file of its own, or None where it cannot be cleaned and has to go."""


class Table(Protocol):
    """What cleans the rows of one sheet by columns. A column is its place, 0 for the first; a cell is the text that a reader sees."""

    header: int
    """which of the first rows holds the names of the columns; -1: none"""
    keeps_rest: bool
    """whether what stands above the table may stay, once it is cleaned as text"""
    may_lose_rows: bool
    """whether `kept` may say that rows go"""

    def heading(self, at: int) -> str | None:
        """Return what the heading of a column says now, or None where the column is dropped."""
        ...

    def is_replaced(self, at: int) -> bool:
        """Tell whether a column's name or the policy alone says that its values go: what repeats them has to go too."""
        ...

    def clean(self, columns: dict[int, list[str]]) -> dict[int, list[str]]:
        """Return the columns that are kept, cleaned, of the same length; an empty cell is an empty text."""
        ...

    def kept(self) -> Sequence[bool] | None:
        """Return which of all rows that were cleaned stay, in their order; None: all."""
        ...


Tables = Callable[[Sequence[Sequence[str]]], "Table | None"]
"""The first rows of a sheet that hold anything → what cleans it by columns, or None where it is no table."""


Fields = Callable[[Sequence[tuple[str, str]]], list[str]]
"""(what stands before a value, value) → what each value says now: the same where what stands before it is no name of a field."""


def no_fields(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Leave every value as it is."""
    return [value for _label, value in pairs]


def no_table(_rows: Sequence[Sequence[str]]) -> Table | None:
    """Take every sheet for a document."""
    return None


def no_edits(texts: Sequence[str], _place: str) -> list[list[Edit]]:
    """Leave every text as it is."""
    return [[] for _ in texts]


def no_members(_name: str, _content: bytes) -> Member | None:
    """Drop every member."""
    return None


@dataclass(slots=True)
class Job:
    """The cleaning of one file.

    `edits` says what of each text gives way; `nested` cleans a member; `table` takes a sheet that is one, and `fields` what
    stands beside its name in another; `converted` is what a program has made of it already, where its
    format takes one; `removed` counts what was left out, by what it was.
    """

    edits: Edits = no_edits
    nested: Nested = no_members
    table: Tables = no_table
    fields: Fields = no_fields
    limits: Limits = field(default_factory=Limits)
    converted: Path | None = field(default=None, repr=False)
    removed: Counter[str] = field(default_factory=Counter)
    refused: str = ""
    """why the last member for which `nested` gave None cannot be cleaned"""
    set_aside: list[SetAside] = field(default_factory=list, repr=False)

    def dropped(self, what: str, count: int = 1) -> None:
        """Note that something was left out: "exif", "xmp", "author", "comment", "thumbnail"."""
        if count:
            self.removed[what] += count

    def leave_out(self, name: str, reason: str) -> None:
        """Note that a file inside this one was left out: that is content, and no metadata. Whoever asked cleans its name."""
        self.dropped(MEMBER)
        self.set_aside.append(SetAside(name, reason))

    def member(self, name: str, content: bytes) -> Member | None:
        """Return a file inside this one, cleaned like a file of its own, or None where it is left out, which is noted."""
        made = self.nested(name, content)
        if made is None:
            self.leave_out(name, self.refused or "it cannot be cleaned")
        return made

    def rewrite(self, texts: Sequence[str], place: str) -> list[str]:
        """Return the texts with their edits made. `place` says where they stand: "body", "cell", "notes", "header"."""
        return [edited(text, edits) for text, edits in zip(texts, self.edits(texts, place), strict=True)]


MIB: Final = 1024 * 1024
