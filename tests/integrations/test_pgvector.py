from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from privet.errors import BadInput, Damaged, RolledBack, Unprotected
from privet.integrations.pgvector import PostgresVault
from privet.vault.obfuscation import ObfuscatedSearch, ObfuscationWarning
from privet.vault.remote_table import SealedRow, Version

sys.path.append(str(Path(__file__).parent))

from postgres_server import Server, has_vectors, programs
from remote_cases import IDS, VECTORS, Open, RemoteCases, filled

PROGRAMS = programs()
TABLES = itertools.count()
CANARIES = {
    "an id": b"id-canary-4711",
    "a document": b"zanzibar",
    "metadata": b"quokka",
    "a field": b"wombatfield",
    "a subject": b"subject-canary-0815",
}

pytestmark = pytest.mark.skipif(PROGRAMS is None, reason="there is no PostgreSQL on this machine")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    assert PROGRAMS is not None
    with Server(PROGRAMS) as server:
        yield server


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def opened(server: Server, keys: Path) -> Callable[..., PostgresVault]:
    table = f"notes_{next(TABLES)}"

    def make(**options: Any) -> PostgresVault:
        return PostgresVault.open(server.dsn, table, **{"keys": keys, **options})

    return make


class TestPostgres(RemoteCases):
    pass


def dumped(server: Server, *options: str) -> bytes:
    return subprocess.run(
        [server.programs / "pg_dump", *options, server.dsn], check=True, capture_output=True, cwd=server.place
    ).stdout


def on_disk(server: Server) -> bytes:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    return b"".join(path.read_bytes() for path in sorted(server.place.rglob("*")) if path.is_file())


def marks_of(vectors: np.ndarray[Any, Any]) -> dict[str, bytes]:
    """Return how a vector may look in plain sight: the first four numbers, in the formats databases use."""
    first = vectors[0, :4]
    return {
        "float32": first.astype("<f4").tobytes(),
        "float32, most significant byte first": first.astype(">f4").tobytes(),
        "float16": first.astype("<f2").tobytes(),
        "float64": first.astype("<f8").tobytes(),
    }


def test_nothing_can_be_read_in_table_dump_files_or_log(server: Server, keys: Path) -> None:
    vectors = np.random.default_rng(4).normal(size=(50, 64)).astype(np.float32)
    patterns = {**CANARIES, **marks_of(vectors), **marks_of(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))}
    with PostgresVault.open(server.dsn, "quiet", keys, filter_fields=["wombatfield"]) as vault:
        vault.add(
            [f"id-canary-4711-{number}" for number in range(50)],
            vectors,
            [f"from zanzibar with love {number}" for number in range(50)],
            [{"wombatfield": "quokka", "number": number} for number in range(50)],
            "subject-canary-0815",
        )
        assert len(vault.search(vectors[:2], 10, where={"wombatfield": "quokka"})[1]) == 10
        vault.delete(["id-canary-4711-1"])
    everything = on_disk(server) + dumped(server, "--format=custom", "--compress=0") + dumped(server)
    assert [name for name, pattern in patterns.items() if pattern in everything] == []
    assert [name for name, pattern in patterns.items() if pattern.hex().encode() in everything] == []
    # The same search finds all of it where it lies in plain sight.
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE plain (content bytea)")
        connection.execute("ALTER TABLE plain ALTER COLUMN content SET STORAGE EXTERNAL")
        connection.execute("INSERT INTO plain VALUES (%s)", (b" ".join(patterns.values()),))
    everything = on_disk(server)
    assert [name for name, pattern in patterns.items() if pattern not in everything] == []


def test_rows_tell_neither_whose_they_are_nor_how_long_a_text_is(server: Server, opened: Open) -> None:
    with opened() as vault:
        vault.add(
            IDS,
            VECTORS,
            ["x" * number for number in range(10)],
            subject=["ann" if number % 2 else "bob" for number in range(10)],
        )
        with psycopg.connect(server.dsn) as connection:
            table = vault._state.table.name.removeprefix("table ")
            rows = connection.execute(f"SELECT * FROM {table} WHERE generation > 0").fetchall()  # noqa: S608 - the test's own
    assert len({(len(row[3]), len(row[4])) for row in rows}) == 1
    assert all(row[2] == [] for row in rows)


