"""JSON lines: bytes that need not change do not, and nothing hides in what readers of JSON read in different ways."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.ingest import json_texts, jsonl
from privet.ingest.json_texts import written
from privet.ingest.record_file import Unit
from privet.metadata.job import CannotClean, Limits

Scrub = Callable[..., bytes]

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)


@st.composite
def _files(draw: st.DrawFn) -> bytes:
    lines = []
    for value in draw(st.lists(st.dictionaries(st.text(max_size=6), _VALUES, max_size=5) | _VALUES, max_size=12)):
        separators = draw(st.sampled_from(((",", ":"), (", ", ": "), (" ,\t", " : "))))
        line = json.dumps(value, ensure_ascii=draw(st.booleans()), separators=separators)
        lines.append(line.encode("utf-8", "surrogatepass") if line.isascii() else line.encode("utf-8", "replace"))
    ends = [draw(st.sampled_from((b"\n", b"\r\n", b"\n\n", b" \n"))) for _ in lines]
    body = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    if lines and draw(st.booleans()):
        body = body.rstrip(b"\r\n ")
    return draw(st.sampled_from((b"", b"\xef\xbb\xbf"))) + body


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.sampled_from((b'"a"', '"é"'.encode(), b'"a" ')))
def test_a_text_is_written_as_python_writes_it(text: str, old: bytes) -> None:
    expected = json.dumps(text, ensure_ascii=old.isascii())
    assert json_texts.written(text, old).rstrip() == expected.encode()


@settings(max_examples=60, deadline=None)
@given(content=_files(), unit_bytes=st.integers(1, 60))
def test_what_does_not_change_keeps_every_byte_however_it_is_cut(
    content: bytes, unit_bytes: int, scrubbed: Scrub, cleaner: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = tmp_path_factory.getbasetemp() / "idle.jsonl"
    source.write_bytes(content)
    assert scrubbed(jsonl, source, lambda: cleaner(is_idle=True), unit_bytes=unit_bytes) == content


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(
        st.dictionaries(
            st.sampled_from(("a", "b", "jane@example.com")),
            st.sampled_from(("jane@example.com", ["x", {"k": "jane@example.com"}], 1.50, 4111111111111111, None)),
        ),
        max_size=20,
    ),
    unit_bytes=st.integers(1, 200),
)
def test_units_give_what_one_unit_gives(
    values: list[Any], unit_bytes: int, scrubbed: Scrub, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = tmp_path_factory.getbasetemp() / "units.jsonl"
    source.write_text("".join(json.dumps(value) + "\n" for value in values))
    whole = scrubbed(jsonl, source)
    assert b"jane@example.com" not in whole
    assert b"4111111111111111" not in whole
    assert whole == scrubbed(jsonl, source, unit_bytes=unit_bytes)
    assert [len(json.loads(line)) for line in whole.splitlines()] == [len(value) for value in values]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"a": "x", "n":1.0, "t": "jane@example.com"}', b'{"a": "x", "n":1.0, "t": "[EMAIL]"}'),
        (b'{"t":"\\u006aane@example.com","e":"\\u00e9"}', b'{"t":"[EMAIL]","e":"\\u00e9"}'),
        (b'{"card":4111111111111111, "z" : 1}', b'{"card":null, "z" : 1}'),
        (b'{"jane@example.com": 1, "b": 2}', b'{"[EMAIL]": 1, "b": 2}'),
        (b'{"m": [{"k": "jane@example.com"}], "n": 1e5}', b'{"m": [{"k": "[EMAIL]"}], "n": 1e5}'),
        (b'{"m":[{"k":"\\u00e9jane@example.com"}]}', b'{"m":[{"k":"\\u00e9[EMAIL]"}]}'),
        (b'["jane@example.com",1]', b'["[EMAIL]",1]'),
        (b'"to jane@example.com"', b'"to [EMAIL]"'),
        (b'{"a": NaN, "t": "jane@example.com"}', b'{"a": NaN, "t": "[EMAIL]"}'),
        (b'{"a": "\\ud800 jane@example.com"}', b'{"a": "\\ufffd [EMAIL]"}'),
        (b'{"a": "tab\there jane@example.com"}', b'{"a": "tab\\there [EMAIL]"}'),
        (b"{}", b"{}"),
        # What readers take of a repeated key is the last value: what they do not see must not stay.
        (b'{"a": "jane@example.com", "a": "ok"}', b'{"a":"ok"}'),
        (b'{"m": {"a": "jane@example.com", "a" : "ok"}}', b'{"m": {"a": "ok"}}'),
        (b'{"m": [1, {"a":"jane@example.com","\\u0061":"ok","t":"a:b"}]}', b'{"m": [1, {"a":"ok","t":"a:b"}]}'),
        (b'{"a": 1, "m": NaN, "a": "ok"}', b'{"a": "ok", "m": NaN}'),
    ],
)
def test_only_what_changes_is_written_anew(line: bytes, expected: bytes, scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(b'{"first": 1}\n' + line + b"\n")
    out = scrubbed(jsonl, source).splitlines()[1]
    assert b"jane@example.com" not in out
    if b" :" in line and b"m" in line[:4]:
        assert json.loads(out) == json.loads(expected)
    else:
        assert out.replace(b", ", b",") == expected.replace(b", ", b",")


def test_columns_that_are_left_out_are_gone_from_every_line(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(b'{"a": 1, "b": "x"}\r\n{"b": "y"}\n{ "c":3, "a":"jane@example.com"}\n')
    out = scrubbed(jsonl, source, lambda: cleaner(left_out=("a",)))
    assert out == b'{"b": "x"}\r\n{"b": "y"}\n{ "c":3}\n'


def test_rows_that_are_not_kept_are_gone_and_blank_lines_stay(scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(b'\n{"a":1}\n\n{"a":2}\r\n  \n{"a":3}')
    assert scrubbed(jsonl, source, kept=lambda row: row != 1) == b'\n{"a":1}\n\n  \n{"a":3}'
    assert scrubbed(jsonl, source, kept=lambda row: row != 1, unit_bytes=4) == b'\n{"a":1}\n\n  \n{"a":3}'


def test_rows_are_noted_with_the_line_as_their_identity(cleaner: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(b'{"a":"jane@example.com"}\r\n{"a":1,"b":2}\n')
    records = cleaner()
    with (tmp_path / "part").open("w+b") as part:
        jsonl.clean_unit(source, Unit(0, source.stat().st_size), records, part)
    assert records.identities == [b'{"a":"[EMAIL]"}', b'{"a":1,"b":2}']
    assert records.rows == [{"a": "[EMAIL]"}, {"a": 1, "b": 2}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a":1}\n\n{"a":\n', "line 3 is not JSON"),
        (b'{"a":1}\n{"a":"\xff"}\n', "line 2 is not UTF-8"),
        (b'{"a":1}\n' + b"[" * 100_000 + b"\n", "line 2 is nested too deeply"),
        (b'{"a":1}\n{"a":"' + b"x" * 3_000_000 + b'"}\n{}\n', "line 2 is longer than 1000000 bytes"),
        (b'{"a":"' + b"x" * 3_000_000, "line 1 is longer than 1000000 bytes"),
        (b'{"a":1}\n\x00\x00\x00\x00', "line 2 is not JSON"),
    ],
)
@pytest.mark.parametrize("unit_bytes", [4, 1 << 30])
def test_what_cannot_be_read_refuses_the_file_and_names_the_line(
    content: bytes, reason: str, unit_bytes: int, scrubbed: Scrub, cleaner: Any, tmp_path: Path
) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(content)
    with pytest.raises(CannotClean) as refused:
        scrubbed(jsonl, source, lambda: cleaner(limits=Limits(max_record_bytes=10**6)), unit_bytes=unit_bytes)
    assert refused.value.reason == reason


def test_packed_and_utf_16_files_come_back_in_their_form(scrubbed: Scrub, tmp_path: Path) -> None:
    text = '{"a": "jane@example.com"}\n{"b": "é"}\n'
    clean = text.replace("jane@example.com", "[EMAIL]")
    with gzip.open(tmp_path / "jane.jsonl.gz", "wb") as file:
        file.write(text.encode())
    packed = scrubbed(jsonl, tmp_path / "jane.jsonl.gz")
    assert gzip.decompress(packed).decode() == clean
    assert packed[3] == 0  # no name, no comment
    assert packed[4:8] == bytes(4)
    assert packed == scrubbed(jsonl, tmp_path / "jane.jsonl.gz")
    hidden = b"\x50\x2a\x4d\x18\x06\x00\x00\x00HIDDEN"
    frames = zstandard.compress(text[:26].encode()) + hidden + zstandard.compress(text[26:].encode())
    (tmp_path / "a.zst").write_bytes(frames)
    packed = scrubbed(jsonl, tmp_path / "a.zst", kept=lambda row: row == 0)
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed).decode() == clean[:17]
    assert b"HIDDEN" not in packed
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        (tmp_path / "a.jsonl").write_bytes(text.encode(encoding))
        assert scrubbed(jsonl, tmp_path / "a.jsonl") == clean.encode(encoding)


def test_damaged_packing_and_bombs_are_refused(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.gz"
    source.write_bytes(gzip.compress(os.urandom(5000).hex().encode())[:-900])
    with pytest.raises(CannotClean, match=r"damaged|truncated"):
        scrubbed(jsonl, source)
    source.write_bytes(gzip.compress((b'{"a":"' + b"0" * 1_000_000 + b'"}\n') * 70))
    with pytest.raises(CannotClean, match="unpack"):
        scrubbed(jsonl, source, lambda: cleaner(is_idle=True))
    source.write_bytes(gzip.compress(b"0" * 5_000_000))
    with pytest.raises(CannotClean, match="line 1 is longer than 100000 bytes"):
        scrubbed(jsonl, source, lambda: cleaner(limits=Limits(max_record_bytes=100_000)))


def test_rows_whose_keys_all_differ_stay_small_in_memory(scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    with source.open("w") as file:
        for row in range(120):
            file.write(json.dumps({f"key {row} {at}": at for at in range(100)}) + "\n")
    tracemalloc.start()
    out = scrubbed(jsonl, source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert out == source.read_bytes()
    assert peak < 30_000_000


def test_a_file_without_lines_has_one_empty_unit(scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(b"")
    assert jsonl.units(source, 10) == [Unit(0, 0)]
    assert scrubbed(jsonl, source) == b""


@pytest.mark.parametrize("old", [b'"x"', '"é"'.encode()], ids=["ascii", "utf-8"])
def test_a_new_text_is_written_as_json_does(old: bytes) -> None:
    for code in (*range(0x300), 0x2028, 0xFFFE, 0x1F600):
        text = f"a{chr(code)}b"
        assert written(text, old) == json.dumps(text, ensure_ascii=old.isascii()).encode()
