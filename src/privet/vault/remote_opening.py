"""Which keys belong to a table of a database, and who may write to it now.

Invariants:

- A vault is its id, which the table holds: one that was renamed, dumped or restored elsewhere opens with the same keys.
- All who write share the key folder, and one writes at a time; each write begins with what the others wrote.
- The key table and the anchor are read again whenever another process changed them.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from privet.errors import BadInput, Damaged, Unprotected
from privet.vault.key_source import KeySource, source_of
from privet.vault.layout import ID_BYTES, VERSION, Scope, refuse_later, tenant_id, vault_tag
from privet.vault.naming import secret_of
from privet.vault.opening import next_name
from privet.vault.private_files import made_private, remove_leftovers
from privet.vault.remote_anchor import Marks, RemoteAnchor, RowSet
from privet.vault.remote_table import Table, damaged_header
from privet.vault.rotation import move, renew
from privet.vault.subjects import SubjectKeys

_MAGIC: Final = b"PVTROWSV"
_BEGINNING: Final = 64


class Wanted(NamedTuple):
    """How a vault is to be made; what one that is there must agree with. None takes it as it is."""

    fields: tuple[str, ...] | None
    is_obfuscated: bool


class RemoteKeys:
    """The keys of a table's vault: root key, key table and anchor, and the lock among those who share them."""

    def __init__(self, source: KeySource, scope: Scope) -> None:
        self._source = source
        self._scope = scope
        self._folder = source.folder
        self._place = self._folder / f"{scope.name}.subjects"
        self._seen = b""
        self.subjects: SubjectKeys

    def __repr__(self) -> str:
        return "RemoteKeys(...)"

    @property
    def scope(self) -> Scope:
        """Whose data it is."""
        return self._scope

    def load(
        self, wanted: Wanted, *, is_empty: bool, can_write: bool, accept_older: bool
    ) -> tuple[RemoteAnchor, Marks]:
        """Read the key table and the anchor, or make them for a table that has no rows yet.

        Raises:
            BadInput: the keys are not this vault's, or it was made in another way than is wanted.
            Damaged: key table or anchor are not what was written.

        """
        place = self._folder / f"{self._scope.name}.rows"
        is_new = is_empty and can_write and not place.exists()
        if is_new and not self._place.exists():
            root = self._source.secret(self._scope.name, create=True)
            self.subjects = SubjectKeys.make(self._place, self._scope, root)
        self.reread(can_write=can_write)
        anchor = RemoteAnchor(place, self._scope, self.subjects.data_key)
        # A table that was emptied is not new: somebody was given a key.
        if is_new and not len(self.subjects):
            anchor.write(Marks(sorted(set(wanted.fields or ())), wanted.is_obfuscated, RowSet()))
        marks = anchor.read()
        if marks is None and not accept_older:
            raise Damaged(
                "the key folder has no anchor for this table, so nobody can tell whether its rows are the newest",
                hint="restore the key folder, or open with accept_older=True",
            )
        if marks is None and wanted.fields is None:
            raise BadInput(
                "the anchor is lost, and with it which fields have tokens",
                hint="give filter_fields= as it was made with",
            )
        if marks is None:
            marks = Marks(sorted(set(wanted.fields or ())), wanted.is_obfuscated, RowSet())
        _agree(marks, wanted)
        return anchor, marks

    def reread(self, *, can_write: bool) -> bool:
        """Read the key table where another process changed it; tell whether it had."""
        if self._seen and self._signature() == self._seen:
            return False
        name = self._scope.name
        if can_write:
            # What a crash has left of a rotation has keys in it, also of those who are forgotten later.
            remove_leftovers(self._folder, name)
        self.subjects, root = SubjectKeys.load(self._place, self._scope, self._roots(), can_write=can_write)
        if can_write and root != self._source.secret(name, create=False):
            # A rotation was cut short. The next one would write over the only key that opens the table.
            self._source.replace(name, root)
        self.written()
        return True

    def _roots(self) -> Iterator[bytes]:
        yield self._source.secret(self._scope.name, create=False)
        with suppress(BadInput, Unprotected):
            yield self._source.secret(next_name(self._scope.name), create=False)

    def written(self) -> None:
        """Know the key table as it is now: this process wrote it."""
        self._seen = self._signature()

    def _signature(self) -> bytes:
        """Return what every change of the key table changes: its head, or its journal's. Both hold nonces; clocks are coarse."""
        heads = []
        for place in (self._place, self._place.with_suffix(".page")):
            try:
                with place.open("rb") as file:
                    heads.append(file.read(_BEGINNING))
            except OSError:
                heads.append(b"")
        return b"\n".join(heads) if heads[0] else b""

    def check_header(self, table: Table) -> None:
        """See that a table still says that it is this vault.

        Raises:
            Damaged: its header is missing, or not what was written.

        """
        if scope_of(table, self._source, read_only=True) != self._scope:
            raise damaged_header(table.name, "is another vault's")

    def rotate(self, keys: KeySource | Path | str | None) -> None:
        """Make a new root key, here or in another source, and seal all keys under it.

        Raises:
            BadInput: the other source has another folder.
            Unprotected: a source cannot store a key; the old one still opens the vault.

        """
        if keys is None:
            renew(self.subjects, self._source, self._scope.name)
        else:
            target = source_of(keys)
            move(self.subjects, self._source, target, self._scope.name)
            self._source = target
        self.written()

    @contextmanager
    def locked(self, *, shared: bool) -> Iterator[None]:
        """Keep others from writing, and unless `shared` from reading, until the block ends."""
        try:
            descriptor = os.open(
                self._folder / f"{self._scope.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
        except OSError as error:
            raise Unprotected(
                "the lock in the key folder cannot be opened", hint="check permissions of the key folder"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def scope_of(table: Table, source: KeySource, *, read_only: bool) -> Scope:
    """Return whose data a table holds; make the table where it is missing. The key comes first: whoever finds the table finds the key.

    Raises:
        BadInput: there is nothing to read, the keys are another vault's, or the table is another program's.
        Damaged: the header is missing, or not what was written.

    """
    header = table.header()
    if header is None:
        if read_only:
            raise BadInput("there is no vault of this name in the database", hint="check the name")
        header = _made(table, source)
    changed = damaged_header(table.name, "is not what was written")
    try:
        refuse_later(header, _MAGIC, table.name)
    except Damaged:
        raise changed from None
    start = len(_MAGIC) + 2
    vault, tag = header[start : start + ID_BYTES], header[start + ID_BYTES :]
    if len(tag) != ID_BYTES:
        raise changed
    secret = secret_of(source, vault, tag, "", f"the header of {table.name}", changed)
    if not source.folder.is_dir():
        raise BadInput("there is no such key folder", hint="name the key folder that the vault was made with")
    return Scope(vault, tenant_id(secret, ""))


def _made(table: Table, source: KeySource) -> bytes:
    """Make a table and return its header; those who share the key folder wait for each other."""
    folder = os.open(made_private(source.folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        header = table.header()
        if header is None:
            vault = secrets.token_bytes(ID_BYTES)
            tag = vault_tag(source.secret(vault.hex(), create=True), vault)
            header = table.made(_MAGIC + VERSION.to_bytes(2, "big") + vault + tag)
        return header
    finally:
        os.close(folder)


def _agree(marks: Marks, wanted: Wanted) -> None:
    if wanted.fields is not None and sorted(set(wanted.fields)) != marks.fields:
        raise BadInput(
            "this vault was made with other filter_fields", hint="leave filter_fields out, or make another vault"
        )
    if wanted.is_obfuscated != marks.is_obfuscated:
        raise BadInput(
            f"this vault was made {'with' if marks.is_obfuscated else 'without'} obfuscated_search",
            hint="open it as it was made, or make another vault",
        )
