"""Tables inside other files: groups and copies told over all of them, judged by pycanon on what comes out."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import random
import sqlite3
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from privet.ingest.cleaning import Cleaning
from privet.ingest.texts import Texts
from privet.policy import DEFAULT, Policy

Row = tuple[int, str, str]
NAMES = ("age", "zip", "ward")
POLICY = replace(
    DEFAULT,
    scrub=replace(DEFAULT.scrub, quasi_identifiers=frozenset(("age", "zip")), sensitive=frozenset(("ward",))),
)


def cleaning(policy: Policy = POLICY) -> Cleaning:
    return Cleaning(policy, Texts(policy, "patterns", None), None)


def people(seed: int, count: int = 60) -> list[Row]:
    """Return rows in groups of all sizes around five, some of them with one sensitive value."""
    chosen = random.Random(seed)
    return [
        (chosen.choice((30, 40, 50, 60)), chosen.choice(("1*", "2*", "3*", "4*")), chosen.choice("ab"))
        for _ in range(count)
    ]


def as_csv(rows: Sequence[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([NAMES, *rows])
    return out.getvalue().encode()


def as_jsonl(rows: Sequence[Row]) -> bytes:
    return "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in rows).encode()


def as_parquet(rows: Sequence[Row]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({name: [row[at] for row in rows] for at, name in enumerate(NAMES)}), out)
    return out.getvalue()


def as_sqlite(rows: Sequence[Row], folder: Path) -> bytes:
    path = folder / "people.sqlite"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE people (age INTEGER, zip TEXT, ward TEXT)")
        base.executemany("INSERT INTO people VALUES (?, ?, ?)", rows)
    return path.read_bytes()


def zipped(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def tarred(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def members(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is inside, however deep."""
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for inner in archive.namelist():
                yield from members(f"{name}/{inner}", archive.read(inner))
    elif content[:2] == b"\x1f\x8b":
        yield from members(name, gzip.decompress(content))
    elif content[:3] == b"BZh":
        yield from members(name, bz2.decompress(content))
    elif content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for entry in tar:
                held = tar.extractfile(entry)
                assert held is not None
                yield from members(f"{name}/{entry.name}", held.read())
    else:
        yield name, content


def rows_of(content: bytes) -> list[Row]:
    if content[:4] == b"PAR1":
        return [(row["age"], row["zip"], row["ward"]) for row in pq.read_table(io.BytesIO(content)).to_pylist()]
    if content[:1] == b"{":
        return [(row["age"], row["zip"], row["ward"]) for row in map(json.loads, content.splitlines())]
    return [(int(row["age"]), row["zip"], row["ward"]) for row in csv.DictReader(io.StringIO(content.decode()))]


def cleaned(content: bytes, form: str, name: str, policy: Policy = POLICY) -> tuple[Cleaning, bytes]:
    used = cleaning(policy)
    used.begin()
    target = io.BytesIO()
    used.document(form, name, io.BytesIO(content), target)
    return used, target.getvalue()


