"""The key table: the vault's data key, and a random key for each subject. To forget somebody is to write over their key.

Invariants:

- The file lies beside the root key, never in the data folder, so a copy of the data alone brings no subject back.
- It is pages, each sealed under a table key that the root key seals; a rotation makes a new root key and a new table key.
- A subject is known by 64 bits of a keyed digest of its name. A number that was forgotten is never given again.
- Memory has what was acknowledged. Pages of which the disk may have something else are written again with the next ones.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from privet.errors import BadInput, Damaged, Unprotected
from privet.keys import derive
from privet.sealed import KEY_BYTES, NONCE_BYTES, TAG_BYTES, Cipher
from privet.vault.layout import HEAD_BYTES, SUBJECTS_MAGIC, Scope, head, refuse_later
from privet.vault.pages import BODY, COUNTER, FIRST, Pages
from privet.vault.private_files import write_beside

_NAME_BYTES: Final = 8
_ENTRY: Final = _NAME_BYTES + KEY_BYTES
PER_PAGE: Final = (BODY - COUNTER) // _ENTRY
_NOBODY: Final = bytes(_ENTRY)
_GIVEN_BITS: Final = 16
"""The low bits of a page's counter say how many numbers of it were ever given."""


class SubjectKeys:
    """The data key and the subjects' keys of one tenant."""

    def __init__(self, place: Path, scope: Scope, data_key: bytes, table_key: bytes) -> None:
        self._place = place
        self._scope = scope
        self.data_key = data_key
        self._table_key = table_key
        self._pages = Pages(place, scope, Cipher(table_key))
        self._names = derive(data_key, "vault-subject-names")
        self._entries: list[bytes] = []
        self._counters: list[int] = []
        self._numbers: dict[bytes, int] = {}
        self._doubtful: set[int] = set()
        self._is_broken = False

    def __repr__(self) -> str:
        return f"SubjectKeys({len(self._numbers)} subjects)"

    def __len__(self) -> int:
        """How many subjects have a key."""
        return len(self._numbers)

    @classmethod
    def make(cls, place: Path, scope: Scope, root: bytes) -> SubjectKeys:
        """Make the table of a new vault."""
        made = cls(place, scope, secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))
        made._write_whole(root)
        return made

    @classmethod
    def load(cls, place: Path, scope: Scope, roots: Iterable[bytes], *, can_write: bool) -> tuple[SubjectKeys, bytes]:
        """Read the table with the first of the root keys that opens it; return that root key too.

        Raises:
            BadInput: there is no table, none of the root keys opens it, or it is of a later version of the format.
            Damaged: a page is not what was written.

        """
        try:
            raw = place.read_bytes()
        except FileNotFoundError:
            raise BadInput(
                f"the key folder has no key table {place.name}, which belongs to this vault",
                hint="name the key folder that the vault was made with, or copy it whole",
            ) from None
        except OSError as error:
            raise Unprotected("the key table cannot be read", hint="check the permissions of the key folder") from error
        first, sealed = raw[:HEAD_BYTES], raw[HEAD_BYTES:FIRST]
        rest = NONCE_BYTES + 2 * KEY_BYTES + TAG_BYTES
        refuse_later(raw, SUBJECTS_MAGIC, place.name)
        if first != head(SUBJECTS_MAGIC) or len(raw) < FIRST or any(sealed[rest:]):
            raise _damaged(place)
        for root in roots:
            cipher = Cipher(derive(root, "vault-wrap"))
            keys = cipher.unseal(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:rest], scope.context(first))
            if keys is not None:
                table = cls(place, scope, keys[:KEY_BYTES], keys[KEY_BYTES:])
                table._read_pages(raw, can_write=can_write)
                return table, root
        raise BadInput(
            f"the key does not open the key table {place.name}: it is another vault's, or one of both is damaged",
            hint="name the key folder that the vault was made with, or restore it from its backup",
        )

    def number_of(self, name: str) -> int | None:
        """Return a subject's number, None for one without a key."""
        return self._numbers.get(self._name(name))

    def key_of(self, number: int) -> bytes | None:
        """Return a subject's key, None for one that was forgotten.

        Raises:
            Damaged: the table never gave this number, so it is older than the data, or not whole.

        """
        if number >= len(self._entries):
            raise _damaged(self._place)
        entry = self._entries[number]
        return None if entry == _NOBODY else entry[_NAME_BYTES:]

    def numbers_for(self, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of subjects; those that have no key get one, and it is on the disk on return.

        Raises:
            Unprotected: the table cannot be written; nobody got a key.

        """
        found: dict[str, int] = {}
        first = len(self._entries)
        for name in names:
            if name in found:
                continue
            digest = self._name(name)
            number = self._numbers.get(digest)
            if number is None:
                number = self._numbers[digest] = len(self._entries)
                self._entries.append(digest + secrets.token_bytes(KEY_BYTES))
            found[name] = number
        if len(self._entries) > first:
            try:
                self._write_pages(range(first // PER_PAGE, (len(self._entries) - 1) // PER_PAGE + 1))
            except BaseException:
                for entry in self._entries[first:]:
                    del self._numbers[entry[:_NAME_BYTES]]
                del self._entries[first:]
                raise
        return found

    def forget(self, name: str) -> int | None:
        """Write over a subject's key; return the number that it had, None where there is no such subject.

        Raises:
            Unprotected: the table cannot be written; the key is still there.

        """
        digest = self._name(name)
        number = self._numbers.get(digest)
        if number is None:
            return None
        entry, self._entries[number] = self._entries[number], _NOBODY
        try:
            self._write_pages((number // PER_PAGE,))
        except BaseException:
            self._entries[number] = entry
            raise
        del self._numbers[digest]
        return number

    def rotate(self, root: bytes, then: Callable[[], None] = lambda: None) -> None:
        """Seal everything under another root key and another table key, and do what is left to do with the root key.

        Raises:
            Unprotected: the table cannot be written. Which of both is there shows when it is read again.

        """
        self.refuse_broken()
        self._is_broken = True
        self._table_key = secrets.token_bytes(KEY_BYTES)
        self._pages.cipher = Cipher(self._table_key)
        self._write_whole(root)
        then()
        self._doubtful.clear()
        self._is_broken = False

    def _name(self, name: str) -> bytes:
        return derive(self._names, "subject", name)[:_NAME_BYTES]

    def _read_pages(self, raw: bytes, *, can_write: bool) -> None:
        bodies = self._pages.read(raw, can_write=can_write)
        if bodies is None:
            raise _damaged(self._place)
        for body in bodies:
            counter = int.from_bytes(body[:COUNTER], "big")
            given = counter & ((1 << _GIVEN_BITS) - 1)
            # Only the last page may have room.
            if given > PER_PAGE or len(self._entries) % PER_PAGE:
                raise _damaged(self._place)
            self._counters.append(counter)
            ends = range(COUNTER + _ENTRY, COUNTER + (given + 1) * _ENTRY, _ENTRY)
            self._entries += [body[end - _ENTRY : end] for end in ends]
        self._numbers = {entry[:_NAME_BYTES]: number for number, entry in enumerate(self._entries) if entry != _NOBODY}

    def _body(self, page: int) -> bytes:
        entries = self._entries[page * PER_PAGE : (page + 1) * PER_PAGE]
        while len(self._counters) <= page:
            self._counters.append(0)
        # A newer page compares as greater.
        self._counters[page] = (((self._counters[page] >> _GIVEN_BITS) + 1) << _GIVEN_BITS) | len(entries)
        return (self._counters[page].to_bytes(COUNTER, "big") + b"".join(entries)).ljust(BODY, b"\0")

    @property
    def _page_count(self) -> int:
        return -(-len(self._entries) // PER_PAGE)

    def _write_pages(self, pages: Iterable[int]) -> None:
        self.refuse_broken()
        self._doubtful.update(pages)
        try:
            count = self._page_count
            self._pages.write({page: self._body(page) for page in sorted(self._doubtful) if page < count}, count)
        except OSError as error:
            raise Unprotected(
                f"the key table cannot be written ({os.strerror(error.errno or 0)})",
                hint="check space and permissions of the key folder",
            ) from error
        self._doubtful.clear()

    def _write_whole(self, root: bytes) -> None:
        first = head(SUBJECTS_MAGIC)
        nonce = secrets.token_bytes(NONCE_BYTES)
        wrapped = Cipher(derive(root, "vault-wrap")).seal(
            nonce, self.data_key + self._table_key, self._scope.context(first)
        )
        pages = self._pages.whole([self._body(page) for page in range(self._page_count)])
        write_beside(self._place, (first + nonce + wrapped).ljust(FIRST, b"\0") + pages, wipe=True)
        self._pages.forget_journal()

    def refuse_broken(self) -> None:
        """Refuse to write to a table of which nobody knows which of two it is.

        Raises:
            Unprotected: a rotation failed.

        """
        if self._is_broken:
            raise Unprotected(
                "the last rotation of keys was cut short", hint="close the vault and open it again, then repeat it"
            )


def _damaged(place: Path) -> Damaged:
    return Damaged(
        f"the key table {place.name} in the key folder is damaged, or older than the data",
        hint="restore the newest key folder from its backup",
    )
