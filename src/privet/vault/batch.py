"""What a caller gives, looked at before anything is done; what is to be added is put into runs by subject."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from privet.errors import BadInput
from privet.vault.frames import Cold, Part

MAX_DIMENSIONS: Final = 65536
MAX_RUN_BYTES: Final = 1 << 30
"""AES-GCM of the library takes 2**31 - 1 bytes at once."""
_MAX_DEPTH: Final = 32


class Incoming(NamedTuple):
    """Records to be added, all columns of one length."""

    ids: list[str]
    vectors: NDArray[np.float32]
    cold: list[bytes]
    metadata: Sequence[Mapping[str, Any] | None]
    subjects: list[str | None]

    def __repr__(self) -> str:
        return f"Incoming({len(self.ids)} records)"


def incoming(
    ids: Sequence[str],
    vectors: NDArray[np.float32],
    documents: Sequence[str | None] | None,
    metadata: Sequence[Mapping[str, Any] | None] | None,
    subject: Sequence[str | None] | str | None,
) -> Incoming:
    """Return what was given as columns.

    Raises:
        BadInput: lengths differ, an id is empty or comes twice, a vector is not finite, a value cannot be stored.

    """
    names = checked_ids(ids)
    count = len(names)
    if not _are_names(names):
        raise BadInput("expected ids that are not empty and without lone surrogates", hint="give each record an id")
    # Subclasses of str, such as numpy's, are not stored as they are.
    names = [name if type(name) is str else str.__str__(name) for name in names]
    if len(set(names)) < count:
        raise BadInput("an id comes twice", hint="each record needs an id of its own")
    values = _vectors(vectors, count)
    texts = _column(documents, count, "documents")
    fields = _column(metadata, count, "metadata")
    subjects = [subject] * count if isinstance(subject, str) else _column(subject, count, "subjects")
    if not _are_names([name for name in subjects if name is not None]):
        raise BadInput("expected subjects that are texts (str), not empty and without lone surrogates, or None")
    if not all(each is None or (isinstance(each, Mapping) and _is_plain(each, 0)) for each in fields):
        raise BadInput(
            "expected metadata that are mappings of what JSON can hold, no NaN or infinity, names of fields as texts (str)",
            hint="convert other values first",
        )
    try:
        plain = [None if each is None else dict(each) for each in fields]
        encode = msgspec.msgpack.Encoder().encode
        cold = [encode(Cold(text, each)) for text, each in zip(texts, plain, strict=True)]
    except (TypeError, ValueError, OverflowError, RecursionError, UnicodeEncodeError) as error:
        raise BadInput(
            "a document or metadata cannot be stored", hint="documents are texts, metadata what JSON can hold"
        ) from error
    if any(text is not None and not isinstance(text, str) for text in texts):
        raise BadInput("expected documents that are texts (str), or None")
    return Incoming(names, values, cold, plain, subjects)


def checked_ids(ids: Iterable[str]) -> list[str]:
    """Return ids as a list.

    Raises:
        BadInput: they are no list, or one is no text.

    """
    if isinstance(ids, str):
        raise BadInput("expected a list of ids, found a single one", hint="put it in a list")
    try:
        names = list(ids)
    except TypeError:
        raise BadInput("expected a list of ids", hint="put ids in a list, also a single one") from None
    if not all(isinstance(name, str) for name in names):
        raise BadInput("expected ids that are texts (str)", hint="str(id) for numbers")
    return names


def checked_subject(subject: str) -> str:
    """Return a subject.

    Raises:
        BadInput: it is none that a record can have.

    """
    if not is_name(subject):
        raise BadInput(
            "expected a subject that is a text (str), not empty and without lone surrogates", hint="one in each call"
        )
    return subject


def checked_count(k: int) -> int:
    """Return how many records a search may find.

    Raises:
        BadInput: it is no whole number, or less than 1.

    """
    try:
        count = operator.index(k)
    except TypeError:
        count = 0
    if count < 1:
        raise BadInput("expected k of 1 or more", hint="give a whole number")
    return count


def _are_names(values: list[Any]) -> bool:
    if set(map(type, values)) == {str} and all(values) and "".join(values).isascii():
        return True
    return all(map(is_name, values))


def is_name(value: object) -> bool:
    """Tell whether an id, a subject or a tenant can be called so."""
    if not isinstance(value, str) or not value:
        return False
    # A lone surrogate has no bytes in UTF-8.
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_plain(value: object, depth: int) -> bool:
    """Tell whether JSON can hold a value."""
    if value is None or isinstance(value, (str, bool, int)):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if depth > _MAX_DEPTH:
        return False
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(each, depth + 1) for name, each in value.items())
    return isinstance(value, (list, tuple)) and all(_is_plain(each, depth + 1) for each in value)


def _vectors(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # looked for below
            values = np.ascontiguousarray(_real(vectors), dtype="<f4")
    except (TypeError, ValueError) as error:
        raise BadInput("expected vectors as an array of shape (n, dimensions), float32") from error
    if values.size == 0 and count == 0:
        return values.reshape(0, 0)
    if values.ndim == 2 and values.shape[1] > MAX_DIMENSIONS:
        raise BadInput(
            f"expected vectors of up to {MAX_DIMENSIONS:,} dimensions, found {values.shape[1]:,}",
            hint="embed with a model that has fewer",
        )
    if values.ndim != 2 or len(values) != count or not values.shape[1]:
        raise BadInput(
            f"expected vectors of shape ({count}, dimensions), found {'x'.join(map(str, values.shape))}",
            hint="one row for each id",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", values, values)
    if not np.isfinite(squares).all():
        raise BadInput(
            "a vector holds NaN or infinity, or is longer than float32 can say",
            hint="see what the embedding model gave",
        )
    return values


def _real(vectors: NDArray[np.float32]) -> NDArray[Any]:
    """Return vectors as an array, whose imaginary parts numpy would drop with a warning only."""
    values = np.asarray(vectors)
    if values.dtype.kind == "c":
        raise BadInput("expected vectors of real numbers, found complex ones", hint="see what the embedding model gave")
    return values


def checked_queries(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """Return the vectors of a search, shape (n, dimensions).

    Raises:
        BadInput: another shape, or a value that is not finite.

    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # looked for below
            queries = np.ascontiguousarray(_real(vectors), dtype=np.float32)
            total = float(np.add.reduce(queries, axis=None))
    except (TypeError, ValueError) as error:
        raise BadInput("expected queries as an array of shape (n, dimensions), float32") from error
    if queries.ndim != 2:
        raise BadInput("expected queries as an array of shape (n, dimensions)", hint="vector[None, :] for one")
    # With a value that is not finite the sum is none either; without one it may still be too large.
    if not (math.isfinite(total) or np.isfinite(queries).all()):
        raise BadInput(
            "expected queries that are finite, found NaN or infinity", hint="see what the embedding model gave"
        )
    if dimensions and queries.shape[1] != dimensions:
        raise BadInput(
            f"expected queries of {dimensions} dimensions, found {queries.shape[1]}",
            hint="embed them with the model of the records",
        )
    return queries


