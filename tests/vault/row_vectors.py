"""Makes the test vectors of docs/formats/vault-rows.md, from fixed keys: `python tests/vault/row_vectors.py` prints them."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np

from privet.sealed import NONCE_BYTES
from privet.vault.frames import Cold
from privet.vault.layout import Scope, tenant_id
from privet.vault.remote_rows import RowSeals, _named, _padded
from privet.vault.remote_table import SealedRow
from privet.vault.remote_tokens import Tokens

SECRET, DATA_KEY, SUBJECT_KEY = (bytes([number]) * 32 for number in (1, 3, 4))
SCOPE = Scope(bytes(range(16)), tenant_id(SECRET, ""))
GENERATION = 5


class Keys:
    """A key table with one subject."""

    data_key = DATA_KEY

    def key_of(self, number: int) -> bytes | None:
        assert number == 0
        return SUBJECT_KEY


def row() -> SealedRow:
    """Return the row of the page."""
    seals = RowSeals(SCOPE, Keys(), "t")  # type: ignore[arg-type]
    key, tokens = seals.key_of("a"), Tokens(DATA_KEY, ["lang"]).of_record({"lang": "en"})
    vector = np.array([1, -0.5], dtype="<f4").tobytes()
    plain = (1).to_bytes(4, "big") + len(vector).to_bytes(4, "big") + b"a" + bytes(55) + vector
    cold = msgspec.msgpack.encode(Cold("one", {"n": 1}))
    cipher = seals._cipher(0, {})
    assert cipher is not None
    nonces = bytes(range(3 * NONCE_BYTES))
    named = _named(key, GENERATION)
    hot, tail = seals._sealed(cipher, 0, nonces, tokens, plain, _padded(cold), named)
    return SealedRow(key, GENERATION, tokens, hot, tail)


def vectors() -> str:
    """Return them as the document has them."""
    made = row()
    found = {
        "tenant id": SCOPE.tenant,
        "key": made.key,
        "token": made.tokens[0],
        "hot": made.hot,
        "cold, SHA-256": hashlib.sha256(made.cold).digest(),
        "what it adds to the sum": RowSeals(SCOPE, Keys(), "t").element(made),  # type: ignore[arg-type]
    }
    lines = (f"| {name} | `{value.hex()}` |" for name, value in found.items())
    return "\n".join(["| what | hex |", "|---|---|", *lines])


if __name__ == "__main__":
    print(vectors())  # noqa: T201 - what it is for