def test_a_dump_from_before_brings_nobody_back(server: Server, opened: Open, tmp_path: Path) -> None:
    with filled(opened) as vault:
        table = vault._state.table.name.removeprefix("table ")
        dump = dumped(server, "--clean", "--table", table)
        vault.forget("ann")
    (tmp_path / "dump.sql").write_bytes(dump)
    subprocess.run(
        [server.programs / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", tmp_path / "dump.sql", server.dsn],
        check=True, capture_output=True,
    )  # fmt: skip
    with pytest.raises(RolledBack, match="were removed or put back"):
        opened()
    with opened(accept_older=True) as vault:
        assert set(vault.ids()) == set(IDS[3:])
        assert vault.get(["record-1"]) == [None]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE {table} SET vector = set_byte(vector, 60, get_byte(vector, 60) # 1) WHERE key = %s", Damaged),
        ("UPDATE {table} SET generation = 2 WHERE key = %s", Damaged),
        ("DELETE FROM {table} WHERE key = %s", RolledBack),
        ("UPDATE {table} SET content = '' WHERE key = %s", Damaged),
    ],
)
def test_what_an_administrator_changes_is_told(
    server: Server, opened: Open, statement: str, error: type[Damaged]
) -> None:
    with filled(opened) as vault:
        table = vault._state.table.name.removeprefix("table ")
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            assert connection.execute(statement.format(table=table), (vault.row_key("record-5"),)).rowcount == 1  # type: ignore[arg-type]
        with pytest.raises(error):
            vault.verify()
        with pytest.raises(Damaged):
            vault.get(["record-5"])


def test_a_table_that_was_renamed_opens(server: Server, opened: Open, keys: Path) -> None:
    with filled(opened) as vault:
        table = vault._state.table.name.removeprefix("table ")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA app")
        connection.execute(f"ALTER TABLE {table} SET SCHEMA app")
        connection.execute(f"ALTER TABLE app.{table} RENAME TO renamed")
    with PostgresVault.open(server.dsn, "app.renamed", keys) as vault:
        assert vault.verify().records == 10


def test_own_queries_may_use_names_and_tokens(server: Server, opened: Open) -> None:
    with filled(opened) as vault, psycopg.connect(server.dsn) as connection:
        table = vault._state.table.name.removeprefix("table ")
        query = f"SELECT key FROM {table} WHERE tokens @> ARRAY[%s]::bytea[] ORDER BY key"  # noqa: S608 - the test's own
        found = connection.execute(query, (vault.token("language", "en"),)).fetchall()
        assert [row[0] for row in found] == sorted(vault.row_key(f"record-{number}") for number in (1, 3, 5, 7, 9))
        with pytest.raises(BadInput, match="no token"):
            vault.token("number", 1)


def test_a_lost_connection_is_made_anew(server: Server, opened: Open) -> None:
    with filled(opened) as vault, psycopg.connect(server.dsn, autocommit=True) as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        connection.execute(cut)
        with pytest.raises(Unprotected, match="the database refused"):
            vault.add(["new"], VECTORS[:1])
        vault.add(["new"], VECTORS[:1])
        assert vault.verify().records == 11


@pytest.mark.parametrize(
    ("dsn", "table", "message"),
    [
        ("host=/nowhere dbname=app password=hunter2", "notes", "cannot be reached"),
        (None, "notes; DROP TABLE x", "name of a table"),
        (None, "plain_one", "is no vault"),
    ],
)
def test_what_is_no_database_or_no_table_is_told(
    server: Server, keys: Path, dsn: str | None, table: str, message: str
) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS plain_one (id int)")
    with pytest.raises(BadInput, match=message) as caught:
        PostgresVault.open(dsn or server.dsn, table, keys)
    assert "hunter2" not in str(caught.value)


