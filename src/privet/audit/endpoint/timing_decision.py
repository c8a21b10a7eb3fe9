"""What times of answers tell: whether a caller sees that another has asked the same before.

Invariants:

- It tells only where what the other had asked answers faster than what nobody had, by ranks, with a chance of `SURE` at most that this is
  noise, and by a part of what the target's own cache gives its own caller that matters.
- It tells nothing only where it would have been seen: a saving as large as the own caller's, or where that has none as large as the prompt
  costs (a quarter of the answer's time at least), laid over the very noise that was measured, is found four times in five.

Sources: CVE-2025-46570 (vLLM, prefix caching timing); Gu et al. 2025, "Auditing prompt caching in language model APIs" (hits against
misses, within and across users); Mann and Whitney 1947.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Final, Literal

from privet.audit.endpoint.ranks import auc, chance_of, shift

SURE: Final = 1e-4
"""Eight trials of either kind reach it where none is out of order: 1 / 12870."""
GRAY: Final = 0.05
_PART: Final = 0.25
"""A cache shared with others saves them as much as oneself; a quarter leaves room for blocks that are not whole, and for noise."""
_LEAST_SECONDS: Final = 0.001
_SMALL_SECONDS: Final = 0.005
"""What others asked can be probed once, since the probe itself is cached: less than this drowns in the jitter of any network."""
_POWER: Final = 0.8
_DRAWS: Final = 50
_MOST: Final = 100
Verdict = Literal["tells", "perhaps", "not", "blind"]


@dataclass(slots=True)
class Times:
    """Seconds until an answer began, trial by trial.

    `cold`: own, never asked before; `warm`: own, asked before; `cross`: another's, asked by the own caller before; `control`: another's,
    never asked before. `brief`: a short prompt.
    """

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    cross: list[float] = field(default_factory=list)
    control: list[float] = field(default_factory=list)
    brief: list[float] = field(default_factory=list)

    @property
    def own_seen(self) -> bool:
        """Whether the own caller's second request is faster than the first."""
        return chance_of(self.cold, self.warm) < SURE and shift(self.cold, self.warm) >= _LEAST_SECONDS

    @property
    def verdict(self) -> Verdict:
        """What the times tell."""
        chance, saved = chance_of(self.control, self.cross), shift(self.control, self.cross)
        least = max(_LEAST_SECONDS, _PART * shift(self.cold, self.warm) if self.own_seen else 0.0)
        if chance < SURE and saved >= least:
            return "tells"
        if chance < GRAY and saved >= least:
            return "perhaps"
        if not self.own_seen and chance_of(self.cold, self.warm) < GRAY and shift(self.cold, self.warm) >= least:
            # Is there a cache? What others save by it can only be looked for once that is known.
            return "blind"
        return "not" if self._power() >= _POWER else "blind"

    def _power(self) -> float:
        """Return how often a cache would be seen, although there is none, in one series more than there was."""
        expected = median(self.control) - median(self.brief) if self.brief else 0.0
        expected = max(_SMALL_SECONDS, expected, _PART * median(self.control))
        saved = shift(self.cold, self.warm) if self.own_seen else expected
        noise = [value - median(values) for values in (self.control, self.cross) for value in values]
        chance = Random(len(noise))  # noqa: S311 - the same answer for the same times
        trials = min(2 * len(self.cross), _MOST)
        seen = 0
        for _ in range(_DRAWS):
            slow, fast = chance.choices(noise, k=trials), chance.choices(noise, k=trials)
            # Drawn values come twice, but no two times are alike.
            seen += chance_of([saved + value + chance.random() * 1e-9 for value in slow], fast) < SURE
        return seen / _DRAWS

    def summary(self) -> dict[str, float | bool]:
        """Return what was measured."""
        return {
            "own_saved_ms": 1000 * shift(self.cold, self.warm),
            "cross_saved_ms": 1000 * shift(self.control, self.cross),
            "own_auc": auc(self.cold, self.warm),
            "cross_auc": auc(self.control, self.cross),
            "chance": chance_of(self.control, self.cross),
            "trials": len(self.cross),
            "own_hit": self.own_seen,
        }
