from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from privet.errors import BadInput, PrivetError, Unprotected
from privet.vault import CommandKeys, Vault

VECTORS = np.random.default_rng(2).normal(size=(10, 4)).astype(np.float32)


def opened(folder: Path, *, data: str = "data", keys: str = "keys", **options: bool) -> Vault:
    return Vault.open(folder / data, keys=folder / keys, **options)


@pytest.fixture
def folder(quick_path: Path) -> Path:
    with opened(quick_path) as vault:
        vault.add(["a", "b"], VECTORS[:2], documents=["one", "two"], subject=["ann", None])
    return quick_path


def test_folders_and_files_are_private(folder: Path) -> None:
    for place in (folder / "data", folder / "keys", *folder.rglob("*")):
        assert stat.S_IMODE(place.stat().st_mode) & 0o077 == 0, place


def test_a_key_folder_that_others_can_enter_is_refused(folder: Path) -> None:
    (folder / "keys").chmod(0o750)
    with pytest.raises(Unprotected, match="not private"):
        opened(folder)


def test_a_key_file_that_others_can_read_is_refused(folder: Path) -> None:
    for place in (folder / "keys").glob("*.root"):
        place.chmod(0o640)
        with pytest.raises(Unprotected, match=f"{place.name} can be read by others"):
            opened(folder)
        place.chmod(0o600)


@pytest.mark.parametrize("keys", ["data", "data/keys", "data/below/keys"])
def test_a_key_folder_in_the_data_folder_is_refused(quick_path: Path, keys: str) -> None:
    with pytest.raises(BadInput, match="lies in the data folder"):
        opened(quick_path, keys=keys)
    (quick_path / "link").symlink_to(quick_path / "data")
    with pytest.raises(BadInput, match="lies in the data folder"):
        opened(quick_path, data="link", keys=keys)


def test_a_key_file_that_is_a_link_is_refused(folder: Path) -> None:
    place = next((folder / "keys").glob("*-*.root"))
    place.rename(folder / "elsewhere")
    place.symlink_to(folder / "elsewhere")
    with pytest.raises(Unprotected, match="cannot be read"):
        opened(folder)


def test_a_folder_that_is_not_a_vault_is_left_alone(quick_path: Path) -> None:
    (quick_path / "data").mkdir()
    (quick_path / "data" / "notes.txt").write_text("hello")
    with pytest.raises(BadInput, match="not empty"):
        opened(quick_path)
    assert [place.name for place in (quick_path / "data").iterdir()] == ["notes.txt"]


def test_a_vault_or_tenant_that_is_not_there_is_made_on_demand_only(quick_path: Path) -> None:
    with pytest.raises(BadInput, match="no vault"):
        opened(quick_path, create=False)
    assert list(quick_path.iterdir()) == []
    opened(quick_path).close()
    opened(quick_path, create=False).close()
    before = sorted(quick_path.rglob("*"))
    with pytest.raises(BadInput, match="nothing of this tenant"):
        Vault.open(quick_path / "data", keys=quick_path / "keys", tenant="other", create=False)
    assert sorted(quick_path.rglob("*")) == before


@pytest.mark.parametrize("options", [{}, {"read_only": True}, {"accept_older": True}])
def test_a_wrong_key_folder_is_not_made(folder: Path, options: dict[str, bool]) -> None:
    with pytest.raises(BadInput, match="has no key file"):
        opened(folder, keys="wrong/below", **options)
    with pytest.raises(BadInput, match="lies in the data folder"):
        opened(folder, keys="data/below")
    assert sorted(place.name for place in folder.iterdir()) == ["data", "keys"]
    assert not (folder / "data" / "below").exists()


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_command_with_another_folder_makes_none(quick_path: Path, is_read_only: bool) -> None:
    command = [sys.executable, "-c", "print('ab' * 32)"]
    Vault.open(quick_path / "data", CommandKeys(command, quick_path / "keys")).close()
    with pytest.raises(BadInput, match="key folder"):
        Vault.open(quick_path / "data", CommandKeys(command, quick_path / "wrong"), read_only=is_read_only)
    assert not (quick_path / "wrong").exists()
    Vault.open(quick_path / "data", CommandKeys(command, quick_path / "other"), tenant="new").close()
    assert stat.S_IMODE((quick_path / "other").stat().st_mode) == 0o700


