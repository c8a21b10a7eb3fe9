"""What names a vault: which keys are its own, and in which folder a tenant's data lies.

Invariants: a vault is its id, not its path. The key comes before the file, so whoever finds the file finds the key; and the file tells
whether a key is the right one, so a wrong one never passes for that of a new tenant.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from privet.errors import BadInput, Damaged, Unprotected
from privet.vault.batch import is_name
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


def folder_of(path: Path | str, tenant: str) -> Path:
    """Return the data folder that somebody named, with a tenant.

    Raises:
        BadInput: one of both is no name.

    """
    if not isinstance(path, (str, os.PathLike)):
        raise BadInput("expected a data folder, found something else", hint="give its path")
    if tenant != "" and not is_name(tenant):
        raise BadInput(
            "expected a tenant that is a text (str), without lone surrogates", hint="str(tenant) for numbers"
        )
    return Path(path)


def scope_of(path: Path, source: KeySource, tenant: str) -> tuple[Path, Scope]:
    """Return a tenant's folder, and whose data it is."""
    vault, tag = name_of(path)
    secret = secret_of(source, vault, tag, tenant, f"the file {VAULT_FILE}", damaged(VAULT_FILE))
    scope = Scope(vault, tenant_id(secret, tenant))
    return path / scope.tenant.hex(), scope


def secret_of(source: KeySource, vault: bytes, tag: bytes, tenant: str, name: str, changed: Damaged) -> bytes:
    """Return the secret of a vault, by the id and the tag that are stored with the data.

    Raises:
        BadInput: the keys are another vault's.
        Damaged: the keys are right, so that what is stored was changed: that error.

    """
    try:
        secret = source.secret(vault.hex(), create=False)
    except (BadInput, Unprotected):
        if _has_keys(source, vault, tag, tenant):
            raise changed from None
        raise
    if hmac.compare_digest(vault_tag(secret, vault), tag):
        return secret
    if _has_keys(source, vault, tag, tenant):
        raise changed
    raise BadInput(
        f"the key {vault.hex()} does not fit {name}: it is another vault's, or one of both is damaged",
        hint="name the key folder that the vault was made with, or restore it from its backup",
    )


def _has_keys(source: KeySource, vault: bytes, tag: bytes, tenant: str) -> bool:
    """Tell whether a key folder has a vault of this tag under another id, or of this id under another tag."""
    for known in {place.name.partition("-")[0] for place in source.folder.glob("*-*.subjects")}:
        with suppress(BadInput, Unprotected, ValueError):
            secret = source.secret(known, create=False)
            scope = Scope(bytes.fromhex(known), tenant_id(secret, tenant))
            has_table = (source.folder / f"{scope.name}.subjects").exists()
            if hmac.compare_digest(vault_tag(secret, scope.vault), tag) or (scope.vault == vault and has_table):
                return True
    return False


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
