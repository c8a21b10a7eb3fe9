"""Records as sealed rows of somebody else's database.

Invariants:

- A row's bytes are bound by associated data to vault, name, generation and tokens, and its second half to its first: none can stand in
  for another.
- Each half has a nonce of its own, from the operating system. One key seals far fewer than 2**32 of them (NIST SP 800-38D section 8.3).
- Whose record it is, is sealed too: the database does not see which rows belong together. Sizes are padded.
- Who was forgotten has no key, so their rows cannot be opened, in no copy of the database.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from privet.errors import Damaged
from privet.keys import derive
from privet.sealed import NONCE_BYTES, TAG_BYTES, Cipher
from privet.vault.frames import Cold
from privet.vault.layout import Scope
from privet.vault.remote_table import KEY, TOKEN, SealedRow
from privet.vault.subjects import SubjectKeys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from privet.vault.batch import Incoming

_WHOSE: Final = struct.Struct(">Q")
_SIZES: Final = struct.Struct(">II")
_LENGTH: Final = struct.Struct(">I")
_ID_BLOCK: Final = 64
_BLOCK: Final = 256
_NONCES: Final = 3 * NONCE_BYTES
_HEAD: Final = NONCE_BYTES + _WHOSE.size + TAG_BYTES
NOBODY: Final = -1
"""The subject of a record that is nobody's."""


class Opened(NamedTuple):
    """The first half of a row. `id` is empty and there is no vector where the subject was forgotten."""

    id: str
    subject: int
    vector: NDArray[np.float32] | None

    def __repr__(self) -> str:
        return "Opened(...)"


