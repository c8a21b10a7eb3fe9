from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import BadInput
from privet.vault.remote_table import TOKEN
from privet.vault.remote_tokens import Tokens
from privet.vault.where import Columns

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.0, 1.0, 1.5, -0.0]),
    st.sampled_from(["", "1", "a"]),
)
RECORDS = st.lists(
    st.one_of(st.none(), st.dictionaries(st.sampled_from(["x", "y", "z"]), st.one_of(VALUES, st.lists(VALUES)))),
    max_size=6,
)
SIMPLE = st.one_of(
    VALUES,
    st.fixed_dictionaries({"$eq": VALUES}),
    st.fixed_dictionaries({"$in": st.lists(VALUES, max_size=3)}),
    st.fixed_dictionaries({"$gt": st.integers()}),
    st.fixed_dictionaries({"$ne": VALUES}),
)
PLAIN = st.dictionaries(st.sampled_from(["x", "y", "z"]), SIMPLE, max_size=2)
FILTERS = st.one_of(PLAIN, st.fixed_dictionaries({"$and": st.lists(PLAIN, min_size=1, max_size=2)}))


@given(RECORDS, FILTERS)
def test_tokens_answer_as_the_filter_does_or_not_at_all(
    records: list[dict[str, Any] | None], where: dict[str, Any]
) -> None:
    tokens = Tokens(bytes(32), ["x", "y"])
    groups = tokens.groups(where)
    if groups is None:
        return
    columns = Columns()
    columns.add(records)
    held = [set(tokens.of_record(record)) for record in records]
    assert [all(each & set(group) for group in groups) for each in held] == columns.mask(where).tolist()


def test_a_token_tells_neither_value_nor_field() -> None:
    tokens = Tokens(bytes(32), ["x", "y"])
    found = {
        tokens.of("x", "a"),
        tokens.of("y", "a"),
        tokens.of("x", "b"),
        Tokens(bytes(31) + b"1", ["x"]).of("x", "a"),
    }
    assert len(found) == 4
    assert {len(each) for each in found} == {TOKEN}
    for field, value in (("z", "a"), ("x", None), ("x", [1])):
        with pytest.raises(BadInput, match="no token"):
            tokens.of(field, value)


def test_a_filter_that_is_none_is_not_answered() -> None:
    tokens = Tokens(bytes(32), ["x"])
    assert tokens.groups({"$or": [{"x": 1}]}) is None
    assert tokens.groups({"$and": ["x"]}) is None
    assert tokens.groups({"x": {"$eq": 1, "$ne": 2}}) is None
