"""Another root key for a vault, from the same source or from another one.

Invariants: whenever a crash comes, a key that opens the table is stored; after an error no other rotation begins before the vault was
opened again, which finishes this one.
"""

from __future__ import annotations

import secrets

from privet.errors import BadInput
from privet.sealed import KEY_BYTES
from privet.vault.key_source import KeySource
from privet.vault.opening import next_name
from privet.vault.subjects import SubjectKeys


def renew(keys: SubjectKeys, source: KeySource, name: str) -> None:
    """Make a new root key in the same source.

    Raises:
        Unprotected: the source cannot store it, or the table cannot be written.

    """
    new = secrets.token_bytes(KEY_BYTES)
    keys.refuse_broken()
    # First beside: until the table is sealed under it, only the old one opens it.
    source.replace(next_name(name), new)
    keys.rotate(new, lambda: source.replace(name, new))


def move(keys: SubjectKeys, source: KeySource, target: KeySource, name: str) -> None:
    """Take the root key from another source, which gets also the secret that names tenants.

    Raises:
        BadInput: it keeps subject keys in another folder.
        Unprotected: the source cannot store a key, or the table cannot be written.

    """
    if target.folder.resolve() != source.folder.resolve():
        raise BadInput(
            "the other source keeps subject keys in another folder", hint="make it with folder= of the old one"
        )
    vault = name.partition("-")[0]
    secret = source.secret(vault, create=False)
    if target.secret(vault, create=True) != secret:
        target.replace(vault, secret)
    keys.rotate(target.secret(name, create=True))
