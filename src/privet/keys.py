"""Where the endpoint's keys come from and how they are kept.

Invariants:

- A key is 256 bits from the operating system. Only its SHA-256 is stored, in a file of mode 0600 below a folder of mode 0700; a slow
  hash would add nothing to a key that cannot be guessed (NIST SP 800-63B section 5.1.1.2 asks for one only for memorized secrets).
- Comparison takes the same time whether or not a key matches.
- A key has no repr: `IssuedKey` prints as `IssuedKey(...)`.

The file's layout is in docs/formats/keys.md.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from privet.errors import BadInput, PrivetError, Unprotected

KEY_PREFIX: Final = "privet_"
FORMAT: Final = "privet-keys/1"
_ENTROPY_BYTES: Final = 32
_NOWHERE: Final = Path(os.devnull)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key: `secret` is to be shown once; `key_id` may be kept."""

    key_id: str
    secret: str = field(repr=False)


def state_folder(environment: Mapping[str, str]) -> Path:
    """Return (and make, mode 0700) the folder for state: `$XDG_STATE_HOME/privet`, else `~/.local/state/privet`.

    Raises:
        Unprotected: the folder cannot be made, or belongs to somebody else.

    """
    base = environment.get("XDG_STATE_HOME") or ""
    try:
        home = Path(environment.get("HOME") or "~")
        root = Path(base) if base.startswith("/") else home.expanduser() / ".local" / "state"
        folder = root / "privet"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.geteuid():
            raise Unprotected(
                "the state folder belongs to another user", hint="set XDG_STATE_HOME to a folder of yours"
            )
        folder.chmod(0o700)
    except (OSError, RuntimeError) as error:  # RuntimeError: neither HOME nor a password entry names a home.
        raise Unprotected(
            "the state folder cannot be made", hint="set HOME or XDG_STATE_HOME to a folder you can write"
        ) from error
    return folder


class KeyRing:
    """The keys that open the endpoint, as hashes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ring = KeyRing.load(Path(folder) / "keys.json")
    ...     issued = ring.issue()
    ...     ring.find(issued.secret) == issued.key_id, ring.find("guess")
    (True, None)
    """

    def __init__(self, path: Path, hashes: dict[str, bytes]) -> None:
        self._path = path
        self._hashes = hashes
        self._seen = 0

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """Read the key file; a missing one is an empty ring.

        Raises:
            Unprotected: others may read the file.
            BadInput: the file is not a key file.

        """
        return cls(path, _read(path))

    @classmethod
    def temporary(cls) -> tuple[KeyRing, IssuedKey]:
        """Return a ring that is never written, and its one key."""
        secret = KEY_PREFIX + secrets.token_urlsafe(_ENTROPY_BYTES)
        issued = IssuedKey("key_" + secrets.token_hex(6), secret)
        return cls(_NOWHERE, {issued.key_id: hashlib.sha256(secret.encode()).digest()}), issued

    def refresh(self) -> None:
        """Read the key file again where it has changed: a new key shuts the old one out of every running endpoint.

        A file that is gone or broken lets nobody in.
        """
        try:
            seen = self._path.stat().st_mtime_ns
        except OSError:
            seen = -1
        if seen != self._seen:
            self._seen = seen
            try:
                self._hashes = _read(self._path)
            except PrivetError:
                self._hashes = {}

    @property
    def folder(self) -> Path:
        """The folder of the key file."""
        return self._path.parent

    def __len__(self) -> int:
        return len(self._hashes)

    def issue(self) -> IssuedKey:
        """Make a new key, in place of all older ones, and store its hash."""
        secret = KEY_PREFIX + secrets.token_urlsafe(_ENTROPY_BYTES)
        key_id = "key_" + secrets.token_hex(6)
        digest = hashlib.sha256(secret.encode()).digest()
        created = datetime.now(UTC).date().isoformat()
        document = {"format": FORMAT, "keys": [{"id": key_id, "sha256": digest.hex(), "created": created}]}
        if self._path != _NOWHERE:
            write_private(self._path, json.dumps(document).encode() + b"\n")
        self._hashes = {key_id: digest}
        return IssuedKey(key_id, secret)

    def find(self, presented: str | bytes) -> str | None:
        """Return the id of the key that was presented, or None."""
        raw = presented if isinstance(presented, bytes) else presented.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(raw).digest()
        match: str | None = None
        for key_id, known in self._hashes.items():
            if hmac.compare_digest(digest, known):
                match = key_id
        return match


def _read(path: Path) -> dict[str, bytes]:
    try:
        info = path.stat()
        if stat.S_IMODE(info.st_mode) & 0o077:
            raise Unprotected(
                "the key file can be read by others", hint=f"chmod 600 the file {path.name} in the state folder"
            )
        document = json.loads(path.read_bytes())
        if document["format"] != FORMAT:
            raise ValueError(FORMAT)
        hashes = {item["id"]: bytes.fromhex(item["sha256"]) for item in document["keys"]}
        if any(not isinstance(key_id, str) or len(known) != 32 for key_id, known in hashes.items()):
            raise ValueError(FORMAT)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(
            "the key file is not readable as " + FORMAT, hint="remove it; the next start makes a new key"
        ) from error
    return hashes


def write_private(path: Path, content: bytes) -> None:
    """Write beside and rename into place, so that a crash leaves the old file or the new one."""
    name = ""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".keys-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise Unprotected(
            "the key file cannot be written", hint="check the space and permissions of the state folder"
        ) from error


def derive(secret: bytes, purpose: str, *parts: str) -> bytes:
    """Return 32 bytes bound to a purpose: HMAC-SHA-256 over length-prefixed parts (RFC 2104)."""
    items = (part.encode("utf-8", "surrogatepass") for part in (purpose, *parts))
    message = b"".join(len(item).to_bytes(4, "big") + item for item in items)
    return hmac.digest(secret, message, "sha256")
