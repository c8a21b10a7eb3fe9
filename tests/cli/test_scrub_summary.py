"""What is said of a run, from a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from privet.cli.scrub_summary import tell


def said(capsys: pytest.CaptureFixture[str], *files: dict[str, Any], unused: tuple[str, ...] = ()) -> list[str]:
    plain = {"status": "cleaned", "input": "a", "output": "a", "removed": {}, "found": {}}
    tell({"files": [plain | file for file in files], "unused_columns": list(unused)}, Path("out"), is_new=True)
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_one_is_said_as_one_and_more_as_more(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {"read": 9, "written": 8, "duplicates": 1, "near_duplicates": 0, "suppressed": 0}
    found = {"text": {f"KIND_{n}": 1 for n in range(9)}}
    lines = said(capsys, {"rows": rows, "found": found, "pixels": "not looked at"})
    assert "rows         9 read, 8 written; dropped: 1 duplicate, 0 near duplicates, 0 suppressed" in lines
    assert any(line.startswith("identifiers") and line.endswith(", and 1 more kind") for line in lines)
    assert any(line.startswith("pixels") and "of 1 file not looked at" in line for line in lines)
    assert "dropped      a: 1 duplicate" in lines
    found["text"] |= {"A": 1, "B": 1}
    lines = said(capsys, {"rows": rows, "found": found, "pixels": "not looked at"}, {"pixels": "not looked at"})
    assert any(line.endswith(", and 3 more kinds") for line in lines)
    assert any("of 2 files not looked at" in line for line in lines)


def test_what_goes_from_sheets_and_what_is_set_aside_is_no_metadata(capsys: pytest.CaptureFixture[str]) -> None:
    removed = {"row of a small group": 1, "column": 2, "formula": 3, "author": 1, "member set aside": 4}
    lines = said(capsys, {"removed": removed})
    assert "sheets       formula 3, column 2, row of a small group 1" in lines
    assert "metadata     author 1" in lines
    assert "set aside    a: 4 of its members" in lines
