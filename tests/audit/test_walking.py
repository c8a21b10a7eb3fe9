"""A pass over some records only gives those that a whole pass gives."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from privet.audit.record import MAX_RECORD_CHARS
from privet.audit.walking import Dataset


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
