"""The baseline: a file of what may stay, which only shrinks."""

from __future__ import annotations

from pathlib import Path

import pytest

from privet.check import baseline
from privet.check.baseline import Item
from privet.check.scan import scan, tree_of
from privet.errors import BadInput

FINDINGS = scan(tree_of({".env": "OLLAMA_HOST=0.0.0.0\nOLLAMA_DEBUG=1\n", "b.env": "OLLAMA_DEBUG=1\n"})).findings


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / baseline.FILE
    known = baseline.of(FINDINGS)
    assert len(known) == 3
    assert baseline.load(path) is None
    baseline.save(path, known)
    assert baseline.load(path) == known
    assert [item.name for item in tmp_path.iterdir()] == [baseline.FILE]
    text = path.read_text()
    baseline.save(path, dict(reversed(known.items())))
    assert path.read_text() == text


def test_the_document_of_the_format_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats" / "baseline.md").read_text()
    shown = page.partition("```json\n")[2].partition("```")[0]
    known = baseline.parse(shown, "x")
    assert known == {"7bbd85c6b14953b0b4bc159f7f73eff8": Item("ollama-host", ".env")}
    assert not set(known) - set(baseline.of(FINDINGS))


def test_new_ones_are_told_and_fixed_ones_taken_out() -> None:
    known = baseline.of(FINDINGS[:2])
    assert baseline.new_among(FINDINGS, known) == [FINDINGS[2]]
    assert set(baseline.shrunk(known, FINDINGS[1:], set())) == {FINDINGS[1].fingerprint}
    assert baseline.shrunk(known, [], {FINDINGS[0].path}).keys() >= {FINDINGS[0].fingerprint}
    assert baseline.shrunk({}, FINDINGS, set()) == {}


def test_a_path_that_is_no_text_is_kept(tmp_path: Path) -> None:
    known = {"0" * 32: Item("ollama-host", "a\udcff\n.env")}
    baseline.save(tmp_path / "a.json", known)
    assert baseline.load(tmp_path / "a.json") == known


def test_what_cannot_be_read_or_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read as a baseline"):
        baseline.load(tmp_path)
    (tmp_path / "latin.json").write_bytes(b"\xff")
    with pytest.raises(BadInput, match="cannot be read as a baseline"):
        baseline.load(tmp_path / "latin.json")
    with pytest.raises(BadInput, match="cannot be written"):
        baseline.save(tmp_path / "none" / "a.json", {})
