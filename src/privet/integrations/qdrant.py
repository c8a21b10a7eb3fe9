"""Qdrant: a vault whose sealed records lie in a collection. Needs `qdrant-client`.

    with QdrantVault.open("https://qdrant.example.com:6333", "notes", keys="keys", api_key=secret) as vault:
        vault.add(ids, vectors, documents=texts, metadata=fields, subject=patients)

Invariants:

- A point has a keyed name, sealed bytes and keyed tokens. Without `obfuscated_search` the collection has no vectors at all.
- Qdrant has no transactions: new versions of rows are added beside the old ones, which go last. A write that was cut short is finished or
  undone at the next opening.
"""

from __future__ import annotations

import hashlib
import uuid
import warnings
from base64 import b64decode, b64encode
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from privet.errors import BadInput, Damaged, PrivetError, Unprotected
from privet.vault.key_source import KeySource, source_of
from privet.vault.obfuscation import ObfuscatedSearch
from privet.vault.remote import RemoteVault
from privet.vault.remote_opening import Wanted
from privet.vault.remote_state import RemoteState
from privet.vault.remote_table import HEADER_KEY, Groups, SealedRow, Version, damaged_header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qdrant_client import QdrantClient, models

_BATCH: Final = 500
_VECTOR: Final = "search"


class QdrantVault(RemoteVault):
    """A vault in a collection of Qdrant."""

    @classmethod
    def open(
        cls,
        client: QdrantClient | str,
        collection: str,
        keys: KeySource | Path | str,
        *,
        api_key: str | None = None,
        filter_fields: Sequence[str] | None = None,
        obfuscated_search: ObfuscatedSearch | None = None,
        accept_older: bool = False,
        read_only: bool = False,
    ) -> Self:
        """Open the vault of a collection, or make it where there is none.

        Args:
            client: a client, which stays open, or the address of a server.
            collection: its name.
            keys: a private folder for keys, made with mode 0700 on first use, or another `KeySource`. All processes that use the
                collection share it.
            api_key: for an address.
            filter_fields: metadata fields whose equality the database may see, through keyed tokens. Settled when the vault is made.
            obfuscated_search: search in the database over rotated vectors, which is no encryption; see `privet.vault.obfuscation`.
            accept_older: open rows that are older than what was written last. A forgotten subject stays forgotten.
            read_only: never write.

        Raises:
            BadInput: the database cannot be reached; the keys are not its keys; it was made in another way; there is nothing to read.
            Damaged: a row, the key table or the anchor is not what was written.
            RolledBack: rows are missing, or older than what was acknowledged.
            Unprotected: the key folder is not private, or the database refused a write.

        """
        source = source_of(keys)
        dimensions = None if obfuscated_search is None else obfuscated_search.dimensions
        points = QdrantTable(client, collection, dimensions, api_key)
        try:
            wanted = Wanted(None if filter_fields is None else tuple(filter_fields), obfuscated_search is not None)
            state = RemoteState(points, source, wanted, accept_older=accept_older, read_only=read_only)
            return cls(state, read_only=read_only, obfuscated=obfuscated_search)
        except BaseException:
            points.close()
            raise


