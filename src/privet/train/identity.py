"""The name of a dataset in the ledger where nobody gave one: a keyed digest of its rows.

Invariants:

- The same rows have the same name in every process and in any order. Other rows, or the same after another preparation, have another.
- Without the key nobody can try what a small dataset may have held.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from privet.errors import BadInput

_HEX: Final = 32


def dataset_id(rows: Iterable[Any], key: bytes) -> str:
    """Return `data-` and 128 bits in hex. `key`: 32 secret bytes.

    Raises:
        BadInput: a row holds something whose content cannot be told.

    >>> dataset_id([{"text": "a", "n": 1}, {"text": "b", "n": 2}], bytes(32)) == dataset_id(
    ...     [{"n": 2, "text": "b"}, {"n": 1, "text": "a"}], bytes(32)
    ... )
    True
    """
    encoder = msgspec.msgpack.Encoder(enc_hook=_content, order="deterministic")
    try:
        digests = sorted(hashlib.blake2b(encoder.encode(row), key=key, digest_size=32).digest() for row in rows)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadInput(
            "a row of the dataset holds something that has no bytes of its own", hint="name the dataset: dataset_id"
        ) from error
    return "data-" + hashlib.blake2b(b"".join(digests), key=key, digest_size=32).hexdigest()[:_HEX]


def _content(value: Any) -> Any:
    """Return what tells a tensor, an array or a picture."""
    if hasattr(value, "detach"):  # a tensor, also of 16 bits, which arrays have not
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    if hasattr(value, "tobytes"):
        return [
            str(getattr(value, "dtype", "")),
            list(getattr(value, "shape", getattr(value, "size", ()))),
            value.tobytes(),
        ]
    raise TypeError
