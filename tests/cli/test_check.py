"""`privet check` as people and machines call it: real repositories, real git."""

from __future__ import annotations

import gc
import json
import os
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from privet.check.rules import RULES
from privet.cli import main

SAFE = """\
services:
  llm:
    image: vllm/vllm-openai:v0.11.0   # the server
    environment:
      VLLM_NO_USAGE_STATS: "1"
      HF_HUB_OFFLINE: '1'
    ports:
      - "127.0.0.1:8000:8000"
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
"""
OPEN = SAFE.replace("127.0.0.1:8000:8000", "8000:8000")
PORTS = "compose-ports-all-interfaces"
TRAIN = 'from transformers import TrainingArguments\n\nargs = TrainingArguments(output_dir="o", report_to="all")\n'
SOON = (date.today() + timedelta(days=90)).isoformat()
PAST = "2020-01-31"


class Repository:
    """A git repository of a test."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *words: str) -> str:
        command = ["git", "-C", str(self.root), "-c", "user.name=A", "-c", "user.email=a@example.com", *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, path: str, text: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def commit(self) -> str:
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")


Make = Callable[..., Repository]
Told = tuple[int, dict[str, Any]]
Check = Callable[..., Told]


@pytest.fixture(autouse=True)
def _quiet_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a maker of repositories; the one made last is the working directory."""

    def made(files: dict[str, str | bytes] | None = None, name: str = "repository") -> Repository:
        root = tmp_path / name
        root.mkdir()
        repository = Repository(root)
        repository.git("init", "--quiet", "--initial-branch", "main")
        for path, text in (files or {}).items():
            repository.write(path, text)
        if files:
            repository.commit()
        monkeypatch.chdir(root)
        return repository

    return made


@pytest.fixture
def check(capfd: pytest.CaptureFixture[str]) -> Check:
    """Return a caller of `privet check --json`: the exit code and what was said."""

    def called(*words: str) -> Told:
        capfd.readouterr()
        code = main(["check", "--json", *words])
        said = capfd.readouterr()
        return code, json.loads(said.out) if said.out else {"findings": [], "notes": [], "error": said.err}

    return called


def places(told: Told) -> set[tuple[str, str]]:
    return {(finding["rule"], finding["path"]) for finding in told[1]["findings"]}


def noted(told: Told) -> dict[str, str]:
    return {note["path"]: note["message"] for note in told[1]["notes"]}


def test_findings_have_a_place_and_what_to_write(make: Make, check: Check) -> None:
    make({"deploy/compose.yaml": SAFE, "src/train.py": TRAIN})
    code, said = check()
    assert code == 1
    (finding,) = said["findings"]
    assert finding.items() >= {
        "rule": "transformers-report-to", "severity": "error", "path": "src/train.py", "line": 3, "column": 52
    }.items()  # fmt: skip
    assert finding["fix"] == 'write report_to="none"'
    assert TRAIN.splitlines()[2][51:56] == '"all"'


def test_a_clean_repository_is_told_so(make: Make, check: Check) -> None:
    make({"deploy/compose.yaml": SAFE})
    code, said = check()
    assert (code, said["findings"], said["grade"]) == (0, [], "A")


def test_only_what_is_weaker_than_the_base_counts(make: Make, check: Check) -> None:
    repository = make({"compose.yaml": SAFE, "old.env": "OLLAMA_HOST=0.0.0.0\n"})
    repository.write("compose.yaml", OPEN)
    assert places(check("--base", "HEAD")) == {(PORTS, "compose.yaml")}
    repository.commit()
    assert check("--base", "HEAD")[0] == 0
    assert places(check("--base", "HEAD~1")) == {(PORTS, "compose.yaml")}


@pytest.mark.parametrize("reference", ["origin/main", "refs/remotes/origin/main", "FETCH_HEAD"])
def test_the_base_may_be_a_branch_of_the_remote(make: Make, check: Check, reference: str) -> None:
    upstream = make({"compose.yaml": SAFE}, name="upstream")
    here = make(name="here")
    here.git("fetch", "--quiet", str(upstream.root), "main:refs/remotes/origin/main")
    here.git("checkout", "--quiet", "--detach", "origin/main")
    here.write("compose.yaml", OPEN)
    here.commit()
    assert places(check("--base", reference)) == {(PORTS, "compose.yaml")}


