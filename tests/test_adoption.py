"""`privet init`: what it puts into a repository, and what it leaves alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from privet import __version__
from privet.adoption import WORKFLOW, adopt
from privet.errors import BadInput

HOOKS = ".pre-commit-config.yaml"
FILES = (
    "privet.toml",
    WORKFLOW,
    HOOKS,
    "CONTRIBUTING.md",
    ".github/pull_request_template.md",
    "README.md",
)


def everything(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def done(root: Path) -> dict[str, str]:
    return {step.path: step.done for step in adopt(root, "1.2.3")}


def test_everything_is_written_once(tmp_path: Path) -> None:
    assert done(tmp_path) == dict.fromkeys(FILES, "wrote")
    before = everything(tmp_path)
    assert sorted(before) == sorted(FILES)
    assert done(tmp_path) == dict.fromkeys(FILES, "kept")
    assert everything(tmp_path) == before


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_existing_files_keep_every_line(tmp_path: Path, newline: str, end: str) -> None:
    names = {
        "privet.toml": "# ours",
        "contributing.md": "\ufeff# Contributing\n\nWrite *good* code",
        ".github/PULL_REQUEST_TEMPLATE.md": "## What",
        "ReadMe.md": "---\nlicense: mit\n---\n# A model",
        HOOKS: "repos:\n  - repo: local\n    hooks: []\n# last",
    }
    before = {}
    for name, text in names.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        before[name] = (text + end).replace("\n", newline).encode()
        path.write_bytes(before[name])
    steps = done(tmp_path)
    assert steps == {WORKFLOW: "wrote", "privet.toml": "kept"} | {name: "extended" for name in names if name[0] != "p"}
    for name, raw in before.items():
        after = (tmp_path / name).read_bytes()
        if name == "privet.toml":
            assert after == raw
            continue
        assert set(raw.splitlines()) <= set(after.splitlines())
        assert after.startswith(raw) or name == HOOKS
        assert b"privet" in after
        assert (b"\r\n" in after) == (newline == "\r\n" and b"\n" in raw) or b"\n" not in raw
        if b"\r\n" in raw:
            assert after.count(b"\n") == after.count(b"\r\n")
    again = everything(tmp_path)
    assert set(done(tmp_path).values()) == {"kept"}
    assert everything(tmp_path) == again


HOOK_FILES = {
    "two": "repos:\n  - repo: https://example.com/a\n    rev: v1\n    hooks:\n      - id: a\n",
    "none": "repos:\n- repo: https://example.com/a\n  rev: v1\n  hooks:\n  - id: a\n",
    "four": "repos:\n-   repo: https://example.com/a\n    rev: v1\n    hooks:\n    -   id: a\n        args: [--x, y]\n",
    "last comment": "repos:\n  - repo: local\n    hooks:\n      - id: a  # why\n        entry: x # y\n  # end of hooks\n",
    "keys after": "repos:\n  - repo: local\n    hooks:\n      - id: a\n\nci:\n  skip: [a]\n",
    "keys before": "default_stages: [pre-commit]\n# hooks\nrepos:\n  - repo: meta\n    hooks: [{id: check-hooks-apply}]\n",
    "block scalar": "repos:\n  - repo: local\n    hooks:\n      - id: a\n        exclude: |\n          x\n          y\nci: {}\n",
    "no end of line": "repos:\n  - repo: local\n    hooks:\n      - id: a",
    "empty list": "repos: []  # none yet\nci: {}\n",
    "null": "repos:\nci: {}\n",
    "no list": "ci: {}\n",
    "comment": "# nothing yet\n",
    "nothing": "",
    "document": "---\nrepos:\n  - repo: local\n    hooks:\n      - id: a\n",
    "windows": "repos:\r\n  - repo: local\r\n    hooks:\r\n      - id: a\r\n",
    "empty hooks": "repos:\n  - repo: local\n    hooks:\n",
}


@pytest.mark.parametrize("text", HOOK_FILES.values(), ids=HOOK_FILES.keys())
def test_the_hook_is_put_at_the_end_of_the_list(tmp_path: Path, text: str) -> None:
    (tmp_path / HOOKS).write_bytes(text.encode())
    before = yaml.safe_load(text) or {}
    assert done(tmp_path)[HOOKS] == "extended"
    raw = (tmp_path / HOOKS).read_bytes().decode()
    after = yaml.safe_load(raw)
    *others, ours = after["repos"]
    assert others == (before.get("repos") or [])
    assert {key: value for key, value in after.items() if key != "repos"} == {
        key: value for key, value in before.items() if key != "repos"
    }
    assert ours["hooks"][0]["entry"] == "privet check --base HEAD"
    assert ours["hooks"][0]["additional_dependencies"] == ["privet==1.2.3"]
    comments = [line for line in text.splitlines() if "#" in line]
    assert all(line.partition("#")[2] in raw for line in comments)


@pytest.mark.parametrize(
    "text",
    [
        "repos: [\n",
        "repos:\n  - repo: a\n   hooks: b\n",
        "- repo: a\n  hooks: []\n",
        "repos: [{repo: local, hooks: []}]\n",
        "{repos: []}\n",
        "repos: yes\n",
        "a: 1\n...\n---\nrepos: []\n",
        "repos:\n\t- x\n",
    ],
)
def test_hooks_that_cannot_be_extended_change_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / HOOKS).write_text(text)
    with pytest.raises(BadInput, match="pre-commit-config") as caught:
        adopt(tmp_path, "1.2.3")
    assert caught.value.exit_code == 2
    assert everything(tmp_path) == {HOOKS: text.encode()}


@pytest.mark.parametrize("text", ["repos: [{repo: local, hooks: []}]\n", "{repos: []}\n"])
def test_valid_hooks_in_flow_style_are_told_as_what_they_are(tmp_path: Path, text: str) -> None:
    (tmp_path / HOOKS).write_text(text)
    with pytest.raises(BadInput, match="no list of repos in block style") as caught:
        adopt(tmp_path, "1.2.3")
    assert "each repo on lines of its own" in str(caught.value.hint)
    assert "nothing was changed" in str(caught.value.hint)


@pytest.mark.parametrize("heading", ["## Privacy", "# privacy #", "### Privacy\r"])
def test_a_file_that_has_the_section_gets_no_second_one(tmp_path: Path, heading: str) -> None:
    text = f"# A model\n\n{heading}\n\nWhat we measured.\n"
    (tmp_path / "README.md").write_bytes(text.encode())
    assert done(tmp_path)["README.md"] == "kept"
    assert (tmp_path / "README.md").read_bytes() == text.encode()
    other = tmp_path / "other"
    other.mkdir()
    (other / "README.md").write_text("# A model\n\n## Privacy of users\n")
    assert done(other)["README.md"] == "extended"


def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("a file\n")
    (tmp_path / "README.md").write_text("# here\n")
    before = everything(tmp_path)
    with pytest.raises(BadInput, match="cannot be"):
        adopt(tmp_path, "1.2.3")
    assert everything(tmp_path) == before


def test_text_in_another_encoding_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes("# hé\n".encode("latin-1"))
    before = everything(tmp_path)
    with pytest.raises(BadInput, match=r"README\.md cannot be read as UTF-8"):
        adopt(tmp_path, "1.2.3")
    assert everything(tmp_path) == before


def test_a_link_stays_a_link_and_never_leads_out(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "index.md").write_text("# Index\n")
    (root / "README.md").symlink_to("docs/index.md")
    assert done(root)["README.md"] == "extended"
    assert (root / "README.md").is_symlink()
    assert "## Privacy" in (root / "docs" / "index.md").read_text()
    other = tmp_path / "other"
    other.mkdir()
    outside = tmp_path / "outside.md"
    outside.write_text("# Outside\n")
    (other / "README.md").symlink_to(outside)
    with pytest.raises(BadInput, match="out of the repository"):
        adopt(other, "1.2.3")
    assert sorted(everything(other)) == ["README.md"]
    assert outside.read_text() == "# Outside\n"


def test_a_workflow_of_another_kind_is_left_and_one_that_checks_is_enough(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for root, text in (
        (one, "name: site privacy page\non: push\n"),
        (other, "jobs: {a: {steps: [{run: privet check}]}}\n"),
    ):
        (root / ".github" / "workflows").mkdir(parents=True)
        (root / WORKFLOW).write_text(text)
    assert done(one)[".github/workflows/privet.yml"] == "wrote"
    assert (one / WORKFLOW).read_text() == "name: site privacy page\non: push\n"
    assert set(done(one).values()) == {"kept"}
    assert done(other)[WORKFLOW] == "kept"
    assert not (other / ".github/workflows/privet.yml").exists()


def test_a_readme_in_another_markup_keeps_the_front_page(tmp_path: Path) -> None:
    (tmp_path / "README.rst").write_text("Model\n=====\n")
    steps = done(tmp_path)
    assert steps["MODEL_CARD.md"] == "wrote"
    assert not (tmp_path / "README.md").exists()


def test_modes_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# here\n")
    (tmp_path / "README.md").chmod(0o664)
    adopt(tmp_path, "1.2.3")
    assert (tmp_path / "README.md").stat().st_mode & 0o777 == 0o664


def test_the_workflow_asks_for_nothing_it_does_not_need(tmp_path: Path) -> None:
    adopt(tmp_path, "1.2.3")
    text = (tmp_path / WORKFLOW).read_text()
    workflow = yaml.safe_load(text)
    assert workflow[True] == {"pull_request": None}, "`on`, which YAML 1.1 reads as true"
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read"}
    steps = job["steps"]
    uses = [step["uses"] for step in steps if "uses" in step]
    assert len(uses) == 2
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", name) for name in uses)
    assert steps[0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    runs = [step["run"] for step in steps if "run" in step]
    assert "privet==1.2.3" in runs[0]
    assert runs[1] == 'privet check --base "origin/$GITHUB_BASE_REF" --format github'
    assert not any("${{" in run for run in runs)


ROOT = Path(__file__).parents[1]


def test_the_action_is_pinned_and_puts_no_input_into_a_command() -> None:
    text = (ROOT / "action.yml").read_text()
    action = yaml.safe_load(text)
    assert set(action["inputs"]) == {"base", "sarif"}
    assert f"privet=={__version__}" in text
    for step in action["runs"]["steps"]:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", "a/b@" + "0" * 40))
        assert "${{" not in step.get("run", "")


def checked_by_action(root: Path, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the action's last step as a runner does, with the program of this environment."""
    bin_folder = tmp_path / "runner" / "privet" / "bin"
    bin_folder.mkdir(parents=True, exist_ok=True)
    program = bin_folder / "privet"
    if not program.exists():
        program.symlink_to(Path(sys.executable).with_name("privet"))
    script = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"][-1]["run"]
    known = {
        "PATH": os.environ["PATH"],
        "RUNNER_TEMP": str(tmp_path / "runner"),
        "BASE": "",
        "SARIF": "",
        "GITHUB_BASE_REF": "",
    }
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    return subprocess.run(command, cwd=root, env=known | environment, capture_output=True, text=True, check=False)


