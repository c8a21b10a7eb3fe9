"""`privet card`: words, exit codes, reports, exports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from privet.cli import main
from privet.evidence import Signer, json_bytes

Card = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a model's folder with evidence of a private training, of today."""
    made = tmp_path / "out"
    (made / "evidence").mkdir(parents=True)
    (made / "model.safetensors").write_bytes(b"weights")
    document: dict[str, Any] = {
        "format": "privet-evidence-training/1",
        "privacy": {
            "epsilon": 7.931, "delta": 1e-05, "unit": "subject", "accountant": "PLD", "noise_multiplier": 0.61, "sampling_rate": 0.02,
            "steps": 200, "max_grad_norm": 1.0,
        },
        "sampling": "poisson",
        "method": "lora",
        "dataset": {"id": "tickets", "units": 1200},
        "policy": "0" * 64,
        "weights": {"model.safetensors": hashlib.sha256(b"weights").hexdigest()},
        "created": datetime.now(UTC).date().isoformat(),
    }  # fmt: skip
    (made / "evidence" / "training.json").write_bytes(json_bytes(Signer(bytes(32)).signed(document)))
    return made


@pytest.fixture
def card(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Card:
    """Return a function that runs `privet card` on the folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(*words: str) -> tuple[int, str, str]:
        return main(["card", str(folder), *words]), *capsys.readouterr()

    return run


def test_it_writes_says_what_is_missing_and_verifies(card: Card) -> None:
    code, out, err = card()
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "written: evidence/privacy.svg, README.md",
        "evidence: evidence/training.json",
        "not measured: scrub, dedup, detector recall, extraction, exposure, membership, epsilon lower bound, weight files, endpoint",
    ]
    assert card()[1].startswith("unchanged: ")
    code, out, _ = card("--verify")
    assert code == 0
    assert out.startswith("verified  1 files of evidence, 1 of weights, until ")


def test_a_problem_is_named_with_its_line_and_remedy(card: Card, folder: Path) -> None:
    (folder / "README.md").write_text("# Model\n\nε = 0.1\n")
    card()
    line = (folder / "README.md").read_text().split("\n").index("ε = 0.1") + 1
    code, out, _ = card("--verify")
    assert code == 1
    assert out.startswith("not verified  1 problems\n")
    assert f"README.md:{line}: it claims another epsilon than evidence holds [card-unbacked]\n  take it out" in out


def test_for_machines(card: Card, folder: Path) -> None:
    written = json.loads(card("--json")[1])
    assert (written["format"], written["changed"]) == ("privet-card-written/1", ["evidence/privacy.svg", "README.md"])
    code, out, _ = card("--verify", "--json")
    found = json.loads(out)
    assert (code, found["format"], found["verified"], found["problems"]) == (0, "privet-card-verification/1", True, [])
    (folder / "model.safetensors").write_bytes(b"other")
    code, out, _ = card("--verify", "--json")
    found = json.loads(out)
    assert (code, found["verified"]) == (1, False)
    assert {"weights-changed"} <= {problem["rule"] for problem in found["problems"]}
    assert all(set(problem) == {"rule", "file", "line", "says", "fix"} for problem in found["problems"])


def test_a_broken_front_matter_is_bad_input_and_names_its_line(card: Card, folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: mit\ntags: [a\n---\n")
    for words in ((), ("--verify",)):
        code, out, err = card(*words)
        assert (code, out) == (2, "")
        assert err.startswith("privet card: README.md:")


def test_no_card_is_bad_input(card: Card) -> None:
    assert card("--verify")[0] == 2


def test_edited_evidence_is_refused_and_nothing_written(card: Card, folder: Path) -> None:
    path = folder / "evidence" / "training.json"
    path.write_text(path.read_text().replace("7.931", "1.0"))
    code, out, err = card()
    assert (code, out) == (3, "")
    assert "changed after it was signed" in err
    assert not (folder / "README.md").exists()


def test_the_signer(card: Card) -> None:
    card()
    key = Signer(bytes(32)).signed({})["signature"]["public_key"]
    assert card("--verify", "--signer", key)[0] == 0
    assert card("--verify", "--signer", Signer(b"1" * 32).signed({})["signature"]["public_key"])[0] == 1
    assert card("--signer", key)[0] == 2


EXPORTS = ("cyclonedx", "croissant", "spdx", "intoto")


def test_exports_are_written_with_the_card_and_not_of_one_that_does_not_verify(
    card: Card, folder: Path, tmp_path: Path
) -> None:
    words = [word for name in EXPORTS for word in (f"--{name}", str(tmp_path / f"{name}.json"))]
    code, out, _ = card(*words)
    assert code == 0
    assert "exported: cyclonedx.json, croissant.json, spdx.json, intoto.json" in out
    assert all(json.loads((tmp_path / f"{name}.json").read_text()) for name in EXPORTS)
    for name in EXPORTS:
        (tmp_path / f"{name}.json").unlink()
    (folder / "model.safetensors").write_bytes(b"other")
    assert card("--verify", *words)[0] == 1
    assert not [name for name in EXPORTS if (tmp_path / f"{name}.json").exists()]


def test_an_export_that_cannot_be_written_is_bad_input(card: Card, tmp_path: Path) -> None:
    assert card("--spdx", str(tmp_path / "nowhere" / "f"))[0] == 2


def test_nothing_of_this_machine_is_in_what_is_written(card: Card, folder: Path, tmp_path: Path) -> None:
    words = [word for name in EXPORTS for word in (f"--{name}", str(tmp_path / f"{name}.json"))]
    shown = "".join(card(*words)[1:]) + "".join(card("--verify", "--json")[1:])
    files = [
        folder / "README.md",
        folder / "evidence" / "privacy.svg",
        *(tmp_path / f"{name}.json" for name in EXPORTS),
    ]
    assert str(tmp_path) not in shown + "".join(path.read_text() for path in files)
