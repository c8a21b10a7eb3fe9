"""Where a vault's secrets come from: a private folder, the system's keyring, or a command.

Invariants:

- A secret is 32 bytes from the operating system, known by a name that says nothing. It is never in the data folder.
- `folder` is where subject keys and the anchor lie: private, and outside the data folder, so a copy of the data alone brings nobody back.
- No secret has a repr, and no error repeats one.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from privet.errors import BadInput, Unprotected
from privet.keys import state_folder
from privet.sealed import KEY_BYTES

_COMMAND_SECONDS: Final = 60


class KeySource(Protocol):
    """Gives secrets by name, and a private folder."""

    @property
    def folder(self) -> Path:
        """A private folder outside of the data folder, for subject keys and the anchor."""
        ...

    def secret(self, name: str, *, create: bool) -> bytes:
        """Return the 32 bytes of this name; make them where there are none and `create` is true.

        Raises:
            BadInput: there is no such secret, or it is not 32 bytes.
            Unprotected: the source cannot be asked, or others can read it.

        """
        ...

    def replace(self, name: str, secret: bytes) -> None:
        """Store other bytes under a name, durably, in place of the old ones.

        Raises:
            Unprotected: the source cannot store them.

        """
        ...


class FolderKeys:
    """Secrets as files of mode 0600 in a folder of mode 0700, which is made where it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)

    def __repr__(self) -> str:
        return "FolderKeys(...)"

    @property
    def folder(self) -> Path:
        """The folder, private to its owner."""
        return private_folder(self._folder)

    def secret(self, name: str, *, create: bool) -> bytes:
        """Return the content of a file; make it where it is missing."""
        place = self.folder / f"{name}.root"
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            if not create:
                raise BadInput(
                    "the key folder has no key for this vault", hint="name the key folder that the vault was made with"
                ) from None
            made = secrets.token_bytes(KEY_BYTES)
            self.replace(name, made)
            return made
        except OSError as error:
            raise Unprotected("a key file cannot be read", hint="check its owner and permissions") from error
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
                raise Unprotected("a key file can be read by others", hint="chmod 600 the files of the key folder")
            return _checked(file.read(KEY_BYTES + 1))

    def replace(self, name: str, secret: bytes) -> None:
        """Write a file beside and rename it into place."""
        write_beside(self.folder / f"{name}.root", secret)


class KeyringKeys:
    """Secrets in the system's keyring, through the library `keyring`; subject keys and anchor below the state folder.

    Raises:
        Unprotected: there is no keyring, or only one that keeps secrets in plain files.

    """

    def __init__(self, service: str = "privet-vault", folder: Path | None = None) -> None:
        self._service = service
        self._folder = folder

    def __repr__(self) -> str:
        return "KeyringKeys(...)"

    @property
    def folder(self) -> Path:
        """The folder given, or one below the state folder."""
        return private_folder(self._folder or state_folder(os.environ) / "vault")

    def secret(self, name: str, *, create: bool) -> bytes:
        """Return the password of this name, decoded."""
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError as error:
            raise Unprotected(
                "the library keyring is missing", hint="pip install keyring, or use a key folder"
            ) from error
        try:
            known = keyring.get_password(self._service, name)
        except KeyringError as error:
            raise Unprotected("the keyring cannot be opened", hint="unlock it, or use a key folder") from error
        if known is not None:
            return _decoded(known)
        if not create:
            raise BadInput("the keyring has no key for this vault", hint="use the keyring that the vault was made with")
        made = secrets.token_bytes(KEY_BYTES)
        self.replace(name, made)
        return made

    def replace(self, name: str, secret: bytes) -> None:
        """Store a password of this name, and see that it is there."""
        import keyring
        from keyring.errors import KeyringError

        try:
            keyring.set_password(self._service, name, base64.b64encode(secret).decode())
            stored = keyring.get_password(self._service, name)
        except KeyringError as error:
            raise Unprotected("the keyring cannot be written", hint="unlock it, or use a key folder") from error
        if stored is None or _decoded(stored) != secret:
            raise Unprotected("the keyring does not keep what is stored", hint="use another backend, or a key folder")


class CommandKeys:
    """Secrets that a command prints in base64 or hexadecimal, the name as its last argument; it makes and replaces none.

    The command runs without a shell. What it prints is never shown.
    """

    def __init__(self, command: Sequence[str], folder: Path | None = None) -> None:
        if not command:
            raise BadInput("expected a command that prints a key, found none")
        self._command = tuple(command)
        self._folder = folder

    def __repr__(self) -> str:
        return "CommandKeys(...)"

    @property
    def folder(self) -> Path:
        """The folder given, or one below the state folder."""
        return private_folder(self._folder or state_folder(os.environ) / "vault")

    def secret(self, name: str, *, create: bool) -> bytes:  # noqa: ARG002 - the command decides whether it makes one
        """Return what the command prints for a name."""
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command, without a shell
                [*self._command, name],
                capture_output=True,
                check=False,
                timeout=_COMMAND_SECONDS,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unprotected("the key command could not be run", hint="try it by hand") from error
        if done.returncode:
            raise Unprotected(f"the key command ended with code {done.returncode}", hint="try it by hand")
        return _decoded(done.stdout.decode("ascii", "replace").strip())

    def replace(self, name: str, secret: bytes) -> None:  # noqa: ARG002 - as the protocol has it
        """Refuse: what a command prints is its owner's to change."""
        raise Unprotected("a key command cannot store a key", hint="give the new source to rotate(keys=...)")


def source_of(keys: KeySource | Path | str) -> KeySource:
    """Return a source as it is, and one of files for a folder's path."""
    return FolderKeys(Path(keys)) if isinstance(keys, (str, os.PathLike)) else keys


def private_folder(folder: Path) -> Path:
    """Return a folder that its owner alone can enter; make it where it is missing.

    Raises:
        Unprotected: others can enter it, or it cannot be made.

    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.stat()
    except OSError as error:
        raise Unprotected("the key folder cannot be made", hint="name a folder that you can write") from error
    if info.st_uid != os.geteuid() or stat.S_IMODE(info.st_mode) & 0o077:
        raise Unprotected("the key folder is not private", hint="chmod 700 it, and see that it belongs to you")
    return folder


def write_beside(place: Path, content: bytes) -> None:
    """Write a private file beside and rename it into place, durably.

    Raises:
        Unprotected: it cannot be written.

    """
    beside = place.with_name(f".{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        beside.replace(place)
        sync_folder(place.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Unprotected(
            f"a file of the vault could not be written ({os.strerror(error.errno or 0)})",
            hint="check space and permissions",
        ) from error


def sync_folder(folder: Path) -> None:
    """See that the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _decoded(text: str) -> bytes:
    for decode in (bytes.fromhex, lambda word: base64.b64decode(word, validate=True)):
        try:
            found = decode(text)
        except ValueError:
            continue
        if len(found) == KEY_BYTES:
            return found
    raise BadInput("the key source gave no key", hint="expected 32 bytes in base64 or hexadecimal")


def _checked(secret: bytes) -> bytes:
    if len(secret) != KEY_BYTES:
        raise BadInput("a key file does not hold 32 bytes", hint="restore it from its backup")
    return secret
