"""The numbers of the format `privet-vault/1`: docs/formats/vault.md says the same for a reader in another language.

Invariants: every byte of a file is sealed, or is associated data of something sealed; all integers are big-endian.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from privet.errors import BadInput, Damaged
from privet.keys import derive

VERSION: Final = 1
ID_BYTES: Final = 16
VAULT_FILE: Final = "vault"
"""`VAULT_MAGIC`, the version in 2 bytes, the vault's id in `ID_BYTES`, a tag in `ID_BYTES`: says which keys are the right ones."""
VAULT_MAGIC: Final = b"PVTVAULT"
MANIFEST_FILE: Final = "manifest"
LOCK_FILE: Final = "lock"
"""Empty. Whoever writes holds it; another one lies in the key folder, since a data folder may have copies."""
MANIFEST_MAGIC: Final = b"PVTMANIF"
SEGMENT_MAGIC: Final = b"PVTSEGMT"
SUBJECTS_MAGIC: Final = b"PVTSUBJS"
HEAD_BYTES: Final = 16
"""Every file but `vault` begins with its magic, the version in 2 bytes, and zeros; associated data of all that it holds."""

DIRECTORY: Final = 0
HOT: Final = 1
COLD: Final = 2
HOT_CHUNK: Final = 1 << 20
"""Bytes of a chunk of vectors and ids, which are read at open: large, since AES-GCM is five times as fast on those as on single records."""
COLD_CHUNK: Final = 1 << 14
"""Bytes of a chunk of documents and metadata, of which one record's are read at a time."""
SMALL_BLOCK: Final = 1 << 12
LARGE_BLOCK: Final = 1 << 14
_LARGE_FROM: Final = 1 << 20
SEGMENT_BYTES: Final = 1 << 27
"""From so many bytes on the next write begins another file."""


class Scope(NamedTuple):
    """Whose data it is: associated data of everything sealed."""

    vault: bytes
    tenant: bytes

    @property
    def name(self) -> str:
        """What keys of this tenant are called."""
        return f"{self.vault.hex()}-{self.tenant.hex()}"

    def context(self, *parts: bytes) -> bytes:
        """Return associated data; parts are of fixed size, or the last one."""
        return b"".join((b"privet-vault/1\0", self.vault, self.tenant, *parts))


def head(magic: bytes) -> bytes:
    """Return the first `HEAD_BYTES` of a file."""
    return magic + VERSION.to_bytes(2, "big") + bytes(HEAD_BYTES - len(magic) - 2)


def nonce(frame: int, area: int, chunk: int) -> bytes:
    """Return the nonce of a chunk: no two chunks of a segment have the same, and no two segments the same key."""
    return frame.to_bytes(4, "big") + area.to_bytes(4, "big") + chunk.to_bytes(4, "big")


def padding_of(size: int) -> int:
    """Return how much is added to a size, so that it tells little: to 4 KiB, or to 16 KiB from 1 MiB on."""
    block = LARGE_BLOCK if size >= _LARGE_FROM else SMALL_BLOCK
    return -size % block


def vault_tag(secret: bytes, vault: bytes) -> bytes:
    """Return what the file `vault` holds of the secret that belongs to it: a wrong or damaged one never passes for a new tenant's."""
    return derive(secret, "vault-id", vault.hex())[:ID_BYTES]


def is_leftover(name: str) -> bool:
    """Tell whether a file of a tenant's folder may be what a crash has left: a segment, or a file before it was renamed."""
    return re.fullmatch(r"[0-9a-f]{32}|\.manifest-[0-9a-f]{16}", name) is not None


def tenant_id(secret: bytes, tenant: str) -> bytes:
    """Return what stands for a tenant's name in names of files."""
    return derive(secret, "vault-tenant", tenant)[:ID_BYTES]


def refuse_later(raw: bytes, magic: bytes, name: str) -> None:
    """Refuse a file that another program wrote, or a later version of this one.

    Raises:
        Damaged: it does not begin as such a file does.
        BadInput: it is of a later version.

    """
    if len(raw) < len(magic) + 2 or raw[: len(magic)] != magic:
        raise damaged(name)
    version = int.from_bytes(raw[len(magic) : len(magic) + 2], "big")
    if version > VERSION:
        raise BadInput(
            f"the file {name} has format version {version}, this program knows {VERSION}", hint="install a newer Privet"
        )
    if version < VERSION:
        raise damaged(name)


def missing(name: str) -> Damaged:
    """Return the error for a file that is not there."""
    return Damaged(
        f"the file {name} of the vault is missing", hint="copy the data folder whole, or restore it from a backup"
    )


def damaged(name: str) -> Damaged:
    """Return the error for a file that is not what was written."""
    return Damaged(
        f"the file {name} of the vault is damaged", hint="restore the data folder from a backup; nothing was changed"
    )
