"""The vault: embeddings with their documents and metadata, sealed on disk, searched in memory.

Invariants:

- What `add`, `delete` and `forget` return from is on the disk and stays so after any crash; it is there whole or not at all.
- Nothing is in the data folder that can be read without the keys, and no key is in it.
- A forgotten subject is gone from memory at once, and their records can be read by nobody, in no copy of the data folder.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from privet.errors import BadInput, PrivetError
from privet.vault.batch import checked_count, checked_ids, checked_queries, checked_subject, incoming
from privet.vault.commits import Commits, Write
from privet.vault.contents import Contents, Hit, Record, Summary
from privet.vault.key_source import KeySource, source_of
from privet.vault.naming import folder_of
from privet.vault.opening import Opened, beside_writer, opened, opened_to_read
from privet.vault.rotation import move, renew
from privet.vault.store import Store
from privet.vault.subjects import SubjectKeys
from privet.vault.where import Where

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REWRITE_LEAST = 4096
"""Files with fewer dead records are not written anew by themselves."""


class Vault:
    """A sealed store of embeddings. Make one with `Vault.open`; it may be shared by threads.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Vault.open(f"{folder}/data", keys=f"{folder}/keys") as vault:
    ...     vault.add(["a", "b"], np.eye(2, dtype=np.float32), documents=["one", "two"])
    ...     [hit.document for hit in vault.search(np.array([[0.1, 0.9]]), k=1)[0]]
    2
    ['two']
    """

    def __init__(self, store: Store, keys: SubjectKeys, source: KeySource, name: str, *, accept_older: bool) -> None:
        self._store = store
        self._keys = keys
        self._source = source
        self._name = name
        self._lock = threading.RLock()
        self._is_closed = False
        self._contents = Contents(store, keys)
        self._contents.load(accept_older=accept_older)
        self._commits = Commits(store, keys, self._lock)

    def __repr__(self) -> str:
        return f"Vault({len(self)} records)"

    @classmethod
    def open(
        cls,
        path: Path | str,
        keys: KeySource | Path | str,
        *,
        tenant: str = "",
        accept_older: bool = False,
        read_only: bool = False,
        create: bool = True,
    ) -> Self:
        """Open a vault, or make one where the folder is empty or missing.

        Args:
            path: the data folder. It holds nothing that can be read without the keys, and may be copied anywhere.
            keys: a private folder for keys, made with mode 0700 on first use, or another `KeySource`.
            tenant: whose records; each tenant has keys, records and a lock of their own.
            accept_older: open data that is older than what was written last. A forgotten subject stays forgotten.
            read_only: read beside a writer what was acknowledged until now.
            create: make it where there is none, for this tenant too.

        Raises:
            BadInput: another process writes to it; the keys are not its keys; there is none, and none is to be made.
            Damaged: a file is missing or not what was written; the message names it.
            RolledBack: the data is older than what was acknowledged.
            Unprotected: the key folder is not private, or a file cannot be written.

        """
        source, folder = source_of(keys), folder_of(path, tenant)
        if not read_only:
            found = opened(folder, source, tenant, accept_older=accept_older, create=create)
            return cls._of(found, source, accept_older)
        return beside_writer(
            folder,
            source,
            lambda: cls._of(opened_to_read(folder, source, tenant, accept_older=accept_older), source, accept_older),
        )

    @classmethod
    def _of(cls, found: Opened, source: KeySource, accept_older: bool) -> Self:
        store = Store(found)
        try:
            return cls(store, found.keys, source, found.scope.name, accept_older=accept_older)
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the next writer in, and overwrite what was decrypted as far as Python allows."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._store.close()
                self._contents.wipe()

    def __len__(self) -> int:
        """How many records there are."""
        return len(self._contents.rows.by_id)

    def __contains__(self, record_id: object) -> bool:
        """Tell whether there is a record of this id."""
        return record_id in self._contents.rows.by_id

    def is_of(self, record_id: str, subject: str) -> bool:
        """Tell whether a record is a subject's, so that `forget` reaches it."""
        with self._lock:
            row = self._contents.rows.by_id.get(record_id)
            number = self._keys.number_of(checked_subject(subject))
            return row is not None and number is not None and self._contents.rows.subject_of(row) == number

    def ids(self) -> list[str]:
        """Return the ids of all records."""
        with self._lock:
            return list(self._contents.rows.by_id)

    @property
    def dimensions(self) -> int:
        """The size of vectors, 0 before the first one."""
        return self._store.dimensions

    def summary(self) -> Summary:
        """Return what the vault holds, in counts."""
        with self._lock:
            index = self._contents.index
            locked = index.is_locked if index is not None else True
            return Summary(len(self), len(self._keys), self.dimensions, self._store.generation, locked)

    def add(
        self,
        ids: Sequence[str],
        vectors: NDArray[np.float32],
        documents: Sequence[str | None] | None = None,
        metadata: Sequence[Mapping[str, Any] | None] | None = None,
        subject: Sequence[str | None] | str | None = None,
        *,
        replace: bool = False,
    ) -> int:
        """Add records, all or none, on the disk on return; return how many.

        Args:
            ids: one for each record.
            vectors: shape (n, dimensions), float32.
            documents: a text for each.
            metadata: a mapping for each, of what JSON can hold.
            subject: whose data each record is, or one for all; what `forget` takes.
            replace: records of the same ids go. Without it they are an error.

        Raises:
            BadInput: lengths differ, an id comes twice or is there already, a vector has another size or is not finite.
            Unprotected: the disk refused; nothing was added.

        """
        return self._do(Write(incoming(ids, vectors, documents, metadata, subject), replace=replace))

    def delete(self, ids: Sequence[str]) -> int:
        """Delete records; ids of none are passed over. Return how many went.

        They stay on the disk, sealed, until their part of it is written anew: `compact` does it now.
        """
        return self._do(Write(checked_ids(ids)))

    def forget(self, subject: str) -> int:
        """Destroy a subject's key, and with it all of their records in this vault and in every copy of its data folder.

        Return how many records went. Who keeps a copy of the key folder from before can still read them: see docs/vault.md.

        Raises:
            Unprotected: the key table could not be written; nothing is forgotten.

        """
        with self._lock:
            self._writable()
            number = self._keys.forget(checked_subject(subject))
            return 0 if number is None else self._contents.forget(number)

    def search(
        self, vectors: NDArray[np.float32], k: int = 10, where: Where | None = None, *, exact: bool = False
    ) -> list[list[Hit]]:
        """Return for each query the `k` nearest records by cosine, best first.

        Args:
            vectors: shape (queries, dimensions).
            k: how many for each query, at most.
            where: a filter over metadata, see `privet.vault.where`.
            exact: compare with every vector.

        Raises:
            BadInput: another size, a value that is not finite, `k` no number from 1 on, or not a filter.
            Damaged: a document is not what was written.

        """
        with self._lock:
            self._usable()
            queries = checked_queries(vectors, self.dimensions)
            return self._contents.search(queries, checked_count(k), where, exact=exact)

    def get(self, ids: Sequence[str]) -> list[Record | None]:
        """Return records beside their ids, None where there is none.

        Raises:
            Damaged: a record is not what was written.

        """
        with self._lock:
            self._usable()
            return self._contents.get(checked_ids(ids))

    def verify(self) -> Summary:
        """Read and authenticate every byte on the disk.

        Raises:
            Damaged: names the file that is not what was written.

        """
        with self._lock:
            self._usable()
            self._store.verify()
            return self.summary()

    def rotate(self, keys: KeySource | Path | str | None = None) -> None:
        """Make a new root key and seal all keys under it; no data is rewritten. `keys` moves the root key to another source.

        A copy of the key folder from before still opens a copy of the data from before, not what is sealed for subjects from now on.

        Raises:
            Unprotected: the source cannot store a key; the old one still opens the vault.

        """
        with self._lock:
            self._writable()
            if keys is None:
                renew(self._keys, self._source, self._name)
            else:
                target = source_of(keys)
                move(self._keys, self._source, target, self._name)
                self._source = target

    def compact(self) -> None:
        """Write all records anew and remove the old files: what was deleted or forgotten is gone from the disk.

        That is as far as a file system goes: flash memory may keep old blocks, sealed as they were.
        """
        with self._lock:
            self._writable()
            self._store.rewrite(self._contents.rewritten())
            self._contents.reload()

    def _do(self, write: Write) -> int:
        count = self._commits.do(write, self._written)
        with self._lock:
            rows = self._contents.rows
            dead = len(rows) - len(rows.by_id)
            if dead > max(_REWRITE_LEAST, len(rows.by_id)) or self._store.is_scattered:
                # It comes again with the next write; this one is on the disk.
                with suppress(PrivetError):
                    self.compact()
        return count

    def _written(self) -> Contents:
        self._writable()
        return self._contents

    def _writable(self) -> None:
        self._usable()
        self._store.check_writable()

    def _usable(self) -> None:
        if self._is_closed:
            raise BadInput("the vault is closed", hint="open it again")