def _column(values: Sequence[Any] | None, count: int, name: str) -> list[Any]:
    if values is None:
        return [None] * count
    try:
        found = None if isinstance(values, (str, Mapping)) else list(values)
    except TypeError:
        found = None
    if found is None or len(found) != count:
        raise BadInput(
            f"expected {count} {name}, found another number", hint="one for each id, None where there is none"
        )
    return found


def parts_of(
    what: Incoming, numbers: Mapping[str, int], key_of: Callable[[int], bytes | None]
) -> tuple[list[Part], list[int]]:
    """Return the runs of records, those of nobody first, and which record stands where in them."""
    groups: dict[str | None, list[int]] = {}
    if len(set(what.subjects)) == 1:
        groups[what.subjects[0]] = list(range(len(what.ids)))
    else:
        for row, name in enumerate(what.subjects):
            groups.setdefault(name, []).append(row)
    parts, order = [], []
    for name in sorted(groups, key=lambda each: -1 if each is None else numbers[each]):
        rows = groups[name]
        number = None if name is None else numbers[name]
        key = None if number is None else key_of(number)
        ids, vectors, cold = what.ids, what.vectors, what.cold
        if len(groups) > 1:
            ids, vectors, cold = [ids[row] for row in rows], vectors[rows], [cold[row] for row in rows]
        if key is not None and vectors.nbytes + sum(map(len, cold)) > MAX_RUN_BYTES:
            raise BadInput("too many records of one subject for one write", hint="add them in parts")
        parts.append(Part(number, key, ids, memoryview(vectors.data).cast("B"), cold))
        order += rows
    return parts, order


class Joined:
    """Records that are written anew, the runs of one subject joined."""

    def __init__(self, key_of: Callable[[int], bytes | None]) -> None:
        self._key_of = key_of
        self.size = 0
        self._groups: dict[int | None, list[tuple[int, str, bytes, bytes]]] = {}

    def add(self, subject: int | None, number: int, record_id: str, vector: bytes, cold: bytes) -> None:
        """Take a record."""
        self._groups.setdefault(subject, []).append((number, record_id, vector, cold))
        self.size += len(vector) + len(cold)

    def taken(self) -> tuple[list[Part], list[tuple[int, int]]]:
        """Return the runs, and the numbers of their records as ranges; begin anew."""
        parts: list[Part] = []
        ranges: list[tuple[int, int]] = []
        for subject, records in sorted(self._groups.items(), key=lambda item: -1 if item[0] is None else item[0]):
            key = None if subject is None else self._key_of(subject)
            parts.append(
                Part(
                    subject, key, [each[1] for each in records], b"".join(each[2] for each in records),
                    [each[3] for each in records],
                )
            )  # fmt: skip
            for number, *_ in records:
                if ranges and number == sum(ranges[-1]):
                    ranges[-1] = (ranges[-1][0], ranges[-1][1] + 1)
                else:
                    ranges.append((number, 1))
        self._groups, self.size = {}, 0
        return parts, ranges
