from __future__ import annotations

from math import inf

import pytest

from privet.audit.endpoint.budget import Budget, OutOfBudget, OutOfShare


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_requests_tokens_and_time_end_it() -> None:
    clock = Clock()
    for budget in (Budget(requests=2, clock=clock), Budget(tokens=10, clock=clock), Budget(until=101, clock=clock)):
        budget.ask()
        budget.ask()
        budget.spent(10)
        clock.now += 1
        with pytest.raises(OutOfBudget) as ended:
            budget.ask()
        assert not isinstance(ended.value, OutOfShare)
        assert budget.asked == 2
        clock.now -= 1


def test_a_share_ends_one_test_alone() -> None:
    clock = Clock()
    budget = Budget(until=200, clock=clock)
    budget.share(5)
    assert budget.seconds_left == 5
    clock.now += 5
    with pytest.raises(OutOfShare):
        budget.check()
    budget.share(10)
    budget.ask()
    assert budget.asked == 1


def test_the_whole_is_the_limit_of_a_share() -> None:
    clock = Clock()
    budget = Budget(until=103, clock=clock)
    budget.share(50)
    assert budget.seconds_left == 3
    clock.now = 104
    assert budget.seconds_left == 0
    with pytest.raises(OutOfBudget) as ended:
        budget.check()
    assert not isinstance(ended.value, OutOfShare)


def test_nothing_gives_tokens_back() -> None:
    budget = Budget(tokens=10)
    budget.spent(9)
    budget.spent(-100)
    assert budget.used_tokens == 9
    assert Budget().seconds_left == inf
