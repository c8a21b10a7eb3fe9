"""Which keys belong to a data folder, who may write to it, and whether it is the newest that was acknowledged.

Invariants:

- A vault is its id, not its path: a folder that was moved or copied opens with the same keys.
- One writer at a time, of a data folder and of its copies; readers beside it, who write nothing.
- Data older than its anchor is refused, unless the caller accepts it in so many words.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from privet.errors import BadInput, Damaged, RolledBack, Unprotected
from privet.sealed import TAG_BYTES
from privet.vault.anchor import Anchor, State
from privet.vault.key_source import KeySource
from privet.vault.layout import (
    LOCK_FILE,
    MANIFEST_FILE,
    Scope,
    is_leftover,
    missing,
)
from privet.vault.manifest import Manifest, read_manifest, write_manifest
from privet.vault.naming import made, name_of, named, scope_of
from privet.vault.private_files import made_private, remove_leftovers
from privet.vault.subjects import SubjectKeys

NO_TAG: Final = bytes(TAG_BYTES)
_BEGINNING: Final = 8192
_T = TypeVar("_T")


class Opened(NamedTuple):
    """A tenant's data folder with its keys, anchor, manifest and state, whether that is the newest; descriptors of a writer's locks."""

    folder: Path
    scope: Scope
    keys: SubjectKeys
    anchor: Anchor
    manifest: Manifest
    state: State
    is_newest: bool
    locks: tuple[int, ...]


def opened(path: Path, source: KeySource, tenant: str, *, accept_older: bool, create: bool) -> Opened:
    """Open a data folder to write; with `create` make one where there is none.

    Raises:
        BadInput: it is open for writing already; the keys are not this vault's; a later format; there is none.
        Damaged: a file is missing or not what was written.
        RolledBack: the data is older than what was acknowledged, or not of the same line.
        Unprotected: keys cannot be kept private.

    """
    if source.folder.resolve().is_relative_to(path.resolve()):
        raise BadInput(
            "the key folder lies in the data folder, so a copy of the data would have the keys",
            hint="name a folder elsewhere",
        )
    if create:
        named(path, source)
    folder, scope = scope_of(path, source, tenant)
    if _is_new(folder, scope, source):
        if not create:
            raise _nothing()
        made_private(source.folder)
        made(folder)
    elif not folder.is_dir():
        raise missing(MANIFEST_FILE)
    elif not source.folder.is_dir():
        raise BadInput("there is no such key folder", hint="name the key folder that the vault was made with")
    locks = _locked(folder / LOCK_FILE, source.folder / f"{scope.name}.lock")
    try:
        return _opened(folder, scope, source, locks, accept_older=accept_older)
    except BaseException:
        for lock in locks:
            os.close(lock)
        raise


def opened_to_read(path: Path, source: KeySource, tenant: str, *, accept_older: bool) -> Opened:
    """Open a data folder to read; nothing in it is changed, nor in the key folder.

    Raises:
        BadInput: there is nothing to read; the keys are not this vault's; a later format.
        Damaged: a file is missing or not what was written.
        RolledBack: the data is older than what was acknowledged, or not of the same line.
        Unprotected: keys cannot be kept private.

    """
    folder, scope = scope_of(path, source, tenant)
    return _opened(folder, scope, source, (), accept_older=accept_older)


def beside_writer(path: Path, source: KeySource, attempt: Callable[[], _T]) -> _T:
    """Return what a reader found; what a writer has replaced meanwhile is read again, as long as something was replaced."""
    seen: list[bytes] | None = None
    while True:
        try:
            return attempt()
        except (BadInput, Damaged):
            now = _seen(path, source)
            if now == seen:
                raise
            seen = now


def _seen(path: Path, source: KeySource) -> list[bytes]:
    """Return what changes with each write: anchors, and of key tables and journals the beginning with its nonce."""
    try:
        return [_beginning(place) for place in sorted(source.folder.glob(f"{name_of(path)[0].hex()}-*"))]
    except (OSError, BadInput, Damaged):
        return []


def _beginning(place: Path) -> bytes:
    with place.open("rb") as file:
        return file.read(_BEGINNING)


def _locked(*places: Path) -> tuple[int, ...]:
    """Hold a lock in the data folder, which may be shared, and one beside the keys, since the data may have copies."""
    held: list[int] = []
    try:
        for place in places:
            held.append(os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
            fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        for lock in held:
            os.close(lock)
        if error.errno == errno.EWOULDBLOCK:
            raise BadInput(
                "this vault, or a copy of it, is open for writing already",
                hint="close it there (another process, or this one), or open it with read_only=True",
            ) from error
        raise BadInput(
            f"the vault cannot be written ({os.strerror(error.errno or 0)})",
            hint="check permissions, or open it with read_only=True",
        ) from error
    return tuple(held)


def _opened(folder: Path, scope: Scope, source: KeySource, locks: tuple[int, ...], *, accept_older: bool) -> Opened:
    table, place = source.folder / f"{scope.name}.subjects", source.folder / f"{scope.name}.anchor"
    if locks:
        # What a crash has left of a rotation has keys in it, also of those who are forgotten later.
        remove_leftovers(source.folder, scope.name)
    if _is_new(folder, scope, source):
        if not locks:
            raise _nothing()
        if any(is_leftover(each.name) and each.name[0] != "." for each in folder.iterdir()):
            raise missing(MANIFEST_FILE)
        return _new(folder, scope, source, table, place, locks)
    keys = _loaded(table, scope, source, can_write=bool(locks))
    anchor = Anchor(place, keys.data_key, scope.context())
    # The anchor comes first: data may be newer than it, never older.
    known = anchor.read()
    manifest, tag = read_manifest(folder, scope, keys.data_key)
    state, is_newest = _newest(known, manifest, tag, accept_older=accept_older)
    return Opened(folder, scope, keys, anchor, manifest, state, is_newest, locks)


def _is_new(folder: Path, scope: Scope, source: KeySource) -> bool:
    return not (folder / MANIFEST_FILE).exists() and not (source.folder / f"{scope.name}.anchor").exists()


def _nothing() -> BadInput:
    return BadInput("this vault has nothing of this tenant", hint="check its name, or open it once to write")


def _new(folder: Path, scope: Scope, source: KeySource, table: Path, place: Path, locks: tuple[int, ...]) -> Opened:
    """Make what a new tenant needs. The anchor comes last: without it everything but the keys may be made anew."""
    if table.exists():
        keys = _loaded(table, scope, source, can_write=True)
    else:
        keys = SubjectKeys.make(table, scope, source.secret(scope.name, create=True))
    manifest = Manifest(1, NO_TAG, 0, 0, NO_TAG, [])
    state = State(0, NO_TAG, 1, write_manifest(folder, scope, keys.data_key, manifest), 0)
    anchor = Anchor(place, keys.data_key, scope.context())
    anchor.write(state)
    return Opened(folder, scope, keys, anchor, manifest, state, True, locks)


def _loaded(table: Path, scope: Scope, source: KeySource, *, can_write: bool) -> SubjectKeys:
    keys, root = SubjectKeys.load(table, scope, _roots(source, scope.name), can_write=can_write)
    if can_write and root != source.secret(scope.name, create=False):
        # A rotation was cut short. The next one would write over the only key that opens the table.
        source.replace(scope.name, root)
    return keys


def _roots(source: KeySource, name: str) -> Iterator[bytes]:
    """Yield the root key, and the next one, where a rotation may have been cut short."""
    yield source.secret(name, create=False)
    with suppress(BadInput, Unprotected):
        yield source.secret(next_name(name), create=False)


def next_name(name: str) -> str:
    """Return the name under which a rotation stores the new root key first."""
    return f"{name}-next"


def _newest(known: State | None, manifest: Manifest, tag: bytes, *, accept_older: bool) -> tuple[State, bool]:
    """Return the state that the data must have reached, and whether the manifest is of the line that was acknowledged."""
    own = State(manifest.generation, manifest.tail, manifest.epoch, tag, 0)
    if known is None:
        # Making a vault may have been cut short.
        if manifest.epoch == 1 and manifest.generation == 0:
            return own, True
        if accept_older:
            return own, False
        raise Damaged(
            "the key folder has no anchor for this vault, so nobody can tell whether the data is the newest",
            hint="restore the key folder, or open with accept_older=True",
        )
    if manifest.epoch == known.epoch and tag == known.manifest:
        return known, True
    if manifest.epoch == known.epoch + 1 and manifest.before == known.manifest:
        # Written, and its anchor not yet: as if the power had failed a moment later.
        return own._replace(records=known.records), True
    if accept_older:
        return State(
            max(own.generation, known.generation), own.tail, max(own.epoch, known.epoch), tag, known.records
        ), False
    if manifest.epoch <= known.epoch:
        raise older(MANIFEST_FILE)
    raise RolledBack(
        f"the anchor in the key folder is older than the file {MANIFEST_FILE} of the vault",
        hint="restore the newest key folder, or open with accept_older=True",
    )


def older(name: str) -> RolledBack:
    """Return the error for data that is not the newest."""
    return RolledBack(
        f"the file {name} of the vault is older than what was written last: the data folder, or a part of it, was put back",
        hint="restore the newest copy; accept_older=True opens this one, without those who were forgotten since",
    )
