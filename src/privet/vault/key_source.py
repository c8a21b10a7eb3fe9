"""Where a vault's secrets come from: a private folder, the system's keyring, or a command.

Invariants:

- A secret is 32 bytes from the operating system, known by a name that says nothing. It is never in the data folder.
- `folder` is where subject keys and the anchor lie: private, and outside the data folder, so a copy of the data alone brings nobody back.
  It is made for a new vault, never by asking for the keys of one that is there.
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
from privet.vault.private_files import made_private, private_folder, write_beside

_COMMAND_SECONDS: Final = 60


class KeySource(Protocol):
    """Gives secrets by name, and a private folder."""

    @property
    def folder(self) -> Path:
        """A private folder outside of the data folder, for subject keys and the anchor; it may be missing before a vault is made."""
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
    """Secrets as files of mode 0600 in a folder of mode 0700, which is made with the first one."""

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
                    f"the key folder has no key file {place.name}, which belongs to this vault",
                    hint="name the key folder that the vault was made with, or copy it whole",
                ) from None
            made = secrets.token_bytes(KEY_BYTES)
            self.replace(name, made)
            return made
        except OSError as error:
            raise Unprotected(
                f"the key file {place.name} cannot be read", hint="check its owner and permissions"
            ) from error
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
                raise Unprotected(
                    f"the key file {place.name} can be read by others", hint="chmod 600 the files of the key folder"
                )
            return _checked(file.read(KEY_BYTES + 1), place.name)

    def replace(self, name: str, secret: bytes) -> None:
        """Write a file beside and rename it into place."""
        write_beside(made_private(self._folder) / f"{name}.root", secret, wipe=True)


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
        _refuse_plain(keyring.get_keyring())
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

        _refuse_plain(keyring.get_keyring())
        try:
            keyring.set_password(self._service, name, base64.b64encode(secret).decode())
            stored = keyring.get_password(self._service, name)
        except KeyringError as error:
            raise Unprotected("the keyring cannot be written", hint="unlock it, or use a key folder") from error
        if stored is None or _decoded(stored) != secret:
            raise Unprotected("the keyring does not keep what is stored", hint="use another backend, or a key folder")


class CommandKeys:
    """Secrets that a command prints in base64 or hexadecimal, the name as its last argument; it makes and replaces none.

    The command runs without a shell, for a minute at most. What it prints is never shown.
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
        code, out = _printed([*self._command, name])
        if code:
            raise Unprotected(f"the key command ended with code {code}", hint="try it by hand")
        return _decoded(out.decode("ascii", "replace").strip())

    def replace(self, name: str, secret: bytes) -> None:  # noqa: ARG002 - as the protocol has it
        """Refuse: what a command prints is its owner's to change."""
        raise Unprotected("a key command cannot store a key", hint="give the new source to rotate(keys=...)")


def _printed(command: Sequence[str]) -> tuple[int, bytes]:
    """Return a command's exit code and what it printed. What it says on standard error may quote a key, and is not read."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, without a shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        raise Unprotected("the key command could not be run", hint="try it by hand") from error
    try:
        out, _ = process.communicate(timeout=_COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        raise Unprotected(f"the key command took more than {_COMMAND_SECONDS} s", hint="try it by hand") from None
    finally:
        if process.returncode is None:
            # Not waited for by what it started itself, which may hold the pipe open.
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
    return process.returncode, out


def source_of(keys: KeySource | Path | str) -> KeySource:
    """Return a source as it is, and one of files for a folder's path.

    Raises:
        BadInput: it is neither.

    """
    if isinstance(keys, (str, os.PathLike)):
        return FolderKeys(Path(keys))
    if not hasattr(keys, "secret"):
        raise BadInput("expected keys, found something else", hint="name a private folder, or give a KeySource")
    return keys


def _refuse_plain(backend: object) -> None:
    """Refuse the backends of `keyrings.alt`: they keep secrets in files, in plain or under a fixed password."""
    for each in (backend, *getattr(backend, "backends", ())[:1]):
        if type(each).__module__.startswith("keyrings.alt"):
            raise Unprotected("the keyring keeps secrets in plain files", hint="use another backend, or a key folder")


def _decoded(text: str) -> bytes:
    for decode in (bytes.fromhex, lambda word: base64.b64decode(word, validate=True)):
        try:
            found = decode(text)
        except ValueError:
            continue
        if len(found) == KEY_BYTES:
            return found
    raise BadInput("the key source gave no key", hint="expected 32 bytes in base64 or hexadecimal")


def _checked(secret: bytes, name: str) -> bytes:
    if len(secret) != KEY_BYTES:
        raise BadInput(f"the key file {name} does not hold {KEY_BYTES} bytes", hint="restore it from its backup")
    return secret
