"""The key table: the vault's data key, and a random key for each subject. To forget somebody is to write over their key.

Invariants:

- The file lies beside the root key, never in the data folder, so a copy of the data alone brings no subject back.
- It is pages, each sealed under a table key that the root key seals; a rotation makes a new root key and a new table key.
- A page is written to the journal first and then in place: a crash leaves the page as it was or as it should be.
- A subject is known by 64 bits of a keyed digest of its name. A number that was forgotten is never given again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from privet.errors import BadInput, Damaged, Unprotected
from privet.keys import derive
from privet.sealed import KEY_BYTES, NONCE_BYTES, TAG_BYTES, Cipher
from privet.vault.key_source import write_beside
from privet.vault.layout import HEAD_BYTES, SUBJECTS_MAGIC, Scope, head

_PAGE: Final = 16384
_NAME_BYTES: Final = 8
_ENTRY: Final = _NAME_BYTES + KEY_BYTES
_COUNTER_BYTES: Final = 8
PER_PAGE: Final = (_PAGE - NONCE_BYTES - TAG_BYTES - _COUNTER_BYTES) // _ENTRY
_BODY: Final = _COUNTER_BYTES + PER_PAGE * _ENTRY
_FIRST: Final = 4096
"""Where the first page begins: the head has a disk block of its own."""
_NOBODY: Final = bytes(_ENTRY)
_JOURNAL_HEAD: Final = 8


class SubjectKeys:
    """The data key and the subjects' keys of one tenant."""

    def __init__(self, place: Path, scope: Scope, data_key: bytes, table_key: bytes) -> None:
        self._place = place
        self._scope = scope
        self.data_key = data_key
        self._table_key = table_key
        self._cipher = Cipher(table_key)
        self._names = derive(data_key, "vault-subject-names")
        self._entries: list[bytes] = []
        self._counters: list[int] = []
        self._numbers: dict[bytes, int] = {}

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
    def load(cls, place: Path, scope: Scope, roots: Iterable[bytes]) -> SubjectKeys:
        """Read the table with the first of the root keys that opens it.

        Raises:
            BadInput: there is no table, or none of the root keys opens it.
            Damaged: a page is not what was written.

        """
        try:
            raw = place.read_bytes()
        except FileNotFoundError:
            raise BadInput(
                "the key folder has no key table for this vault",
                hint="name the key folder that the vault was made with",
            ) from None
        except OSError as error:
            raise Unprotected("the key table cannot be read", hint="check the permissions of the key folder") from error
        if raw[:HEAD_BYTES] != head(SUBJECTS_MAGIC):
            raise _damaged(place)
        nonce, sealed = (
            raw[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES],
            raw[HEAD_BYTES + NONCE_BYTES :][: 2 * KEY_BYTES + TAG_BYTES],
        )
        context = scope.context(raw[:HEAD_BYTES])
        opened = (Cipher(derive(root, "vault-wrap")).unseal(nonce, sealed, context) for root in roots)
        keys = next((keys for keys in opened if keys is not None), None)
        if keys is None:
            raise BadInput("the key does not open this vault", hint="name the key folder that the vault was made with")
        table = cls(place, scope, keys[:KEY_BYTES], keys[KEY_BYTES:])
        table._read_pages(raw)
        return table

    def number_of(self, name: str) -> int | None:
        """Return a subject's number, None for one without a key."""
        return self._numbers.get(self._name(name))

    def key_of(self, number: int) -> bytes | None:
        """Return a subject's key, None for one that was forgotten."""
        entry = self._entries[number] if number < len(self._entries) else _NOBODY
        return None if entry == _NOBODY else entry[_NAME_BYTES:]

    def numbers_for(self, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of subjects; those that have no key get one, and it is on the disk on return."""
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
            self._write_pages(range(first // PER_PAGE, (len(self._entries) - 1) // PER_PAGE + 1))
        return found

    def forget(self, name: str) -> int | None:
        """Write over a subject's key; return the number that it had, None where there is no such subject."""
        digest = self._name(name)
        number = self._numbers.pop(digest, None)
        if number is not None:
            self._entries[number] = _NOBODY
            self._write_pages((number // PER_PAGE,))
        return number

    def rotate(self, root: bytes) -> None:
        """Seal everything under another root key and another table key."""
        self._table_key = secrets.token_bytes(KEY_BYTES)
        self._cipher = Cipher(self._table_key)
        self._write_whole(root)
        # It holds a page under the old table key.
        self._journal.unlink(missing_ok=True)

    def _name(self, name: str) -> bytes:
        return derive(self._names, "subject", name)[:_NAME_BYTES]

    @property
    def _journal(self) -> Path:
        return self._place.with_suffix(".page")

    def _read_pages(self, raw: bytes) -> None:
        late = self._journalled()
        pages = max((len(raw) - _FIRST) // _PAGE, late[0] + 1 if late else 0)
        for page in range(pages):
            start = _FIRST + page * _PAGE
            body = self._opened(page, raw[start : start + _PAGE])
            if late is not None and late[0] == page and (body is None or late[1] > body):
                body = late[1]
                self._put(page, late[2])
            if body is None:
                raise _damaged(self._place)
            self._counters.append(int.from_bytes(body[:_COUNTER_BYTES], "big"))
            # Its low bits count the numbers of this page that were ever given.
            given = self._counters[page] & 0xFFFF
            ends = range(_COUNTER_BYTES + _ENTRY, _COUNTER_BYTES + (given + 1) * _ENTRY, _ENTRY)
            self._entries += [body[end - _ENTRY : end] for end in ends]
        self._numbers = {entry[:_NAME_BYTES]: number for number, entry in enumerate(self._entries) if entry != _NOBODY}

    def _journalled(self) -> tuple[int, bytes, bytes] | None:
        """Return the page that was written last, if the journal still has it whole."""
        try:
            raw = self._journal.read_bytes()
        except OSError:
            return None
        page = int.from_bytes(raw[:_JOURNAL_HEAD], "big")
        body = self._opened(page, raw[_JOURNAL_HEAD:])
        return None if body is None else (page, body, raw[_JOURNAL_HEAD:])

    def _opened(self, page: int, raw: bytes) -> bytes | None:
        raw = raw[: NONCE_BYTES + _BODY + TAG_BYTES]
        return self._cipher.unseal(raw[:NONCE_BYTES], raw[NONCE_BYTES:], self._page_context(page))

    def _page_context(self, page: int) -> bytes:
        return self._scope.context(head(SUBJECTS_MAGIC), page.to_bytes(8, "big"))

    def _sealed(self, page: int) -> bytes:
        entries = self._entries[page * PER_PAGE : (page + 1) * PER_PAGE]
        while len(self._counters) <= page:
            self._counters.append(0)
        # A newer page compares as greater, and says how many numbers of it were given.
        self._counters[page] = (((self._counters[page] >> 16) + 1) << 16) | len(entries)
        body = (self._counters[page].to_bytes(_COUNTER_BYTES, "big") + b"".join(entries)).ljust(_BODY, b"\0")
        nonce = secrets.token_bytes(NONCE_BYTES)
        return (nonce + self._cipher.seal(nonce, body, self._page_context(page))).ljust(_PAGE, b"\0")

    def _write_pages(self, pages: Iterable[int]) -> None:
        """Write pages; of those the first alone may hold keys that are in use."""
        sealed = {page: self._sealed(page) for page in pages}
        first = min(sealed)
        try:
            descriptor = os.open(self._journal, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.pwrite(descriptor, first.to_bytes(_JOURNAL_HEAD, "big") + sealed[first], 0)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            self._put(first, b"".join(sealed.values()))
        except OSError as error:
            raise Unprotected(
                "the key table cannot be written", hint="check space and permissions of the key folder"
            ) from error

    def _put(self, page: int, sealed: bytes) -> None:
        descriptor = os.open(self._place, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.pwrite(descriptor, sealed, _FIRST + page * _PAGE)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def _write_whole(self, root: bytes) -> None:
        first = head(SUBJECTS_MAGIC)
        nonce = secrets.token_bytes(NONCE_BYTES)
        wrapped = Cipher(derive(root, "vault-wrap")).seal(
            nonce, self.data_key + self._table_key, self._scope.context(first)
        )
        pages = range((len(self._entries) + PER_PAGE - 1) // PER_PAGE)
        write_beside(self._place, (first + nonce + wrapped).ljust(_FIRST, b"\0") + b"".join(map(self._sealed, pages)))
        with suppress(OSError):
            self._journal.unlink()


def _damaged(place: Path) -> Damaged:
    return Damaged(
        f"the key table {place.name} in the key folder is damaged", hint="restore the key folder from its backup"
    )
