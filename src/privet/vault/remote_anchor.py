"""The anchor of a vault in a database: what the set of all rows must be. It lies beside the keys, never in the database.

Invariants:

- The set is told by a number and a sum of keyed digests modulo 2**256 (MSet-Add-Hash, Clarke et al. 2003; nobody without the keys sees a
  summand): a row that is missing, twice there, or of another version gives another sum.
- What a write will lead to is on the disk before the database is asked, and what it led to before it is acknowledged. Whenever the power
  fails, the rows are those of before or of after.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from privet.errors import Damaged, Unprotected
from privet.keys import derive
from privet.sealed import NONCE_BYTES, Cipher
from privet.vault.layout import HEAD_BYTES, Scope, head, refuse_later
from privet.vault.private_files import write_beside
from privet.vault.remote_table import KEY, Version

_MAGIC: Final = b"PVTROWAN"
_MODULUS: Final = 1 << 256


class RowSet(NamedTuple):
    """The set of all rows after a write, in short."""

    generation: int = 0
    size: int = 0
    total: bytes = bytes(32)

    def changed(self, generation: int, added: Iterable[bytes], removed: Iterable[bytes]) -> RowSet:
        """Return the set with rows added and removed, by their elements."""
        size, total = self.size, int.from_bytes(self.total, "big")
        for element in added:
            size, total = size + 1, total + int.from_bytes(element, "big")
        for element in removed:
            size, total = size - 1, total - int.from_bytes(element, "big")
        return RowSet(generation, size, (total % _MODULUS).to_bytes(32, "big"))

    def is_same_as(self, other: RowSet) -> bool:
        """Whether both have the same rows, of whatever write."""
        return (self.size, self.total) == (other.size, other.total)


class Marks(msgspec.Struct, frozen=True):
    """What the anchor holds: how the vault was made, its rows, and those of a write that may have been cut short."""

    fields: list[str]
    is_obfuscated: bool
    rows: RowSet
    coming: RowSet | None = None
    gone: bytes = b""

    def __repr__(self) -> str:
        return "Marks(...)"

    @property
    def going(self) -> set[Version]:
        """The versions that the write removes."""
        size = KEY + 8
        entries = (self.gone[start : start + size] for start in range(0, len(self.gone), size))
        return {(entry[:KEY], int.from_bytes(entry[KEY:], "big")) for entry in entries}


class RemoteAnchor:
    """A small sealed file in the key folder."""

    def __init__(self, place: Path, scope: Scope, data_key: bytes) -> None:
        self._place = place
        self._scope = scope
        self._cipher = Cipher(derive(data_key, "vault-row-anchor"))

    def __repr__(self) -> str:
        return "RemoteAnchor(...)"

    def read(self) -> Marks | None:
        """Return what it holds, None where there is no anchor.

        Raises:
            Damaged: it is not what was written.
            BadInput: it is of a later version.

        """
        try:
            raw = self._place.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unprotected("the anchor cannot be read", hint="check the permissions of the key folder") from error
        refuse_later(raw, _MAGIC, self._place.name)
        first, nonce = raw[:HEAD_BYTES], raw[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES]
        body = self._cipher.unseal(nonce, raw[HEAD_BYTES + NONCE_BYTES :], self._scope.context(first))
        if body is None:
            raise Damaged(
                f"the anchor {self._place.name} in the key folder is damaged",
                hint="restore the key folder from its backup",
            )
        return msgspec.msgpack.decode(body, type=Marks)

    def write(self, marks: Marks) -> None:
        """Store it durably.

        Raises:
            Unprotected: it cannot be written, so the write must not be acknowledged.

        """
        first, nonce = head(_MAGIC), secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher.seal(nonce, msgspec.msgpack.encode(marks), self._scope.context(first))
        write_beside(self._place, first + nonce + sealed)


def listed(gone: Iterable[Version]) -> bytes:
    """Return versions as the anchor keeps them."""
    return b"".join(key + generation.to_bytes(8, "big") for key, generation in gone)
