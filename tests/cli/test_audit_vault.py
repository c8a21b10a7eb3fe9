"""`privet audit vault` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from privet.vault import Vault

CODE = "import sys; from privet.cli import main; sys.exit(main())"
NAMES = ("harbour", "lantern", "granite", "orchard", "compass", "velvet", "meadow", "copper", "anchor", "violin")
TEXTS = [f"the {NAMES[n % 10]} stood near the {NAMES[n // 10 % 10]}, and nobody saw number {n}" for n in range(200)]


def privet(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, "audit", "vault", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(len(TEXTS), 64)).astype(np.float32)


def test_plain_vectors_with_pairs_exit_1(tmp_path: Path, vectors: np.ndarray) -> None:
    np.save(tmp_path / "store.npy", vectors)
    rows = zip(TEXTS, vectors.tolist(), strict=True)
    pairs = "".join(json.dumps({"text": text, "embedding": row}) + "\n" for text, row in rows)
    (tmp_path / "pairs.jsonl").write_text(pairs)
    done = privet(tmp_path / "store.npy", "--pairs", tmp_path / "pairs.jsonl", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    known = json.loads(done.stdout)
    assert known["format"] == "privet-audit-vault/1"
    checks = {check["id"]: check for check in known["checks"]}
    assert list(checks) == ["noise", "vectors", "texts", "inversion", "token-pursuit"]
    assert checks["vectors"]["verdict"] == "fail"
    assert checks["vectors"]["found"] == checks["vectors"]["probes"]
    assert "lantern" not in done.stdout


def test_a_store_that_is_not_there_exits_2(tmp_path: Path) -> None:
    done = privet(tmp_path / "nothere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no such store" in done.stderr


def test_keys_only_tell_what_should_be_found(tmp_path: Path, vectors: np.ndarray) -> None:
    with Vault.open(tmp_path / "data", keys=tmp_path / "keys") as vault:
        vault.add([f"number {n:06}" for n in range(len(TEXTS))], vectors, TEXTS)
    done = privet(tmp_path / "data", "--keys", tmp_path / "keys")
    # Vectors by chance give nothing away, plain or sealed: nothing is shown by the inversion.
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("underpowered\n")
    assert "none of 200 vectors in any coding" in done.stdout
    assert "Clopper-Pearson" in done.stdout


@pytest.mark.parametrize("line", ["{", "[]", '{"no": "text"}', '{"text": 1}', '{"text": "a", "embedding": 1}', ""])
def test_bad_pairs_exit_2(tmp_path: Path, line: str) -> None:
    (tmp_path / "store").write_bytes(bytes(range(256)) * 16)
    (tmp_path / "pairs.jsonl").write_text(line)
    done = privet(tmp_path / "store", "--pairs", tmp_path / "pairs.jsonl")
    assert done.returncode == 2
    assert "pairs" in done.stderr


def test_missing_keys_and_stores_exit_2(tmp_path: Path) -> None:
    assert "no such folder of keys" in privet(tmp_path, "--keys", tmp_path / "none").stderr
    assert privet(tmp_path / "none").returncode == 2
    assert privet(tmp_path, "--tenant", "a").returncode == 2
