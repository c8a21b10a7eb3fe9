"""Stores of the same made-up texts, plain, coded and sealed: what the auditor says of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from privet.audit.vault import Known, Options, VaultResult, audit_vault
from privet.audit.vault_corpus import made_up
from privet.errors import BadInput
from privet.vault import Vault
from privet.vault.embed import LocalModel

WORDS = (files("privet.vault") / "wordpieces.txt").read_text(encoding="utf-8").split("\n")
COUNT = 300
MADE = made_up(WORDS, COUNT, 1000, seed=7)
IDS = [f"record-number-{number}" for number in range(COUNT)]

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@pytest.fixture(scope="module")
def embed() -> Embed:
    """Return the local model; what it was asked for once it knows (five audits would embed the same texts)."""
    model, known = LocalModel(), {}

    def embedded(texts: Sequence[str]) -> NDArray[np.float32]:
        wanted = tuple(texts)
        if wanted not in known:
            known[wanted] = model(wanted)
        return known[wanted]

    return embedded


@pytest.fixture(scope="module")
def vectors(embed: Embed) -> NDArray[np.float32]:
    return embed(MADE.texts)


@pytest.fixture(scope="module")
def audited(embed: Embed, vectors: NDArray[np.float32]) -> Callable[..., VaultResult]:
    def audit(path: Path, *, named: bool = True, seed: int = 0) -> VaultResult:
        known = Known(MADE.texts, vectors, IDS, [f"topic of {number:05}" for number in range(COUNT)]) if named else None
        return audit_vault(path, Options(embed, WORDS, seed, known))

    return audit


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, vectors: NDArray[np.float32]) -> Path:
    folder = tmp_path_factory.mktemp("sealed")
    metadata = [{"topic": f"topic of {number:05}"} for number in range(COUNT)]
    subjects = [f"subject {number % 9}" if number % 3 else None for number in range(COUNT)]
    with Vault.open(folder / "data", keys=folder / "keys") as vault:
        vault.add(IDS[:200], vectors[:200], MADE.texts[:200], metadata[:200])
        vault.add(IDS[200:], vectors[200:], MADE.texts[200:], metadata[200:], subjects[200:])
    return folder / "data"


def verdicts(result: VaultResult) -> dict[str, str]:
    return {check.id: check.verdict for check in result.checks}


@pytest.mark.parametrize("named", [True, False])
def test_a_vault_gives_away_nothing_and_the_attacks_do_succeed(
    audited: Callable[..., VaultResult], sealed: Path, named: bool
) -> None:
    result = audited(sealed, named=named)
    assert result.verdict == "pass", [check.says for check in result.checks]
    figures = {check.id: check.figures for check in result.checks}
    for attack in ("inversion", "token-pursuit"):
        stored, plain = figures[attack]["stored"], figures[attack]["plain"]
        assert stored["low"] <= stored["chance"] <= stored["high"] < plain["low"]
        told = plain if named else figures[attack]["plain_recovered"]
        assert told["share"] > (0.6 if attack == "inversion" else 0.9)


CODED: dict[str, Callable[[NDArray[np.float32]], NDArray[np.generic]]] = {
    "float32": lambda rows: rows,
    "float16": lambda rows: rows.astype(np.float16),
    "int8": lambda rows: np.round(rows / np.abs(rows).max(axis=1, keepdims=True) * 127).astype(np.int8),
    "1-bit": lambda rows: np.packbits(rows > 0, axis=1),
}


@pytest.mark.parametrize(("coding", "named"), [("float32", False), ("float16", True), ("int8", True), ("1-bit", False)])
def test_plain_vectors_are_found_and_read_in_every_coding(
    audited: Callable[..., VaultResult], vectors: NDArray[np.float32], tmp_path: Path, coding: str, named: bool
) -> None:
    np.save(tmp_path / "store.npy", CODED[coding](vectors))
    found = verdicts(audited(tmp_path, named=named))
    assert found["inversion"] == "fail"
    assert found["noise"] == "fail"
    assert found["vectors"] == ("fail" if named or coding.startswith("float") else "pass")


def test_a_hidden_order_and_a_rotation_are_undone_by_known_pairs(
    audited: Callable[..., VaultResult], vectors: NDArray[np.float32], tmp_path: Path
) -> None:
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(vectors.shape[1],) * 2))[0]
    (tmp_path / "store").write_bytes((vectors @ turn).astype("<f4").tobytes())
    assert verdicts(audited(tmp_path))["inversion"] == "fail"


def test_one_keystream_for_all_records_fails(
    audited: Callable[..., VaultResult], vectors: NDArray[np.float32], tmp_path: Path
) -> None:
    stream = np.random.default_rng(4).integers(0, 256, vectors.shape[1] * 4, dtype=np.uint8)
    (tmp_path / "store").write_bytes((vectors.view(np.uint8).reshape(len(vectors), -1) ^ stream).tobytes())
    result = audited(tmp_path, named=False)
    noise = next(check for check in result.checks if check.id == "noise")
    assert noise.verdict == "fail"
    assert noise.figures["files"][0]["repeat_at"] % stream.size == 0


def test_ids_words_and_metadata_are_found(audited: Callable[..., VaultResult], tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.db") as base:
        base.execute("pragma secure_delete = off")
        base.execute("create table records (id text, document text, topic text)")
        rows = [(IDS[row], MADE.texts[row], f"topic of {row:05}") for row in range(COUNT)]
        base.executemany("insert into records values (?, ?, ?)", rows)
        base.execute("delete from records")
        base.commit()
    base.close()
    result = audited(tmp_path)
    texts = next(check for check in result.checks if check.id == "texts")
    assert texts.verdict == "fail"
    assert all(texts.figures[name]["found"] for name in ("words", "ids", "metadata"))
    assert "record-number" not in str(result.as_json())


def test_the_same_seed_gives_the_same_result_and_few_texts_show_nothing(
    audited: Callable[..., VaultResult], embed: Embed, sealed: Path
) -> None:
    assert audited(sealed, seed=3).as_json() == audited(sealed, seed=3).as_json()
    few = audit_vault(sealed, Options(embed, WORDS, 0, Known(MADE.texts[:6])))
    assert few.verdict == "underpowered"


def test_nothing_to_read_is_bad_input(embed: Embed, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no files"):
        audit_vault(tmp_path, Options(embed, WORDS))
    (tmp_path / "empty").touch()
    with pytest.raises(BadInput, match="holds nothing"):
        audit_vault(tmp_path, Options(embed, WORDS))
    (tmp_path / "empty").write_bytes(b"x" * 4096)
    with pytest.raises(BadInput, match="an embedding for each text"):
        audit_vault(tmp_path, Options(embed, WORDS, 0, Known(["a", "b"], np.ones((1, 4), np.float32))))
