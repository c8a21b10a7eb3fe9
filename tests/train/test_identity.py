"""The name of a dataset by its content."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset

from privet.errors import BadInput
from privet.train.identity import dataset_id

KEY = bytes(range(32))
ROWS = [{"text": "a", "ids": [1, 2], "at": dt.date(2020, 1, 2)}, {"text": "b", "ids": [3], "at": None}]


def test_order_does_not_matter_and_content_does() -> None:
    name = dataset_id(ROWS, KEY)
    assert name.startswith("data-")
    assert name == dataset_id(ROWS[::-1], KEY) == dataset_id(Dataset.from_list(ROWS), KEY)
    assert name != dataset_id(ROWS[:1], KEY)
    assert name != dataset_id([*ROWS, ROWS[0]], KEY)
    assert name != dataset_id(ROWS, bytes(32))


@pytest.mark.parametrize("make", [torch.tensor, np.array])
def test_tensors_and_arrays_are_told_by_values_types_and_shapes(make: Any) -> None:
    names = {
        dataset_id([(make([[1.0, 2.0]]),)], KEY),
        dataset_id([(make([1.0, 2.0]),)], KEY),
        dataset_id([(make([1, 2]),)], KEY),
        dataset_id([(make([1.0, 3.0]),)], KEY),
    }
    assert len(names) == 4
    assert dataset_id([torch.ones(2, dtype=torch.bfloat16)], KEY) == dataset_id(
        [torch.ones(2, dtype=torch.bfloat16)], KEY
    )


def test_what_has_no_bytes_is_refused() -> None:
    with pytest.raises(BadInput, match="dataset_id"):
        dataset_id([{"a": object()}], KEY)
