from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from privet.vault import Vault, recent

COUNT = 400
VECTORS = np.random.default_rng(5).normal(size=(COUNT, 16)).astype(np.float32)
IDS = [str(number) for number in range(COUNT)]
# From nothing to several chunks of 16 KiB, so that entries lie across their borders.
DOCUMENTS = [
    None if number % 7 == 0 else f"{number} " * (number * 40 if number % 50 == 1 else 9) for number in range(COUNT)
]
METADATA = [{"number": number} if number % 3 else None for number in range(COUNT)]
SUBJECTS = [f"subject {number % 5}" if number % 2 else None for number in range(COUNT)]


@pytest.mark.parametrize("most", [0, 20_000, recent.BYTES])
def test_entries_are_what_was_written_however_little_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(recent, "BYTES", most)
    with Vault.open(tmp_path / "data", keys=tmp_path / "keys") as vault:
        for part in (slice(0, 250), slice(250, COUNT)):
            vault.add(IDS[part], VECTORS[part], DOCUMENTS[part], METADATA[part], SUBJECTS[part])
        for order in (range(COUNT), np.random.default_rng(6).permutation(COUNT).tolist()):
            found = vault.get([IDS[row] for row in order])
            assert [each and each.document for each in found] == [DOCUMENTS[row] for row in order]
            assert [each and each.metadata for each in found] == [METADATA[row] for row in order]
        assert vault._contents._recent._bytes <= most


def test_what_is_changed_by_a_reader_of_a_hit_is_not_changed_for_the_next(tmp_path: Path) -> None:
    with Vault.open(tmp_path / "data", keys=tmp_path / "keys") as vault:
        vault.add(IDS, VECTORS, DOCUMENTS, METADATA)
        for _ in range(2):
            hit = vault.search(VECTORS[1:2], 1)[0][0]
            assert hit.metadata == {"number": 1}
            hit.metadata["number"] = 2


def test_nothing_is_kept_of_a_subject_that_was_forgotten(tmp_path: Path) -> None:
    with Vault.open(tmp_path / "data", keys=tmp_path / "keys") as vault:
        vault.add(IDS, VECTORS, DOCUMENTS, METADATA, SUBJECTS)
        vault.get(IDS)
        assert any(b"101 101" in piece for piece in vault._contents._recent._pieces.values())
        vault.forget("subject 1")
        assert not any(b"101 101" in piece for piece in vault._contents._recent._pieces.values())
