"""LangChain: a vault as a `VectorStore`. Needs `langchain-core`.

    store = VaultVectorStore(embedding=LocalModel(), path="data", keys="keys")
    store.add_texts(["…"], [{"patient": "p-17"}], subject=["p-17"])
    store.as_retriever(search_kwargs={"k": 4, "filter": {"ward": "B"}})
    store.forget("p-17")

Invariants:

- What is added under an id that is there replaces it, text and subject too.
- `filter=` is a filter of the vault (docs/vault.md). Anything else is an error, never a filter that lets everything pass.
- Scores are cosines. Relevance is the cosine, 0 for what points away.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from privet.errors import BadInput
from privet.vault import Hit, KeySource, Vault
from privet.vault.embed import Embed


class EmbeddingsOf(Embeddings):
    """Any callable that takes texts and returns vectors, as LangChain's `Embeddings`."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text."""
        vectors: list[list[float]] = np.asarray(self._embed(texts), dtype=np.float32).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a text."""
        return self.embed_documents([text])[0]


class VaultVectorStore(VectorStore):
    """A vault behind LangChain's interface; a context manager, and to be closed.

    Args:
        embedding: LangChain's `Embeddings`, or any callable from texts to vectors, such as `privet.vault.embed.LocalModel()`.
        path: the data folder.
        keys: the private folder of keys, or a `KeySource`.
        subject_key: the metadata field that holds whose data a text is, for callers who cannot give `subject=`.
        tenant: whose records.
        read_only: read beside a writer.

    Raises:
        PrivetError: as `Vault.open` does.

    """

    def __init__(
        self,
        *,
        embedding: Embeddings | Embed,
        path: Path | str,
        keys: KeySource | Path | str,
        subject_key: str | None = None,
        tenant: str = "",
        read_only: bool = False,
    ) -> None:
        self._embedding = embedding if isinstance(embedding, Embeddings) else EmbeddingsOf(embedding)
        self._subject_key = subject_key
        self._vault = Vault.open(path, keys, tenant=tenant, read_only=read_only)

    def __repr__(self) -> str:
        return f"VaultVectorStore({len(self._vault)} records)"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the next writer in."""
        self._vault.close()

    @property
    def vault(self) -> Vault:
        """The vault itself: for `rotate`, `verify`, `compact`."""
        return self._vault

    @property
    def embeddings(self) -> Embeddings:
        """What makes vectors of texts."""
        return self._embedding

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | Embed,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        path: Path | str | None = None,
        keys: KeySource | Path | str | None = None,
        subject: Sequence[str | None] | str | None = None,
        **options: Any,
    ) -> Self:
        """Open a vault, or make one, and add texts; `path` and `keys` have to be given, options are those of the class."""
        if path is None or keys is None:
            raise BadInput("expected the folders of data and keys", hint="give path= and keys=")
        store = cls(embedding=embedding, path=path, keys=keys, **options)
        try:
            store.add_texts(texts, metadatas, ids=ids, subject=subject)
        except BaseException:
            store.close()
            raise
        return store

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        subject: Sequence[str | None] | str | None = None,
        **_options: Any,
    ) -> list[str]:
        """Embed and add texts, all or none; return their ids, made up where none are given.

        Args:
            texts: what to add.
            metadatas: a mapping for each.
            ids: an id for each; a record of the same id is replaced.
            subject: whose data each text is, or one for all. Without it the field `subject_key` of the metadata tells.

        Raises:
            ValueError: lengths differ.
            BadInput: an id comes twice, or a value cannot be stored.

        """
        contents = list(texts)
        fields = [dict(each) for each in metadatas] if metadatas else [{} for _ in contents]
        names = [name or str(uuid.uuid4()) for name in ids] if ids else [str(uuid.uuid4()) for _ in contents]
        if len(fields) != len(contents) or len(names) != len(contents):
            raise ValueError(f"expected {len(contents)} metadatas and ids, found {len(fields)} and {len(names)}")
        if not contents:
            return []
        vectors = np.asarray(self._embedding.embed_documents(contents), dtype=np.float32)
        owners = self._subjects(fields) if subject is None else subject
        self._vault.add(names, vectors, contents, fields, owners, replace=True)
        return names

    def _subjects(self, fields: list[dict[str, Any]]) -> list[str | None] | None:
        if self._subject_key is None:
            return None
        owners = (each.get(self._subject_key) for each in fields)
        return [None if owner is None else str(owner) for owner in owners]

    def delete(self, ids: list[str] | None = None, **_options: Any) -> bool:
        """Delete records of these ids; without ids, all of them. Ids of none are passed over."""
        self._vault.delete(self._vault.ids() if ids is None else ids)
        return True

    def forget(self, subject: str) -> int:
        """Destroy a subject's key and with it all of their records; see `Vault.forget`."""
        return self._vault.forget(subject)

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the documents that are there, in the order of their ids."""
        return [_document(record) for record in self._vault.get(list(ids)) if record is not None]

    def similarity_search(self, query: str, k: int = 4, **options: Any) -> list[Document]:
        """Return the nearest documents, best first; `filter=` says which may be found."""
        return [document for document, _ in self.similarity_search_with_score(query, k, **options)]

    def similarity_search_with_score(self, query: str, k: int = 4, **options: Any) -> list[tuple[Document, float]]:
        """Return the nearest documents with their cosines, from -1 to 1."""
        return self.similarity_search_with_score_by_vector(self._embedding.embed_query(query), k, **options)

    def similarity_search_by_vector(self, embedding: list[float], k: int = 4, **options: Any) -> list[Document]:
        """Return the documents nearest to a vector."""
        return [document for document, _ in self.similarity_search_with_score_by_vector(embedding, k, **options)]

    def similarity_search_with_score_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - LangChain's word
        **_options: Any,
    ) -> list[tuple[Document, float]]:
        """Return the documents nearest to a vector, with their cosines."""
        return [(_document(hit), hit.score) for hit in self._hits(embedding, k, filter)]

    def _hits(self, embedding: list[float], k: int, where: Mapping[str, Any] | None) -> list[Hit]:
        if where is not None and not isinstance(where, Mapping):
            raise BadInput(
                "expected a filter such as {'field': value}", hint="a function cannot be one: see docs/vault.md"
            )
        return self._vault.search(np.asarray([embedding], dtype=np.float32), k, where or None)[0]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda cosine: min(1.0, max(0.0, cosine))

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **options: Any
    ) -> list[Document]:
        """Return documents that are near to a text and unlike each other."""
        vector = self._embedding.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, **options)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - LangChain's word
        **_options: Any,
    ) -> list[Document]:
        """Return documents that are near to a vector and unlike each other: `k` of the `fetch_k` nearest.

        `lambda_mult` is 1 for nearness alone, and 0 for difference alone.
        """
        hits = self._hits(embedding, max(k, fetch_k), filter)
        # Between the two calls another thread may have deleted one.
        records = [record for record in self._vault.get([hit.id for hit in hits]) if record is not None]
        query = np.asarray(embedding, dtype=np.float32)
        vectors = [record.vector.tolist() for record in records]
        chosen = maximal_marginal_relevance(query, vectors, lambda_mult=lambda_mult, k=k)
        return [_document(records[row]) for row in chosen]


def _document(found: Any) -> Document:
    return Document(id=found.id, page_content=found.document or "", metadata=found.metadata or {})
