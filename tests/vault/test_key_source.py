from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import keyring
import numpy as np
import pytest
from keyring.backend import KeyringBackend

from privet.errors import BadInput, Unprotected
from privet.vault import CommandKeys, KeyringKeys, Vault, key_source

ROW = np.ones((1, 4), np.float32)


class InMemory(KeyringBackend):
    """A keyring as the system's one is for a test."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


class Forgetful(InMemory):
    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep nothing, as the null backend does."""


class InPlainFiles(InMemory):
    __module__ = "keyrings.alt.file"


@pytest.fixture
def backend() -> Iterator[InMemory]:
    before, backend = keyring.get_keyring(), InMemory()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.mark.usefixtures("backend")
def test_a_keyring_keeps_the_secrets_and_no_file_has_them(quick_path: Path) -> None:
    keys = KeyringKeys(folder=quick_path / "keys")
    with Vault.open(quick_path / "data", keys=keys) as vault:
        vault.add(["a"], ROW, subject="ann")
        vault.rotate()
    assert not list((quick_path / "keys").glob("*.root"))
    with Vault.open(quick_path / "data", keys=KeyringKeys(folder=quick_path / "keys")) as vault:
        assert vault.ids() == ["a"]
    with pytest.raises(BadInput, match="no key file"):
        Vault.open(quick_path / "data", keys=quick_path / "keys")


@pytest.mark.usefixtures("backend")
def test_keys_move_from_a_folder_to_a_keyring(quick_path: Path) -> None:
    with Vault.open(quick_path / "data", keys=quick_path / "keys") as vault:
        vault.add(["a"], ROW, subject="ann")
        with pytest.raises(BadInput, match="another folder"):
            vault.rotate(keys=quick_path / "others")
        vault.rotate(keys=KeyringKeys(folder=quick_path / "keys"))
        vault.rotate()
    with Vault.open(quick_path / "data", keys=KeyringKeys(folder=quick_path / "keys")) as vault:
        assert vault.ids() == ["a"]
    with pytest.raises(BadInput, match="does not open"):
        Vault.open(quick_path / "data", keys=quick_path / "keys")


@pytest.mark.parametrize(("kind", "message"), [(Forgetful, "does not keep"), (InPlainFiles, "plain files")])
def test_a_keyring_that_keeps_nothing_or_in_plain_is_refused(
    quick_path: Path, backend: InMemory, kind: type[InMemory], message: str
) -> None:
    assert keyring.get_keyring() is backend
    keyring.set_keyring(kind())
    with pytest.raises(Unprotected, match=message):
        Vault.open(quick_path / "data", keys=KeyringKeys(folder=quick_path / "keys"))


def command(quick_path: Path, code: str) -> CommandKeys:
    return CommandKeys([sys.executable, "-c", code], folder=quick_path / "keys")


DERIVED = "import hashlib, sys; print(hashlib.sha256(b'fixed' + sys.argv[1].encode()).hexdigest())"


def test_a_command_gives_the_secrets_by_name(quick_path: Path) -> None:
    for _ in range(2):
        with Vault.open(quick_path / "data", keys=command(quick_path, DERIVED)) as vault:
            vault.add(["a"], ROW, replace=True)
    with (
        Vault.open(quick_path / "data", keys=command(quick_path, DERIVED)) as vault,
        pytest.raises(Unprotected, match="cannot store"),
    ):
        vault.rotate()
    other = DERIVED.replace("fixed", "other")
    with pytest.raises(BadInput, match="does not fit the file vault"):
        Vault.open(quick_path / "data", keys=command(quick_path, other))


def test_a_command_may_give_another_root_key(quick_path: Path) -> None:
    newer = DERIVED.replace("sys.argv[1].encode()", "sys.argv[1].replace('-', '+').encode()")
    with Vault.open(quick_path / "data", keys=command(quick_path, DERIVED)) as vault:
        vault.add(["a"], ROW, subject="ann")
        vault.rotate(keys=command(quick_path, newer))
    with Vault.open(quick_path / "data", keys=command(quick_path, newer)) as vault:
        assert vault.ids() == ["a"]
    with pytest.raises(BadInput, match="does not open"):
        Vault.open(quick_path / "data", keys=command(quick_path, DERIVED))


def test_a_command_that_prints_the_same_for_every_name_is_enough(quick_path: Path) -> None:
    same = ["sh", "-c", f"{shlex.quote(sys.executable)} -c 'print(\"ab\" * 32)'"]
    for tenant in ("", "other", ""):
        keys = CommandKeys(same, folder=quick_path / "keys")
        with Vault.open(quick_path / "data", keys=keys, tenant=tenant) as vault:
            vault.add(["a"], ROW, replace=True)


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("print('not a key')", BadInput, "gave no key"),
        ("print('00' * 31)", BadInput, "gave no key"),
        ("raise SystemExit(3)", Unprotected, "ended with code 3"),
        ("print('00' * 32); raise SystemExit(1)", Unprotected, "ended with code 1"),
        ("import os; os.kill(os.getpid(), 9)", Unprotected, "ended with code -9"),
    ],
)
def test_a_command_that_gives_no_key_is_an_error_without_what_it_said(
    quick_path: Path, code: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        Vault.open(quick_path / "data", keys=command(quick_path, code))
    assert "not a key" not in str(caught.value)
    assert not list((quick_path / "keys").glob("*.subjects"))
    assert shlex.quote(code) not in repr(command(quick_path, code))


def test_a_command_that_is_not_there_is_an_error(quick_path: Path) -> None:
    with pytest.raises(Unprotected, match="could not be run"):
        Vault.open(quick_path / "data", keys=CommandKeys(["/nothing/here"], folder=quick_path / "keys"))
    with pytest.raises(BadInput, match="expected a command"):
        CommandKeys([])


def test_a_command_that_does_not_end_is_an_error_whatever_it_has_started(
    quick_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_source, "_COMMAND_SECONDS", 1)
    slow = "import time; time.sleep(15)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {slow!r}]); {slow}"
    began = time.monotonic()
    with pytest.raises(Unprotected, match="took more than 1 s"):
        Vault.open(quick_path / "data", keys=command(quick_path, code))
    assert time.monotonic() - began < 10


def test_what_a_command_says_of_itself_is_shown_nowhere(quick_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; sys.stderr.write('secret word'); raise SystemExit(2)"
    with pytest.raises(Unprotected) as caught:
        Vault.open(quick_path / "data", keys=command(quick_path, code))
    assert "secret word" not in "".join((*capfd.readouterr(), str(caught.value), repr(caught.value.__cause__)))
