"""Gaussian noise from a cipher's keystream, added on a lattice, on the device where the sums are.

Invariants:

- The bits are the keystream of AES-256 in counter mode (NIST SP 800-38A) under a key of this object from the operating system: no seed of a
  training run, and no state of a generator that anybody could rebuild, tells the noise.
- A sum is rounded to multiples of h, and so is the noise; both are added as whole numbers. Rounding after adding and adding after rounding
  are then the same thing, so what comes out is post-processing of the continuous Gaussian mechanism on the rounded sum, and no bit of the
  sum stands below the noise (Mironov 2012, "On significance of the least significant bits for differential privacy").
- `MARGIN` of the clipping norm is kept for what rounding can add to it.

Source of the normal numbers: Box and Muller 1958, with 64 random bits under the logarithm: nothing beyond 9.4 standard deviations comes,
which a true normal number does with a probability of 6e-21.
"""

from __future__ import annotations

import math
import secrets
from typing import Final

import torch
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from torch import Tensor

MARGIN: Final = 2.0**-10
"""Of the clipping norm C: h * sqrt(parameters) for rounding (4e-5 C at 1e8 parameters and a noise of C), and float32 sums."""
_STEPS_A_DEVIATION: Final = 2**28
"""h is at most the deviation of the noise over this; sums of up to 2**24 deviations stay whole numbers that a float64 holds."""
_BLOCK: Final = 1 << 22
_ZEROS: Final = bytes(1 << 20)


class Noise:
    """A source of normal numbers. One for each run; it has no repr and is never written anywhere."""

    def __init__(self) -> None:
        # A key is used for one stream only, so its counter may begin at nought.
        cipher = Cipher(algorithms.AES(secrets.token_bytes(32)), modes.CTR(bytes(16)))
        self._stream = cipher.encryptor()

    def __repr__(self) -> str:
        return "Noise(...)"

    def normal(self, count: int, device: torch.device | str = "cpu") -> Tensor:
        """Return so many independent standard normal numbers, (count,) float64."""
        pairs = (count + 1) // 2
        bits = self._bits(2 * pairs).to(device).reshape(2, pairs)
        # Signed numbers of 64 bits: the upper half of the range is below nought. Half a step up: never the logarithm of nought.
        whole = bits.to(torch.float64)
        share = (whole + (bits < 0) * 2.0**64 + 0.5) * 2.0**-64
        radius = (-2.0 * share[0].log()).sqrt()
        angle = share[1] * (2.0 * math.pi)
        return torch.cat((radius * angle.cos(), radius * angle.sin()))[:count]

    def _bits(self, count: int) -> Tensor:
        """Return so many numbers of 64 random bits, (count,) int64."""
        held = bytearray(8 * count + 15)
        at = 0
        while at < 8 * count:
            step = min(len(_ZEROS), 8 * count - at)
            at += self._stream.update_into(_ZEROS[:step], memoryview(held)[at : at + step + 15])
        return torch.frombuffer(held, dtype=torch.int64, count=count)

    def added(self, values: Tensor, deviation: float) -> Tensor:
        """Return values with noise of a standard deviation on them, float32, of the same shape and on the same device.

        Raises:
            ValueError: the deviation is not above 0, or a value is not finite.

        """
        if not deviation > 0:
            raise ValueError("expected a deviation above 0")
        step = 2.0 ** math.floor(math.log2(deviation / _STEPS_A_DEVIATION))
        flat = values.reshape(-1)
        out = torch.empty_like(flat, dtype=torch.float32)
        for start in range(0, flat.numel(), _BLOCK):
            block = flat[start : start + _BLOCK].to(torch.float64)
            if not bool(torch.isfinite(block).all()):
                raise ValueError("expected finite values")
            noise = self.normal(block.numel(), values.device)
            out[start : start + _BLOCK] = ((block / step).round() + (noise * (deviation / step)).round()) * step
        return out.reshape(values.shape)
