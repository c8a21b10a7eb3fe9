"""The file that names a vault: which keys are its own, and in which folder a tenant's data lies.

Invariants: a vault is its id, not its path. The key comes before the file, so whoever finds the file finds the key; and the file tells
whether a key is the right one, so a wrong one never passes for that of a new tenant.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from privet.errors import BadInput, Unprotected
from privet.vault.key_source import KeySource
from privet.vault.layout import (
    ID_BYTES,
    VAULT_FILE,
    VAULT_MAGIC,
    VERSION,
    Scope,
    damaged,
    refuse_later,
    tenant_id,
    vault_tag,
)
from privet.vault.private_files import sync_folder, write_beside

_VERSION_BYTES: Final = 2


def scope_of(path: Path, source: KeySource, tenant: str) -> tuple[Path, Scope]:
    """Return a tenant's folder, and whose data it is."""
    vault, tag = name_of(path)
    secret = source.secret(vault.hex(), create=False)
    if not hmac.compare_digest(vault_tag(secret, vault), tag):
        raise BadInput(
            f"the key {vault.hex()} does not fit the file {VAULT_FILE}: it is another vault's, or one of both is damaged",
            hint="name the key folder that the vault was made with, or restore it from its backup",
        )
    scope = Scope(vault, tenant_id(secret, tenant))
    return path / scope.tenant.hex(), scope


def named(path: Path, source: KeySource) -> None:
    """Make the file that names a vault, where there is none. The key comes first: whoever finds the file finds the key."""
    place = path / VAULT_FILE
    if place.exists():
        return
    made(path)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if place.exists():  # another process was quicker
            return
        # A vault without its first file is one that was copied in part.
        if any(child.name[:1] != "." for child in path.iterdir()):
            raise BadInput(
                f"the folder is not empty and has no file {VAULT_FILE}",
                hint="name an empty folder, or copy the vault whole",
            )
        vault = secrets.token_bytes(ID_BYTES)
        tag = vault_tag(source.secret(vault.hex(), create=True), vault)
        write_beside(place, VAULT_MAGIC + VERSION.to_bytes(_VERSION_BYTES, "big") + vault + tag)
    finally:
        os.close(folder)


def name_of(path: Path) -> tuple[bytes, bytes]:
    """Return the id of the vault in a folder, and the tag that its key gives.

    Raises:
        BadInput: there is no vault, or one of a later format.
        Damaged: the file that names it is not what was written.

    """
    try:
        raw = (path / VAULT_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput("there is no vault in this folder", hint="check the path") from None
    except OSError as error:
        raise Unprotected(f"the file {VAULT_FILE} cannot be read", hint="check its owner and permissions") from error
    refuse_later(raw, VAULT_MAGIC, VAULT_FILE)
    start = len(VAULT_MAGIC) + _VERSION_BYTES
    if len(raw) != start + 2 * ID_BYTES:
        raise damaged(VAULT_FILE)
    return raw[start : start + ID_BYTES], raw[-ID_BYTES:]


def made(folder: Path) -> None:
    """Make a folder durably, where there is none.

    Raises:
        BadInput: it cannot be made.

    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in missing:
            sync_folder(each.parent)
    except OSError as error:
        raise BadInput("the folder of the vault cannot be made", hint="name a folder that you can write") from error