def test_what_the_base_made_tighter_meanwhile_is_not_this_branch_weaker(make: Make, check: Check) -> None:
    repository = make({"compose.yaml": OPEN})
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.write("README.md", "# here\n")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.write("compose.yaml", SAFE)
    repository.commit()
    repository.git("checkout", "--quiet", "topic")
    assert check("--base", "main")[0] == 0


def test_a_base_ahead_of_this_commit_compares_what_is_not_committed(make: Make, check: Check) -> None:
    repository = make({"compose.yaml": SAFE})
    before = repository.git("rev-parse", "HEAD")
    repository.write("compose.yaml", OPEN)
    ahead = repository.commit()
    repository.git("checkout", "--quiet", before)
    assert check("--base", ahead)[0] == 0


def test_before_the_first_commit_all_is_new(make: Make, check: Check) -> None:
    repository = make()
    repository.write("compose.yaml", OPEN)
    assert places(check("--base", "HEAD")) == {(PORTS, "compose.yaml")}


@pytest.mark.parametrize("reference", ["nowhere", "--output=x", "HEAD:compose.yaml"])
def test_a_base_that_is_not_there_is_an_error_with_the_way_out(make: Make, check: Check, reference: str) -> None:
    make({"compose.yaml": SAFE})
    code, said = check(f"--base={reference}")
    assert code == 2
    assert "git fetch origin" in said["error"]


def test_a_shallow_clone_is_compared_with_the_reference_itself_and_says_so(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    upstream = make({"compose.yaml": SAFE}, name="upstream")
    upstream.git("checkout", "--quiet", "-b", "topic")
    upstream.write("compose.yaml", OPEN)
    upstream.commit()
    here = tmp_path / "here"
    clone = ["git", "clone", "--quiet", "--depth=1", "--no-single-branch", "--branch=topic", f"file://{upstream.root}"]
    subprocess.run([*clone, str(here)], check=True)
    monkeypatch.chdir(here)
    code = main(["check", "--json", "--base", "origin/main"])
    said = capfd.readouterr()
    assert code == 1
    assert [finding["path"] for finding in json.loads(said.out)["findings"]] == ["compose.yaml"]
    assert "is not known here" in said.err


def test_outside_a_repository_everything_is_checked_and_a_base_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    (tmp_path / "compose.yaml").write_text(OPEN)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "compose.yaml").write_text(OPEN)
    monkeypatch.chdir(tmp_path)
    assert places(check()) == {(PORTS, "compose.yaml")}
    assert check("--base", "HEAD")[0] == 2


def test_outside_a_repository_a_named_file_does_not_mean_to_read_all_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "far" / "away" / "compose.yaml").write_text(OPEN)
    (tmp_path / "compose.yaml").write_text(OPEN)
    monkeypatch.chdir(tmp_path)
    code, said = check("compose.yaml")
    assert (code, said["files"]) == (1, 1)
    code, said = check("far")
    assert (code, said["files"]) == (1, 1)


def test_renamed_deleted_and_untracked_files_are_compared(make: Make, check: Check) -> None:
    repository = make({"compose.yaml": OPEN, "job/train.env": "HF_HUB_DISABLE_TELEMETRY=1\n", "job/train.py": TRAIN})
    repository.git("mv", "compose.yaml", "compose.prod.yaml")
    assert check("--base", "HEAD")[0] == 0
    repository.write("new/docker-compose.yml", OPEN.replace("llm:", "other:").replace("8000:8000", "8001:8001"))
    assert places(check("--base", "HEAD")) == {(PORTS, "new/docker-compose.yml")}
    (repository.root / "job" / "train.env").unlink()
    assert ("huggingface-hub-disable-telemetry", "job/train.env") in {
        (rule.replace("_", "-"), path) for rule, path in places(check("--base", "HEAD"))
    } or any(path == "job/train.env" for _, path in places(check("--base", "HEAD")))


