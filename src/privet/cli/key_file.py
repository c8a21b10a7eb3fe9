"""The secret key that a user names by a file, for surrogates that need one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from privet.errors import BadInput

MAKE_KEY: Final = "make one: (umask 077; openssl rand -hex 32 > key)"
_KEY_BYTES: Final = 32


def read_key(path: Path) -> bytes:
    """Return the 32 secret bytes of a file, raw or as 64 hexadecimal digits.

    Raises:
        BadInput: it cannot be read or holds something else.

    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput("the key file cannot be read", hint="check its path and permissions") from error
    if len(raw) == _KEY_BYTES:
        return raw
    try:
        key = bytes.fromhex(raw.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise BadInput("the key file holds no key of 32 bytes", hint=MAKE_KEY)
    return key
