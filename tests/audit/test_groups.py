"""k, l and t are pycanon's."""

from __future__ import annotations

import warnings
from random import Random

import pytest

from privet.audit.groups import GroupFigures, Groups, worst
from privet.audit.record import Record
from privet.errors import BadInput


def figures(rows: list[dict[str, object]], sensitive: tuple[str, ...] = ("illness",)) -> GroupFigures:
    groups = Groups(("age", "town"), sensitive)
    for number, row in enumerate(rows):
        assert groups.saw(Record(number, "", (), row))
    return groups.figures(5)


def table(seed: int, *, numeric: bool) -> list[dict[str, object]]:
    chance = Random(seed)
    return [
        {
            "age": chance.choice(("20-29", "30-39", "40-49")),
            "town": chance.choice(("A", "B")),
            "illness": chance.randrange(6) if numeric else chance.choice("uvwxyz"),
            "wage": chance.randrange(9),
        }
        for _ in range(120)
    ]


@pytest.mark.parametrize("numeric", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_pycanon(seed: int, numeric: bool) -> None:
    pandas = pytest.importorskip("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        anonymity = pytest.importorskip("pycanon.anonymity")
        rows = table(seed, numeric=numeric)
        frame = pandas.DataFrame(rows)
        for sensitive in (("illness",), ("illness", "wage")):
            found = figures(rows, sensitive)
            assert found.k == anonymity.k_anonymity(frame, ["age", "town"])
            assert found.l == anonymity.l_diversity(frame, ["age", "town"], list(sensitive))
            assert found.t == pytest.approx(anonymity.t_closeness(frame, ["age", "town"], list(sensitive)))


def test_rows_in_small_classes_are_counted() -> None:
    rows = [{"age": 1, "town": "A"}] * 5 + [{"age": 2, "town": "A"}] * 3
    found = figures(rows, ())  # type: ignore[arg-type]
    assert (found.rows, found.classes, found.k, found.below, found.l, found.t) == (8, 2, 3, 3, None, None)


def test_what_is_no_row_of_the_table_is_left_out() -> None:
    groups = Groups(("age",), ())
    assert not groups.saw(Record(1, "words"))
    assert not groups.saw(Record(2, "", (), {"other": 1}))
    assert groups.without == 2


def test_a_misspelled_column_is_bad_input() -> None:
    with pytest.raises(BadInput):
        worst([])


def test_of_several_tables_the_worst_figures_count() -> None:
    assert worst([GroupFigures(9, 1, 9, 3, 0.1, 0), GroupFigures(4, 2, 2, 1, 0.4, 4)]) == GroupFigures(
        13, 3, 2, 1, 0.4, 4
    )