def test_paths_select_what_is_reported(make: Make, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = make({"a/compose.yaml": OPEN, "b/train.py": TRAIN, "b/c/.env": "OLLAMA_HOST=0.0.0.0\n", "d.py": TRAIN})
    every = places(check())
    assert len(every) == 4
    assert places(check("a", "d.py")) == {(PORTS, "a/compose.yaml"), ("transformers-report-to", "d.py")}
    assert places(check("./b/")) == {("transformers-report-to", "b/train.py"), ("ollama-host", "b/c/.env")}
    assert places(check(str(repository.root / "d.py"))) == {("transformers-report-to", "d.py")}
    assert places(check(".")) == every
    monkeypatch.chdir(repository.root / "b")
    assert places(check()) == every
    assert places(check(".")) == {("transformers-report-to", "b/train.py"), ("ollama-host", "b/c/.env")}
    assert places(check("../a", "c/.env")) == {(PORTS, "a/compose.yaml"), ("ollama-host", "b/c/.env")}


def test_a_named_file_is_judged_with_what_it_inherits(make: Make, check: Check) -> None:
    make(
        {
            "serve/Dockerfile": 'FROM vllm/vllm-openai:v0.11.0\nENV VLLM_NO_USAGE_STATS=1\nUSER 1000\nCMD ["vllm", "serve", "m"]\n',
            "compose.yaml": SAFE.replace('      VLLM_NO_USAGE_STATS: "1"\n', "").replace(
                "image: vllm/vllm-openai:v0.11.0   # the server", "build: serve"
            ),
        }
    )
    assert places(check("compose.yaml")) == {place for place in places(check()) if place[1] == "compose.yaml"}


def test_an_empty_base_is_an_error_and_not_none(make: Make, check: Check) -> None:
    make({"compose.yaml": SAFE})
    code, said = check("--base", "")
    assert code == 2
    assert "no commit" in said["error"]


def test_a_removed_file_can_be_named_with_a_base(make: Make, check: Check) -> None:
    repository = make({"net/deny.yaml": (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny}\n"
        "spec:\n  podSelector: {}\n  policyTypes: [Egress]\n"
    ), "net/app.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\n"})  # fmt: skip
    (repository.root / "net" / "deny.yaml").unlink()
    told = check("--base", "HEAD", "net/deny.yaml")
    assert told[0] == 1
    assert {path for _, path in places(told)} == {"net/deny.yaml"}
    assert check("--base", "HEAD", "net/app.yaml")[0] == 0
    (repository.root / "net" / "app.yaml").unlink()
    (repository.root / "net").rmdir()
    assert check("--base", "HEAD", "net/deny.yaml")[0] in {0, 1}


CHART = {
    "c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
    "c/values.yaml": "verbose: false\nnet: {enabled: true}\n",
    "c/templates/app.yaml": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: llm}\nspec:\n  template:\n    spec:\n      containers:\n"
        "        - name: server\n          image: vllm/vllm-openai:v0.11.0\n          args:\n            - --model=m\n"
        "            {{- if .Values.verbose }}\n            - --enable-log-requests\n            {{- end }}\n"
    ),
    "c/templates/net.yaml": (
        "{{- if .Values.net.enabled }}\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny}\n"
        "spec: {podSelector: {}, policyTypes: [Egress]}\n{{- end }}\n"
    ),
}  # fmt: skip
WEAK_CHART = {"c/values.yaml": "verbose: true\nnet: {enabled: false}\n"}


def test_with_a_base_what_a_named_file_makes_weaker_in_others_is_told(make: Make, check: Check) -> None:
    repository = make({**CHART, "d.py": "", "e.sh": "vllm serve m\n"})
    for path, text in {**WEAK_CHART, "d.py": TRAIN, "e.sh": "vllm serve m --enable-log-requests\n"}.items():
        repository.write(path, text)
    templates = {
        ("vllm-log-requests", "c/templates/app.yaml"),
        ("k8s-networkpolicy-removed", "c/templates/net.yaml"),
    }
    assert places(check("--base", "HEAD")) == {
        *templates,
        ("transformers-report-to", "d.py"),
        ("vllm-log-requests", "e.sh"),
    }
    assert places(check("--base", "HEAD", "c/values.yaml")) == templates
    assert places(check("--base", "HEAD", "c")) == templates
    assert places(check("--base", "HEAD", "d.py")) == {("transformers-report-to", "d.py")}
    assert check("--base", "HEAD", "c/Chart.yaml")[0] == 0


