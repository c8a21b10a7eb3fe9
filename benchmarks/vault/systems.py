"""Each store behind one interface: write a folder, open it again, search, delete, close."""

from __future__ import annotations

import importlib
import json
import os
import secrets
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BATCH = 10_000


class System:
    """A store of vectors with a document each. `write` ends when everything is on the disk."""

    libraries: tuple[str, ...] = ()
    """Loaded before anything is measured."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in self.libraries:
            importlib.import_module(name)

    def write(self, ids: list[str], vectors: NDArray[np.float32], documents: list[str]) -> None:
        raise NotImplementedError

    def open(self) -> None:
        raise NotImplementedError

    def search(self, query: NDArray[np.float32], k: int) -> list[int]:
        raise NotImplementedError

    def delete(self, ids: list[str]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        pass


class Privet(System):
    """A vault: sealed files, a 4-bit scan and numbers of 16 bits in memory; documents are read with each hit."""

    libraries = ("privet.vault", "privet.vault.store", "turbovec", "cryptography.hazmat.primitives.ciphers.aead")

    def write(self, ids: list[str], vectors: NDArray[np.float32], documents: list[str]) -> None:
        self.open_vault()
        for start in range(0, len(ids), BATCH):
            part = slice(start, start + BATCH)
            self.vault.add(ids[part], vectors[part], documents[part])
        self.vault.search(vectors[:1], 1)

    def open_vault(self) -> None:
        from privet.vault import Vault

        self.vault = Vault.open(self.folder / "data", keys=self.folder.parent / f"{self.folder.name}-keys")

    def open(self) -> None:
        self.open_vault()
        # The index for the scan is made by the first search.
        self.search(np.ones(self.vault.dimensions, np.float32), 1)

    def search(self, query: NDArray[np.float32], k: int) -> list[int]:
        return [int(hit.id) for hit in self.vault.search(query[None, :], k)[0]]

    def delete(self, ids: list[str]) -> None:
        self.vault.delete(ids)
        self.vault.compact()

    def close(self) -> None:
        self.vault.close()


class Turbovec(System):
    """The plain twin of a vault: `.npy` and JSON, the same scan, half floats of numpy; documents are in memory."""

    libraries = ("turbovec",)

    def write(self, ids: list[str], vectors: NDArray[np.float32], documents: list[str]) -> None:
        np.save(self.folder / "vectors.npy", vectors)
        (self.folder / "records.json").write_text(json.dumps([ids, documents]))
        for name in ("vectors.npy", "records.json"):
            with (self.folder / name).open("rb") as file:
                os.fsync(file.fileno())
        self.open()

    def open(self) -> None:
        from turbovec import TurboQuantIndex

        vectors = np.load(self.folder / "vectors.npy")
        self.ids, self.documents = json.loads((self.folder / "records.json").read_text())
        self.index = TurboQuantIndex(vectors.shape[1], bit_width=4)
        sample = np.random.default_rng(0).choice(len(vectors), min(1024, len(vectors)), replace=False)
        self.index.calibrate(vectors[np.sort(sample)])
        self.halves = np.empty(vectors.shape, np.float16)
        for start in range(0, len(vectors), 1 << 14):
            part = slice(start, start + (1 << 14))
            self.halves[part] = vectors[part]
            self.index.add(vectors[part])
        self.search(np.ones(vectors.shape[1], np.float32), 1)

    def search(self, query: NDArray[np.float32], k: int) -> list[int]:
        _, found = self.index.search(query[None, :], max(64, 8 * k))
        rows = np.asarray(found[0], np.int64)
        scores = self.halves[rows].astype(np.float32) @ query
        best = rows[np.argsort(-scores, kind="stable")[:k]].tolist()
        return [int(self.ids[row]) for row in best if self.documents[row]]

    def delete(self, ids: list[str]) -> None:
        gone = set(ids)
        kept = [row for row, each in enumerate(self.ids) if each not in gone]
        vectors = np.load(self.folder / "vectors.npy")[kept]
        self.write([self.ids[row] for row in kept], vectors, [self.documents[row] for row in kept])


class Usearch(System):
    """HNSW over half floats, written whole; documents beside."""

    libraries = ("usearch.index",)

    def write(self, ids: list[str], vectors: NDArray[np.float32], documents: list[str]) -> None:
        from usearch.index import Index

        self.index = Index(ndim=vectors.shape[1], metric="cos", dtype="f16")
        self.index.add(np.array(ids, np.int64), vectors)
        self.index.save(str(self.folder / "index"))
        (self.folder / "records.json").write_text(json.dumps(documents))

    def open(self) -> None:
        from usearch.index import Index

        self.index = Index.restore(str(self.folder / "index"))
        self.documents = json.loads((self.folder / "records.json").read_text())

    def search(self, query: NDArray[np.float32], k: int) -> list[int]:
        return [int(key) for key in self.index.search(query, k).keys]

    def delete(self, ids: list[str]) -> None:
        self.index.remove(np.array(ids, np.int64))
        self.index.save(str(self.folder / "index"))


class Faiss(System):
    """A flat index: every vector is compared."""

    libraries = ("faiss",)

    def write(self, ids: list[str], vectors: NDArray[np.float32], documents: list[str]) -> None:
        import faiss

        self.index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        self.index.add_with_ids(vectors, np.array(ids, np.int64))
        faiss.write_index(self.index, str(self.folder / "index"))
        (self.folder / "records.json").write_text(json.dumps(documents))

    def open(self) -> None:
        import faiss

        self.index = faiss.read_index(str(self.folder / "index"))
        self.documents = json.loads((self.folder / "records.json").read_text())

    def search(self, query: NDArray[np.float32], k: int) -> list[int]:
        return list(map(int, self.index.search(query[None, :], k)[1][0]))

    def delete(self, ids: list[str]) -> None:
        import faiss

        self.index.remove_ids(np.array(ids, np.int64))
        faiss.write_index(self.index, str(self.folder / "index"))


class SqliteVec(System):
    """A virtual table of SQLite."""

    libraries = ("apsw", "sqlite_vec")

    def connected(self) -> Any:
        # Python itself may be built without extensions for SQLite.
        import apsw
        import sqlite_vec

        base = apsw.Connection(str(self.folder / "store.db"))
        base.enable_load_extension(True)
        base.load_extension(sqlite_vec.loadable_path())
        return base

    def write(self, ids: list[str], vectors: NDArray[np.float32], documents: list[str]) -> None:
        self.base = self.connected()
        self.base.execute(
            f"create virtual table v using vec0(id integer primary key, e float[{vectors.shape[1]}] distance_metric=cosine)"
        )
        self.base.execute("create table d (id integer primary key, text text)")
        rows = zip(map(int, ids), vectors, strict=True)
        self.base.execute("begin")
        self.base.executemany("insert into v (id, e) values (?, ?)", ((each, row.tobytes()) for each, row in rows))
        self.base.executemany("insert into d values (?, ?)", zip(map(int, ids), documents, strict=True))
        self.base.execute("commit")

    def open(self) -> None:
        self.base = self.connected()

    def search(self, query: NDArray[np.float32], k: int) -> list[int]:
        found = self.base.execute("select id from v where e match ? and k = ?", (query.tobytes(), k))
        return [row[0] for row in found]

    def delete(self, ids: list[str]) -> None:
        self.base.execute("begin")
        for table in ("v", "d"):
            self.base.executemany(f"delete from {table} where id = ?", [(int(each),) for each in ids])  # noqa: S608
        self.base.execute("commit")

    def close(self) -> None:
        self.base.close()


class Lancedb(System):
    """Columns on disk, no index: every vector is compared."""

    libraries = ("lancedb",)

    def write(self, ids: list[str], vectors: NDArray[np.float32], documents: list[str]) -> None:
        import lancedb
        import pyarrow as pa

        flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        table = pa.table({"id": list(map(int, ids)), "vector": flat, "document": documents})
        self.table = lancedb.connect(str(self.folder)).create_table("t", table)

    def open(self) -> None:
        import lancedb

        self.table = lancedb.connect(str(self.folder)).open_table("t")

    def search(self, query: NDArray[np.float32], k: int) -> list[int]:
        found = self.table.search(query).distance_type("cosine").limit(k).select(["id", "document"])
        return list(map(int, found.to_arrow()["id"].to_pylist()))

    def delete(self, ids: list[str]) -> None:
        self.table.delete(f"id in ({', '.join(ids)})")


class Sqlcipher(System):
    """An encrypted SQLite with vectors as blobs: read whole at open, then searched as faiss does."""

    libraries = ("sqlcipher3", "faiss")

    def connected(self) -> Any:
        import sqlcipher3

        base = sqlcipher3.connect(str(self.folder / "store.db"))
        base.execute(f"pragma key = \"x'{'01' * 32}'\"")
        return base

    def write(self, ids: list[str], vectors: NDArray[np.float32], documents: list[str]) -> None:
        self.base = self.connected()
        self.base.execute("create table v (id integer primary key, e blob, text text)")
        rows = zip(map(int, ids), (row.tobytes() for row in vectors), documents, strict=True)
        self.base.executemany("insert into v values (?, ?, ?)", rows)
        self.base.commit()

    def open(self) -> None:
        import faiss

        self.base = self.connected()
        rows = self.base.execute("select id, e from v").fetchall()
        vectors = np.frombuffer(b"".join(row[1] for row in rows), "<f4").reshape(len(rows), -1)
        self.index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        self.index.add_with_ids(vectors, np.array([row[0] for row in rows], np.int64))

    def search(self, query: NDArray[np.float32], k: int) -> list[int]:
        found = list(map(int, self.index.search(query[None, :], k)[1][0]))
        marks = ",".join("?" * len(found))
        self.base.execute(f"select text from v where id in ({marks})", found).fetchall()  # noqa: S608
        return found

    def delete(self, ids: list[str]) -> None:
        self.base.executemany("delete from v where id = ?", [(int(each),) for each in ids])
        self.base.commit()

    def close(self) -> None:
        self.base.close()


class Citadel(System):
    """citadeldb: encrypted pages, vectors in SQL with an index of its own."""

    libraries = ("citadeldb",)

    def connected(self) -> Any:
        import citadeldb

        return citadeldb.connect(str(self.folder / "store.citadel"), key="for the benchmark only")

    def write(self, ids: list[str], vectors: NDArray[np.float32], documents: list[str]) -> None:
        self.base = self.connected()
        self.base.execute(f"CREATE TABLE v (id INTEGER PRIMARY KEY, e VECTOR({vectors.shape[1]}), t TEXT)")
        self.base.execute("BEGIN")
        for each, row, text in zip(ids, vectors, documents, strict=True):
            self.base.execute("INSERT INTO v VALUES ($1, $2, $3)", [int(each), row, text])
        self.base.execute("COMMIT")
        self.base.execute("CREATE INDEX i ON v USING ann (e) WITH (metric = 'cosine')")

    def open(self) -> None:
        self.base = self.connected()

    def search(self, query: NDArray[np.float32], k: int) -> list[int]:
        found = self.base.query(f"SELECT id, t FROM v ORDER BY e <=> $1 LIMIT {k}", [query])  # noqa: S608
        return [int(row[0]) for row in found.rows]

    def delete(self, ids: list[str]) -> None:
        self.base.execute("BEGIN")
        for each in ids:
            self.base.execute("DELETE FROM v WHERE id = $1", [int(each)])
        self.base.execute("COMMIT")

    def close(self) -> None:
        self.base.close()


class Cyborgdb(System):
    """cyborgdb-core on disk, trained with its own choices."""

    libraries = ("cyborgdb_core",)

    def client(self) -> Any:
        import cyborgdb_core

        return cyborgdb_core.Client(storage_config=cyborgdb_core.StorageConfig.disk(str(self.folder)))

    def write(self, ids: list[str], vectors: NDArray[np.float32], documents: list[str]) -> None:
        key = secrets.token_bytes(32)
        # The key is kept beside the folder that is searched for plain bytes.
        (self.folder.parent / "cyborgdb.key").write_bytes(key)
        self.index, self.key = (
            self.client().create_index("bench", key, dimension=vectors.shape[1], metric="cosine"),
            key,
        )
        for start in range(0, len(ids), BATCH):
            rows = range(start, min(len(ids), start + BATCH))
            items = [{"id": ids[row], "vector": vectors[row], "contents": documents[row]} for row in rows]
            self.index.upsert(items, index_key=key)
        self.index.train(index_key=key)

    def open(self) -> None:
        self.key = (self.folder.parent / "cyborgdb.key").read_bytes()
        self.index = self.client().load_index("bench", self.key)

    def search(self, query: NDArray[np.float32], k: int) -> list[int]:
        return [int(each["id"]) for each in self.index.query(query, k, index_key=self.key)]

    def delete(self, ids: list[str]) -> None:
        self.index.delete(ids, index_key=self.key)


SYSTEMS: dict[str, type[System]] = {
    "privet": Privet,
    "turbovec": Turbovec,
    "usearch": Usearch,
    "faiss": Faiss,
    "sqlite-vec": SqliteVec,
    "lancedb": Lancedb,
    "sqlcipher": Sqlcipher,
    "citadeldb": Citadel,
    "cyborgdb": Cyborgdb,
}
OWN = ("privet", "turbovec")
"""Run with Privet's own Python: both sides of each ratio have the same libraries."""
