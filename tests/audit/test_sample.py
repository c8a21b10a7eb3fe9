"""Samples: seeded, stratified, of known chances."""

from __future__ import annotations

from collections import Counter

from privet.audit.sample import Drawn, Sampling


def drawn(sizes: dict[str, int], records: int, seed: int = 0) -> Drawn:
    sampling = Sampling(records, seed)
    for name, size in sizes.items():
        for index in range(size):
            sampling.saw(name, name, index)
    return sampling.drawn()


def test_few_records_are_all_drawn() -> None:
    for records in (0, 30, 31):
        found = drawn({"a": 10, "b": 20}, records)
        assert found.full
        assert (found.total, found.records) == (30, 30)


def test_every_stratum_is_drawn_in_proportion_rounded_up() -> None:
    found = drawn({"a": 1000, "b": 90, "c": 1}, 100)
    assert found.sizes == {"a": (92, 1000), "b": (9, 90), "c": (1, 1)}
    assert found.least >= 100 / 1091
    assert not found.single
    assert found.chosen is not None
    assert {name: len(places) for name, places in found.chosen.items()} == {"a": 92, "b": 9, "c": 1}


def test_the_seed_decides_and_the_order_of_files_does_not() -> None:
    one = drawn({"a": 500, "b": 500}, 50, seed=3)
    assert one.chosen == drawn({"b": 500, "a": 500}, 50, seed=3).chosen
    assert one.chosen != drawn({"a": 500, "b": 500}, 50, seed=4).chosen


def test_every_record_is_as_likely_as_any_other() -> None:
    counts: Counter[int] = Counter()
    for seed in range(600):
        found = drawn({"a": 20}, 5, seed)
        assert found.chosen is not None
        counts.update(found.chosen["a"])
    # Each of 20 is drawn 150 times of 600 on average; six standard deviations are 64.
    assert all(86 <= counts[index] <= 214 for index in range(20))


def test_the_share_weighs_strata_by_their_size() -> None:
    found = Drawn({"a": (10, 1000), "b": (10, 10)}, {"a": frozenset(), "b": frozenset()})
    assert found.share({"b": 10}) == 10 / 1010
    assert found.share({"a": 10}) == 1000 / 1010