def test_fix_leaves_what_is_not_named_also_where_a_named_file_caused_it(make: Make, check: Check) -> None:
    image = 'FROM vllm/vllm-openai:v0.11.0\nENV VLLM_NO_USAGE_STATS=true\nUSER 1000\nCMD ["vllm", "serve", "m"]\n'
    built = SAFE.replace("image: vllm/vllm-openai:v0.11.0   # the server", "build: .")
    repository = make({"Dockerfile": image, "compose.yaml": built})
    repository.write("compose.yaml", built.replace('      VLLM_NO_USAGE_STATS: "1"\n', ""))
    assert places(check("--base", "HEAD", "compose.yaml")) == {("vllm-no-usage-stats", "Dockerfile")}
    check("--fix", "--base", "HEAD", "compose.yaml")
    assert (repository.root / "Dockerfile").read_text() == image


@pytest.mark.parametrize(
    "words", [["mising.py"], ["--base", "HEAD", "mising.py"], ["../elsewhere.py"], ["compose.yaml", "/etc/hostname"]]
)
def test_a_path_that_is_not_there_or_outside_is_an_error(make: Make, check: Check, words: list[str]) -> None:
    make({"compose.yaml": SAFE})
    code, said = check(*words)
    assert code == 2
    assert "name files and folders of one repository" in said["error"]


def test_a_named_file_that_git_ignores_is_not_called_clean(make: Make, check: Check) -> None:
    repository = make({".gitignore": "*.env\n"})
    repository.write("a.env", "OLLAMA_HOST=0.0.0.0\n")
    (repository.root / "link.env").symlink_to("a.env")
    told = check("a.env", "link.env")
    assert told[0] == 0
    assert all("not looked at" in noted(told)[name] for name in ("a.env", "link.env"))


def exception(rule: str = PORTS, path: str = "deploy/compose.yaml", **more: str) -> str:
    keys = {"rule": f'"{rule}"', "path": f'"{path}"', "reason": '"closed network"', "owner": '"a@example.com"',
            "expires": SOON, **more}  # fmt: skip
    return "[[exception]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value)


@pytest.mark.parametrize(
    "text",
    [
        exception(),
        exception(expires=f'"{SOON}"'),
        exception(expires=f"{SOON}T12:00:00Z"),
        exception(path="deploy/*.yaml"),
        exception(path="deploy/"),
        exception(path="**/compose.yaml"),
        exception(path="**"),
        exception(rule="*"),
        exception(rule="*", path="deploy/"),
    ],
)
def test_an_exception_lets_a_finding_pass(make: Make, check: Check, text: str) -> None:
    make({"deploy/compose.yaml": OPEN, "privet.toml": text})
    code, said = check()
    assert (code, said["findings"], said["allowed"], said["notes"]) == (0, [], 1, [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (exception(expires=PAST), "it expired on 2020-01-31"),
        (exception(expires=f'"{PAST}"'), "it expired on 2020-01-31"),
        (exception(expires='"soon"'), "is not a date"),
        (exception(expires="true"), "is not a date"),
        (exception(reason=""), "it has no reason"),
        (exception(reason='"  "'), "it has no reason"),
        (exception(owner=""), "it has no owner"),
        (exception(expires=""), "it has no expires"),
        (exception(path=""), "it has no path"),
        (exception(rule="compose-ports"), "not the id of a rule"),
        ("[[exception]\n", "not valid TOML"),
        (exception(rule="*", path="**"), "begins with a folder"),
        (exception(rule="*", path="*/compose.yaml"), "begins with a folder"),
    ],
)
def test_an_exception_that_does_not_count_is_noted_and_the_finding_stays(
    make: Make, check: Check, text: str, says: str
) -> None:
    make({"deploy/compose.yaml": OPEN, "privet.toml": text})
    told = check()
    assert told[0] == 1
    assert places(told) == {(PORTS, "deploy/compose.yaml")}
    assert says in noted(told)["privet.toml"]
    assert says in noted(check("deploy/compose.yaml"))["privet.toml"]


