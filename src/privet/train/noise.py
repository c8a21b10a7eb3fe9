"""Gaussian noise from a cipher's keystream, added on a lattice.

Invariants:

- The bits come from ChaCha20 (RFC 8439) under a key of this object from the operating system: no seed of a training run, and no state of
  a generator that anybody could rebuild, tells the noise.
- A sum is rounded to multiples of h, and so is the noise; both are added as whole numbers. Rounding after adding and adding after rounding
  are then the same thing, so what comes out is post-processing of the continuous Gaussian mechanism on the rounded sum, and no bit of the
  sum stands below the noise (Mironov 2012, "On significance of the least significant bits for differential privacy").
- `MARGIN` of the clipping norm is kept for what rounding can add to it.

Source of the normal numbers: Box and Muller 1958, with 64 random bits under the logarithm: nothing beyond 9.4 standard deviations comes,
which a true normal number does with a probability of 6e-21.
"""

from __future__ import annotations

import secrets
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from numpy.typing import NDArray

MARGIN: Final = 2.0**-10
"""Of the clipping norm C: h * sqrt(parameters) for rounding (4e-5 C at 1e8 parameters and a noise of C), and float32 sums."""
_STEPS_A_DEVIATION: Final = 2**28
"""h is at most the deviation of the noise over this; sums of up to 2**24 deviations stay whole numbers that a float64 holds."""
_BLOCK: Final = 1 << 20


class Noise:
    """A source of normal numbers. One for each run; it has no repr and is never written anywhere."""

    def __init__(self) -> None:
        # A key is used for one nonce only, so the nonce may be nought.
        cipher = Cipher(algorithms.ChaCha20(secrets.token_bytes(32), bytes(16)), mode=None)
        self._stream = cipher.encryptor()

    def __repr__(self) -> str:
        return "Noise(...)"

    def normal(self, count: int) -> NDArray[np.float64]:
        """Return so many independent standard normal numbers, (count,) float64."""
        pairs = (count + 1) // 2
        bits = np.frombuffer(self._stream.update(bytes(pairs * 16)), dtype="<u8").reshape(2, pairs)
        # Half a step up: never the logarithm of nought.
        radius = np.sqrt(-2.0 * np.log((bits[0].astype(np.float64) + 0.5) * 2.0**-64))
        angle = bits[1].astype(np.float64) * (2.0 * np.pi * 2.0**-64)
        return np.concatenate((radius * np.cos(angle), radius * np.sin(angle)))[:count]

    def added(self, values: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
        """Return values with noise of a standard deviation on them, of the same shape.

        Raises:
            ValueError: the deviation is not above 0, or a value is not finite.

        """
        if not deviation > 0:
            raise ValueError("expected a deviation above 0")
        step = 2.0 ** np.floor(np.log2(deviation / _STEPS_A_DEVIATION))
        flat = values.ravel()
        out = np.empty(flat.shape, np.float32)
        for start in range(0, flat.size, _BLOCK):
            block = flat[start : start + _BLOCK].astype(np.float64)
            if not np.isfinite(block).all():
                raise ValueError("expected finite values")
            whole = np.rint(block / step) + np.rint(self.normal(block.size) * (deviation / step))
            out[start : start + _BLOCK] = whole * step
        return out.reshape(values.shape)
