"""Copies and near copies."""

from __future__ import annotations

from random import Random

from privet.audit.near import NearCopies
from privet.audit.record import Record, row


def words(chance: Random, count: int = 40) -> list[str]:
    return [f"w{chance.randrange(3000)}" for _ in range(count)]


def test_planted_near_copies_are_found_and_nothing_else() -> None:
    chance = Random(5)
    near = NearCopies()
    for number in range(3000):
        text = words(chance)
        near.saw(Record(number, " ".join(text)))
        if number < 300:
            text[chance.randrange(40)] = "changed"
            near.saw(Record(number, " ".join(text)))
    found = near.copies()
    assert (found.records, found.compared, found.exact) == (3300, 3300, 0)
    assert 596 <= found.copies <= 600
    assert found.largest == 2


def test_exact_copies_count_whatever_their_case_and_spacing() -> None:
    near = NearCopies()
    for text in ("one two three four five six seven eight", "One two  three four, five six seven EIGHT!") * 3:
        near.saw(Record(1, text))
    found = near.copies()
    assert (found.copies, found.exact, found.share) == (6, 6, 1.0)


def test_short_records_count_as_exact_copies_and_labels_not_at_all() -> None:
    near = NearCopies()
    for text in ("it was all good", "it was all good", "it was all bad", "yes", "yes"):
        near.saw(Record(1, text))
    found = near.copies()
    assert (found.records, found.compared, found.copies) == (5, 3, 2)


def test_names_of_columns_make_no_rows_alike() -> None:
    near = NearCopies()
    chance = Random(1)
    for number in range(200):
        fields = {f"a long name of a column, number {column}": words(chance, 3) for column in range(6)}
        (record,) = row(number, fields)
        near.saw(record)
    assert near.copies().copies == 0


def test_grouped_short_rows_are_alike_on_purpose() -> None:
    near = NearCopies()
    for _ in range(9):
        near.saw(Record(1, "30-39 A 123 flu"), is_grouped=True)
    assert near.copies().compared == 0
    assert near.copies().share == 0.0