@pytest.mark.parametrize(
    "path", ["deploy", "*.yaml", "compose.yaml", "deploy/compose.ya", "x/**/compose.yaml", "deploy/**/oyster.yaml"]
)
def test_an_exception_for_another_path_does_not_count(make: Make, check: Check, path: str) -> None:
    make({"deploy/compose.yaml": OPEN, "privet.toml": exception(path=path)})
    assert check()[0] == 1


def test_a_change_cannot_approve_itself(make: Make, check: Check) -> None:
    repository = make({"deploy/compose.yaml": SAFE})
    repository.write("deploy/compose.yaml", OPEN)
    repository.write("privet.toml", exception())
    assert (PORTS, "deploy/compose.yaml") in places(check("--base", "HEAD"))
    repository.write("deploy/compose.yaml", SAFE)
    repository.commit()
    repository.write("deploy/compose.yaml", OPEN)
    assert check("--base", "HEAD")[0] == 0
    repository.write("privet.toml", exception(expires=PAST))
    assert check("--base", "HEAD", "deploy")[0] == 0


def allow(rule: str = PORTS, reason: str = ' reason="demo"', expires: str = f" expires={SOON}") -> str:
    return f"# privet: allow {rule}{reason}{expires}"


def lined(comment: str) -> str:
    return OPEN.replace('      - "8000:8000"\n', f'      - "8000:8000"  {comment}\n')


def above(comment: str) -> str:
    return OPEN.replace('      - "8000:8000"\n', f'      {comment}\n      - "8000:8000"\n')


@pytest.mark.parametrize(
    "text",
    [
        lined(allow()),
        above(allow()),
        above(f"{allow()}\n      {allow('compose-cap-drop-all')}"),
        above(allow()).replace("\n", "\r\n"),
    ],
)
def test_a_line_can_allow_a_finding(make: Make, check: Check, text: str) -> None:
    make({"compose.yaml": text})
    code, said = check()
    assert (code, said["allowed"]) == (0, 1)


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        (allow(expires=f" expires={PAST}"), "it expired"),
        (allow(reason=""), "it has no reason"),
        (allow(expires=""), "it has no expires"),
        (allow(rule="compose-ports"), "not the id of a rule"),
        (allow(rule="compose-cap-drop-all"), ""),
    ],
)
def test_a_line_that_does_not_count_is_noted_and_the_finding_stays(
    make: Make, check: Check, comment: str, says: str
) -> None:
    make({"compose.yaml": lined(comment)})
    told = check()
    assert told[0] == 1
    assert says in noted(told).get("compose.yaml", "")


def test_a_line_that_the_change_adds_copies_or_moves_does_not_count(make: Make, check: Check) -> None:
    repository = make({"compose.yaml": SAFE, "a.env": f"OLLAMA_HOST=0.0.0.0 {allow('ollama-host')}\nX_HOST=1\n"})
    repository.write("compose.yaml", lined(allow()))
    assert check("--base", "HEAD")[0] == 1
    repository.write("compose.yaml", SAFE)
    comment = allow("ollama-debug")
    repository.write("b.env", f"OLLAMA_HOST=127.0.0.1\nOLLAMA_DEBUG=0\n{comment}\nMY_OWN=1\n")
    repository.commit()
    repository.write("b.env", f"OLLAMA_HOST=127.0.0.1\n{comment}\nOLLAMA_DEBUG=1\nMY_OWN=1\n")
    assert {path for _, path in places(check("--base", "HEAD"))} == {"b.env"}
    repository.write("b.env", f"OLLAMA_HOST=127.0.0.1\n{comment}\nOLLAMA_DEBUG=1\n{comment}\nMY_OWN=1\n")
    assert {path for _, path in places(check("--base", "HEAD"))} == {"b.env"}
    repository.write("b.env", f"OLLAMA_HOST=127.0.0.1\n{comment}\nOLLAMA_DEBUG=0\n")
    repository.commit()
    repository.write("b.env", f"OLLAMA_HOST=127.0.0.1\n{comment}\nOLLAMA_DEBUG=1\n")
    assert check("--base", "HEAD")[0] == 0


