"""Values under authenticated encryption: short ones that are the same every time by AES-256-SIV (RFC 5297), stored ones by AES-256-GCM.

Invariants:

- `seal`: the same value, key and context give the same bytes; nothing else is told about the value but its length.
- `Cipher`: fast, for much data. The caller counts the nonces, and none comes twice under one key (NIST SP 800-38D section 8).
- Opening gives back the very bytes that were sealed, or None: another key, another context or one changed bit reveal nothing.

Only this module and `keys` touch a cipher.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from privet.errors import BadInput
from privet.keys import derive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
"""What AES-GCM adds to a value."""


def checked_key(key: bytes) -> bytes:
    """Return the key.

    Raises:
        BadInput: it is not 32 bytes.

    """
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        found = f"{len(key)} bytes" if isinstance(key, bytes) else type(key).__name__
        raise BadInput(
            f"expected a key of {KEY_BYTES} bytes, found {found}",
            hint="make one with secrets.token_bytes(32), keep it secret and keep it",
        )
    return key


def seal(value: bytes, key: bytes, *context: str) -> bytes:
    """Return 16 bytes more than the value has: the synthetic IV, then the ciphertext."""
    return _cipher(key).encrypt(value, [part.encode() for part in context])


def unseal(sealed: bytes, key: bytes, *context: str) -> bytes | None:
    """Return the value, or None where it was not sealed under this key and context."""
    from cryptography.exceptions import InvalidTag

    try:
        return _cipher(key).decrypt(sealed, [part.encode() for part in context])
    except (InvalidTag, ValueError):
        return None


@lru_cache(maxsize=4)
def _cipher(key: bytes) -> AESSIV:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    key = checked_key(key)
    # One half is for the synthetic IV, one for the encryption (RFC 5297 section 2.2).
    return AESSIV(derive(key, "sealed", "1") + derive(key, "sealed", "2"))


class Cipher:
    """AES-256-GCM under one key (NIST SP 800-38D). It has no repr."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aead = AESGCM(checked_key(key))

    def seal(self, nonce: bytes, value: bytes | bytearray | memoryview, context: bytes) -> bytes:
        """Return `TAG_BYTES` more than the value has: the ciphertext, then the tag. The nonce must not come again under this key."""
        return self._aead.encrypt(nonce, value, context)

    def unseal(self, nonce: bytes, sealed: bytes | bytearray | memoryview, context: bytes) -> bytes | None:
        """Return the value, or None where it was not sealed under this key, nonce and context."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._aead.decrypt(nonce, sealed, context)
        except (InvalidTag, ValueError):
            return None

    def unseal_into(
        self,
        nonce: bytes,
        sealed: bytes | bytearray | memoryview,
        context: bytes,
        place: bytes | bytearray | memoryview,
    ) -> bool:
        """Write the value to a place of exactly its size; return whether it was sealed under this key, nonce and context."""
        from cryptography.exceptions import InvalidTag

        try:
            self._aead.decrypt_into(nonce, sealed, context, place)
        except (InvalidTag, ValueError):
            return False
        return True