def test_what_is_no_path_no_key_and_no_tenant_is_refused(quick_path: Path) -> None:
    data, keys = quick_path / "data", quick_path / "keys"
    for tenant in (5, None, "\ud800"):
        with pytest.raises(BadInput, match="tenant"):
            Vault.open(data, keys, tenant=tenant)  # type: ignore[arg-type]
    for wrong in (None, 5, [keys]):
        with pytest.raises(BadInput, match="expected keys"):
            Vault.open(data, wrong)  # type: ignore[arg-type]
        with pytest.raises(BadInput, match="expected a data folder"):
            Vault.open(wrong, keys)  # type: ignore[arg-type]
    assert list(quick_path.iterdir()) == []


def test_it_is_told_whose_a_record_is(folder: Path) -> None:
    with opened(folder, read_only=True) as vault:
        assert vault.is_of("a", "ann")
        assert not any(vault.is_of(*pair) for pair in (("b", "ann"), ("a", "bob"), ("no", "ann")))


def test_a_vault_that_is_not_there_is_not_made_to_read(quick_path: Path) -> None:
    with pytest.raises(BadInput, match="no vault"):
        opened(quick_path, read_only=True)
    assert not (quick_path / "data").exists()


def test_a_moved_vault_opens_and_a_half_copied_one_does_not(folder: Path) -> None:
    (folder / "data").rename(folder / "moved")
    with opened(folder, data="moved") as vault:
        assert len(vault) == 2
    tenant = next(place for place in (folder / "moved").iterdir() if place.is_dir())
    shutil.copytree(
        folder / "moved", folder / "half", ignore=lambda _, names: names if tenant.name not in names else [tenant.name]
    )
    with pytest.raises(PrivetError, match="manifest"):
        opened(folder, data="half")


def test_two_writers_are_refused_also_of_two_copies(folder: Path) -> None:
    shutil.copytree(folder / "data", folder / "copy")
    with opened(folder):
        for data in ("data", "copy"):
            with pytest.raises(BadInput, match="open for writing already"):
                opened(folder, data=data)
            with opened(folder, data=data, read_only=True) as reader:
                assert len(reader) == 2
    with opened(folder, data="copy") as vault:
        assert len(vault) == 2


def test_two_copies_with_two_key_folders_never_use_a_key_twice(folder: Path) -> None:
    shutil.copytree(folder / "data", folder / "copy")
    shutil.copytree(folder / "keys", folder / "others")
    names = []
    for data, keys in (("data", "keys"), ("copy", "others")):
        with opened(folder, data=data, keys=keys) as vault:
            vault.add(["c"], VECTORS[2:3], subject="carl")
            names.append(
                {place.name for place in (folder / data).rglob("*") if len(place.name) == 32 and place.is_file()}
            )
    assert len(names[0] & names[1]) == 1
    with pytest.raises(PrivetError):
        opened(folder, data="copy", keys="keys")


def test_one_key_folder_serves_many_vaults(folder: Path) -> None:
    with opened(folder, data="second") as vault, opened(folder) as first:
        vault.add(["x"], VECTORS[:1], subject="ann")
        first.forget("ann")
        assert vault.get(["x"])[0] is not None
    with opened(folder, data="second") as vault:
        assert vault.ids() == ["x"]


def test_the_child_of_a_fork_does_not_write(folder: Path) -> None:
    with opened(folder) as vault:
        vault.add(["c"], VECTORS[2:3])
        child = os.fork()
        if child == 0:
            refused = 0
            for attempt in (
                lambda: vault.add(["d"], VECTORS[3:4]),
                lambda: vault.forget("ann"),
                vault.compact,
                vault.rotate,
            ):
                try:
                    attempt()
                except BadInput as error:
                    refused += "fork" in str(error)
            os._exit(refused + 10 * (vault.get(["a"])[0] is not None))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 14
        vault.add(["d"], VECTORS[3:4])
        vault.verify()


