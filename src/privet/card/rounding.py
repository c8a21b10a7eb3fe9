"""Numbers for people: a bound is never shown better than it is."""

from __future__ import annotations

import math
from typing import Final

_NOISE: Final = 1e-9
"""what the last bits of a product may be off"""


def rounded_up(value: float, digits: int = 2) -> str:
    """Return a number with so many digits behind the point, never less than it is.

    >>> rounded_up(7.931), rounded_up(8.0), rounded_up(0.0012)
    ('7.94', '8', '0.01')
    """
    return _plain(math.ceil(value * 10**digits - _NOISE), digits)


def rounded_down(value: float, digits: int = 2) -> str:
    """Return a number with so many digits behind the point, never more than it is.

    >>> rounded_down(97.96, 1), rounded_down(0.0)
    ('97.9', '0')
    """
    return _plain(math.floor(value * 10**digits + _NOISE), digits)


def between(low: float, high: float) -> str:
    """Return an interval, never narrower than it is.

    >>> between(0.0, 0.01221)
    '0.0000 to 0.0123'
    """
    return f"{math.floor(low * 1e4 + _NOISE) / 1e4:.4f} to {math.ceil(high * 1e4 - _NOISE) / 1e4:.4f}"


def _plain(steps: int, digits: int) -> str:
    text = f"{steps / 10**digits:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