class RowSeals:
    """Seals rows and opens them."""

    def __init__(self, scope: Scope, keys: SubjectKeys, table: str) -> None:
        self._base = scope.context(b"row")
        self._table = table
        self.keys = keys
        self._names = _Hmac(derive(keys.data_key, "vault-row-names"))
        self._whose = Cipher(derive(keys.data_key, "vault-row-subjects"))
        self._own = Cipher(derive(keys.data_key, "vault-rows"))
        self._elements = derive(keys.data_key, "vault-row-set")

    def __repr__(self) -> str:
        return "RowSeals(...)"

    def key_of(self, record_id: str) -> bytes:
        """Return the name that a record has in the database: the same for ever, and it tells nothing without the keys."""
        return self._names.digest(record_id.encode("utf-8", "surrogatepass"))[:KEY]

    def element(self, row: SealedRow) -> bytes:
        """Return what a row adds to the digest of the set of all rows."""
        # BLAKE2b with a key (RFC 7693) is a MAC, and a third of the time of HMAC: this is done for every row at every opening.
        named = _named(row.key, row.generation) + row.hot[-TAG_BYTES:]
        return hashlib.blake2b(named, key=self._elements, digest_size=32).digest()

    def sealed(
        self, what: Incoming, generation: int, numbers: Mapping[str, int], tokens: Sequence[list[bytes]]
    ) -> Iterator[tuple[SealedRow, Opened]]:
        """Yield records as rows, with what they would open to."""
        ciphers: dict[int, Cipher | None] = {}
        raw = np.ascontiguousarray(what.vectors, dtype="<f4").tobytes()
        size = len(raw) // max(1, len(what.ids))
        nonces = os.urandom(_NONCES * len(what.ids))
        for row, (record_id, cold, subject, found) in enumerate(
            zip(what.ids, what.cold, what.subjects, tokens, strict=True)
        ):
            number = NOBODY if subject is None else numbers[subject]
            cipher = self._cipher(number, ciphers)
            if cipher is None:  # whoever holds the lock was just given a key
                raise self._damaged(b"")
            name = record_id.encode("utf-8", "surrogatepass")
            key = self._names.digest(name)[:KEY]
            named = _named(key, generation)
            plain = b"".join(
                (
                    _SIZES.pack(len(name), size),
                    name,
                    bytes(-(_SIZES.size + len(name)) % _ID_BLOCK),
                    raw[row * size : (row + 1) * size],
                )
            )
            own = nonces[row * _NONCES : (row + 1) * _NONCES]
            hot, tail = self._sealed(cipher, number, own, found, plain, _padded(cold), named)
            yield SealedRow(key, generation, found, hot, tail), Opened(record_id, number, what.vectors[row])

    def _sealed(
        self, cipher: Cipher, number: int, nonces: bytes, tokens: list[bytes], plain: bytes, cold: bytes, named: bytes
    ) -> tuple[bytes, bytes]:
        """Return both halves of a row."""
        one, two, three = nonces[:NONCE_BYTES], nonces[NONCE_BYTES : 2 * NONCE_BYTES], nonces[2 * NONCE_BYTES :]
        context = b"".join((self._base, named, *tokens))
        whose = self._whose.seal(one, _WHOSE.pack(number + 1), b"whose" + context)
        sealed = cipher.seal(two, plain, b"hot" + context)
        cold_context = b"".join((b"cold", self._base, named, sealed[-TAG_BYTES:]))
        return b"".join((one, whose, two, sealed)), three + cipher.seal(three, cold, cold_context)

    def opened(self, rows: Generator[SealedRow]) -> Generator[tuple[SealedRow, Opened]]:
        """Yield rows with their first halves. The rows are closed with it: the database still sends them.

        Raises:
            Damaged: a row is not what was written under its name.

        """
        ciphers: dict[int, Cipher | None] = {}
        with closing(rows):
            for row in rows:
                yield row, self._opened(row, ciphers)

    def _opened(self, row: SealedRow, ciphers: dict[int, Cipher | None]) -> Opened:
        # Of one size each, so that what they are joined to has one meaning only.
        if len(row.key) != KEY or any(len(token) != TOKEN for token in row.tokens):
            raise self._damaged(row.key)
        context = b"".join((self._base, _named(row.key, row.generation), *row.tokens))
        hot = row.hot
        whose = self._whose.unseal(hot[:NONCE_BYTES], hot[NONCE_BYTES:_HEAD], b"whose" + context)
        if whose is None:
            raise self._damaged(row.key)
        number = _WHOSE.unpack(whose)[0] - 1
        cipher = self._cipher(number, ciphers)
        if cipher is None:
            return Opened("", number, None)
        start = _HEAD + NONCE_BYTES
        plain = cipher.unseal(hot[_HEAD:start], memoryview(hot)[start:], b"hot" + context)
        if plain is None:
            raise self._damaged(row.key)
        length, size = _SIZES.unpack_from(plain)
        vector = np.frombuffer(plain, dtype="<f4", count=size // 4, offset=len(plain) - size)
        name = plain[_SIZES.size : _SIZES.size + length]
        return Opened(name.decode("utf-8", "surrogatepass"), number, vector)

    def content(self, row: SealedRow, subject: int) -> tuple[str | None, dict[str, Any] | None]:
        """Return document and metadata of a row.

        Raises:
            Damaged: they are not what was written with its first half.

        """
        cipher = self._cipher(subject, {})
        context = b"".join((b"cold", self._base, _named(row.key, row.generation), row.hot[-TAG_BYTES:]))
        plain = None if cipher is None else cipher.unseal(row.cold[:NONCE_BYTES], row.cold[NONCE_BYTES:], context)
        if plain is None:
            raise self._damaged(row.key)
        (length,) = _LENGTH.unpack_from(plain)
        found = msgspec.msgpack.decode(memoryview(plain)[_LENGTH.size : _LENGTH.size + length], type=Cold)
        return found.document, found.metadata

    def _cipher(self, number: int, ciphers: dict[int, Cipher | None]) -> Cipher | None:
        if number == NOBODY:
            return self._own
        if number not in ciphers:
            key = self.keys.key_of(number)
            ciphers[number] = None if key is None else Cipher(key)
        return ciphers[number]

    def _damaged(self, key: bytes) -> Damaged:
        return Damaged(
            f"the row {key.hex()} of {self._table} is not what was written",
            hint="restore the table from its newest backup; nothing was changed",
        )


class _Hmac:
    """HMAC-SHA-256 (RFC 2104) under one key, whose part of the work is done once: a third of the time of `hmac.digest`."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


def _named(key: bytes, generation: int) -> bytes:
    return key + generation.to_bytes(8, "big", signed=True)


def _padded(cold: bytes) -> bytes:
    """Return a text with its length before and zeros behind: in blocks of 256 bytes, long ones to one of few sizes, 12 % more at most.

    Source: Padmé, Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs" (2019), section 4.
    """
    size = _LENGTH.size + len(cold)
    exponent = max(1, size.bit_length() - 1)
    step = max(_BLOCK, 1 << (exponent - exponent.bit_length()))
    return (_LENGTH.pack(len(cold)) + cold).ljust(-(-size // step) * step, b"\0")