def test_making_at_once_makes_one_vault(quick_path: Path) -> None:
    results: list[object] = []

    def make() -> None:
        try:
            with opened(quick_path) as vault:
                vault.add([str(len(results)) + threading.current_thread().name], VECTORS[:1])
                results.append(1)
        except BadInput as error:
            results.append("open for writing already" in str(error))

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results)
    with opened(quick_path) as vault:
        assert len(vault) == sum(result == 1 and result is not True for result in results)


def test_a_reader_sees_a_whole_state_beside_a_busy_writer(folder: Path) -> None:
    """The writer adds, rewrites, rotates and forgets all the time; a reader finds one of its states, and all of it."""
    states: set[frozenset[str]] = {frozenset(["a", "b"])}
    stop = threading.Event()
    errors: list[BaseException] = []

    def write() -> None:
        try:
            with opened(folder) as vault:
                for number in range(10**6):
                    if stop.is_set():
                        return
                    name = f"n{number}"
                    for step in (
                        lambda name=name: vault.add([name], VECTORS[:1], documents=[name], subject=name),
                        lambda number=number: vault.forget(f"n{number - 2}"),
                        vault.compact,
                        vault.rotate,
                    ):
                        before = set(vault.ids())
                        states.add(frozenset(before | {name}))
                        states.add(frozenset(before - {f"n{number - 2}"}))
                        step()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(60):
            with opened(folder, read_only=True) as reader:
                assert frozenset(reader.ids()) in states
                for record in reader.get(reader.ids()):
                    assert record is not None
                reader.verify()
    finally:
        stop.set()
        thread.join()
    assert not errors
    assert len(states) > 4


def test_a_read_only_folder_can_be_read(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    for place in (folder / "data", *(folder / "data").rglob("*")):
        place.chmod(0o500 if place.is_dir() else 0o400)
    with opened(folder, read_only=True) as vault:
        vault.verify()
    with pytest.raises(BadInput, match="cannot be written"):
        opened(folder)
    for place in (folder / "data", *(folder / "data").rglob("*")):
        place.chmod(0o700)


def test_reading_changes_no_file(folder: Path) -> None:
    def state() -> dict[str, tuple[int, bytes]]:
        return {
            str(place): (place.stat().st_mtime_ns, place.read_bytes()) for place in folder.rglob("*") if place.is_file()
        }

    before = state()
    with opened(folder, read_only=True) as vault:
        vault.verify()
        vault.get(["a"])
    assert state() == before


FULL = """
import resource, signal, sys
import numpy as np
from privet.errors import PrivetError
from privet.vault import Vault
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
vectors = np.zeros((200, 64), np.float32)
refused = added = 0
with Vault.open(sys.argv[1] + "/data", keys=sys.argv[1] + "/keys") as vault:
    vault.add(["first"], vectors[:1])
    for limit in (60_000, 20_000, 9_000, 3_000, 100):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        for step in range(3):
            names = [f"{limit}-{step}-{number}" for number in range(200)]
            try:
                vault.add(names, vectors, subject=names[0])
                added += 1
            except PrivetError:
                refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    vault.add(["last"], vectors[:1])
    vault.verify()
    print(refused, added, len(vault))
"""


def test_a_full_disk_is_an_error_and_loses_nothing(quick_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(quick_path)],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    refused, added, count = map(int, done.stdout.split())
    assert refused >= 10
    assert count == 2 + 200 * added
    with opened(quick_path) as vault:
        assert len(vault) == count
        vault.verify()


def test_a_vault_of_many_starts_opens_with_few_files(quick_path: Path) -> None:
    for number in range(70):
        with opened(quick_path) as vault:
            vault.add([str(number)], VECTORS[:1])
    assert len([place for place in (quick_path / "data").rglob("*") if place.is_file()]) < 20
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (120, hard))
    try:
        with opened(quick_path, read_only=True) as vault:
            assert len(vault) == 70
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
