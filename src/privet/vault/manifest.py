"""The manifest: which segments a vault has, in order, and how the closed ones end. It changes when a file comes or goes, not with writes.

Invariants: the epoch grows by one with each manifest, and each names the tag of the one before; it is replaced as a whole.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from privet.keys import derive
from privet.sealed import NONCE_BYTES, TAG_BYTES, Cipher
from privet.vault.layout import (
    HEAD_BYTES,
    MANIFEST_FILE,
    MANIFEST_MAGIC,
    SMALL_BLOCK,
    Scope,
    damaged,
    head,
    missing,
    refuse_later,
)
from privet.vault.private_files import write_beside

_LENGTH_BYTES = 4


class Listed(msgspec.Struct, array_like=True, frozen=True):
    """A segment: its id, the generation before its first frame, the tag before it; when it is closed, its frames, size and last tag."""

    id: bytes
    generation: int
    before: bytes
    frames: int = -1
    size: int = 0
    tail: bytes = b""

    @property
    def is_open(self) -> bool:
        """Whether frames may still be added: only the last one is."""
        return self.frames < 0

    @property
    def name(self) -> str:
        """What its file is called."""
        return self.id.hex()


class Manifest(msgspec.Struct, array_like=True, frozen=True):
    """The state of the data folder; `generation` and `tail` of its last frame then. `dimensions` is 0 before the first vector."""

    epoch: int
    before: bytes
    dimensions: int
    generation: int
    tail: bytes
    segments: list[Listed]


def read_manifest(folder: Path, scope: Scope, data_key: bytes) -> tuple[Manifest, bytes]:
    """Return the manifest and its tag.

    Raises:
        Damaged: it is missing or not what was written.
        BadInput: it is of a later version of the format.

    """
    try:
        raw = (folder / MANIFEST_FILE).read_bytes()
    except FileNotFoundError as error:
        raise missing(MANIFEST_FILE) from error
    except OSError as error:
        raise damaged(MANIFEST_FILE) from error
    refuse_later(raw, MANIFEST_MAGIC, MANIFEST_FILE)
    start = HEAD_BYTES + NONCE_BYTES
    body = _cipher(data_key).unseal(raw[HEAD_BYTES:start], raw[start:], scope.context(raw[:HEAD_BYTES]))
    if body is None:
        raise damaged(MANIFEST_FILE)
    length = int.from_bytes(body[:_LENGTH_BYTES], "big")
    return msgspec.msgpack.decode(body[_LENGTH_BYTES : _LENGTH_BYTES + length], type=Manifest), raw[-TAG_BYTES:]


def write_manifest(folder: Path, scope: Scope, data_key: bytes, manifest: Manifest) -> bytes:
    """Replace the manifest durably; return its tag."""
    body = msgspec.msgpack.encode(manifest)
    body = len(body).to_bytes(_LENGTH_BYTES, "big") + body
    nonce = secrets.token_bytes(NONCE_BYTES)
    first = head(MANIFEST_MAGIC)
    size = len(first) + len(nonce) + len(body) + TAG_BYTES
    sealed = _cipher(data_key).seal(nonce, body.ljust(len(body) + -size % SMALL_BLOCK, b"\0"), scope.context(first))
    write_beside(folder / MANIFEST_FILE, first + nonce + sealed)
    return sealed[-TAG_BYTES:]


def _cipher(data_key: bytes) -> Cipher:
    return Cipher(derive(data_key, "vault-manifest"))
