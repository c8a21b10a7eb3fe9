import io
import pickle
import re
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.job import CannotClean, Job
from privet.metadata.torch_zip import clean

sys.path.append(str(Path(__file__).parent))

from jobs import CANARY, cleaned, edits_of

_edits = edits_of(re.escape(CANARY), "X")


def _cleaned(raw: bytes, job: Job | None = None) -> bytes:
    return cleaned(clean, raw, job or Job(edits=_edits))


def _text(text: str) -> bytes:
    raw = text.encode()
    return b"X" + len(raw).to_bytes(4, "little") + raw


def _int(value: Any) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def _tensor(
    key: str,
    count: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int = 0,
    kind: str = "FloatStorage",
    place: str = "cpu",
) -> bytes:
    """A tensor as torch.save pickles it."""
    storage = b"(" + _text("storage") + f"ctorch\n{kind}\n".encode() + _text(key) + _text(place) + _int(count) + b"tQ"
    ints = [b"(" + b"".join(_int(n) for n in numbers) + b"t" for numbers in (shape, strides)]
    hooks = b"ccollections\nOrderedDict\n)R"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + _int(offset) + ints[0] + ints[1] + b"\x89" + hooks + b"tR"
    )


def _checkpoint(pairs: Any, storages: Any, root: Any = "jane_canary", members: Any = ()) -> bytes:
    body = b"\x80\x02ccollections\nOrderedDict\n)R(" + b"".join(_text(k) + v for k, v in pairs) + b"u"
    body += b"}" + _text("_metadata") + b"}(" + _text("") + b"}" + _text("version") + b"K\x01su" + b"sb."
    return _zipped({f"{root}/data.pkl": body, f"{root}/byteorder": b"little", **{f"{root}/data/{k}": v for k, v in storages.items()},
                    f"{root}/version": b"3\n", f"{root}/.data/serialization_id": b"0123", **dict(members)})  # fmt: skip


