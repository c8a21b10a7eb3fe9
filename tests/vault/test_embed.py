"""The local model, as it is in the registry's wheel."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from privet.errors import Unprotected
from privet.vault import embed
from privet.vault.embed import DIMENSIONS, MAX_TOKENS, LocalModel


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return LocalModel()


def test_texts_of_like_meaning_are_near(model: LocalModel) -> None:
    texts = ["How do I reset my password?", "I forgot my login and cannot sign in", "Lentil soup with carrots"]
    vectors = model(texts)
    assert vectors.shape == (3, DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    likeness = vectors @ vectors.T
    assert likeness[0, 1] > 0.4
    assert max(likeness[0, 2], likeness[1, 2]) < 0.2


def test_a_vector_does_not_depend_on_what_is_embedded_with_it(model: LocalModel) -> None:
    texts = [f"text {number} " * (1 + number % 7) for number in range(70)]
    together = model(texts)
    for row in (0, 33, 69):
        assert model([texts[row]])[0] == pytest.approx(together[row], abs=1e-5)


def test_any_text_is_embedded(model: LocalModel) -> None:
    vectors = model(["", "\0\ud7ff", "漢字 😀", "x" * 5000])
    assert np.isfinite(vectors).all()
    assert model([]).shape == (0, DIMENSIONS)


def test_what_is_longer_than_the_model_reads_is_counted() -> None:
    model = LocalModel()
    words = MAX_TOKENS - 2
    short, long, longer = model(["word " * words, "word " * words + "end", "word " * words + "other end"])
    assert model.cut == 2
    assert long == pytest.approx(short, abs=1e-5)
    assert longer == pytest.approx(short, abs=1e-5)


def test_the_vocabulary_is_that_of_bert_and_marks_in_a_text_are_text(model: LocalModel) -> None:
    raw = Path(embed.__file__).with_name("wordpieces.txt").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
    assert model._tokenizer.encode("Hello, World").ids == [101, 7592, 1010, 2088, 102]
    assert model._tokenizer.encode("[SEP]").ids.count(102) == 1


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tokenizers", "onnxruntime"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(Unprotected, match=rf"{name}; pip install 'privet\[vault\]'"):
                LocalModel()
    monkeypatch.setattr(embed, "PACKAGE", "not_there")
    with pytest.raises(Unprotected, match="not installed"):
        LocalModel()


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other_weights").mkdir()
    (tmp_path / "other_weights/__init__.py").write_text("raise SystemExit\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(embed, "PACKAGE", "other_weights")
    with pytest.raises(Unprotected, match="cannot be read"):
        LocalModel()
    (tmp_path / "other_weights/model.onnx").write_bytes(b"other")
    with pytest.raises(Unprotected, match="not the known one"):
        LocalModel()


def test_it_has_no_content_in_its_name(model: LocalModel) -> None:
    assert repr(model) == "LocalModel(all-MiniLM-L6-v2)"