def kept_of(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that stay, counted in the plainest way."""
    groups: dict[tuple[int, str], list[Row]] = {}
    for row in rows:
        groups.setdefault(row[:2], []).append(row)
    return [row for row in rows if len(groups[row[:2]]) >= 5 and len({of[2] for of in groups[row[:2]]}) >= 2]


def judged(rows: Sequence[Row]) -> tuple[int, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        anonymity = pytest.importorskip("pycanon.anonymity")
        pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows, columns=list(NAMES))
    return anonymity.k_anonymity(frame, ["age", "zip"]), anonymity.l_diversity(frame, ["age", "zip"], ["ward"])


def wrap_zip(first: bytes, second: bytes) -> tuple[str, bytes]:
    return "zip", zipped(("note.txt", b"to jane.doe@example.com"), ("a.csv", first), ("b.csv", second))


def wrap_tar_gz(first: bytes, second: bytes) -> tuple[str, bytes]:
    return "gzip", gzip.compress(tarred(("x/a.csv", first), ("x/b.csv", second)), mtime=0)


def wrap_nested(first: bytes, second: bytes) -> tuple[str, bytes]:
    inner = zipped(
        ("a.csv", first), ("note.txt", b"to jane.doe@example.com"), ("b.csv.gz", gzip.compress(second, mtime=0))
    )
    return "zip", zipped(("note.txt", b"to jane.doe@example.com"), ("inner.zip", inner))


@pytest.mark.parametrize("wrap", [wrap_zip, wrap_tar_gz, wrap_nested])
@pytest.mark.parametrize("seed", range(3))
def test_groups_are_counted_over_the_tables_of_one_folder_in_a_file(
    wrap: Callable[[bytes, bytes], tuple[str, bytes]], seed: int
) -> None:
    rows = people(seed)
    form, raw = wrap(as_csv(rows[:25]), as_csv(rows[25:]))
    used, out = cleaned(raw, form, "a.zip" if form == "zip" else "all.tar.gz")
    found = [row for name, content in members("", out) if "csv" in name for row in rows_of(content)]
    assert found == kept_of(rows)
    assert 0 < len(found) < len(rows)
    k, l = judged(found)  # noqa: E741
    assert k >= 5
    assert l >= 2
    assert used.rows == {
        "read": 60, "written": len(found), "duplicates": 0, "near_duplicates": 0, "suppressed": 60 - len(found),
    }  # fmt: skip
    assert b"jane.doe@example.com" not in b"".join(content for _, content in members("", out))


@pytest.mark.parametrize("write", [as_csv, as_jsonl, as_parquet])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_table_keeps_no_small_group(
    write: Callable[[Sequence[Row]], bytes], pack: Callable[[bytes], bytes]
) -> None:
    rows = people(7)
    name = f"t.{write.__name__.removeprefix('as_')}"
    raw = zipped((f"{name}.{'gz' if pack is gzip.compress else 'bz2'}", pack(write(rows))))
    _, out = cleaned(raw, "zip", "a.zip")
    ((_, content),) = members("", out)
    assert rows_of(content) == kept_of(rows)


def test_what_stands_in_another_folder_counts_in_no_group() -> None:
    rows = [(30, "1*", "a"), (30, "1*", "b")] * 4
    _, out = cleaned(zipped(("x/a.csv", as_csv(rows[:4])), ("y/a.csv", as_csv(rows[4:]))), "zip", "a.zip")
    assert [rows_of(content) for _, content in members("", out)] == [[], []]
    _, out = cleaned(zipped(("x/a.csv", as_csv(rows[:4])), ("x/b.csv", as_csv(rows[4:]))), "zip", "a.zip")
    assert [rows_of(content) for _, content in members("", out)] == [rows[:4], rows[4:]]


def test_a_database_with_small_groups_is_left_out_and_counts_for_nobody(tmp_path: Path) -> None:
    lone = [(90, "9*", "a")]
    group = [(30, "1*", "a"), (30, "1*", "b")]
    raw = tarred(("base.sqlite", as_sqlite(group * 2 + lone, tmp_path)), ("t.csv", as_csv(group * 2)))
    used, out = cleaned(raw, "tar", "a.tar")
    assert [(name, rows_of(content)) for name, content in members("", out)] == [("/t.csv", [])]
    assert [member.name for member in used.set_aside] == ["base.sqlite"]
    assert "export its tables to CSV" in used.set_aside[0].reason
    # One whose groups are large enough stays as it is.
    raw = tarred(("base.sqlite", as_sqlite(group * 3, tmp_path)), ("t.csv", as_csv(group * 2)))
    used, out = cleaned(raw, "tar", "a.tar")
    assert [name for name, _ in members("", out)] == ["/base.sqlite", "/t.csv"]
    assert not used.set_aside


def test_a_document_that_is_a_record_is_left_out_where_its_group_is_small() -> None:
    one = json.dumps({"age": 90, "zip": "9*", "ward": "a"}).encode()
    raw = zipped(("1.json", one), ("2.json", one), ("settings.json", b'{"age": 3, "theme": "blue"}'), ("a.txt", b"x"))
    used, out = cleaned(raw, "zip", "a.zip")
    assert [name for name, _ in members("", out)] == ["/settings.json", "/a.txt"]
    assert [member.reason for member in used.set_aside] == ["it is a record in a group that is too small"] * 2


def test_an_attached_table_keeps_no_small_group() -> None:
    rows = people(5)
    mail = EmailMessage()
    mail["From"] = "jane.doe@example.com"
    mail.set_content("see the table")
    mail.add_attachment(as_csv(rows), "text", "csv", filename="people.csv")
    _, out = cleaned(mail.as_bytes(), "mail", "a.eml")
    (attached,) = message_from_bytes(out, policy=default).iter_attachments()
    assert rows_of(attached.get_content().encode()) == kept_of(rows)
    used, again = cleaned(zipped(("a.eml", mail.as_bytes()), ("b.csv", as_csv(rows[:3]))), "zip", "a.zip")
    assert used.rows["read"] == 63
    assert used.rows["suppressed"] == 63 - len(kept_of(rows))
    assert rows_of(dict(members("", again))["/b.csv"]) == []


def test_a_table_in_a_value_of_a_table_is_judged_by_itself() -> None:
    rows = people(2)
    inner = [as_jsonl(rows), b"plain words", as_jsonl(rows[:2])]
    used = cleaning()
    member = used.nested("", inner[0])
    assert member is not None
    assert rows_of(member.content) == kept_of(rows)
    out = io.BytesIO()
    pq.write_table(pa.table({"file": pa.array(inner, pa.binary()), "age": [1, 2, 3]}), out)
    _, made = cleaned(zipped(("t.parquet", out.getvalue()), ("b.csv", as_csv(rows))), "zip", "a.zip")
    held = dict(members("", made))
    values = pq.read_table(io.BytesIO(held["/t.parquet"])).column("file").to_pylist()
    assert [rows_of(values[0]), values[1], rows_of(values[2])] == [kept_of(rows), b"plain words", []]
    assert rows_of(held["/b.csv"]) == kept_of(rows)


def test_copies_are_told_over_all_tables_in_a_file_and_nothing_is_counted_twice() -> None:
    lines = [f'{{"text": "case {at}: jane{at}@example.com wrote about parcel {at * 7}"}}\n' for at in range(6)]
    note = b"to jane.doe@example.com"
    raw = zipped(
        ("a.jsonl", "".join(lines[:4]).encode()), ("note.txt", note), ("blob.bin", bytes(range(256))),
        ("in.zip", zipped(("b.jsonl", "".join(lines[2:]).encode()), ("note.txt", note), ("blob.bin", bytes(range(256))))),
    )  # fmt: skip
    near = replace(DEFAULT, scrub=replace(DEFAULT.scrub, near_duplicates="keep"))
    used, out = cleaned(raw, "zip", "a.zip", near)
    held = dict(members("", out))
    assert [len(held[name].splitlines()) for name in ("/a.jsonl", "/in.zip/b.jsonl")] == [4, 2]
    assert used.rows == {"read": 8, "written": 6, "duplicates": 2, "near_duplicates": 0, "suppressed": 0}
    assert used.texts.taken() == {
        "body": {"EMAIL_ADDRESS": 2}, "text": {"EMAIL_ADDRESS": 8},
    }  # fmt: skip
    assert [member.name for member in used.set_aside] == ["in.zip/blob.bin", "blob.bin"]


def test_columns_of_inner_tables_are_said() -> None:
    policy = replace(DEFAULT, scrub=replace(DEFAULT.scrub, columns=frozenset(("ward", "size"))))
    used, _ = cleaned(zipped(("a.csv", as_csv(people(1, 4)))), "zip", "a.zip", policy)
    assert used.dropped_columns == {"age": 4, "zip": 4}
    assert used.seen_columns == {"ward"}
    assert used.tables == 1


def test_one_cleaning_of_many_files_keeps_nothing_of_the_one_before() -> None:
    used = cleaning()
    made: list[Any] = []
    for _ in range(2):
        used.begin()
        target = io.BytesIO()
        used.document("zip", "a.zip", io.BytesIO(zipped(("a.csv", as_csv(people(3))))), target)
        made.append((target.getvalue(), used.rows))
    assert made[0] == made[1]
    used.begin()
    used.document("zip", "a.zip", io.BytesIO(zipped(("a.txt", b"words"))), io.BytesIO())
    assert used.rows == {}