def test_a_baseline_never_says_that_nothing_is_weak(
    make: Make, capfd: pytest.CaptureFixture[str], check: Check
) -> None:
    make({"compose.yaml": OPEN}).commit()
    code, told = check("--baseline")
    assert (code, told["known"] > 0, told["findings"]) == (0, True, [])
    main(["check", "--baseline"])
    said = capfd.readouterr().out
    assert "let pass by the baseline" in said
    assert "grade" not in said
    assert "nothing weakens" not in said


def test_a_baseline_lets_pass_what_was_there_and_only_shrinks(make: Make, check: Check) -> None:
    repository = make({"compose.yaml": OPEN, "src/train.py": TRAIN})
    assert check("--baseline")[0] == 0
    file = repository.root / ".privet-baseline.json"
    assert {item["path"] for item in json.loads(file.read_text())["findings"]} == {"compose.yaml", "src/train.py"}
    repository.commit()
    assert check("--baseline")[0] == 0
    repository.write("src/train.py", "# moved\n\n" + TRAIN)
    assert check("--baseline")[0] == 0
    repository.write(".env", "OLLAMA_HOST=0.0.0.0\n")
    before = file.read_bytes()
    assert places(check("--baseline")) == {("ollama-host", ".env")}
    assert file.read_bytes() == before
    assert check("--baseline", "--", "compose.yaml")[0] == 0
    assert file.read_bytes() == before
    repository.write("src/train.py", "def broken(:\n")
    check("--baseline")
    assert file.read_bytes() == before, "what could not be read is not known to be fixed"
    repository.write("src/train.py", "\n")
    assert places(check("--baseline")) == {("ollama-host", ".env")}
    assert {item["path"] for item in json.loads(file.read_text())["findings"]} == {"compose.yaml"}
    repository.write("src/train.py", TRAIN)
    assert ("transformers-report-to", "src/train.py") in places(check("--baseline"))


def test_a_baseline_of_a_change_is_that_of_its_base(make: Make, check: Check) -> None:
    repository = make({"compose.yaml": SAFE})
    repository.write("compose.yaml", OPEN)
    check("--baseline")
    assert places(check("--base", "HEAD", "--baseline")) == {(PORTS, "compose.yaml")}


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"version": 2, "findings": []}', '{"version": 1, "findings": [1]}', "[" * 100_000]
)
def test_a_broken_baseline_lets_nothing_pass(make: Make, check: Check, text: str) -> None:
    make({"compose.yaml": OPEN, ".privet-baseline.json": text})
    assert check("--baseline")[0] == 2