class TestObfuscated:
    LEAVE = ObfuscatedSearch("search beyond memory", "data team", date.today() + timedelta(days=30), 16)

    @pytest.fixture(autouse=True)
    def _pgvector(self, server: Server) -> None:
        if not has_vectors(server.programs):
            pytest.skip("this PostgreSQL has no pgvector")
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")

    def test_it_finds_the_same_and_says_what_it_leaks(self, opened: Open, server: Server) -> None:
        vectors = np.random.default_rng(2).normal(size=(300, 16)).astype(np.float32)
        with pytest.warns(ObfuscationWarning, match="too few"):
            vault = opened(filter_fields=["half"], obfuscated_search=self.LEAVE)
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
        vault.delete(["7"])
        assert vault.search(vectors[7:8], 1)[0][0].id == str(wanted[1])
        with psycopg.connect(server.dsn) as connection:
            table = vault._state.table.name.removeprefix("table ")
            stored = connection.execute(f"SELECT search::text FROM {table} WHERE generation > 0 LIMIT 1").fetchone()  # noqa: S608
        assert stored is not None
        assert len(stored[0].split(",")) == 16
        vault.close()
        with pytest.raises(BadInput, match="with obfuscated_search"):
            opened()
        with (
            pytest.warns(ObfuscationWarning, match="299 of your records"),
            opened(obfuscated_search=self.LEAVE) as vault,
        ):
            assert vault.verify().records == 299

    @pytest.mark.filterwarnings("ignore::privet.vault.obfuscation.ObfuscationWarning")
    def test_a_vector_of_zeros_has_a_cosine_of_0(self, opened: Open) -> None:
        with opened(obfuscated_search=self.LEAVE) as vault:
            ahead = np.ones(16, np.float32)
            vault.add(["behind", "zeros", "ahead"], np.stack([-ahead, 0 * ahead, ahead]))
            hits = vault.search(ahead[None, :], 3)[0]
            assert [hit.id for hit in hits] == ["ahead", "zeros", "behind"]
            assert [hit.score for hit in hits] == pytest.approx([1, 0, -1], abs=1e-3)
            assert [hit.score for hit in vault.search(0 * ahead[None, :], 3)[0]] == [0, 0, 0]


def test_without_pgvector_there_is_no_obfuscated_search(server: Server, keys: Path) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bare")
    with pytest.raises(BadInput, match="no pgvector"):
        PostgresVault.open(
            server.dsn.replace("postgres", "bare"), "notes", keys, obfuscated_search=TestObfuscated.LEAVE
        )


def test_after_an_error_the_connection_can_be_used(server: Server, opened: Open) -> None:
    count = 5000  # more than one packet: the database is still sending when the error comes
    with opened() as vault:
        vault.add([str(number) for number in range(count)], np.ones((count, 64), np.float32))
        table = vault._state.table.name.removeprefix("table ")
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(f"UPDATE {table} SET content = '' WHERE key = %s", (vault.row_key("5"),))  # noqa: S608
        for _ in range(2):
            with pytest.raises(Damaged) as caught:
                vault.verify()
            assert vault.get(["7"])[0] is not None
            assert caught.traceback
        # So many gone rows are taken out of memory.
        assert vault.delete([str(number) for number in range(4600)]) == 4600
        assert len(vault._state.contents) == len(vault) == 400


def test_many_write_at_once(opened: Open) -> None:
    filled(opened).close()

    def work(worker: int) -> None:
        with opened() as vault:
            for number in range(6):
                vault.add([f"{worker}-{number}"], VECTORS[:1], subject=f"subject {worker} {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with opened() as vault:
        assert len(vault) == 34
        assert vault.verify().subjects == 25
        assert vault.forget("subject 3 5") == 1


def test_a_table_that_was_emptied_is_not_new(server: Server, opened: Open, keys: Path) -> None:
    with filled(opened) as vault:
        table = vault._state.table.name.removeprefix("table ")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"DELETE FROM {table} WHERE generation > 0")  # noqa: S608 - the test's own
    with pytest.raises(RolledBack, match="expected 10, found 0"):
        opened()
    (anchor,) = keys.glob("*.rows")
    anchor.unlink()
    with pytest.raises(Damaged, match="no anchor"):
        opened()


def left_of(server: Server, table: str, keys: Path) -> object:
    """Return all that could have been written."""
    with psycopg.connect(server.dsn) as connection:
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY key").fetchall()  # noqa: S608 - the test's own
    return rows, {place.name: place.read_bytes() for place in keys.iterdir()}


