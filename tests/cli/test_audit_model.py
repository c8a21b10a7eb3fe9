"""`privet audit model`: options, reports, evidence, exit codes, and what it refuses."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from privet.audit.endpoint.reference import serve
from privet.cli import main
from privet.evidence import is_signed

sys.path.append(str(Path(__file__).parent.parent / "audit"))

from tiny_models import canaries, network, save, write_canaries

Audit = Callable[..., tuple[int, str, str]]
FILES = ("--only", "weight-files")
EMAIL = "jane.roe@example.com"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("clean") / "model", network())


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Return a function that audits, in an empty folder with a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "TQDM_DISABLE"):
        monkeypatch.setenv(name, "1")
    write_canaries(tmp_path / "canaries.jsonl", canaries(100))
    write_canaries(tmp_path / "few.jsonl", canaries(5))

    def run(target: Path | str, *words: str) -> tuple[int, str, str]:
        code = main(["audit", "model", str(target), *words])
        return code, *capsys.readouterr()

    return run


def document_of(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out)
    return found


def test_weights_that_carry_more_fail_and_say_what_to_do(audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "dirty").mkdir()
    (tmp_path / "dirty" / "training_args.bin").write_bytes(b"\x80\x02ctransformers\nTrainingArguments\n.")
    code, out, err = audit("dirty")
    assert (code, err) == (1, "")
    assert out.startswith("fail  dirty\n")
    assert "training arguments in training_args.bin" in out
    assert "fix: " in out
    assert "--canaries FILE" in out


def test_a_clean_model_passes(audit: Audit, clean: Path) -> None:
    code, out, err = audit(clean, "--canaries", "canaries.jsonl", "--only", "membership,weight-files")
    assert (code, err) == (0, "")
    assert out.startswith("pass  model\n")


def test_few_canaries_are_underpowered_and_exit_0(audit: Audit, clean: Path) -> None:
    code, out, _ = audit(clean, "--canaries", "few.jsonl", "--json")
    document = document_of(out)
    assert (code, document["verdict"]) == (0, "underpowered")
    tests = {test["id"]: test for test in document["tests"]}
    assert list(tests) == ["extraction", "exposure", "membership", "epsilon-lower-bound", "weight-files"]
    assert {test["verdict"] for test in document["tests"][:4]} == {"underpowered"}
    assert "epsilon_lower" in tests["epsilon-lower-bound"]


def test_json_is_signed_and_the_same_each_time(audit: Audit, clean: Path) -> None:
    words = ("--canaries", "few.jsonl", "--seed", "3", "--json")
    first, second = (document_of(audit(clean, *words)[1]) for _ in range(2))
    run = first.pop("run")
    second.pop("run")
    assert first == second
    assert is_signed(first)
    assert (first["format"], first["seed"]) == ("privet-audit-model/1", 3)
    assert list(first["weights"]) == ["model.safetensors"]
    assert run["target"] == "model"
    assert str(clean) not in json.dumps(first) + json.dumps(run)


def test_evidence_is_kept_beside_the_weights(audit: Audit, clean: Path) -> None:
    _, out, _ = audit(clean, *FILES, "--evidence", "--json")
    kept = clean / "evidence" / "audit-model.json"
    assert json.loads(kept.read_bytes()) == document_of(out)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    said = audit(clean, "--evidence")[0]
    assert said == 0
    assert len(json.loads(kept.read_bytes())["tests"]) == 5
    code, _, err = audit(clean, *FILES, "--evidence")
    assert code == 2
    assert "would replace an audit that tells of epsilon-lower-bound, exposure, extraction, membership too" in err
    assert len(json.loads(kept.read_bytes())["tests"]) == 5
    # What it wrote itself changes nothing.
    assert document_of(audit(clean, *FILES, "--json")[1])["digest"] == document_of(out)["digest"]


def test_reports(audit: Audit, tmp_path: Path) -> None:
    folder = tmp_path / "dirty"
    folder.mkdir()
    (folder / "added_tokens.json").write_text(json.dumps({EMAIL: 1}))
    code, out, _ = audit(folder, "--html", "r.html", "--sarif", "r.sarif")
    assert code == 1
    html, sarif = Path("r.html").read_text(), json.loads(Path("r.sarif").read_text())
    assert "<h1>Audit of a model" in html
    assert "weight-files" in html
    assert "script" not in html.replace("default-src", "")
    results = {result["ruleId"]: result["level"] for result in sarif["runs"][0]["results"]}
    assert results["weight-files"] == "error"
    assert results["exposure"] == "note"
    assert sarif["runs"][0]["tool"]["driver"]["name"] == "privet audit model"
    assert EMAIL not in html + json.dumps(sarif) + out


def test_without_torch_files_are_looked_at_and_the_rest_says_what_to_install(
    audit: Audit, clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert audit(clean, *FILES)[0] == 0
    code, out, err = audit(clean, "--canaries", "few.jsonl", "--only", "exposure")
    assert (code, out) == (2, "")
    assert "pip install 'privet[train]'" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nowhere",), "no such model"),
        (("model", "--canaries", "missing.jsonl"), "cannot be read"),
        (("model", "--canaries", "broken.jsonl"), "line 1"),
        (("model", "--base", "nowhere"), "--base"),
        (("model", "--key-file", "k"), "--key-file does nothing for weights"),
        (("http://127.0.0.1:1/v1", "--evidence"), "--evidence does nothing for a URL"),
        (("model/config.json", "--evidence"), "--evidence writes into a folder"),
    ],
)
def test_bad_input_is_told_without_showing_it(audit: Audit, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "broken.jsonl").write_text('{"prompt": "secret words"}\n')
    code, out, err = audit(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert "secret words" not in err


def test_a_test_that_is_not_there_is_refused(audit: Audit, clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        audit(clean, "--only", "isolation")
    assert stopped.value.code == 2
    assert "weight-files" in capsys.readouterr().err


def test_a_url_is_handed_to_the_audit_of_an_endpoint(audit: Audit, tmp_path: Path) -> None:
    with serve(token_seconds=0.0) as running:
        (tmp_path / "key").write_text(running.keys[0] + "\n")
        words = ("--key-file", "key", "--canaries", "few.jsonl", "--json")
        code, out, _ = audit(running.url, *words)
    tests = {test["id"]: test["verdict"] for test in document_of(out)["tests"]}
    assert code == 0
    assert tests["extraction"] == "underpowered"
    assert tests["epsilon-lower-bound"] == tests["weight-files"] == "not-tested"
    assert document_of(out)["run"]["target"] == running.url
