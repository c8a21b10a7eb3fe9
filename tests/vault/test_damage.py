"""Whatever happens to a file of a vault is detected when it is opened or verified, and the error names the file."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from privet.errors import BadInput, Damaged, RolledBack
from privet.vault import Vault

VECTORS = np.random.default_rng(1).normal(size=(12, 4)).astype(np.float32)
ROOM = 40
"""Flips tried in the parts of a file that are alike."""


def opened(folder: Path, *, data: str = "data", keys: str = "keys", **options: bool) -> Vault:
    return Vault.open(folder / data, keys=folder / keys, **options)


def filled(folder: Path, *, data: str = "data", keys: str = "keys") -> Path:
    for part in range(3):
        with opened(folder, data=data, keys=keys) as vault:
            names = [f"{part}-{number}" for number in range(4)]
            vault.add(names, VECTORS[part * 4 :][:4], documents=names, subject=["ann", None, "bob", None])
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(whole: Path, quick_path: Path) -> Path:
    shutil.copytree(whole, quick_path, dirs_exist_ok=True)
    return quick_path


def files_of(folder: Path) -> list[Path]:
    """Return the files of a data folder, those of the segments in the order in which they were written."""
    files = [place for place in folder.rglob("*") if place.is_file() and place.name != "lock"]
    return sorted(files, key=lambda place: (len(place.name) == 32, place.stat().st_mtime_ns))


def segments_of(folder: Path) -> list[Path]:
    return [place for place in files_of(folder) if len(place.name) == 32]


def read_whole(folder: Path, **options: bool) -> None:
    with opened(folder, read_only=True, **options) as vault:
        vault.verify()


def test_what_is_whole_is_whole(whole: Path) -> None:
    read_whole(whole)
    assert len(segments_of(whole / "data")) == 3


def places_of(size: int) -> Iterator[int]:
    """Yield all places of the beginning and of the end of a file, and some between."""
    between = random.Random(1).sample(range(size), min(size, ROOM))
    yield from sorted({*range(min(size, 180)), *range(max(0, size - 40), size), *between})


def test_every_byte_that_is_flipped_is_detected(whole: Path, quick_path: Path) -> None:
    for number, place in enumerate(files_of(whole / "data")):
        copy = quick_path / str(number)
        shutil.copytree(whole, copy)
        target = copy / place.relative_to(whole)
        content = bytearray(target.read_bytes())
        for at in places_of(len(content)):
            content[at] ^= 1 << at % 8
            target.write_bytes(content)
            with pytest.raises((Damaged, BadInput)) as caught:
                read_whole(copy)
            assert place.name in str(caught.value) or place.name == "vault", at
            content[at] ^= 1 << at % 8
        target.write_bytes(content)
        read_whole(copy)


def test_every_byte_that_is_missing_is_detected(folder: Path) -> None:
    for place in files_of(folder / "data"):
        content = place.read_bytes()
        for size in itertools.islice(places_of(len(content)), 0, None, 7):
            place.write_bytes(content[:size])
            with pytest.raises((Damaged, BadInput), match=place.name):
                read_whole(folder)
        place.write_bytes(content)


def test_every_byte_of_the_last_write_that_is_missing_is_detected(folder: Path) -> None:
    place = segments_of(folder / "data")[-1]
    content = place.read_bytes()
    for size in {*range(16, len(content), 41), *places_of(len(content))} - {*range(16)}:
        place.write_bytes(content[:size])
        with pytest.raises(Damaged, match=place.name):
            opened(folder, read_only=True)
    with pytest.raises(Damaged, match=place.name):
        opened(folder)
    place.write_bytes(content)
    read_whole(folder)


@pytest.mark.parametrize("addition", [b"\0", b"x" * 4096])
def test_what_was_added_to_a_closed_file_is_detected(folder: Path, addition: bytes) -> None:
    for place in segments_of(folder / "data")[:2]:
        content = place.read_bytes()
        place.write_bytes(content + addition)
        with pytest.raises(Damaged, match=place.name):
            opened(folder)
        place.write_bytes(content)


def test_what_was_added_to_the_last_file_is_cut_off(folder: Path) -> None:
    place = segments_of(folder / "data")[-1]
    content = place.read_bytes()
    place.write_bytes(content + b"x" * 5000)
    read_whole(folder)
    with opened(folder) as vault:
        vault.verify()
    assert place.read_bytes() == content


def test_each_file_that_is_missing_is_named(folder: Path) -> None:
    for place in files_of(folder / "data"):
        content = place.read_bytes()
        place.unlink()
        with pytest.raises((Damaged, BadInput), match=place.name):
            opened(folder)
        place.write_bytes(content)


def test_a_manifest_or_tenant_that_is_missing_is_called_so(folder: Path) -> None:
    place = next(place for place in files_of(folder / "data") if place.name == "manifest")
    for gone in (place, place.parent):
        gone.rename(folder / "aside")
        for options in ({}, {"read_only": True}):
            with pytest.raises(Damaged, match="the file manifest of the vault is missing"):
                opened(folder, **options)
        (folder / "aside").rename(gone)
    read_whole(folder)


def test_a_flipped_byte_of_the_name_is_damage_where_the_keys_are_right(folder: Path) -> None:
    place = folder / "data" / "vault"
    content = place.read_bytes()
    filled(folder, data="other", keys="keys")
    before = sorted(folder.rglob("*"))
    for at in range(10, len(content)):
        place.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(Damaged, match="the file vault of the vault is damaged"):
            opened(folder)
    assert sorted(folder.rglob("*")) == before


def test_files_that_were_swapped_are_detected(folder: Path) -> None:
    for one, two in itertools.combinations(segments_of(folder / "data"), 2):
        first, second = one.read_bytes(), two.read_bytes()
        one.write_bytes(second)
        two.write_bytes(first)
        with pytest.raises(Damaged):
            opened(folder)
        one.write_bytes(first)
        two.write_bytes(second)


def test_files_of_another_vault_are_detected(folder: Path) -> None:
    filled(folder, data="other")
    for one, two in zip(files_of(folder / "data"), files_of(folder / "other"), strict=True):
        content = one.read_bytes()
        one.write_bytes(two.read_bytes())
        with pytest.raises((Damaged, BadInput)):
            opened(folder)
        one.write_bytes(content)
    read_whole(folder)


def test_files_of_another_tenant_are_detected(folder: Path) -> None:
    with Vault.open(folder / "data", keys=folder / "keys", tenant="other") as vault:
        vault.add(["a"], VECTORS[:1])
    one, two = (place.parent for place in (folder / "data").glob("*/manifest"))
    one.rename(folder / "aside")
    two.rename(one)
    (folder / "aside").rename(two)
    for tenant in ("", "other"):
        with pytest.raises(Damaged, match="manifest"):
            Vault.open(folder / "data", keys=folder / "keys", tenant=tenant)


def test_tenants_see_nothing_of_each_other(folder: Path) -> None:
    with Vault.open(folder / "data", keys=folder / "keys", tenant="other") as vault:
        assert len(vault) == 0
        vault.add(["0-0"], VECTORS[:1], subject="ann")
        with opened(folder) as first:
            assert first.forget("ann") == 3
        assert vault.ids() == ["0-0"]
        assert vault.get(["0-0"])[0] is not None


def test_a_foreign_file_is_detected(folder: Path) -> None:
    (segments_of(folder / "data")[0].parent / "notes.txt").write_text("hello")
    with opened(folder) as vault, pytest.raises(Damaged, match=r"notes\.txt"):
        vault.verify()


def test_a_folder_that_was_put_back_is_refused(folder: Path) -> None:
    shutil.copytree(folder / "data", folder / "before")
    with opened(folder) as vault:
        vault.add(["new"], VECTORS[:1], subject="carl")
        assert vault.forget("ann") == 3
    shutil.rmtree(folder / "data")
    (folder / "before").rename(folder / "data")
    with pytest.raises(RolledBack, match="older"):
        opened(folder)
    with pytest.raises(RolledBack, match="older"):
        opened(folder, read_only=True)
    with opened(folder, read_only=True, accept_older=True) as vault:
        assert len(vault) == 9
    with opened(folder, accept_older=True) as vault:
        assert len(vault) == 9
        assert not any(name.endswith("-0") for name in vault.ids())
    # Accepted once, it is the newest.
    with opened(folder) as vault:
        assert len(vault) == 9
        vault.add(["ann again"], VECTORS[:1], subject="ann")
    with opened(folder) as vault:
        assert len(vault) == 10
        vault.verify()


def test_one_write_that_was_taken_back_is_refused(folder: Path) -> None:
    with opened(folder) as vault:
        vault.add(["one"], VECTORS[:1])
        last = segments_of(folder / "data")[-1]
        content = last.read_bytes()
        vault.add(["two"], VECTORS[:1])
        newest = last.read_bytes()
    last.write_bytes(content)
    with pytest.raises(RolledBack, match=last.name):
        opened(folder)
    with opened(folder, read_only=True, accept_older=True) as vault:
        assert "one" in vault
        assert "two" not in vault
    last.write_bytes(newest)
    with opened(folder) as vault:
        assert "two" in vault


def test_the_newer_line_is_refused_after_an_older_one_was_accepted(folder: Path) -> None:
    shutil.copytree(folder / "data", folder / "before")
    for name in ("one", "two"):
        with opened(folder) as vault:
            vault.add([name], VECTORS[:1])
    with opened(folder, data="before", accept_older=True) as vault:
        assert "one" not in vault
    with pytest.raises(RolledBack):
        opened(folder)
    with opened(folder, data="before") as vault:
        assert "one" not in vault


def test_a_manifest_that_was_put_back_is_refused(folder: Path) -> None:
    place = next(place for place in files_of(folder / "data") if place.name == "manifest")
    content = place.read_bytes()
    with opened(folder) as vault:
        vault.add(["new"], VECTORS[:1])
    place.write_bytes(content)
    with pytest.raises(RolledBack, match="manifest"):
        opened(folder)


def test_a_flipped_byte_is_damage_also_where_older_data_is_accepted(folder: Path) -> None:
    place = segments_of(folder / "data")[-1]
    content = bytearray(place.read_bytes())
    content[60] ^= 1
    place.write_bytes(content)
    with pytest.raises(Damaged, match=place.name):
        opened(folder, accept_older=True)


def test_a_later_version_is_named(folder: Path) -> None:
    for place in files_of(folder / "data"):
        content = bytearray(place.read_bytes())
        content[9] = 2
        place.write_bytes(content)
        with pytest.raises(BadInput, match=f"{place.name} has format version 2"):
            opened(folder)
        content[9] = 1
        place.write_bytes(content)
    read_whole(folder)


KEY_FILES: dict[str, Callable[[str], bool]] = {
    "root": lambda name: name.endswith(".root") and name.count("-") == 1,
    "names": lambda name: name.endswith(".root") and name.count("-") == 0,
    "subjects": lambda name: name.endswith(".subjects"),
}


@pytest.mark.parametrize("kind", sorted(KEY_FILES))
def test_a_flipped_byte_of_a_key_file_is_a_clear_error(folder: Path, kind: str) -> None:
    for journal in (folder / "keys").glob("*.page"):
        journal.unlink()
    (place,) = (place for place in (folder / "keys").iterdir() if KEY_FILES[kind](place.name))
    content = bytearray(place.read_bytes())
    for at in places_of(len(content)):
        content[at] ^= 1 << at % 8
        place.write_bytes(content)
        with pytest.raises((Damaged, BadInput), match=place.name.partition(".")[0]):
            opened(folder, read_only=True)
        content[at] ^= 1 << at % 8
    place.write_bytes(content)
    read_whole(folder)


def test_a_page_that_is_damaged_is_mended_from_the_journal(folder: Path) -> None:
    (place,) = (folder / "keys").glob("*.subjects")
    content = bytearray(place.read_bytes())
    content[5000] ^= 1
    place.write_bytes(content)
    read_whole(folder)
    assert place.read_bytes() == content
    with opened(folder) as vault:
        vault.verify()
    next((folder / "keys").glob("*.page")).unlink()
    read_whole(folder)


@pytest.mark.parametrize("kind", sorted(KEY_FILES))
def test_a_key_file_that_is_cut_short_or_missing_is_a_clear_error(folder: Path, kind: str) -> None:
    for journal in (folder / "keys").glob("*.page"):
        journal.unlink()
    (place,) = (place for place in (folder / "keys").iterdir() if KEY_FILES[kind](place.name))
    content = place.read_bytes()
    for size in {0, 1, 16, 31, len(content) // 2, len(content) - 16384, len(content) - 1} - {-16352}:
        place.write_bytes(content[:size])
        with pytest.raises((Damaged, BadInput), match=place.name.partition(".")[0]):
            opened(folder)
    place.unlink()
    with pytest.raises(BadInput, match=place.name):
        opened(folder)


def test_a_flipped_byte_of_the_anchor_does_no_harm_or_is_an_error(folder: Path) -> None:
    (place,) = (folder / "keys").glob("*.anchor")
    content = place.read_bytes()
    for at in (0, 40, 100, 4096, 4140, 4200):
        flipped = bytearray(content)
        flipped[at] ^= 1
        place.write_bytes(flipped)
        with suppress(Damaged):
            read_whole(folder)
    place.write_bytes(bytes(len(content)))
    with pytest.raises(Damaged, match=place.name):
        opened(folder)
    place.unlink()
    with pytest.raises(Damaged, match="no anchor"):
        opened(folder)
    with opened(folder, accept_older=True) as vault:
        assert len(vault) == 12
    with opened(folder) as vault:
        vault.verify()


def test_the_key_folder_of_another_vault_is_refused(folder: Path) -> None:
    filled(folder, data="other", keys="others")
    with pytest.raises(BadInput, match="has no key file"):
        opened(folder, keys="others")
    with pytest.raises(BadInput, match="has no key file"):
        opened(folder, keys="nothing")


def test_an_older_key_folder_is_refused(folder: Path) -> None:
    shutil.copytree(folder / "keys", folder / "before")
    with opened(folder) as vault:
        vault.add(["new"], VECTORS[:1], subject="carl")
        vault.compact()
    with pytest.raises(RolledBack, match="anchor in the key folder is older"):
        opened(folder, keys="before")
    with pytest.raises(Damaged, match="older than the data"):
        opened(folder, keys="before", accept_older=True)
