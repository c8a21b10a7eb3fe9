"""Texts in arrays, pickles, logs and drawings."""

from __future__ import annotations

import pickle
import struct
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))

from audit_files import entry

from privet.audit.reading import records_of
from privet.audit.record import Record
from privet.audit.walking import Dataset


def texts(content: bytes, name: str = "a") -> str:
    return "\n".join(found.text for found in records_of(entry(content, name)) if isinstance(found, Record))


def saved(values: Any) -> bytes:
    out = BytesIO()
    np.save(out, values, allow_pickle=True)
    return out.getvalue()


ADDRESS = "jane@example.com"
ROWS = np.array([(ADDRESS, 1)], dtype=[("mail", "U20"), ("n", "i4")])


@pytest.mark.parametrize(
    "values",
    [
        np.array(["two", ADDRESS]),
        np.array([ADDRESS.encode()]),
        ROWS,
        np.array([{"a": ADDRESS}], dtype=object),
        np.frombuffer(ADDRESS.encode(), np.uint8),
    ],
)
def test_texts_of_arrays(values: Any) -> None:
    assert ADDRESS in texts(saved(values))


def test_numbers_are_no_records() -> None:
    assert texts(saved(np.arange(99.0))) == ""


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("it ran",))


def test_a_pickle_is_read_and_not_run() -> None:
    raw = pickle.dumps({"mail": ADDRESS, "more": b"bytes of jane"}) + pickle.dumps([_Runs(), "second"])
    found = texts(raw)
    assert ADDRESS in found
    assert "bytes of jane" in found
    assert "second" in found


def test_a_damaged_pickle_is_unread(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(["words"] * 9)[:20])
    dataset = Dataset.at(tmp_path)
    assert len(list(dataset.pass_over())) <= 1
    assert dataset.unread == {"a.pkl": "damaged or encrypted"}


def test_a_checkpoint_is_its_pickle_and_numbers(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"w": 1, "note": ADDRESS}, 2))
        archive.writestr("archive/data/0", bytes(range(256)))
        archive.writestr("archive/version", "3\n")
    dataset = Dataset.at(tmp_path)
    found = "".join(seen.record.text for seen in dataset.pass_over())
    assert ADDRESS in found
    assert dataset.unread == {}


def test_events_of_a_log() -> None:
    first = b"\x09" + bytes(8) + b"\x1a\x0dbrain.Event:2"
    second = b"\x09" + bytes(8) + b"\x2a\x20 host jane.example.com"
    raw = b"".join(struct.pack("<Q", len(event)) + bytes(4) + event + bytes(4) for event in (first, second))
    found = [each for each in records_of(entry(raw)) if isinstance(each, Record)]
    assert [each.line for each in found] == [1, 2]
    assert "host jane.example.com" in found[1].text


def test_words_of_drawings_in_either_width() -> None:
    head = struct.pack("<II", 1, 100) + bytes(32) + b" EMF" + bytes(56)
    assert "ask Jane Example" in texts(head + "ask Jane Example".encode("utf-16-le"))
    assert "ask Jane Example" in texts(b"\1\0\x09\0\0\3" + bytes(12) + b"ask Jane Example\0")


def test_the_text_of_a_djvu_page_cannot_be_read_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.djvu").write_bytes(b"AT&TFORM\0\0\0\x10DJVUTXTz\0\0\0\4\1\2\3\4")
    dataset = Dataset.at(tmp_path)
    assert list(dataset.pass_over()) == []
    assert list(dataset.unread) == ["a.djvu"]


def test_orc_rows(tmp_path: Path) -> None:
    orc = pytest.importorskip("pyarrow.orc")
    import pyarrow as pa

    orc.write_table(pa.table({"mail": [ADDRESS, "two"]}), tmp_path / "a.orc")
    found = [seen.record for seen in Dataset.at(tmp_path).pass_over()]
    assert [record.text for record in found] == [f"mail: {ADDRESS}\n", "mail: two\n"]
