"""Sealed pages of a file that change in place: all of a write or none of it, whenever the power fails.

Invariants:

- Pages go to the journal first, all that change together, and in place after that; not before is the journal written over.
- Only who may write puts a journal in place.
- What a journal held before is overwritten: it may be a key that goes.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from privet.sealed import NONCE_BYTES, TAG_BYTES, Cipher
from privet.vault.layout import SUBJECTS_MAGIC, Scope, head
from privet.vault.private_files import sync_folder, write_at, write_beside

PAGE: Final = 16384
FIRST: Final = 4096
"""Where the first page begins: what is before it has a disk block of its own."""
COUNTER: Final = 8
"""A page begins with a number that grows with each change of it."""
BODY: Final = PAGE - NONCE_BYTES - TAG_BYTES
_NUMBER: Final = 8
_JOURNAL: Final = b"journal\0"

Change = tuple[Mapping[int, bytes], int]
"""Pages by their number, and how many there are in all."""


class Pages:
    """The pages of one file under one key."""

    def __init__(self, place: Path, scope: Scope, cipher: Cipher) -> None:
        self._place = place
        self._journal = place.with_suffix(".page")
        self._scope = scope
        self.cipher = cipher
        self._unfinished: Change | None = None

    def __repr__(self) -> str:
        return "Pages(...)"

    def read(self, raw: bytes, *, can_write: bool) -> list[bytes] | None:
        """Return all pages of a file's content, None where one is not what was written."""
        count, rest = divmod(len(raw) - FIRST, PAGE)
        starts = range(FIRST, FIRST + (count + bool(rest)) * PAGE, PAGE)
        found = {page: self._opened(page, raw[start : start + PAGE]) for page, start in enumerate(starts)}
        change = self._journalled()
        if change is not None and all(newer >= (found.get(page) or b"") for page, newer in change[0].items()):
            late, count, rest = *change, 0
            if any(found.get(page) != newer for page, newer in late.items()) or len(found) != count:
                found |= late
                self._unfinished = change
                if can_write:
                    self._finish()
        whole = [body for page in range(count) if (body := found.get(page)) is not None]
        return whole if len(whole) == count and not rest else None

    def write(self, pages: Mapping[int, bytes], count: int) -> None:
        """Change pages durably; `count` is how many there are then.

        Raises:
            OSError: the disk refused. It may have the pages as they were, or as they should be.

        """
        self._finish()
        plain = b"".join(
            (count.to_bytes(_NUMBER, "big"), *(page.to_bytes(_NUMBER, "big") + body for page, body in pages.items()))
        )
        self._write_journal(plain)
        self._unfinished = pages, count
        self._finish()

    def whole(self, bodies: list[bytes]) -> bytes:
        """Return pages as they lie in a file."""
        return b"".join(self._sealed(page, body) for page, body in enumerate(bodies))

    def forget_journal(self) -> None:
        """Empty the journal, after the file was replaced.

        Raises:
            Unprotected: the disk refused.

        """
        self._unfinished = None
        write_beside(self._journal, b"", wipe=True)

    def _finish(self) -> None:
        if self._unfinished is None:
            return
        pages, count = self._unfinished
        descriptor = os.open(self._place, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            for page, body in pages.items():
                write_at(descriptor, self._sealed(page, body), FIRST + page * PAGE)
            os.ftruncate(descriptor, FIRST + count * PAGE)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        self._unfinished = None

    def _journalled(self) -> Change | None:
        """Return what was written last, if the journal has it whole."""
        try:
            raw = self._journal.read_bytes()
        except OSError:
            return None
        size = raw[:_NUMBER]
        sealed = raw[_NUMBER : _NUMBER + int.from_bytes(size, "big")]
        plain = self.cipher.unseal(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._journal_context(size))
        if plain is None:
            return None
        found = {}
        for start in range(_NUMBER, len(plain), _NUMBER + BODY):
            page = int.from_bytes(plain[start : start + _NUMBER], "big")
            found[page] = plain[start + _NUMBER : start + _NUMBER + BODY]
        return found, int.from_bytes(plain[:_NUMBER], "big")

    def _write_journal(self, plain: bytes) -> None:
        nonce = secrets.token_bytes(NONCE_BYTES)
        size = (NONCE_BYTES + len(plain) + TAG_BYTES).to_bytes(_NUMBER, "big")
        content = size + nonce + self.cipher.seal(nonce, plain, self._journal_context(size))
        descriptor = os.open(self._journal, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            before = os.fstat(descriptor).st_size
            write_at(descriptor, content.ljust(before, b"\0"), 0)
            os.fdatasync(descriptor)
            if before > len(content):
                # Overwritten first, since a file system may keep what is only cut off.
                os.ftruncate(descriptor, len(content))
            if not before:
                sync_folder(self._journal.parent)
        finally:
            os.close(descriptor)

    def _journal_context(self, size: bytes) -> bytes:
        return self._scope.context(head(SUBJECTS_MAGIC), _JOURNAL, size)

    def _opened(self, page: int, raw: bytes) -> bytes | None:
        return self.cipher.unseal(raw[:NONCE_BYTES], raw[NONCE_BYTES:], self._page_context(page))

    def _sealed(self, page: int, body: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self.cipher.seal(nonce, body, self._page_context(page))

    def _page_context(self, page: int) -> bytes:
        return self._scope.context(head(SUBJECTS_MAGIC), page.to_bytes(_NUMBER, "big"))
