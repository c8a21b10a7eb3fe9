"""What one process does, in this one."""

from __future__ import annotations

import io
import os
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from privet.evidence import file_digest, keyed_file_digest
from privet.ingest import long_text, worker
from privet.ingest.manifest import table_entry
from privet.ingest.plan import Item, planned
from privet.ingest.repeats import Kept
from privet.ingest.work import Work
from privet.ingest.worker import BATCH, Batch, Done, Setup, UnitDone, Worker
from privet.policy import DEFAULT, Policy, with_value

KEY = b"d" * 32


@dataclass
class Bench:
    """A folder, a worker and the state between them."""

    raw: Path
    work: Work
    worker: Worker

    def file(self, name: str, content: bytes) -> Item:
        (self.raw / name).parent.mkdir(parents=True, exist_ok=True)
        (self.raw / name).write_bytes(content)
        return next(item for item in planned([self.raw], self.work.out) if item.name == name)

    def part(self, name: str) -> bytes:
        return (self.work.parts / name).read_bytes()

    def recorded(self) -> list[Done]:
        return [done for batch in self.work.read_all(BATCH, Batch) for done in batch.files]


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., Bench]:
    def make(policy: Policy = DEFAULT, unit_bytes: int = 1 << 20) -> Bench:
        work = Work(tmp_path / "out")
        work.open({})
        work.close(complete=False)
        (tmp_path / "raw").mkdir()
        return Bench(tmp_path / "raw", work, Worker(Setup(policy, "patterns", None, KEY, str(work.out), unit_bytes)))

    return make


def test_a_document_is_written_and_told(bench: Callable[..., Bench]) -> None:
    b = bench()
    item = b.file("jane@example.com/a.txt", b"to jane@example.com\n")
    (done,) = b.worker.files([item])
    assert (done.status, done.name, done.form) == ("cleaned", "EMAIL_ADDRESS/a.txt", "text")
    assert done.found == {"body": {"EMAIL_ADDRESS": 1}, "file names": {"EMAIL_ADDRESS": 1}}
    assert b.part(item.key) == b"to [EMAIL_ADDRESS]\n"
    with (b.work.parts / item.key).open("rb") as file:
        assert (done.sha256, done.bytes) == (file_digest(file), 19)
    with Path(item.path).open("rb") as file:
        assert done.input_hmac == keyed_file_digest(file, KEY)
    assert b.recorded() == [done]
    assert {path.name for path in b.work.parts.iterdir()} == {item.key}


def test_what_is_set_aside_leaves_nothing(bench: Callable[..., Bench]) -> None:
    b = bench()
    items = [
        b.file("blob", bytes(range(256)) * 9),
        b.file("broken.pdf", b"%PDF-1.7\n"),
        b.file("lie.jpg", b"%PDF-1.7\n"),
    ]
    for done in b.worker.files(items):
        assert done.status == "set-aside"
        assert done.reason
        assert done.input_hmac
        assert done in b.recorded()
    assert list(b.work.parts.iterdir()) == []


def test_a_table_is_cleaned_in_units_and_joined(bench: Callable[..., Bench]) -> None:
    b = bench(unit_bytes=400)
    lines = [b'{"n": %d, "m": "jane%d@example.com"}\n' % (n, n) for n in range(50)]
    item = b.file("rows.jsonl", b"".join(lines))
    (done,) = b.worker.files([item])
    assert done.status == "units"
    assert len(done.units) > 3
    assert list(b.work.parts.iterdir()) == []
    units = [b.worker.unit(item, done.form, index, unit) for index, unit in enumerate(done.units)]
    assert sum(unit.rows for unit in units) == 50
    assert [unit.found for unit in units[:1]] == [{"m": {"EMAIL_ADDRESS": units[0].rows}}]
    for index, unit in enumerate(units):
        assert b.work.read(f"{item.key}.{index}", UnitDone) == unit
    kept: list[bytes | None] = [None] * len(units)
    kept[0] = np.packbits(np.arange(units[0].rows) != 1).tobytes()
    joined = b.worker.joined(item, done, kept)
    assert joined.status == "cleaned"
    expected = [b'{"n": %d, "m": "[EMAIL_ADDRESS]"}\n' % n for n in range(50) if n != 1]
    assert b.part(item.key) == b"".join(expected)
    assert not [path for path in b.work.parts.iterdir() if path.name.endswith(".new")]


def test_a_unit_that_cannot_be_cleaned_says_where(bench: Callable[..., Bench]) -> None:
    b = bench()
    item = b.file("rows.jsonl", b'{"a": 1}\n{"a": 2}\n{"a": \n')
    (done,) = b.worker.files([item])
    unit = b.worker.unit(item, done.form, 0, done.units[0])
    assert unit.reason.startswith("line 3 ")
    assert list(b.work.parts.iterdir()) == []


def test_a_long_text_is_cut_and_joined(bench: Callable[..., Bench]) -> None:
    b = bench(unit_bytes=1000)
    content = b"".join(b"line %d to jane%d@example.com\n" % (n, n) for n in range(200))
    item = b.file("a.txt", content)
    (done,) = b.worker.files([item])
    assert (done.form, len(done.units) > 4) == (long_text.FORM, True)
    units = [b.worker.unit(item, done.form, index, unit) for index, unit in enumerate(done.units)]
    assert {unit.rows for unit in units} == {0}
    b.worker.joined(item, done, [None] * len(units))
    assert b.part(item.key) == b"".join(b"line %d to [EMAIL_ADDRESS]\n" % n for n in range(200))


