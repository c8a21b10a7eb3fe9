"""The format is what docs/formats/vault.md says: another reader reads it, and the test vectors there are those of the code."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))

import independent_reader
from format_vectors import vectors

from privet.vault import Vault

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats" / "vault.md"
VECTORS = np.random.default_rng(9).normal(size=(1500, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vault")
    with Vault.open(folder / "data", keys=folder / "keys", tenant="one") as vault:
        names = [f"é-{number}" for number in range(1000)]
        vault.add(
            names,
            VECTORS[:1000],
            documents=[f"document {number} " * (number % 9) for number in range(1000)],
            metadata=[{"number": number, "list": [1.5, None, "ü"]} if number % 3 else None for number in range(1000)],
            subject=[f"subject {number % 500}" if number % 2 else None for number in range(1000)],
        )
        vault.delete(names[:10])
        vault.add(["é-20"], VECTORS[1000:1001], replace=True, subject="subject 21")
        vault.forget("subject 31")
    with Vault.open(folder / "data", keys=folder / "keys", tenant="one") as vault:
        vault.rotate()
        vault.compact()
        vault.add(["last"], VECTORS[1001:1002], documents=[None])
        vault.forget("subject 41")
    return folder


def compared(folder: Path) -> int:
    found = {record.id: record for record in independent_reader.read(folder / "data", folder / "keys", "one")}
    with Vault.open(folder / "data", keys=folder / "keys", tenant="one", read_only=True) as vault:
        assert set(vault.ids()) == set(found)
        for record in vault.get(list(found)):
            assert record is not None
            other = found[record.id]
            assert (other.document, other.metadata) == (record.document, record.metadata)
            assert np.array_equal(np.array(other.vector, np.float32), record.vector)
    return len(found)


def test_an_independent_reader_reads_the_same(folder: Path) -> None:
    assert compared(folder) == 1000 - 10 + 1 - 4


def test_the_independent_reader_notices_a_rollback(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    shutil.copytree(tmp_path / "data", tmp_path / "before")
    with Vault.open(tmp_path / "data", keys=tmp_path / "keys", tenant="one") as vault:
        vault.add(["newer"], VECTORS[:1])
    assert compared(tmp_path) == 988
    with pytest.raises(AssertionError, match="rolled back"):
        list(independent_reader.read(tmp_path / "before", tmp_path / "keys", "one"))


def test_the_independent_reader_is_independent_and_short() -> None:
    text = Path(independent_reader.__file__).read_text()
    assert len(text.splitlines()) <= 150
    assert "privet." not in re.sub(r'""".*?"""', "", text, flags=re.DOTALL)


def test_the_document_has_the_test_vectors() -> None:
    assert vectors() in DOCUMENT.read_text()
