"""A vault behind LangChain's interface: LangChain's own standard tests, and what they do not ask."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from privet.errors import BadInput
from privet.integrations.langchain import VaultVectorStore

# The suite leaves it to its user to mark what is asynchronous.
for _test in vars(VectorStoreIntegrationTests).values():
    if inspect.iscoroutinefunction(_test):
        pytest.mark.asyncio(_test)


class TestStandard(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[VectorStore]:  # type: ignore[override]
        with VaultVectorStore(embedding=self.get_embeddings(), path=tmp_path / "data", keys=tmp_path / "keys") as store:
            yield store


def opened(folder: Path, **options: Any) -> VaultVectorStore:
    embedding = DeterministicFakeEmbedding(size=16)
    return VaultVectorStore(embedding=embedding, path=folder / "data", keys=folder / "keys", **options)


def spread(texts: Any) -> np.ndarray[Any, Any]:
    """Texts that are numbers, as angles: how near they are is plain."""
    angles = np.radians([float(text) for text in texts])
    return np.stack((np.cos(angles), np.sin(angles)), axis=1)


def by_angle(folder: Path, texts: list[str], **options: Any) -> VaultVectorStore:
    return VaultVectorStore.from_texts(texts, spread, path=folder / "data", keys=folder / "keys", **options)


def test_texts_are_there_when_it_is_opened_again(tmp_path: Path) -> None:
    embedding = DeterministicFakeEmbedding(size=16)
    texts, fields = ["one", "two"], [{"n": 1}, {"n": 2}]
    folders = {"path": tmp_path / "data", "keys": tmp_path / "keys"}
    VaultVectorStore.from_texts(texts, embedding, fields, ids=["a", "b"], **folders).close()
    with opened(tmp_path, read_only=True) as store:
        found = store.similarity_search("two", k=1)
        assert found == [Document(id="b", page_content="two", metadata={"n": 2})]
        with pytest.raises(BadInput, match="read_only"):
            store.add_texts(["three"])


def test_a_filter_says_what_may_be_found(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.add_texts(["one", "two", "three"], [{"n": 1}, {"n": 2}, {"n": 3}])
        assert {found.metadata["n"] for found in store.similarity_search("one", filter={"n": {"$gte": 2}})} == {2, 3}
        assert store.similarity_search("one", filter={"missing": 1}) == []
        retriever = store.as_retriever(search_kwargs={"k": 3, "filter": {"n": 3}})
        assert [found.page_content for found in retriever.invoke("one")] == ["three"]
        for wrong in (lambda _document: True, {"n": {"$near": 1}}, "n = 1"):
            with pytest.raises(BadInput):
                store.similarity_search("one", filter=wrong)


def test_scores_are_cosines_and_relevance_is_never_negative(tmp_path: Path) -> None:
    with by_angle(tmp_path, ["0", "60", "180"]) as store:
        found = store.similarity_search_with_score("0", k=3)
        scores = {document.page_content: score for document, score in found}
        assert scores == pytest.approx({"0": 1, "60": 0.5, "180": -1}, abs=2e-3)
        found = store.similarity_search_with_relevance_scores("0", k=3)
        relevance = {document.page_content: score for document, score in found}
        assert relevance == pytest.approx({"0": 1, "60": 0.5, "180": 0}, abs=2e-3)
        near = store.as_retriever(search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.4})
        assert [each.page_content for each in near.invoke("0")] == ["0", "60"]


def test_marginal_relevance_prefers_what_is_unlike(tmp_path: Path) -> None:
    with by_angle(tmp_path, ["1", "2", "-70"], metadatas=[{"kind": "a"}, {"kind": "a"}, {"kind": "b"}]) as store:
        assert [found.page_content for found in store.similarity_search("0", k=2)] == ["1", "2"]
        assert [found.page_content for found in store.max_marginal_relevance_search("0", k=2)] == ["1", "-70"]
        one_kind = store.max_marginal_relevance_search("0", k=2, filter={"kind": "a"})
        assert [found.page_content for found in one_kind] == ["1", "2"]
        assert store.max_marginal_relevance_search("0", k=2, filter={"kind": "none"}) == []


@pytest.mark.parametrize("by_field", [True, False])
def test_a_subject_is_forgotten(tmp_path: Path, by_field: bool) -> None:
    fields = [{"patient": "p-1"}, {"patient": "p-2"}, {}]
    with opened(tmp_path, subject_key="patient" if by_field else None) as store:
        subject = None if by_field else ["p-1", "p-2", None]
        documents = [Document(page_content=text, metadata=each) for text, each in zip("abc", fields, strict=True)]
        store.add_documents(documents, subject=subject)
        assert store.forget("p-1") == 1
        assert store.forget("p-1") == 0
        assert {found.page_content for found in store.similarity_search("a", k=9)} == {"b", "c"}


def test_a_text_that_is_replaced_has_its_new_subject(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.add_texts(["old"], ids=["a"], subject="p-1")
        store.add_texts(["new"], ids=["a"], subject="p-2")
        assert store.forget("p-1") == 0
        assert [found.page_content for found in store.get_by_ids(["a"])] == ["new"]
        assert store.forget("p-2") == 1


def test_delete_without_ids_deletes_all(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.add_texts(["one", "two"])
        store.delete([])
        assert len(store.vault) == 2
        store.delete()
        assert len(store.vault) == 0


def test_a_call_that_fits_not_together_adds_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(ValueError, match="expected 2"):
            store.add_texts(["one", "two"], [{}])
        with pytest.raises(ValueError, match="expected 2"):
            store.add_texts(["one", "two"], ids=["a"])
        with pytest.raises(BadInput, match="twice"):
            store.add_texts(["one", "two"], ids=["a", "a"])
        with pytest.raises(BadInput, match="JSON can hold"):
            store.add_texts(["one"], [{"object": object()}])
        assert store.add_texts([]) == []
        assert len(store.vault) == 0
    with pytest.raises(BadInput, match="keys="):
        VaultVectorStore.from_texts(["one"], spread, path=tmp_path / "other")


def test_nothing_that_was_added_is_shown(tmp_path: Path) -> None:
    with by_angle(tmp_path, ["31337"], ids=["secret"]) as store:
        assert repr(store) == "VaultVectorStore(1 records)"
