"""Privet's own repository runs the gate: a branch that weakens privacy is shown failing, one that does not passes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRIVET = str(Path(sys.executable).with_name("privet"))
WEAK = """\
services:
  llm:
    image: vllm/vllm-openai:v0.11.0
    environment:
      VLLM_NO_USAGE_STATS: "true"
    ports:
      - "8000:8000"
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clone") / "privet"
    subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(root)], check=True)
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")  # whatever is checked out here, a branch or not
    return root


def git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", "-C", str(root), *identity, *words], check=True)


def gate(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the gate's own lines of this repository's CI."""
    script = (ROOT / ".ci" / "test").read_text()
    lines = re.search(r'^step "gate"\n(.*?)^step ', script, re.MULTILINE | re.DOTALL)
    assert lines is not None
    environment = {**os.environ, "PATH": f"{Path(PRIVET).parent}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", lines[1]]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def branch(root: Path, name: str, files: dict[str, str]) -> None:
    git(root, "checkout", "--quiet", "-B", name, "origin/main")
    for path, text in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", name)


def test_a_deliberate_weakening_in_a_branch_fails(clone: Path) -> None:
    branch(clone, "weaker", {"deploy/compose.yaml": WEAK})
    done = gate(clone)
    assert done.returncode == 1
    assert "deploy/compose.yaml:5:28  warning  vllm-no-usage-stats\n" in done.stdout
    assert "deploy/compose.yaml:7:9  warning  compose-ports-all-interfaces\n" in done.stdout


def test_it_cannot_approve_itself(clone: Path) -> None:
    allowed = (
        '[[exception]]\nrule = "*"\npath = "deploy/"\nreason = "demo"\nowner = "a@example.com"\nexpires = 2099-01-01\n'
    )
    policy = clone / "privet.toml"
    git(clone, "checkout", "--quiet", "--detach", "origin/main")
    before = policy.read_text() if policy.exists() else ""
    branch(clone, "approved", {"deploy/compose.yaml": WEAK, "privet.toml": f"{before}\n{allowed}"})
    done = gate(clone)
    assert done.returncode == 1
    assert "compose-ports-all-interfaces" in done.stdout


def test_a_change_that_weakens_nothing_passes(clone: Path) -> None:
    safe = WEAK.replace('"true"', '"1"').replace('"8000:8000"', '"127.0.0.1:8000:8000"')
    branch(clone, "harmless", {"deploy/compose.yaml": safe, "notes.txt": "nothing\n"})
    done = gate(clone)
    assert (done.returncode, done.stderr) == (0, "")
    assert "grade A: nothing is weaker than " in done.stdout


def test_without_history_there_is_nothing_to_fail(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "first")
    done = gate(tmp_path)
    assert (done.returncode, done.stdout) == (0, "no base to compare with\n")
