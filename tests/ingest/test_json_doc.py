"""JSON documents: arrays are streamed, indentation stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.ingest import json_doc
from privet.metadata.job import CannotClean, Limits

Scrub = Callable[..., bytes]
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=80, deadline=None)
@given(
    value=_VALUES,
    indent=st.sampled_from((None, 0, 2, "\t")),
    is_ascii=st.booleans(),
    around=st.sampled_from(("", "\n", " \r\n")),
)
def test_a_document_in_which_nothing_changes_is_the_same(
    value: Any,
    indent: Any,
    around: str,
    scrubbed: Scrub,
    cleaner: Any,
    tmp_path_factory: pytest.TempPathFactory,
    *,
    is_ascii: bool,
) -> None:
    source = tmp_path_factory.getbasetemp() / "idle.json"
    text = around + json.dumps(value, indent=indent, ensure_ascii=is_ascii) + around
    content = text.encode("utf-8", "replace")
    source.write_bytes(content)
    assert scrubbed(json_doc, source, lambda: cleaner(is_idle=True)) == content


@pytest.mark.parametrize("indent", [None, 2, 4, "\t"])
def test_what_changes_keeps_the_indentation(indent: Any, scrubbed: Scrub, tmp_path: Path) -> None:
    value = [{"a": "jane@example.com", "m": [{"k": ["x", "jane@example.com"]}], "n": i} for i in range(3)]
    source = tmp_path / "a.json"
    for document in (value, {"data": value, "version": 1}):
        text = json.dumps(document, indent=indent) + "\n"
        source.write_text(text)
        assert scrubbed(json_doc, source).decode() == text.replace("jane@example.com", "[EMAIL]")


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({0, 1, 2}, "[\n 1,\n 2 ,\n 3\n]\n"),
        ({0, 2}, "[\n 1 ,\n 3\n]\n"),
        ({1}, "[\n 2\n]\n"),
        (set(), "[]\n"),
    ],
)
def test_records_that_are_not_kept_go_with_their_comma(
    kept: set[int], expected: str, scrubbed: Scrub, tmp_path: Path
) -> None:
    source = tmp_path / "a.json"
    source.write_text("[\n 1,\n 2 ,\n 3\n]\n")
    assert scrubbed(json_doc, source, kept=lambda row: row in kept).decode() == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'[{"a": 1}, {"a": ]', "record 2 is not JSON"),
        (b'[{"a": 1} {"a": 2}]', "comma"),
        (b'[{"a": 1}] x', "behind the array"),
        (b'{"a": 1} x', "record 1 is not JSON"),
        (b"[1, 2", "not JSON"),
        (b'["\xff"]', "not UTF-8"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'[1, "' + b"x" * 2_500_000 + b'"', "record 2 is not JSON, or longer than 100000 bytes"),
        (b"", "not JSON"),
    ],
)
def test_what_is_no_json_is_refused(content: bytes, reason: str, scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.json"
    source.write_bytes(content)
    with pytest.raises(CannotClean, match=reason):
        scrubbed(json_doc, source, lambda: cleaner(limits=Limits(max_record_bytes=100_000)))


def test_arrays_longer_than_a_chunk_are_whole(scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.json"
    value = [{"id": at, "text": "jane@example.com " * (at % 50)} for at in range(8000)]
    source.write_text(json.dumps(value))
    assert source.stat().st_size > 3 << 20
    assert json.loads(scrubbed(json_doc, source)) == json.loads(
        source.read_text().replace("jane@example.com", "[EMAIL]")
    )
