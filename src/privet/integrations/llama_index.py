"""LlamaIndex: a vault as a vector store. Needs `llama-index-core`.

    store = VaultVectorStore(path="data", keys="keys")
    index = VectorStoreIndex(nodes, storage_context=StorageContext.from_defaults(vector_store=store), embed_model=…)
    store.forget("p-17")                       # with subject_key="patient": the nodes whose metadata names that patient

Invariants:

- A node comes back as it was added, with its text, metadata, relationships and vector.
- A filter is mapped to one of the vault that means the same, or refused: none is passed over.
- As elsewhere in LlamaIndex, `!=` and `nin` let nodes pass that lack the field; no other comparison does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.indices.query.embedding_utils import get_top_k_mmr_embeddings
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from privet.errors import BadInput
from privet.vault import KeySource, Record, Vault

_CONTENT: Final = "_node_content"
_ADDED: Final = (_CONTENT, "_node_type", "document_id", "doc_id", "ref_doc_id")
"""What LlamaIndex puts beside a node's own metadata."""
_SAME: Final = {
    FilterOperator.EQ: "$eq", FilterOperator.GT: "$gt", FilterOperator.GTE: "$gte", FilterOperator.LT: "$lt",
    FilterOperator.LTE: "$lte", FilterOperator.IN: "$in",
}  # fmt: skip
_OPPOSITE: Final = {FilterOperator.NE: "$eq", FilterOperator.NIN: "$in"}
_MMR_FETCHED: Final = 4


class VaultVectorStore(BasePydanticVectorStore):
    """A vault behind LlamaIndex's interface; to be closed.

    Args:
        path: the data folder.
        keys: the private folder of keys, or a `KeySource`.
        subject_key: the metadata field that holds whose data a node is.
        tenant: whose records.
        read_only: read beside a writer.

    Raises:
        PrivetError: as `Vault.open` does.

    """

    stores_text: bool = True
    subject_key: str | None = None
    _vault: Vault = PrivateAttr()

    def __init__(
        self,
        path: Path | str,
        keys: KeySource | Path | str,
        *,
        subject_key: str | None = None,
        tenant: str = "",
        read_only: bool = False,
    ) -> None:
        super().__init__(stores_text=True, subject_key=subject_key)  # type: ignore[call-arg]
        self._vault = Vault.open(path, keys, tenant=tenant, read_only=read_only)

    @classmethod
    def class_name(cls) -> str:
        """Return the name LlamaIndex knows it by."""
        return "VaultVectorStore"

    @property
    def client(self) -> Vault:
        """The vault itself."""
        return self._vault

    def close(self) -> None:
        """Let the next writer in."""
        self._vault.close()

    def add(self, nodes: Sequence[BaseNode], **_options: Any) -> list[str]:
        """Add nodes with their vectors, all or none; return their ids. A node of the same id is replaced.

        Raises:
            ValueError: a node has no vector.
            BadInput: an id comes twice, or a value cannot be stored.

        """
        if not nodes:
            return []
        ids = [node.node_id for node in nodes]
        vectors = np.asarray([node.get_embedding() for node in nodes], dtype=np.float32)
        texts = [node.get_content(metadata_mode=MetadataMode.NONE) for node in nodes]
        owners = None
        if self.subject_key is not None:
            found = (node.metadata.get(self.subject_key) for node in nodes)
            owners = [None if owner is None else str(owner) for owner in found]
        self._vault.add(ids, vectors, texts, [_stored(node) for node in nodes], owners, replace=True)
        return ids

    def delete(self, ref_doc_id: str, **_options: Any) -> None:
        """Delete the nodes of a document."""
        self._vault.delete([each.id for each in self._matching({"ref_doc_id": ref_doc_id})])

    def delete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **_options: Any
    ) -> None:
        """Delete the nodes that have one of the ids and pass the filters; nothing where neither is given."""
        if node_ids is not None or filters is not None:
            self._vault.delete([node.node_id for node in self.get_nodes(node_ids, filters)])

    def clear(self) -> None:
        """Delete all nodes."""
        self._vault.delete(self._vault.ids())

    def forget(self, subject: str) -> int:
        """Destroy a subject's key and with it all of their nodes; see `Vault.forget`."""
        return self._vault.forget(subject)

    def get_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        """Return the nodes that have one of the ids and pass the filters, with their vectors."""
        ids = self._vault.ids() if node_ids is None else node_ids
        if filters is not None:
            passing = {each.id for each in self._matching(where_of(filters))}
            ids = [node_id for node_id in ids if node_id in passing]
        return [_node(record) for record in self._vault.get(ids) if record is not None]

    def query(self, query: VectorStoreQuery, **options: Any) -> VectorStoreQueryResult:
        """Return the nearest nodes, best first; similarities are cosines.

        Raises:
            BadInput: the mode needs words or learning, or a filter cannot be mapped.

        """
        if query.mode not in {VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.MMR}:
            raise BadInput(f"a vault cannot search in the mode {query.mode.value}", hint="use default or mmr")
        if query.query_embedding is None:
            raise BadInput("expected a query with a vector, found none", hint="give query_embedding")
        k = query.similarity_top_k
        is_mmr = query.mode is VectorStoreQueryMode.MMR
        hits = self._nearest(query, k * _MMR_FETCHED if is_mmr else k)
        records = {record.id: record for record in self._vault.get(list(hits)) if record is not None}
        scores = {node_id: score for node_id, score in hits.items() if node_id in records}
        if is_mmr and records:
            vectors = [records[node_id].vector.tolist() for node_id in scores]
            threshold = options.get("mmr_threshold", query.mmr_threshold)
            values, ids = get_top_k_mmr_embeddings(
                query.query_embedding, vectors, similarity_top_k=k, embedding_ids=list(scores), mmr_threshold=threshold
            )
            scores = dict(zip(ids, values, strict=True))
        nodes = [_node(records[node_id]) for node_id in scores]
        return VectorStoreQueryResult(nodes=nodes, similarities=list(scores.values()), ids=list(scores))

    def _nearest(self, query: VectorStoreQuery, k: int) -> dict[str, float]:
        wanted = [where_of(query.filters)] if query.filters is not None and query.filters.filters else []
        if query.doc_ids:
            wanted.append({"ref_doc_id": {"$in": query.doc_ids}})
        where = {"$and": wanted} if wanted else None
        vectors = np.asarray([query.query_embedding], dtype=np.float32)
        # An index over a store that keeps texts asks with an empty list for all nodes.
        only = set(query.node_ids) if query.node_ids else None
        # The vault filters by metadata; where ids are asked for, all that pass are ranked and those of other ids left out.
        hits = self._vault.search(
            vectors, k if only is None else max(1, len(self._vault)), where, exact=only is not None
        )
        return dict([(hit.id, hit.score) for hit in hits[0] if only is None or hit.id in only][:k])

    def _matching(self, where: Mapping[str, Any]) -> list[Any]:
        """Return all records that pass a filter."""
        if not len(self._vault):
            return []
        anything = np.ones((1, self._vault.dimensions), np.float32)
        return self._vault.search(anything, len(self._vault), where, exact=True)[0]


