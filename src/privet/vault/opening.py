"""Which keys belong to a data folder, who may write to it, and whether it is the newest that was acknowledged.

Invariants:

- A vault is its id, not its path: a folder that was moved or copied opens with the same keys.
- One writer at a time; readers beside it.
- Data older than its anchor is refused, unless the caller accepts it in so many words.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from privet.errors import BadInput, Damaged, RolledBack, Unprotected
from privet.sealed import TAG_BYTES
from privet.vault.anchor import Anchor, State
from privet.vault.frames import damaged
from privet.vault.key_source import KeySource, sync_folder, write_beside
from privet.vault.layout import ID_BYTES, MANIFEST_FILE, VAULT_FILE, VAULT_MAGIC, VERSION, Scope, tenant_id
from privet.vault.manifest import Manifest, read_manifest, refuse_later, write_manifest
from privet.vault.subjects import SubjectKeys

NO_TAG: Final = bytes(TAG_BYTES)
_FRESH: Final = State(0, NO_TAG, 1, NO_TAG, 0)


class Opened(NamedTuple):
    """A tenant's data folder with its keys, anchor, manifest and state; the lock's descriptor for a writer."""

    folder: Path
    scope: Scope
    keys: SubjectKeys
    anchor: Anchor
    manifest: Manifest
    state: State
    lock: int | None


def opened(path: Path, source: KeySource, tenant: str, *, accept_older: bool, read_only: bool) -> Opened:
    """Open a data folder, or make one.

    Raises:
        BadInput: another process writes; the keys are not this vault's; there is nothing to read; a later format.
        Damaged: a file is missing or not what was written.
        RolledBack: the data is older than what was acknowledged, or not of the same line.
        Unprotected: keys cannot be kept private.

    """
    vault, is_new = _vault_id(path, read_only=read_only)
    names = source.secret(vault.hex(), create=is_new)
    scope = Scope(vault, tenant_id(names, tenant))
    folder = path / scope.tenant.hex()
    if read_only and not folder.is_dir():
        raise BadInput(
            "this vault has nothing of this tenant", hint="open it without read_only once, or name another tenant"
        )
    _made(folder)
    lock = None if read_only else _locked(folder)
    try:
        return _opened(folder, scope, source, lock, accept_older=accept_older)
    except BaseException:
        if lock is not None:
            os.close(lock)
        raise


def _vault_id(path: Path, *, read_only: bool) -> tuple[bytes, bool]:
    place = path / VAULT_FILE
    try:
        raw = place.read_bytes()
    except FileNotFoundError:
        if read_only:
            raise BadInput("there is no vault in this folder", hint="check the path") from None
        _made(path)
        # A vault without its first file is one that was copied in part.
        if any(child.name[:1] != "." for child in path.iterdir()):
            raise BadInput(
                f"the folder is not empty and has no file {VAULT_FILE}",
                hint="name an empty folder, or copy the vault whole",
            ) from None
        made = secrets.token_bytes(ID_BYTES)
        if _named(place, VAULT_MAGIC + VERSION.to_bytes(2, "big") + made):
            return made, True
        raw = place.read_bytes()  # another process was quicker
    except OSError as error:
        raise Unprotected(f"the file {VAULT_FILE} cannot be read", hint="check its owner and permissions") from error
    refuse_later(raw, VAULT_MAGIC, VAULT_FILE)
    found = raw[len(VAULT_MAGIC) + 2 :]
    if len(found) != ID_BYTES:
        raise damaged(VAULT_FILE)
    # Where nothing was ever kept, making it may have been cut short before the keys were.
    return found, not any(child.is_dir() for child in path.iterdir())


def _named(place: Path, content: bytes) -> bool:
    """Write the file that names a vault; tell whether it was not there yet."""
    beside = place.with_name(f".{secrets.token_hex(8)}")
    write_beside(beside, content)
    try:
        os.link(beside, place)
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    sync_folder(place.parent)
    return True


def _made(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise BadInput("the folder of the vault cannot be made", hint="name a folder that you can write") from error


def _locked(folder: Path) -> int:
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BadInput(
            "the vault cannot be written", hint="check permissions, or open it with read_only=True"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise BadInput(
            "another process has this vault open for writing", hint="close it there, or open it with read_only=True"
        ) from error
    return descriptor


def _opened(folder: Path, scope: Scope, source: KeySource, lock: int | None, *, accept_older: bool) -> Opened:
    table, place = source.folder / f"{scope.name}.subjects", source.folder / f"{scope.name}.anchor"
    has_manifest = (folder / MANIFEST_FILE).exists()
    if not has_manifest and not place.exists():
        if lock is None:
            raise BadInput("this vault has nothing of this tenant", hint="open it without read_only once")
        return _new(folder, scope, source, table, place, lock)
    keys = SubjectKeys.load(table, scope, _roots(source, scope.name))
    anchor = Anchor(place, keys.data_key, scope.context())
    manifest, tag = read_manifest(folder, scope, keys.data_key)
    state = _newest(anchor, manifest, tag, accept_older=accept_older)
    return Opened(folder, scope, keys, anchor, manifest, state, lock)


def _new(folder: Path, scope: Scope, source: KeySource, table: Path, place: Path, lock: int) -> Opened:
    root = source.secret(scope.name, create=True)
    keys = SubjectKeys.make(table, scope, root)
    manifest = Manifest(1, NO_TAG, 0, 0, NO_TAG, [])
    state = _FRESH._replace(manifest=write_manifest(folder, scope, keys.data_key, manifest))
    anchor = Anchor(place, keys.data_key, scope.context())
    anchor.write(state)
    return Opened(folder, scope, keys, anchor, manifest, state, lock)


def _roots(source: KeySource, name: str) -> list[bytes]:
    """Return the root key, and the next one, where a rotation may have been cut short."""
    found = [source.secret(name, create=False)]
    with suppress(BadInput, Unprotected):
        found.append(source.secret(next_name(name), create=False))
    return found


def next_name(name: str) -> str:
    """Return the name under which a rotation stores the new root key first."""
    return f"{name}-next"


def _newest(anchor: Anchor, manifest: Manifest, tag: bytes, *, accept_older: bool) -> State:
    """Return the state that the data must have reached."""
    own = State(manifest.generation, manifest.tail, manifest.epoch, tag, 0)
    state = anchor.read()
    if state is None:
        if accept_older or (manifest.epoch == 1 and manifest.generation == 0):
            return own
        raise Damaged(
            "the key folder has no anchor for this vault, so nobody can tell whether the data is the newest",
            hint="restore the key folder, or open with accept_older=True",
        )
    if manifest.epoch == state.epoch and tag == state.manifest:
        return state
    if manifest.epoch == state.epoch + 1 and manifest.before == state.manifest:
        # Written, and its anchor not yet: as if the power had failed a moment later.
        return own._replace(records=state.records)
    if accept_older:
        return own._replace(generation=max(own.generation, state.generation), records=state.records)
    if manifest.epoch <= state.epoch:
        raise older(MANIFEST_FILE)
    raise RolledBack(
        "the anchor in the key folder is older than the data",
        hint="restore the newest key folder, or open with accept_older=True",
    )


def older(name: str) -> RolledBack:
    """Return the error for data that is not the newest."""
    return RolledBack(
        f"the file {name} of the vault is older than what was written last: the data folder, or a part of it, was put back",
        hint="restore the newest copy; accept_older=True opens this one, without those who were forgotten since",
    )
