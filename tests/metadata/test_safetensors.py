import json
import re
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from privet.metadata.job import CannotClean, Job
from privet.metadata.safetensors import clean

sys.path.append(str(Path(__file__).parent))

from jobs import CANARY, cleaned, edits_of

_edits = edits_of(re.escape(CANARY), "X")


def _cleaned(raw: bytes, job: Job | None = None) -> bytes:
    return cleaned(clean, raw, job or Job(edits=_edits))


def _file(header: Any, data: Any) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


TENSORS = {
    "b.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "a": np.arange(5, dtype=np.int64),
    "e": np.zeros((0, 3)),
}


def test_tensors_stay_and_metadata_goes() -> None:
    raw = save(TENSORS, {"format": "pt", "author": CANARY, "path": f"/home/{CANARY}/run"})
    job = Job(edits=_edits)
    out = _cleaned(raw, job)
    assert CANARY.encode() not in out
    assert json.loads(out[8 : 8 + struct.unpack("<Q", out[:8])[0]])["__metadata__"] == {"format": "pt"}
    for name, tensor in load(out).items():
        assert tensor.tobytes() == TENSORS[name].tobytes()
        assert tensor.shape == TENSORS[name].shape
    assert job.removed["metadata"] == 2
    assert _cleaned(out) == out


def test_a_format_that_is_no_framework_goes() -> None:
    assert b"__metadata__" not in _cleaned(save(TENSORS, {"format": CANARY}))


def test_names_are_texts_and_two_that_become_one_get_a_number() -> None:
    out = load(_cleaned(save({CANARY: np.ones(2), "X": np.zeros(2)})))
    assert sorted(out) == ["X", "X_2"]
    assert sorted(tensor.tolist() for tensor in out.values()) == [[0, 0], [1, 1]]


def test_bytes_between_and_behind_tensors_go() -> None:
    header = {
        "a": {"dtype": "U8", "shape": [2], "data_offsets": [30, 32]},
        "b": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
    }
    job = Job()
    out = _cleaned(_file(header, b"\x07" + CANARY.encode().ljust(29) + b"\x01\x02" + CANARY.encode()), job)
    assert CANARY.encode() not in out
    assert {name: tensor.tolist() for name, tensor in load(out).items()} == {"a": [1, 2], "b": [7]}
    assert job.removed["hidden bytes"] == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x05\0\0\0\0\0\0\0{}",
        b"\xff" * 16,
        _file(b"[]", b""),
        _file(b"{" * 5000, b""),
        _file(
            b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
            b"a",
        ),
        _file({"a": {"dtype": "U9", "shape": [1], "data_offsets": [0, 1]}}, b"a"),
        _file({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 2]}}, b"ab"),
        _file({"a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]}}, b"ab"),
        _file({"a": {"dtype": "U8", "shape": [True], "data_offsets": [0, 1]}}, b"ab"),
        _file({"a": {"dtype": "U8", "shape": [2**70, 0], "data_offsets": [0, 0]}}, b"ab"),
        _file({"a": 3}, b"ab"),
        _file(
            {
                "a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
                "b": {"dtype": "U8", "shape": [2], "data_offsets": [1, 3]},
            },
            b"abc",
        ),
    ],
)
def test_what_lies_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        _cleaned(raw)


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 255))
def test_hostile_bytes_are_cleaned_or_refused(noise: bytes, place: int, byte: int) -> None:
    raw = bytearray(save(TENSORS, {"format": "pt"}))
    raw[place % len(raw)] = byte
    for content in (noise, bytes(raw), bytes(raw[:place]), struct.pack("<Q", len(noise)) + noise):
        with suppress(CannotClean):
            _cleaned(content)
