"""A pass over some records only gives those that a whole pass gives, and what cannot be read is named."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from privet.audit.files import digest_of
from privet.audit.record import MAX_RECORD_CHARS
from privet.audit.walking import Dataset, named
from privet.errors import BadInput


def filled(folder: Path) -> Dataset:
    lines = [json.dumps({"text": f"line {number}"}) for number in range(50)]
    lines[7] = "no JSON"
    lines[9] = " "
    lines[11] = json.dumps({"empty": None})
    lines[20] = json.dumps({"a": "x" * MAX_RECORD_CHARS, "b": ["y" * 600_000, "z" * 600_000]})
    content = "\n".join(lines)
    (folder / "a.jsonl").write_text(content)
    (folder / "b.txt").write_text("one\n\ntwo\n\nthree")
    with zipfile.ZipFile(folder / "c.zip", "w") as archive:
        archive.writestr("in/a.jsonl", content)
        archive.writestr("in/d.txt", "four\n\nfive")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("e.jsonl", content)
    pq.write_table(pa.table({"text": ["six", "seven"], "file": [inner.getvalue(), None]}), folder / "p.parquet")
    return Dataset.at(folder)


def test_places_are_unique_and_the_same_each_time(tmp_path: Path) -> None:
    dataset = filled(tmp_path)
    places = [(seen.name, seen.at) for seen in dataset.pass_over()]
    assert len(places) == len(set(places)) > 150
    assert places == [(seen.name, seen.at) for seen in dataset.pass_over()]
    assert {name for name, _ in places} == {
        "a.jsonl",
        "b.txt",
        "c.zip!/in/a.jsonl",
        "c.zip!/in/d.txt",
        "p.parquet",
        "p.parquet!/file!/e.jsonl",
    }


def test_only_what_is_wanted_need_be_read(tmp_path: Path) -> None:
    dataset = filled(tmp_path)
    everything = {(seen.name, seen.at): seen.record.text for seen in dataset.pass_over()}
    for step in (2, 3, 7, 50):
        wanted = list(everything)[step // 2 :: step]
        chosen: dict[str, set[int]] = {}
        for name, at in wanted:
            chosen.setdefault(name, set()).add(at)
        only = {name: frozenset(places) for name, places in chosen.items()}
        found = {
            (seen.name, seen.at): seen.record.text
            for seen in dataset.pass_over(only=only)
            if seen.at in only.get(seen.name, frozenset())
        }
        assert found == {place: everything[place] for place in wanted}


@contextmanager
def as_nobody() -> Iterator[None]:
    """Take away what lets the superuser read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder of three files, of which permissions let two not be read."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "below").mkdir()
        for path in (root / "a.txt", root / "b.txt", root / "below" / "c.txt"):
            path.write_text("the trees are green")
        root.chmod(0o755)
        (root / "b.txt").chmod(0)
        (root / "below").chmod(0)
        yield root
        (root / "below").chmod(0o700)


def test_what_permissions_close_is_named_and_the_rest_is_read(closed: Path) -> None:
    with as_nobody():
        dataset = Dataset.at(closed)
        entries: list[str] = []
        read = [seen.name for seen in dataset.pass_over(lambda entry: entries.append(entry.name))]
        digest = digest_of(named(dataset.root, dataset.files))
    assert read == ["a.txt"]
    assert entries == ["a.txt", "b.txt"]
    assert dataset.unread == {
        "b.txt": "it cannot be opened: check its permissions",
        "below": "a folder that cannot be listed: check its permissions",
    }
    assert digest != digest_of([("a.txt", closed / "a.txt")])


def test_a_folder_of_unreadable_things_alone_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("/nonexistent")
    os.mkfifo(tmp_path / "pipe")
    dataset = Dataset.at(tmp_path)
    assert list(dataset.pass_over()) == []
    assert dataset.unread == {
        "gone": "a link out of the dataset, which is not followed",
        "pipe": "a pipe, socket or device",
    }


def test_an_empty_folder_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    with pytest.raises(BadInput, match="no files"):
        Dataset.at(tmp_path)
    (tmp_path / "privet-manifest.json").write_text("{}")
    with pytest.raises(BadInput, match="no files but a manifest"):
        Dataset.at(tmp_path)


def test_a_damaged_member_leaves_the_others_readable(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.txt", "b.parquet", "c.txt"):
            archive.writestr(name, f"{name} stands here " * 999)
    content = inner.getvalue()
    for name in (b"a.txt", b"b.parquet"):
        at = content.index(name) + len(name) + 3
        content = content[:at] + b"\xff\xff" + content[at + 2 :]
    (tmp_path / "z.zip").write_bytes(content)
    dataset = Dataset.at(tmp_path)
    entries: list[str] = []
    assert {seen.name for seen in dataset.pass_over(lambda entry: entries.append(entry.name))} == {"z.zip!/c.txt"}
    assert dataset.unread == dict.fromkeys(("z.zip!/a.txt", "z.zip!/b.parquet"), "damaged or encrypted")
    assert sorted(entries) == ["z.zip", "z.zip!/a.txt", "z.zip!/b.parquet", "z.zip!/c.txt"]
