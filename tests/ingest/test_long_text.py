"""Long plain texts, in pieces."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from privet.ingest import long_text

LINES = b"".join(b"line %d of some words\r\n" % number for number in range(5000))


def is_long(content: bytes, form: str = "text", unit_bytes: int = 10_000) -> bool:
    source = io.BytesIO(content)
    found = long_text.is_long(form, source, len(content), unit_bytes)
    assert source.tell() == 0
    return found


def test_only_long_utf8_texts_are_cut() -> None:
    assert is_long(LINES)
    assert is_long(LINES, "markdown")
    assert not is_long(LINES, unit_bytes=len(LINES) // 2 + 1)
    assert not is_long(LINES, "html")
    assert not is_long(LINES.decode().encode("utf-16"))
    assert not is_long(b"\xef\xbb\xbf" + LINES)
    assert not is_long(LINES + "é".encode("cp1252") * 40)


@pytest.mark.parametrize("unit_bytes", [1, 37, 10_000, 10**9])
def test_the_pieces_are_the_text(tmp_path: Path, unit_bytes: int) -> None:
    source = tmp_path / "a.txt"
    source.write_bytes(LINES + b"no end")
    parts = [long_text.piece(source, unit) for unit in long_text.units(source, unit_bytes)]
    assert all(part.read()[-1:] == b"\n" for part in parts[:-1])
    for part in parts:
        part.seek(0)
    target = io.BytesIO()
    long_text.assemble(source, parts, [None] * len(parts), target)
    assert target.getvalue() == LINES + b"no end"


def test_a_text_without_a_newline_is_one_piece(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_bytes(b"x" * 100_000)
    assert len(long_text.units(source, 1000)) == 1