def where_of(filters: MetadataFilters) -> dict[str, Any]:
    """Return LlamaIndex's filters as one of the vault.

    Raises:
        BadInput: an operator looks inside a value, which the vault does not.

    """
    inner = [where_of(each) if isinstance(each, MetadataFilters) else _one(each) for each in filters.filters]
    if not inner:
        return {}
    if filters.condition is FilterCondition.OR:
        return {"$or": inner}
    if filters.condition is FilterCondition.NOT:
        return {"$not": {"$or": inner}}
    return {"$and": inner}


def _one(each: MetadataFilter) -> dict[str, Any]:
    if each.key.startswith("$"):
        raise BadInput("expected the name of a metadata field, found one that begins with $")
    if each.operator in _SAME:
        return {each.key: {_SAME[each.operator]: each.value}}
    if each.operator in _OPPOSITE:
        return {"$not": {each.key: {_OPPOSITE[each.operator]: each.value}}}
    if each.operator is FilterOperator.IS_EMPTY:
        return {"$or": [{"$not": {each.key: {"$exists": True}}}, {each.key: {"$in": ["", []]}}]}
    raise BadInput(
        f"a vault cannot filter by {each.operator.value}: it compares whole values",
        hint="store what is filtered by in a field of its own",
    )


def _stored(node: BaseNode) -> dict[str, Any]:
    """Return a node's metadata and the rest of it, but text and vector."""
    found = node_to_metadata_dict(node, remove_text=True)
    content = json.loads(found[_CONTENT])
    # It is stored beside, and every value that is stored is held in memory to be filtered by.
    content["metadata"] = {}
    return {**found, _CONTENT: json.dumps(content, ensure_ascii=False)}


def _node(record: Record) -> BaseNode:
    stored = record.metadata or {}
    node = metadata_dict_to_node(stored, text=record.document)
    node.metadata = {name: value for name, value in stored.items() if name not in _ADDED}
    node.embedding = record.vector.tolist()
    return node
