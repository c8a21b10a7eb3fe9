from __future__ import annotations

from typing import Any

import pytest

from privet.errors import BadInput
from privet.vault.where import Columns

RECORDS = [
    {"language": "en", "year": 2020, "tags": ["a", "b"]},
    {"language": "de", "year": 2022.5},
    {"language": "en", "draft": True},
    None,
    {"language": None, "year": "2021"},
]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"language": "en"}, [0, 2]),
        ({"language": {"$eq": "de"}}, [1]),
        ({"language": {"$ne": "en"}}, [1]),
        ({"language": {"$in": ["de", "fr"]}}, [1]),
        ({"language": {"$nin": ["de"]}}, [0, 2]),
        ({"year": {"$gt": 2019, "$lte": 2020}}, [0]),
        ({"year": {"$gte": 2020}}, [0, 1]),
        ({"year": {"$lt": "3"}}, [4]),
        ({"draft": True}, [2]),
        ({"draft": 1}, []),
        ({"year": 2020.0}, [0]),
        ({"tags": ["a", "b"]}, [0]),
        ({"year": {"$exists": True}}, [0, 1, 4]),
        ({"year": {"$exists": False}}, [2, 3]),
        ({"nowhere": 1}, []),
        ({"nowhere": {"$exists": False}}, [0, 1, 2, 3, 4]),
        ({"$or": [{"language": "de"}, {"draft": True}]}, [1, 2]),
        ({"$and": [{"language": "en"}, {"year": 2020}]}, [0]),
        ({"$not": {"language": "en"}}, [1, 3, 4]),
        ({"language": "en", "year": 2020}, [0]),
    ],
)
def test_a_filter_lets_through_what_it_says(where: dict[str, Any], expected: list[int]) -> None:
    columns = Columns()
    columns.add(RECORDS[:2])
    columns.add(RECORDS[2:])
    assert columns.mask(where).nonzero()[0].tolist() == expected


@pytest.mark.parametrize(
    "where",
    [{"year": {"$near": 1}}, {"$nor": []}, {"$or": []}, {"$and": {"a": 1}}, {"a": {"$in": 3}}, ["a"], {"$not": 3}],
)
def test_what_is_no_filter_is_an_error_and_lets_nothing_through(where: Any) -> None:
    columns = Columns()
    columns.add(RECORDS)
    with pytest.raises(BadInput, match=r"operator|expected"):
        columns.mask(where)
