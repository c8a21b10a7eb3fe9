"""A vault behind LlamaIndex's interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.schema import Document, NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from privet.errors import BadInput
from privet.integrations.llama_index import VaultVectorStore

EQ, OR, NOT = FilterOperator.EQ, FilterCondition.OR, FilterCondition.NOT
METADATA: dict[str, dict[str, Any]] = {
    "a": {"year": 2020, "lang": "en", "patient": "p-1", "tags": ["x"]},
    "b": {"year": 2022, "lang": "de", "patient": "p-2", "tags": []},
    "c": {"year": 2024, "lang": "en", "title": ""},
    "d": {},
}
VECTORS = {"a": [1.0, 0.0], "b": [0.9, 0.1], "c": [0.0, 1.0], "d": [-1.0, 0.0]}


def node(name: str) -> TextNode:
    document = RelatedNodeInfo(node_id="doc-1" if name in "ab" else "doc-2", metadata={"source": "s"})
    return TextNode(
        id_=name,
        text=f"text {name}",
        metadata=METADATA[name],
        embedding=VECTORS[name],
        relationships={NodeRelationship.SOURCE: document},
        excluded_embed_metadata_keys=["year"],
        start_char_idx=3,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VaultVectorStore]:
    found = VaultVectorStore(tmp_path / "data", tmp_path / "keys", subject_key="patient")
    found.add([node(name) for name in "abcd"])
    yield found
    found.close()


def ids(store: VaultVectorStore, **options: Any) -> list[str]:
    query = VectorStoreQuery(query_embedding=[1.0, 0.0], **{"similarity_top_k": 4, **options})
    return list(store.query(query).ids or [])


def test_a_node_comes_back_as_it_was(store: VaultVectorStore) -> None:
    (found,) = store.get_nodes(["a", "nobody"])
    expected = node("a")
    assert found.embedding == pytest.approx(expected.embedding)
    assert found.model_dump(exclude={"embedding"}) == expected.model_dump(exclude={"embedding"})


def test_the_nearest_come_first(store: VaultVectorStore) -> None:
    found = store.query(VectorStoreQuery(query_embedding=[1.0, 0.0], similarity_top_k=2))
    assert found.ids == ["a", "b"]
    assert found.similarities == pytest.approx([1, 0.994], abs=2e-3)
    assert [each.get_content() for each in found.nodes or []] == ["text a", "text b"]
    assert ids(store, doc_ids=["doc-2"]) == ["c", "d"]
    assert ids(store, node_ids=["d", "b"], similarity_top_k=1) == ["b"]
    assert ids(store, mode=VectorStoreQueryMode.MMR, mmr_threshold=0.1, similarity_top_k=2) == ["a", "d"]


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        (EQ, "lang", "en"), (FilterOperator.NE, "lang", "en"), (FilterOperator.GT, "year", 2020),
        (FilterOperator.GTE, "year", 2022), (FilterOperator.LT, "year", 2022), (FilterOperator.LTE, "year", 2022),
        (FilterOperator.IN, "lang", ["de", "fr"]), (FilterOperator.NIN, "lang", ["de", "fr"]),
        (FilterOperator.IS_EMPTY, "title", None), (FilterOperator.IS_EMPTY, "tags", None), (EQ, "missing", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("condition", list(FilterCondition))
def test_filters_mean_what_they_mean_in_llama_index(
    store: VaultVectorStore, operator: FilterOperator, key: str, value: Any, condition: FilterCondition
) -> None:
    first = MetadataFilter(key=key, value=value, operator=operator)
    second = MetadataFilter(key="year", value=2022, operator=FilterOperator.GTE)
    filters = MetadataFilters(filters=[first, second], condition=condition)

    # LlamaIndex's own comparison fails where a field is missing and is asked for its order.
    own = build_metadata_filter_fn(METADATA.__getitem__, filters)
    assert set(ids(store, filters=filters)) == {name for name in METADATA if own(name)}
    assert {each.node_id for each in store.get_nodes(filters=filters)} == set(ids(store, filters=filters))


def test_filters_may_be_nested(store: VaultVectorStore) -> None:
    english = MetadataFilters(filters=[MetadataFilter(key="lang", value="en")], condition=NOT)
    old = MetadataFilter(key="year", value=2020)
    assert set(ids(store, filters=MetadataFilters(filters=[old, english], condition=OR))) == {"a", "b", "d"}
    assert len(ids(store, filters=MetadataFilters(filters=[]))) == 4


@pytest.mark.parametrize("operator", ["any", "all", "contains", "text_match", "text_match_insensitive"])
def test_what_cannot_be_mapped_is_refused(store: VaultVectorStore, operator: str) -> None:
    asked = MetadataFilter(key="tags", value="x", operator=FilterOperator(operator))
    with pytest.raises(BadInput, match=operator):
        ids(store, filters=MetadataFilters(filters=[asked]))
    with pytest.raises(BadInput, match="begins with"):
        ids(store, filters=MetadataFilters(filters=[MetadataFilter(key="$or", value=1)]))
    with pytest.raises(BadInput, match="sparse"):
        ids(store, mode=VectorStoreQueryMode.SPARSE)
    with pytest.raises(BadInput, match="vector"):
        store.query(VectorStoreQuery(query_str="text"))


def test_nodes_are_deleted_by_document_id_or_filter(store: VaultVectorStore) -> None:
    store.delete_nodes()
    assert len(store.client) == 4
    store.delete("doc-1")
    assert set(store.client.ids()) == {"c", "d"}
    store.delete_nodes(["c", "d"], MetadataFilters(filters=[MetadataFilter(key="lang", value="en")]))
    assert store.client.ids() == ["d"]
    store.clear()
    assert store.get_nodes() == []
    assert ids(store) == []
    store.delete("doc-1")


def test_a_node_is_replaced_and_a_subject_forgotten(store: VaultVectorStore) -> None:
    store.add([TextNode(id_="b", text="new", embedding=[0.0, -1.0], metadata={"patient": "p-1"})])
    assert [each.get_content() for each in store.get_nodes(["b"])] == ["new"]
    assert store.forget("p-1") == 2
    assert store.forget("p-2") == 0
    assert set(store.client.ids()) == {"c", "d"}


def test_an_index_is_built_on_it_and_opened_again(tmp_path: Path) -> None:
    folders = tmp_path / "data", tmp_path / "keys"
    store = VaultVectorStore(*folders)
    context = StorageContext.from_defaults(vector_store=store)
    model = MockEmbedding(embed_dim=4)
    VectorStoreIndex.from_documents([Document(text="one text", id_="d")], storage_context=context, embed_model=model)
    store.close()
    store = VaultVectorStore(*folders)
    index = VectorStoreIndex.from_vector_store(store, embed_model=model)
    assert [found.get_content() for found in index.as_retriever().retrieve("anything")] == ["one text"]
    index.delete_ref_doc("d")
    assert len(store.client) == 0
    store.close()