def test_an_identifier_where_a_long_text_is_cut_goes(bench: Callable[..., Bench]) -> None:
    b = bench(unit_bytes=64)
    item = b.file("a.txt", b"x" * 60 + b" jane@example.com and +1 415 555\n0100 more\n" * 5)
    (done,) = b.worker.files([item])
    for index, unit in enumerate(done.units):
        b.worker.unit(item, done.form, index, unit)
    b.worker.joined(item, done, [None] * len(done.units))
    assert b"jane" not in b.part(item.key)


def change(item: Item) -> None:
    Path(item.path).write_bytes(Path(item.path).read_bytes() + b"more\n")


def test_a_file_that_is_another_by_now_is_set_aside_and_asked_for_again(bench: Callable[..., Bench]) -> None:
    b = bench()
    changed, gone, pipe, link = (b.file(f"{name}.txt", b"x\n") for name in ("changed", "gone", "pipe", "link"))
    change(changed)
    for item in (gone, pipe, link):
        Path(item.path).unlink()
    os.mkfifo(pipe.path)
    Path(link.path).symlink_to("/etc/hostname")
    for done in b.worker.files([changed, gone, pipe, link]):
        assert (done.status, done.input_hmac) == ("set-aside", "")
        assert "run the same command again" in done.reason
    assert list(b.work.parts.iterdir()) == []


def test_a_file_that_grows_while_it_is_read_is_set_aside(bench: Callable[..., Bench]) -> None:
    b = bench()
    item = b.file("a.txt", b"to jane@example.com\n" * 20)
    document = b.worker._document

    def slow(item: Item, source: object, done: Done) -> None:
        document(item, source, done)  # type: ignore[arg-type]
        change(item)

    b.worker._document = slow  # type: ignore[method-assign]
    (done,) = b.worker.files([item])
    assert (done.status, done.reason[:10], done.input_hmac) == ("set-aside", "it changed", "")
    assert list(b.work.parts.iterdir()) == []


def test_a_table_that_changes_between_its_units_is_set_aside(bench: Callable[..., Bench]) -> None:
    b = bench(unit_bytes=100)
    item = b.file("a.jsonl", b'{"a": "words"}\n' * 50)
    (done,) = b.worker.files([item])
    assert b.worker.unit(item, done.form, 0, done.units[0]).reason == ""
    change(item)
    assert "changed" in b.worker.unit(item, done.form, 1, done.units[1]).reason


def test_names_become_text_that_harms_no_terminal(bench: Callable[..., Bench]) -> None:
    b = bench()
    item = b.file(os.fsdecode(b"a\x1b[31m\xc2\x9b\xe9\n\x7f.txt"), b"x\n")
    (done,) = b.worker.files([item])
    assert done.name == "a_[31m____.txt"
    assert done.status == "cleaned"
    item = b.file("überall 文件 \U0001f600.txt", b"x\n")
    assert b.worker.files([item])[0].name == item.name


def test_column_names_that_are_no_utf8_do_no_harm(bench: Callable[..., Bench]) -> None:
    b = bench()
    item = b.file("a.jsonl", b'{"\\ud800": "jane@example.com"}\n{"\\ud800": 4111111111111111}\n')
    (done,) = b.worker.files([item])
    unit = b.worker.unit(item, done.form, 0, done.units[0])
    assert unit.reason or b"jane" not in b.part(f"{item.key}.0")


def test_sparse_files_are_read_as_what_they_are(bench: Callable[..., Bench]) -> None:
    b = bench(with_value(DEFAULT, "scrub.max_file_bytes", 1 << 20))
    item = b.file("a.bin", b"")
    os.truncate(item.path, 1 << 28)
    item = next(iter(planned([b.raw], b.work.out)))
    (done,) = b.worker.files([item])
    assert done.status == "set-aside"


def test_a_process_that_was_not_started_as_a_worker_does_nothing() -> None:
    with pytest.raises(RuntimeError):
        worker.run("files", ([],))


def test_a_part_is_seen_whole_or_not_at_all(bench: Callable[..., Bench]) -> None:
    b = bench()
    item = b.file("a.txt", b"words\n" * 1000)
    seen: set[int] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            try:
                seen.add(len(b.part(item.key)))
            except FileNotFoundError:
                seen.add(-1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(20):
        b.worker.files([item])
    stop.set()
    watcher.join()
    assert seen <= {-1, 6000}


def test_a_file_inside_a_value_of_a_table_that_is_left_out_is_told(bench: Callable[..., Bench]) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.txt", "words")
        archive.writestr("x.bin", bytes(range(256)) * 9)
    table = io.BytesIO()
    pq.write_table(pa.table({"file": pa.array([held.getvalue()], pa.binary())}), table)
    b = bench()
    item = b.file("rows.parquet", table.getvalue())
    (done,) = b.worker.files([item])
    unit = b.worker.unit(item, done.form, 0, done.units[0])
    assert [member.reason for member in unit.members] == ["its format is not known"]
    assert unit.removed == {"member set aside": 1}
    entry = table_entry(b.worker.joined(item, done, [None]), "rows.parquet", [unit], [Kept(None)])
    assert entry["removed"] == {"member set aside": 1}
    assert entry["members"] == [{"name": "x.bin", "reason": "its format is not known"}]
