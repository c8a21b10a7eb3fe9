from __future__ import annotations

import gc
import shutil
from pathlib import Path

import numpy as np
import pytest

from privet.errors import BadInput, RolledBack
from privet.vault import Vault

VECTORS = np.random.default_rng(1).normal(size=(10, 8)).astype(np.float32)
IDS = [f"record-{number}" for number in range(10)]


def opened(folder: Path, **options: bool) -> Vault:
    return Vault.open(folder / "data", keys=folder / "keys", **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with opened(tmp_path) as vault:
        vault.add(
            IDS,
            VECTORS,
            documents=[f"document {number}" for number in range(10)],
            metadata=[{"number": number, "language": "en" if number % 2 else "de"} for number in range(10)],
            subject=["ann" if number < 3 else None for number in range(10)],
        )
    return tmp_path


def test_what_was_added_is_found_again(folder: Path) -> None:
    with opened(folder) as vault:
        assert len(vault) == 10
        hit, *_ = vault.search(VECTORS[4:5], 3)[0]
        assert (hit.id, hit.document, hit.metadata) == ("record-4", "document 4", {"number": 4, "language": "de"})
        assert hit.score == pytest.approx(1, abs=1e-3)
        (record,) = vault.get(["record-0"])
        assert record is not None
        assert np.array_equal(record.vector, VECTORS[0])


def test_a_filter_lets_only_some_be_found(folder: Path) -> None:
    with opened(folder) as vault:
        found = vault.search(VECTORS[:1], 10, where={"language": "en", "number": {"$gt": 3}})[0]
        assert {hit.id for hit in found} == {"record-5", "record-7", "record-9"}


def test_what_was_deleted_is_gone(folder: Path) -> None:
    with opened(folder) as vault:
        assert vault.delete(["record-9", "nobody"]) == 1
        assert vault.get(["record-9"]) == [None]
    with opened(folder) as vault:
        assert len(vault) == 9
        assert all(hit.id != "record-9" for hit in vault.search(VECTORS[9:], 10)[0])


def test_a_forgotten_subject_stays_forgotten_in_a_copy_from_before(folder: Path) -> None:
    shutil.copytree(folder / "data", folder / "copy")
    with opened(folder) as vault:
        assert vault.forget("ann") == 3
        assert vault.forget("ann") == 0
        vault.add(["new"], VECTORS[:1])
        assert len(vault) == 8
    with pytest.raises(RolledBack, match="older"):
        Vault.open(folder / "copy", keys=folder / "keys")
    with Vault.open(folder / "copy", keys=folder / "keys", accept_older=True) as vault:
        assert set(vault.ids()) == set(IDS[3:])


def test_filters_keep_nothing_of_somebody_who_was_forgotten(tmp_path: Path) -> None:
    city = f"Umbraville-{len(IDS)}"  # made here, so that no code holds it

    def is_held() -> bool:
        gc.collect()
        tables = (each for each in gc.get_objects() if type(each) in {list, dict})
        return any(type(item) is str and item == city for table in tables for item in list(table))

    with opened(tmp_path) as vault:
        vault.add(["a", "b"], VECTORS[:2], metadata=[{"city": city}, {"city": "Oslo"}], subject=["ann", None])
        assert [hit.id for hit in vault.search(VECTORS[:1], 1, where={"city": city})[0]] == ["a"]
        assert is_held()
        vault.forget("ann")
        assert not is_held()
        assert vault.search(VECTORS[:1], 1, where={"city": city}) == [[]]
        assert [hit.id for hit in vault.search(VECTORS[:1], 1, where={"city": "Oslo"})[0]] == ["b"]


def test_a_rotated_vault_opens_and_one_that_was_compacted_too(folder: Path) -> None:
    with opened(folder) as vault:
        vault.rotate()
        vault.delete(IDS[:5])
        vault.compact()
        vault.add(["new"], VECTORS[:1], subject="bob")
        vault.verify()
    with opened(folder) as vault:
        assert set(vault.ids()) == {*IDS[5:], "new"}
        vault.verify()


def test_one_writes_and_others_read(folder: Path) -> None:
    with opened(folder) as vault:
        with pytest.raises(BadInput, match="another process"):
            opened(folder)
        with opened(folder, read_only=True) as reader:
            vault.add(["new"], VECTORS[:1])
            assert len(reader) == 10
            with pytest.raises(BadInput, match="read_only"):
                reader.delete(["new"])
        with opened(folder, read_only=True) as reader:
            assert len(reader) == 11


def test_room_for_what_is_read_is_made_at_once(tmp_path: Path) -> None:
    vectors = np.random.default_rng(2).normal(size=(3000, 8)).astype(np.float32)
    names = [str(number) for number in range(3000)]
    with opened(tmp_path) as vault:
        for start in range(0, 3000, 500):
            vault.add(names[start : start + 500], vectors[start : start + 500])
    with opened(tmp_path) as vault:
        assert vault._contents.index is not None
        assert len(vault._contents.index._exact._all) == 3000
        assert vault.search(vectors[7:8], 1)[0][0].id == "7"
        vault.delete(names)
        vault.compact()
        assert vault.search(vectors[:1], 1) == [[]]
    with opened(tmp_path) as vault:
        # Numbers of records are not given twice, and the files have nothing: so no room.
        assert vault.search(vectors[:1], 1) == [[]]
        vault.add(["new"], vectors[:1])
        assert [hit.id for hit in vault.search(vectors[:1], 3)[0]] == ["new"]


def test_scores_do_not_depend_on_the_length_of_a_query_or_record(tmp_path: Path) -> None:
    with opened(tmp_path) as vault:
        vault.add(IDS, VECTORS * np.geomspace(1e-6, 1e6, 10, dtype=np.float32)[:, None])
        for length in (1e-6, 1, 1e15):
            hits = vault.search(VECTORS * np.float32(length), 1)
            assert [found[0].id for found in hits] == IDS
            assert all(found[0].score == pytest.approx(1, abs=1e-3) for found in hits)