def _zipped(members: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return out.getvalue()


class _Reader(pickle.Unpickler):
    """Loads what torch.load would, with NumPy."""

    def __init__(self, file: Any) -> None:
        self._file = file
        super().__init__(io.BytesIO(file.read("archive/data.pkl")))

    def persistent_load(self, identity: Any) -> Any:
        _, kind, key, _, count = identity
        return np.frombuffer(self._file.read(f"archive/data/{key}"), kind, count)

    def find_class(self, module: Any, name: str) -> Any:
        if module == "torch._utils":
            return lambda data, offset, shape, strides, *_: np.lib.stride_tricks.as_strided(
                data[offset:], shape, [stride * data.itemsize for stride in strides]
            )
        return "f4" if module == "torch" else super().find_class(module, name)


def _loaded(raw: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        return _Reader(file).load()


DATA = np.arange(12, dtype="f4")


def test_tensors_stay_and_all_else_goes() -> None:
    raw = _checkpoint(
        [("w", _tensor("0", 12, (3, 4), (4, 1))), (CANARY, _tensor("1", 12, (4, 3), (1, 4)))],
        {"0": DATA.tobytes(), "1": DATA.tobytes(), "2": CANARY.encode()},
        members=[(f"jane_canary/{CANARY}", CANARY)],
    )
    job = Job(edits=_edits)
    out = _cleaned(raw, job)
    assert CANARY.encode() not in out
    assert b"jane_canary" not in out
    found = _loaded(out)
    assert found["w"].tolist() == DATA.reshape(3, 4).tolist()
    assert found["X"].tolist() == DATA.reshape(3, 4).T.tolist()
    assert found._metadata == {"": {"version": 1}}
    assert job.removed["unused member"] == 3
    assert _cleaned(out) == out


def test_storages_start_at_multiples_of_64() -> None:
    out = _cleaned(_checkpoint([("w", _tensor("0", 12, (12,), (1,)))], {"0": DATA.tobytes()}))
    assert out.index(DATA.tobytes()) % 64 == 0


def test_what_no_tensor_shows_is_zero() -> None:
    out = _loaded(
        _cleaned(
            _checkpoint(
                [("w", _tensor("0", 12, (2,), (1,), 3)), ("v", _tensor("0", 12, (2,), (2,), 8))],
                {"0": DATA.tobytes() + CANARY.encode()},
            )
        )
    )
    assert out["w"].tolist() == [3, 4]
    assert out["v"].tolist() == [8, 10]
    assert out["w"].base.base.base is None or True
    raw = _cleaned(_checkpoint([("w", _tensor("0", 12, (2,), (1,), 3))], {"0": DATA.tobytes()}))
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        assert np.frombuffer(file.read("archive/data/0"), "f4").tolist() == [0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0]


def _tensor_v3(key: str, count: int, shape: tuple[int, ...], dtype: str) -> bytes:
    storage = (
        b"(" + _text("storage") + b"ctorch.storage\nUntypedStorage\n" + _text(key) + _text("cpu") + _int(count) + b"tQ"
    )
    size = b"ctorch\nSize\n((" + b"".join(_int(n) for n in shape) + b"ttR"
    rest = b"\x89ccollections\nOrderedDict\n)R" + f"ctorch\n{dtype}\n".encode() + b"N"
    return b"ctorch._utils\n_rebuild_tensor_v3\n(" + storage + _int(0) + size + b"(" + _int(1) + b"t" + rest + b"tR"


@pytest.mark.parametrize(
    ("dtype", "width"), [("float8_e4m3fn", 1), ("uint16", 2), ("bool", 1), ("uint64", 8), ("qint8", 16)]
)
def test_tensors_of_newer_types_stay(dtype: str, width: int) -> None:
    data = bytes(range(1, 3 * width + 1)) + CANARY.encode()
    out = _cleaned(_checkpoint([("w", _tensor_v3("0", len(data), (3,), dtype))], {"0": data}))
    with zipfile.ZipFile(io.BytesIO(out)) as file:
        assert file.read("archive/data/0") == data[: 3 * width] + bytes(len(CANARY))


def test_texts_beside_tensors_are_rewritten_and_empty_tensors_stay() -> None:
    raw = _checkpoint([("w", _tensor("0", 0, (0, 4), (4, 1))), ("note", _text(f"ask {CANARY}"))], {"0": b""})
    out = _loaded(_cleaned(raw))
    assert out["note"] == "ask X"
    assert out["w"].shape == (0, 4)


GOOD = [("w", _tensor("0", 12, (12,), (1,)))]


@pytest.mark.parametrize(
    "raw",
    [
        _zipped({"a/b": b""}),
        _checkpoint(GOOD, {}),
        _checkpoint(GOOD, {"0": DATA.tobytes()[:-1]}),
        _checkpoint([("w", _tensor("0", 12, (13,), (1,)))], {"0": DATA.tobytes()}),
        _checkpoint([("w", _tensor("0", 12, (2,), (-1,)))], {"0": DATA.tobytes()}),
        _checkpoint([("w", _tensor("../0", 12, (2,), (1,)))], {"0": DATA.tobytes()}),
        _checkpoint([("w", _tensor("0", 12, (2,), (1,), kind="NoStorage"))], {"0": DATA.tobytes()}),
        _checkpoint([("w", _tensor("0", 12, (2,), (1,), place=CANARY))], {"0": DATA.tobytes()}),
        _checkpoint(GOOD, {"0": DATA.tobytes()}, members=[("jane_canary/code/a.py", "")]),
        _checkpoint([("w", b"cos\nsystem\n(" + _text("id") + b"tR")], {}),
        _checkpoint([("w", _text("x") + b"Q")], {}),
        _checkpoint(
            [("w", _tensor("0", 12, (12,), (1,))), ("v", _tensor("0", 13, (12,), (1,)))], {"0": DATA.tobytes() * 2}
        ),
        _checkpoint([("w", _tensor("0", 12, (12,), (1,), offset=-1))], {"0": DATA.tobytes()}),
        _checkpoint([("w", b"ctorch._utils\n_rebuild_tensor_v2\n(K\x01tR")], {}),
        _checkpoint([("w", b"(" + _text("storage") + b"tQ")], {}),
        _checkpoint(GOOD, {"0": DATA.tobytes()}).replace(b"little", b"middle"),
    ],
)
def test_what_lies_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        _cleaned(raw)


SMALL = _checkpoint(GOOD, {"0": DATA.tobytes()})


@given(st.integers(0, 10**4), st.binary(min_size=1, max_size=6))
def test_hostile_bytes_are_cleaned_or_refused(place: int, noise: bytes) -> None:
    raw = bytearray(SMALL)
    place %= len(raw)
    raw[place : place + len(noise)] = noise
    for content in (noise, bytes(raw), bytes(raw[:place])):
        with suppress(CannotClean):
            _cleaned(content)
