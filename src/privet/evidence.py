"""What can be checked again: canonical JSON, digests, a hash tree, a signature.

Invariants:

- The same values give the same bytes: JSON is canonical (RFC 8785), and no clock, host or path is in what is signed.
- The hash tree is that of RFC 6962 section 2.1: leaves and inner nodes are hashed apart, so no inner node passes for a leaf.
- A digest of raw input is keyed: without the key nobody can try what a short file may have held.
- The private key has no repr and never leaves its file of mode 0600 in the state folder.

The formats are in docs/formats/manifest.md.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from privet.errors import BadInput, Unprotected
from privet.keys import derive, write_private

_ALGORITHM: Final = "ed25519"
_SEED_BYTES: Final = 32
_CHUNK_BYTES: Final = 1024 * 1024
SIGNATURE: Final = "signature"


def canonical(value: Any) -> bytes:
    """Return a JSON value as canonical JSON (RFC 8785).

    >>> canonical({"b": 1, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    """
    import rfc8785

    return rfc8785.dumps(value)


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value in its canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def file_digest(file: BinaryIO) -> str:
    """Return the SHA-256 of a file from where it stands to its end, in hex."""
    state = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        state.update(chunk)
    return state.hexdigest()


def keyed_file_digest(file: BinaryIO, key: bytes) -> str:
    """Return the HMAC-SHA-256 (RFC 2104) of a file from where it stands to its end, in hex."""
    state = hmac.new(key, digestmod="sha256")
    while chunk := file.read(_CHUNK_BYTES):
        state.update(chunk)
    return state.hexdigest()


def merkle_root(entries: Sequence[Any]) -> str:
    """Return the root of the hash tree over JSON values, in hex (RFC 6962 section 2.1).

    >>> merkle_root([]) == hashlib.sha256(b"").hexdigest()
    True
    """
    level = [hashlib.sha256(b"\x00" + canonical(entry)).digest() for entry in entries]
    if not level:
        return hashlib.sha256(b"").hexdigest()
    # Pairing neighbours and carrying an odd one up gives the same root as splitting at the largest power of two.
    while len(level) > 1:
        paired = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = [*paired, level[-1]] if len(level) % 2 else paired
    return level[0].hex()


class Signer:
    """The key of this machine's user that signs evidence, made when it is first needed.

    Raises:
        Unprotected: the key file can be read by others, or cannot be made.
        BadInput: the key file is not 32 bytes.

    """

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed

    def __repr__(self) -> str:
        return "Signer(...)"

    @classmethod
    def load(cls, folder: Path) -> Signer:
        """Read `signing.key` in the state folder, or make it."""
        path = folder / "signing.key"
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise Unprotected(
                    "the signing key can be read by others", hint=f"chmod 600 {path.name} in the state folder"
                )
            seed = path.read_bytes()
        except FileNotFoundError:
            seed = os.urandom(_SEED_BYTES)
            write_private(path, seed)
        except OSError as error:
            raise Unprotected("the signing key cannot be read", hint="check the state folder's permissions") from error
        if len(seed) != _SEED_BYTES:
            raise BadInput(
                f"the signing key is not {_SEED_BYTES} bytes", hint="remove it; the next run makes a new one"
            )
        return cls(seed)

    def key(self, purpose: str) -> bytes:
        """Return 32 secret bytes for a purpose beside signing, such as digests of raw input."""
        return derive(self._seed, purpose)

    @property
    def public_key(self) -> str:
        """The public key, in base64."""
        return b64encode(self._key.public_key().public_bytes_raw()).decode("ascii")

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message (RFC 8032), for formats of others that carry one."""
        return self._key.sign(message)

    def signed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document with a signature over the canonical form of the rest of it (RFC 8032)."""
        body = {name: value for name, value in document.items() if name != SIGNATURE}
        value = self._key.sign(canonical(body))
        return body | {
            SIGNATURE: {
                "algorithm": _ALGORITHM,
                "public_key": self.public_key,
                "value": b64encode(value).decode("ascii"),
            }
        }


def is_signed(document: Mapping[str, Any]) -> bool:
    """Tell whether a document carries a signature that is valid for its own public key."""
    held = document.get(SIGNATURE)
    body = {name: value for name, value in document.items() if name != SIGNATURE}
    try:
        if not isinstance(held, Mapping) or held["algorithm"] != _ALGORITHM:
            return False
        public = Ed25519PublicKey.from_public_bytes(b64decode(held["public_key"], validate=True))
        public.verify(b64decode(held["value"], validate=True), canonical(body))
    except (KeyError, ValueError, TypeError, InvalidSignature):
        return False
    return True


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON that people can read too."""
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def read_json(content: bytes) -> Any:
    """Return a JSON document.

    Raises:
        BadInput: it is none.

    """
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(
            "expected JSON, found something else", hint="run the command that wrote this file again"
        ) from error