def test_the_action_fails_a_weakening_and_writes_the_report(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()

    def git(*words: str) -> None:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
        subprocess.run(["git", "-C", root, *identity, *words], check=True)

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    (root / ".env").write_text("OLLAMA_HOST=0.0.0.0\n")
    git("add", ".env")
    git("commit", "--quiet", "--message", "second")
    done = checked_by_action(root, tmp_path, GITHUB_BASE_REF="main", SARIF="report.sarif")
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=.env,line=1,")
    assert json.loads((root / "report.sarif").read_text())["runs"][0]["results"]
    assert checked_by_action(root, tmp_path, BASE="HEAD").returncode == 0
    assert checked_by_action(root, tmp_path).returncode == 1, "without a base, the repository as it is"
    assert checked_by_action(root, tmp_path, BASE="$(touch pwned)", SARIF="report.sarif").returncode == 2
    assert checked_by_action(root, tmp_path, BASE="--format=json").returncode == 2
    assert not (root / "pwned").exists()


def test_the_hook_is_the_same_for_both_ways_of_adopting_it(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    adopt(tmp_path, "1.2.3")
    (ours,) = yaml.safe_load((tmp_path / HOOKS).read_text())["repos"]
    ours = ours["hooks"][0]
    assert {key: hook[key] for key in ("id", "name", "entry", "language", "require_serial")} == {
        key: value for key, value in ours.items() if key != "additional_dependencies"
    }
