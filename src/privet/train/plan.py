"""What a run promises: the unit of privacy, epsilon, delta, who is in a batch, how many steps, how much noise.

Invariants:

- The unit is the subject where a subject column is named, else the example. A record without a subject is a subject of its own.
- Delta is at most 1e-5, and with n examples at most 1/n².
- The noise follows from the budget; nobody sets it. Where it is larger than all that a batch can add, nothing is trained.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from privet.errors import BadInput
from privet.policy import DEFAULT, TrainPolicy
from privet.train import accountant
from privet.train.accountant import Steps

Unit = Literal["example", "subject"]
MAX_DELTA: Final = DEFAULT.train.max_delta
_LEAST_NOISE: Final = 0.3
"""Below this a step's sum is hardly hidden at all, whatever the accountants say of many of them."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What was spent: `epsilon` at `delta` for one `unit`, after `steps` steps."""

    epsilon: float
    delta: float
    unit: Unit
    accountant: str
    noise_multiplier: float
    sampling_rate: float
    steps: int
    max_grad_norm: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A run before its first step; `units`: the positions of each unit's examples, `per_unit`: how many of them a batch takes at most."""

    units: Sequence[Sequence[int]]
    unit: Unit
    per_unit: int
    expected: float
    steps: int
    epsilon: float
    delta: float
    noise_multiplier: float
    max_grad_norm: float

    @property
    def sampling_rate(self) -> float:
        """The probability with which a unit is in a batch."""
        return self.expected / len(self.units)

    @property
    def planned(self) -> Steps:
        """All steps that are planned."""
        return Steps(self.noise_multiplier, self.sampling_rate, self.steps)

    def spent(self, steps: int) -> Privacy:
        """Return what so many steps have spent."""
        return Privacy(
            accountant.epsilon_of((replace(self.planned, count=steps),), self.delta),
            self.delta,
            self.unit,
            accountant.NAME,
            self.noise_multiplier,
            self.sampling_rate,
            steps,
            self.max_grad_norm,
        )


def units_of(subjects: Iterable[Any] | None, examples: int) -> tuple[list[list[int]], Unit]:
    """Return the positions of the examples of each unit.

    Raises:
        BadInput: a subject is not a text, a number or nothing, or there are more or fewer of them than examples.

    >>> units_of(["a", "b", "a", None], 4)
    ([[0, 2], [1], [3]], 'subject')
    """
    if subjects is None:
        return [[at] for at in range(examples)], "example"
    held: dict[Hashable, list[int]] = {}
    for at, subject in enumerate(map(_plain, subjects)):
        nobody = subject is None or subject == "" or (isinstance(subject, float) and math.isnan(subject))
        held.setdefault(("alone", at) if nobody else ("subject", subject), []).append(at)
    if sum(map(len, held.values())) != examples:
        raise BadInput("expected one subject for each example", hint="name a column of the dataset itself")
    return list(held.values()), "subject"


def _plain(subject: Any) -> Hashable:
    # A tensor of one number is equal to none but itself: each example would be a subject of its own.
    if hasattr(subject, "item") and getattr(subject, "ndim", 1) == 0:
        subject = subject.item()
    if subject is None or isinstance(subject, (str, bytes, int, float, date, UUID)):
        return subject
    raise BadInput("expected subjects that are texts or numbers", hint="name the column that says whose an example is")


def delta_for(unit: Unit, units: int, asked: float | None = None, most: float = MAX_DELTA) -> float:
    """Return delta: what is asked for where it is small enough, else the largest that is; `most` is that of the policy.

    Raises:
        BadInput: more is asked for.

    """
    if unit == "example":
        most = min(most, 1 / max(units, 1) ** 2)
    if asked is None:
        return most
    if not 0 < asked <= most:
        raise BadInput(
            f"expected delta above 0 and at most {most:.3g}, found {asked:.3g}",
            hint=f"leave it out, and {most:.3g} is taken",
        )
    return asked


def epsilon_for(policy: TrainPolicy, asked: float) -> float:
    """Return the epsilon of a run, where the policy lets it.

    Raises:
        BadInput: it does not.

    """
    if not asked > 0:
        raise BadInput("expected epsilon above 0", hint="8 is the usual one; without noise nothing is private")
    if asked > policy.max_epsilon:
        raise BadInput(
            f"epsilon {asked:g} is above {policy.max_epsilon:g}, the most that the policy lets a run spend",
            hint='ask for less, or add an [[exception]] with rule = "train.max_epsilon" to privet.toml',
        )
    return asked


def plan_of(
    units: tuple[list[list[int]], Unit],
    *,
    expected: float,
    steps: int,
    epsilon: float,
    delta: float | None,
    max_grad_norm: float,
    per_unit: int = 1,
    policy: TrainPolicy = DEFAULT.train,
) -> Plan:
    """Return the plan of a run; its noise is the least that keeps within epsilon.

    Raises:
        BadInput: the dataset is too small for that, or a number is none.

    """
    positions, unit = units
    count = len(positions)
    if not positions:
        raise BadInput("the dataset is empty", hint="there is nothing to train on")
    if not (math.isfinite(max_grad_norm) and max_grad_norm > 0):
        raise BadInput("expected max_grad_norm above 0", hint="1.0 is the usual one")
    if per_unit < 1 or steps < 1:
        raise BadInput("expected at least one step, and one example of each subject", hint="see docs/train.md")
    epsilon, held = epsilon_for(policy, epsilon), delta_for(unit, count, delta, policy.max_delta)
    if expected > count:
        raise BadInput(
            f"the batch of {expected:g} is larger than the dataset of {count} {unit}s",
            hint=f"batch size times accumulation steps is the expected number of {unit}s: make it at most {count}",
        )
    noise = max(accountant.noise_for(epsilon, held, expected / count, steps), _LEAST_NOISE)
    if noise > expected:
        possible = accountant.epsilon_of((Steps(expected, expected / count, steps),), held)
        raise BadInput(
            f"the dataset of {count} {unit}s is too small for epsilon {epsilon:g}: the noise of a step would be larger than all that "
            f"{expected:g} of them can add",
            hint=f"with these steps and batches epsilon {_up(possible)} is the least that leaves something to learn from; take "
            "larger batches, fewer steps or more data for less",
        )
    return Plan(positions, unit, per_unit, expected, steps, epsilon, held, noise, max_grad_norm)


def _up(epsilon: float) -> str:
    """Return an epsilon with two digits, rounded up."""
    digits = 1 - math.floor(math.log10(epsilon))
    return f"{math.ceil(epsilon * 10**digits) / 10**digits:g}"
