"""`privet init` as people call it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from privet.cli import main


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet")
    monkeypatch.chdir(root)
    return root


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", root, "-c", "user.name=A", "-c", "user.email=a@example.com", *words], check=True)


def test_every_file_is_named_and_the_next_step_told(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "README.md").write_text("# here\n")
    assert main(["init"]) == 0
    said = capsys.readouterr().out
    for name in ("privet.toml", ".github/workflows/privacy.yml", ".pre-commit-config.yaml", "CONTRIBUTING.md"):
        assert f"wrote    {name}\n" in said
        assert (repository / name).is_file()
    assert "extended README.md\n" in said
    assert "next:\n  git add" in said
    assert main(["init"]) == 0
    said = capsys.readouterr().out
    assert "wrote" not in said
    assert "nothing to do" in said


def test_a_repository_is_clean_after_it(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "a.py").write_text("import os\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "first")
    assert main(["init"]) == 0
    capsys.readouterr()
    for words in ([], ["--base", "HEAD"]):
        assert main(["check", "--json", *words]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["findings"], said["notes"]) == ([], [])


def test_from_a_folder_below_it_goes_to_the_top_of_the_nearest_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "a" / "b").mkdir(parents=True)
    git(repository / "a", "init", "--quiet")
    monkeypatch.chdir(repository / "a" / "b")
    assert main(["init", "--json"]) == 0
    assert {"done": "wrote", "path": "privet.toml"} in json.loads(capsys.readouterr().out)
    assert (repository / "a" / "privet.toml").is_file()
    assert not (repository / "privet.toml").exists()
    assert not (repository / "a" / "b" / "privet.toml").exists()


def test_outside_of_a_repository_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert (tmp_path / "privet.toml").is_file()
    assert "git init" in capsys.readouterr().out


def test_what_cannot_be_done_is_an_error(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / ".pre-commit-config.yaml").write_text("repos: [\n")
    assert main(["init"]) == 2
    assert "nothing was changed" in capsys.readouterr().err
    assert sorted(path.name for path in repository.iterdir()) == [".git", ".pre-commit-config.yaml"]
    assert main(["init", "nowhere"]) == 2
