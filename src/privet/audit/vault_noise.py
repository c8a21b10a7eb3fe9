"""Do stored bytes look like chance? Sealed ones do: each byte as often as any other, and nothing that comes again at a distance.

Invariants: a sealed store fails by chance once in a million audits at most; the same bytes give the same figures.

Sources: Pearson 1900 (chi-square); Miller 1955 (entropy of a sample); repeats at a distance are how a keystream that is used twice, or a
code without one, shows itself (Kasiski 1863).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from privet.audit.result import Check, counted
from privet.audit.vault_bytes import Bytes, Stored

_LEAST: Final = 1024
"""Files with fewer bytes to judge show nothing either way."""
_WINDOW: Final = 4096
_LOW_BITS: Final = 7.6
"""Entropy of a window of 4096 bytes: random ones have 7.955 ± .004, zlib's 7.9, float vectors 7.2, int8 vectors 4.7 to 7.4, text 4 to 5."""
_LOW_SHARE: Final = 0.01
_ERROR: Final = 1e-6
_LAGS: Final = 8192
_LAG_BYTES: Final = 1 << 18


def noise_check(files: list[Stored]) -> Check:
    """Return the check of all files of a store."""
    looked = [(each.name, figures) for each in files if (figures := _figures(each.sample()))]
    if not looked:
        return Check("noise", "underpowered", f"no file holds {_LEAST} bytes to judge", {"files": []})
    error = _ERROR / (len(looked) * 2)
    shown = [{"file": name, **figures} for name, figures in looked]
    low = [each for each in shown if each["low_entropy_share"] > _LOW_SHARE]
    odd = [each for each in shown if min(each["chi_square_p"], each["repeat_p"]) < error]
    figures = {"files": shown[:20], "files_looked_at": len(shown), "error": _ERROR}
    if low:
        worst = max(low, key=lambda each: float(each["low_entropy_share"]))
        says = f"{counted(len(low), 'file')} hold plain or coded bytes: {worst['low_entropy_share']:.0%} of the largest such share"
        return Check("noise", "fail", says, figures)
    repeats = [each for each in odd if each["repeat_p"] < error]
    if repeats:
        says = (
            f"bytes are alike at a distance of {repeats[0]['repeat_at']}, "
            "as records under one keystream or a plain code are"
        )
        return Check("noise", "fail", says, figures)
    if odd:
        says = f"the bytes of {counted(len(odd), 'file')} are uneven, which sealed ones are not: what they hold is not known"
        return Check("noise", "underpowered", says, figures)
    return Check("noise", "pass", f"the bytes of {counted(len(shown), 'file')} cannot be told from chance", figures)


def _figures(data: Bytes) -> dict[str, Any] | None:
    if len(data) < _LEAST:
        return None
    from scipy.special import chdtrc

    counts = np.bincount(data, minlength=256)
    expected = len(data) / 256
    square = float(((counts - expected) ** 2 / expected).sum())
    distance, probability = _repeats(data)
    return {
        "bytes": len(data),
        "entropy_bits": _entropy(counts),
        "chi_square_p": float(chdtrc(255, square)),
        "low_entropy_share": _low_share(data),
        "repeat_at": distance,
        "repeat_p": probability,
    }


def _entropy(counts: np.ndarray[Any, np.dtype[Any]]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(min(8.0, -(shares * np.log2(shares)).sum() + (len(shares) - 1) / (2 * counts.sum() * np.log(2))))


def _low_share(data: Bytes) -> float:
    """Return the share of windows that hold too little for sealed bytes; for less than one window, of the whole."""
    size = min(_WINDOW, len(data))
    windows = data[: len(data) // size * size].reshape(-1, size)
    low = sum(_entropy(np.bincount(window, minlength=256)) < _LOW_BITS for window in windows)
    return low / len(windows)


def _repeats(data: Bytes) -> tuple[int, float]:
    """Return the distance in bytes at which most bits are the same, and how likely so many are by chance at any distance.

    The sum of products of ±1 bits at a distance is the autocorrelation, and has a standard deviation of the root of their number.
    """
    from scipy.special import ndtr

    data = data[:_LAG_BYTES]
    bits = np.unpackbits(data).astype(np.float32) * 2 - 1
    # A zero-padded transform, so that the end does not meet the beginning.
    spectrum = np.fft.rfft(bits, 1 << (2 * len(bits) - 1).bit_length())
    sums = np.fft.irfft(np.abs(spectrum) ** 2)[8 : 8 * min(_LAGS, len(data) // 2) : 8]
    scores = np.abs(sums) / np.sqrt(len(bits) - 8.0 * np.arange(1, len(sums) + 1))
    best = int(scores.argmax())
    return best + 1, min(1.0, 2 * len(sums) * float(ndtr(-scores[best])))
