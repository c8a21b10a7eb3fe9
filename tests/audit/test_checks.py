"""Verdicts: nothing unread is taken for clean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from privet.audit import residual
from privet.audit.checks import groups_check, near_check, residual_check
from privet.audit.dataset import Options, audit_dataset
from privet.audit.groups import Groups
from privet.audit.near import NearCopies
from privet.audit.record import Record
from privet.audit.result import Check, Result
from privet.errors import BadInput

CLEAN = [f"the old tree {number} stands near the wall" for number in range(40)]


def write(path: Path, texts: list[str]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path.parent


def audit(data: Path, raw: Path | None = None) -> Result:
    return audit_dataset(data, Options(raw=raw, tier="patterns", canaries=90, max_duplicates=1))


def check(result: Result, name: str) -> Check:
    return next(each for each in result.checks if each.id == name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "data" / "a.jsonl", CLEAN)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write(tmp_path / "raw" / "a.jsonl", ["write to jane@example.com"])


def test_files_of_the_raw_set_that_cannot_be_read_are_named_and_leave_it_open(data: Path, raw: Path) -> None:
    assert check(audit(data, raw), "raw").verdict == "pass"
    for number in range(12):
        (raw / f"{number}.bin").write_bytes(bytes(range(256)))
    result = audit(data, raw)
    found = check(result, "raw")
    assert found.verdict == "underpowered"
    assert "12 files of the raw set (0.bin, 1.bin, 10.bin and 9 more) could not be read" in found.says
    assert {item["file"] for item in found.figures["unread_files"]} == {f"{number}.bin" for number in range(12)}
    assert result.as_json()["checks"][1]["unread_files"] == found.figures["unread_files"]


def test_files_of_the_dataset_that_cannot_be_read_leave_it_open_too(data: Path, raw: Path) -> None:
    (data / "b.bin").write_bytes(bytes(range(256)))
    result = audit(data, raw)
    assert check(result, "raw").verdict == "underpowered"
    assert "1 file of the dataset (b.bin) could not be read" in check(result, "raw").says
    (data / "of john@example.com.bin").write_bytes(bytes(range(256)))
    says = check(audit(data, raw), "raw").says
    assert "2 files of the dataset (b.bin, of [EMAIL_ADDRESS].bin) could not be read" in says
    assert check(result, "metadata").verdict == "underpowered"
    assert check(result, "metadata").figures["unread_files"] == ["b.bin"]


def test_unread_files_leave_groups_and_copies_open() -> None:
    unread = [{"file": "b.parquet", "reason": "damaged or encrypted"}]
    table = Groups(("age",), ())
    for number in range(6):
        table.saw(Record(number, "age: 30", fields={"age": 30}))
    assert groups_check([table], ("age",), k=5, l=2, t=None).verdict == "pass"
    assert groups_check([table], ("age",), unread, k=5, l=2, t=None).verdict == "underpowered"
    assert groups_check([table], ("age",), unread, k=9, l=2, t=None).verdict == "fail"
    assert groups_check([], ("age",), unread, k=5, l=2, t=None).verdict == "underpowered"
    with pytest.raises(BadInput):
        groups_check([], ("age",), k=5, l=2, t=None)
    copies = NearCopies()
    copies.saw(Record(1, "the old tree stands near the wall"), is_grouped=False)
    assert near_check(copies.copies(), 0.05).verdict == "pass"
    assert near_check(copies.copies(), 0.05, unread).verdict == "underpowered"
    says = residual_check(residual.nothing(0.01), unread).says
    assert (
        says
        == "1 file (b.parquet) could not be read (make them readable, or take them out), and no other holds records"
    )


def test_all_unread_files_are_listed_for_machines(data: Path) -> None:
    for number in range(120):
        (data / f"{number}.bin").write_bytes(bytes(range(256)))
    files = audit(data).as_json()["files"]
    assert (files["unread_count"], len(files["unread"])) == (120, 120)


def test_what_stands_in_the_bytes_of_an_unknown_file_fails(data: Path, raw: Path) -> None:
    (data / "b.bin").write_bytes(bytes(range(256)) + "write to jane@example.com".encode("utf-16-le") + bytes(99))
    result = audit(data, raw)
    assert check(result, "metadata").verdict == "fail"
    assert check(result, "raw").verdict == "fail"
    assert check(result, "raw").figures["files_holding"] == 1
    found = {(item["rule"], item["file"], item["kind"]) for item in result.findings}
    assert found == {
        ("metadata-identifier-in-bytes", "b.bin", "EMAIL_ADDRESS"),
        ("raw-identifier", "b.bin", "metadata"),
    }
    assert "jane" not in json.dumps(result.as_json())


def test_marks_of_metadata_in_a_damaged_picture_are_told(data: Path) -> None:
    (data / "b.jpg").write_bytes(b"\xff\xd8\xff\xe1\0\x20Exif\0\0II*\0" + bytes(9))
    result = audit(data)
    assert "metadata-exif" in {item["rule"] for item in result.findings}
    assert check(result, "metadata").figures["unread"] == 1


def test_figures_of_groups_are_told_where_they_pass(tmp_path: Path) -> None:
    rows = "".join(f"30,A,{illness}\n" for illness in "uvwxyz")
    (tmp_path / "t.csv").write_text(f"age,town,illness\n{rows}")
    options = Options(quasi_identifiers=("age",), sensitive=("illness",), tier="patterns", canaries=90)
    found = check(audit_dataset(tmp_path / "t.csv", options), "k-anonymity")
    assert found.verdict == "pass"
    assert "k 6, l 6, t 0.0000" in found.says


def test_the_manifest_check_names_files_without_their_identifiers(data: Path) -> None:
    entry = {"input": "x", "output": "jane@example.com.txt", "status": "cleaned", "output_sha256": "0" * 64}
    manifest = {"format": "privet-manifest/1", "merkle_root": "0", "files": [entry], "policy_sha256": "1"}
    (data / "privet-manifest.json").write_text(json.dumps(manifest))
    found = check(audit(data), "manifest")
    assert {"file": "[EMAIL_ADDRESS].txt", "problem": "file-missing"} in found.figures["problem_files"]
    assert {"file": "a.jsonl", "problem": "file-not-listed"} in found.figures["problem_files"]
    assert "jane" not in json.dumps(dict(found.figures)) + found.says