def test_a_baseline_may_be_named_from_where_one_stands(
    make: Make, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = make({"a/compose.yaml": OPEN})
    monkeypatch.chdir(repository.root / "a")
    assert check("--baseline", "known.json")[0] == 0
    assert (repository.root / "a" / "known.json").is_file()
    assert check("--baseline", "none/known.json")[0] == 2


def test_fix_rewrites_what_has_one_spelling_and_nothing_else(make: Make, check: Check) -> None:
    environment = "\ufeff# why\r\nVLLM_NO_USAGE_STATS='true' # all\r\nOLLAMA_HOST=0.0.0.0\r\n"
    broken = "services:\r\n  a:\r\n    environment:\r\n      - 'DO_NOT_TRACK=1' # x\r\n      VLLM\r\n"
    repository = make({"a.env": environment, "b.py": TRAIN, "c.yaml": broken})
    code, said = check("--fix")
    assert code == 1
    assert {finding["rule"] for finding in said["findings"]} == {"ollama-host"}
    assert (repository.root / "a.env").read_bytes() == environment.replace("'true'", "'1'").encode()
    assert (repository.root / "b.py").read_text() == TRAIN.replace('"all"', '"none"')
    assert (repository.root / "c.yaml").read_bytes() == broken.encode()


def test_fix_leaves_what_is_allowed_or_not_named(make: Make, check: Check) -> None:
    allowed = f"VLLM_NO_USAGE_STATS=true  {allow('vllm-no-usage-stats')}\n"
    repository = make({"a.env": allowed, "b/b.py": TRAIN, "c.py": TRAIN})
    check("--fix", "b")
    assert (repository.root / "a.env").read_text() == allowed
    assert (repository.root / "b" / "b.py").read_text() != TRAIN
    assert (repository.root / "c.py").read_text() == TRAIN


def test_fix_with_a_base_leaves_what_was_there(make: Make, check: Check) -> None:
    repository = make({"a.py": TRAIN})
    repository.write("b.py", TRAIN.replace("TrainingArguments(", 'TrainingArguments(run_name="b", '))
    assert check("--fix", "--base", "HEAD")[0] == 0
    assert (repository.root / "a.py").read_text() == TRAIN
    assert '"none"' in (repository.root / "b.py").read_text()


BROKEN = {
    "broken.yaml": "services:\n  llm:\n   - x\n  image: [vllm\n",
    "compose.broken.yaml": "services:\n  llm: {image: vllm\n",
    "broken.toml": "[telemetry\nenabled = true\n",
    "broken.py": "import torch\ntorch.load(\n",
    "broken.json": '{"telemetry": tru',
    "nul.py": b"import torch\0\n",
    "latin.py": "# é\nimport torch\n".encode("latin-1"),
    "broken.ipynb": '{"cells": [',
    "bomb.yaml": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "deep.json": "[" * 50_000,
    "compose.deep.yaml": "services: {a: {privileged: true, x: " + "[" * 50_000,
    "deep.py": "x = " + "(" * 5000 + ")" * 5000 + "\n",
}


def test_bad_files_are_noted_and_the_rest_is_checked(make: Make, check: Check) -> None:
    repository = make({**BROKEN, "good/compose.yaml": OPEN})
    (repository.root / "loop").symlink_to("loop")
    (repository.root / "up").symlink_to("..")
    repository.write("image.png", b"\x89PNG\r\n\x1a\n\0\0\0")
    big = repository.root / "big.json"
    with big.open("wb") as file:
        file.truncate(200 * 2**20)
    told = check()
    assert places(told) == {(PORTS, "good/compose.yaml")}
    assert noted(told)["big.json"].startswith("is larger than")
    missing = {name for name in BROKEN if name not in noted(told) and name != "bomb.yaml"}
    assert not missing


def test_a_submodule_and_a_repository_inside_are_noted(make: Make, check: Check) -> None:
    other = make({"compose.yaml": OPEN}, name="other")
    repository = make({"a.txt": "a\n"})
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.root), "sub")
    repository.commit()
    (repository.root / "nested").mkdir()
    Repository(repository.root / "nested").git("init", "--quiet")
    Repository(repository.root / "nested").write("x.txt", "x")
    told = check()
    assert told[0] == 0
    assert "repository of its own" in noted(told)["sub"]
    assert "repository of its own" in noted(told)["nested"]
    assert "repository of its own" in noted(check("--base", "HEAD"))["sub"]
    assert places(check("sub")) == {(PORTS, "compose.yaml")}, "named, it is checked as the repository that it is"


def test_a_folder_that_became_a_link_is_not_followed(make: Make, check: Check, tmp_path: Path) -> None:
    repository = make({"a/compose.yaml": SAFE, "b.txt": "b"})
    (repository.root / "a" / "compose.yaml").unlink()
    (repository.root / "a").rmdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "compose.yaml").write_text(OPEN)
    (repository.root / "a").symlink_to(outside)
    assert places(check()) == set()


def test_a_sparse_checkout_removes_nothing(make: Make, check: Check) -> None:
    repository = make({"a/compose.yaml": SAFE, "net/deny.yaml": (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny}\n"
        "spec:\n  podSelector: {}\n  policyTypes: [Egress]\n"
    ), "net/b/c.txt": "x"})  # fmt: skip
    repository.git("sparse-checkout", "set", "a")
    assert not (repository.root / "net").exists()
    assert check("--base", "HEAD")[0] == 0


