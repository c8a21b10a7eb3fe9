"""`privet audit dataset` as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = "import sys; from privet.cli import main; sys.exit(main())"
PATTERNS = ("--tier", "patterns")


def privet(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "a.jsonl"
    path.parent.mkdir()
    lines = [json.dumps({"text": f"number {n} of the lake and the old stone wall beside {n} trees"}) for n in range(40)]
    lines[3] = json.dumps({"text": "write to jane@example.com about the boat"})
    path.write_text("\n".join(lines))
    return path.parent


def test_a_clean_dataset_exits_0_and_says_at_most(tmp_path: Path) -> None:
    words = ("old", "small", "quiet", "green", "wide", "heavy", "bright", "cold", "simple", "round")
    texts = [
        f"The {words[n % 10]} tree {n} grows near the {words[n // 10 % 10]} lake, and nothing is as {words[n // 100]} as its bark."
        for n in range(800)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    done = privet("audit", "dataset", tmp_path / "a.jsonl", "--max-duplicates", "1")
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("pass\n")
    assert "at most 0." in done.stdout
    assert "dataset sha256:" in done.stdout


def test_json_has_what_is_promised_and_the_same_bytes_twice(dirty: Path) -> None:
    runs = [privet("audit", "dataset", dirty, "--json", "--seed", 3, *PATTERNS) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].returncode == 1
    known = json.loads(runs[0].stdout)
    assert known["verdict"] == "fail"
    assert 1 / 40 <= known["residual"]["upper_bound"] <= 1
    assert known["digest"].startswith("sha256:")
    ids = [check["id"] for check in known["checks"]]
    assert ids == ["residual", "raw", "k-anonymity", "metadata", "near-duplicates", "manifest"]
    assert {check["verdict"] for check in known["checks"]} <= {"pass", "fail", "underpowered", "not-applicable"}
    assert "jane" not in runs[0].stdout
    assert str(dirty) not in runs[0].stdout


def test_a_sample_too_small_exits_3(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(
        "\n\n".join(f"The lake {n} lies near the wall and the {n} trees" for n in range(50))
    )
    done = privet("audit", "dataset", tmp_path, "--sample", "10", "--max-duplicates", "1", *PATTERNS)
    assert done.returncode == 3
    assert done.stdout.startswith("underpowered\n")


def test_reports_are_written(dirty: Path, tmp_path: Path) -> None:
    page, log = tmp_path / "a.html", tmp_path / "a.sarif"
    privet("audit", "dataset", dirty, "--html", page, "--sarif", log, *PATTERNS)
    assert "<script" not in page.read_text()
    assert json.loads(log.read_text())["version"] == "2.1.0"


def test_quasi_identifiers_come_from_flags_or_policy(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("age,town\n" + "30,A\n" * 5 + "31,A\n" * 2)
    (tmp_path / "privet.toml").write_text('[scrub]\nquasi_identifiers = ["age"]\n')
    for flags, folder in ((("--quasi-identifiers", "age"), None), ((), tmp_path)):
        done = privet("audit", "dataset", tmp_path / "t.csv", "--json", *flags, *PATTERNS, folder=folder)
        check = next(check for check in json.loads(done.stdout)["checks"] if check["id"] == "k-anonymity")
        assert (check["verdict"], check["k"], check["below"]) == ("fail", 2, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("missing",),
        ("a.txt", "--sensitive", "x"),
        ("a.txt", "--k", "3"),
        ("a.txt", "--key-file", "key"),
        ("a.txt", "--quasi-identifiers", "x"),
        ("a.txt", "--max-residual", "2"),
        ("a.txt", "--sample", "-1"),
        ("a.txt", "--html", "no/such/folder/a.html"),
        ("a.txt", "--raw", "missing"),
        ("a.txt", "--signer", "somebody"),
        ("a.txt", "--signer", "AAAA"),
        ("a.txt", "--signer", "schlüssel"),
    ],
)
def test_bad_input_exits_2_with_a_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "a.txt").write_text("words jane@example.com")
    done = privet("audit", "dataset", *arguments, *PATTERNS, folder=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "jane" not in done.stderr + done.stdout


def test_the_policy_of_a_manifest_is_compared_with_the_one_in_force(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words about the lake")
    env = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}
    command = [sys.executable, "-c", CODE, "scrub", "a.txt", "-o", "out", *PATTERNS]
    subprocess.run(command, check=True, cwd=tmp_path, env=env, capture_output=True)

    def same_policy() -> bool:
        known = json.loads(privet("audit", "dataset", "out", "--json", *PATTERNS, folder=tmp_path).stdout)
        found = next(check for check in known["checks"] if check["id"] == "manifest")
        assert found["verdict"] == "pass"
        return bool(found["same_policy"])

    assert same_policy()
    (tmp_path / "privet.toml").write_text("[scrub]\nmin_group_rows = 7\n")
    assert not same_policy()


def test_the_key_of_the_raw_comparison_changes_nothing(dirty: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(32))
    flags = ("--json", "--raw", dirty, *PATTERNS)
    with_key = privet("audit", "dataset", dirty, *flags, "--key-file", tmp_path / "key")
    assert privet("audit", "dataset", dirty, *flags).stdout == with_key.stdout
    assert json.loads(with_key.stdout)["checks"][1]["verdict"] == "fail"


def test_audit_alone_shows_help() -> None:
    done = privet("audit")
    assert done.returncode == 0
    assert "dataset" in done.stdout
