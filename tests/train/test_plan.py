"""Plans: units, delta, what the policy lets, and which epsilon a small dataset can have."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from privet.errors import BadInput
from privet.policy import DEFAULT, with_value
from privet.train.plan import delta_for, epsilon_for, plan_of, units_of


def plan(count: int = 100, **more: Any) -> Any:
    named = {"expected": 20.0, "steps": 10, "epsilon": 8.0, "delta": None, "max_grad_norm": 1.0} | more
    return plan_of(units_of(None, count), **named)


@pytest.mark.parametrize(
    ("subjects", "units"),
    [
        (["a", "b", "a"], [[0, 2], [1]]),
        ([1, torch.tensor(1), 2.0], [[0, 1], [2]]),
        ([None, "", float("nan")], [[0], [1], [2]]),
    ],
)
def test_subjects(subjects: list[Any], units: list[list[int]]) -> None:
    assert units_of(subjects, 3) == (units, "subject")


@pytest.mark.parametrize("subjects", [["a"], [["a"], "b", "c"], [{}, {}, {}], torch.zeros(3, 2)])
def test_subjects_that_nobody_can_tell_apart_are_refused(subjects: Any) -> None:
    with pytest.raises(BadInput):
        units_of(subjects, 3)


def test_delta_is_at_most_that_of_the_policy_and_of_the_size() -> None:
    assert delta_for("subject", 10_000) == 1e-5
    assert delta_for("example", 10_000) == pytest.approx(1e-8)
    assert delta_for("example", 10_000, most=1e-9) == 1e-9
    assert delta_for("subject", 10, 1e-6) == 1e-6
    with pytest.raises(BadInput, match="at most 1e-05"):
        delta_for("subject", 10, 1e-4)


def test_the_policy_limits_epsilon() -> None:
    narrow = with_value(DEFAULT, "train.max_epsilon", 1.0).train
    assert epsilon_for(narrow, 1.0) == 1.0
    for asked in (1.01, 0.0, -1.0, float("nan")):
        with pytest.raises(BadInput):
            epsilon_for(narrow, asked)


def test_a_small_dataset_says_which_epsilon_is_possible() -> None:
    with pytest.raises(BadInput, match="too small for epsilon") as error:
        plan(12, expected=4.0, steps=100, epsilon=0.5)
    possible = float(re.findall(r"epsilon ([\d.]+) is the least", str(error.value))[0])
    made = plan(12, expected=4.0, steps=100, epsilon=possible)
    assert made.noise_multiplier <= 4.0


@pytest.mark.parametrize(
    "more",
    [
        {"count": 0},
        {"expected": 200.0},
        {"max_grad_norm": 0.0},
        {"max_grad_norm": float("inf")},
        {"steps": 0},
        {"per_unit": 0},
    ],
)
def test_impossible_plans_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        plan(**more)


def test_what_is_spent_grows_by_steps_up_to_the_budget() -> None:
    made = plan()
    spent = [made.spent(steps).epsilon for steps in (0, 5, 10)]
    assert spent[0] == 0 < spent[1] < spent[2] <= 8
    assert made.sampling_rate == 0.2