class QdrantTable:
    """The collection, as `privet.vault.remote_table` has it."""

    def __init__(
        self, client: QdrantClient | str, collection: str, dimensions: int | None, api_key: str | None
    ) -> None:
        try:
            from qdrant_client import QdrantClient, models
        except ImportError as error:
            raise Unprotected("the library qdrant-client is missing", hint="pip install 'privet[qdrant]'") from error
        self._models = models
        self._collection = collection
        self._dimensions = dimensions
        self._is_own = isinstance(client, str)
        self._client = (
            QdrantClient(url=client, api_key=api_key, check_compatibility=False) if isinstance(client, str) else client
        )

    def __repr__(self) -> str:
        return "QdrantTable(...)"

    @property
    def name(self) -> str:
        """What it is called, for messages."""
        return f"collection {self._collection}"

    def header(self) -> bytes | None:
        """Return the header, None where there is no collection."""
        with self._asked("be reached"):
            if not self._client.collection_exists(self._collection):
                return None
            found = self._client.retrieve(self._collection, [_point(HEADER_KEY, 0)], with_payload=True)
            if found:
                return _header_of(found[0].payload, self.name)
            others, _ = self._client.scroll(self._collection, limit=1, with_payload=True)
            if any({"row", "generation", "hot"} <= (point.payload or {}).keys() for point in others):
                raise damaged_header(self.name, "is missing")
            if others:
                raise BadInput(f"the {self.name} is no vault", hint="name another one")
            return None

    def made(self, header: bytes) -> bytes:
        """Make the collection where it is missing, with this header; return the header that it has."""
        models = self._models
        sizes = {}
        if self._dimensions is not None:
            sizes[_VECTOR] = models.VectorParams(size=self._dimensions, distance=models.Distance.COSINE)
        with self._asked("be made"):
            if not self._client.collection_exists(self._collection):
                self._client.create_collection(self._collection, vectors_config=sizes)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # the client's local mode has no indexes, and says so
                    for field, kind in (("row", "keyword"), ("generation", "integer"), ("tokens", "keyword")):
                        self._client.create_payload_index(self._collection, field, models.PayloadSchemaType(kind))
            self._put_header(header)
        return self.header() or header

    def _put_header(self, header: bytes) -> None:
        point = self._models.PointStruct(id=_point(HEADER_KEY, 0), vector={}, payload={"hot": _text(header)})
        self._client.upsert(self._collection, [point], wait=True)

    def is_empty(self) -> bool:
        """Whether it has no row but the header."""
        with self._asked("be read"):
            return self._client.count(self._collection, exact=True).count <= 1

    def write(self, rows: Sequence[SealedRow], gone: Sequence[Version]) -> None:
        """Add rows, then remove versions of others."""
        models = self._models
        with self._asked("write"):
            for start in range(0, len(rows), _BATCH):
                points = [self._struct(row) for row in rows[start : start + _BATCH]]
                self._client.upsert(self._collection, points, wait=True)
            for start in range(0, len(gone), _BATCH):
                ids = [_point(*version) for version in gone[start : start + _BATCH]]
                self._client.delete(self._collection, models.PointIdsList(points=list(ids)), wait=True)

    def _struct(self, row: SealedRow) -> models.PointStruct:
        payload: dict[str, Any] = {
            "row": row.key.hex(),
            "generation": row.generation,
            "tokens": [token.hex() for token in row.tokens],
            "hot": _text(row.hot),
            "cold": _text(row.cold),
        }
        vector = {} if row.search is None else {_VECTOR: row.search.tolist()}
        return self._models.PointStruct(id=_point(row.key, row.generation), vector=vector, payload=payload)

    def settle(self) -> None:
        """Wait until a write of somebody who is gone is over: writes are done in their order, so this one comes after it."""
        header = self.header()
        if header is not None:
            with self._asked("write"):
                self._put_header(header)

    def changed(self, after: int) -> Generator[SealedRow]:
        """Yield the rows of later generations, without `cold`."""
        models = self._models
        later = models.FieldCondition(key="generation", range=models.Range(gt=after))
        yield from self._scrolled(models.Filter(must=[later]), ["row", "generation", "tokens", "hot"])

    def rows(self, keys: Sequence[bytes] | None) -> Generator[SealedRow]:
        """Yield whole rows: those of these names, or all."""
        models = self._models
        if keys is None:
            every = models.FieldCondition(key="generation", range=models.Range(gt=0))
            yield from self._scrolled(models.Filter(must=[every]), True)
            return
        for start in range(0, len(keys), _BATCH):
            names = [key.hex() for key in keys[start : start + _BATCH]]
            chosen = models.FieldCondition(key="row", match=models.MatchAny(any=names))
            yield from self._scrolled(models.Filter(must=[chosen]), True)

    def versions(self) -> Iterator[Version]:
        """Yield the versions of all rows."""
        models = self._models
        every = models.FieldCondition(key="generation", range=models.Range(gt=0))
        for row in self._scrolled(models.Filter(must=[every]), ["row", "generation"]):
            yield row.key, row.generation

    def matching(self, groups: Groups) -> set[bytes]:
        """Return the names of the rows that have the tokens."""
        if not all(groups):
            return set()
        return {row.key for row in self._scrolled(self._filter(groups), ["row", "generation"])}

    def nearest(self, query: NDArray[np.float32], k: int, groups: Groups) -> list[tuple[bytes, float]]:
        """Return names and cosines of the rows nearest to a rotated query, best first."""
        if not all(groups):
            return []
        with self._asked("be searched"):
            found = self._client.query_points(
                self._collection,
                query=query.tolist(),
                using=_VECTOR,
                query_filter=self._filter(groups),
                limit=k,
                with_payload=["row", "generation"],
            )
            return [(_opened(point.payload, self.name).key, point.score) for point in found.points]

    def close(self) -> None:
        """Let go of the connection, if it is its own."""
        if self._is_own:
            self._client.close()

    def _filter(self, groups: Groups) -> Any:
        models = self._models
        tests: list[Any] = [models.FieldCondition(key="generation", range=models.Range(gt=0))]
        for group in groups:
            names = models.MatchAny(any=[token.hex() for token in group])
            tests.append(models.FieldCondition(key="tokens", match=names))
        return models.Filter(must=tests)

    def _scrolled(self, wanted: models.Filter, fields: list[str] | bool) -> Generator[SealedRow]:
        place: Any = None
        while True:
            with self._asked("be read"):
                points, place = self._client.scroll(
                    self._collection,
                    scroll_filter=wanted,
                    limit=_BATCH,
                    offset=place,
                    with_payload=fields,
                    with_vectors=False,
                )
            for point in points:
                yield _opened(point.payload, self.name)
            if place is None:
                return

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Errors of the client become errors of this package, without what they quote."""
        try:
            yield
        except PrivetError:
            raise
        # The client has no error of its own above those of its two protocols and of its local mode.
        except Exception as error:
            kind = Unprotected if what == "write" else BadInput
            raise kind(
                f"the {self.name} could not {what} ({type(error).__name__})", hint="check the server, address and key"
            ) from error


def _point(key: bytes, generation: int) -> str:
    """Return the id of a version of a row."""
    digest = hashlib.sha256(key + generation.to_bytes(8, "big")).digest()
    return str(uuid.UUID(bytes=digest[:16]))


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()


def _header_of(payload: dict[str, Any] | None, name: str) -> bytes:
    try:
        return b64decode((payload or {})["hot"])
    except (KeyError, TypeError, ValueError) as error:
        raise damaged_header(name, "is not what was written") from error


def _opened(payload: dict[str, Any] | None, name: str) -> SealedRow:
    found = payload or {}
    try:
        tokens: Iterable[str] = found.get("tokens") or ()
        generation = int(found["generation"])
        if not 0 < generation < 1 << 63:
            raise ValueError(generation)
        return SealedRow(
            bytes.fromhex(found["row"]),
            generation,
            [bytes.fromhex(token) for token in tokens],
            b64decode(found.get("hot", "")),
            b64decode(found.get("cold", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"a point of the {name} is not what was written", hint="restore it from its backup") from error