STRANGE = [
    "a b.env",
    "new\nline/.env",
    "::error file=x::.env",
    "a,b=c.env",
    "##[error]x.env",
    "\x1b[31mred.env",
    "ü%20.env",
    "#.env",
    "?.env",
]


@pytest.mark.parametrize("name", [*STRANGE, os.fsdecode(b"bytes\xff.env")])
@pytest.mark.parametrize("form", ["text", "compact", "json", "sarif", "github", "junit"])
def test_file_names_neither_end_a_line_nor_command_a_terminal(
    make: Make, capfd: pytest.CaptureFixture[str], name: str, form: str
) -> None:
    make({name: "OLLAMA_HOST=0.0.0.0\n"})
    capfd.readouterr()
    assert main(["check", "--format", form]) == 1
    said = capfd.readouterr().out
    assert "ollama-host" in said
    assert "\x1b" not in said
    for line in said.splitlines():
        if form == "github":
            assert line.startswith("::error file=")
            assert line.count("::") == 2 + line.partition("ollama-host::")[2].count("::")
        elif form in {"text", "compact"}:
            assert not line.strip().startswith("::")
        if form in {"text", "compact", "github"}:
            assert "##[" not in line
    if form == "json" and "\udcff" not in name:
        assert json.loads(said)["findings"][0]["path"] == name


WEAK = {".env": "OLLAMA_HOST=0.0.0.0\nOLLAMA_DEBUG=1\nHF_HUB_DISABLE_TELEMETRY=0\n"}


def test_only_some_rules_are_asked_and_the_code_is_theirs(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    make(WEAK)
    assert main(["check", "--only", "ollama-host, ollama-debug", "--json"]) == 1
    said = capfd.readouterr()
    document = json.loads(said.out)
    assert [finding["rule"] for finding in document["findings"]] == ["ollama-host", "ollama-debug"]
    assert document["only"] == ["ollama-host", "ollama-debug"]
    assert "only ollama-host, ollama-debug: other rules were not asked" in said.err
    assert main(["check", "--only", "mlflow-disable-telemetry"]) == 0
    assert "so there is no grade" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--only", "ollama-hots"], "did you mean ollama-host?"),
        (["--only", "ollama-host", "--baseline"], "leave out --only"),
    ],
)
def test_only_takes_rules_that_are_there_and_no_baseline(
    make: Make, capfd: pytest.CaptureFixture[str], words: list[str], hint: str
) -> None:
    root = make(WEAK).root
    assert main(["check", *words]) == 2
    assert hint in capfd.readouterr().err
    assert not (root / ".privet-baseline.json").exists()


def test_only_fixes_what_is_asked_and_says_what_is_left(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    repository = make(WEAK)
    assert main(["check", "--fix", "--only", "hf-hub-disable-telemetry"]) == 0
    said = capfd.readouterr().out
    assert "1 fixed" in said
    assert "nothing is left to fix" in said
    assert (repository.root / ".env").read_text() == "OLLAMA_HOST=0.0.0.0\nOLLAMA_DEBUG=1\nHF_HUB_DISABLE_TELEMETRY=1\n"
    assert main(["check", "--fix"]) == 1
    assert " left, which need a decision: ollama-host" in capfd.readouterr().out


def test_the_rules_are_listed_and_nothing_is_checked(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    make(WEAK)
    assert main(["check", "--list"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == len(RULES)
    assert any(line.startswith("ollama-host ") for line in lines)
    assert main(["check", "--list", "--only", "ollama-host", "--json"]) == 0
    assert [rule["rule"] for rule in json.loads(capfd.readouterr().out)["rules"]] == ["ollama-host"]
    assert main(["check", "--list", "--format", "sarif"]) == 2


def test_looking_for_garbage_is_left_as_it_was(make: Make) -> None:
    make(WEAK)
    assert gc.isenabled()
    main(["check"])
    assert gc.isenabled()


def test_wrong_usage_is_code_2(make: Make) -> None:
    make({"compose.yaml": SAFE})
    with pytest.raises(SystemExit) as stopped:
        main(["check", "--format", "xml"])
    assert stopped.value.code == 2
