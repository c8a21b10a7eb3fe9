"""A vault behind Haystack's interface: Haystack's own standard tests, and what they do not ask."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Before haystack: it switches its telemetry off.
from privet.integrations.haystack import VaultDocumentStore, VaultEmbeddingRetriever
from privet.integrations.haystack_filters import where_of

from haystack import Document, Pipeline  # isort: skip
from haystack.dataclasses import ByteStream, SparseEmbedding  # isort: skip
from haystack.document_stores.errors import DuplicateDocumentError  # isort: skip
from haystack.document_stores.types import DuplicatePolicy  # isort: skip
from haystack.errors import FilterError  # isort: skip
from haystack.testing.document_store import (  # isort: skip
    CountDocumentsByFilterTest,
    DocumentStoreBaseExtendedTests,
)
from haystack.testing.document_store_async import (  # isort: skip
    CountDocumentsAsyncTest,
    DeleteDocumentsAsyncTest,
    FilterDocumentsAsyncTest,
    WriteDocumentsAsyncTest,
)

from privet.errors import BadInput


class OverVault:
    """An empty vault; embeddings are kept in single precision."""

    @pytest.fixture
    def document_store(self, tmp_path: Path) -> Iterator[VaultDocumentStore]:
        store = VaultDocumentStore(tmp_path / "data", tmp_path / "keys")
        yield store
        store.close()

    @staticmethod
    def assert_documents_are_equal(received: list[Document], expected: list[Document]) -> None:
        def rounded(document: Document) -> dict[str, Any]:
            found: dict[str, Any] = document.to_dict(flatten=False)
            if document.embedding is not None:
                found["embedding"] = np.asarray(document.embedding, np.float32).tolist()
            return found

        assert list(map(rounded, received)) == list(map(rounded, expected))


class TestStandard(OverVault, CountDocumentsByFilterTest, DocumentStoreBaseExtendedTests):
    def test_write_documents(self, document_store: VaultDocumentStore) -> None:
        # Haystack leaves it to the store what happens without a policy; here it fails, as it does in its own.
        assert document_store.write_documents([Document(content="test doc")]) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents([Document(content="test doc")])


class TestStandardAsync(
    OverVault, CountDocumentsAsyncTest, DeleteDocumentsAsyncTest, FilterDocumentsAsyncTest, WriteDocumentsAsyncTest
):
    @pytest.mark.asyncio
    async def test_write_documents_async(self, document_store: VaultDocumentStore) -> None:
        assert await document_store.write_documents_async([Document(content="test doc")]) == 1


def near(degrees: float) -> list[float]:
    return [float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VaultDocumentStore]:
    found = VaultDocumentStore(tmp_path / "small", tmp_path / "keys", embedding_dimension=2, subject_key="patient")
    found.write_documents(
        [
            Document(id="a", content="one", embedding=near(0), meta={"n": 1, "patient": "p-1"}),
            Document(id="b", content="two", embedding=near(60), meta={"n": 2, "patient": "p-2"}),
            Document(id="c", content="three", embedding=near(180), meta={"n": 3}),
            Document(id="d", content="bare", meta={"n": 4}),
        ]
    )
    yield found
    found.close()


def test_the_nearest_come_first_and_what_has_no_embedding_never(store: VaultDocumentStore) -> None:
    found = store.embedding_retrieval(near(0), top_k=4)
    assert [each.id for each in found] == ["a", "b", "c"]
    assert [each.score for each in found] == pytest.approx([1, 0.5, -1], abs=2e-3)
    at_least_two = {"field": "meta.n", "operator": ">=", "value": 2}
    assert [each.id for each in store.embedding_retrieval(near(0), filters=at_least_two)] == ["b", "c"]
    with pytest.raises(FilterError):
        store.embedding_retrieval(near(0), filters={"field": "content", "operator": "==", "value": "one"})


def test_all_fields_of_a_document_come_back(store: VaultDocumentStore) -> None:
    blob = ByteStream(b"\0\1", meta={"name": "x"}, mime_type="image/png")
    sparse = SparseEmbedding(indices=[1, 5], values=[0.5, 0.25])
    document = Document(id="e", blob=blob, sparse_embedding=sparse, meta={"list": [1, {"a": None}]}, embedding=[0.5, 0])
    store.write_documents([document])
    (found,) = store.filter_documents({"field": "meta.list", "operator": "==", "value": [1, {"a": None}]})
    assert found == document


def test_a_call_that_fits_not_writes_nothing(store: VaultDocumentStore) -> None:
    with pytest.raises(ValueError, match="embedding_dimension="):
        store.write_documents([Document(content="x"), Document(content="y", embedding=[1.0])])
    with pytest.raises(BadInput, match="privet's own"):
        store.write_documents([Document(content="x", meta={"_privet_rest": 1})])
    assert store.write_documents([Document(id="a"), Document(id="f"), Document(id="f")], DuplicatePolicy.SKIP) == 1
    assert store.count_documents() == 5


def test_a_subject_is_forgotten_after_an_update_too(store: VaultDocumentStore, tmp_path: Path) -> None:
    assert store.update_by_filter({"field": "meta.n", "operator": "<=", "value": 2}, {"seen": True}) == 2
    assert store.forget("p-1") == 1
    assert [each.id for each in store.filter_documents()] == ["c", "d", "b"]
    store.close()
    other = VaultDocumentStore(tmp_path / "small", tmp_path / "keys", embedding_dimension=2)
    with pytest.raises(BadInput, match="subject_key="):
        other.update_by_filter({"field": "meta.n", "operator": "==", "value": 2}, {"seen": False})
    other.close()


def test_a_pipeline_is_written_down_and_made_again(store: VaultDocumentStore) -> None:
    pipeline = Pipeline()
    filters = {"field": "meta.n", "operator": "<", "value": 3}
    pipeline.add_component("retriever", VaultEmbeddingRetriever(store, filters=filters, top_k=1, filter_policy="merge"))
    text = pipeline.dumps()
    store.close()
    again = Pipeline.loads(text, allowed_modules=["privet.integrations.haystack"])
    retriever = again.get_component("retriever")
    assert [each.id for each in again.run({"retriever": {"query_embedding": near(180)}})["retriever"]["documents"]] == [
        "b"
    ]
    more = {"field": "meta.n", "operator": "<", "value": 2}
    found = asyncio.run(retriever.run_async(near(180), filters=more, top_k=3))
    assert [each.id for each in found["documents"]] == ["a"]
    retriever.document_store.close()
    with pytest.raises(TypeError):
        VaultEmbeddingRetriever("data")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("filters", "where"),
    [
        ({"field": "meta.a", "operator": "in", "value": [1, None]},
         {"$or": [{"a": {"$in": [1, None]}}, {"$not": {"a": {"$exists": True}}}]}),
        ({"field": "a", "operator": ">", "value": None}, {"a": {"$in": []}}),
        ({"operator": "OR", "conditions": []}, {"$not": {}}),
        ({"operator": "NOT", "conditions": [{"field": "meta.a", "operator": "==", "value": 1}]},
         {"$not": {"$and": [{"a": {"$eq": 1}}]}}),
    ],
)  # fmt: skip
def test_filters_are_mapped(filters: dict[str, Any], where: dict[str, Any]) -> None:
    assert where_of(filters) == where


@pytest.mark.parametrize(
    "filters",
    [
        {}, {"operator": "AND"}, {"operator": "XOR", "conditions": []}, {"operator": "AND", "conditions": {}},
        {"field": "meta.$or", "operator": "==", "value": 1}, {"field": "id", "operator": "==", "value": "a"},
        {"field": "meta.a", "operator": "~", "value": 1}, {"field": "meta.a", "operator": "<", "value": True},
        {"field": 1, "operator": "==", "value": 1},
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(filters: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        where_of(filters)


def run_python(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "HAYSTACK_TELEMETRY_ENABLED": "True"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100, env=environment
    )


def test_telemetry_is_off_before_haystack_is_loaded(tmp_path: Path) -> None:
    code = "import privet.integrations.haystack, haystack.telemetry._telemetry as t; print(t.telemetry)"
    done = run_python(code, tmp_path)
    assert done.stdout == "None\n", done.stderr
    # Its telemetry makes a number for the user and keeps it here.
    assert not (tmp_path / ".haystack").exists()


def test_haystack_that_was_loaded_with_its_telemetry_on_is_refused(tmp_path: Path) -> None:
    done = run_python("import haystack.telemetry, privet.integrations.haystack", tmp_path)
    assert "haystack was loaded with its telemetry on" in done.stderr
