"""Programs that convert run apart, and end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from privet.metadata.converter import run
from privet.metadata.job import CannotClean


def test_a_program_knows_its_folder_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CANARY", "CANARY")
    run([sys.executable, "-c", "import os; open('out', 'w').write(str(os.environ))"], tmp_path, 20, "it")
    assert "CANARY" not in (tmp_path / "out").read_text(encoding="utf-8")
    assert f"'HOME': '{tmp_path}'" in (tmp_path / "out").read_text(encoding="utf-8")


def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(CannotClean, match="it takes too long"):
        run(["sleep", "60"], tmp_path, 0.2, "it")
