from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from privet.errors import BadInput
from privet.vault import Vault

ROW = np.ones((1, 4), np.float32)
LONE = "\ud800"


def nested(depth: int) -> dict[str, Any]:
    return {"in": nested(depth - 1)} if depth else {}


BAD: dict[str, tuple[Callable[[Vault], object], str]] = {
    "an id twice": (lambda vault: vault.add(["a", "a"], np.ones((2, 4))), "twice"),
    "an id that is there": (lambda vault: vault.add(["held"], ROW), "there already"),
    "an empty id": (lambda vault: vault.add([""], ROW), "not empty"),
    "a number as id": (lambda vault: vault.add([1], ROW), "texts"),  # type: ignore[list-item]
    "a lone surrogate": (lambda vault: vault.add([LONE], ROW), "surrogates"),
    "one text as ids": (lambda vault: vault.add("a", ROW), "list of ids"),
    "another dimension": (lambda vault: vault.add(["a"], np.ones((1, 5))), "4 dimensions, found 5"),
    "one dimension": (lambda vault: vault.add(["a"], np.ones(4)), "shape"),
    "too few vectors": (lambda vault: vault.add(["a", "b"], ROW), "shape"),
    "words as vectors": (lambda vault: vault.add(["a"], [["x"] * 4]), "float32"),  # type: ignore[arg-type]
    "not a number": (lambda vault: vault.add(["a"], ROW * np.nan), "NaN"),
    "a vector that is too long": (lambda vault: vault.add(["a"], ROW * np.float32(1e30)), "longer than float32"),
    "infinity": (lambda vault: vault.add(["a"], ROW * -np.inf), "NaN or infinity"),
    "beyond float32": (lambda vault: vault.add(["a"], [[1e39, 0, 0, 0]]), "NaN or infinity"),  # type: ignore[arg-type]
    "too few documents": (lambda vault: vault.add(["a"], ROW, documents=[]), "1 documents"),
    "bytes as document": (lambda vault: vault.add(["a"], ROW, documents=[b"x"]), "documents"),  # type: ignore[list-item]
    "a document of a lone surrogate": (lambda vault: vault.add(["a"], ROW, documents=[LONE]), "cannot be stored"),
    "one mapping as metadata": (lambda vault: vault.add(["a"], ROW, metadata={"a": 1}), "1 metadata"),  # type: ignore[arg-type]
    "a list as metadata": (lambda vault: vault.add(["a"], ROW, metadata=[[1]]), "mappings"),  # type: ignore[list-item]
    "a number as field": (lambda vault: vault.add(["a"], ROW, metadata=[{1: 2}]), "mappings"),  # type: ignore[dict-item]
    "a set in metadata": (lambda vault: vault.add(["a"], ROW, metadata=[{"a": {1}}]), "JSON"),
    "a large number": (lambda vault: vault.add(["a"], ROW, metadata=[{"a": 2**80}]), "cannot be stored"),
    "deep metadata": (lambda vault: vault.add(["a"], ROW, metadata=[nested(40)]), "JSON"),
    "too few subjects": (lambda vault: vault.add(["a"], ROW, subject=[]), "1 subjects"),
    "an empty subject": (lambda vault: vault.add(["a"], ROW, subject=""), "subjects"),
    "NaN in metadata": (lambda vault: vault.add(["a"], ROW, metadata=[{"a": [float("nan")]}]), "JSON"),
    "infinity in metadata": (lambda vault: vault.add(["a"], ROW, metadata=[{"a": np.inf}]), "JSON"),
    "complex vectors": (lambda vault: vault.add(["a"], ROW * 1j), "real numbers"),
    "a list of complex numbers": (lambda vault: vault.add(["a"], [[1j, 0, 0, 0]]), "real numbers"),  # type: ignore[arg-type]
    "too many dimensions": (lambda vault: vault.add(["a"], np.ones((1, 65537), np.float32)), "up to 65,536 dimensions"),
    "no ids": (lambda vault: vault.add(None, ROW), "list of ids"),  # type: ignore[arg-type]
    "one number as documents": (lambda vault: vault.add(["a"], ROW, documents=5), "1 documents"),  # type: ignore[arg-type]
    "one number as subject": (lambda vault: vault.add(["a"], ROW, subject=5), "1 subjects"),  # type: ignore[arg-type]
    "a complex query": (lambda vault: vault.search(ROW * 1j), "real numbers"),
    "one vector as queries": (lambda vault: vault.search(ROW[0]), "shape"),
    "a half result wanted": (lambda vault: vault.search(ROW, 2.5), "k of 1"),  # type: ignore[arg-type]
    "no number of results": (lambda vault: vault.search(ROW, None), "k of 1"),  # type: ignore[arg-type]
    "a filter of a number": (lambda vault: vault.search(ROW, where=5), "filter"),  # type: ignore[arg-type]
    "a number as a filter's field": (lambda vault: vault.search(ROW, where={5: 1}), "names of fields"),  # type: ignore[dict-item]
    "a set among values": (lambda vault: vault.search(ROW, where={"a": {"$in": [{1}]}}), "behind \\$in"),
    "nobody to forget": (lambda vault: vault.forget(None), "subject"),  # type: ignore[arg-type]
    "a number to forget": (lambda vault: vault.forget(5), "subject"),  # type: ignore[arg-type]
    "a list to forget": (lambda vault: vault.forget(["p"]), "subject"),  # type: ignore[arg-type]
    "an empty subject to forget": (lambda vault: vault.forget(""), "not empty"),
    "a lone surrogate to forget": (lambda vault: vault.forget(LONE), "surrogates"),
    "nothing to get": (lambda vault: vault.get(None), "list of ids"),  # type: ignore[arg-type]
    "a number to get": (lambda vault: vault.get([5]), "texts"),  # type: ignore[list-item]
    "a number to delete": (lambda vault: vault.delete([5]), "texts"),  # type: ignore[list-item]
    "nothing to delete": (lambda vault: vault.delete(None), "list of ids"),  # type: ignore[arg-type]
    "a query of another dimension": (lambda vault: vault.search(np.ones((1, 3)), 1), "4 dimensions, found 3"),
    "a query that is not finite": (lambda vault: vault.search(ROW * np.nan, 1), "finite"),
    "no results wanted": (lambda vault: vault.search(ROW, 0), "k of 1"),
}


