"""Noise: that it is normal, on a lattice, new each time, and as large as it is told to be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from privet.train.noise import Noise


def test_it_is_normal() -> None:
    drawn = Noise().normal(400_001).numpy()
    assert drawn.shape == (400_001,)
    # By Kolmogorov and Smirnov: a false alarm in one of 10,000 runs.
    assert stats.kstest(drawn, "norm").pvalue > 1e-4
    half = len(drawn) // 2
    assert abs(np.corrcoef(drawn[:half], drawn[half : 2 * half])[0, 1]) < 5 / np.sqrt(half)


def test_tails_are_there() -> None:
    drawn = np.abs(Noise().normal(2_000_000).numpy())
    expected = 2_000_000 * stats.norm.sf(4.0) * 2
    assert abs(np.sum(drawn > 4.0) - expected) < 6 * np.sqrt(expected)


def test_no_two_sources_are_alike() -> None:
    assert not torch.equal(Noise().normal(8), Noise().normal(8))
    source = Noise()
    assert not torch.equal(source.normal(8), source.normal(8))


@pytest.mark.parametrize("deviation", [1e-4, 0.37, 5.0])
def test_what_comes_out_lies_on_a_lattice_that_hides_the_low_bits(deviation: float) -> None:
    values = np.random.default_rng(0).normal(size=(64, 65)).astype(np.float32) * 1e-9
    noised = Noise().added(torch.from_numpy(values), deviation).numpy()
    assert noised.shape == values.shape
    assert noised.dtype == np.float32
    step = 2.0 ** np.floor(np.log2(deviation / 2**28))
    # Float32 holds 24 bits: whatever it rounds to is a multiple of the lattice's step too.
    assert np.array_equal(np.rint(noised.astype(np.float64) / step) * step, noised)
    # Of 4,160 draws the deviation is within five standard errors.
    assert abs(noised.std() / deviation - 1) < 5 / np.sqrt(2 * values.size)


def test_large_arrays_are_noised_in_blocks() -> None:
    noised = Noise().added(torch.full((9_000_000,), 3.0), 1.0).numpy()
    assert stats.kstest(noised[::29] - 3.0, "norm").pvalue > 1e-4


@pytest.mark.parametrize("deviation", [0.0, -1.0, float("nan")])
def test_no_noise_is_refused(deviation: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Noise().added(torch.zeros(3), deviation)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Noise().added(torch.tensor([value]), 1.0)


def test_nothing_of_it_is_shown() -> None:
    assert repr(Noise()) == "Noise(...)"
