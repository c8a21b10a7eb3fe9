import io
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

from privet.metadata.job import CannotClean, Job, Member
from privet.metadata.numpy import clean

sys.path.append(str(Path(__file__).parent))

from jobs import CANARY, cleaned, edits_of

LABEL = "[EMAIL_ADDRESS_OF_SOMEONE]"


_edits = edits_of(re.escape(CANARY), LABEL)


def _cleaned(raw: bytes, job: Job | None = None) -> bytes:
    return cleaned(clean, raw, job or Job(edits=_edits))


def _saved(array: Any, version: Any = None) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version)
    return out.getvalue()


def _loaded(raw: bytes) -> Any:
    return np.load(io.BytesIO(raw), allow_pickle=False)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=">f4").reshape(3, 4),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.array(7),
        np.zeros((0, 3)),
        np.array(["2026-01-01"], "M8[D]"),
        np.zeros(3, "V2"),
    ],
)
def test_numbers_stay_byte_for_byte(array: Any, version: Any) -> None:
    out = _cleaned(_saved(array, version))
    assert _loaded(out).tobytes("A") == array.tobytes("A")
    assert _loaded(out).dtype == array.dtype
    assert _loaded(out).shape == array.shape
    assert _cleaned(out) == out


def test_bytes_behind_and_notes_in_the_header_go() -> None:
    raw = _saved(np.arange(4, dtype=np.int8))
    job = Job()
    hidden = raw.replace(b"'shape'", b"'shape'", 1) + CANARY.encode()
    assert CANARY.encode() not in _cleaned(hidden, job)
    assert job.removed["hidden bytes"] == 1
    room = raw.index(b"}")
    noted = raw[: room + 1] + (b" #" + CANARY.encode()).ljust(raw.index(b"\n") - room - 1) + raw[raw.index(b"\n") :]
    assert CANARY.encode() not in _cleaned(noted)


@pytest.mark.parametrize("kind", ["U", "S", ">U"])
def test_texts_are_rewritten_and_cells_grow(kind: str) -> None:
    texts = np.array([["a", CANARY], [f"ask {CANARY} now", "\u00e9" if "U" in kind else "e"]])
    array = texts.astype(kind) if "S" not in kind else np.char.encode(texts, "utf-8")
    out = _loaded(_cleaned(_saved(array)))
    assert out.astype("U").tolist() == [[text.replace(CANARY, LABEL) for text in row] for row in texts.tolist()]
    assert out.dtype.byteorder == array.dtype.byteorder


def test_large_arrays_of_texts_are_rewritten_across_blocks() -> None:
    texts = np.array([f"row {n}" for n in range(60_000)], "U24")
    texts[[0, 43_690, 43_691, 59_999]] = CANARY
    out = _loaded(_cleaned(_saved(texts)))
    assert out.tolist() == [text.replace(CANARY, LABEL) for text in texts.tolist()]


def test_records_lose_padding_and_titles_and_their_texts_are_rewritten() -> None:
    kind = np.dtype(
        [(("a title " + CANARY, "n"), "i4"), (CANARY, "U30", (2,)), ("in", [("x", "S30"), ("y", "u1")])], align=True
    )
    padded = np.dtype(
        {"names": ["k", "rest"], "formats": ["u1", kind], "offsets": [0, 64], "itemsize": 64 + kind.itemsize}
    )
    array = np.frombuffer(
        bytearray(CANARY.encode() * 100)[: padded.itemsize * 3].ljust(padded.itemsize * 3), "u1"
    ).copy()
    array = array.view(padded)
    array["k"] = [1, 2, 3]
    for row in range(3):
        array["rest"]["n"][row] = row
        array["rest"][CANARY][row] = [CANARY, "b"]
        array["rest"]["in"]["x"][row] = CANARY.encode()
        array["rest"]["in"]["y"][row] = row
    raw = _saved(array)
    out = _cleaned(raw)
    assert CANARY.encode() not in out
    assert CANARY.encode("utf-32-le") not in out
    found = _loaded(out)
    assert found["k"].tolist() == [1, 2, 3]
    assert found["rest"].dtype.names == ("n", LABEL, "in")
    assert found["rest"][LABEL].tolist() == [[LABEL, "b"]] * 3
    assert found["rest"]["in"].tolist() == [(LABEL.encode(), 0), (LABEL.encode(), 1), (LABEL.encode(), 2)]
    assert _cleaned(out) == out


def test_what_lies_behind_a_text_in_its_cell_goes() -> None:
    raw = _saved(np.array(["ab" + "z" * 30, "c"], "S40")).replace(b"z" * 30, b"\0" + CANARY.encode().ljust(29, b"\0"))
    assert CANARY.encode() in raw
    out = _cleaned(raw)
    assert CANARY.encode() not in out


