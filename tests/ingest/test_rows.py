"""Rows for pipelines."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from privet.errors import BadInput
from privet.ingest.rows import Scrubber, rows
from privet.policy import DEFAULT, Transform, with_value

KEYED = with_value(DEFAULT, "scrub.transform", frozenset({Transform("pseudonym", column="who")}))


def cleaned(*source: Any, **how: Any) -> list[dict[str, Any]]:
    return list(rows(source, tier="patterns", **how))


def test_rows_keep_their_order_number_and_keys() -> None:
    source = [{"n": n, **({"m": f"a{n}@example.com"} if n % 3 else {"other": None})} for n in range(600)]
    found = cleaned(*source)
    assert [list(row) for row in found] == [list(row) for row in source]
    assert found[1] == {"n": 1, "m": "[EMAIL_ADDRESS]"}
    assert found[599]["n"] == 599


def test_nested_values_are_looked_at_and_what_is_clean_is_the_same_object() -> None:
    inner = {"a": ["x", 1]}
    found = cleaned({"d": {"list": [{"m": "jane@example.com"}]}, "inner": inner})
    assert found[0]["d"] == {"list": [{"m": "[EMAIL_ADDRESS]"}]}
    assert found[0]["inner"] is inner


def test_rows_come_before_all_are_read() -> None:
    def endless() -> Iterator[dict[str, str]]:
        while True:
            yield {"m": "jane@example.com"}

    assert next(rows(endless(), tier="patterns")) == {"m": "[EMAIL_ADDRESS]"}


def test_columns_that_are_not_declared_are_left_out() -> None:
    narrow = with_value(DEFAULT, "scrub.columns", frozenset({"m"}))
    assert cleaned({"m": "x", "n": 1}, {"n": 2}, policy=narrow) == [{"m": "x"}, {}]


def test_keys_that_are_no_texts_are_written_as_texts() -> None:
    assert cleaned({1: "jane@example.com"}) == [{"1": "[EMAIL_ADDRESS]"}]


def test_what_is_no_row_is_said() -> None:
    with pytest.raises(BadInput, match="found str"):
        cleaned({"a": 1}, "jane@example.com")
    assert cleaned() == []
    assert cleaned({}) == [{}]


def test_a_scrubber_may_be_sent_to_other_processes() -> None:
    scrubber = Scrubber(KEYED, tier="patterns", key=bytes(32))
    batch: dict[str, list[Any]] = {"who": ["Jane", "Bob", "Jane"], "m": ["jane@example.com", None, 3]}
    before = scrubber(batch)
    assert before["who"][0] == before["who"][2] != before["who"][1]
    assert before["m"] == ["[EMAIL_ADDRESS]", None, 3]
    assert pickle.loads(pickle.dumps(scrubber))(batch) == before  # noqa: S301 (our own bytes)


def test_a_transform_without_its_key_is_said_at_once() -> None:
    with pytest.raises(BadInput, match="key"):
        Scrubber(KEYED, tier="patterns")
    with pytest.raises(BadInput, match="key"):
        cleaned({"who": "Jane"}, policy=KEYED)


class Tensor:
    """Offers of a tensor what is needed of it."""

    def __init__(self, array: Any) -> None:
        self._array = np.asarray(array)

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Any:
        return self._array


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.array([[1, 2], [3, 99_999]]),
        np.array([True, False]),
        np.zeros((0, 3)),
        np.zeros((4, 4, 3), np.uint8),
        np.float16(1.5),
        np.int64(7),
        np.array(2.5),
    ],
)
@pytest.mark.parametrize("wrapped", [lambda array: array, Tensor, lambda array: {"v": [array]}])
def test_arrays_and_tensors_of_numbers_stay(array: Any, wrapped: Any) -> None:
    value = wrapped(array)
    (found,) = cleaned({"embedding": value})
    assert found["embedding"] is value


def test_a_whole_array_is_a_column_of_its_rows() -> None:
    matrix = np.arange(8.0).reshape(4, 2)
    found = Scrubber(tier="patterns")({"vector": matrix, "jane@example.com": np.arange(4)})
    assert list(found) == ["vector", "[EMAIL_ADDRESS]"]
    assert (np.stack(found["vector"]) == matrix).all()
    assert found["[EMAIL_ADDRESS]"] == [0, 1, 2, 3]


def test_arrays_that_may_hold_an_identifier_are_looked_at() -> None:
    texts = np.array(["jane@example.com", "x"])
    raw = np.frombuffer(b"write to jane@example.com now", np.uint8)
    (found,) = cleaned(
        {"a": np.array([4111111111111111, 5]), "b": texts, "c": raw, "d": np.array([{"m": "jane@example.com"}])}
    )
    assert found == {
        "a": [None, 5],
        "b": ["[EMAIL_ADDRESS]", "x"],
        "c": "write to [EMAIL_ADDRESS] now",
        "d": [{"m": "[EMAIL_ADDRESS]"}],
    }


def test_numbers_beside_what_changes_stay_numbers() -> None:
    (found,) = cleaned({"d": {"m": "jane@example.com", "v": np.array([1.5, 2.5]), "n": np.int32(3)}})
    assert found == {"d": {"m": "[EMAIL_ADDRESS]", "v": [1.5, 2.5], "n": 3}}


def test_a_rule_for_a_column_of_arrays_holds() -> None:
    rule = with_value(DEFAULT, "scrub.transform", frozenset({Transform("remove", column="v")}))
    assert cleaned({"v": np.zeros(3), "w": 1}, policy=rule) == [{"v": None, "w": 1}]


def test_tensors_of_torch_stay() -> None:
    torch = pytest.importorskip("torch")
    value = torch.ones(2, 3)
    assert cleaned({"v": value})[0]["v"] is value
