import io
import pickle
import re
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.job import CannotClean, Job
from privet.metadata.pickles import clean

sys.path.append(str(Path(__file__).parent))

from jobs import CANARY, cleaned, edits_of

_edits = edits_of(re.escape(CANARY), "X")


def _cleaned(raw: bytes, job: Job | None = None) -> bytes:
    return cleaned(clean, raw, job or Job(edits=_edits))


PLAIN = {
    "rows": [1, -5, 300, 70_000, 2**40, -(2**70), 10**700, 1.5, None, True, False],
    "nested": [{"a": ("x", ("y",), ()), "b": {1, 2}, "c": frozenset({"q"})}, [], {}],
    ("k", 1): "caf\u00e9 \U0001f600",
    "ordered": OrderedDict([("z", 1), ("a", 2)]),
}


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_stay(protocol: int) -> None:
    out = _cleaned(pickle.dumps(PLAIN, protocol))
    assert pickle.loads(out) == PLAIN
    assert list(pickle.loads(out)) == list(PLAIN)
    assert _cleaned(out) == out


@pytest.mark.parametrize("protocol", range(6))
def test_texts_and_keys_are_rewritten(protocol: int) -> None:
    value = {CANARY: [f"ask {CANARY}", (CANARY,)], "X": 1, "o": OrderedDict([(CANARY, 2)])}
    out = _cleaned(pickle.dumps(value, protocol))
    assert CANARY.encode() not in out
    assert pickle.loads(out) == {"X": ["ask X", ("X",)], "X_2": 1, "o": {"X": 2}}


def test_a_text_alone_is_rewritten() -> None:
    assert pickle.loads(_cleaned(pickle.dumps(CANARY))) == "X"


def test_sharing_stays_and_costs_nothing() -> None:
    shared: list = ["a"]
    for _ in range(100):
        shared = [shared, shared]
    out = _cleaned(pickle.dumps(shared))
    assert len(out) < 3000
    found = pickle.loads(out)
    assert found[0] is found[1]


def test_deleted_and_hidden_texts_go() -> None:
    # A text that is put on the stack and taken off again, one that a later key overwrites, and one behind the end.
    raw = b"\x80\x02X" + bytes((len(CANARY), 0, 0, 0)) + CANARY.encode() + b"0}(X\x01\0\0\0aX"
    raw += bytes((len(CANARY), 0, 0, 0)) + CANARY.encode() + b"X\x01\0\0\0aK\x01u." + CANARY.encode()
    job = Job()
    out = _cleaned(raw, job)
    assert CANARY.encode() not in out
    assert pickle.loads(out) == {"a": 1}
    assert job.removed["hidden bytes"] == 1


def test_pickles_behind_each_other_stay() -> None:
    out = io.BytesIO(_cleaned(pickle.dumps({"a": 1}) + pickle.dumps([CANARY], 2)))
    assert [pickle.load(out), pickle.load(out)] == [{"a": 1}, ["X"]]
    with pytest.raises(CannotClean):
        _cleaned(pickle.dumps(1) + pickle.dumps(_Runs()))


def test_an_old_checkpoint_is_refused() -> None:
    with pytest.raises(CannotClean, match="old PyTorch"):
        _cleaned(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2))


def test_local_paths_keep_their_last_part() -> None:
    job = Job()
    assert pickle.loads(_cleaned(pickle.dumps({"out": "/home/jane/run/best", "u": "/v1/chat"}), job)) == {
        "out": "best",
        "u": "/v1/chat",
    }
    assert job.removed["local path"] == 1


class _Runs:
    def __reduce__(self) -> Any:
        return (print, ("run",))


class _Plain:
    pass


def _holding_itself() -> Any:
    value: list = []
    value.append(value)
    return value


def _deep() -> Any:
    value: list = []
    for _ in range(400):
        value = [value]
    return value


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "value",
    [_Runs(), {"a": _Runs()}, _Plain(), [_Plain()], np.arange(3), b"bytes", print, _holding_itself(), _deep(), 1j],
    ids=range(10),
)
def test_more_than_plain_values_is_refused(value: Any, protocol: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CannotClean):
        _cleaned(pickle.dumps(value, protocol))
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80\x02.",
        b"\x80\x02K\x01",
        b"\x80\x02K\x01K\x02.",
        b"\x80\x02(.",
        b"\x80\x02t.",
        b"\x80\x02h\x05.",
        b"\x80\x02}K\x01s.",
        b"\x80\x02(](u.",
        b"\x80\x02cos\nsystem\n.",
        b"\x80\x02ccollections\nOrderedDict\n)R]K\x01s.",
        b"\x80\x02cos\nsystem\n(X\x02\0\0\0idtR.",
        b"\x80\x02X\x01\0\0\0aQ.",
        b"\x80\x02]](K\x01(ee.",
        b"I\n.",
    ],
)
def test_what_is_broken_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        _cleaned(raw)


@given(st.integers(0, 10**4), st.binary(min_size=1, max_size=6), st.sampled_from([0, 2, 4]))
def test_hostile_bytes_are_cleaned_or_refused(place: int, noise: bytes, protocol: int) -> None:
    raw = bytearray(pickle.dumps(PLAIN, protocol))
    place %= len(raw)
    raw[place : place + len(noise)] = noise
    for content in (noise, bytes(raw), bytes(raw[:place]), b"\x80\x02" + noise + b"."):
        with suppress(CannotClean):
            _cleaned(content)
