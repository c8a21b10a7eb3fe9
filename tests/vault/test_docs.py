"""docs/vault.md works as pasted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs/vault.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_commands_print_what_the_page_says(tmp_path: Path) -> None:
    (session,) = [text for kind, text in BLOCKS if kind == "console" and "pip install" not in text]
    lines = session.splitlines()
    # A command is a line that begins with $, or goes on in what belongs to its here-document.
    is_command, inside = [], False
    for line in lines:
        is_command.append(line.startswith("$ ") or inside)
        inside = line.startswith("$ cat") or (inside and line != "END")
    script = "\n".join(line.removeprefix("$ ") for line, chosen in zip(lines, is_command, strict=True) if chosen)
    expected = [line for line, chosen in zip(lines, is_command, strict=True) if not chosen]
    # Both streams in one, in the order in which a terminal shows them.
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        timeout=200,
        cwd=tmp_path,
        env=environment,
    )
    # Scores may differ in their last digit.
    assert [_rounded(line) for line in done.stdout.splitlines()] == [_rounded(line) for line in expected]
    assert "p-17" not in done.stdout


def _rounded(line: str) -> str:
    return re.sub(r"^(0\.\d)\d\d ", r"\1", line)


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, str(PAGE), "exec"), names)  # noqa: S102 - the page's own code
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("t-2 0.")
    assert "The dose was doubled in May." in second


def test_links_lead_to_pages() -> None:
    for link in re.findall(r"\]\(([\w/.]+\.md)\)", PAGE.read_text(encoding="utf-8")):
        if link != "formats/vault.md":
            assert (PAGE.parent / link).is_file(), link