@pytest.mark.parametrize("options", [{}, {"read_only": True}, {"accept_older": True}])
@pytest.mark.parametrize("left", ["length(vector) < 100", "true"])
def test_a_table_without_its_header_is_damaged_and_left_alone(
    server: Server, opened: Open, keys: Path, options: dict[str, bool], left: str
) -> None:
    with filled(opened) as vault:
        table = vault._state.table.name.removeprefix("table ")
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(f"DELETE FROM {table} WHERE {left}")  # noqa: S608 - the test's own
        with pytest.raises(Damaged, match=r"header of table .* is missing"):
            vault.verify()
    before = left_of(server, table, keys)
    with pytest.raises(Damaged, match=r"header of table .* is missing"):
        opened(**options)
    assert left_of(server, table, keys) == before


def test_every_flipped_byte_of_a_header_is_told(server: Server, opened: Open, keys: Path, tmp_path: Path) -> None:
    with filled(opened) as vault:
        table = vault._state.table.name.removeprefix("table ")
    header = f"FROM {table} WHERE generation = 0"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        (whole,) = connection.execute(f"SELECT vector {header}").fetchone() or ()  # type: ignore[arg-type]

        def put(content: bytes) -> None:
            connection.execute(f"UPDATE {table} SET vector = %s WHERE generation = 0", (content,))  # noqa: S608

        for at in range(len(whole)):
            put(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            before = left_of(server, table, keys)
            # A later version may be one.
            with pytest.raises(BadInput if at == 8 else Damaged, match="format version" if at == 8 else "header of"):
                opened()
            assert left_of(server, table, keys) == before
        for wrong in (b"", whole[:9], whole[:-1], whole + b"x"):
            put(wrong)
            with pytest.raises(Damaged, match="header of"):
                opened()
        put(whole)
        # With other keys nobody can tell the one from the other.
        PostgresVault.open(server.dsn, "another", tmp_path / "others").close()
        with pytest.raises(BadInput, match="no key file"):
            opened(keys=tmp_path / "others")
    with opened() as vault:
        vault.verify()


WRITER = """
import sys
import numpy as np
from privet.integrations.pgvector import PostgresVault
dsn, table, keys, name = sys.argv[1:]
with PostgresVault.open(dsn, table, keys) as vault:
    vectors = np.ones((20, 8), np.float32)
    for number in range(100_000):
        ids = [f"{name} {number} {part}" for part in range(20)]
        vault.add(ids, vectors, subject=f"{name} {number}")
        if number > 3:
            vault.delete([f"{name} {number - 2} 0"])
            vault.forget(f"{name} {number - 3}")
        print(number, flush=True)
"""


def test_a_write_that_the_database_is_still_at_is_waited_for(
    server: Server, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its client was killed after it had sent everything: the anchor must not be settled before the database is."""
    with filled(opened) as vault, psycopg.connect(server.dsn) as late:
        table = vault._state.table
        write = table.write

        def cut(rows: list[SealedRow], gone: list[Version]) -> None:
            monkeypatch.setattr(table, "_connection", late)
            with late.cursor() as cursor:
                cursor.execute("SELECT 1")  # a transaction, in which that of the write is a part
            write(rows, gone)
            raise KeyboardInterrupt

        monkeypatch.setattr(table, "write", cut)
        with pytest.raises(KeyboardInterrupt):
            vault.add(["new"], VECTORS[:1])
        monkeypatch.undo()
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(opened)
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
                name = table.name.removeprefix("table ")
                while connection.execute(waits, (name,)).fetchone() != (1,):
                    assert not other.done()
            late.commit()
            with other.result(timeout=30) as found:
                assert "new" in found
                found.verify()


def test_a_killed_writer_leaves_whole_writes(server: Server, opened: Open, keys: Path) -> None:
    with filled(opened) as vault:
        table = vault._state.table.name.removeprefix("table ")
    command = [sys.executable, "-c", WRITER, server.dsn, table, str(keys), "w"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [int(line) for line, _ in zip(writer.stdout, range(9), strict=False)][-1]
        writer.kill()
    with opened() as vault:
        vault.verify()
        ids = set(vault.ids())
        assert set(IDS) <= ids
        for number in range(acknowledged + 60):
            there = {part for part in range(20) if f"w {number} {part}" in ids}
            # All of a write or none; one of them may have been deleted since.
            assert len(there) in {0, 20} or there == set(range(1, 20))
            if number in {acknowledged, acknowledged - 1}:
                assert there or f"w {number + 3} 1" in ids
        vault.add(["later"], VECTORS[:1])
        vault.verify()