@pytest.fixture
def folder(quick_path: Path) -> Path:
    with Vault.open(quick_path / "data", keys=quick_path / "keys") as vault:
        vault.add(["held"], ROW)
    return quick_path


@pytest.mark.parametrize("what", sorted(BAD))
def test_bad_input_is_an_error_and_changes_nothing(folder: Path, what: str) -> None:
    step, message = BAD[what]
    with Vault.open(folder / "data", keys=folder / "keys") as vault:
        before = vault.summary()
        with pytest.raises(BadInput, match=message):
            step(vault)
        assert vault.summary() == before
        vault.verify()


def test_whatever_can_be_stored_comes_back(quick_path: Path) -> None:
    names = ["é", "日本語", "🙂", " ", "a\0b", "x" * 5000, np.str_("numpy")]
    metadata: list[Any] = [
        {"a": [1, -2.5, None, True, {"b": ""}]},
        {},
        None,
        {"é": "ü"},
        {"n": 2**63},
        {"t": (1, 2)},
        {"": 0},
    ]
    documents = ["", None, "🙂" * 1000, "\0", "x" * 300_000, "a", "b"]
    vectors = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32) * np.float32(1e15)
    with Vault.open(quick_path / "data", keys=quick_path / "keys") as vault:
        assert vault.add([], np.zeros((0, 3), np.float32)) == 0
        assert vault.search(np.ones((2, 3)), 4) == [[], []]
        assert vault.get(["nobody"]) == [None]
        vault.add(names, vectors, documents=documents, metadata=metadata, subject=["ü", None, "ü", "b", None, "c", "ü"])
    with Vault.open(quick_path / "data", keys=quick_path / "keys") as vault:
        vault.verify()
        for number, record in enumerate(vault.get(names)):
            assert record is not None
            assert (record.id, record.document) == (names[number], documents[number])
            wanted = metadata[number]
            assert record.metadata == ({"t": [1, 2]} if wanted == {"t": (1, 2)} else wanted)
            assert np.array_equal(record.vector, vectors[number])


def test_numbers_of_numpy_count_and_generators_are_lists(folder: Path) -> None:
    with Vault.open(folder / "data", keys=folder / "keys") as vault:
        assert len(vault.search(ROW, np.int64(1))[0]) == 1
        assert vault.get(name for name in ("held",))[0] is not None  # type: ignore[arg-type]
        assert vault.delete(name for name in ("held", "nobody")) == 1  # type: ignore[arg-type]


def test_a_vector_of_zeros_has_a_cosine_of_0_and_a_short_one_that_of_its_direction(quick_path: Path) -> None:
    with Vault.open(quick_path / "data", keys=quick_path / "keys") as vault:
        rows = np.array([[0, 0, 0], [1e-22, 1e-22, 0], [-1, -1, 0]], np.float32)
        vault.add(["zeros", "short", "behind"], rows)
        hits = vault.search(np.array([[1, 1, 0]]), 3)[0]
        assert [hit.id for hit in hits] == ["short", "zeros", "behind"]
        assert [hit.score for hit in hits] == pytest.approx([1, 0, -1], abs=1e-3)
        assert [hit.score for hit in vault.search(np.zeros((1, 3)), 3)[0]] == [0, 0, 0]


def test_an_empty_vault_opens_again(quick_path: Path) -> None:
    for _ in range(2):
        with Vault.open(quick_path / "data", keys=quick_path / "keys") as vault:
            assert len(vault) == 0
            assert vault.forget("nobody") == 0
            assert vault.delete(["nobody"]) == 0
            vault.compact()
            vault.rotate()
            vault.verify()


def test_a_closed_vault_says_so(folder: Path) -> None:
    vault = Vault.open(folder / "data", keys=folder / "keys")
    vault.close()
    vault.close()
    for step in (lambda: vault.add(["a"], ROW), lambda: vault.get(["held"]), lambda: vault.search(ROW), vault.verify):
        with pytest.raises(BadInput, match="closed"):
            step()