def test_an_archive_of_arrays() -> None:
    out = io.BytesIO()
    np.savez_compressed(out, a=np.arange(5), **{CANARY: np.array([CANARY])})
    with zipfile.ZipFile(out, "a") as file:
        file.writestr("note.txt", CANARY)
        file.comment = CANARY.encode()
    job = Job(edits=_edits)
    found = _loaded(_cleaned(out.getvalue(), job))
    assert sorted(found.files) == sorted(["a", LABEL])
    assert found["a"].tolist() == [0, 1, 2, 3, 4]
    assert found[LABEL].tolist() == [LABEL]
    assert job.removed["member set aside"] == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x93NUMPY\x01\0",
        b"\x93NUMPY\x02\0\xff\xff\xff\xff",
        b"\x93NUMPY\x01\0\x02\0{}",
        b"\x93NUMPY\x01\0\x06\0" + b"(" * 6,
        _saved(np.arange(9))[:-1],
        _saved(np.array([1], "O")),
        _saved(np.array([(1, 2)], [("a", "O"), ("b", "i1")])),
        _saved(np.zeros(3, "V100")),
        b"PK\x03\x04",
        _saved(np.zeros(1)).replace(b"(1,)", b"(-1)"),
        _saved(np.zeros(1)).replace(b"(1,), ", b"(1e9,)"),
    ],
)
def test_what_lies_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        _cleaned(raw)


SMALL = _saved(np.array([(1, "x")], [("a", "i4"), ("b", "U4")]))


@given(st.integers(0, 400), st.binary(min_size=1, max_size=6))
def test_hostile_bytes_are_cleaned_or_refused(place: int, noise: bytes) -> None:
    raw = bytearray(SMALL)
    place %= len(raw)
    raw[place : place + len(noise)] = noise
    for content in (noise, bytes(raw), bytes(raw[:place])):
        with suppress(CannotClean):
            _cleaned(content)


SAID = f"write to {CANARY} now".encode()
NEW = SAID.replace(CANARY.encode(), LABEL.encode()[: len(CANARY)].ljust(len(CANARY)))


@pytest.mark.parametrize("kind", ["u1", "i1"])
def test_bytes_that_are_text_are_cleaned_in_their_place(kind: str) -> None:
    mask = bytes((0, 1, 1, 0)) * len(SAID)
    rows = np.frombuffer(SAID + mask[: len(SAID)] + SAID[:-4] + bytes(4), kind).reshape(3, -1)
    clean_rows = np.frombuffer(NEW + mask[: len(SAID)] + NEW[:-4] + bytes(4), kind).reshape(3, -1)
    for raw, wanted in (
        (np.frombuffer(SAID, kind), np.frombuffer(NEW, kind)),
        (
            np.frombuffer(SAID + b"\0" + "é".encode() + SAID, kind),
            np.frombuffer(NEW + b"\0" + "é".encode() + NEW, kind),
        ),
        (rows, clean_rows),
        (np.asfortranarray(rows.T), clean_rows.T),
        (np.stack([rows, rows]), np.stack([clean_rows, clean_rows])),
    ):
        out = _loaded(_cleaned(_saved(raw)))
        assert (out == wanted).all()
        assert (out.dtype, out.shape) == (raw.dtype, raw.shape)
    out = io.BytesIO()
    np.savez_compressed(out, a=rows, b=np.array([1.5]))
    assert (np.load(io.BytesIO(_cleaned(out.getvalue())))["a"] == clean_rows).all()


def test_bytes_in_fields_that_are_text_are_cleaned() -> None:
    rows = np.zeros(3, [("n", "i4"), ("raw", "u1", (len(SAID),)), ("grid", "u1", (2, len(SAID)))])
    rows["raw"][1] = np.frombuffer(SAID, "u1")
    rows["grid"][2, 1] = np.frombuffer(SAID, "u1")
    out = _loaded(_cleaned(_saved(rows)))
    assert out["raw"][1].tobytes() == out["grid"][2, 1].tobytes() == NEW
    assert not out["raw"][[0, 2]].any()
    assert not out["n"].any()


def test_pixels_stay_and_a_picture_in_an_array_is_cleaned() -> None:
    chance = np.random.default_rng(1)
    for pixels in (
        chance.integers(0, 256, (40, 50, 3), np.uint8),
        np.clip(np.cumsum(chance.integers(-3, 4, (50, 80)), axis=1) + 90, 33, 122).astype(np.uint8),
        np.full((9, 9), 100, np.uint8),
    ):
        job = Job(edits=lambda texts, _place: pytest.fail("pixels are no text") if texts else [])
        assert (_loaded(_cleaned(_saved(pixels), job)) == pixels).all()
    picture = np.frombuffer(b"\x89PNG\r\n\x1a\n" + bytes(40), "u1")
    job = Job(nested=lambda name, content: Member(name, content[:9]))
    assert _loaded(_cleaned(_saved(picture), job)).tobytes() == b"\x89PNG\r\n\x1a\n\0"
    with pytest.raises(CannotClean, match="a file in the array"):
        _cleaned(_saved(picture), Job())
