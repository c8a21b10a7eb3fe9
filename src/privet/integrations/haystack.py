"""Haystack: a vault as a document store, and a retriever over it. Needs `haystack-ai`.

    store = VaultDocumentStore(path="data", keys="keys", embedding_dimension=384)
    store.write_documents(documents)
    pipeline.add_component("retriever", VaultEmbeddingRetriever(store, top_k=5))
    Pipeline.load(file, allowed_modules=["privet.integrations.haystack"])     # Haystack asks for that

Invariants:

- Haystack's own telemetry, which names the components of a pipeline to an analytics service, is off before Haystack is loaded; where it
  was loaded before with telemetry on, this module refuses to be.
- A filter is mapped to one of the vault that means the same, or refused with Haystack's `FilterError`.
- A document without an embedding is stored, filtered and counted, and is found by no embedding.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from privet.errors import BadInput, Unprotected
from privet.integrations.haystack_filters import where_of
from privet.vault import Hit, KeySource, Record, Vault

# See docs/rules/haystack.md: the switch is read once, when its module is loaded.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
if getattr(sys.modules.get("haystack.telemetry._telemetry"), "telemetry", None) is not None:
    raise Unprotected(
        "haystack was loaded with its telemetry on",
        hint="set HAYSTACK_TELEMETRY_ENABLED=False, or import privet.integrations.haystack before haystack",
    )

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.dataclasses import ByteStream, SparseEmbedding
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy, FilterPolicy
from haystack.document_stores.types.filter_policy import apply_filter_policy
from haystack.errors import FilterError

_BARE: Final = "_privet_no_embedding"
_REST: Final = "_privet_rest"


class VaultDocumentStore:
    """A vault behind Haystack's `DocumentStore` protocol; to be closed.

    Args:
        path: the data folder.
        keys: the private folder of keys, or a `KeySource`.
        embedding_dimension: the size of all embeddings.
        subject_key: the field of `meta` that holds whose data a document is.
        tenant: whose records.
        read_only: read beside a writer.

    Raises:
        PrivetError: as `Vault.open` does.

    """

    def __init__(
        self,
        path: Path | str,
        keys: KeySource | Path | str,
        *,
        embedding_dimension: int = 768,
        subject_key: str | None = None,
        tenant: str = "",
        read_only: bool = False,
    ) -> None:
        self._options = {
            "embedding_dimension": embedding_dimension,
            "subject_key": subject_key,
            "tenant": tenant,
            "read_only": read_only,
        }
        self._path, self._keys = path, keys
        self._dimension = embedding_dimension
        self._subject_key = subject_key
        self._vault = Vault.open(path, keys, tenant=tenant, read_only=read_only)

    def __repr__(self) -> str:
        return f"VaultDocumentStore({len(self._vault)} records)"

    @property
    def vault(self) -> Vault:
        """The vault itself."""
        return self._vault

    def close(self) -> None:
        """Let the next writer in."""
        self._vault.close()

    def to_dict(self) -> dict[str, Any]:
        """Return how it was made, for a pipeline's file.

        Raises:
            BadInput: its keys come from a source that cannot be written down.

        """
        if not isinstance(self._keys, (str, os.PathLike)):
            raise BadInput("a source of keys cannot be written into a pipeline", hint="give keys= as a folder's path")
        found: dict[str, Any] = default_to_dict(self, path=str(self._path), keys=str(self._keys), **self._options)
        return found

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> VaultDocumentStore:
        """Make one as it was made."""
        found: VaultDocumentStore = default_from_dict(cls, data)
        return found

    def count_documents(self) -> int:
        """Return how many documents there are."""
        return len(self._vault)

    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        """Return how many documents pass a filter."""
        return len(self._passing(filters))

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """Return the documents that pass a filter, in the order in which they were written, with their embeddings.

        Raises:
            FilterError: the filter is not one, or cannot be mapped.

        """
        return [_document(record) for record in self._vault.get(self._passing(filters)) if record is not None]

    def write_documents(self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE) -> int:
        """Write documents, all or none; return how many.

        Args:
            documents: what to write.
            policy: what to do where a document of the same id is there: FAIL (as is NONE), SKIP or OVERWRITE.

        Raises:
            ValueError: something is not a document, or an embedding has another size.
            DuplicateDocumentError: an id is there already.

        """
        if not isinstance(documents, list) or not all(isinstance(each, Document) for each in documents):
            raise ValueError("expected a list of documents")
        chosen: dict[str, Document] = {}
        for each in documents:
            is_there = each.id in chosen or each.id in self._vault
            if is_there and policy in {DuplicatePolicy.NONE, DuplicatePolicy.FAIL}:
                raise DuplicateDocumentError("a document of the same id is there already")
            if not is_there or policy is DuplicatePolicy.OVERWRITE:
                chosen[each.id] = each
        if chosen:
            self._add(list(chosen.values()))
        return len(chosen)

    def _add(self, documents: list[Document]) -> None:
        vectors = np.zeros((len(documents), self._dimension), np.float32)
        for row, each in enumerate(documents):
            if each.embedding is not None:
                if len(each.embedding) != self._dimension:
                    raise ValueError(
                        f"expected embeddings of {self._dimension} dimensions, found {len(each.embedding)}; "
                        "give embedding_dimension="
                    )
                vectors[row] = each.embedding
        owners = None
        if self._subject_key is not None:
            found = (each.meta.get(self._subject_key) for each in documents)
            owners = [None if owner is None else str(owner) for owner in found]
        self._vault.add(
            [each.id for each in documents],
            vectors,
            [each.content for each in documents],
            [_stored(each) for each in documents],
            owners,
            replace=True,
        )

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete documents; ids of none are passed over."""
        self._vault.delete(document_ids)

    def delete_all_documents(self) -> None:
        """Delete all documents."""
        self._vault.delete(self._vault.ids())

    def delete_by_filter(self, filters: dict[str, Any]) -> int:
        """Delete the documents that pass a filter; return how many."""
        return self._vault.delete(self._passing(filters))

    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """Set fields of `meta` in the documents that pass a filter; return how many.

        Raises:
            BadInput: some records belong to subjects, and without `subject_key` they would be taken from them.

        """
        if self._subject_key is None and self._vault.summary().subjects:
            raise BadInput(
                "some records belong to subjects, which an update would lose", hint="open the store with subject_key="
            )
        found = self.filter_documents(filters)
        if found:
            self._add([replace(each, meta={**each.meta, **meta}) for each in found])
        return len(found)

    def forget(self, subject: str) -> int:
        """Destroy a subject's key and with it all of their documents; see `Vault.forget`."""
        return self._vault.forget(subject)

    def embedding_retrieval(
        self, query_embedding: list[float], *, filters: dict[str, Any] | None = None, top_k: int = 10
    ) -> list[Document]:
        """Return the documents nearest to an embedding, best first; scores are cosines.

        Raises:
            FilterError: the filter is not one, or cannot be mapped.
            BadInput: the embedding has another size, or `top_k` is below 1.

        """
        query = np.asarray([query_embedding], dtype=np.float32)
        where = _where(filters)
        hits = self._vault.search(query, top_k, where)[0]
        if any((hit.metadata or {}).get(_BARE) for hit in hits):
            has_embedding = {"$not": {_BARE: True}}
            hits = self._vault.search(query, top_k, {"$and": [where or {}, has_embedding]})[0]
        return [_document(hit) for hit in hits]

    async def count_documents_async(self) -> int:
        """Return how many documents there are."""
        return self.count_documents()

    async def filter_documents_async(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """Filter in a thread."""
        return await asyncio.to_thread(self.filter_documents, filters)

    async def write_documents_async(
        self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE
    ) -> int:
        """Write in a thread."""
        return await asyncio.to_thread(self.write_documents, documents, policy)

    async def delete_documents_async(self, document_ids: list[str]) -> None:
        """Delete in a thread."""
        await asyncio.to_thread(self.delete_documents, document_ids)

    def _passing(self, filters: dict[str, Any] | None) -> list[str]:
        where = _where(filters)
        if where is None or not len(self._vault):
            return self._vault.ids()
        anything = np.ones((1, self._dimension), np.float32)
        passing = {hit.id for hit in self._vault.search(anything, len(self._vault), where, exact=True)[0]}
        return [document_id for document_id in self._vault.ids() if document_id in passing]


@component
class VaultEmbeddingRetriever:
    """Retrieves the documents of a vault that are nearest to an embedding.

    Args:
        document_store: the vault.
        filters: which documents may be found.
        top_k: how many, at most.
        filter_policy: whether filters of a run replace those given here, or are merged with them.

    """

    def __init__(
        self,
        document_store: VaultDocumentStore,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
    ) -> None:
        if not isinstance(document_store, VaultDocumentStore):
            raise TypeError("expected a VaultDocumentStore")
        self.document_store = document_store
        self.filters = filters
        self.top_k = top_k
        self.filter_policy = FilterPolicy.from_str(filter_policy) if isinstance(filter_policy, str) else filter_policy

    def to_dict(self) -> dict[str, Any]:
        """Return how it was made."""
        found: dict[str, Any] = default_to_dict(
            self,
            document_store=self.document_store.to_dict(),
            filters=self.filters,
            top_k=self.top_k,
            filter_policy=self.filter_policy.value,
        )
        return found

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> VaultEmbeddingRetriever:
        """Make one as it was made."""
        options = dict(data["init_parameters"])
        if isinstance(options["document_store"], Mapping):
            options["document_store"] = VaultDocumentStore.from_dict(dict(options["document_store"]))
        found: VaultEmbeddingRetriever = default_from_dict(cls, {**data, "init_parameters": options})
        return found

    @component.output_types(documents=list[Document])
    def run(
        self, query_embedding: list[float], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Return the nearest documents."""
        wanted = apply_filter_policy(self.filter_policy, self.filters, filters)
        found = self.document_store.embedding_retrieval(query_embedding, filters=wanted, top_k=top_k or self.top_k)
        return {"documents": found}

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query_embedding: list[float], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Return the nearest documents, from a thread."""
        return await asyncio.to_thread(self.run, query_embedding, filters, top_k)


def _where(filters: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        return where_of(filters) if filters else None
    except BadInput as error:
        raise FilterError(str(error)) from error


def _stored(document: Document) -> dict[str, Any]:
    """Return a document's metadata, and beside it what is neither text nor embedding."""
    if _BARE in document.meta or _REST in document.meta:
        raise BadInput("a name in meta is one of privet's own", hint="rename the field")
    found = dict(document.meta)
    if document.embedding is None:
        found[_BARE] = True
    rest = {"blob": document.blob, "sparse": document.sparse_embedding}
    if any(each is not None for each in rest.values()):
        found[_REST] = {name: each.to_dict() for name, each in rest.items() if each is not None}
    return found


def _document(found: Record | Hit) -> Document:
    meta = dict(found.metadata or {})
    is_bare, rest = meta.pop(_BARE, False), meta.pop(_REST, {})
    embedding = found.vector.tolist() if isinstance(found, Record) and not is_bare else None
    return Document(
        id=found.id,
        content=found.document,
        meta=meta,
        embedding=embedding,
        score=found.score if isinstance(found, Hit) else None,
        blob=ByteStream.from_dict(rest["blob"]) if "blob" in rest else None,
        sparse_embedding=SparseEmbedding.from_dict(rest["sparse"]) if "sparse" in rest else None,
    )
