from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient

from privet.errors import BadInput, Damaged, RolledBack
from privet.integrations.qdrant import QdrantVault, _point
from privet.vault.obfuscation import ObfuscatedSearch, ObfuscationWarning
from privet.vault.remote_table import HEADER_KEY, SealedRow, Version

sys.path.append(str(Path(__file__).parent))

from remote_cases import IDS, VECTORS, Open, RemoteCases, filled


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def client() -> Iterator[QdrantClient]:
    client = QdrantClient(":memory:")
    yield client
    client.close()


@pytest.fixture
def opened(client: QdrantClient, keys: Path) -> Callable[..., QdrantVault]:
    def make(**options: Any) -> QdrantVault:
        return QdrantVault.open(client, "notes", **{"keys": keys, **options})

    return make


class TestQdrant(RemoteCases):
    def write_a_part(self, table: Any, rows: list[SealedRow], gone: list[Version]) -> None:
        del gone
        type(table).write(table, rows[:1], [])

    def test_a_write_whose_removals_are_missing_is_finished(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with filled(opened) as vault:
            table = vault._state.table

            def cut(rows: list[SealedRow], gone: list[Version]) -> None:
                del gone
                type(table).write(table, rows, [])  # type: ignore[arg-type]
                raise KeyboardInterrupt

            monkeypatch.setattr(table, "write", cut)
            with pytest.raises(KeyboardInterrupt):
                vault.add(["record-8"], VECTORS[:1], ["newer"], replace=True)
        monkeypatch.undo()
        with opened(read_only=True) as vault:
            assert vault.get(["record-8"])[0].document == "newer"  # type: ignore[union-attr]
        with opened() as vault:
            assert vault.get(["record-8"])[0].document == "newer"  # type: ignore[union-attr]
            assert vault.verify().records == 10


def test_an_older_version_beside_the_newer_is_told(opened: Open) -> None:
    with filled(opened) as vault:
        table = vault._state.table
        (old,) = table.rows([vault.row_key("record-4")])
        vault.add(["record-4"], VECTORS[:1], ["newer"], replace=True)
        table.write([old], [])
        with pytest.raises(RolledBack, match="expected 10, found 11"):
            vault.verify()
    with pytest.raises(RolledBack):
        opened()


def test_nothing_can_be_read_in_the_collection(client: QdrantClient, opened: Open) -> None:
    with filled(opened):
        points, _ = client.scroll("notes", limit=100, with_vectors=True)
    assert len(points) == 11
    text = json.dumps([point.model_dump() for point in points], default=str)
    for word in ("record", "document", "language", "number", "ann"):
        assert word not in text
    assert all(not point.vector for point in points)
    sizes = {len((point.payload or {})["cold"]) for point in points if "cold" in (point.payload or {})}
    assert len(sizes) == 1


def test_a_collection_without_its_header_is_damaged_and_left_alone(
    client: QdrantClient, opened: Open, keys: Path
) -> None:
    from qdrant_client import models

    filled(opened).close()
    header = _point(HEADER_KEY, 0)
    files = {place.name: place.read_bytes() for place in keys.iterdir()}
    for payload in ({}, {"hot": "%"}, {"hot": 5}, None):
        if payload is None:
            client.delete("notes", models.PointIdsList(points=[header]))
        else:
            client.upsert("notes", [models.PointStruct(id=header, vector={}, payload=payload)])
        for options in ({}, {"read_only": True}, {"accept_older": True}):
            with pytest.raises(Damaged, match="header of collection notes"):
                opened(**options)
    assert client.count("notes").count == 10
    assert {place.name: place.read_bytes() for place in keys.iterdir()} == files


def test_it_stays_on_disk(tmp_path: Path) -> None:
    for expected in (0, 10):
        client = QdrantClient(path=str(tmp_path / "data"))
        with QdrantVault.open(client, "notes", tmp_path / "keys", filter_fields=["language", "odd"]) as vault:
            assert len(vault) == expected
            if not expected:
                vault.add(IDS, VECTORS)
            assert vault.search(VECTORS[2:3], 1)[0][0].id == "record-2"
        client.close()


def test_another_collection_is_left_alone(client: QdrantClient, tmp_path: Path) -> None:
    from qdrant_client import models

    client.create_collection("plain", {"v": models.VectorParams(size=2, distance=models.Distance.DOT)})
    client.upsert("plain", [models.PointStruct(id=1, vector={"v": [1.0, 2.0]}, payload={})])
    with pytest.raises(BadInput, match="is no vault"):
        QdrantVault.open(client, "plain", tmp_path / "keys")
    assert client.count("plain").count == 1


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    client = QdrantClient(url="http://127.0.0.1:9", check_compatibility=False)
    with pytest.raises(BadInput, match="could not be reached"):
        QdrantVault.open(client, "notes", tmp_path / "keys")
    client.close()


def test_obfuscated_search_finds_the_same_and_says_what_it_leaks(client: QdrantClient, tmp_path: Path) -> None:
    vectors = np.random.default_rng(2).normal(size=(300, 16)).astype(np.float32)
    leave = ObfuscatedSearch("search beyond memory", "data team", date.today() + timedelta(days=30), 16)

    def opened() -> QdrantVault:
        return QdrantVault.open(client, "turned", tmp_path / "keys", filter_fields=["half"], obfuscated_search=leave)

    with pytest.warns(ObfuscationWarning, match="too few"):
        vault = opened()
    with pytest.warns(ObfuscationWarning, match="16 pairs"):
        vault.add([str(number) for number in range(300)], vectors, metadata=[{"half": n % 2} for n in range(300)])
    assert vault.leakage is not None
    assert vault.leakage.pairs in {8, 16}
    wanted = np.argsort(-(vectors @ vectors[7]) / np.linalg.norm(vectors, axis=1))[:5]
    hits = vault.search(vectors[7:8], 5)[0]
    assert [int(hit.id) for hit in hits] == wanted.tolist()
    assert hits[0].score == pytest.approx(1, abs=1e-3)
    assert {int(hit.id) % 2 for hit in vault.search(vectors[7:8], 5, where={"half": 0})[0]} == {0}
    with pytest.raises(BadInput, match="cannot answer"):
        vault.search(vectors[:1], 5, where={"half": {"$gt": 0}})
    vault.close()
    with pytest.raises(BadInput, match="with obfuscated_search"):
        QdrantVault.open(client, "turned", tmp_path / "keys")
    with pytest.warns(ObfuscationWarning, match="300 of your records"), opened() as vault:
        assert len(vault) == 300
