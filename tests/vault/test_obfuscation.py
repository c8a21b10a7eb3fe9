"""Seeds are fixed; a recovery rate of 0.95 on 200 and more vectors is far from the 0.005 of chance."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from privet.errors import BadInput
from privet.vault.obfuscation import FEWEST, Leakage, ObfuscatedSearch, Rotation, measured

TOMORROW = date.today() + timedelta(days=1)


def test_a_rotation_keeps_cosines_and_is_the_same_every_time() -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 32)).astype(np.float32)
    turned = Rotation(bytes(32), 32).turned(vectors)
    plain = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert np.allclose(turned @ turned.T, plain @ plain.T, atol=1e-5)
    assert np.allclose(turned, Rotation(bytes(32), 32).turned(vectors * 3), atol=1e-6)
    assert not np.allclose(turned, Rotation(b"x" * 32, 32).turned(vectors), atol=0.1)
    assert not np.allclose(turned, plain, atol=0.1)


def test_as_many_pairs_as_dimensions_recover_everything() -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 32)).astype(np.float32)
    leakage = measured(vectors, Rotation(bytes(32), 32))
    assert leakage.pairs is not None
    assert leakage.pairs <= 32
    assert leakage.recovered[4] < leakage.recovered[leakage.pairs]
    assert f"{leakage.pairs} pairs" in str(leakage)
    assert "not encrypted" in str(leakage)


def test_with_few_vectors_nothing_is_claimed() -> None:
    leakage = measured(np.ones((FEWEST - 1, 8), np.float32), Rotation(bytes(32), 8))
    assert leakage == Leakage(FEWEST - 1, 0, {})
    assert leakage.pairs is None
    assert "too few" in str(leakage)


@pytest.mark.parametrize(
    ("reason", "owner", "expires", "dimensions", "message"),
    [
        (" ", "me", TOMORROW, 8, "reason"),
        ("why", "", TOMORROW, 8, "owner"),
        ("why", "me", date.today() - timedelta(days=1), 8, "ended on"),
        ("why", "me", TOMORROW, 0, "dimensions"),
    ],
)
def test_leave_that_says_too_little_is_refused(
    reason: str, owner: str, expires: date, dimensions: int, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        ObfuscatedSearch(reason, owner, expires, dimensions)
